"""Pictures as objects of Pillow. No file of yours is written; what is large waits in a temporary
one, and goes when its outcome does."""

import scraper
from scraper import demo


def main() -> None:
    with demo.serve() as site, scraper.Session(save_only=True) as session:
        names = ["lake.jpg", "balloon.png", "city.webp", "harbour.jpg"]
        urls = [site.server.url(f"/pictures/{name}") for name in names]
        for name, outcome in zip(names, session.map(urls), strict=True):
            try:
                picture = outcome.raise_for_failure().image()
            except (scraper.Failed, scraper.Unreadable) as error:
                print(name, "is none:", str(error).partition(": ")[2])
            else:
                print(name, picture.format, picture.mode, *picture.size)


if __name__ == "__main__":
    main()
