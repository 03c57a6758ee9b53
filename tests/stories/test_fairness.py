"""Nobody starves: beside a host with most of the list, nor beside hosts that say nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

import scraper
from scraper import errors
from scraper.config import FetchSettings, HostSettings
from scraper.engine import Makers
from scraper.faulty import FaultyServer, Seen, delay, page, silent
from scraper.frontier.frontier import Frontier
from scraper.frontier.lanes import new_host_threads
from scraper.frontier.trouble import MAX_SILENCES_OF_NEW
from scraper.machine.cores import MAX_QUIET
from scraper.messages import Message
from scraper.model import (
    Failure,
    Fetched,
    FetchFailed,
    Line,
    Task,
    Timings,
)
from scraper.pipeline import MAX_AT_ONCE
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.urls import Url, parts_of
from tests.stories.runs import records_of, run_with


def _run(folder: Path, urls: list[str], **keys: Any) -> scraper.Report:
    keys = {"save_only": True, "robots": "off", "retries": 0} | keys
    return scraper.run(urls, scraper.configure(dir=str(folder / "run"), **keys))


def _of(server: FaultyServer, letter: str) -> list[Seen]:
    return [each for each in server.seen if each.host.startswith(letter)]


def test_a_host_with_nine_tenths_of_the_list_does_not_hold_up_the_others(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/*": delay(0.005, page("here"))}) as server:
        # All of the big host stands before the others, and is asked in its own pace.
        urls = [server.url(f"/{n}", "big.localhost") for n in range(450)]
        urls += [
            server.url(f"/{n}", f"small{h}.localhost")
            for h in range(10)
            for n in range(5)
        ]
        report = _run(tmp_path, urls, threads=16, per_host=4)
        big, small = _of(server, "big"), _of(server, "small")
    assert report.done == 500
    asked_before = sum(each.at < small[-1].at for each in big)
    assert asked_before < len(big) / 2, (
        "the small hosts ended while the big one went on"
    )


def test_a_big_host_alone_is_not_slowed_by_fairness(tmp_path: Path) -> None:
    with FaultyServer({"/*": delay(0.02, page("here"))}) as server:
        _run(
            tmp_path,
            [server.url(f"/{n}", "big.localhost") for n in range(60)],
            per_host=4,
        )
        assert server.max_concurrent("big.localhost") == 4


def test_silent_hosts_hold_up_nobody_wherever_they_stand(
    tmp_path: Path,
) -> None:
    """There are far more of them than threads, and than URLs that may be under way."""
    with FaultyServer({"/*": page("here")}) as server:
        silence = silent()
        server.behaviours |= {
            f"//silent{h}.localhost/*": silence for h in range(60)
        }
        urls = [server.url("/", f"silent{h}.localhost") for h in range(60)]
        urls += [server.url(f"/{n}", "good.localhost") for n in range(8)]
        report = _run(tmp_path, urls, threads=4, window=8, timeout="20s",
                      max_time_seconds=2.0, grace_seconds=0.0)  # fmt: skip
    assert (report.done, report.exit_code) == (8, 5)


def test_answers_do_not_wait_while_many_requests_begin(tmp_path: Path) -> None:
    steps: list[str] = []

    class Watched(SimpleQueue[Message]):
        def get(self, *how: Any, **more: Any) -> Message:
            steps.append("look")
            return super().get(*how, **more)

    class Threads(ThreadPoolExecutor):
        def submit(self, *how: Any, **more: Any) -> Future[Any]:
            steps.append("begin")
            return super().submit(*how, **more)

    config = scraper.configure(
        dir=str(tmp_path / "run"), save_only=True, robots="off", threads=40
    )
    with FaultyServer({"/*": page("here")}) as server:
        urls = [server.url("/", f"h{n}.localhost") for n in range(39)]
        run_with(Makers(inbox=Watched, threads=Threads), urls, config)
    handfuls = [len(list(group)) for step, group in groupby(steps) if step == "begin"]  # fmt: skip
    assert sum(handfuls) == 39
    assert max(handfuls) == MAX_AT_ONCE


def test_good_hosts_end_before_silent_ones_time_out(tmp_path: Path) -> None:
    patience = 3.0
    with FaultyServer({"/*": delay(0.005, page("here"))}) as server:
        silence = silent()
        server.behaviours |= {
            f"//silent{h}.localhost/*": silence for h in range(10)
        }
        urls = [server.url(f"/{n}", f"{kind}{h}.localhost") for n in range(8) for h in range(10)
                for kind in ("silent", "good")]  # fmt: skip
        report = _run(tmp_path, urls, threads=16, timeout_seconds=patience, max_time_seconds=2.0,
                      grace_seconds=0.0)  # fmt: skip
        first, good = server.seen[0], _of(server, "good")
        assert len(good) == 80
        assert max(each.until for each in good) - first.at < patience
    assert (report.done, report.exit_code) == (80, 5)
    assert {each["state"] for each in records_of(tmp_path / "run")} == {"done"}


# -- the frontier alone, by a clock of our own ------------------------------------------------

THREADS, HOSTS, URLS = 16, 10, 60
ANSWER, TIMEOUT = 0.05, 20.0  # seconds


class Everybody:
    """A judge who lets all through."""

    def refusal(self, url: Url, trust: str) -> None:
        return None

    def host_class(self, host: str) -> None:
        return None


@dataclass
class Simulation:
    """Threads that ask: good hosts answer soon, silent ones hold their thread for a time-out."""

    frontier: Frontier
    ledger: Ledger
    most_quiet: int = 0
    good_urls: int | None = None  # with which it ends
    now: float = 1_000_000.0
    given: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    # when the last URL of a kind ended
    ended: dict[str, float] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def run(self) -> None:
        flights: list[tuple[float, int, Task]] = []
        number = count()
        began = self.now
        threads = THREADS + new_host_threads(THREADS) + self.most_quiet
        while self.good_urls != 0:
            while len(flights) < threads:
                decision = self.frontier.next(self.now)
                if decision is None:
                    break
                task = decision.task
                if decision.refusal is not None:
                    assert isinstance(decision.refusal, Failure)
                    self._end(
                        task,
                        FinishedRow("failed", decision.refusal.kind, 0),
                        began,
                    )
                    continue
                seconds = TIMEOUT if _kind(task) == "silent" else ANSWER
                self.given[_kind(task)] += seconds
                heappush(flights, (self.now + seconds, next(number), task))
            under_way = [_kind(task) for _, _, task in flights]
            for kind in set(under_way):
                self.most[kind] = max(self.most[kind], under_way.count(kind))
            opens = self.frontier.opens_at()
            if not flights:
                if self.frontier.finished:
                    return
                assert opens is not None, "somebody waits, and for nothing"
            if not flights or (
                opens is not None and self.now < opens < flights[0][0]
            ):
                self.now = opens if opens is not None else self.now
                continue
            self.now, _, task = heappop(flights)
            self._answered(task, began)

    def _answered(self, task: Task, began: float) -> None:
        if _kind(task) == "silent":
            failure = errors.new_failure("timeout_read", "silence")
            failed = FetchFailed(task, failure, task.url, self.now)
            self.frontier.request_ended(failed, self.now)
            end = self.frontier.take_failure(failed, self.now)
            if isinstance(end, FetchFailed):
                self._end(
                    task,
                    FinishedRow("failed", failure.kind, task.attempt),
                    began,
                )
        else:
            fetched = Fetched(task, task.url, 200, "page", "text/html", None, (), "1.part", 9, 9,
                              "00", self.now, Timings())  # fmt: skip
            self._end(task, FinishedRow("done", None, 1), began)
            if self.good_urls is not None:
                self.good_urls -= 1
            self.frontier.request_ended(fetched, self.now)

    def _end(self, task: Task, row: FinishedRow, began: float) -> None:
        self.ledger.waiting.finish(task, row, 1)
        self.frontier.release(task)
        self.ended[_kind(task)] = self.now - began


def _kind(task: Task) -> str:
    return task.origin_url.href.removeprefix("http://").partition("-")[0]


def _simulated(folder: Path, *kinds: str) -> Simulation:
    hosts = [f"{kind}-{n}.example" for n in range(HOSTS) for kind in kinds]
    return _simulation_of(
        folder, [f"http://{host}/{n}" for n in range(URLS) for host in hosts]
    )


def _simulation_of(
    folder: Path,
    urls: list[str],
    most_quiet: int = 0,
    good_urls: int | None = None,
) -> Simulation:
    folder.mkdir()
    ledger = Ledger(folder / "ledger.sqlite")
    ledger.intake.add([Line(parts_of(url)) for url in urls], 1)
    frontier = Frontier(
        ledger.waiting,
        Everybody(),
        HostSettings(robots="off"),
        FetchSettings(),
        threads=THREADS,
        most_quiet=most_quiet,
        draw=random.Random(7),
    )
    simulation = Simulation(frontier, ledger, most_quiet, good_urls)
    try:
        simulation.run()
        if good_urls is None:
            assert not ledger.waiting.next_lanes(-1, 1), "every URL has ended"
    finally:
        ledger.close()
    return simulation


def test_silent_hosts_get_few_thread_seconds_and_cost_the_good_ones_nothing(
    tmp_path: Path,
) -> None:
    alone = _simulated(tmp_path / "alone", "good")
    beside = _simulated(tmp_path / "beside", "silent", "good")

    assert beside.ended["good"] <= 1.3 * alone.ended["good"]
    assert beside.ended["good"] < TIMEOUT, "before the first silence has ended"
    # One question at a time, and each host is given up after so many in a row.
    assert beside.most["silent"] <= min(HOSTS, new_host_threads(THREADS))
    assert beside.given["silent"] <= HOSTS * MAX_SILENCES_OF_NEW * TIMEOUT
    assert beside.given["good"] == alone.given["good"]


@pytest.mark.parametrize("urls", [4, 400])
def test_one_good_host_beside_a_thousand_silent_ones(
    tmp_path: Path, urls: int
) -> None:
    """With much to do it is the first; with as little as the others it may be the last of them."""
    good = [f"http://good-0.example/{n}" for n in range(urls)]
    dead = [f"http://silent-{h}.example/" for h in range(1_000)]
    alone, beside = (
        _simulation_of(tmp_path / name, listed, MAX_QUIET, good_urls=urls)
        for name, listed in (("alone", good), ("beside", dead + good))
    )
    lost = beside.ended["good"] - alone.ended["good"]
    assert lost <= (0.1 * alone.ended["good"] if urls == 400 else 0.7)
