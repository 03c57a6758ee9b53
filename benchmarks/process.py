"""Pictures of this machine through `process`, and through a bare pool over the same function."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import orjson

from benchmarks import race, sets, table
from benchmarks.environments import PROJECT, clean
from benchmarks.scratch import Scratch

PROCESSES = str(os.cpu_count() or 1)


def measure(given: argparse.Namespace) -> None:
    """Both in turns over the same pictures; print the table."""
    field = [
        race.Contender("process", _ours, _records, clean()),
        race.Contender(
            "bare pool", _bare, _made, clean() | {"PYTHONPATH": str(PROJECT)}
        ),
    ]
    with Scratch() as scratch:
        folder = scratch.folder / "pictures"

        def make_folder(count: int) -> Path:
            place = folder / str(count)
            if not place.exists():
                folder.mkdir(exist_ok=True)
                sets.pictures(given.corpus, given.cache, place, count)
            return place

        rows = race.race(
            field, make_folder, given.pictures, given.rounds, scratch
        )
    race.show(rows, given.pictures, "picture")
    print(table.repeat())


def _ours(pictures: Path, out: Path) -> list[str]:
    command = [sys.executable, "-m", "scraper", "process", str(pictures)]
    return [*command, "-d", str(out), "-p", PROCESSES, "-q", "--no-progress"]


def _bare(pictures: Path, out: Path) -> list[str]:
    script = PROJECT / "benchmarks" / "own_process.py"
    return [sys.executable, str(script), str(pictures), str(out), PROCESSES]


def _records(out: Path) -> int:
    with (out / "records.jsonl").open("rb") as file:
        return sum(
            bool(record["processed"]) for record in map(orjson.loads, file)
        )


def _made(out: Path) -> int:
    return sum(1 for _ in out.iterdir())
