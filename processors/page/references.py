"""References of a page as URLs: absolute, distinct, bounded."""

from collections.abc import Iterable, Iterator, Sequence
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
) -> tuple[dict[str, list[str]], bool]:
    """At most so many absolute http(s) URLs, each with those of these references that mean it, and
    whether there are more.

    References are without fragments. What cannot be joined is no link.
    """
    found: dict[str, list[str]] = {}
    is_cut = False
    chars_left = MAX_URLS_CHARS
    for reference in dict.fromkeys(references):
        try:
            absolute = str(base + reference)
        except ValueError:
            continue  # it is no link, as said
        if "#" in absolute:
            absolute = absolute.partition("#")[0]
        if absolute in found:
            found[absolute].append(reference)
            continue
        if not absolute.startswith(("http://", "https://")):
            continue
        chars_left -= min(len(absolute), MAX_URL_CHARS)
        if chars_left < 0 or len(found) == limit:
            return found, True
        if len(absolute) > MAX_URL_CHARS:
            is_cut = True
            continue
        found[absolute] = [reference]
    return found, is_cut


def references_of(nodes: Iterable[LexborNode], name: str) -> Iterator[str]:
    """The references in an attribute, without fragments; what has nothing else names no URL."""
    for node in nodes:
        reference = node.attrs.get(name)
        if reference is not None and "#" in reference:
            reference = without_fragment(reference)
        if reference is not None:
            yield reference


def without_fragment(reference: str | None) -> str | None:
    """Up to the `#`, so that what is distinct is joined once; None if nothing stands before it."""
    if reference is None:
        return None
    before, mark, _ = reference.partition("#")
    return None if mark and not before.strip() else before + mark


def attributes_of(nodes: Iterable[LexborNode], name: str) -> list[str]:
    """The values of an attribute, where it stands."""
    return [
        value for node in nodes if (value := node.attrs.get(name)) is not None
    ]
