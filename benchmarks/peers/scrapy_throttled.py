# mypy: ignore-errors
# Scrapy is installed only in the environment that this script runs in.
"""Scrapy as its users set it up for a host that refuses: AutoThrottle and the usual retries."""

import sys
from pathlib import Path

import scrapy
from scrapy.crawler import CrawlerProcess

SETTINGS = {
    "AUTOTHROTTLE_ENABLED": True,
    "LOG_ENABLED": False,
    "ROBOTSTXT_OBEY": True,
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
