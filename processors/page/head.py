"""What a page says of itself in its head: title, description, canonical, language, robots."""

from collections.abc import Iterable, Sequence
from typing import Final

import can_ada
from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page.metas import contents_of
from processors.page.references import absolute_urls, references_of
from processors.page.visible_text import collapse_spaces

MAX_WORDS_CHARS: Final = 10_000  # of title, description, language, robots_meta
TITLES_LOOKED_AT: Final = 10  # each costs a walk up to the root


def truncate(text: str | None, limit: int) -> tuple[str | None, bool]:
    """The beginning of a text, and whether that is not all of it."""
    if text is None or len(text) <= limit:
        return text, False
    return text[:limit], True


def canonical_of(
    elements: Iterable[LexborNode], base: can_ada.URL
) -> str | None:
    meant = (
        node
        for node in elements
        if "canonical" in (node.attrs.get("rel") or "").lower().split()
    )
    urls, _ = absolute_urls(base, references_of(meant, "href"), 1)
    return next(iter(urls), None)


def title_of(elements: Sequence[LexborNode]) -> str | None:
    for node in elements[:TITLES_LOOKED_AT]:
        above = node.parent
        while above is not None and above.tag != "svg":
            above = above.parent
        if above is None:
            return collapse_spaces(node.text())
    return None


def description_of(elements: Iterable[LexborNode]) -> str | None:
    contents = map(collapse_spaces, contents_of(elements, "description"))
    return next(filter(None, contents), None)


def language_of(tree: LexborHTMLParser) -> str | None:
    root = tree.css_first("html")
    if root is None:
        return None
    return collapse_spaces(root.attrs.get("lang")) or collapse_spaces(
        root.attrs.get("xml:lang")
    )


def robots_words(elements: Iterable[LexborNode]) -> tuple[list[str], bool]:
    """The words of `<meta name=robots>`, in lower case; and whether there are more of them."""
    values = contents_of(elements, "robots")
    text, is_cut = truncate(",".join(values), MAX_WORDS_CHARS)
    words = (word.strip().lower() for word in (text or "").split(","))
    return [word for word in words if word], is_cut
