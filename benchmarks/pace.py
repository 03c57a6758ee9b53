"""A host that permits so much and no more, on a real server: how near we come, and what is lost."""

from __future__ import annotations

import argparse
import subprocess
import threading
import time
from statistics import median

from msgspec import Struct

from benchmarks import contenders, table
from benchmarks.environments import clean
from benchmarks.played.behaviours import LATENCY
from benchmarks.played.limits import LIMITS, Limit
from benchmarks.played.world import Asked
from benchmarks.race import Contender
from benchmarks.scratch import Scratch
from scraper.faulty import FaultyServer, page, status
from scraper.faulty.server import Exchange

HEADERS = ("", "seconds", "of permitted", "least", "most", "done", "refused")
FLAGS = (
    "--save-only",
    "--allow-hosts",
    contenders.LOOPBACK,
    "--quiet",
    "--no-progress",
)
LIMIT_SECONDS = 7_200.0
QUICKEST_SECONDS = LATENCY / 4  # from one request to the next


class _Taken(Struct, frozen=True):
    """What one run took."""

    seconds: float
    done: int
    asked: int
    refused: int


class _LimitedSite:
    """Answers as the limit permits, by the wall clock; without a word of when to come again."""

    def __init__(self, limit: Limit) -> None:
        self.asked = self.refused = 0
        self._limit = limit
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._good, self._bad = page("<p>fine"), status(429)

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            at = time.monotonic() - self._began
            answer = self._limit(Asked(at, exchange.seen.path, self.asked))
            self.asked += 1
            self.refused += answer.status != 200
        exchange.wait(answer.after)
        (self._good if answer.status == 200 else self._bad)(exchange)


def measure(given: argparse.Namespace) -> None:
    """Run all who take part in turns, and print what the host has permitted and they have got."""
    peer = contenders.peer(
        "scrapy",
        "scrapy_save.py",
        "scrapy",
        contenders.count_files,
        cache=given.cache,
        only=given.only,
        arguments=["throttled"],
    )
    ours = Contender(
        "ours",
        lambda urls, out: contenders.command(urls, out, FLAGS),
        contenders.saved_bodies,
        clean(),
    )
    present = [ours] if contenders.wanted("ours", given.only) else []
    field = [*present, *([peer] if peer else [])]
    taken: dict[str, list[_Taken]] = {each.name: [] for each in field}
    for _ in range(given.rounds):
        for each in field:
            taken[each.name].append(_run(each, given))
    permitted = _seconds_permitted(LIMITS[given.limit](0.5), given.urls)
    print(
        f"{given.urls:,} URLs of a host that permits {given.limit}: {permitted:.0f} s"
    )
    rows = [_row(name, runs, permitted) for name, runs in taken.items()]
    table.show(HEADERS, rows)
    print(table.repeat())


def _seconds_permitted(limit: Limit, urls: int) -> float:
    """What somebody needs who knows the limit, for the URLs and robots.txt: who asks whenever a
    request would be answered."""
    at = 0.0
    for number in range(urls + 1):
        at += QUICKEST_SECONDS
        while limit(Asked(at, "/", number)).status != 200:
            at += QUICKEST_SECONDS
    return at


def _run(contender: Contender, given: argparse.Namespace) -> _Taken:
    site = _LimitedSite(LIMITS[given.limit](0.5))
    with Scratch() as scratch, FaultyServer(site) as server:
        urls, out = scratch.folder / "urls.txt", scratch.folder / "out"
        lines = [server.url(f"/{number}") for number in range(given.urls)]
        urls.write_text("\n".join(lines))
        began = time.monotonic()
        subprocess.run(
            contender.command(urls, out),
            env=contender.env,
            cwd=contender.cwd,
            stdout=subprocess.DEVNULL,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        seconds = time.monotonic() - began
        done = contender.came_out(out)
    table.say(f"{contender.name}: {done} of {given.urls} in {seconds:.1f} s")
    return _Taken(seconds, done, site.asked, site.refused)


def _row(name: str, runs: list[_Taken], permitted: float) -> list[str]:
    times = sorted(each.seconds for each in runs)
    return [
        name,
        f"{median(times):.1f}",
        f"{median(times) / permitted:.2f}",
        f"{times[0] / permitted:.2f}",
        f"{times[-1] / permitted:.2f}",
        str(min(each.done for each in runs)),
        f"{max(each.refused / each.asked for each in runs):.1%}",
    ]
