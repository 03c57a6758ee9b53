"""Small sites on 127.0.0.1, to scrape without a request to any other server.

    with serve() as demo:
        ...  # scrape demo.urls, with html = "scraper.demo:product"
        print(demo.note)

The posters are the first of them: most of it works, the rest is what a scraper meets in a day.
The others are well-behaved pages, of the kinds that recipes are written for. `product` is the
example of a function of one's own for pages.

posters     a small shop of posters, with failures on purpose
shop        a catalogue of inks, a page an ink, and the same as JSON
news        articles of a newspaper
maps        its sitemap, and its feed
harbour     a timetable with a real table; a gallery
calendar    events that say in JSON-LD what they are; the programme of a conference
drawing     pages and pictures, drawn in code
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from scraper.errors import UsageError

if TYPE_CHECKING:
    from processors.page import Page
    from scraper.faulty import Behaviour, FaultyServer

POSTERS = "posters"  # the site that is meant if none is named
SITES = (
    POSTERS,
    "shop",
    "catalogue",
    "inks",
    "news",
    "timetable",
    "gallery",
    "programme",
    "events",
    "api",
)


class Demo(Struct, frozen=True):
    """The sites while they are served: what to scrape, and what to look at afterwards."""

    urls: list[str]
    note: str
    server: FaultyServer


def product(page: Page) -> dict[str, object]:
    """Name and price of a poster; nothing for a page that is not about one."""
    name = page.soup.select_one("h1.name")
    price = page.soup.select_one("data.price")
    if name is None or price is None:
        return {}
    return {
        "name": name.get_text(strip=True),
        "price": float(str(price["value"])),
    }


def check_name(name: str) -> None:
    """Raises UsageError if there is no site of that name."""
    if name not in SITES:
        raise UsageError(
            f"no demo site is called {name}: there are {', '.join(SITES)}; "
            "a list of yours goes without --demo"
        )


@contextmanager
def serve(name: str = POSTERS) -> Iterator[Demo]:
    """The sites on a free port of 127.0.0.1, to scrape the one of that name."""
    from scraper.demo.posters import NOTE
    from scraper.faulty import FaultyServer

    with FaultyServer(site()) as server:
        note = NOTE if name == POSTERS else ""
        yield Demo(urls(server, name), note, server)


def urls(server: FaultyServer, name: str = POSTERS) -> list[str]:
    """The list to scrape; the pictures are found on the pages."""
    return [server.url(path) for path in _lists()[name]]


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there."""
    from scraper.demo import calendar, harbour, maps, news, posters, shop

    return {
        **posters.site(),
        **shop.site(),
        **news.site(),
        **maps.site(),
        **harbour.site(),
        **calendar.site(),
    }


def _lists() -> Mapping[str, tuple[str, ...]]:
    """Of each site the paths to scrape."""
    from scraper.demo import calendar, harbour, news, posters, shop

    lists = (
        posters.PATHS,
        shop.CATALOGUE,
        shop.CATALOGUE[:1],
        shop.INK_PAGES,
        news.PATHS,
        harbour.TIMETABLE,
        harbour.GALLERY,
        calendar.PROGRAMME,
        calendar.EVENTS,
        shop.API,
    )
    return dict(zip(SITES, lists, strict=True))
