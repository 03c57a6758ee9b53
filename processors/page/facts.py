"""What a page says: facts that every page has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import can_ada
from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page.links import link_urls, links_of
from processors.page.page import Page
from processors.page.references import (
    absolute_urls,
    attributes_of,
    base_of,
    references_of,
)
from processors.page.visible_text import collapse_spaces, visible_text

# All that the facts are made of: a query walks the whole tree, 85 us on a page of 96 kB.
_NOTED: Final = ("a", "area", "base", "img", "link", "meta", "title")

MAX_WORDS_CHARS: Final = 10_000  # of title, description, language, robots_meta
MAX_TEXT_CHARS: Final = 10_000_000
TITLES_LOOKED_AT: Final = 10  # each costs a walk up to the root


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
    tree = page.tree
    noted = _note_elements(tree)
    base = base_of(page.url, noted["base"])
    sources = references_of(noted["img"], "src")
    pictures, is_cut = absolute_urls(base, sources, options.max_page_images)
    images = list(pictures)
    links = links_of if options.facts == "full" else link_urls
    text = visible_text(tree.body) if tree.body else ""
    facts: dict[str, tuple[Any, bool]] = {
        "title": _truncate(_title(noted["title"]), MAX_WORDS_CHARS),
        "description": _truncate(_description(noted["meta"]), MAX_WORDS_CHARS),
        "canonical": (_canonical(noted["link"], base), False),
        "language": _truncate(_language(tree), MAX_WORDS_CHARS),
        "robots_meta": _robots_words(noted["meta"]),
        "charset": (page.charset, False),
        "links": links(base, noted["a"], options.max_links),
        "images": (images, is_cut),
        "text": _truncate(text, MAX_TEXT_CHARS),
    }
    if options.facts == "full":
        facts["encoding"] = (page.encoding, False)
    values = {name: value for name, (value, _) in facts.items()}
    values["cut"] = [name for name, (_, is_cut) in facts.items() if is_cut]
    return PageFacts(values, images)


def _truncate(text: str | None, limit: int) -> tuple[str | None, bool]:
    """The beginning of a text, and whether that is not all of it."""
    if text is None or len(text) <= limit:
        return text, False
    return text[:limit], True


def _note_elements(tree: LexborHTMLParser) -> dict[str, list[LexborNode]]:
    """By tag, the elements that say something of the page; areas stand among the links."""
    noted: dict[str, list[LexborNode]] = {tag: [] for tag in _NOTED}
    noted["area"] = noted["a"]
    for node in tree.css(", ".join(_NOTED)):
        assert node.tag is not None, "it was found by its tag"
        noted[node.tag].append(node)
    return noted


def _canonical(elements: Iterable[LexborNode], base: can_ada.URL) -> str | None:
    meant = (
        node
        for node in elements
        if "canonical" in (node.attrs.get("rel") or "").lower().split()
    )
    urls, _ = absolute_urls(base, references_of(meant, "href"), 1)
    return next(iter(urls), None)


def _title(elements: Sequence[LexborNode]) -> str | None:
    for node in elements[:TITLES_LOOKED_AT]:
        above = node.parent
        while above is not None and above.tag != "svg":
            above = above.parent
        if above is None:
            return collapse_spaces(node.text())
    return None


def _description(elements: Iterable[LexborNode]) -> str | None:
    contents = map(collapse_spaces, _contents_of(elements, "description"))
    return next(filter(None, contents), None)


def _contents_of(elements: Iterable[LexborNode], name: str) -> list[str]:
    """What the meta elements of this name say."""
    named = (
        node
        for node in elements
        if (node.attrs.get("name") or "").lower() == name
    )
    return attributes_of(named, "content")


def _language(tree: LexborHTMLParser) -> str | None:
    root = tree.css_first("html")
    if root is None:
        return None
    return collapse_spaces(root.attrs.get("lang")) or collapse_spaces(
        root.attrs.get("xml:lang")
    )


def _robots_words(elements: Iterable[LexborNode]) -> tuple[list[str], bool]:
    """The words of `<meta name=robots>`, in lower case; and whether there are more of them."""
    values = _contents_of(elements, "robots")
    text, is_cut = _truncate(",".join(values), MAX_WORDS_CHARS)
    words = (word.strip().lower() for word in (text or "").split(","))
    return [word for word in words if word], is_cut
