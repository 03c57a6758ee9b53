# mypy: ignore-errors
# Scrapy is installed only in the environment that this script runs in.
"""Scrapy, 64 requests at once, bodies saved, all else turned off."""

import sys
from pathlib import Path

import scrapy
from scrapy.crawler import CrawlerProcess

SETTINGS = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "DOWNLOAD_DELAY": 0,
    "LOG_ENABLED": False,
    "RETRY_ENABLED": False,
    "COOKIES_ENABLED": False,
    "REDIRECT_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "TELNETCONSOLE_ENABLED": False,
}


class Saver(scrapy.Spider):
    name = "saver"

    async def start(self):
        for url in self.urls.read_text().split():
            yield scrapy.Request(url, dont_filter=True)

    def parse(self, response):
        (self.out / response.url.rpartition("/")[2]).write_bytes(response.body)


def main(urls: Path, out: Path) -> None:
    """Fetch all."""
    out.mkdir(parents=True)
    process = CrawlerProcess(SETTINGS)
    process.crawl(Saver, urls=urls, out=out)
    process.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
