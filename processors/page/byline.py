"""Who has written a page, and when. A page may say it in several ways: JSON-LD, meta elements,
microdata."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from selectolax.lexbor import LexborNode

from processors.page.dates import iso_date
from processors.page.json_ld import objects_of
from processors.page.metas import Metas
from processors.page.page import Page

MAX_LOOKED_AT: Final = 100  # of each source
MAX_AUTHOR_CHARS: Final = 1_000

_META_NAMES: Final = (
    "author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "citation_author",
    "parsely-author",
    "sailthru.author",
)
_SELECTORS: Final = (
    "[itemprop=author] [itemprop=name]",
    "[itemprop=author]",
    "a[rel~=author]",
)
_ADDRESS: Final = re.compile(r"(?:https?:)?//|@", re.IGNORECASE)

PUBLISHED: Final = (
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dc.date.created",
    "dcterms.issued",
    "dcterms.created",
    "dcterms.date",
    "pubdate",
    "publishdate",
    "publish-date",
    "publish_date",
    "parsely-pub-date",
    "sailthru.date",
    "citation_publication_date",
    "citation_date",
    "og:published_time",
)
MODIFIED: Final = (
    "article:modified_time",
    "datemodified",
    "og:updated_time",
    "last-modified",
    "dc.date.modified",
    "dcterms.modified",
    "revised",
    "lastmod",
)


class Said(NamedTuple):
    """The sources of one page, which are asked one after the other."""

    page: Page
    json_ld: Sequence[Any]
    metas: Metas

    def in_json_ld(self, name: str) -> Iterator[Any]:
        """What the objects of JSON-LD have by this name."""
        for each in objects_of(self.json_ld):
            if name in each:
                yield each[name]

    def in_metas(self, names: Iterable[str]) -> Iterator[Sequence[str]]:
        """What the meta elements of these names say, those of one name after the other."""
        for name in [each for each in names if each in self.metas]:
            yield self.metas[name][:MAX_LOOKED_AT]

    def in_elements(self, word: str, selector: str) -> list[LexborNode]:
        """The elements that a query finds; without `word` in its source a page has none."""
        if word not in self.page.text:
            return []
        return self.page.tree.css(selector)[:MAX_LOOKED_AT]


# -- who --------------------------------------------------------------------------------------


def author_of(said: Said) -> str | None:
    """Names, with commas between them, of the first of these sources that has any: JSON-LD, meta
    elements, microdata, a link of rel `author`."""
    for names in _sources(said):
        lines = (" ".join(name.split()) for name in names)
        found = dict.fromkeys(
            line for line in lines if line and not _ADDRESS.match(line)
        )
        if found:
            return ", ".join(found)[:MAX_AUTHOR_CHARS]
    return None


def _sources(said: Said) -> Iterator[Iterable[str]]:
    for value in said.in_json_ld("author"):
        yield _names_in(value)
    yield from said.in_metas(_META_NAMES)
    for selector in _SELECTORS:
        nodes = said.in_elements("author", selector)
        yield [node.attributes.get("content") or node.text() for node in nodes]


def _names_in(said: Any) -> list[str]:
    """Of what JSON-LD calls an author: text, an object with a name, or a list of them."""
    people = said if isinstance(said, list) else [said]
    names = (
        each.get("name") if isinstance(each, dict) else each
        for each in people[:MAX_LOOKED_AT]
    )
    return [name for name in names if isinstance(name, str)]


# -- when -------------------------------------------------------------------------------------


def published(said: Said) -> str | None:
    """The first date of these sources that can be read: JSON-LD, meta elements, microdata,
    `time` elements."""
    return _first_date(
        chain(_dates(said, "datePublished", PUBLISHED), _times(said))
    )


def modified(said: Said) -> str | None:
    """The same, but for `time` elements, which say what was published."""
    return _first_date(_dates(said, "dateModified", MODIFIED))


def _dates(said: Said, name: str, meta_names: Iterable[str]) -> Iterator[str]:
    """One source after the other: most pages need but the first."""
    for value in said.in_json_ld(name):
        if isinstance(value, str):
            yield value
    for values in said.in_metas(meta_names):
        yield from values
    for node in said.in_elements(name, f"[itemprop={name}]"):
        has = node.attributes
        yield has.get("datetime") or has.get("content") or node.text()


def _times(said: Said) -> Iterator[str]:
    for node in said.in_elements("datetime", "time[datetime]"):
        yield node.attributes.get("datetime") or ""


def _first_date(texts: Iterable[str]) -> str | None:
    return next(filter(None, map(iso_date, texts)), None)
