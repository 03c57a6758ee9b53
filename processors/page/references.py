"""References of a page as URLs: absolute, distinct, bounded."""

from collections.abc import Iterable, Sequence
from typing import Final

import can_ada
from selectolax.lexbor import LexborNode

MAX_URL_CHARS: Final = 65_536  # a longer one is never requested
MAX_URLS_CHARS: Final = 4_000_000  # of all links together, and of all images


def base_of(url: str, elements: Sequence[LexborNode]) -> can_ada.URL:
    """What the page's references are relative to: its first base element, else its own URL."""
    own = can_ada.parse(url)
    for reference in attributes_of(elements, "href")[:1]:
        try:
            base = own + reference
        except ValueError:
            break
        if (
            base.protocol not in ("data:", "javascript:")
            and len(str(base)) <= MAX_URL_CHARS
        ):
            return base
    return own


def absolute_urls(
    base: can_ada.URL, references: Iterable[str], limit: int
) -> tuple[list[str], bool]:
    """At most so many absolute http(s) URLs of these, distinct, and whether there are more.

    What cannot be joined is no link.
    """
    found: dict[str, None] = {}
    is_cut = False
    chars_left = MAX_URLS_CHARS
    for reference in dict.fromkeys(map(_without_fragment, references)):
        if reference is None:
            continue
        try:
            absolute = str(base + reference).partition("#")[0]
        except ValueError:
            continue  # it is no link, as said
        if absolute in found or not absolute.startswith(
            ("http://", "https://")
        ):
            continue
        chars_left -= min(len(absolute), MAX_URL_CHARS)
        if chars_left < 0 or len(found) == limit:
            return list(found), True
        if len(absolute) > MAX_URL_CHARS:
            is_cut = True
            continue
        found[absolute] = None
    return list(found), is_cut


def _without_fragment(reference: str) -> str | None:
    """Up to the `#`, so that what is distinct is joined once; None if nothing stands before it."""
    before, mark, _ = reference.partition("#")
    return None if mark and not before.strip() else before + mark


def attributes_of(nodes: Iterable[LexborNode], name: str) -> list[str]:
    """The values of an attribute, where it stands."""
    return [
        value for node in nodes if (value := node.attrs.get(name)) is not None
    ]
