"""`status` reads and never writes: whoever asks, whatever state the folder is in."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import scraper
from scraper import cli
from scraper.cli import status as status_face
from scraper.faulty import FaultyServer, page, silent, status
from scraper.storage.ledger import Ledger
from scraper.storage.readers import reading
from scraper.storage.schema import SCHEMA
from scraper.storage.store import Store
from tests.conftest import PROJECT, Scrape, Scraped

posix = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
NOBODY = 65_534
# Imports first: who is nobody may not be allowed to read where the package lies.
AS_NOBODY = f"""
import os, sys
import fcntl, heapq, locale
from scraper import cli
from scraper.cli import scrape, status
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def folder(scrape: Scrape) -> Iterator[Path]:
    """A finished run, with one URL done and one failed, in a place that everybody may enter."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        with FaultyServer(
            {"/robots.txt": status(404), "/": page("a")}
        ) as server:
            scrape.here(
                scrape.list_of(server.url(), server.url("/missing")),
                dir=f"{made}/run",
            )
        yield Path(made, "run")
        for path, names, _ in os.walk(made):
            for name in names:
                os.chmod(Path(path, name), 0o755)


def killed(folder: Path) -> Path:
    """What a kill leaves: a write-ahead log that holds what the ledger does not hold yet."""
    copy = folder.with_name("killed")
    ledger = Ledger(folder / ".scraper" / "ledger.sqlite")
    try:
        ledger.set_meta("more", "than the file holds")
        ledger.passes.open(2, 0.0, {}, "", "")
        ledger.commit()
        shutil.copytree(folder, copy)
    finally:
        ledger.close()
    assert (copy / ".scraper" / "ledger.sqlite-wal").stat().st_size
    return copy


def state_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(folder)): (at.st_mtime_ns, at.st_size, at.st_ino)
        for path in [folder, *folder.rglob("*")]
        for at in [path.stat()]
    }


def asked_by_nobody(folder: Path, *arguments: str) -> Scraped:
    """`status`, asked by somebody who owns nothing here (or by the owner, who is not root)."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, "status", str(folder), *arguments],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Scraped(done.returncode, done.stderr, done.stdout, [], folder)


def shut(folder: Path, mode: int) -> None:
    """Take rights away from everybody but root, below the folder too."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(mode if path.is_dir() else mode & 0o444)


# -- nothing is written -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["finished", "killed"])
def test_status_writes_nothing(how: str, folder: Path, scrape: Scrape) -> None:
    if how == "killed":
        folder = killed(folder)
    before = state_of(folder)
    told = scrape.inside("status", str(folder), dir=None)
    assert told.code == 0, told.stderr
    assert f"pass {2 if how == 'killed' else 1}" in told.stdout
    assert state_of(folder) == before


@posix
@pytest.mark.parametrize("how", ["finished", "killed"])
def test_status_needs_no_right_to_write(how: str, folder: Path) -> None:
    if how == "killed":
        folder = killed(folder)
    shut(folder, 0o555)
    told = asked_by_nobody(folder)
    assert (told.code, told.stderr) == (0, "")
    first, counts = told.stdout.splitlines()[:2]
    if how == "killed":
        assert first.endswith("pass 2  interrupted; the same command continues")
    else:
        assert first.endswith("pass 1  complete")
        assert counts.startswith("1 done · 1 failed")


@posix
def test_status_of_somebody_elses_run_that_goes_on(folder: Path) -> None:
    store = Store(folder)
    store.open()
    store.hidden.chmod(0o755)
    ledger = Ledger(store.hidden / "ledger.sqlite")
    try:
        ledger.passes.open(2, 0.0, {}, "", "")
        ledger.commit()
        told = asked_by_nobody(folder, "--json")
        # And the other way round: the reader has left nothing that stops the writer.
        ledger.set_meta("more", "1")
        ledger.commit()
    finally:
        ledger.close()
        store.close()
    assert (told.code, told.stderr) == (0, "")
    seen = json.loads(told.stdout)
    assert (seen["running"], seen["process"], seen["pass"]) == (
        True,
        str(os.getpid()),
        2,
    )


def test_status_on_a_medium_that_is_read_only(folder: Path) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    mounted = folder.with_name("mounted")
    mounted.mkdir()
    for command in (["mount", "--bind", str(folder), str(mounted)],
                    ["mount", "-o", "remount,bind,ro", str(mounted)]):  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(
                f"this system does not let us mount: {done.stderr.strip()}"
            )
    try:
        with pytest.raises(OSError, match="Read-only"):
            (mounted / "x").touch()
        told = asked_by_nobody(mounted)
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)
    # The owner's own folder .scraper is shut to others: their status speaks from the summary.
    assert (told.code, told.stderr) == (0, "")
    assert "1 done · 1 failed" in told.stdout


def test_a_run_that_begins_under_the_eyes_of_the_reader_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a log the file is read as if nobody wrote it; so it must be so to the end."""
    path = folder / ".scraper" / "ledger.sqlite"
    ledgers: list[Ledger] = []

    def read(db: sqlite3.Connection) -> int:
        number: int = db.execute("SELECT max(number) FROM pass").fetchone()[0]
        if not ledgers:
            ledgers.append(Ledger(path))
            ledgers[0].passes.open(2, 0.0, {}, "", "")
            ledgers[0].commit()
        return number

    try:
        assert reading.read(path, read) == 2
    finally:
        ledgers[0].close()


# -- what cannot be read ----------------------------------------------------------------------


