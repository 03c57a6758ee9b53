"""Load pages at once and say how large each is, as they end: `future_to_url`."""

import concurrent.futures

import scraper
from scraper import demo


def main() -> None:
    # The time is that of each try; with retries=0 there is one, as with requests.
    with demo.serve() as site, scraper.Session(timeout="10s") as session:
        paths = ["/lake", "/dunes", "/fuji", "/sold-out"]
        urls = [site.server.url(path) for path in paths]
        future_to_url = {session.submit(url): url for url in urls}
        for future in concurrent.futures.as_completed(future_to_url):
            url = future_to_url[future]
            outcome = future.result()  # never raises for what a host does
            if outcome.failure:
                print(url, "failed:", outcome.reason)
            else:
                print(url, "is", len(outcome.body), "bytes long")


if __name__ == "__main__":
    main()
