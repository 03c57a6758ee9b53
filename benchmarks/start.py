"""How long a start takes: `--help`, until the first request arrives, a run of one URL.

Seconds and CPU are those of the command with all its processes; until the first request, what they
had used by then.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Tree
from benchmarks.scratch import Scratch
from benchmarks.server import Site, serving

URLS = 10
PAGE = "<!DOCTYPE html><title>One</title><p>The only page of its list."


@dataclass(frozen=True, slots=True)
class Taken:
    """What one start took, in seconds."""

    wall: float
    cpu: float


Start = Callable[[Path, Scratch], Taken]


@dataclass(slots=True)
class Row:
    """One kind of start, of one checkout, round by round."""

    name: str
    checkout: Path
    start: Start
    taken: list[Taken] = field(default_factory=list)


def measure(given: argparse.Namespace) -> None:
    """Start the program again and again, in turns with other checkouts, and print the medians."""
    checkouts = [PROJECT, *(each.resolve() for each in given.against)]
    with Scratch() as scratch:
        folder = scratch.folder / "served"
        folder.mkdir()
        (folder / "one.html").write_text(PAGE, encoding="ascii")
        with serving(folder) as site:
            print(table.machine(f"a socket that notes requests, {site.name}"))
            starts = _starts(site)
            rows = [
                Row(name, checkout, start)
                for name, start in starts.items()
                for checkout in checkouts
            ]
            _take_turns(rows, given.rounds, scratch)
    _show(rows, checkouts)
    print(table.repeat())


def _starts(site: Site) -> dict[str, Start]:
    def until_request(*flags: str) -> Start:
        return lambda checkout, scratch: _first_request(
            checkout, scratch, flags
        )

    return {
        "python -c pass": lambda checkout, scratch: _whole(
            [sys.executable, "-c", "pass"], checkout, scratch
        ),
        "--help": lambda checkout, scratch: _whole(
            [sys.executable, "-m", "scraper", "--help"], checkout, scratch
        ),
        "first request": until_request(),
        "first request, --save-only": until_request("--save-only"),
        "run of one URL": lambda checkout, scratch: _one_url(
            f"{site.url}/one.html", checkout, scratch
        ),
    }


def _take_turns(rows: Sequence[Row], rounds: int, scratch: Scratch) -> None:
    """There and back again, so that what drifts on this machine favours nobody."""
    for number in range(rounds + 1):
        for row in rows if number % 2 else reversed(rows):
            taken = row.start(row.checkout, scratch)
            if number:  # the first round warms the caches
                row.taken.append(taken)


def _show(rows: Sequence[Row], checkouts: Sequence[Path]) -> None:
    cells = []
    for number, row in enumerate(rows):
        first = rows[number - number % len(checkouts)]
        cells.append(_cells(row, first))
    table.show(
        ["", "s", "least", "largest", "CPU ms", "this / it", "CPU this / it"],
        cells,
    )
    print(
        "s and CPU: medians; this / it: this checkout's time over the row's, "
        "pair by pair: median (least-largest)"
    )


def _cells(row: Row, first: Row) -> list[str]:
    walls = [each.wall for each in row.taken]
    cpus = [1000 * each.cpu for each in row.taken]
    cells = [
        row.name if row is first else f"  in {row.checkout}",
        table.median(walls, 3),
        f"{min(walls):.3f}",
        f"{max(walls):.3f}",
        table.median(cpus),
    ]
    if row is first:
        return [*cells, "", ""]
    pairs = list(zip(first.taken, row.taken, strict=True))
    return [
        *cells,
        table.ratio([a.wall / b.wall for a, b in pairs]),
        table.ratio([a.cpu / b.cpu for a, b in pairs]),
    ]


# -- starts ---------------------------------------------------------------------------------------


def _whole(command: Sequence[str], checkout: Path, scratch: Scratch) -> Taken:
    """From the start of a command to its end."""
    log = scratch.fresh().with_suffix(".log")
    with Tree(command, cwd=checkout, env=clean(), log=log) as tree:
        cost = tree.wait()
    if cost.exit:
        _complain(f"exit {cost.exit}", log)
    return Taken(cost.wall, cost.cpu)


def _one_url(url: str, checkout: Path, scratch: Scratch) -> Taken:
    urls = scratch.folder / "one.txt"
    urls.write_text(f"{url}\n", encoding="ascii")
    folder = scratch.fresh()
    taken = _whole(contenders.ours(urls, folder, ()), checkout, scratch)
    scratch.done_with(folder)
    return taken


def _first_request(
    checkout: Path, scratch: Scratch, flags: Sequence[str]
) -> Taken:
    """From the start of a command to its first request, which is not answered."""
    folder = scratch.fresh()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        urls = scratch.folder / "ten.txt"
        port = listener.getsockname()[1]
        urls.write_text(
            "".join(f"http://127.0.0.1:{port}/{n}\n" for n in range(URLS))
        )
        arrival = _Arrival(listener)
        arrival.start()
        command = contenders.ours(urls, folder, flags)
        log = folder.with_suffix(".log")
        with Tree(command, cwd=checkout, env=clean(), log=log) as tree:
            arrived = arrival.within(60)
            tree.kill()
            cost = tree.wait()
    if arrived is None:
        _complain("no request within a minute", log)
    scratch.done_with(folder)
    return Taken(arrived - tree.began, cost.cpu)


def _complain(trouble: str, log: Path) -> NoReturn:
    raise SystemExit(f"{trouble}:\n{log.read_text(errors='replace')[-2000:]}")


class _Arrival(threading.Thread):
    """Notes when the first bytes of a request arrive; answers nothing, the run is ended then."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(daemon=True)
        self._listener = listener
        self._at: float | None = None
        self._came = threading.Event()

    def within(self, seconds: float) -> float | None:
        """The time of the first request, waited for."""
        self._came.wait(seconds)
        return self._at

    def run(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(1)
                self._at = time.perf_counter()
                self._came.set()
        except OSError:
            self._came.set()  # closed: nobody came
