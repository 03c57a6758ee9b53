"""The first hundred characters of each page, in the order of the list: `executor.map`."""

import scraper
from scraper import demo


def main() -> None:
    with demo.serve() as site, scraper.Session(save_only=True) as session:
        paths = ["/lake", "/sold-out", "/fuji"]
        urls = [site.server.url(path) for path in paths]
        for outcome in session.map(urls):  # one that fails ends nothing
            if outcome.failure:
                print(outcome.reason)
            else:
                print(" ".join(outcome.text[:100].split()))


if __name__ == "__main__":
    main()
