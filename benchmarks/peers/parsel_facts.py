# mypy: ignore-errors
# parsel is installed only in the environment that this script runs in.
"""parsel: the six facts of each page of a folder, by the selectors of scrapy_pages.py.

For each line on standard input it reads all pages once and answers with the seconds of CPU.
"""

import sys
import time
from pathlib import Path
from urllib.parse import urljoin

from parsel import Selector

URL = "https://example.org/where/it/was.html"
VISIBLE = (
    "//body//text()[not(ancestor::script or ancestor::style or ancestor::noscript"
    " or ancestor::template)]"
)


def joined(references):
    """Absolute URLs; a reference that is none is left out."""
    urls = []
    for reference in references:
        try:
            urls.append(urljoin(URL, reference.strip()))
        except ValueError:
            continue
    return urls


def facts_of(body):
    """The six facts of a page."""
    page = Selector(text=body.decode("utf-8", "replace"), type="html")
    canonical = page.xpath("//link[@rel='canonical']/@href").get()
    return {
        "title": page.xpath("//title/text()").get(),
        "description": page.xpath("//meta[@name='description']/@content").get(),
        "canonical": urljoin(URL, canonical) if canonical else None,
        "links": joined(page.xpath("//a/@href").getall()),
        "images": joined(page.xpath("//img/@src").getall()),
        "text": " ".join(" ".join(page.xpath(VISIBLE).getall()).split()),
    }


def main(folder: Path) -> None:
    """Answer each line with what all pages took."""
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    for _ in sys.stdin:
        began = time.process_time()
        for body in bodies:
            facts_of(body)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
