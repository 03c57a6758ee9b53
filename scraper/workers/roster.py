"""The pools that a stage has at a time: at work, for trials, and one that has done its share."""

from __future__ import annotations

from collections.abc import Iterator

from scraper.workers.pool import WorkerPool


class Roster:
    """Its owner has the lock."""

    def __init__(self) -> None:
        self.main: WorkerPool | None = None
        self.trial: WorkerPool | None = None
        # It gets no more, but has items yet.
        self.retired: WorkerPool | None = None

    def __iter__(self) -> Iterator[WorkerPool]:
        """Those there are, as they were when this began."""
        pools = (self.retired, self.main, self.trial)
        return iter([pool for pool in pools if pool is not None])

    def forget(self, pool: WorkerPool) -> None:
        """It is about to end."""
        if pool is self.main:
            self.main = None
        elif pool is self.trial:
            self.trial = None
        elif pool is self.retired:
            self.retired = None

    def retire(self, pool: WorkerPool) -> bool:
        """Forget a pool that has done its share; True if it can end now. With items inside it
        stands aside, so that the next one can go to work: one at a time, or they would pile up."""
        if not pool.inside:
            self.forget(pool)
            return True
        if self.retired is None:
            self.forget(pool)
            self.retired = pool
        return False
