"""Where the lanes are: ready, waiting for a clock, or asleep. No rule is known here.

A lane holds what waits for one host. It is small: URLs wait in the ledger, a lane holds a handful.
A lane in which nothing can happen for a while is put to sleep, so memory follows the hosts that
are busy, not the list.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice
from typing import Protocol

from scraper.frontier.crew import Crew
from scraper.frontier.groups import Group, NewHosts
from scraper.frontier.lane import Lane
from scraper.frontier.pace import Host
from scraper.frontier.rate import Rate
from scraper.frontier.trouble import OTHERS_BEFORE_NEXT_TRY
from scraper.model import HostState, LaneAhead, Task, Waiting

REFILL = 32  # tasks a lane takes from the ledger at once
MAX_WAITING = 8_192  # tasks in all lanes together, beyond which they take fewer
MAX_RESPONSIVE_HOSTS = 10_000  # remembered after their lanes were released
MAX_LANES = 1_024  # awake at once, and not quiet; more hosts wait in the ledger
READ_AHEAD = 32  # lanes that are woken, or filled, with one look at the ledger
MET_BEFORE = LaneAhead(is_known=True)
NEVER = math.inf  # unix time
MIN_SLEEP_SECONDS = 1.0  # a shorter wait is not worth putting a lane to sleep


class Memory(Protocol):
    """What is remembered of hosts, and of URLs that are asked again."""

    def requeue(self, task: Task, *, due: float, attempts: int) -> None: ...
    def host(self, lane: int) -> HostState | None: ...
    def keep_host(self, state: HostState) -> None: ...
    def keep_robots(
        self,
        lane: int,
        name: str,
        scheme: str,
        at: float,
        text: str,
    ) -> None: ...


class Rows(Memory, Protocol):
    """The part of the ledger that holds what waits."""

    def next_lanes(self, after: int, limit: int) -> dict[int, LaneAhead]: ...
    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int],
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]: ...
    def count_lane(self, lane: int) -> int: ...


class Alarms:
    """When lanes are to be looked at. One that is set again for the same time costs nothing: with
    each slice of a list that names it, a lane is found to wait for what it waited for before."""

    __slots__ = ("_at", "heap")

    def __init__(self) -> None:
        # looked into with each decision; a property would cost 60 ns
        self.heap: list[tuple[float, int]] = []
        self._at: dict[int, float] = {}  # the last one of each lane

    @property
    def first_at(self) -> float:
        """When the first one rings, or NEVER."""
        return self.heap[0][0] if self.heap else NEVER

    def set(self, at: float, lane_id: int) -> None:
        """One more; what was set for another time stays."""
        if self._at.get(lane_id) != at:
            self._at[lane_id] = at
            heappush(self.heap, (at, lane_id))

    def take_first(self) -> int:
        """The lane of the first one, which has rung."""
        at, lane_id = heappop(self.heap)
        if self._at.get(lane_id) == at:
            del self._at[lane_id]
        return lane_id


class Lanes:
    """All lanes that are awake, and when those that sleep must wake."""

    def __init__(
        self,
        rows: Rows,
        *,
        threads: int,
        most_threads: int,
        most_quiet: int,
        agent: str,
    ) -> None:
        self._rows = rows
        self._agent = agent
        # Responsive hosts and new ones have threads of their own: a host that never answers holds
        # a thread for a whole time-out.
        self._responsive: Group[Lane] = Group(threads)
        self.crew = Crew(self._responsive, most_threads)
        self.new_hosts: NewHosts[Lane] = NewHosts(
            max(new_host_threads(threads), 1), most_quiet
        )
        self._went_to_new = False  # the thread that was free last
        self.awake: dict[int, Lane] = {}
        self._timers = Alarms()  # of lanes that are awake
        self.asleep: dict[int, float] = {}  # until when
        self._host_sleepers: set[int] = set()  # that wait for their hosts
        self._alarms = Alarms()  # of lanes that sleep
        # that have been released, in this order, when they answered last, and
        # what they have taught
        self._responsive_hosts: dict[int, tuple[float, Rate | None]] = {}
        # the lane up to which this round through the ledger has come
        self._cursor = -1
        self._exhausted = False  # a whole round found no lane to wake
        self._rows_came = True  # since the round began
        self.rows_are_new = False  # of lanes that may be awake, and are not

    @property
    def finished(self) -> bool:
        """Nothing waits, nothing is under way, and the ledger has no more."""
        return self._exhausted and not self.awake and not self.asleep

    def find(self, lane_id: int) -> Lane | None:
        """The lane, if it is awake."""
        return self.awake.get(lane_id)

    # -- ready lanes ------------------------------------------------------------------------

    def take_ready(self, now: float) -> Lane | None:
        """The next lane for which a thread is free; hosts that answer and new ones in turn."""
        group, new = self._responsive, self.new_hosts
        may_go_on = group.ready and group.requests < group.threads
        if not (may_go_on and self._went_to_new):
            if new.has_ready and new.has_room(now):
                self._went_to_new = True
                return new.take_ready()
            if not may_go_on:
                return None
        self._went_to_new = False
        return group.take_ready()

    def make_ready(self, lane: Lane) -> None:
        """Queue the lane behind the others of its kind; a host that has answered for the first
        time leaves the queue of the new ones."""
        group = self._responsive if lane.host.responsive else self.new_hosts
        if lane.place == "ready":
            if lane.group is group or lane.group is None:
                return
            lane.group.ready.remove(lane)
        lane.place, lane.group = "ready", group
        group.ready.append(lane)

    def begin_request(self, lane: Lane, task_id: int, now: float) -> None:
        """One more request of this lane is under way."""
        host = lane.host
        lane.begun[task_id] = now
        if host.rate.rate:
            host.begin_request(now)
        if host.responsive:
            self._responsive.requests += 1
        else:
            self.new_hosts.begin(host.lane, now)

    def end_request(self, lane: Lane, task_id: int) -> float:
        """One less; to be called before the host learns from the answer. Returns when it was handed
        out."""
        began = lane.begun.pop(task_id)
        if lane.host.responsive:
            self._responsive.requests -= 1
        else:
            self.new_hosts.end(lane.host.lane)
        return began

    # -- rows -------------------------------------------------------------------------------

    def first_row(self, lane: Lane) -> Waiting | None:
        """The first URL of this lane in the ledger's order: fresh ones, then those that are due."""
        if lane.needs_rows:
            self._refill(lane)
        return lane.rows[0] if lane.rows else None

    def others_have_work(self, lane: Lane) -> bool:
        """Do hosts without trouble still have URLs?"""
        if not self._exhausted:
            return True
        return any(
            other is not lane and not other.host.trouble
            for other in self.awake.values()
        )

    def _refill(self, lane: Lane) -> None:
        """Take rows for this lane, and for those behind it that need some as well: a statement for
        each lane took longer than the rest of a decision."""
        lanes = [lane, *_others_in_need(lane)]
        # Many lanes hold few each: a task costs a kilobyte.
        share = min(REFILL, MAX_WAITING // len(self.awake))
        limit = max(REFILL // 8, share)
        out = {
            id for each in lanes for id in (*each.handed_out, *each.returned)
        }
        most = limit // (1 + OTHERS_BEFORE_NEXT_TRY)
        asked = {
            each: _read_asked(self._rows, each, most, out)
            for each in lanes
            if each.asked_by
        }
        out.update(row.task.id for rows in asked.values() for row in rows)
        ids = [each.host.lane for each in lanes]
        found = self._rows.first_of_lanes(ids, limit, out)
        for each, rows in zip(lanes, found, strict=True):
            each.may_have_more = len(rows) == limit
            each.rows.extend(
                _spread(asked[each], rows) if each in asked else rows
            )

    def rows_added(self, lane_ids: Iterable[int]) -> None:
        """There are new rows in these lanes. Those that wait for their host wait on: while a long
        list of slow hosts is read, each slice of it names them all."""
        for lane_id in lane_ids:
            lane = self.awake.get(lane_id)
            if lane is not None and lane.waits_for_host:
                lane.may_have_more = True
            elif lane_id not in self._host_sleepers:
                self.rows_changed(lane_id)

    def rows_changed(self, lane_id: int) -> None:
        """See what waits in this lane, whatever it has waited for: a new row may be due before the
        others, or the last one is gone."""
        lane = self.awake.get(lane_id)
        if lane is None:
            self.asleep.pop(lane_id, None)
            self._host_sleepers.discard(lane_id)
            self._exhausted = False
            self._rows_came = self.rows_are_new = True
            return
        lane.may_have_more = True
        if lane.place == "timer":
            lane.rows.clear()
        self.make_ready(lane)

    # -- clocks -----------------------------------------------------------------------------

    def wait_until(
        self,
        lane: Lane,
        at: float,
        now: float,
    ) -> None:
        """Nothing happens in this lane before `at`: set a timer, or let it sleep."""
        lane.place, lane.waits_until = "timer", at
        is_crowded = len(self.awake) > MAX_LANES // 2
        if at > now + MIN_SLEEP_SECONDS and is_crowded and lane.may_sleep:
            self.release(lane, now)
            self.asleep[lane.host.lane] = at
            if lane.waits_for_host:
                self._host_sleepers.add(lane.host.lane)
            self._alarms.set(at, lane.host.lane)
        else:
            self._timers.set(at, lane.host.lane)

    def next_clock(self) -> float | None:
        """When the first timer or alarm rings."""
        times = [self._timers.first_at]
        # While there is no room, lanes sleep on: an alarm that is due says nothing then.
        if _room_in(self) > 0:
            times.append(self._alarms.first_at)
        if self.new_hosts.has_ready or _room_in(self) < READ_AHEAD:
            quiet_at = self.new_hosts.quiet_at()
            times.append(NEVER if quiet_at is None else quiet_at)
        first_at = min(times)
        return None if first_at == NEVER else first_at

    def ring(self, now: float) -> None:
        """Make lanes ready whose time has come."""
        self.new_hosts.count_quiet(now)
        timers, alarms = self._timers.heap, self._alarms.heap
        while timers and timers[0][0] <= now:
            lane = self.awake.get(self._timers.take_first())
            if lane is not None and lane.place == "timer":
                self.make_ready(lane)
        while alarms and alarms[0][0] <= now and _room_in(self) > 0:
            at, lane_id = alarms[0][0], self._alarms.take_first()
            if self.asleep.get(lane_id) == at:
                self.wake(lane_id, now)

    # -- wake and release -------------------------------------------------------------------

    def wake(
        self, lane_id: int, now: float, ahead: LaneAhead = MET_BEFORE
    ) -> Lane:
        """A lane with all that is remembered of its host."""
        lane = Lane(Host(lane_id))
        kept = self._rows.host(lane_id) if ahead.is_known else None
        if kept is not None:
            lane.host.restore(kept, now, self._agent)
            lane.asked_by = now if kept.failed_at else 0.0
        remembered = self._responsive_hosts.get(lane_id)
        if remembered is not None:
            lane.host.responsive = True
            lane.host.trouble.answered_at, rate = remembered
            lane.host.rate = rate or lane.host.rate
        self.awake[lane_id] = lane
        self.asleep.pop(lane_id, None)
        self._host_sleepers.discard(lane_id)
        if ahead.is_large and not lane.host.responsive:
            lane.place, lane.group = "ready", self.new_hosts
            self.new_hosts.large.append(lane)
        else:
            self.make_ready(lane)
        return lane

    def wake_next(self, now: float) -> bool:
        """Wake the next hosts for which something waits; False if there are none, or no room for as
        many as are read at once."""
        while not self._exhausted and _room_in(self) >= READ_AHEAD:
            found = self._rows.next_lanes(self._cursor, READ_AHEAD)
            if not found:
                self._end_round()
                continue
            self._cursor = max(found)
            new = [
                lane_id
                for lane_id in found
                if lane_id not in self.awake and lane_id not in self.asleep
            ]
            for lane_id in new:
                self.wake(lane_id, now, found[lane_id])
            if new:
                return True
        return False

    def _end_round(self) -> None:
        """The ledger has no more lanes; was there something new since the round began?"""
        self._exhausted = not self._rows_came
        self._rows_came = False
        self._cursor = -1

    def release(self, lane: Lane, now: float) -> None:
        """Forget the lane; what its host has taught us stays in the ledger."""
        host = lane.host
        del self.awake[host.lane]
        if host.responsive:
            rate = host.rate if host.has_learned else None
            answered_at = host.trouble.answered_at
            self._responsive_hosts[host.lane] = answered_at, rate
            if len(self._responsive_hosts) > MAX_RESPONSIVE_HOSTS:
                del self._responsive_hosts[next(iter(self._responsive_hosts))]
        if host.opens > now or host.has_learned:
            self._rows.keep_host(host.to_state())

    def keep_hosts(self) -> None:
        """Write down what is known of the hosts that are awake, for the next run."""
        for lane in self.awake.values():
            if lane.host.opens or lane.host.must_be_kept:
                self._rows.keep_host(lane.host.to_state())


def _read_asked(
    rows: Rows, lane: Lane, limit: int, out: Collection[int]
) -> list[Waiting]:
    """URLs that were asked before the lane was woken, and are due."""
    lanes = [lane.host.lane]
    (asked,) = rows.first_of_lanes(lanes, limit, out, lane.asked_by)
    if len(asked) < limit:
        lane.asked_by = 0.0
    return asked


def _room_in(lanes: Lanes) -> int:
    """How many more may be awake. A quiet one takes up no room: it does nothing but wait, and must
    not keep asleep those that would answer."""
    return MAX_LANES + lanes.new_hosts.quiet - len(lanes.awake)


def _others_in_need(lane: Lane) -> Iterator[Lane]:
    """Lanes behind it in its queue that have no rows left."""
    queue = lane.group.ready if lane.group is not None else ()
    for each in islice(queue, READ_AHEAD):
        if each.needs_rows and each is not lane:
            yield each


class Holds:
    """Requests that are over, and not judged yet: their hosts wait, their threads do not."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def add(self, task: Task) -> None:
        """The request of this task is over."""
        self._group_of(task).end(task.url.lane)

    def remove(self, task: Task) -> None:
        """It is judged now: `request_ended` follows."""
        self._group_of(task).begin(task.url.lane, 0.0)

    def excuse(self, seconds: float) -> None:
        """No host was asked for so long, for our own sake: that counts against no patience."""
        for lane in self._lanes.awake.values():
            lane.host.trouble.excuse(seconds)

    def has_hosts(self, count: int) -> bool:
        """May so many hosts have something to do?"""
        lanes = self._lanes
        if not lanes._exhausted:
            return True
        return len(lanes.awake) + len(lanes.asleep) >= count

    def _group_of(self, task: Task) -> Group[Lane]:
        lane = self._lanes.find(task.url.lane)
        assert lane is not None, "a lane with a request under way is awake"
        lanes = self._lanes
        return lanes._responsive if lane.host.responsive else lanes.new_hosts


def _spread(
    asked: Iterable[Waiting], found: Iterable[Waiting]
) -> Iterator[Waiting]:
    """Those that were `asked` before, each behind some that were not: as they would have been asked
    if the lane had stayed awake, and while there are others to see whose fault a failure is."""
    rows = deque(found)
    for each in asked:
        for _ in range(OTHERS_BEFORE_NEXT_TRY):
            if rows and not rows[0].due:
                yield rows.popleft()
        yield each
    yield from rows


def new_host_threads(threads: int) -> int:
    """Threads beside the `threads` that serve responsive hosts: they wait for hosts that have not
    answered yet. One thread alone is one request at a time, whichever host it serves."""
    return threads - 1
