"""What waits for a worker: items for the pool, gathered into batches, and suspects for trials."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice, takewhile
from math import inf

from scraper.workers.triage import Fate, Pending, Resubmit, Suspect

MAX_GATHERED = 8  # items a submission: 4 cost the parent 23 % more CPU, 16 4 %
GATHERED_SECONDS = 0.16  # of work a submission, as items take on average
MAX_AHEAD = 2  # submissions for each worker that is busy


class Backlog:
    """Two queues, in the order in which their items are to be submitted. Its owner has the lock."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._waiting: deque[Pending] = deque()
        self._suspects: deque[Pending] = deque()
        # moving average; until one has ended, each is a submission
        self._item_seconds = inf

    @property
    def first_suspect(self) -> Pending | None:
        """The one to be tried next."""
        return self._suspects[0] if self._suspects else None

    def add(self, item: Pending) -> None:
        """It is submitted after all that wait."""
        self._waiting.append(item)

    def put_first(self, items: Iterable[Pending]) -> None:
        """They are submitted before all that wait, in this order."""
        self._waiting.extendleft(reversed(list(items)))

    def take_back(self, item: Pending, fate: Fate, *, first: bool) -> None:
        """Queue an item of a dead pool, if its fate has more work; a suspect as the `first`."""
        match fate:
            case Resubmit():
                self._waiting.appendleft(item)
            case Suspect() if first:
                self._suspects.appendleft(item)
            case Suspect():
                self._suspects.append(item)

    def clear(self) -> None:
        """Drop everything."""
        self._waiting.clear()
        self._suspects.clear()

    def note_duration(self, seconds: float) -> None:
        """So long has an item taken."""
        if self._item_seconds == inf:
            self._item_seconds = seconds
        self._item_seconds += 0.1 * (seconds - self._item_seconds)

    def take_suspect(self) -> list[Pending]:
        """The one to be tried next, in a batch of its own."""
        return [self._suspects.popleft()] if self._suspects else []

    def take_batch(self, submitted: int) -> list[Pending]:
        """What to submit to a pool with so many submissions.

        Idle workers are given something at once. If all are busy, small items are gathered; and
        nothing is submitted if enough lies in front of them, so that none has to wait for us.
        """
        waiting = self._waiting
        if not waiting or submitted >= (1 + MAX_AHEAD) * self._processes:
            return []
        if waiting[0].alone:
            return [waiting.popleft()]
        idle = self._processes - submitted
        limit = most = self._most_gathered()
        if idle > 0:
            # a share for each idle worker
            limit = min(most, -(-len(waiting) // idle))
        batch = list(takewhile(_is_small, islice(waiting, limit)))
        if idle <= 0 and len(batch) == len(waiting) < most:
            return []  # more may come before a worker is idle
        for _ in batch:
            waiting.popleft()
        return batch

    def _most_gathered(self) -> int:
        """How many items make a submission."""
        at_most = GATHERED_SECONDS / MAX_GATHERED
        if self._item_seconds <= at_most:
            return MAX_GATHERED
        return max(1, int(GATHERED_SECONDS / self._item_seconds))


def _is_small(item: Pending) -> bool:
    return not item.alone
