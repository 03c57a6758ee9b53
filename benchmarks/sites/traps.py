"""A site without end: its real pages are few, and each trap shows some of them under any number of
URLs, or nothing under as many.

What a path shows is a function of the path, `shown`, so that what was asked can be counted apart
from whoever asks: real pages, and requests in all.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from benchmarks.sites.drafts import WORDS
from scraper.faulty import page, redirect, robots, status
from scraper.faulty.server import Exchange

MONTHS = 24  # that have events
FIRST_YEAR = 2026
TOPICS, ITEMS, CHAPTERS, PRODUCTS = 60, 40, 60, 120
PRODUCTS_A_PAGE = 10
FACETS = {
    "colour": ("red", "green", "blue", "black", "white", "grey"),
    "size": ("xs", "s", "m", "l", "xl", "xxl"),
    "brand": ("acme", "basil", "corvo", "dune", "elm", "fir"),
    "price": ("0-10", "10-20", "20-50", "50-100", "100-200", "200-500"),
    "rating": ("1", "2", "3", "4", "5", "none"),
}
FRONTS = (
    "/articles/",
    "/forum/",
    "/catalogue/",
    "/docs/",
    "/mirror/",
    "/shop/",
    f"/calendar/{FIRST_YEAR}/01/",
    "/count?n=1",
    "/next?n=1",
)
SORTS = ("title", "date", "author", "length")
SESSION = re.compile(r"/catalogue/\(S\(\w+\)\)/")


class Shown(NamedTuple):
    """What is to be seen at a path: the name of a real page, or "" for what is none."""

    real: str
    text: str
    links: tuple[str, ...] = ()  # as they stand in the page
    moved_to: str = ""


class Counted(NamedTuple):
    """Of requests: by section all of them, and the real pages that they have brought."""

    asked: Counter[str]
    found: Counter[str]
    lost: frozenset[str]  # real pages that were not asked


@dataclass
class TrapSite:
    """Answers for any path."""

    articles: int = 300
    sessions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def real(self) -> frozenset[str]:
        """The names of all real pages."""
        names = ["/", "/articles/", "/forum/", "/catalogue/", "/docs/"]
        names += [f"/articles/{n}.html" for n in range(self.articles)]
        names += [f"/forum/{n}" for n in range(TOPICS)]
        names += [f"/catalogue/{n}" for n in range(ITEMS)]
        names += [f"/docs/{n}.html" for n in range(CHAPTERS)]
        names += [f"/shop/{n}" for n in range(PRODUCTS)]
        lists = range(1, PRODUCTS // PRODUCTS_A_PAGE + 1)
        names += [f"/shop/?page={n}" for n in lists]
        names += [_month(n) for n in range(MONTHS)]
        names += [f"{_month(n)}event" for n in range(MONTHS)]
        return frozenset(names)

    def __call__(self, exchange: Exchange) -> None:
        path = exchange.seen.path
        shown = self.shown(path)
        if path == "/robots.txt":
            robots("User-agent: *\nDisallow:")(exchange)
        elif shown is None:
            status(404)(exchange)
        elif shown.moved_to:
            redirect(shown.moved_to)(exchange)
        else:
            page(_html(shown))(exchange)

    def counted(self, paths: Iterable[str]) -> Counted:
        """What these requests came to, of robots.txt apart."""
        asked: Counter[str] = Counter()
        found: dict[str, str] = {}  # real pages, by their sections
        for path in paths:
            section = section_of(path)
            asked[section] += path != "/robots.txt"
            shown = self.shown(path)
            if shown is not None and shown.real:
                found[shown.real] = section
        return Counted(asked, Counter(found.values()), self.real - found.keys())

    def shown(self, path: str) -> Shown | None:
        """What is there; None if nothing is."""
        bare, _, query = path.partition("?")
        if path == "/":
            return _real("/", list(FRONTS))
        for beginning, show in _SECTIONS.items():
            if bare.startswith(beginning):
                return show(self, bare, query)
        return None


def section_of(path: str) -> str:
    """The first word of a path."""
    return path.partition("?")[0].split("/")[1]


def _real(name: str, links: list[str]) -> Shown:
    """A real page with a text of its own."""
    return Shown(name, _text(name), tuple(links))


def _text(name: str) -> str:
    return " ".join(random.Random(name).choices(WORDS.split(), k=80))


def _html(shown: Shown) -> str:
    links = "".join(
        f'<li><a href="{link.replace("&", "&amp;")}">on</a>'
        for link in shown.links
    )
    title = f"<title>{shown.real or 'Nothing'}</title>"
    return f"<!doctype html>{title}<p>{shown.text}<ul>{links}</ul>"


def _number(text: str, end: int) -> int | None:
    """A number below the end, as it stands in a path."""
    is_one = text.isdecimal() and int(text) < end
    return int(text) if is_one else None


# -- what changes nothing but the URL: for printing, in another order -----------------------------


def _articles(site: TrapSite, path: str, query: str) -> Shown | None:
    """Each article can be printed; the list can be put in any order."""
    if path == "/articles/":
        names = [f"{n}.html" for n in range(site.articles)]
        orders = [
            f"?sort={sort}&dir={way}"
            for sort in SORTS
            for way in ("asc", "desc")
        ]
        return _real(path, [*names, *orders])
    name = path.removeprefix("/articles/").removesuffix(".html")
    number = _number(name, site.articles)
    if number is None:
        return None
    links = [f"{(number + step) % site.articles}.html" for step in (1, 7)]
    return _real(path, [*links, *([] if query else ["?print=1"])])


# -- session ids ----------------------------------------------------------------------------------


def _forum(site: TrapSite, path: str, query: str) -> Shown | None:
    """In the query: another one in each answer."""
    name = path.removeprefix("/forum/")
    if name and _number(name, TOPICS) is None:
        return None
    session = next(site.sessions)
    links = [f"/forum/{n}?sid={session:08x}" for n in range(TOPICS)]
    return _real(path, links)


def _catalogue(site: TrapSite, path: str, query: str) -> Shown | None:
    """In the path, as ASP.NET writes them: another one in each answer."""
    name = SESSION.sub("/catalogue/", path)
    item = name.removeprefix("/catalogue/")
    if item and _number(item, ITEMS) is None:
        return None
    session = next(site.sessions)
    links = [f"/catalogue/(S({session:08x}))/{n}" for n in range(ITEMS)]
    return _real(name, links)


# -- mirrored folders -----------------------------------------------------------------------------


def _docs(site: TrapSite, path: str, query: str) -> Shown | None:
    """A folder `latest` that is the folder in which it stands, again and again."""
    name = re.sub(r"/docs/(latest/)+", "/docs/", path)
    if name == "/docs/":
        chapters = [f"{n}.html" for n in range(CHAPTERS)]
        return _real(name, [*chapters, "latest/"])
    chapter = name.removeprefix("/docs/").removesuffix(".html")
    number = _number(chapter, CHAPTERS)
    if number is None:
        return None
    return _real(name, [f"{(number + 1) % CHAPTERS}.html", "./", "latest/"])


def _mirror(site: TrapSite, path: str, query: str) -> Shown | None:
    """The same bodies once more."""
    return _docs(site, path.replace("/mirror/", "/docs/", 1), query)


# -- facets ---------------------------------------------------------------------------------------


def _shop(site: TrapSite, path: str, query: str) -> Shown | None:
    """Products on pages, and any choice of five facets, in the order of the clicks."""
    if path != "/shop/":
        number = _number(path.removeprefix("/shop/"), PRODUCTS)
        return None if number is None else _real(path, ["/shop/"])
    chosen = {name: values[0] for name, values in parse_qs(query).items()}
    page_number = int(chosen.pop("page", "1"))
    chosen = {name: each for name, each in chosen.items() if name in FACETS}
    facets = [
        f"/shop/?{urlencode(chosen | {name: value})}"
        for name, values in FACETS.items()
        for value in values
        if chosen.get(name) != value
    ]
    if chosen:
        return Shown("", _text("Products"), tuple(_matching(chosen) + facets))
    first = (page_number - 1) * PRODUCTS_A_PAGE
    products = [f"/shop/{n}" for n in range(first, first + PRODUCTS_A_PAGE)]
    if not 0 <= first < PRODUCTS:
        return None
    lists = [
        f"/shop/?page={n}" for n in range(2, PRODUCTS // PRODUCTS_A_PAGE + 1)
    ]
    return _real(f"/shop/?page={page_number}", products + lists + facets)


def _matching(chosen: dict[str, str]) -> list[str]:
    """The products that have what is chosen."""
    places = [
        (list(FACETS).index(name), FACETS[name].index(value))
        for name, value in chosen.items()
    ]
    return [
        f"/shop/{n}"
        for n in range(PRODUCTS)
        if all((n + 7 * facet) // (facet + 1) % 6 == at for facet, at in places)
    ]


# -- without end ----------------------------------------------------------------------------------


def _month(number: int) -> str:
    year, month = divmod(number, 12)
    return f"/calendar/{FIRST_YEAR + year}/{month + 1:02}/"


def _calendar(site: TrapSite, path: str, query: str) -> Shown | None:
    """Two years with events, and all the others without any."""
    matched = re.fullmatch(r"/calendar/(\d{1,9})/(\d\d)/(event)?", path)
    if matched is None:
        return None
    number = (int(matched[1]) - FIRST_YEAR) * 12 + int(matched[2]) - 1
    is_real = 0 <= number < MONTHS
    if matched[3]:
        return _real(path, ["./"]) if is_real else None
    around = [_month(number + step) for step in (1, -1, 12)]
    if is_real:
        return _real(path, ["event", *around])
    return Shown(
        "", f"Nothing is on in {matched[1]}-{matched[2]}.", tuple(around)
    )


def _count(site: TrapSite, path: str, query: str) -> Shown | None:
    """Each redirects to the next."""
    return Shown("", "", (), f"/count?n={_last_number(query) + 1}")


def _next(site: TrapSite, path: str, query: str) -> Shown | None:
    """Each leads to the next."""
    return Shown("", "And so on.", (f"/next?n={_last_number(query) + 1}",))


def _last_number(query: str) -> int:
    return int("0" + query.rpartition("=")[2])


_SECTIONS: dict[str, Callable[[TrapSite, str, str], Shown | None]] = {
    "/articles": _articles,
    "/forum": _forum,
    "/catalogue": _catalogue,
    "/docs": _docs,
    "/mirror": _mirror,
    "/shop": _shop,
    "/calendar": _calendar,
    "/count": _count,
    "/next": _next,
}
