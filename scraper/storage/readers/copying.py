"""A whole ledger, copied, so that what a run would do with it can be tried out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from scraper.storage.readers.reading import read
from scraper.storage.schema import check_schema


def copy_ledger(ledger: Path, into: Path) -> None:
    """Copy it as it is now, also while a run goes on; nothing changes where it lies. Raises
    UsageError, Unreadable, or an error of SQLite."""

    def look(connection: sqlite3.Connection) -> None:
        check_schema(connection, ledger)
        with closing(sqlite3.connect(into)) as copy:
            connection.backup(copy)

    read(ledger, look)
