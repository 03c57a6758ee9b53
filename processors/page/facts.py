"""What a page says: facts that every page has."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import can_ada
from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page.byline import Said, author_of, modified, published
from processors.page.head import (
    MAX_WORDS_CHARS,
    canonical_of,
    description_of,
    language_of,
    robots_words,
    title_of,
    truncate,
)
from processors.page.json_ld import flatten, read_json_ld
from processors.page.links import alternates_of, link_urls, links_of
from processors.page.metas import open_graph, read_metas, twitter_card
from processors.page.page import Page
from processors.page.references import absolute_urls, base_of, references_of
from processors.page.refresh import refresh_of
from processors.page.visible_text import NONE, TELLING, Seen, read_visible

# All that the facts are made of: a query walks the whole tree, 85 us on a page of 96 kB.
_NOTED: Final = ("a", "area", "base", "img", "link", "meta", "title")
_NOTED_FOR_FULL: Final = (*_NOTED, "script")

MAX_TEXT_CHARS: Final = 10_000_000

_Noted = dict[str, list[LexborNode]]
_Facts = dict[str, tuple[Any, bool]]  # with whether there is more


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Which facts of a page are wanted, and how much of it is kept."""

    facts: str = "full"  # or "basic": what every version has said
    max_links: int = 10_000
    max_page_images: int = 500


class PageFacts(NamedTuple):
    """What one page says."""

    record: dict[str, Any]
    """The facts, in the order of the record."""
    images: list[str]
    """URLs of the pictures that are to be asked for: absolute, with all their secrets."""


def page_facts(page: Page, options: PageOptions = PageOptions()) -> PageFacts:
    """What a page says of itself, what it names, and what a reader sees of it.

    docs/records.md, "Pages", has the facts key by key. What the page does not say is None or [].
    `cut` names what is longer than the options and the limits above allow: only its beginning is
    kept. Raises Unusable `page_broken` if the parser gives up.
    """
    tree, is_full = page.tree, options.facts == "full"
    noted = _note_elements(tree, _NOTED_FOR_FULL if is_full else _NOTED)
    base = base_of(page.url, noted["base"])
    body, telling = tree.body, TELLING if is_full else NONE
    seen = read_visible(body, telling) if body else Seen("", [])
    sources = references_of(noted["img"], "src")
    pictures, is_cut = absolute_urls(base, sources, options.max_page_images)
    images = list(pictures)
    links = (
        links_of(base, noted["a"], seen.texts, options.max_links)
        if is_full
        else link_urls(base, noted["a"], options.max_links)
    )
    facts: _Facts = {
        "title": truncate(title_of(noted["title"]), MAX_WORDS_CHARS),
        "description": truncate(description_of(noted["meta"]), MAX_WORDS_CHARS),
        "canonical": (canonical_of(noted["link"], base), False),
        "language": truncate(language_of(tree), MAX_WORDS_CHARS),
        "robots_meta": robots_words(noted["meta"]),
        "charset": (page.charset, False),
        "links": links,
        "images": (images, is_cut),
        "text": truncate(seen.text, MAX_TEXT_CHARS),
    }
    if is_full:
        facts |= _further_facts(page, noted, base, seen)
    values = {name: value for name, (value, _) in facts.items()}
    values["cut"] = [name for name, (_, is_cut) in facts.items() if is_cut]
    return PageFacts(values, images)


def _further_facts(
    page: Page, noted: _Noted, base: can_ada.URL, seen: Seen
) -> _Facts:
    """What the full record has beside the basic one."""
    metas, metas_cut = read_metas(noted["meta"])
    json_ld = read_json_ld(noted["script"])
    flat, flat_cut = flatten(json_ld.blocks)
    feeds, others, others_cut = alternates_of(base, noted["link"])
    said = Said(page, json_ld.blocks, metas)
    return {
        "encoding": (page.encoding, False),
        "author": (author_of(said), False),
        "published": (published(said), False),
        "modified": (modified(said), False),
        "headings": seen.headings(),
        "feeds": (feeds, others_cut),
        "alternates": (others, others_cut),
        "open_graph": (open_graph(metas), metas_cut),
        "twitter": (twitter_card(metas), metas_cut),
        "json_ld": (json_ld.blocks, json_ld.is_cut),
        "json_ld_broken": (json_ld.broken, False),
        "json_ld_flat": (flat, flat_cut),
        "meta_refresh": (refresh_of(page.url, base, noted["meta"]), False),
        "word_count": (len(seen.text.split()), False),
        "text_hash": (_hash_of(seen.text), False),
    }


def _hash_of(text: str) -> str | None:
    return sha256(text.encode()).hexdigest()[:16] if text else None


def _note_elements(tree: LexborHTMLParser, tags: Sequence[str]) -> _Noted:
    """By tag, the elements that say something of the page; areas stand among the links."""
    noted: _Noted = {tag: [] for tag in tags}
    noted["area"] = noted["a"]
    for node in tree.css(", ".join(tags)):
        assert node.tag is not None, "it was found by its tag"
        noted[node.tag].append(node)
    return noted
