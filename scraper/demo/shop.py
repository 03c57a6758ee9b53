"""A shop of inks: a catalogue of three pages, a page an ink, and all of it as JSON."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from msgspec import Struct

from scraper.demo.drawing import html, json_ld, picture_of

if TYPE_CHECKING:
    from scraper.faulty import Behaviour

A_PAGE = 8
MAX_STARS = 5
# name, colour, price in pounds, stars, bottles left, dries in seconds
_STOCK_LIST = """
Harbour Blue     | #1f4e79 |  6.50 | 4 | 12 | 20
Bottle Green     | #1e4d2b |  6.50 | 5 |  7 | 20
Oxblood          | #5c1a1b |  7.20 | 5 |  3 | 25
Lamp Black       | #1c1b1f |  5.90 | 4 | 40 | 15
Walnut           | #4b3621 |  6.20 | 4 |  9 | 20
Damson           | #3f2a47 |  7.20 | 3 |  0 | 30
Teal Quay        | #0f5e63 |  6.80 | 4 | 11 | 20
Brick Lane       | #8c3b2a |  6.20 | 3 |  6 | 20
Slate            | #47525d |  5.90 | 4 | 15 | 15
Moss             | #5b6236 |  6.20 | 3 |  5 | 20
Sea Fog          | #8a9ba8 |  8.40 | 5 |  2 | 25
Burnt Orange     | #b5541c |  6.80 | 4 |  8 | 25
Marigold         | #d69a1e |  7.90 | 4 |  4 | 30
Rosehip          | #a1233a |  6.80 | 5 | 10 | 20
Heather          | #7a5c86 |  7.90 | 4 |  6 | 25
Midnight         | #14213d |  6.50 | 5 | 21 | 20
Copper Beech     | #6a3230 |  7.20 | 4 |  0 | 25
Kingfisher       | #0a7ea4 |  8.40 | 5 |  5 | 20
Olive Press      | #6b6b23 |  6.20 | 2 | 13 | 20
Peat             | #3a2d27 |  5.90 | 3 | 17 | 15
Foxglove         | #9c4f80 |  7.90 | 4 |  7 | 30
Pewter           | #6d7178 |  6.20 | 3 |  9 | 15
Gilt Edge        | #b08d3c | 24.00 | 5 |  1 | 60
The Whole Shelf  | #2b3a4a | 1,240.00 | 5 | 2 | 20
"""


class Ink(Struct, frozen=True):
    """One ink; its page is `/shop/inks/<slug>`."""

    name: str
    colour: str
    price: str  # as it is written
    stars: int
    stock: int
    seconds: int
    number: int

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def path(self) -> str:
        return f"/shop/inks/{self.slug}"

    @property
    def picture(self) -> str:
        return f"/shop/swatches/{self.slug}.png"

    @property
    def pounds(self) -> float:
        return float(self.price.replace(",", ""))

    @property
    def sku(self) -> str:
        return f"INK-{self.number:03}"

    @property
    def stock_words(self) -> str:
        return f"In stock ({self.stock})" if self.stock else "Sold out"


def _read_stock_list() -> tuple[Ink, ...]:
    inks = []
    for number, line in enumerate(_STOCK_LIST.strip().splitlines(), 1):
        name, colour, price, *counts = map(str.strip, line.split("|"))
        stars, stock, seconds = map(int, counts)
        ink = Ink(name, colour, price, stars, stock, seconds, number)
        inks.append(ink)
    return tuple(inks)


INKS = _read_stock_list()
_PAGES = tuple(
    INKS[first : first + A_PAGE] for first in range(0, len(INKS), A_PAGE)
)
CATALOGUE = (
    "/shop/",
    *(f"/shop/page-{number}" for number in range(2, len(_PAGES) + 1)),
)
INK_PAGES = tuple(ink.path for ink in INKS)
API = ("/api/products.json",)


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there."""
    from scraper.faulty import body, page

    catalogue = {
        path: page(_catalogue_page(number))
        for number, path in enumerate(CATALOGUE)
    }
    inks = {ink.path: page(_page_of(ink)) for ink in INKS}
    swatches = {ink.picture: picture_of(ink.colour) for ink in INKS}
    api = body(json.dumps(_as_json()).encode(), "application/json")
    return {**catalogue, **inks, **swatches, API[0]: api}


def _catalogue_page(number: int) -> str:
    others = "".join(
        f'<a href="{path}">{n}</a> ' for n, path in enumerate(CATALOGUE, 1)
    )
    for following in CATALOGUE[number + 1 : number + 2]:
        others += f'<a class="next" rel="next" href="{following}">next</a>'
    return html(
        f"Inks, page {number + 1} - The Inkwell",
        '<h1>Inks</h1><div class="products">'
        f"{''.join(map(_entry_of, _PAGES[number]))}</div>"
        f'<nav class="pages">{others}</nav>',
        language="en-GB",
    )


def _entry_of(ink: Ink) -> str:
    name = escape(ink.name)
    return (
        f'<article class="product" data-sku="{ink.sku}">'
        f'<a href="{ink.path}"><img src="{ink.picture}" alt="{name}"></a>'
        f'<h3><a href="{ink.path}">{name}</a></h3>'
        f'<p class="price">£{ink.price}</p>{_stars(ink)}'
        f'<p class="stock">{ink.stock_words}</p></article>'
    )


def _stars(ink: Ink) -> str:
    drawn = "★" * ink.stars + "☆" * (MAX_STARS - ink.stars)
    return f'<p class="stars" title="{ink.stars} of {MAX_STARS}">{drawn}</p>'


def _page_of(ink: Ink) -> str:
    name = escape(ink.name)
    facts = {
        "Article": ink.sku,
        "Bottle": "50 ml",
        "Dries in": f"{ink.seconds} s",
        "Colour": ink.colour,
    }
    rows = "".join(
        f"<tr><th>{name}</th><td>{fact}</td></tr>"
        for name, fact in facts.items()
    )
    return html(
        f"{ink.name} - The Inkwell",
        '<nav class="breadcrumb"><a href="/shop/">Inks</a> › '
        f"<span>{name}</span></nav><h1>{name}</h1>"
        f'<img src="{ink.picture}" alt="{name}">'
        f'<p class="price">£{ink.price}</p>{_stars(ink)}'
        f'<p class="stock">{ink.stock_words}</p>'
        f'<table class="facts">{rows}</table>',
        language="en-GB",
        head=json_ld(_product_of(ink)),
    )


def _product_of(ink: Ink) -> dict[str, object]:
    available = "InStock" if ink.stock else "OutOfStock"
    return {
        "@type": "Product",
        "name": ink.name,
        "sku": ink.sku,
        "image": ink.picture,
        "offers": {
            "@type": "Offer",
            "price": f"{ink.pounds:.2f}",
            "priceCurrency": "GBP",
            "availability": f"https://schema.org/{available}",
        },
    }


def _as_json() -> dict[str, object]:
    return {
        "currency": "GBP",
        "products": [
            {
                "sku": ink.sku,
                "name": ink.name,
                "price": ink.pounds,
                "stock": ink.stock,
            }
            for ink in INKS
        ],
    }
