"""Whether a page that was found is asked, or leads on without end: `Traps.objection`.

What is learned is lost with the process; the pages of a host are counted by the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from scraper.config import TrapSettings
from scraper.errors import new_failure
from scraper.frontier.traps.parts import address_of
from scraper.frontier.traps.paths import most_repeats
from scraper.frontier.traps.sameness import Came, Evidence, Sameness
from scraper.model import Failure, Fetched, Flag
from scraper.text import counted
from scraper.urls import Url

# What came is about who asks, and says nothing of the URL.
_ABOUT_US: Final = frozenset({"block_page", "captcha", "login_wall"})


class Traps:
    """The figures of a run, and what it has learned. `pages` are those that were asked of each host
    before, by lane."""

    def __init__(self, figures: TrapSettings, pages: Mapping[int, int]) -> None:
        self._figures = figures
        self._pages = dict(pages)
        self._sameness = Sameness(figures.same_pages)

    def objection(self, url: Url) -> Failure | None:
        """Why this page, which was found, is not asked."""
        return (
            path_objection(url, self._figures)
            or self._objection_to_host(url)
            or self._objection_to_sameness(url)
        )

    def _objection_to_host(self, url: Url) -> Failure | None:
        limit = self._figures.max_pages_per_host
        if self._pages.get(url.lane, 0) < limit:
            return None
        return new_failure(
            "trap_pages",
            f"{counted(limit, 'page')} of {url.host} were found and asked:"
            " --max-pages-per-host says how many at most",
        )

    def _objection_to_sameness(self, url: Url) -> Failure | None:
        evidence = self._sameness.find(url.lane, url.href)
        if evidence is None:
            return None
        return new_failure(
            _kind_of(evidence), _words_of(evidence, self._figures.same_pages)
        )

    def note_asked(self, url: Url) -> None:
        """A page that was found is asked."""
        self._pages[url.lane] = self._pages.get(url.lane, 0) + 1

    def learn(
        self, fetched: Fetched, sketch: bytes, flags: Collection[Flag] = ()
    ) -> None:
        """A page came, found or listed, and says this."""
        said = int.from_bytes(sketch, "little")
        if not said or any(each.flag in _ABOUT_US for each in flags):
            return
        url = fetched.task.origin_url
        # That several URLs redirect to one says nothing of the others in their folder.
        body = None if fetched.task.hops else fetched.sha256
        self._sameness.learn(Came(url.lane, url.href, said, body))


def path_objection(url: Url, figures: TrapSettings) -> Failure | None:
    """What the path of a page says against it."""
    segments = address_of(url.href).segments
    if len(segments) > figures.max_segments:
        return new_failure(
            "trap_depth",
            f"its path is {len(segments)} segments deep, more than {figures.max_segments}:"
            " [traps] max_segments",
        )
    times, which = most_repeats(list(segments))
    if times > figures.max_repeats:
        return new_failure(
            "trap_segments",
            f"its path says {which}/ {times} times in a row, more than {figures.max_repeats}:"
            " [traps] max_repeats",
        )
    return None


_KINDS: Final = {
    "order": "trap_query",
    "parameter": "trap_query",
    "query": "trap_query",
    "number": "trap_folder",
    "folder": "trap_folder",
    "body": "trap_same_body",
}


def _kind_of(evidence: Evidence) -> str:
    """A part that makes no difference and holds dates is a calendar without end."""
    if evidence.is_date and evidence.kind in ("parameter", "number"):
        return "trap_calendar"
    return _KINDS[evidence.kind]


def _words_of(evidence: Evidence, pages: int) -> str:
    if evidence.kind == "body":
        return (
            f"the last {pages} pages in {evidence.shown} had bodies that other URLs had before:"
            " [traps] same_pages"
        )
    verb = "make" if evidence.kind == "query" else "makes"
    return (
        f"{evidence.shown} {verb} no difference: nothing new on {pages} pages"
        f" such as {evidence.path}: [traps] same_pages"
    )
