"""A pool that is granted fewer threads than it asks for."""

from __future__ import annotations

import threading

import pytest

from scraper.machine.threads import Threads


@pytest.fixture
def granted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many more threads the system starts."""
    left = [2]
    start = threading.Thread.start

    def start_or_fail(thread: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    return left


def test_work_waits_for_the_threads_that_there_are(granted: list[int]) -> None:
    both_run = threading.Barrier(2)
    with Threads(8) as pool:
        first = [pool.submit(both_run.wait) for _ in range(2)]
        more = [pool.submit(pow, 2, number) for number in range(6)]
        assert sorted(each.result() for each in first) == [0, 1]
        assert [each.result() for each in more] == [1, 2, 4, 8, 16, 32]
    assert granted == [0]


def test_without_any_thread_it_fails(granted: list[int]) -> None:
    granted[0] = 0
    pool = Threads(8)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        pool.submit(pow, 2, 3)
    pool.shutdown(cancel_futures=True)
