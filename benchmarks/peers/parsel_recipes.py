# mypy: ignore-errors
# parsel is installed only in the environment that this script runs in.
"""parsel: the fields of own_recipes.py, as its documentation shows how to write them.

For each line on standard input it reads all pages once and answers with the seconds of CPU.
"""

import json
import re
import sys
import time
from pathlib import Path
from urllib.parse import urljoin

from parsel import Selector

URL = "https://example.org/catalogue/it/index.html"
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def number(text):
    """The first number of a text."""
    found = text and NUMBER.search(text)
    if not found:
        return None
    return float(found[0]) if "." in found[0] else int(found[0])


def clean(texts):
    """Texts on one line."""
    return " ".join(" ".join(texts).split()) or None


def page(selector):
    """The fields of a page."""
    main = selector.css(".product_main")
    return {
        "title": clean(main.css("h1::text").getall()),
        "price": number(main.css(".price_color::text").get()),
        "stock": number(clean(main.css(".availability::text").getall())),
        "stars": main.css(".star-rating::attr(class)").re_first(
            r"star-rating (\w+)"
        ),
        "image": urljoin(
            URL, selector.css("#product_gallery img::attr(src)").get()
        ),
        "about": clean(selector.css("#product_description + p::text").getall()),
        "way": selector.css(".breadcrumb a::text").getall(),
    }


def items(selector):
    """The fields of each item of a page."""
    return [
        {
            "title": item.css("h3 a::attr(title)").get(),
            "link": urljoin(URL, item.css("h3 a::attr(href)").get()),
            "price": number(item.css(".price_color::text").get()),
            "stock": clean(item.css(".availability::text").getall()),
        }
        for item in selector.css(".product_pod")
    ]


def main(case: str, folder: Path, *options: str) -> None:
    """Answer each line with what all pages took."""
    read = {"page": page, "items": items}[case]
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    if options:
        found = [
            read(Selector(text=body.decode(), type="html")) for body in bodies
        ]
        print(json.dumps(found))
        return
    for _ in sys.stdin:
        began = time.process_time()
        for body in bodies:
            read(Selector(text=body.decode("utf-8", "replace"), type="html"))
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
