"""Thumbnails at paths that you choose: each future knows where its own goes."""

import concurrent.futures
import shutil
from pathlib import Path

import scraper
from scraper import demo

PATHS = {
    "/pictures/lake.jpg": Path("thumbs/water/lake.jpg"),
    "/pictures/dunes.jpg": Path("thumbs/land/dunes.jpg"),
    "/pictures/city.webp": Path("thumbs/land/city.jpg"),
}


def main() -> None:
    config = scraper.configure(resize=128, format="jpeg")
    with demo.serve() as site, scraper.Session(config) as session:
        targets = {
            session.submit(site.server.url(source)): target
            for source, target in PATHS.items()
        }
        for future in concurrent.futures.as_completed(targets):
            target = targets[future]
            outcome = future.result().raise_for_failure()
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(outcome.files[-1], target)
            (result,) = outcome.record["processed"]
            print(f"{target} {result['width']} x {result['height']}")


if __name__ == "__main__":
    main()
