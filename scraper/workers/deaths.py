"""When to give up: pools of workers that die in a row without any use."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from scraper.errors import LocalFault
from scraper.model import Failure
from scraper.workers import child
from scraper.workers.pool import WorkerPool
from scraper.workers.triage import Evidence

MAX_FAILED_STARTS = 5  # pools in a row that began nothing
MAX_FRUITLESS_POOLS = 25  # pools in a row that finished nothing


class StageFailed(LocalFault):
    """Workers die in a row without finishing anything."""

    def __init__(self, message: str) -> None:
        super().__init__(
            Failure(
                "process_died", "process", message, retryable=True, blame="here"
            )
        )


class DeathsInARow:
    """How often pools have died without any use, and the last complaint about it."""

    def __init__(self) -> None:
        self._fruitless_pools = 0
        self._failed_starts = 0
        self._complaint = ""

    def add(self, pool: WorkerPool, evidence: Iterable[Evidence]) -> None:
        """Count a dead pool, by what its workers had begun. A conviction is a use, too."""
        begun = list(evidence)
        self._complaint = pool.complaint() or pool.last_words()
        self._fruitless_pools += 1
        self._failed_starts += 1
        if pool.finished or any(each.is_conclusive for each in begun):
            self._fruitless_pools = 0
            self._failed_starts = 0
        elif begun:
            self._failed_starts = 0

    def check(self) -> None:
        """Raises StageFailed if that is too often; waits a moment if it has happened."""
        if self._complaint.startswith(child.INITIALIZER_FAILS):
            raise StageFailed(cannot_start(self._complaint))
        is_hopeless = self._fruitless_pools >= MAX_FRUITLESS_POOLS
        if is_hopeless or self._failed_starts >= MAX_FAILED_STARTS:
            message = (
                "the worker processes die in a row without finishing anything"
            )
            raise StageFailed(
                f"{message} ({self._complaint})" if self._complaint else message
            )
        if self._failed_starts:
            # A fork server that is about to end may not be gone yet.
            threading.Event().wait(0.02 * self._failed_starts)


def cannot_start(complaint: str) -> str:
    """The line about workers of which one has said why it cannot work."""
    return f"the worker processes cannot start: {complaint}"
