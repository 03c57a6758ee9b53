"""One run folder in a played world: real runs of it, killed, resumed and repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from benchmarks.played.machine import NEVER, Killed, Machine
from benchmarks.played.world import World
from scraper.config import configure
from scraper.errors import LocalFault
from scraper.runner import Run
from scraper.sources.source import given_source

THREADS = 32
LONGEST_SECONDS = 86_400.0  # a run that is not over then has no end


class Hour(Struct, frozen=True):
    """Before which a URL is not to be asked: by the world's clock, and by that of a run."""

    world: float
    wall: float


class Ran(Struct):
    """One run: from when to when, by the world's clock, and how it ended."""

    number: int
    began: float
    ended: float
    skew: float  # of its wall clock
    not_before: Mapping[str, Hour]  # of URLs that it found unasked
    exit_code: int | None = None  # None: it was killed
    stopped: str | None = None

    @property
    def is_endless(self) -> bool:
        """Was it ended because it would not?"""
        return self.killed and self.ended - self.began >= LONGEST_SECONDS

    @property
    def killed(self) -> bool:
        """Did it end without a word?"""
        return self.exit_code is None


class Folder:
    """A folder, its list, and the runs of it so far."""

    def __init__(
        self, path: Path, world: World, urls: Sequence[str], **options: Any
    ) -> None:
        self.path = path
        self.world = world
        self.urls = urls
        self.runs: list[Ran] = []
        self._not_before: dict[str, Hour] = {}
        self._records_seen = 0
        self.config = configure(
            dir=str(path),
            threads=THREADS,
            save_only=True,
            allow_hosts=("*.test",),
            **options,
        )

    def run(self, *, skew: float = 0.0, kill_after: float = NEVER) -> Ran:
        """Run the list, as the same command would, to the end or to a kill after so long."""
        began = self.world.time
        number = len(self.runs) + 1
        known = dict(self._not_before)
        kill_at = began + min(kill_after, LONGEST_SECONDS)
        machine = Machine(self.world, number, skew, kill_at)
        sources = [given_source(self.urls, "list")]
        run = Run(sources, self.config, makers=machine.makers())
        code, stopped = None, None
        try:
            try:
                with _Killable(run):
                    for _ in run:
                        pass
            except LocalFault:
                pass
            code, stopped = run.report.exit_code, run.report.stopped
        except Killed:
            pass
        ended = self.world.time
        ran = Ran(number, began, ended, skew, known, code, stopped)
        self.runs.append(ran)
        self._note_hours(skew)
        return ran

    def _note_hours(self, skew: float) -> None:
        """Read what the last run has written about hours."""
        records = self.records()
        for record in records[self._records_seen :]:
            written, url = record.get("not_before"), record["canonical_url"]
            if written is None:
                self._not_before.pop(url, None)
            else:
                wall = datetime.fromisoformat(written).timestamp()
                self._not_before[url] = Hour(wall - skew, wall)
        self._records_seen = len(records)

    def wait(self, seconds: float) -> None:
        """Nothing runs for so long."""
        self.world.time += seconds

    def records(self) -> list[dict[str, Any]]:
        """Every record, oldest first."""
        file = self.path / "records.jsonl"
        lines = file.read_bytes().splitlines() if file.exists() else ()
        return [orjson.loads(line) for line in lines]

    def last_records(self) -> dict[str, dict[str, Any]]:
        """Of each URL the record that counts."""
        return {each["canonical_url"]: each for each in self.records()}

    def count_pending(self) -> int:
        """URLs that wait, as the next run would find them."""
        db = sqlite3.connect(self.path / ".scraper" / "ledger.sqlite")
        try:
            (count,) = db.execute(
                "SELECT count(*) FROM url WHERE state = 'pending'"
            ).fetchone()
            return int(count)
        finally:
            db.close()


class _Killable:
    """A run that is entered like any other, and left in one of two ways: closed, or, when it is
    killed, only given back what would be gone with its process: files, lock, ledger."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._run.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *more: object) -> None:
        if kind is None or not issubclass(kind, Killed):
            self._run.close()
            return
        # What is not committed is rolled back, and nothing is concluded.
        self._run._resources.close()
