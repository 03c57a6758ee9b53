"""Pictures that lie on this machine, made gray by a process for each core; no host is asked."""

from importlib.resources import files
from pathlib import Path

import scraper

PICTURES = Path(str(files("scraper"))) / "demo" / "pictures"


def main() -> None:
    config = scraper.configure(grayscale=True, resize=0, dir="gray")
    with scraper.process(PICTURES, config) as outcomes:
        # What is there from an earlier call is not made again; it comes from the folder.
        for outcome in outcomes:
            name = Path(outcome.record["path"]).name
            for result in outcome.record.get("processed", []):
                print(name, result["mode"], result["width"], result["height"])
            if outcome.failure:
                print(name, outcome.reason)


if __name__ == "__main__":
    main()
