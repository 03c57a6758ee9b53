"""Each picture in 200x200, as `processed_<name>`: fetched by threads, resized by processes."""

import shutil
from pathlib import Path

import scraper
from scraper import demo


def main() -> None:
    # "stretch" is what resize((200, 200)) of Pillow does; without it the proportions stay.
    config = scraper.configure(resize="200x200", resize_mode="stretch")
    with demo.serve() as site, scraper.Session(config) as session:
        names = ["lake.jpg", "dunes.jpg", "balloon.png", "harbour.jpg"]
        urls = [site.server.url(f"/pictures/{name}") for name in names]
        for name, outcome in zip(names, session.map(urls), strict=True):
            if outcome.failure:
                print(f"{name}: {outcome.failure.label}")
                continue
            target = Path(f"processed_{name}")
            shutil.copyfile(outcome.files[-1], target)
            (result,) = outcome.record["processed"]
            print(f"{target}: {result['width']} x {result['height']}")


if __name__ == "__main__":
    main()
