"""Ten hosts that accept and never answer, beside ten good ones: what do the good ones lose?"""

from __future__ import annotations

import argparse
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Tree
from benchmarks.scratch import Scratch
from benchmarks.server import serving

HOSTS = 10
BAR = 1.3
LIMIT_SECONDS = 300.0
LOG = "access.log"
FLAGS = ("--save-only", "--allow-hosts", contenders.LOOPBACK, "--quiet", "--no-progress",
         "-j", "16", "--timeout", "2", "--connect-timeout", "2")  # fmt: skip


def measure(given: argparse.Namespace) -> None:
    """Measure pairs (alone, beside silent ones), and print the ratio.

    A time is from the start of the program until the last record of a good host is in the file;
    the records are committed each second, so short lists exaggerate. The last request of a good
    host, by the server's log, is printed beside it.
    """
    count = HOSTS * given.urls
    alone: list[_Taken] = []
    beside: list[_Taken] = []
    ratios: list[float] = []
    asked: list[float] = []
    with (
        Scratch() as scratch,
        serving(
            body="good",
            delay=max(given.latency, 1e-6),
            log=scratch.folder / LOG,
        ) as site,
        socket.create_server(("127.0.0.1", 0), backlog=4_096) as silent,
    ):
        print(
            table.machine(
                f"{site.name}, {given.latency * 1000:g} ms before each answer"
            )
        )
        good = [[f"http://g{h}.localhost:{site.port}/{n}" for h in range(HOSTS)]
                for n in range(given.urls)]  # fmt: skip
        port = silent.getsockname()[1]
        bad = [[f"http://s{h}.localhost:{port}/{n}" for h in range(HOSTS)]
               for n in range(given.urls)]  # fmt: skip
        lists = scratch.folder / "alone.txt", scratch.folder / "beside.txt"
        lists[0].write_text(_lines(good))
        lists[1].write_text(
            _lines([b + g for b, g in zip(bad, good, strict=True)])
        )
        for number in range(given.rounds):
            alone.append(_taken(scratch, lists[0], count))
            beside.append(_taken(scratch, lists[1], count))
            ratios.append(beside[-1].records / alone[-1].records)
            asked.append(beside[-1].asked / alone[-1].asked)
            table.say(f"pair {number + 1}: alone {alone[-1].records:.2f} s, beside silent hosts "
                      f"{beside[-1].records:.2f} s, ratio {ratios[-1]:.2f}")  # fmt: skip
    table.show(
        ["good hosts", "alone s", "beside silent s", "beside / alone"],
        [["all their records are there", table.median([each.records for each in alone], 2),
          table.median([each.records for each in beside], 2), table.ratio(ratios)],
         ["their last request", table.median([each.asked for each in alone], 2),
          table.median([each.asked for each in beside], 2), table.ratio(asked)]],
    )  # fmt: skip
    print(
        f"{HOSTS} + {HOSTS} hosts, {given.urls} URLs each, 16 threads; bar: at most {BAR}"
    )
    print(table.repeat())


def _lines(groups: list[list[str]]) -> str:
    return "".join(f"{url}\n" for group in groups for url in group)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Seconds from the start until the good hosts' last request, and their last record."""

    asked: float
    records: float


def _taken(scratch: Scratch, urls: Path, count: int) -> _Taken:
    folder = scratch.fresh()
    log = folder.with_suffix(".log")
    began_at = time.time()
    command = [*contenders.ours(urls, folder, ())[:6], *FLAGS]
    with Tree(command, cwd=PROJECT, env=clean(), log=log) as tree:
        seen = _Records(folder / "records.jsonl")
        while (
            seen.good() < count
            and time.perf_counter() - tree.began < LIMIT_SECONDS
        ):
            running = tree.running
            time.sleep(0.01)
            if not running and seen.good() < count:
                said = log.read_text(errors="replace")[-1_000:]
                raise SystemExit(
                    f"ended with {seen.good()} of {count} records: {said}"
                )
        seconds = time.perf_counter() - tree.began
    scratch.done_with(folder)
    if seen.good() < count:
        raise SystemExit(
            f"{seen.good()} of {count} good records after {LIMIT_SECONDS:.0f} s"
        )
    return _Taken(_last_request(scratch.folder / LOG) - began_at, seconds)


def _last_request(log: Path) -> float:
    return float(log.read_text(encoding="latin-1").splitlines()[-1].split()[0])


class _Records:
    """Counts the good hosts' done records as the file grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._good = path, 0, 0

    def good(self) -> int:
        """How many there are by now."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                whole = file.read().rpartition(b"\n")[0]
            self._offset += len(whole) + bool(whole)
            self._good += sum(
                b'"state":"done"' in line and b'"url":"http://g' in line
                for line in whole.split(b"\n")
            )
        return self._good
