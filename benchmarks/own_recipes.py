"""Our turn in `recipes`: a script, run with the checkout that is measured on Python's path.

For each line on standard input it reads all pages of a folder once and answers with the seconds of
CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from processors.page import Page
from processors.recipes import compile_recipes

URL = "https://example.org/catalogue/it/index.html"
RECIPES: dict[str, Any] = {
    "page": {
        "fields": {
            "title": ".product_main h1",
            "price": {
                "select": ".product_main .price_color",
                "type": "number",
            },
            "stock": {
                "select": ".product_main .availability",
                "type": "integer",
            },
            "stars": {
                "select": ".product_main .star-rating@class",
                "regex": r"star-rating (\w+)",
            },
            "image": {"select": "#product_gallery img", "type": "url"},
            "about": "#product_description + p",
            "way": {"select": ".breadcrumb a", "list": True},
        }
    },
    "items": {
        "each": ".product_pod",
        "fields": {
            "title": "h3 a@title",
            "link": {"select": "h3 a", "type": "url"},
            "price": {"select": ".price_color", "type": "number"},
            "stock": ".availability",
        },
    },
}


def main() -> None:
    """Answer each line with what all pages took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=RECIPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    recipes = compile_recipes([RECIPES[given.case]])
    bodies = [path.read_bytes() for path in sorted(given.folder.iterdir())]
    if given.show:
        found = [
            recipes.apply(Page(URL, body, "utf-8"), URL) for body in bodies
        ]
        print(
            json.dumps([each and (each.items or each.fields) for each in found])
        )
        return
    for _ in sys.stdin:
        began = time.process_time()
        for body in bodies:
            recipes.apply(Page(URL, body, "utf-8"), URL)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main()
