"""The disk is full, at whatever write: exit 5, nothing lost, the same command finishes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import journal
from scraper.config import Config
from scraper.engine import Makers
from scraper.faulty import FaultyServer, body
from scraper.workers.stage import Limits, Processing, ProcessStage
from tests.conftest import Scrape, Scraped
from tests.stories import kills, places, writes
from tests.stories.runs import run_with

SITE = kills.Site(6)  # a redirect and a picture among them
ARGUMENTS = ("--robots", "off", "--no-progress", "-j", "1")


Place = tuple[str, int]  # a kind of write, and the how many-th of its kind


class Disk:
    """Takes no write from `full_at` on; not `lasting`, all but that one."""

    def __init__(
        self, full_at: Place | None = None, lasting: bool = False
    ) -> None:
        self.writes: list[Place] = []
        self.met: list[str] = []  # the writes that it did not take
        self._counts: Counter[str] = Counter()
        self._full_at = full_at
        self._lasting = lasting
        self._lock = threading.Lock()

    def step(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1
            place = name, self._counts[name]
            self.writes.append(place)
            if place == self._full_at or (self._lasting and self.met):
                self.met.append(name)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(SITE.answer) as server:
        yield server


def run_on(disk: Disk, scrape: Scrape, names: str, dir: str) -> Scraped:
    with pytest.MonkeyPatch.context() as patch:
        writes.watch(patch, scrape.folder / dir, disk.step)
        return scrape.here(names, *ARGUMENTS, dir=dir)


@pytest.mark.parametrize(
    "lasting", [True, False], ids=["and stays full", "for a moment"]
)
def test_each_write_in_turn_meets_a_full_disk(
    lasting: bool,
    scrape: Scrape,
    server: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each kind the first, the last, and some between: see `places`."""
    monkeypatch.setattr(journal, "BATCH", 4)  # two commits
    names = scrape.list_of(*(server.url(path) for path in SITE.paths()))
    empty = Disk()
    run_on(empty, scrape, names, "whole")
    met: set[str] = set()
    for chosen in places.selected([name for name, _ in empty.writes]):
        folder = scrape.folder / f"run{chosen}"
        disk = Disk(empty.writes[chosen], lasting)
        done = run_on(disk, scrape, names, folder.name)
        where = f"write {empty.writes[chosen]} ({', '.join(disk.met[:3])}): {done.stderr}"
        if disk.met and not (
            "could not write the summary" in done.stderr and done.code == 0
        ):
            assert done.code == 5, where
            assert done.stderr.count("no space left") == 1, where
            met.add(disk.met[0])
        else:  # every outcome stands; the next run says so once more
            assert len(done.records) == SITE.urls, where
        assert len({each["key"] for each in done.records}) == len(
            done.records
        ), where

        again = scrape.here(names, *ARGUMENTS, dir=folder.name)
        assert again.code == 0, f"{where}; then {again.stderr}"
        kills.check(folder, SITE, SITE.urls, variants=())
        summary = json.loads((folder / "summary.json").read_bytes())
        assert (summary["done"], summary["urls"]) == (SITE.urls, SITE.urls), (
            where
        )
    assert met >= {"mkdir", "open part", "write part", "close part", "open sink", "write sink",
                   "rename", "sql COMMIT", "sql UPDATE"}  # fmt: skip


def test_a_full_disk_under_a_worker_stops_the_run_and_loses_nothing(
    tmp_path: Path, server: FaultyServer
) -> None:
    config = scraper.configure(
        dir=str(tmp_path / "run"), robots="off", threads=2, processes=1
    )
    urls = [server.url(path) for path in SITE.paths()]
    processing = Processing(function="tests.villains:full_disk")

    def stage(config: Config, processes: int, post: Any) -> ProcessStage:
        return ProcessStage(processes, Limits(60.0, 2**30), processing, post)

    with pytest.raises(scraper.LocalFault, match="no space left"):
        run_with(Makers(stage=stage), urls, config)
    for line in (tmp_path / "run" / "records.jsonl").read_bytes().splitlines():
        assert json.loads(line)["kind"] == "page"
    assert not list((tmp_path / "run").glob("processed/**/*.*"))

    assert scraper.run(urls, config).exit_code == 0
    kills.check(tmp_path / "run", SITE, SITE.urls)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of this size, mounted on a folder; skips where that is not permitted."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    command = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={size}",
        "tmpfs",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system does not let us mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(scrape: Scrape) -> None:
    site = kills.Site(150)
    (scrape.folder / "run").mkdir()
    with (
        FaultyServer(site.answer) as server,
        _small_disk(scrape.folder / "run", "600k"),
    ):
        names = scrape.list_of(*(server.url(path) for path in site.paths()))
        full = scrape(names, "-p", "1", *ARGUMENTS)
        assert full.code == 5, full.stderr
        assert "no space left" in full.stderr
        assert "Traceback" not in full.stderr
        # Still full: refused with the same words, and nothing is spoilt.
        still = scrape(names, "-p", "1", *ARGUMENTS)
        assert still.code == 5, still.stderr
        assert "Traceback" not in still.stderr

        larger = ["mount", "-o", "remount,size=64m", str(scrape.folder / "run")]
        subprocess.run(larger, check=True, capture_output=True)
        again = scrape(names, "-p", "1", *ARGUMENTS)
        assert again.code == 0, again.stderr
        kills.check(scrape.folder / "run", site, site.urls)
        assert kills.none_left(scrape.folder / "run", 5)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_limit_on_the_size_of_a_file_is_named_and_costs_nothing(
    scrape: Scrape, tmp_path: Path
) -> None:
    """`ulimit -f`: there is room on the disk, but not for a file of this size."""
    import resource

    site = {"/*": body(b"x" * 400_000, "application/zip")}
    with FaultyServer(site) as server:
        names = scrape.list_of(server.url("/large.zip"))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        try:
            limited = scrape.here(names, *ARGUMENTS)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert limited.code == 5, limited.stderr
        assert "the file size limit (ulimit -f) is reached" in limited.stderr
        assert "no space left" not in limited.stderr
        done = scrape.here(names, *ARGUMENTS)
    assert done.code == 0, done.stderr
    assert [each["state"] for each in done.records] == ["done"]
