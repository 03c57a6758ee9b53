"""What a page says: facts that every page has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import can_ada
from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page.article import article_of
from processors.page.attention import EVERYTHING, Attention, Parts, parts_of
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
from processors.page.images.elements import (
    PICTURE_SELECTORS,
    image_urls,
    images_of,
)
from processors.page.json_ld import flatten, read_json_ld
from processors.page.links import alternates_of, link_urls, links_of
from processors.page.metas import open_graph, read_metas, twitter_card
from processors.page.page import Page
from processors.page.references import base_of
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
    page_images: str = "best"  # or "none", "src", "all"
    image_width: int = 0  # that the best one has; 0: the largest
    article: bool = False  # needs the extra
    max_links: int = 10_000
    max_page_images: int = 500


class PageFacts(NamedTuple):
    """What one page says."""

    record: dict[str, Any]
    """The facts, in the order of the record."""
    images: list[str]
    """URLs of the pictures that are to be asked for: absolute, with all their secrets."""


def page_facts(
    page: Page,
    options: PageOptions = PageOptions(),
    attention: Attention = EVERYTHING,
) -> PageFacts:
    """What a page says of itself, what it names, and what a reader sees of it.

    docs/records.md, "Pages", has the facts key by key. What the page does not say is None or [].
    `cut` names what is longer than the options and the limits above allow: only its beginning is
    kept. Raises Unusable `page_broken` if the parser gives up.
    """
    tree, is_full = page.tree, options.facts == "full"
    noted = _note_elements(
        tree, _NOTED_FOR_FULL if is_full else _NOTED, options
    )
    base = base_of(page.url, noted["base"])
    body, telling = tree.body, TELLING if is_full else NONE
    parts = parts_of(tree, attention)
    seen = read_visible(body, telling, parts) if body else Seen("", [])
    images, urls, is_cut = _images(base, noted["img"], options)
    links = _links(base, noted["a"], seen, parts, options)
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
    if attention.watch:
        facts["watched"] = truncate(seen.watched, MAX_TEXT_CHARS)
    if is_full:
        facts |= _further_facts(page, noted, base, seen)
        of_text = seen.watched if attention.watch else seen.text
        facts["text_hash"] = (_hash_of(of_text), False)
    if options.article:
        facts["article"] = truncate(article_of(page), MAX_TEXT_CHARS)
    values = {name: value for name, (value, _) in facts.items()}
    values["cut"] = [name for name, (_, is_cut) in facts.items() if is_cut]
    return PageFacts(values, urls)


def _links(
    base: can_ada.URL,
    nodes: Iterable[LexborNode],
    seen: Seen,
    parts: Parts,
    options: PageOptions,
) -> tuple[list[Any], bool]:
    """Where it leads, and whether there is more."""
    limit = options.max_links
    if parts.ignored_links:
        nodes = [
            node for node in nodes if node.mem_id not in parts.ignored_links
        ]
    if options.facts == "full":
        return links_of(base, nodes, seen.texts, limit)
    return link_urls(base, nodes, limit)


def _further_facts(
    page: Page, noted: _Noted, base: can_ada.URL, seen: Seen
) -> _Facts:
    """What the full record has beside the basic one."""
    metas, metas_cut = read_metas(noted["meta"])
    json_ld = read_json_ld(noted["script"])
    flat, flat_cut = flatten(json_ld.blocks)
    feeds, others, others_cut = alternates_of(base, noted["link"])
    said = Said(
        page,
        json_ld.blocks,
        metas,
    )
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
    }


def _hash_of(text: str) -> str | None:
    return sha256(text.encode()).hexdigest()[:16] if text else None


def _note_elements(
    tree: LexborHTMLParser, tags: Sequence[str], options: PageOptions
) -> _Noted:
    """By tag, the elements that say something of the page. Areas stand among the links, and what
    else may name a picture among the images."""
    noted: _Noted = {tag: [] for tag in tags}
    noted["area"] = noted["a"]
    images = noted["img"]
    further = () if _which_images(options) == "src" else PICTURE_SELECTORS
    last = None
    for node in tree.css(", ".join((*tags, *further))):
        # What is found by its tag and by a further selector comes twice, one after the other.
        is_again, last = node.mem_id == last, node.mem_id
        (images if is_again else noted.get(node.tag or "", images)).append(node)
    return noted


def _images(
    base: can_ada.URL, elements: Iterable[LexborNode], options: PageOptions
) -> tuple[list[Any], list[str], bool]:
    """For the record, and to be asked; and whether there are more."""
    limit, which = options.max_page_images, _which_images(options)
    if which == "src" and options.facts == "basic":
        urls, is_cut = image_urls(
            base,
            elements,
            limit,
        )
        return urls, urls, is_cut
    images, is_cut = images_of(
        base, elements, which=which, width=options.image_width, limit=limit
    )
    urls = [image["url"] for image in images]
    return images if options.facts == "full" else urls, urls, is_cut


def _which_images(options: PageOptions) -> str:
    """Which files are looked for. If none is to be asked, the record says what it can; the basic
    one what costs nothing."""
    if options.page_images != "none":
        return options.page_images
    return "best" if options.facts == "full" else "src"
