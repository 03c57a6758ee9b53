"""Which elements say what, in sitemaps, RSS and Atom.

A path is that below the entry, without the prefix that the entry itself has; of other prefixes
those count that everybody uses, or that stand for a known namespace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from scraper.sources.maps.markup import root_of

FORMATS: Final = ("sitemap", "feed")
MAX_TEXT_CHARS: Final = 1_000  # of what is no URL; more is left out
MAX_VALUES: Final = 1_000  # of one column: sitemaps may have so many pictures


class Field(Struct, frozen=True):
    """What an element gives to its entry."""

    column: str
    attribute: str = ""  # that holds it; "": the text of the element
    is_url: bool = False
    is_list: bool = False  # an entry may have several
    is_spare: bool = False  # it stands in for the URL where there is none


class Vocabulary(Struct, frozen=True):
    """The elements of one format."""

    format: str
    entries: frozenset[str]
    url: str  # the column of URLs
    fields: Mapping[str, Field]
    modified: str = ""  # the column that says when it was changed last
    # elements of one name that say different things: by which attribute, and what it is if absent
    told_apart: Mapping[str, tuple[str, str]] = MappingProxyType({})
    is_index: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """All that there are, that of the URL first."""
        named = (each.column for each in self.fields.values())
        return tuple(dict.fromkeys([self.url, *named]))

    @property
    def lists(self) -> frozenset[str]:
        """Columns with several values."""
        return frozenset(
            each.column for each in self.fields.values() if each.is_list
        )


PREFIXES: Final = {
    "http://www.google.com/schemas/sitemap-image/1.1": "image",
    "http://www.google.com/schemas/sitemap-video/1.1": "video",
    "http://www.google.com/schemas/sitemap-news/0.9": "news",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.w3.org/2005/Atom": "atom",
}

_MAP = {
    "loc": Field("loc", is_url=True),
    "lastmod": Field("lastmod"),
}
_SITEMAP: Final = Vocabulary(
    format="sitemap",
    entries=frozenset({"url"}),
    url="loc",
    modified="lastmod",
    fields={
        **_MAP,
        "changefreq": Field("changefreq"),
        "priority": Field("priority"),
        "image:image/image:loc": Field(
            "images",
            is_url=True,
            is_list=True,
        ),
        "video:video/video:content_loc": Field(
            "videos", is_url=True, is_list=True
        ),
        "news:news/news:title": Field("title"),
        "news:news/news:publication_date": Field("published"),
    },
)
_INDEX: Final = Vocabulary(
    format="sitemap",
    entries=frozenset({"sitemap"}),
    url="loc",
    fields=_MAP,
    is_index=True,
)
_ENCLOSURES = Field(
    "enclosures",
    "url",
    is_url=True,
    is_list=True,
)
_RSS: Final = Vocabulary(
    format="feed",
    entries=frozenset({"item"}),
    url="link",
    modified="updated",
    told_apart={"guid": ("isPermaLink", "true")},
    fields={
        "link": Field("link", is_url=True),
        "title": Field("title"),
        "pubDate": Field("published"),
        "dc:date": Field("published"),
        "atom:updated": Field("updated"),
        "dcterms:modified": Field("updated"),
        "guid[true]": Field("id", is_spare=True),
        "guid[false]": Field("id"),
        "author": Field("author"),
        "dc:creator": Field("author"),
        "category": Field("categories", is_list=True),
        "enclosure": _ENCLOSURES,
        "media:content": _ENCLOSURES,
        "media:group/media:content": _ENCLOSURES,
    },
)
_ATOM: Final = Vocabulary(
    format="feed",
    entries=frozenset({"entry"}),
    url="link",
    modified="updated",
    told_apart={"link": ("rel", "alternate")},
    fields={
        "link[alternate]": Field(
            "link",
            "href",
            is_url=True,
        ),
        "title": Field("title"),
        "published": Field("published"),
        "updated": Field("updated"),
        "id": Field("id"),
        "author/name": Field("author"),
        "category": Field(
            "categories",
            "term",
            is_list=True,
        ),
        "link[enclosure]": Field(
            "enclosures", "href", is_url=True, is_list=True
        ),
    },
)
# What JSON Feed calls the same.
JSON_FEED: Final = {
    "url": "link",
    "title": "title",
    "date_published": "published",
    "date_modified": "updated",
    "id": "id",
    "tags": "categories",
}
FEED: Final = _RSS

BY_ROOT: Final[Mapping[str, Vocabulary]] = {
    "urlset": _SITEMAP,
    "sitemapindex": _INDEX,
    "rss": _RSS,
    "RDF": _RSS,
    "feed": _ATOM,
}
COLUMNS: Final = frozenset(
    name for each in BY_ROOT.values() for name in each.columns
)


def vocabulary_of(root: str) -> Vocabulary | None:
    """That of a document whose first element this is; None if it is no list.

    >>> vocabulary_of("ns0:urlset").url, vocabulary_of("html")
    ('loc', None)
    """
    return BY_ROOT.get(root.rpartition(":")[2])


_JSON_FEED = re.compile(
    rb'\s*\{[^\0]{0,4000}?"version"\s*:\s*"https?:\\?/\\?/jsonfeed\.org\\?/version'
)
_BLANK: Final = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"


def format_in(head: bytes) -> str:
    """`sitemap` or `feed`, if a document begins so; else ""."""
    if _JSON_FEED.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "feed"
    found = vocabulary_of(root_of(head))
    return found.format if found else ""


def is_plain_text(head: bytes) -> bool:
    """Is it no markup at all? A sitemap may be one URL a line."""
    return not head.lstrip(_BLANK).startswith((b"<", b"{"))
