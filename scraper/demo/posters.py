"""A small shop of posters: most of it works, the rest is what a scraper meets in a day.

A slow page, one that is overloaded at first, one that moved, one that is gone, one that robots.txt
forbids, a picture that is cut off.
"""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct

from scraper.demo.drawing import html

if TYPE_CHECKING:
    from scraper.faulty import Behaviour

SLOW_SECONDS = 0.6
RETRY_AFTER_SECONDS = 1

NOTE = """\
What to look at in the result:
  /                     index of the shop; every poster's page has its name and its price as data
  /lake                 its picture is 1600x1200, and is made smaller
  /lighthouse           its picture lies on its side, and is turned upright (EXIF orientation 6)
  /balloon              its picture is a PNG that stays transparent
  /fuji                 written in Shift_JIS: the name reads 富士山
  /aurora               takes 0.6 s; the others do not wait for it
  /city                 503, with Retry-After: 1; done at the second attempt
  /poster-of-the-month  moved to /dunes
  /catalogue.json       neither page nor picture: kept as it is
  /pictures/harbour.jpg failed: the file is cut off
  /sold-out             failed: 404
  /private/prices       skipped: robots.txt forbids it"""


class Poster(Struct, frozen=True):
    """One poster; its page is `/<slug>`."""

    slug: str
    name: str
    price: str
    picture: str
    words: str


POSTERS = (
    Poster(
        "lake",
        "Lake before sunrise",
        "34.00",
        "lake.jpg",
        "Still water, a sun in no hurry.",
    ),
    Poster(
        "dunes",
        "Caravan",
        "28.00",
        "dunes.jpg",
        "Four camels, in order of appearance.",
    ),
    Poster(
        "lighthouse",
        "Lighthouse",
        "26.50",
        "lighthouse.jpg",
        "Upright, whatever they say.",
    ),
    Poster(
        "balloon",
        "Balloon",
        "19.00",
        "balloon.png",
        "Comes without a sky: use your own.",
    ),
    Poster(
        "city", "City at night", "24.00", "city.webp", "Somebody is always up."
    ),
    Poster(
        "aurora", "Northern lights", "31.00", "aurora.jpg", "Worth waiting for."
    ),
    Poster("fuji", "富士山", "29.90", "fuji.jpg", "春の朝、雲の上の山。"),
    Poster(
        "harbour",
        "Harbour",
        "22.00",
        "harbour.jpg",
        "The lower half is under water.",
    ),
)
OTHERS = (
    "/poster-of-the-month",
    "/catalogue.json",
    "/sold-out",
    "/private/prices",
)
PATHS = ("/", *(f"/{poster.slug}" for poster in POSTERS), *OTHERS)


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there."""
    from scraper.faulty import (
        body,
        delay,
        page,
        redirect,
        retry_after,
        robots,
        status,
    )

    pages = {f"/{poster.slug}": page(_page_of(poster)) for poster in POSTERS}
    pictures = {
        f"/pictures/{p.picture}": body(*_picture(p.picture)) for p in POSTERS
    }
    fuji = next(poster for poster in POSTERS if poster.slug == "fuji")
    prices = {poster.slug: float(poster.price) for poster in POSTERS}
    return {
        "/": page(_index()),
        "/robots.txt": robots("User-agent: *\nDisallow: /private/\n"),
        **pages,
        **pictures,
        "/aurora": delay(SLOW_SECONDS, pages["/aurora"]),
        "/city": retry_after(RETRY_AFTER_SECONDS, 503, then=pages["/city"]),
        "/fuji": body(
            _page_of(fuji).encode("shift_jis"), "text/html; charset=Shift_JIS"
        ),
        "/poster-of-the-month": redirect("/dunes", 301),
        "/catalogue.json": body(
            json.dumps(prices).encode(), "application/json"
        ),
        "/sold-out": status(404),
        "/private/prices": page(html("Prices", "<p>What we paid for them.")),
    }


def _index() -> str:
    items = "".join(
        f'<li><a href="/{p.slug}">{escape(p.name)}</a></li>' for p in POSTERS
    )
    others = "".join(f'<li><a href="{path}">{path}</a></li>' for path in OTHERS)
    return html("Posters", f"<h1>Posters</h1><ul>{items}</ul><ul>{others}</ul>")


def _page_of(poster: Poster) -> str:
    name = escape(poster.name)
    return html(
        f"{poster.name} - Posters",
        f'<h1 class="name">{name}</h1>'
        f'<img src="/pictures/{poster.picture}" alt="{name}">'
        f'<p class="description">{escape(poster.words)}</p>'
        f'<p><data class="price" value="{poster.price}">{poster.price} EUR</data></p>'
        '<p><a href="/">All posters</a></p>',
    )


def _picture(name: str) -> tuple[bytes, str]:
    """The file and its type."""
    kind = name.rpartition(".")[2].replace("jpg", "jpeg")
    return files("scraper").joinpath(
        "demo", "pictures", name
    ).read_bytes(), f"image/{kind}"
