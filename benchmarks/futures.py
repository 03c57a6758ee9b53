"""Futures of a session: many at once beside requests-futures, how much memory a pending one takes,
and what the way of a single one adds to a plain request.
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import requests
from bs4 import BeautifulSoup

from benchmarks import contenders, leaks, race, stress, table
from benchmarks.environments import clean
from benchmarks.measure import rss_bytes
from benchmarks.race import Contender
from benchmarks.scratch import Scratch
from benchmarks.server import serving
from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from scraper import Session

Ask = Callable[[str], None]  # one URL, and wait for what comes of it

PARTS = ("race", "bytes", "warm")
PAGE = "page.html"
PAGE_BYTES = 4_000
PENDING = 100_000
TURNS = 1_000
WARM_UP_TURNS = 100
QUIET_SECONDS = 0.5  # in which this process hardly works
QUIET_SHARE = 0.02  # of a core


def measure(given: argparse.Namespace) -> None:
    """Measure what is asked for, and print tables and bars."""
    if given.stress or given.sessions:
        if given.stress:
            stress.measure(given.seeds)
        if given.sessions:
            leaks.measure(given.sessions)
        return
    if "bytes" in given.parts:
        _bytes()
    with Scratch() as scratch:
        folder = scratch.folder / "served"
        folder.mkdir()
        (folder / PAGE).write_text(_page())
        with serving(folder) as site:
            print(table.machine(site.name))
            if "race" in given.parts:
                _race(given, scratch, f"{site.url}/{PAGE}")
            if "warm" in given.parts:
                _warm(f"{site.url}/{PAGE}")
    print(table.repeat())


def _page() -> str:
    head = "<!DOCTYPE html><html lang=en><title>A page</title><body>"
    text = "".join(
        f'<p>Some words of line {n}, <a href="/{n}">and a link</a>.</p>\n'
        for n in range(PAGE_BYTES)
    )
    return head + text[:PAGE_BYTES]


# -- many at once ---------------------------------------------------------------------------------


def _race(given: argparse.Namespace, scratch: Scratch, page: str) -> None:
    def make_list(count: int) -> Path:
        path = scratch.folder / f"{count}.txt"
        path.write_text("".join(f"{page}?{n}\n" for n in range(count)))
        return path

    print(
        f"{given.urls:,} URLs, pages of {PAGE_BYTES / 1e3:g} kB, 32 threads; '+held': the list of "
        "futures is kept while they are waited for"
    )
    rows = race.race(
        _field(given), make_list, given.urls, given.rounds, scratch
    )
    race.show(rows, given.urls)
    print(
        "bars: ours 1.3 times the speed of requests-futures, ours+parsed 0.9 times; "
        "half its memory"
    )


def _field(given: argparse.Namespace) -> list[Contender]:
    def own(name: str, *flags: str) -> Contender:
        command = [sys.executable, "-m", "benchmarks.own_futures"]
        return Contender(
            name,
            lambda urls, out: [*command, str(urls), str(out), *flags],
            _brought,
            clean(),
        )

    def peer(name: str, script: str, *flags: str) -> Contender | None:
        return contenders.peer(
            name, script, "futures", _brought, cache=given.cache, only=given.only, arguments=flags,
        )  # fmt: skip

    against = [
        replace(own("ours"), name=f"in {checkout}", cwd=checkout.resolve())
        for checkout in given.against
    ]
    library, plain = "futures_session.py", "futures_plain.py"
    entries = [
        peer("requests-futures", library),
        own("ours"),
        own("ours+parsed", "--parsed"),
        *against,
        peer("plain", plain),
        peer("requests-futures+held", library, "--hold"),
        own("ours+held", "--hold"),
        peer("plain+held", plain, "--hold"),
    ]
    present = [
        each
        for each in entries
        if each and contenders.wanted(each.name, given.only)
    ]
    if not present:
        raise SystemExit(f"--only {given.only} leaves nobody")
    return present


def _brought(out: Path) -> int:
    path = out / "brought"
    return int(path.read_text()) if path.exists() else 0


# -- one after the other --------------------------------------------------------------------------


def _warm(page: str) -> None:
    """`submit(url).result()` beside `get(url)`; and what a pool of processes takes by itself."""
    rows = [
        _beside_requests("bodies", page, _asking(save_only=True), "0.8"),
        _beside_requests("page parsed", page, _asking(save_only=False), "2"),
        _beside_requests("bare pool, nothing done", page, _pooled(len)),
        _beside_requests("bare pool, all facts", page, _pooled(_all_facts)),
        _beside_requests("bare pool, two facts", page, _pooled(_two_facts)),
    ]
    print()
    table.show(
        ["one after the other", "requests ms", "ours ms", "beyond ms", "its p95", "CPU beyond",
         "bar", "bar p95"],
        rows,
    )  # fmt: skip
    print(
        "bare pool: the same get(url), and then submit(act, body).result() of a "
        "ProcessPoolExecutor; all facts: ours, and nothing else of ours; two: title and links by "
        "Beautiful Soup with lxml"
    )


@contextmanager
def _asking(*, save_only: bool) -> Iterator[Ask]:
    with Session(jitter=0, save_only=save_only) as session:

        def ask(url: str) -> None:
            outcome = session.submit(url).result()
            assert outcome.body
            assert save_only or outcome.record["title"]

        yield ask


@contextmanager
def _pooled(act: Callable[[bytes], object]) -> Iterator[Ask]:
    """With a worker for each core, which have imported what they need."""
    with _plain_session() as session, ProcessPoolExecutor() as pool:

        def ask(url: str) -> None:
            assert pool.submit(act, session.get(url).content).result()

        yield ask


def _all_facts(body: bytes) -> object:
    return page_facts(Page("http://127.0.0.1/", body), PageOptions())[0][
        "title"
    ]


def _two_facts(body: bytes) -> tuple[str, list[str]]:
    soup = BeautifulSoup(body, "lxml")
    links = [str(each["href"]) for each in soup.find_all("a")]
    return str(soup.title and soup.title.string), links


def _plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _beside_requests(
    name: str, page: str, asking: AbstractContextManager[Ask], bar: str = ""
) -> list[str]:
    """A row: ours and `get(url)` in turns, and by how much the first is slower, pair by pair. Its
    CPU is that of this process: a worker's own is beside it."""
    numbers = iter(range(10 * (TURNS + WARM_UP_TURNS)))
    with _plain_session() as plain, asking as ask:

        def ours() -> None:
            ask(f"{page}?{next(numbers)}")

        def theirs() -> None:
            assert plain.get(f"{page}?{next(numbers)}").content

        for _ in range(WARM_UP_TURNS):
            ours()
            theirs()
        took = [
            (_took(ours), _took(theirs))
            if number % 2
            else (_took(theirs), _took(ours))[::-1]
            for number in range(TURNS)
        ]
    wall = [(a[0] * 1e3, b[0] * 1e3) for a, b in took]
    beyond = [a - b for a, b in wall]
    cpu = statistics.mean(a[1] - b[1] for a, b in took) * 1e3
    p95 = statistics.quantiles(beyond, n=20)[-1]
    return [
        name,
        table.median([b for _, b in wall], 2),
        table.median([a for a, _ in wall], 2),
        table.median(beyond, 2),
        f"{p95:.2f}",
        f"{cpu:.2f}",
        bar,
        "4" if bar else "",
    ]


