"""A ledger gives back what it does not need, or stays whole."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from scraper.storage.upkeep.vacuum import Vacuumed, vacuum

ROWS = 2_000


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Three quarters of it hold nothing."""
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE url (id INTEGER PRIMARY KEY, url TEXT)")
        rows = ((id, "x" * 200) for id in range(ROWS))
        made.executemany("INSERT INTO url VALUES (?, ?)", rows)
        made.execute("DELETE FROM url WHERE id % 200 >= 50")
    return path


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as ledger:
        ((count,),) = ledger.execute("SELECT count(*) FROM url")
        return int(count)


def test_free_pages_are_given_back_once(ledger: Path) -> None:
    before = ledger.stat().st_size
    given = vacuum(ledger)
    assert given.problem is None
    assert given.bytes == before - ledger.stat().st_size > before / 2
    assert _count(ledger) == ROWS / 4
    assert vacuum(ledger) == Vacuumed(0)


def test_without_room_for_a_copy_it_stays_as_it_is(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ledger.read_bytes()
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000)
    )
    given = vacuum(ledger)
    assert given.bytes == 0
    assert "the disk needs" in (given.problem or "")
    assert ledger.read_bytes() == before
