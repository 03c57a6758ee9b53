"""What a page or picture asks of robots beyond robots.txt: X-Robots-Tag and `<meta name=robots>`.

https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag gives the words;
`noai` and `noimageai` are what sites add to keep content out of training sets. They are always
recorded, and obeyed if the configuration says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from scraper.model import Headers, Kind

MAX_DIRECTIVES = 1_000  # of one answer: what follows is not read
MAX_DIRECTIVE_CHARS = 200  # no directive is longer
# A value may name whom it means: "otherbot: noindex". A word with a value is no name.
_NAMED = re.compile(r"\s*([A-Za-z][\w-]*)\s*:\s*(.*)", re.DOTALL)
_WITH_VALUE = frozenset({"max-snippet", "max-image-preview", "max-video-preview",
                         "unavailable_after"})  # fmt: skip
# Which words speak of which kind of content.
_APPLIES_TO: dict[str, frozenset[str]] = {
    "noindex": frozenset({"page", "image", "file"}),
    "noai": frozenset({"page", "image", "file"}),
    "noimageindex": frozenset({"image"}),
    "noimageai": frozenset({"image"}),
}


def from_headers(headers: Headers, token: str) -> tuple[str, ...]:
    """The words of all X-Robots-Tag headers that mean everybody, or the agent `token`."""
    words: list[str] = []
    for name, value in headers:
        if name == "x-robots-tag":
            words += parse_value(value, token)
    return tuple(islice(dict.fromkeys(words), MAX_DIRECTIVES))


def parse_value(value: str, token: str) -> list[str]:
    """The words of one value, in lower case; a name holds for the words behind it.

    >>> parse_value("noindex, otherbot: noai, scraper: noimageai", "scraper")
    ['noindex', 'noimageai']
    """
    words = []
    meant = True
    for part in value.split(","):
        named = _NAMED.match(part)
        if named and named[1].lower() not in _WITH_VALUE:
            meant = named[1].lower() in (token, "robots")
            part = named[2]
        word = part.strip().lower()
        if meant and 0 < len(word) <= MAX_DIRECTIVE_CHARS:
            words.append(word)
    return words


def forbids(words: Iterable[str], obeyed: Iterable[str], kind: Kind) -> str | None:
    """The obeyed word that forbids to keep something of this kind; None if none does."""
    found = frozenset(words)
    if "none" in found:  # noindex, nofollow
        found |= {"noindex"}
    return next((w for w in obeyed if w in found and kind in _APPLIES_TO.get(w, ())), None)


def forbids_images(words: Iterable[str], obeyed: Iterable[str]) -> bool:
    """Does a page with these words forbid to take the images that it names?"""
    return forbids(words, obeyed, "image") is not None
