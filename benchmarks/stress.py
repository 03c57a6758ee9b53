"""Threads that submit, cancel and abort at random, raise in callbacks, and close the session in the
middle: does every future end, none twice, and do the counts add up?
"""

from __future__ import annotations

import concurrent.futures
import itertools
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import table
from benchmarks.server import serving
from scraper import Session
from scraper.errors import UsageError
from scraper.sessions.futures import Future

THREADS = 8
URLS = 5_000  # of each thread
HOSTS = 5
SHARED = 0.2  # of the URLs are those of other threads, too
CANCELLED, ABORTED, RAISING, AWAITED = 0.1, 0.05, 0.05, 0.02
WAIT_SECONDS = 120.0  # in which all has to end
SETTLED_SECONDS = 0.3


@dataclass
class Stress:
    """One play: what was submitted, and how often each of it has ended."""

    seed: int
    folder: Path | None
    port: int
    urls: int = URLS
    close_in_the_middle: bool = True
    futures: list[Future] = field(default_factory=list)
    raised: int = 0
    refused: int = 0  # threads that found the session closed
    problems: list[str] = field(default_factory=list)
    _ends: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self) -> Counter[str]:
        """Play it. Returns what has become of the futures; `problems` says what is wrong."""
        settings: dict[str, Any] = (
            {"dir": str(self.folder)} if self.folder else {}
        )
        with Session(
            threads=THREADS,
            per_host=8,
            jitter=0,
            robots="off",
            save_only=True,
            **settings,
        ) as session:
            threads = [
                threading.Thread(target=self._submit, args=(session, number))
                for number in range(THREADS)
            ]
            for each in threads:
                each.start()
            if self.close_in_the_middle:
                self._close(session)
            for each in threads:
                each.join(WAIT_SECONDS)
            closer = threading.Thread(target=session.shutdown)
            closer.start()
            closer.join(WAIT_SECONDS)
            if closer.is_alive():
                self.problems.append("the session does not end")
            return self._check(session)

    def _close(self, session: Session) -> None:
        chance = Random(self.seed)
        goal = chance.uniform(0.2, 0.9) * THREADS * self.urls
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self.futures) < goal and time.monotonic() < deadline:
            time.sleep(0.001)
        session.shutdown(wait=False, cancel_futures=chance.random() < 0.5)

    def _submit(self, session: Session, number: int) -> None:
        chance = Random(f"{self.seed} {number}")
        mine: list[Future] = []
        for turn in range(self.urls):
            whose = "all" if chance.random() < SHARED else number
            host = f"h{chance.randrange(HOSTS)}.localhost:{self.port}"
            try:
                future = session.submit(f"http://{host}/{whose}/{turn}")
            except UsageError:
                with self._lock:
                    self.refused += 1
                return
            mine.append(future)
            self.futures.append(future)
            future.add_done_callback(self._note_end)
            if chance.random() < RAISING:
                future.add_done_callback(self._raise)
            self._meddle(session, chance, mine)

    def _meddle(
        self, session: Session, chance: Random, mine: list[Future]
    ) -> None:
        some = mine[-1 - chance.randrange(min(len(mine), 50))]
        what = chance.random()
        if what < CANCELLED:
            some.cancel()
        elif what < CANCELLED + ABORTED:
            session.abort(some)
        elif what < CANCELLED + ABORTED + AWAITED:
            concurrent.futures.wait([some], 0.002)

    def _note_end(self, future: Future) -> None:
        with self._lock:
            self._ends[id(future)] += 1

    def _raise(self, future: Future) -> None:
        with self._lock:
            self.raised += 1
        raise RuntimeError("a callback that raises")

    def _check(self, session: Session) -> Counter[str]:
        ends: Counter[str] = Counter()
        outcomes = set()
        for future in self.futures:
            if not future.done():
                ends["open"] += 1
            elif future.cancelled():
                ends["cancelled"] += 1
            elif future.exception(0) is not None:
                ends["faults"] += 1
            else:
                outcomes.add(id(future.result(0)))
                ends[future.result(0).state] += 1
        ends["outcomes"] = len(outcomes)
        self._expect("open futures", ends["open"], 0)
        self._expect("faults", ends["faults"], 0)
        self._expect("failed", ends["failed"], 0)
        self._expect("ends of futures", len(self._ends), len(self.futures))
        self._expect("most ends of one", max(self._ends.values(), default=1), 1)
        self._expect("errors counted", session.callback_errors, self.raised)
        return ends

    def _expect(self, what: str, found: int, expected: int) -> None:
        if found != expected:
            self.problems.append(f"{what}: {found:,}, not {expected:,}")

    def check_requests(self, asked: Counter[str], outcomes: int) -> None:
        """Compare with what the server was asked."""
        submitted = {each.url for each in self.futures}
        strange = asked.keys() - submitted
        self._expect("URLs that nobody has submitted", len(strange), 0)
        if self.folder is not None:
            most = max(asked.values(), default=1)
            self._expect("most requests of one URL of a pass", most, 1)
        if asked.total() > outcomes:
            self.problems.append(
                f"{asked.total():,} requests for {outcomes:,} outcomes"
            )


def play(
    seed: int,
    urls: int = URLS,
    *,
    with_folder: bool,
    close_in_the_middle: bool = True,
) -> tuple[Stress, Counter[str], int]:
    """One play on a server of its own: what was done, what has become of it, requests."""
    with tempfile.TemporaryDirectory(prefix="scraper-stress-") as name:
        home = Path(name)
        log = home / "access.log"
        with serving(body="good", log=log) as site:
            stress = Stress(
                seed,
                home / "run" if with_folder else None,
                site.port,
                urls,
                close_in_the_middle,
            )
            ends = stress.play()
            time.sleep(SETTLED_SECONDS)
        asked = _asked(log, site.port)
        stress.check_requests(asked, ends["outcomes"])
    return stress, ends, asked.total()


def _asked(log: Path, port: int) -> Counter[str]:
    lines = map(str.split, log.read_text(encoding="latin-1").splitlines())
    return Counter(f"http://{host}:{port}{path}" for _, host, path in lines)


def measure(seeds: int) -> None:
    """Play all seeds, with and without a folder, and print what has become of the futures."""
    columns = ["done", "skipped", "cancelled", "open"]
    rows = []
    problems = []
    for seed, with_folder in itertools.product(
        range(1, seeds + 1), (False, True)
    ):
        name = f"seed {seed}, {'with' if with_folder else 'without'} a folder"
        stress, ends, requests = play(seed, with_folder=with_folder)
        cells = [len(stress.futures), *map(ends.__getitem__, columns), requests]
        rows.append([name, *(f"{each:,}" for each in cells)])
        table.say(f"{name}: {'; '.join(stress.problems) or 'all is well'}")
        problems += stress.problems
    print()
    table.show(["", "submitted", *columns, "requests"], rows)
    print(f"{THREADS} threads, {URLS:,} URLs each, closed in the middle")
    print(f"{len(problems)} problems")
    print(table.repeat())
    if problems:
        raise SystemExit(1)
