"""A shop of real pages, laid out with pagination: all its books come into a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from scraper.faulty import Behaviour, FaultyServer, page
from tests.conftest import Scrape

A_PAGE = 20
RECIPES = """
[[recipe]]
name = "catalogue"
match = "*/catalogue/page-*.html"
follow = "li.next a"
pages = "article.product_pod h3 a"

[[recipe]]
name = "books"
match = "*/catalogue/*/index.html"
fields.title = "h1"
fields.price = { select = ".price_color", type = "number", required = true }
"""


@pytest.fixture(scope="module")
def books(corpus: Path) -> dict[str, bytes]:
    """By its path, each book."""
    files = sorted((corpus / "pages").glob("book-*.html"))
    return {f"/catalogue/{f.stem}/index.html": f.read_bytes() for f in files}


@pytest.fixture
def shop(books: dict[str, bytes]) -> Iterator[FaultyServer]:
    pages: dict[str, Behaviour] = {
        path: page(body.decode()) for path, body in books.items()
    }
    every = list(books)
    parts = [every[n : n + A_PAGE] for n in range(0, len(every), A_PAGE)]
    for number, paths in enumerate(parts, 1):
        entries = "".join(
            f'<article class="product_pod"><h3><a href="{path}">x</a></h3></article>'
            for path in paths
        )
        onward = (
            f'<li class="next"><a href="page-{number + 1}.html">next</a></li>'
        )
        more = onward if number < len(parts) else ""
        pages[f"/catalogue/page-{number}.html"] = page(entries + more)
    with FaultyServer(pages) as server:
        yield server


def test_all_books_of_a_shop_come_into_a_table(
    shop: FaultyServer, books: dict[str, bytes], scrape: Scrape
) -> None:
    (scrape.folder / "books.toml").write_text(RECIPES)
    done = scrape.inside(
        shop.url("/catalogue/page-1.html"),
        *("--config", "books.toml", "--page-images", "none"),
        *("-o", "books.csv", "--fields", "title,price"),
    )
    assert done.code == 0, done.stderr
    table = (scrape.folder / "books.csv").read_text("utf-8-sig").splitlines()
    found = {
        (row["title"], row["price"])
        for row in csv.DictReader(table)
        if row["title"]
    }
    assert found == {_said_by(body.decode()) for body in books.values()}


def _said_by(text: str) -> tuple[str, str]:
    title = re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
    price = re.search(r'price_color">[^\d<]*([\d.]+)', text)
    assert title is not None
    assert price is not None
    return unescape(title[1]).strip(), str(float(price[1]))
