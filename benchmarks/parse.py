"""A page's facts beside the same six by parsel: what parsing alone costs, no network, no run.

Each contender is a process of its own that has read all pages. It parses them once in each round,
there and back: A B C, C B A, ...; what counts is the CPU time that it used.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import sets, table
from benchmarks.environments import PEERS, PROJECT, Missing, clean, python_for
from benchmarks.scratch import Scratch

OWN = Path(__file__).with_name("own_parse.py")


class Reader:
    """A process that does all of its work once for each line that it is given."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.seconds: list[float] = []
        self._process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str = "") -> float | None:
        """The seconds of CPU that it took; None, at once, if the process has ended."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(f"{line}\n")
            requests.flush()
        except BrokenPipeError:
            return None
        answer = answers.readline()
        return float(answer) if answer else None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def measure(given: argparse.Namespace) -> None:
    """Parse the pages in turns with all who take part, and print the table."""
    with Scratch() as scratch:
        folder = scratch.folder / "pages"
        served = sets.pages(given.corpus, folder, given.urls)
        print(table.machine("no server"))
        print(
            f"{given.urls:,} pages, {served.bytes / 1e6:.1f} MB ({served.origin})"
        )
        readers = _readers(given, folder)
        try:
            present = take_turns(readers, given.rounds)
        finally:
            for each in readers:
                each.close()
    show_readers(present, given.urls)
    print(table.repeat())


def take_turns(readers: Sequence[Reader], rounds: int) -> list[Reader]:
    """There and back again; those who can do it."""
    present = _warm_up(readers)
    for number in range(rounds):
        for each in present if number % 2 else reversed(present):
            seconds = each.ask()
            assert seconds is not None, f"{each.name} has ended"
            each.seconds.append(seconds)
    return present


def _readers(given: argparse.Namespace, folder: Path) -> list[Reader]:
    readers = []
    checkouts = [("ours", PROJECT)]
    checkouts += [(f"in {each}", each.resolve()) for each in given.against]
    for name, checkout in checkouts:
        env = clean() | {"PYTHONPATH": str(checkout)}
        for facts in ("basic", "full"):
            # -P: not the folder of this script, but the checkout comes first.
            command = [sys.executable, "-P", str(OWN), str(folder), facts]
            readers.append(Reader(f"{name} {facts}", command, env))
    try:
        parsel = python_for("scrapy", given.cache)
    except Missing as reason:
        table.say(f"parsel is left out, it cannot be installed: {reason}")
        return readers
    script = str(PEERS / "parsel_facts.py")
    return [Reader("parsel", [parsel, script, str(folder)], clean()), *readers]


def _warm_up(readers: Sequence[Reader]) -> list[Reader]:
    """Those who can do it."""
    present = []
    for each in readers:
        if each.ask() is None:
            table.say(f"{each.name} is left out")
        else:
            present.append(each)
    return present


def show_readers(readers: Sequence[Reader], pages: int) -> None:
    """The table; the first row is the one that the others are compared with."""
    first = readers[0]
    headers = [
        "",
        "pages/s of a core",
        "CPU-ms/page",
        "least",
        f"{first.name} / it",
    ]
    rows = []
    for each in readers:
        pairs = zip(first.seconds, each.seconds, strict=True)
        rows.append([
            each.name,
            table.median([pages / seconds for seconds in each.seconds]),
            f"{statistics.median(each.seconds) / pages * 1000:.2f}",
            f"{min(each.seconds) / pages * 1000:.2f}",
            table.ratio([theirs / own for theirs, own in pairs]),
        ])  # fmt: skip
    print()
    table.show(headers, rows)
    print(
        "CPU time; medians of the rounds; ratios pair by pair: median (least-largest)"
    )
