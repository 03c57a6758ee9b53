# mypy: ignore-errors
# Scrapy is installed only in the environment that this script runs in.
"""Scrapy with parsel: the six facts of each page as JSON lines; bodies are not saved."""

import json
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
VISIBLE = (
    "//body//text()[not(ancestor::script or ancestor::style or ancestor::noscript"
    " or ancestor::template)]"
)


def joined(response, references):
    """Absolute URLs; a reference that is none is left out."""
    urls = []
    for reference in references:
        try:
            urls.append(response.urljoin(reference.strip()))
        except ValueError:
            continue
    return urls


class Facts(scrapy.Spider):
    name = "facts"

    async def start(self):
        for url in self.urls.read_text().split():
            yield scrapy.Request(url, dont_filter=True)

    def parse(self, response):
        canonical = response.xpath("//link[@rel='canonical']/@href").get()
        text = " ".join(" ".join(response.xpath(VISIBLE).getall()).split())
        facts = {
            "url": response.url,
            "title": response.xpath("//title/text()").get(),
            "description": response.xpath(
                "//meta[@name='description']/@content"
            ).get(),
            "canonical": response.urljoin(canonical) if canonical else None,
            "links": joined(response, response.xpath("//a/@href").getall()),
            "images": joined(response, response.xpath("//img/@src").getall()),
            "text": text,
        }
        self.file.write(json.dumps(facts) + "\n")


def main(urls: Path, out: Path) -> None:
    """Fetch all, write pages.jsonl."""
    out.mkdir(parents=True)
    with (out / "pages.jsonl").open("w", encoding="utf-8") as file:
        process = CrawlerProcess(SETTINGS)
        process.crawl(Facts, urls=urls, file=file)
        process.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