def _took(act: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU."""
    began, used = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - began, time.process_time() - used


# -- what waits -----------------------------------------------------------------------------------


def _bytes() -> None:
    """Memory of futures that wait for a host which accepts and never answers. What is measured
    first is kept meanwhile, so that none of its memory is used again."""
    before = _resident()
    bare: list[Future[object]] = [Future() for _ in range(PENDING)]
    alone = (_resident() - before) / PENDING
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        page = f"http://127.0.0.1:{silent.getsockname()[1]}/news/2024/article"
        urls = [f"{page}-{n:06}" for n in range(PENDING)]
        with Session(jitter=0, save_only=True, grace=0) as session:
            session.submit(f"{page}-first")
            _await_quiet()
            before = _resident()
            futures = [session.submit(url) for url in urls]
            _await_quiet()
            taken = (_resident() - before) / PENDING
            session.shutdown(wait=False, cancel_futures=True)
    print()
    print(
        f"{len(futures):,} pending futures: {taken:,.0f} bytes each, beside the text of its URL; "
        f"bar 2,600; {len(bare):,} of Python's own: {alone:,.0f}"
    )


def _resident() -> int:
    gc.collect()
    size = rss_bytes(os.getpid())
    if size is None:
        raise SystemExit(
            "how much memory a process has is known on Linux alone"
        )
    return size


def _await_quiet() -> None:
    """Until what was submitted is taken in."""
    while True:
        used = time.process_time()
        time.sleep(QUIET_SECONDS)
        if time.process_time() - used < QUIET_SHARE * QUIET_SECONDS:
            return
