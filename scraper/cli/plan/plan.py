"""All hosts of a plan, added up as they come: of a million the largest are kept, and sums."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter

from msgspec import Struct, field

from scraper.cli.plan.bound import Course
from scraper.cli.plan.hosts import HostAhead
from scraper.cli.plan.intake import Taken
from scraper.reports.summary import NOTHING_DONE, SOME_FAILED


class Sums(Struct):
    """Some hosts and their URLs."""

    hosts: int = 0
    urls: int = 0
    permitted: int = 0
    forbidden: int = 0
    refused: int = 0
    failing: int = 0
    unknown: int = 0

    def add(self, host: HostAhead) -> None:
        """One more host."""
        self.hosts += 1
        self.urls += host.urls
        self.permitted += host.permitted
        self.forbidden += host.forbidden
        self.refused += host.refused
        self.failing += host.failing
        self.unknown += host.unknown


class Largest:
    """The hosts with the most of something, and sums of all others."""

    def __init__(self, most: int) -> None:
        self.others = Sums()
        self._most = most
        self._numbers = itertools.count()  # of two that are equal the first
        self._kept: list[tuple[float, int, HostAhead]] = []

    def add(
        self,
        host: HostAhead,
        size: float,
    ) -> None:
        """One more host."""
        entry = size, -next(self._numbers), host
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, entry)
            return
        *_, smallest = heapq.heappushpop(self._kept, entry)
        self.others.add(smallest)

    def __len__(self) -> int:
        return len(self._kept) + self.others.hosts

    @property
    def hosts(self) -> list[HostAhead]:
        """Those that are kept, the largest first."""
        return [host for *_, host in sorted(self._kept, reverse=True)]


class Plan(Struct):
    """What a run would have before it."""

    taken: Taken
    course: Course
    largest: Largest  # by URLs
    unanswered: Largest  # by URLs, of those that have not answered
    # The hosts that take longest: for certain, and as far as can be seen.
    slowest: HostAhead | None = None
    likely_slowest: HostAhead | None = None
    sums: Sums = field(default_factory=Sums)
    failing: Counter[str] = field(default_factory=Counter)  # URLs, by kind
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, host: HostAhead) -> None:
        """One more host."""
        self.sums.add(host)
        self.course.add(host.pace, host.permitted)
        self.largest.add(host, host.urls)
        if host.least and host.least >= self.course.least:
            self.slowest = host
        if host.likely and host.likely >= self.course.likely_of_one:
            self.likely_slowest = host
        if host.failing:
            self.unanswered.add(host, host.failing)
            self.failing[host.failing_kind] += host.failing
        if host.refused:
            self.refused[host.refused_kind] += host.refused

    @property
    def nobody_answers(self) -> bool:
        """Have several hosts been asked, and has none said anything?"""
        return len(self.unanswered) > 1 and not self.sums.permitted

    @property
    def exit_code(self) -> int:
        """Would all come out, some, or nothing? A host that fails now may yet come back."""
        if self.taken.due + self.taken.refused.total() == 0:
            return 0
        if not self.sums.permitted + self.sums.unknown + self.taken.known:
            return NOTHING_DONE
        fails = self.sums.failing or self.taken.refused
        return SOME_FAILED if fails else 0
