"""Nights over a site that changes by a schedule, and what is to be told of each.

`python -m tests.stories.year --urls 2000 --nights 365 --seed 7` plays a year; the suite some weeks.
Coordinator, ledger, journal and sinks are the real ones; the site and the clock are played
(simulated.py). The truth is worked out from the schedule alone, with rules of its own; only whether
a URL was asked at all, or given up with its host, is read from the records. In each tenth night the
run is killed at some write, and goes on. What turns is given to a command in notices, at least
once: by their ids, each change is in one of them, and broken and recovered take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scraper import errors, journal
from scraper.config import configure
from scraper.http import bodies
from scraper.http.flight import Flight
from scraper.model import Fact, Fetched, FetchFailed, Moved, Timings
from scraper.runner import Run
from scraper.sources.source import file_sources
from scraper.urls import parts_of
from tests.stories import writes
from tests.stories.simulated import (
    BUG,
    CRASHED,
    START,
    Deck,
    Web,
    _Fate,
    _Once,
    makers_of,
)

HOSTS = ("a.test", "b.test", "c.test")
DAY = 86_400.0
KILLED_EACH = 10  # nights
# What keeps a URL from being had for one night.
TROUBLES = ("500", "403", "lost", "block")
NOT_ASKED = errors.UNASKED
FINISHED = 0


@dataclass
class Page:
    """How a URL is on one night."""

    version: int = 0
    missing: int = 0  # the status with which it says so
    is_listed: bool = True
    home: int = 0  # where it has moved to for good
    trouble: str = ""


@dataclass
class Year:
    """What the site does, night by night."""

    urls: int
    nights: int
    seed: int
    schedule: list[list[Page]] = field(default_factory=list)
    # Nights on which the list is empty, all is missing, or a host is down.
    empty: frozenset[int] = frozenset()
    all_missing: frozenset[int] = frozenset()
    down: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        odd = draw.sample(range(2, self.nights), max(6, self.nights // 12))
        third = len(odd) // 3
        self.empty = frozenset(odd[:third])
        self.all_missing = frozenset(odd[third : 2 * third])
        self.down = {each: draw.choice(HOSTS) for each in odd[2 * third :]}
        pages = [Page() for _ in range(self.urls)]
        for night in range(self.nights):
            pages = [_next_of(page, draw, night) for page in pages]
            self.schedule.append(pages)

    def url(self, number: int) -> str:
        return f"http://{HOSTS[number % len(HOSTS)]}/{number}/data.zip"

    def listed(self, night: int) -> list[int]:
        if night in self.empty:
            return []
        pages = self.schedule[night]
        return [n for n, page in enumerate(pages) if page.is_listed]


def _next_of(page: Page, draw: random.Random, night: int) -> Page:
    """The next night of a URL: most are as they were."""
    after = Page(page.version, page.missing, page.is_listed, page.home)
    if night == 0:
        after.is_listed = draw.random() < 0.97
    elif draw.random() < 0.05:
        event = draw.randrange(5)
        if event < 2:
            after.version += 1
        elif event == 2:
            after.missing = 0 if page.missing else draw.choice((404, 410))
        elif event == 3:
            after.is_listed = not page.is_listed
        else:
            after.home += 1
    if draw.random() < 0.04:
        after.trouble = draw.choice(TROUBLES)
    return after


# -- the site ----------------------------------------------------------------------------------


class Site(Web):
    """Answers by the schedule."""

    def __init__(
        self, *given: Any, year: Year, night: int, **more: Any
    ) -> None:
        super().__init__(*given, **more)
        self._year = year
        self._night = night

    def fetch(self, flight: Flight) -> Fact:
        flight.begin()
        task = flight.task
        number = int(urlsplit(task.origin_url.href).path.split("/")[1])
        page = self._year.schedule[self._night][number]
        if flight.abort_reason is not None:
            return self._came_to_nothing(task, flight.abort_reason)
        if self._year.down.get(self._night) == task.url.host:
            why = errors.new_failure("connect_refused", "nobody is there")
            return self._came_to_nothing(task, why)
        status = 404 if self._night in self._year.all_missing else page.missing
        if page.trouble == "lost":
            why = errors.new_failure("connection_lost", "lost")
            return self._came_to_nothing(task, why)
        if page.trouble.isdigit():
            status = int(page.trouble)
        if status and page.trouble != "block":
            return self._came_to_nothing(task, errors.of_status(status, "No"))
        return self._came_by(flight, number, page)

    def _came_to_nothing(self, task: Any, failure: Any) -> FetchFailed:
        answered = failure.kind != "connect_refused"
        at = self._deck.now()
        return FetchFailed(task, failure, task.url, at, answered=answered)

    def _came_by(self, flight: Flight, number: int, page: Page) -> Fact:
        task, at = flight.task, self._deck.now()
        if page.home and not task.hops:
            host = task.url.host
            home = parts_of(f"http://{host}/{number}/{page.home}/data.zip")
            return Moved(task, home, 301, at)
        is_block = page.trouble == "block"
        tag = f'"{page.version}"'
        has_tags = number % 3 > 0  # the others know no validators
        stored = task.stored
        common: dict[str, Any] = {
            "task": task, "url": task.url, "charset": None, "wire_bytes": 0, "at": at,
            "kind": "page" if is_block else "file",
            "type": "text/html" if is_block else "application/zip",
            "headers": (("etag", tag),) if has_tags and not is_block else (),
            "timings": Timings(),
        }  # fmt: skip
        if has_tags and stored and stored.etag == tag and not is_block:
            return Fetched(**common, status=304, part=None, sha256=stored.sha256,
                           bytes=stored.bytes or 0)  # fmt: skip
        part = f"{task.id}-{flight.request_id}.part"
        said = "Access denied" if is_block else f"{number} {page.version}"
        body = bodies.save_body(_Once(said.encode()), f"{self._folder_of_parts}/{part}",
                                length=None, encoding=None, max_bytes=10_000)  # fmt: skip
        return Fetched(**common, status=200, part=part, bytes=body.bytes,
                       sha256=body.sha256)  # fmt: skip


def play(
    year: Year, night: int, folder: Path, crash_at: tuple[str, int] = ("", 0)
) -> int:
    """A run in a process of its own; its exit code, or CRASHED."""
    with warnings.catch_warnings():
        # fork beside idle threads of others
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = BUG
        try:
            code = _played(year, night, folder, crash_at)
        except BaseException:  # noqa: BLE001  only the parent may go on
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _played(
    year: Year, night: int, folder: Path, crash_at: tuple[str, int]
) -> int:
    deck = Deck(random.Random(year.seed * 1_000 + night), START + night * DAY)
    patch = pytest.MonkeyPatch()  # never undone: this process ends
    patch.setattr(journal, "BATCH", 16)
    writes.watch(patch, folder, _Fate(crash_at).step)
    makers = makers_of(deck)
    makers = type(makers)(
        inbox=makers.inbox, clock=makers.clock, threads=makers.threads,
        fetcher=partial(Site, deck=deck, fault_at=0, well=True, year=year, night=night),
        frontier=makers.frontier, reader=makers.reader,
    )  # fmt: skip
    lst = folder / "urls.txt"
    config = configure(dir=str(folder / "run"), threads=8, robots="off", allow_hosts=HOSTS,
                       retries=1, per_host=8, save_only=True,
                       notify=("sh", "-c", f"cat >> '{folder}/notices'"))  # fmt: skip
    with Run(
        file_sources(str(lst)), config, refresh=True, makers=makers
    ) as run:
        for _ in run:
            pass
    return run.report.exit_code if run.complete else BUG


# -- the truth ---------------------------------------------------------------------------------


@dataclass
class Truth:
    """What is known of each URL, and what each night is to tell."""

    year: Year
    good: dict[int, tuple[int, int]] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)

    def night(
        self, night: int, given_up: set[int]
    ) -> tuple[dict[int, str], bool]:
        """By URL what is told, and whether too much is missing to be believed."""
        told: dict[int, str] = {}
        missing: set[int] = set()
        known = len(self.good.keys() - self.gone)
        listed = self.year.listed(night)
        for number in listed:
            page = self.year.schedule[night][number]
            is_missing = page.missing or night in self.year.all_missing
            if number in given_up or page.trouble:
                if (
                    number in self.good
                    and number not in self.gone | self.unknown
                ):
                    told[number] = "unknown"
                    self.unknown.add(number)
            elif is_missing:
                missing.add(number)
            else:
                word = self._word_of_good(number, page)
                if word:
                    told[number] = word
        missing |= self.good.keys() - set(listed)
        missing &= self.good.keys() - self.gone
        missing -= told.keys()
        is_much = len(missing) > max(1, 0.2 * known) or not listed
        if not is_much:
            told |= dict.fromkeys(missing, "gone")
            self.gone |= missing
            self.unknown -= missing
        return told, is_much

    def _word_of_good(self, number: int, page: Page) -> str:
        now = (page.version, page.home)
        before = self.good.get(number)
        self.good[number] = now
        if before is None:
            return "new"
        if number in self.gone:
            self.gone.remove(number)
            return "back"
        was_unknown = number in self.unknown
        self.unknown.discard(number)
        if now[1] != before[1]:
            return "moved"
        if now[0] != before[0]:
            return "changed"
        return "back" if was_unknown else ""


# -- told --------------------------------------------------------------------------------------


def nights(year: Year, folder: Path) -> Iterator[tuple[int, Counter[str], int]]:
    """Play them all; of each what was told, and how often it was killed. Raises AssertionError."""
    truth = Truth(year)
    draw = random.Random(year.seed)
    number_of = {year.url(n): n for n in range(year.urls)}
    run = folder / "run"
    lines_before = records_before = 0
    for night in range(year.nights):
        (folder / "urls.txt").write_text(
            "".join(f"{year.url(n)}\n" for n in year.listed(night))
        )
        kills = 0
        if night % KILLED_EACH == KILLED_EACH - 1:
            kills = _kill(year, night, folder, draw)
        code = play(year, night, folder)
        records = _lines(run / "records.jsonl", records_before)
        records_before += len(records)
        given_up = {
            number_of[each["canonical_url"]]
            for each in records
            if each["state"] == "failed" and each["error_kind"] in NOT_ASKED
        }
        expected, is_much = truth.night(night, given_up)
        lines = _lines(run / "changes.jsonl", lines_before)
        lines_before += len(lines)
        told = {number_of[each["url"]]: each["change"] for each in lines}
        assert len(told) == len(lines), f"night {night}: a URL twice"
        wrong = {
            number: (told.get(number), expected.get(number))
            for number in told.keys() | expected.keys()
            if told.get(number) != expected.get(number)
        }
        assert not wrong, f"night {night}: told, true: {wrong}"
        assert code in (3, 4, 5) or not is_much, f"night {night}: exit {code}"
        yield night, Counter(told.values()), kills
    changes = _lines(run / "changes.jsonl", 0)
    ids = [each["id"] for each in changes]
    assert len(ids) == len(set(ids))
    _check_notices(_lines(folder / "notices", 0), changes)


def _check_notices(
    taken: list[dict[str, Any]], changes: list[dict[str, Any]]
) -> None:
    """What is delivered twice, after a kill, says the same; each id is an edge."""
    notices: dict[str, dict[str, Any]] = {}
    for each in taken:
        assert notices.setdefault(each["id"], each) == each
    serials = [int(id.rpartition("-")[2]) for id in notices]
    assert serials == list(range(1, len(notices) + 1))
    events = [each["event"] for each in notices.values()]
    told = Counter[str]()
    for each in notices.values():
        told += Counter(each.get("counts", {}))
    # Of the first pass all is new, and what is not known is no news.
    assert told == Counter(
        each["change"]
        for each in changes
        if each["pass"] > 1 and each["change"] != "unknown"
    )
    health = [each for each in events if each != "changes"]
    assert set(health) <= {"broken", "recovered"}
    for before, after in pairwise(health):
        assert (before, after) != ("recovered", "recovered")
    if health:
        assert health[0] == "broken"


def _kill(year: Year, night: int, folder: Path, draw: random.Random) -> int:
    """Until it dies no more before it ends."""
    kills = 0
    for name in draw.sample(
        ("sql COMMIT", "write sink", "rename", "sql UPDATE"), 2
    ):
        crash_at = (name, draw.randint(1, 12))
        code = play(year, night, folder, crash_at)
        if code != CRASHED:
            break
        kills += 1
    return kills


def _lines(path: Path, skipped: int) -> list[dict[str, Any]]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines[skipped:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--urls", type=int, default=2000)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    began, total, deaths = time.monotonic(), Counter[str](), 0
    with tempfile.TemporaryDirectory() as name:
        year = Year(given.urls, given.nights, given.seed)
        for night, told, kills in nights(year, Path(name)):
            total += told
            deaths += kills
            print(
                f"night {night:3}: {dict(told)}, killed {kills} times",
                flush=True,
            )
        sizes = {
            each: (Path(name) / "run" / each).stat().st_size
            for each in (
                "records.jsonl",
                "changes.jsonl",
                ".scraper/ledger.sqlite",
            )
        }
    print(f"all as it is true: {dict(total)}; {deaths} kills; "
          f"{time.monotonic() - began:.0f} s; {sizes}")  # fmt: skip


if __name__ == "__main__":
    main()
