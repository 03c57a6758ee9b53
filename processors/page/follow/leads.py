"""The links of a page that are to be followed, each with how it leads on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import can_ada
from selectolax.lexbor import LexborNode

from processors.page.attention import Attention, find_all, parts_of
from processors.page.follow.globs import pattern_of
from processors.page.follow.parameters import without_parameters
from processors.page.head import robots_words
from processors.page.page import Page
from processors.page.references import (
    absolute_urls,
    base_of,
    without_fragment,
)

NEXT: Final = "next"  # the next page of a chain
PAGE: Final = "page"  # one that a recipe asks for
LINK: Final = "link"  # any other
_FORBIDDING: Final = frozenset({"nofollow", "none"})
_LINKS: Final = ("a", "area", "iframe", "frame")
MAX_LEADS: Final = 1_000_000  # of a page; see also MAX_URLS_CHARS
REL_NEXT: Final = "rel=next"  # what stands for the links that say so
_WITH_REL_NEXT: Final = (
    'link[rel~="next" i]',
    'a[rel~="next" i]',
    'area[rel~="next" i]',
)


class Leads(NamedTuple):
    """URLs with how each leads on, in the order of the page, and whether there are more of them."""

    urls: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False


class LeadSelectors(NamedTuple):
    """Which elements lead on: to the next page of a chain, to pages that are wanted."""

    follow: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeadOptions:
    """Which links of a page are followed, beside those that selectors name."""

    all_links: bool = False
    on_host: bool = False  # only to the page's own
    accept: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    obeys: bool = True  # what pages say of nofollow
    ignore_params: tuple[str, ...] = ()


class _Noted(NamedTuple):
    """The elements that say where a page leads."""

    links: list[LexborNode]
    metas: list[LexborNode]
    bases: list[LexborNode]


class LeadReader:
    """Finds the leads of pages. What of a page is ignored leads nowhere."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = LeadOptions(**options)
        self._accept = pattern_of(self._options.accept)
        self._reject = pattern_of(self._options.reject)

    def read(
        self, page: Page, selectors: LeadSelectors, attention: Attention
    ) -> Leads:
        """Those of a page, each URL once: as the strongest that it is, a next page before one that
        is wanted, and that before any other."""
        noted = self._note_elements(page)
        wanted = (
            (NEXT, _selected(page, _spelled_out(selectors.follow))),
            (PAGE, _selected(page, selectors.pages)),
            (LINK, noted.links),
        )
        found = {kind: nodes for kind, nodes in wanted if nodes}
        if not found or self._is_closed(noted):
            return Leads()
        base = base_of(page.url, noted.bases)
        ignored = parts_of(page.tree, attention).ignored_links
        host = can_ada.parse(page.url).host if self._options.on_host else None
        leads: dict[str, str] = {}
        is_cut = False
        for kind, nodes in found.items():
            references = self._references_of(nodes, ignored)
            urls, is_more = absolute_urls(base, references, MAX_LEADS)
            is_cut |= is_more
            for url in self._followed(urls, host):
                leads.setdefault(url, kind)
        return Leads(tuple(leads.items()), is_cut)

    def _note_elements(self, page: Page) -> _Noted:
        """In one query: each walks the whole tree."""
        noted = _Noted([], [], [])
        of_tag = {"meta": noted.metas, "base": noted.bases}
        links = _LINKS if self._options.all_links else ()
        for node in find_all(page.tree, (*of_tag, *links)):
            of_tag.get(node.tag or "", noted.links).append(node)
        return noted

    def _is_closed(self, noted: _Noted) -> bool:
        """Does the page ask that none of its links be followed?"""
        if not self._options.obeys:
            return False
        words, _ = robots_words(noted.metas)
        return not _FORBIDDING.isdisjoint(words)

    def _references_of(
        self, nodes: Iterable[LexborNode], ignored: frozenset[int]
    ) -> Iterator[str]:
        for node in nodes:
            if node.mem_id in ignored:
                continue
            said = node.attrs
            if self._options.obeys and _forbids(said.get("rel")):
                continue
            reference = without_fragment(said.get("href") or said.get("src"))
            if reference is not None:
                yield reference

    def _followed(self, urls: Iterable[str], host: str | None) -> Iterator[str]:
        for url in urls:
            if host is not None and can_ada.parse(url).host != host:
                continue
            asked = without_parameters(url, self._options.ignore_params)
            if self._accept and not self._accept.fullmatch(asked):
                continue
            if self._reject and self._reject.fullmatch(asked):
                continue
            yield asked


def _forbids(rel: str | None) -> bool:
    return rel is not None and "nofollow" in rel.lower().split()


def _spelled_out(selectors: Iterable[str]) -> tuple[str, ...]:
    spelled: list[str] = []
    for each in selectors:
        spelled += _WITH_REL_NEXT if each == REL_NEXT else (each,)
    return tuple(spelled)


def _selected(page: Page, selectors: tuple[str, ...]) -> list[LexborNode]:
    """The links that selectors name: the elements themselves, or the first in each of them."""
    found = find_all(page.tree, selectors)
    holders = {node.mem_id for node in found if node.tag not in _OWN}
    links = [node for node in found if node.tag in _OWN]
    return [*links, *_first_links_in(page, holders)] if holders else links


def _first_links_in(page: Page, holders: set[int]) -> Iterator[LexborNode]:
    """From each link up to the elements that hold it: from these down, a page of elements that nest
    would take the square of its size."""
    for link in page.tree.css("a, area"):
        is_first = False
        above = link.parent
        while above is not None and holders:
            if above.mem_id in holders:
                holders.remove(above.mem_id)
                is_first = True
            above = above.parent
        if is_first:
            yield link


_OWN: Final = frozenset((*_LINKS, "link"))
