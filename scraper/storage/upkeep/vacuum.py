"""A ledger without the room that nothing in it needs any more."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from scraper.storage.faults import explain_unusable

# Below this share of free pages a copy of all others is not worth its time: the next run uses them.
WORTH = 0.05
# SQLite writes all of it to a file of its own first, and then to its log.
_COPIES = 2


class Vacuumed(NamedTuple):
    """How many bytes a ledger has given back; or why it is as it was."""

    bytes: int
    problem: str | None = None


def free_bytes(connection: sqlite3.Connection) -> int:
    """How many bytes of a ledger hold nothing; 0 if they are too few to mind."""
    free, pages, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("freelist_count", "page_count", "page_size")
    )
    return free * size if free > WORTH * pages else 0


def vacuum(path: Path) -> Vacuumed:
    """Give back what a ledger does not need, if it is enough and the disk has room for a copy.

    Whatever goes wrong, SQLite leaves it whole.
    """
    before = path.stat().st_size
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as ledger:
            if not free_bytes(ledger):
                return Vacuumed(0)
            wanted = _COPIES * before
            free = shutil.disk_usage(path.parent).free
            if free < wanted:
                return Vacuumed(
                    0,
                    f"{path} stays as large as it is: to make it smaller the disk needs "
                    f"{wanted / 2**20:,.1f} MB free, and has {free / 2**20:,.1f} MB",
                )
            ledger.execute("VACUUM")
    except sqlite3.Error as error:
        why = explain_unusable(path, error)
        return Vacuumed(0, f"{path} stays as large as it is: {why}")
    return Vacuumed(before - path.stat().st_size)
