"""Where a page leads: its links, as URLs or with what they say; feeds and other forms of it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

import can_ada
from selectolax.lexbor import LexborNode

from processors.page.references import (
    absolute_urls,
    references_of,
    without_fragment,
)

MAX_REL_CHARS: Final = 200
MAX_ALTERNATES: Final = 1_000
MAX_WORD_CHARS: Final = 300

_FEEDS: Final = frozenset(
    (
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
        "application/feed+json",
    )
)

_Link = dict[str, Any]


def link_urls(
    base: can_ada.URL, elements: Iterable[LexborNode], limit: int
) -> tuple[list[str], bool]:
    """The URLs of links, and whether there are more."""
    urls, is_cut = absolute_urls(base, references_of(elements, "href"), limit)
    return list(urls), is_cut


def links_of(
    base: can_ada.URL,
    elements: Iterable[LexborNode],
    texts: Mapping[int, str],
    limit: int,
) -> tuple[list[_Link], bool]:
    """Each URL with text and `rel` of the first link to it that has a text, else of the first.

    `texts` has by their `mem_id` what links say.
    """
    by_reference: dict[str, _Link] = {}
    for node in elements:
        reference = without_fragment(node.attrs.get("href"))
        if reference is None:
            continue
        link = _link_of(node, texts)
        by_reference[reference] = _better(by_reference.get(reference), link)
    urls, is_cut = absolute_urls(base, by_reference, limit)
    links = []
    for url, references in urls.items():
        link = reduce(_better, [by_reference[each] for each in references])
        link["url"] = url
        links.append(link)
    return links, is_cut


def _link_of(node: LexborNode, texts: Mapping[int, str]) -> _Link:
    rel = (node.attrs.get("rel") or "")[:MAX_REL_CHARS].lower().split()
    return {"url": "", "text": texts.get(node.mem_id, ""), "rel": rel}


def _better(known: _Link | None, link: _Link) -> _Link:
    return known if known and (known["text"] or not link["text"]) else link


# -- alternates --------------------------------------------------------------------------------


def alternates_of(
    base: can_ada.URL, links: Sequence[LexborNode]
) -> tuple[list[_Link], list[_Link], bool]:
    """Feeds and other alternates among the link elements, and whether there are more of them."""
    feeds: list[_Link] = []
    others: list[_Link] = []
    for node in links:
        said = node.attributes
        rel = (said.get("rel") or "")[:MAX_WORD_CHARS].lower().split()
        if "alternate" not in rel or "stylesheet" in rel:
            continue
        if len(feeds) + len(others) == MAX_ALTERNATES:
            return feeds, others, True
        url = _joined(base, said.get("href"))
        if url is None:
            continue
        link = {
            "url": url,
            "type": _word(said.get("type"), is_lower=True),
            "title": _word(said.get("title")),
            "hreflang": _word(said.get("hreflang")),
        }
        (feeds if link["type"] in _FEEDS else others).append(link)
    return feeds, others, False


def _joined(base: can_ada.URL, href: str | None) -> str | None:
    reference = without_fragment(href)
    if reference is None:
        return None
    urls, _ = absolute_urls(base, [reference], 1)
    return next(iter(urls), None)


def _word(text: str | None, *, is_lower: bool = False) -> str | None:
    words = " ".join((text or "").split())[:MAX_WORD_CHARS]
    return (words.lower() if is_lower else words) or None
