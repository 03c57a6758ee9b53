"""A pool of threads that makes do with as many as the system lets it have.

A container may grant fewer than a run would have waiting for silent hosts. The standard pool has
taken the work by the time at which it fails to start one more thread, and raises all the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from scraper.errors import is_out_of_threads


class Threads(ThreadPoolExecutor):
    """The standard pool; beyond what the system grants, work waits for a thread that is free.
    Raises RuntimeError if there is not even one."""

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if not (self._threads and is_out_of_threads(error)):
                raise
            self._max_workers = len(self._threads)