@posix
def test_where_the_ledger_may_not_be_read_the_summary_speaks(
    folder: Path,
) -> None:
    (folder / ".scraper").chmod(0o700 if os.geteuid() == 0 else 0)
    told = asked_by_nobody(folder)
    assert (told.code, told.stderr) == (0, "")
    assert "1 done · 1 failed" in told.stdout
    assert "from summary.json" in told.stdout
    assert "Permission denied" in told.stdout
    seen = json.loads(asked_by_nobody(folder, "--json").stdout)
    assert (seen["from"], seen["running"], seen["pass"]) == (
        "summary.json",
        None,
        1,
    )
    assert seen["counts"]["done"] == 1


@posix
def test_without_a_summary_the_line_says_what_may_not_be_read(
    folder: Path,
) -> None:
    (folder / "summary.json").unlink()
    (folder / ".scraper").chmod(0o700 if os.geteuid() == 0 else 0)
    told = asked_by_nobody(folder)
    assert (told.code, told.stdout) == (2, "")
    assert (
        told.stderr
        == f"error: cannot read {folder / '.scraper'}: Permission denied\n"
    )


@posix
def test_a_folder_that_may_not_be_entered(folder: Path) -> None:
    folder.chmod(0)
    told = asked_by_nobody(folder)
    assert (told.code, told.stdout) == (2, "")
    assert told.stderr == f"error: cannot read {folder}: Permission denied\n"


def test_a_folder_that_was_copied_without_what_is_hidden(
    folder: Path, scrape: Scrape
) -> None:
    shutil.rmtree(folder / ".scraper")
    told = scrape.inside("status", str(folder), dir=None)
    assert (told.code, told.stderr) == (0, "")
    assert "1 done · 1 failed" in told.stdout
    assert "from summary.json" in told.stdout


def test_a_summary_that_is_none(folder: Path, scrape: Scrape) -> None:
    shutil.rmtree(folder / ".scraper")
    for text in ("", "[1]", '{"pass": "x"}', '{"pass": 1, "failures": 7}'):
        (folder / "summary.json").write_text(text)
        told = scrape.inside("status", str(folder), dir=None)
        assert told.code == 2, told.stdout
        assert (
            told.stderr
            == f"error: {folder / 'summary.json'} is no summary of a run\n"
        )


def test_a_ledger_of_a_newer_version_is_one_clear_line(
    folder: Path, scrape: Scrape
) -> None:
    db = sqlite3.connect(folder / ".scraper" / "ledger.sqlite")
    db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.execute("ALTER TABLE pass RENAME COLUMN started TO begun")
    db.commit()
    db.close()
    told = scrape.inside("status", str(folder), dir=None)
    assert (told.code, told.stdout) == (2, "")
    assert len(told.stderr.splitlines()) == 1
    assert "was written by a newer version of this program" in told.stderr


def test_a_ledger_that_is_damaged_is_one_clear_line(
    folder: Path, scrape: Scrape
) -> None:
    (folder / ".scraper" / "ledger.sqlite").write_bytes(b"no database" * 1_000)
    told = scrape.inside("status", str(folder), dir=None)
    assert (told.code, told.stdout) == (2, "")
    assert len(told.stderr.splitlines()) == 1
    assert "is damaged" in told.stderr


# -- what is said -----------------------------------------------------------------------------


def test_a_run_that_goes_on_tells_for_how_long(
    scrape: Scrape,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Counted up to the last commit by the run, and from there by who looks."""
    with FaultyServer(
        {"/robots.txt": status(404), "/": page("a"), "/slow": silent()}
    ) as server:
        config = scraper.configure(
            dir=str(scrape.folder / "run"), save_only=True
        )
        urls = [server.url("/"), server.url("/slow")]
        with scraper.stream(urls, config) as outcomes:
            next(outcomes)
            capsys.readouterr()
            clock = SimpleNamespace(time=lambda: time.time() + 75)
            monkeypatch.setattr(status_face, "time", clock)
            assert cli.main(["status", str(scrape.folder / "run")]) == 0
            outcomes.stop(grace=0)
    told = capsys.readouterr().out
    assert "running (process " in told
    assert "in 1 min 1" in told
    assert "1 pending on 1 host, 0 to be retried" in told


def test_the_time_of_a_run_that_was_killed_is_not_lost(scrape: Scrape) -> None:
    with FaultyServer(
        {"/robots.txt": status(404), "/": page("a"), "/slow": silent()}
    ) as server:
        urls = scrape.list_of(server.url("/"), server.url("/slow"))
        process = subprocess.Popen(
            [sys.executable, "-m", "scraper", urls, "-d", "run", "--save-only", "-q"],
            cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        try:
            seen: dict[str, Any] = {"counts": {}}
            while not seen["counts"].get("done"):
                told = scrape.inside("status", "run", "--json", dir=None)
                seen = json.loads(told.stdout) if told.code == 0 else seen
        finally:
            process.kill()
            process.wait()
        after = json.loads(
            scrape.inside("status", "run", "--json", dir=None).stdout
        )
    assert after["running"] is False
    assert after["counts"]["seconds"] > 0
    assert "at" not in after["counts"]


def test_of_an_empty_list_status_says_that_nothing_was_asked_yet(
    scrape: Scrape,
) -> None:
    (scrape.folder / "empty.txt").write_text("# nothing\n")
    assert scrape.inside("empty.txt", "--save-only").code == 0
    told = scrape.inside("status", str(scrape.folder / "run"), dir=None)
    assert told.code == 0, told.stderr
    first = told.stdout.splitlines()[0]
    assert first.endswith("  nothing was asked yet")
    assert "pass" not in first.rpartition(os.sep)[2]
