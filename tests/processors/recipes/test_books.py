"""A whole job: pages of a shop, beside a table that was written by reading them."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any

import pytest

from processors.page import Page
from processors.recipes import Extracted, Fill, compile_recipes
from tests.conftest import PROJECT

PAGES = PROJECT.parent / "shared" / "corpus" / "pages"
TABLE = Path(__file__).with_name("books.csv")
RECIPES = compile_recipes(
    tomllib.loads(
        """
[[recipe]]
name = "books"
match = "*/catalogue/*"
fields.title = { select = ".product_main h1", required = true }
fields.price = { select = ".product_main .price_color", type = "number", required = true }
fields.stock = { select = ".product_main .availability", type = "integer" }
fields.facts = { select = ".product_page table", type = "table" }
fields.way = { select = ".breadcrumb a", list = true }
fields.image = { select = "#product_gallery img", type = "url" }

[recipe.fields.stars]
select = ".product_main .star-rating@class"
regex = "star-rating (\\\\w+)"
map = { One = 1, Two = 2, Three = 3, Four = 4, Five = 5 }
type = "integer"

[[recipe]]
name = "others"
each = ".product_pod"
fields.title = "h3 a@title"
fields.link = { select = "h3 a", type = "url" }
fields.price = { select = ".price_color", type = "number" }
"""
    )["recipe"]
)

pytestmark = pytest.mark.skipif(
    not PAGES.is_dir(), reason="no ../shared/corpus here"
)


def extracted(name: str) -> Extracted:
    url = f"https://books.toscrape.com/catalogue/{name}/index.html"
    body = (PAGES / name).read_bytes()
    found = RECIPES.apply(Page(url, body, "utf-8"), url)
    assert found is not None
    return found


def expected() -> list[dict[str, Any]]:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("book", expected(), ids=lambda book: book["page"])
def test_a_book_is_what_the_table_says(book: dict[str, Any]) -> None:
    found = extracted(book["page"]).fields
    assert found["title"] == book["title"]
    assert found["price"] == float(book["price"])
    assert found["stars"] == int(book["stars"])
    assert found["stock"] == int(book["stock"])


def test_the_table_has_forty_books() -> None:
    assert len({book["page"] for book in expected()}) == 40


def test_every_page_fills_every_field() -> None:
    names = [path.name for path in PAGES.glob("book-*.html")]
    assert len(names) == 67
    for name in names:
        books, others = extracted(name).fill
        assert books == Fill("books", 1, dict.fromkeys(books.filled, 1))
        assert len(books.filled) == 7
        assert [*others.filled.values()] == [others.of] * 3


def test_what_else_the_shop_says() -> None:
    found = extracted("book-4.html")
    assert found.fields["facts"][:3] == [
        ["UPC", "6957f44c3847a760"],
        ["Product Type", "Books"],
        ["Price (excl. tax)", "£50.10"],
    ]
    assert found.fields["way"] == ["Home", "Books", "Fiction"]
    shop = "https://books.toscrape.com"
    assert found.fields["image"] == (
        f"{shop}/media/cache/ee/cf/eecfe998905e455df12064dba399c075.jpg"
    )
    assert found.items == [
        {
            "title": "Tipping the Velvet",
            "link": f"{shop}/catalogue/tipping-the-velvet_999/index.html",
            "price": 53.74,
        },
        {
            "title": "A Light in the Attic",
            "link": f"{shop}/catalogue/a-light-in-the-attic_1000/index.html",
            "price": 51.77,
        },
    ]
