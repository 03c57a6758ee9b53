"""Which pages are to be asked, worked out from the model of a site.

The rules are written here a second time on purpose: nothing of the program is imported, no page is
read. What decides is the least of all ways to a page, so that no clock can matter.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmarks.sites.model import Link, Page, Place, Site

ScopeName = Literal["page", "path", "host", "domain", "list"]
SAME_SITE = ("shop", "www", "port")  # hosts of one registrable domain
MAX_HOPS = 10


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for."""

    depth: int = 0
    scope: ScopeName = "path"
    accept: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()  # `a.next`, `rel=next`
    follow_limit: int = 100  # pages of a chain, with the first
    obeys_nofollow: bool = True


class Standing(NamedTuple):
    """How near a page is: least of all ways, each figure by itself."""

    level: int  # links followed, those to next pages apart
    chain: int  # pages of its chain that come before it


class Truth:
    """What a run over `listed` comes to."""

    def __init__(
        self, site: Site, listed: Iterable[Place], options: Options
    ) -> None:
        self._site = site
        self._options = options
        self._listed = frozenset(listed)
        self._roots = self._folders_of_the_list()
        self.standing: dict[Place, Standing] = {}
        self._find_all()

    @property
    def requests(self) -> Counter[Place]:
        """How often each place is asked, if nothing is asked again after a failure."""
        return Counter(
            hop for place in self.standing for hop in self._asked_for(place)
        )

    @property
    def answers(self) -> dict[Place, Page | None]:
        """What each page that is asked for itself comes to; None: no page, or out of scope."""
        return {place: self._arrival(place) for place in self.standing}

    def _find_all(self) -> None:
        waiting = deque((place, Standing(0, 0)) for place in self._listed)
        while waiting:
            place, now = waiting.popleft()
            known = self.standing.get(place)
            best = now if known is None else Standing(*map(min, known, now))
            if best == known:
                continue
            self.standing[place] = best
            page = self._arrival(place)
            if page is not None and page.leads_on:
                waiting += self.leads(page, best)

    def leads(
        self, page: Page, standing: Standing
    ) -> Iterator[tuple[Place, Standing]]:
        """Where a page that stands so leads, and how what it leads to stands then."""
        links = [each for each in page.links if self._may_lead(page, each)]
        onward = {each.target for each in links if self._is_next(each)}
        others = {each.target for each in links if each.tag != "link"} - onward
        if standing.chain + 1 < self._options.follow_limit:
            next_standing = standing._replace(chain=standing.chain + 1)
            yield from ((each, next_standing) for each in onward if each)
        if standing.level < self._options.depth:
            further = Standing(standing.level + 1, 0)
            yield from ((each, further) for each in others if each)

    def _is_next(self, link: Link) -> bool:
        by_class = "a.next" in self._options.follow and link.tag == "a"
        by_rel = "rel=next" in self._options.follow
        return (by_class and link.is_next) or (by_rel and link.says_next)

    def _may_lead(self, page: Page, link: Link) -> bool:
        if link.target is None:
            return False
        if self._options.obeys_nofollow and (
            page.is_nofollow or link.says_nofollow
        ):
            return False
        if not self._in_scope(page.place, link.target):
            return False
        href = self._site.href(link.target)
        accept, reject = self._options.accept, self._options.reject
        return _fits(href, accept or ("*",)) and not _fits(href, reject)

    # -- scope ------------------------------------------------------------------------------------

    def _in_scope(self, named_by: Place, place: Place) -> bool:
        match self._options.scope:
            case "page":
                return _bare(named_by) == _bare(place)
            case "host":
                return named_by.host == place.host
            case "domain":
                return _domain(named_by.host) == _domain(place.host)
            case "list":
                return place.host in {each.host for each in self._listed}
            case "path":
                return named_by.host == place.host and any(
                    place.host == root.host and place.path.startswith(root.path)
                    for root in self._roots
                )

    def _folders_of_the_list(self) -> frozenset[Place]:
        arrived = [
            page.place
            for each in self._listed
            if (page := self._end_of(each)[1]) is not None
        ]
        return frozenset(map(_folder, [*self._listed, *arrived]))

    # -- requests ---------------------------------------------------------------------------------

    def _asked_for(self, place: Place) -> list[Place]:
        """The places that are asked, one after another, for this one."""
        return self._end_of(place)[0]

    def _arrival(self, place: Place) -> Page | None:
        return self._end_of(place)[1]

    def _end_of(self, place: Place) -> tuple[list[Place], Page | None]:
        asked: list[Place] = []
        here = place
        while True:
            is_out = (
                asked
                and place not in self._listed
                and not self._in_scope(place, here)
            )
            if is_out or self._site.is_forbidden(here):
                return asked, None
            if here in asked or len(asked) > MAX_HOPS:
                return asked, None
            asked.append(here)
            page = self._site.pages.get(here)
            if page is None or page.moved_to is None:
                return asked, page
            assert page.moved_to.target is not None
            here = page.moved_to.target


def _bare(place: Place) -> Place:
    return Place(place.host, place.path.partition("?")[0])


def _folder(place: Place) -> Place:
    return Place(place.host, _bare(place).path.rpartition("/")[0] + "/")


def _domain(host: str) -> str:
    return "shop" if host in SAME_SITE else host


def _fits(href: str, globs: tuple[str, ...]) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, glob.split("*"))), href)
        for glob in globs
    )
