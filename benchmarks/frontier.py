"""What a decision costs when nothing else happens: the frontier and the ledger, no network."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from scraper.config import configure
from scraper.frontier.frontier import Frontier
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Guard
from scraper.model import Fetched, Line, Task, Timings
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.urls import parts_of

P = ParamSpec("P")
T = TypeVar("T")

BAR_US = 12.0
AT_ONCE = 32
SLICE = 1_000
BATCH = 256
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class _Stopwatch:
    """Seconds spent in the calls that are measured: by the clock, and by this thread alone, which
    is what can be compared while other work goes on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.own_seconds = 0.0

    def __call__(
        self, call: Callable[P, T], *given: P.args, **named: P.kwargs
    ) -> T:
        own_began = time.thread_time()
        began = time.perf_counter()
        try:
            return call(*given, **named)
        finally:
            self.seconds += time.perf_counter() - began
            self.own_seconds += time.thread_time() - own_began


def measure(given: argparse.Namespace) -> None:
    """Hand out and answer every URL once, with a clock and answers that are made up.

    Counted are the frontier's own calls (next, answered, settled) with the refills that they ask
    of the ledger; writing down what was done belongs to the commit and is kept out.
    """
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite")
        try:
            _load(ledger, given.urls, given.names)
            print(
                f"{given.urls:,} URLs on {given.names:,} hosts; RSS {_rss():.0f} MB after loading"
            )
            _decide(ledger, given.urls)
        finally:
            ledger.close()


def _load(ledger: Ledger, urls: int, names: int) -> None:
    for start in range(0, urls, SLICE):
        lines = []
        for i in range(start, min(start + SLICE, urls)):
            host = f"host{i % names}.example.com"
            lines.append(Line(parts_of(f"https://{host}/some/path/{i}")))
        ledger.intake.add(lines, 1)
    ledger.commit()


def _decide(ledger: Ledger, urls: int) -> None:
    keys = configure(robots="off", allow_hosts=())
    frontier = Frontier(
        ledger.waiting,
        Guard(AllowList(())),
        keys.hosts,
        keys.fetch,
        threads=AT_ONCE,
    )
    watch = _Stopwatch()
    under_way: list[Task] = []
    now, done = 1.0, 0
    while not frontier.finished:
        decision = watch(frontier.next, now)
        if decision is not None:
            under_way.append(decision.task)
        if decision is None or len(under_way) == AT_ONCE:
            for task in under_way:
                now += 0.0001
                watch(frontier.request_ended, _answer(task, now), now)
                ledger.waiting.finish(task, FinishedRow("done", None, 1), 1)
                watch(frontier.release, task)
                done += 1
                if done % BATCH == 0:
                    ledger.commit()
                if done % max(urls // 10, 1) == 0:
                    each = watch.seconds / done * 1e6
                    print(
                        f"{done:>10,}  {each:5.1f} us a decision  RSS {_rss():.0f} MB"
                    )
            under_way.clear()
            ledger.commit()
    print(
        f"{watch.seconds / done * 1e6:.1f} us a decision (bar: {BAR_US:.0f}); "
        f"{watch.own_seconds / done * 1e6:.1f} us by the thread's own clock"
    )


def _answer(task: Task, now: float) -> Fetched:
    return Fetched(task, task.url, 200, "page", "text/html", None, (), "part", 1, 1, "", now,
                     Timings())  # fmt: skip


def _rss() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE_BYTES / 1e6


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None
