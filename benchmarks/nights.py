"""A folder after a year of nights: its size, its start, its memory, and what a 304 costs it.

Each night a hundredth of the pages is another, and the rest answers 304. Last come turns of the
folder of many passes, of a fresh one, and of that one's second pass.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Tree
from benchmarks.scratch import Scratch
from benchmarks.server import serving

PAGE_BYTES = 20_000
CHANGED_EACH = 100  # of so many pages one changes in a night
ROWS = 12
REFRESH = ("--save-only", "--refresh")
OF_AGE = ("--save-only", "--max-age", "1ms")
TOO_YOUNG = ("--save-only", "--max-age", "365d")
HEADERS = ("", "s", "first request s", "CPU us a URL", "PSS MB", "folder MB", "ledger MB",
           "records MB", "changes MB")  # fmt: skip
LOG_SECONDS = 3.0  # that the server may keep a line of its log to itself


@dataclass(frozen=True, slots=True)
class Night:
    """What one run took, in seconds, and what its folder has come to, in bytes."""

    wall: float
    first_request: float | None
    cpu: float
    memory: int | None
    folder: int
    ledger: int
    records: int
    changes: int


class Pages:
    """The pages that are served; a page that grows by a byte has another tag."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder, self._count, self._night = folder, count, 0
        folder.mkdir()
        for number in range(count):
            text = random.Random(number).randbytes(PAGE_BYTES // 2).hex()
            self._path(number).write_text(text, encoding="ascii")

    def names(self) -> Iterable[str]:
        return (self._path(number).name for number in range(self._count))

    def change(self) -> None:
        """Another hundredth each night."""
        self._night += 1
        begin = self._night % CHANGED_EACH
        for number in range(begin, self._count, CHANGED_EACH):
            with self._path(number).open("a", encoding="ascii") as file:
                file.write(".")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.html"


class Runs:
    """The program over the list of all pages, again and again."""

    def __init__(self, urls: Path, log: Path) -> None:
        self._urls, self._log = urls, log

    def take(self, folder: Path, flags: Sequence[str] = REFRESH) -> Night:
        """One run, measured. Ends the program if it fails."""
        said = folder.with_suffix(".log")
        offset, began_at = self._log.stat().st_size, time.time()
        command = contenders.ours(self._urls, folder, flags)
        with Tree(command, cwd=PROJECT, env=clean(), log=said) as tree:
            cost = tree.wait()
        if cost.exit:
            text = said.read_text(errors="replace")[-2_000:]
            raise SystemExit(f"exit {cost.exit}:\n{text}")
        first = self._first_arrival(offset, began_at)
        return Night(
            cost.wall,
            None if first is None else first - began_at,
            cost.cpu,
            cost.pss_bytes,
            _size(folder),
            _size(folder / ".scraper"),
            _size(folder / "records.jsonl"),
            _size(folder / "changes.jsonl"),
        )

    def _first_arrival(self, offset: int, began_at: float) -> float | None:
        deadline = time.monotonic() + LOG_SECONDS
        while time.monotonic() < deadline:
            with self._log.open(encoding="latin-1") as file:
                file.seek(offset)
                for line in file:
                    if (
                        line.endswith("\n")
                        and float(line.split()[0]) >= began_at
                    ):
                        return float(line.split()[0])
            time.sleep(0.05)
        return None


def measure(given: argparse.Namespace) -> None:
    """Let the nights pass, then compare the folder with a fresh one."""
    with Scratch(given.disk) as scratch:
        pages = Pages(scratch.folder / "served", given.urls)
        log = scratch.folder / "access.log"
        log.touch()
        with serving(scratch.folder / "served", log=log) as site:
            print(table.machine(site.name))
            urls = scratch.folder / "urls.txt"
            urls.write_text(
                "".join(f"{site.url}/{name}\n" for name in pages.names())
            )
            runs = Runs(urls, log)
            old = scratch.fresh()
            passed = _let_pass(runs, pages, old, given)
            _show_passed(passed, given.urls)
            _compare(runs, pages, old, scratch, given)
    print(table.repeat())


def _let_pass(
    runs: Runs, pages: Pages, folder: Path, given: argparse.Namespace
) -> list[Night]:
    deadline = time.monotonic() + 60 * given.minutes
    passed: list[Night] = []
    while len(passed) < given.nights and time.monotonic() < deadline:
        if passed:
            pages.change()
        passed.append(runs.take(folder))
        if len(passed) % 10 == 1:
            table.say(
                "  ".join(_cells(str(len(passed)), passed[-1:], given.urls))
            )
    return passed


def _show_passed(passed: Sequence[Night], urls: int) -> None:
    last = len(passed) - 1
    picked = sorted({round(last * n / (ROWS - 1)) for n in range(ROWS)})
    print()
    table.show(
        ["pass", *HEADERS[1:]],
        [_cells(str(each + 1), [passed[each]], urls) for each in picked],
    )


def _compare(
    runs: Runs, pages: Pages, old: Path, scratch: Scratch,
    given: argparse.Namespace,
) -> None:  # fmt: skip
    """Turns of all kinds of run, there and back again."""
    taken: dict[str, list[Night]] = {}
    for _ in range(given.rounds):
        fresh = scratch.fresh()
        for name, folder, flags in (
            ("first pass of a fresh folder", fresh, REFRESH),
            ("its second pass", fresh, REFRESH),
            ("next pass of the old folder", old, REFRESH),
            ("the same by --max-age", old, OF_AGE),
            ("nothing of that age", old, TOO_YOUNG),
        ):
            pages.change()
            night = runs.take(folder, flags)
            taken.setdefault(name, []).append(night)
        scratch.done_with(fresh)
    print()
    table.show(
        HEADERS,
        [_cells(name, nights, given.urls) for name, nights in taken.items()],
    )
    fresh_runs, old_runs = (
        taken["first pass of a fresh folder"],
        taken["next pass of the old folder"],
    )
    pairs = zip(old_runs, fresh_runs, strict=True)
    starts = [
        a.first_request / b.first_request
        for a, b in pairs
        if a.first_request and b.first_request
    ]
    print(
        f"first request of the old folder / of a fresh one: {table.ratio(starts)}; bar: at most 2"
    )


def _cells(name: str, nights: Sequence[Night], urls: int) -> list[str]:
    """Medians."""
    firsts = [each.first_request for each in nights if each.first_request]
    return [
        name,
        table.median([each.wall for each in nights], 1),
        table.median(firsts, 2),
        table.median([1e6 * each.cpu / urls for each in nights]),
        table.median([each.memory / 1e6 for each in nights if each.memory]),
        *(
            table.median([size / 1e6 for size in sizes], 1)
            for sizes in zip(
                *((n.folder, n.ledger, n.records, n.changes) for n in nights),
                strict=True,
            )
        ),
    ]


def _size(path: Path) -> int:
    """Of a file, or of all files below a folder."""
    if not path.is_dir():
        return path.stat().st_size if path.exists() else 0
    return sum(
        os.path.getsize(os.path.join(where, name))
        for where, _, names in os.walk(path)
        for name in names
    )
