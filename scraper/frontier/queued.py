"""What waits for a session, in memory: the part of the ledger that a frontier sees.

A session asks what it was given, and nothing that others have left in its folder. It holds a future
for each of its URLs anyway; a row beside that is small.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from operator import attrgetter

from msgspec import Struct, field
from msgspec.structs import replace

from scraper.frontier.lanes import Memory
from scraper.model import HostState, LaneAhead, Task, Waiting

LARGE = 32  # URLs; a lane with more is large
SPARSE = 64  # removed rows, beyond which a queue is made again
_by_turn = attrgetter("due", "task.id")


class _Queue(Struct):
    """What waits in one lane, whether it is handed out or not."""

    fresh: dict[int, Task] = field(default_factory=dict)  # in their order
    again: dict[int, Waiting] = field(default_factory=dict)
    removed: int = 0  # from `fresh`, since it was made

    def __len__(self) -> int:
        return len(self.fresh) + len(self.again)

    def remove(self, id: int) -> None:
        if self.fresh.pop(id, None) is None:
            self.again.pop(id, None)
            return
        self.removed += 1
        # A dict is searched from its beginning, over all that was there.
        if self.removed > SPARSE + len(self.fresh):
            self.fresh = dict(self.fresh)
            self.removed = 0

    def in_turn(self) -> Iterator[Waiting]:
        """Redirects, then fresh ones in the order in which they came, then those that are tried
        again."""
        asked = self.asked()
        yield from (each for each in asked if not each.due)
        for task in self.fresh.values():
            yield Waiting(task, 0.0)
        yield from (each for each in asked if each.due)

    def asked(self) -> list[Waiting]:
        """Those that were asked before."""
        return sorted(self.again.values(), key=_by_turn)


class QueuedRows:
    """The tasks of a session until they end: `Rows` for its frontier."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._queues: dict[int, _Queue] = {}
        self._lanes: list[int] = []  # sorted
        self.when_back: dict[int, Callable[[], object]] = {}
        self._moved: dict[
            int, int
        ] = {}  # id -> lane to which it was redirected

    def __len__(self) -> int:
        """How many URLs have not ended."""
        return sum(map(len, self._queues.values()))

    # -- what comes and goes ------------------------------------------------------------------

    def add(self, waiting: Waiting) -> None:
        """One more."""
        task, lane = waiting.task, waiting.task.url.lane
        if lane != task.origin_url.lane:
            self._moved[task.id] = lane
        queue = self._queue_of(lane)
        if waiting.due or task.hops:
            queue.again[task.id] = waiting
        else:
            queue.fresh[task.id] = task

    def find(
        self,
        task_id: int,
        home: int,
    ) -> Task | None:
        """A task of which the first URL stands in the lane `home`; None if it has ended."""
        queue = self._queues.get(self._moved.get(task_id, home))
        if queue is None:
            return None
        waiting = queue.again.get(task_id)
        return waiting.task if waiting else queue.fresh.get(task_id)

    def remove(self, task: Task) -> None:
        """It has ended, or is not to be asked any more."""
        self.when_back.pop(task.id, None)
        lane = self._moved.pop(task.id, task.origin_url.lane)
        queue = self._queues[lane]
        queue.remove(task.id)
        if not queue:
            del self._queues[lane]
            del self._lanes[bisect_right(self._lanes, lane) - 1]

    def _queue_of(self, lane: int) -> _Queue:
        queue = self._queues.get(lane)
        if queue is None:
            queue = self._queues[lane] = _Queue()
            insort(self._lanes, lane)
        return queue

    # -- as the frontier sees it --------------------------------------------------------------

    def next_lanes(
        self,
        after: int,
        limit: int,
    ) -> dict[int, LaneAhead]:
        """The first lanes behind `after` in which something waits, in their order."""
        start = bisect_right(self._lanes, after)
        return {
            lane: LaneAhead(
                self._memory.host(lane) is not None,
                len(self._queues[lane]) > LARGE,
            )
            for lane in self._lanes[start : start + limit]
        }

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int] = (),
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        """The first `limit` of each of these lanes, but for those that are out already. With
        `asked_by`, only what was asked before, and is due by that unix time."""
        return [
            list(
                islice(
                    self._first_of(lane, without, asked_by),
                    limit,
                )
            )
            for lane in lanes
        ]

    def _first_of(
        self,
        lane: int,
        without: Collection[int],
        asked_by: float,
    ) -> Iterator[Waiting]:
        queue = self._queues.get(lane)
        if queue is None:
            return
        for each in queue.asked() if asked_by else queue.in_turn():
            is_due = not asked_by or 0 < each.due <= asked_by
            if is_due and each.task.id not in without:
                yield each

    def count_lane(self, lane: int) -> int:
        """How many URLs wait in a lane."""
        queue = self._queues.get(lane)
        return 0 if queue is None else len(queue)

    def requeue(
        self,
        task: Task,
        *,
        due: float,
        attempts: int,
    ) -> None:
        """Return a task to the lane of its URL: a retry, or the next hop of a redirect. What is to
        happen then is called, once."""
        when_back = self.when_back.pop(task.id, None)
        self._memory.requeue(task, due=due, attempts=attempts)
        self.remove(task)
        self.add(Waiting(replace(task, attempt=attempts + 1), due))
        if when_back is not None:
            when_back()

    def host(self, lane: int) -> HostState | None:
        """What is remembered of a lane's host; None if it is new."""
        return self._memory.host(lane)

    def keep_host(self, state: HostState) -> None:
        """Remember a host's pace and failures."""
        self._memory.keep_host(state)

    def keep_robots(
        self,
        lane: int,
        name: str,
        scheme: str,
        at: float,
        text: str,
    ) -> None:
        """Remember one origin's robots.txt."""
        self._memory.keep_robots(
            lane,
            name,
            scheme,
            at,
            text,
        )
