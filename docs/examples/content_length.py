"""How long sites are. What comes is counted: a header may be missing, or wrong."""

import scraper
from scraper import demo


def main() -> None:
    with demo.serve() as site, scraper.Session(save_only=True) as session:
        paths = ["/lake", "/dunes", "/pictures/lake.jpg"]
        urls = [site.server.url(path) for path in paths]
        for outcome in session.map(urls):
            record = outcome.record
            received = f"{record['bytes']:,} bytes"
            print(f"{record['status']} {received:>14} {outcome.url}")


if __name__ == "__main__":
    main()
