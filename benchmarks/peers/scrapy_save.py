# mypy: ignore-errors
# Scrapy is installed only in the environment that this script runs in.
"""Scrapy, which saves bodies: with 64 requests at once and all else turned off; or, with
`throttled`, as its users set it up for a host that refuses: AutoThrottle and the usual retries."""

import sys
from pathlib import Path

import scrapy
from scrapy.crawler import CrawlerProcess

COMMON = {"LOG_ENABLED": False, "TELNETCONSOLE_ENABLED": False}
FAST = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "DOWNLOAD_DELAY": 0,
    "RETRY_ENABLED": False,
    "COOKIES_ENABLED": False,
    "REDIRECT_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
}
THROTTLED = {"AUTOTHROTTLE_ENABLED": True, "ROBOTSTXT_OBEY": True}


class Saver(scrapy.Spider):
    name = "saver"

    async def start(self):
        for url in self.urls.read_text().split():
            yield scrapy.Request(url, dont_filter=True)

    def parse(self, response):
        (self.out / response.url.rpartition("/")[2]).write_bytes(response.body)


def main(urls: Path, out: Path, how: str = "fast") -> None:
    """Fetch all."""
    out.mkdir(parents=True)
    process = CrawlerProcess(COMMON | (FAST if how == "fast" else THROTTLED))
    process.crawl(Saver, urls=urls, out=out)
    process.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
