"""What a page or picture asks of robots beyond robots.txt: X-Robots-Tag and `<meta name=robots>`.

https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag lists the directives;
`noai` and `noimageai` are what sites add to keep content out of training sets. They are always
recorded, and obeyed if the configuration says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from scraper.errors import new_failure
from scraper.model import Failure, Headers, Kind

MAX_DIRECTIVES = 1_000  # of one answer: what follows is not read
MAX_DIRECTIVE_CHARS = 200  # no directive is longer
# A value may name the agent that it means: "otherbot: noindex".
_NAMED = re.compile(r"\s*([A-Za-z][\w-]*)\s*:\s*(.*)", re.DOTALL)
# A directive with a value of its own is no such name.
_WITH_VALUE = frozenset(
    {
        "max-snippet",
        "max-image-preview",
        "max-video-preview",
        "unavailable_after",
    }
)
_APPLIES_TO: dict[str, frozenset[str]] = {
    "noindex": frozenset({"page", "image", "file"}),
    "noai": frozenset({"page", "image", "file"}),
    "noimageindex": frozenset({"image"}),
    "noimageai": frozenset({"image"}),
}


def from_headers(headers: Headers, token: str) -> tuple[str, ...]:
    """The directives of all X-Robots-Tag headers that mean all agents, or the agent `token`."""
    directives: list[str] = []
    for name, value in headers:
        if name == "x-robots-tag":
            directives += parse_value(value, token)
    return tuple(islice(dict.fromkeys(directives), MAX_DIRECTIVES))


def parse_value(value: str, token: str) -> list[str]:
    """The directives of one value, in lower case; a name holds for those behind it.

    >>> parse_value("noindex, otherbot: noai, scraper: noimageai", "scraper")
    ['noindex', 'noimageai']
    """
    directives = []
    is_meant = True
    for part in value.split(","):
        named = _NAMED.match(part)
        if named and named[1].lower() not in _WITH_VALUE:
            is_meant = named[1].lower() in (token, "robots")
            part = named[2]
        directive = part.strip().lower()
        if is_meant and 0 < len(directive) <= MAX_DIRECTIVE_CHARS:
            directives.append(directive)
    return directives


def refusal_of(
    directives: Iterable[str],
    obeyed: Iterable[str],
    kind: Kind,
) -> Failure | None:
    """Why something of this kind with these directives is not kept; None if it may be."""
    found = set(directives)
    if "none" in found:  # noindex, nofollow
        found.add("noindex")
    for directive in obeyed:
        if directive in found and kind in _APPLIES_TO.get(directive, ()):
            return new_failure("robots_directive", f"the page says {directive}")
    return None


def forbids_images(directives: Iterable[str], obeyed: Iterable[str]) -> bool:
    """Does a page with these directives forbid to take the images that it names?"""
    return refusal_of(directives, obeyed, "image") is not None
