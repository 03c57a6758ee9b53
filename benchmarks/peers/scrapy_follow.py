# mypy: ignore-errors
# Scrapy is installed only in the environment that this script runs in.
"""A CrawlSpider over one host: six facts of each page as JSON lines; bodies are not saved."""

import json
import re
import sys
from pathlib import Path

from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule
from scrapy_pages import VISIBLE, joined

SETTINGS = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "DOWNLOAD_DELAY": 0,
    "LOG_ENABLED": False,
    "COOKIES_ENABLED": False,
    "ROBOTSTXT_OBEY": True,
    "TELNETCONSOLE_ENABLED": False,
}


def follow_only(links):
    """Without those of rel=nofollow."""
    return [link for link in links if not link.nofollow]


class Follower(CrawlSpider):
    name = "follower"

    def __init__(self, urls, file):
        self.start_urls = urls.read_text().split()
        host = re.escape(self.start_urls[0].split("/")[2])
        links = LinkExtractor(
            allow=f"^http://{host}/",
            tags=("a", "area", "iframe", "frame"),
            attrs=("href", "src"),
            deny_extensions=(),
        )
        rule = Rule(
            links,
            callback="facts_of",
            follow=True,
            process_links=follow_only,
        )
        self.rules = (rule,)
        self.file = file
        super().__init__()

    def parse_start_url(self, response):
        return self.facts_of(response)

    def facts_of(self, response):
        if not hasattr(response, "xpath"):
            return
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
    """Follow all, write pages.jsonl."""
    out.mkdir(parents=True)
    with (out / "pages.jsonl").open("w", encoding="utf-8") as file:
        process = CrawlerProcess(SETTINGS)
        process.crawl(Follower, urls=urls, file=file)
        process.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
