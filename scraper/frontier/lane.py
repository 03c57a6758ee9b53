"""One host's queue: what waits for it, what is back after a failure, and what is under way."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from operator import attrgetter

from msgspec import Struct

from scraper.config import HostSettings
from scraper.frontier.groups import Group, Place
from scraper.frontier.pace import Host
from scraper.frontier.trouble import MIN_REFUSALS_OF_FAULT
from scraper.model import FetchFailed, Task, Waiting

NEVER = -1  # stands for the answers until a failure, where there was none
# From one probe to the next in the order of the list: lists have even periods.
PROBE_STRIDE = 7
# So many URLs that were not asked yet are kept for each that was refused: it takes answers to
# others, before and after each refusal, to see that it is not the host.
KEPT_WITNESSES = MIN_REFUSALS_OF_FAULT + 1
MAX_RETURNED = (
    64  # URLs that wait in a lane after a failure; more wait in the ledger
)


class Returned(Struct, frozen=True):
    """A URL that is back in its lane after a failure, and what it waits for there."""

    task: Task
    due: float  # unix time of its next try
    failed: FetchFailed
    answers: int  # of its host until then
    others: int = 0  # answers to others that it waits for, if there are others
    is_spent: bool = (
        False  # no try is left: it waits for what becomes of its host
    )

    def may_go(self, answers: int, now: float, fresh: int) -> bool:
        """Is its turn before the `fresh` URLs, which were never asked? Its host is in no trouble.

        Where they run out it waits for fewer of them, so that its refusals find witnesses.
        """
        if self.others:
            rounds = max(MIN_REFUSALS_OF_FAULT + 1 - self.task.refusals, 1)
            others = min(self.others, max(fresh // rounds, 1))
            return answers >= self.answers + others
        return self.is_spent or self.due <= now


class Lane:
    """One host's queue: what waits for it, and what is under way."""

    __slots__ = (
        "asked_by",
        "begun",
        "group",
        "handed_out",
        "host",
        "may_have_more",
        "must_choose",
        "place",
        "priced_delay",
        "probe_after",
        "returned",
        "robots_queue",
        "rows",
        "suspects",
        "waits_until",
    )

    def __init__(self, host: Host) -> None:
        self.host = host
        # robots.txt of other hosts that has moved here
        self.robots_queue: deque[Task] = deque()
        self.rows: deque[Waiting] = deque()
        self.may_have_more = True  # the ledger may hold more rows than these
        # The ledger may hold rows that were asked before, and due by this unix time.
        self.asked_by = 0.0
        self.returned: dict[int, Returned] = {}  # oldest first
        # task id -> unix time; requests that are under way
        self.begun: dict[int, float] = {}
        # rows that are neither recorded nor given back yet, and the answers
        # of the host until their last failure, or NEVER
        self.handed_out: dict[int, int] = {}
        # ids of URLs that were refused, while some of them wait or are asked
        self.suspects: set[int] = set()
        # It may be another row's turn than the first one's in the ledger.
        self.must_choose = False
        self.place: Place = "taken"
        self.group: Group[Lane] | None = None  # in whose queue it was last
        self.waits_until = 0.0  # unix time, with a timer
        self.probe_after = 0.0  # unix time of the pause that a probe follows
        # seconds; the delay of which is known what it costs
        self.priced_delay = 0.0

    def is_full(self, hosts: HostSettings, most_unread: float) -> bool:
        """Is so much under way on its host, or come and neither recorded nor given back yet, that
        nothing more is asked now?"""
        requests = len(self.begun)
        if requests and requests >= self.host.max_requests(hosts):
            return True
        return len(self.handed_out) - requests >= most_unread

    def next_row(
        self, first: Waiting | None, now: float
    ) -> Waiting | Returned | None:
        """What is to be handed out next: `first` of the ledger's order, or what has returned. After
        a failure of the host that is another URL than the one that failed, if there is one."""
        self.must_choose = bool(self.returned or self.suspects)
        if self.host.trouble.given_up is not None:
            return next(iter(self.returned.values()), first)
        if not self.host.trouble:
            again = next(self._may_go(now), None)
            if again is not None:
                return again
        if self.suspects and self._keeps_fresh():
            return None
        if first is not None and first.due <= now:
            return first
        waiting: list[Waiting | Returned] = list(self._waiting())
        if first is not None:
            waiting.append(first)
        return min(waiting, key=attrgetter("due"), default=None)

    def _may_go(self, now: float) -> Iterator[Returned]:
        """What is back, and goes before all that was never asked."""
        fresh = sys.maxsize if self.may_have_more else len(self.rows)
        answers, share = self.host.answers, fresh // max(len(self.returned), 1)
        for each in self.returned.values():
            if each.may_go(answers, now, share):
                yield each

    def _keeps_fresh(self) -> bool:
        """Is nothing else to be asked while this is under way, so that witnesses are left?"""
        if self.may_have_more:
            return False
        under_way = self.suspects.intersection(self.begun)
        waiting = [each for each in self.returned.values() if each.others]
        count = len(under_way) + len(waiting)
        if not count:
            self.suspects.clear()
        if len(self.rows) >= KEPT_WITNESSES * count:
            return False
        return bool(under_way) or self.asks_fresh

    def _waiting(self) -> Iterator[Returned]:
        """What is back and waits for nothing but its time."""
        has_others = bool(self.begun) and not self.host.trouble
        for each in self.returned.values():
            if not each.is_spent and not (each.others and has_others):
                yield each

    def take(self, row: Waiting | Returned) -> None:
        """This is handed out now."""
        if type(row) is Returned:
            del self.returned[row.task.id]
            self.handed_out[row.task.id] = row.answers
        else:
            self.rows.popleft()
            self.handed_out[row.task.id] = NEVER

    def forget(self, task_id: int) -> None:
        """This waits no more."""
        self.rows = deque(row for row in self.rows if row.task.id != task_id)
        self.returned.pop(task_id, None)
        self.suspects.discard(task_id)

    def put_returned(self, returned: Returned) -> None:
        """It is back; where many are already, at the end of the lane in the ledger."""
        if self.host.trouble:
            self._choose_probe()
        self.must_choose = True
        if returned.others:
            self.suspects.add(returned.task.id)
        if len(self.returned) < MAX_RETURNED:
            self.returned[returned.task.id] = returned
        else:
            self.may_have_more = True

    def _choose_probe(self) -> None:
        """After this pause of its host comes a URL from elsewhere in the lane: those that are bad
        stand together more often than not."""
        trouble, rows = self.host.trouble, self.rows
        if not rows or self.probe_after == trouble.pause_until:
            return
        self.probe_after = trouble.pause_until
        failures = trouble.refusals + trouble.silences
        # The probes before it are not among the rows any more.
        place = (PROBE_STRIDE - 1) * failures % len(rows)
        probe = rows[place]
        if probe.due <= rows[0].due:
            del rows[place]
            rows.appendleft(probe)

    @property
    def needs_rows(self) -> bool:
        """Has it none here, though the ledger may have some?"""
        return not self.rows and self.may_have_more

    def read_anew(self) -> None:
        """The ledger knows more by now of the rows that wait."""
        self.rows.clear()
        self.may_have_more = True

    @property
    def asks_fresh(self) -> bool:
        """Is a request under way for a URL that had not failed before?"""
        return any(self.handed_out.get(id) == NEVER for id in self.begun)

    @property
    def held(self) -> int:
        """URLs that are not asked yet, or not for the last time, as far as they are here."""
        return len(self.rows) + len(self.returned) + len(self.handed_out)

    @property
    def is_idle(self) -> bool:
        """Nothing is under way that would miss this lane."""
        return not (self.begun or self.handed_out)

    @property
    def waits_for_host(self) -> bool:
        """Is it the host's clock that nothing in it can go before?"""
        return self.place == "timer" and self.waits_until <= self.host.opens

    @property
    def may_sleep(self) -> bool:
        """Nothing is held here that the ledger does not store."""
        return (
            self.is_idle
            and not self.robots_queue
            and not self.host.has_unsaved_tries
        )
