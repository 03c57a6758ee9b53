"""Where a page leads: its links, as URLs or with what they say."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import can_ada
from selectolax.lexbor import LexborNode

from processors.page.references import (
    absolute_urls,
    references_of,
    without_fragment,
)
from processors.page.visible_text import collapse_spaces

MAX_TEXT_CHARS: Final = 300  # of one link
MAX_REL_CHARS: Final = 200
MAX_TEXTS_CHARS: Final = 4_000_000  # looked at, of all links together


def link_urls(
    base: can_ada.URL, elements: Iterable[LexborNode], limit: int
) -> tuple[list[str], bool]:
    """The URLs of links, and whether there are more."""
    urls, is_cut = absolute_urls(base, references_of(elements, "href"), limit)
    return list(urls), is_cut


def links_of(
    base: can_ada.URL, elements: Iterable[LexborNode], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Each URL with text and `rel` of the first link to it that has a text, else of the first."""
    by_reference = _by_reference(elements)
    urls, is_cut = absolute_urls(base, by_reference, limit)
    texts = _Texts()
    links = []
    for url, references in urls.items():
        same = [node for name in references for node in by_reference[name]]
        node, text = texts.first_that_says(same)
        rel = (node.attrs.get("rel") or "")[:MAX_REL_CHARS].lower().split()
        links.append({"url": url, "text": text, "rel": rel})
    return links, is_cut


def _by_reference(
    elements: Iterable[LexborNode],
) -> dict[str, list[LexborNode]]:
    found: dict[str, list[LexborNode]] = {}
    for node in elements:
        reference = without_fragment(node.attrs.get("href"))
        if reference is not None:
            found.setdefault(reference, []).append(node)
    return found


class _Texts:
    """What links say. They may stand in each other: all of them together are bounded."""

    def __init__(self) -> None:
        self._chars_left = MAX_TEXTS_CHARS

    def first_that_says(
        self, nodes: Sequence[LexborNode]
    ) -> tuple[LexborNode, str]:
        """The first of these that has a text, and the text; else the first."""
        for node in nodes:
            text = self._text_of(node)
            if text:
                return node, text
        return nodes[0], ""

    def _text_of(self, node: LexborNode) -> str:
        if self._chars_left < 0:
            return ""
        said = node.text()
        self._chars_left -= len(said)
        return (collapse_spaces(said) or "")[:MAX_TEXT_CHARS]
