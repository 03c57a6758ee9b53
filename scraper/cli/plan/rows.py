"""What waits in the ledger of a plan, as its frontier sees it: one URL of each origin.

That is all it takes to learn whether a host may be asked, whether it is there, and what its
robots.txt says.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from scraper.frontier.lanes import MET_BEFORE
from scraper.model import HostState, LaneAhead, Task, Waiting
from scraper.storage.due.ahead import Ahead, Origin
from scraper.storage.ledger import Ledger


class OpenOrigin(Struct, frozen=True):
    """An origin of which it is not known yet how it stands with it."""

    origin: Origin
    first: Waiting  # of its URLs


class OriginRows:
    """`Rows` for the frontier of a plan: an origin leaves it when it is settled.

    Of each host nine bytes are held, of those that are looked at now their origins.
    """

    def __init__(
        self,
        ledger: Ledger,
        ahead: Ahead,
    ) -> None:
        self._ledger = ledger
        self._ahead = ahead
        self._lanes = ahead.lanes()
        self._is_settled = bytearray(len(self._lanes))
        self._open: dict[int, dict[str, OpenOrigin]] = {}
        self._is_known = False

    def __len__(self) -> int:
        return len(self._lanes)

    # -- what is settled ----------------------------------------------------------------------

    def origins(self, lane: int) -> dict[str, OpenOrigin]:
        """Those of a lane that are not settled, by their schemes."""
        if lane not in self._open:
            found = self._ahead.origins_of(lane)
            first = self._ledger.waiting.of_ids([each.first for each in found])
            by_row = {each.task.id: each for each in first}
            self._open[lane] = {
                each.scheme: OpenOrigin(
                    each, Waiting(by_row[each.first].task, 0.0)
                )
                for each in found
            }
        return self._open[lane]

    def settle(
        self,
        lane: int,
        scheme: str,
    ) -> OpenOrigin:
        """It is known how it stands with this one."""
        origins = self.origins(lane)
        settled = origins.pop(scheme)
        if not origins:
            del self._open[lane]
            self._is_settled[bisect_left(self._lanes, lane)] = True
        return settled

    def take_known(self) -> bool:
        """Has a robots.txt been kept since this was asked last?"""
        is_known, self._is_known = self._is_known, False
        return is_known

    def is_settled(self, lane: int) -> bool:
        """Is there none left of this lane? Other hosts' robots.txt may lie in lanes of none."""
        index = bisect_left(self._lanes, lane)
        is_there = index < len(self._lanes) and self._lanes[index] == lane
        return not is_there or bool(self._is_settled[index])

    def unsettled(self) -> Iterator[int]:
        """The lanes of those that are left."""
        after = -1
        while found := self.next_lanes(after, 1):
            (after,) = found
            yield after

    # -- as the frontier sees it --------------------------------------------------------------

    def next_lanes(
        self,
        after: int,
        limit: int,
    ) -> dict[int, LaneAhead]:
        """The first ones behind `after`, in their order."""
        found: dict[int, LaneAhead] = {}
        index = bisect_right(self._lanes, after) - 1
        while len(found) < limit:
            index = self._is_settled.find(False, index + 1)
            if index < 0:
                break
            found[self._lanes[index]] = MET_BEFORE
        return found

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int],
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        """One URL of each origin; none counts as asked."""
        if asked_by:
            return [[] for _ in lanes]
        return [
            [
                each.first
                for each in self._origins_left(lane)
                if each.first.task.id not in without
            ]
            for lane in lanes
        ]

    def _origins_left(self, lane: int) -> list[OpenOrigin]:
        return [] if self.is_settled(lane) else [*self.origins(lane).values()]

    def count_lane(self, lane: int) -> int:
        """How many URLs wait there."""
        return sum(each.origin.urls for each in self._origins_left(lane))

    def requeue(
        self,
        task: Task,
        *,
        due: float,
        attempts: int,
    ) -> None:
        """No URL is asked, so none comes back."""
        raise AssertionError(f"{task.url.href} was not asked")

    def host(self, lane: int) -> HostState | None:
        """What is remembered of a host."""
        return self._ledger.waiting.host(lane)

    def keep_host(self, state: HostState) -> None:
        """Remember it until the plan is made."""
        self._ledger.waiting.keep_host(state)

    def keep_robots(
        self,
        lane: int,
        name: str,
        scheme: str,
        at: float,
        text: str,
    ) -> None:
        """Remember what an origin permits."""
        self._ledger.waiting.keep_robots(
            lane,
            name,
            scheme,
            at,
            text,
        )
        self._is_known = True
