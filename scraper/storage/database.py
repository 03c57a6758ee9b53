"""The connection of the one writer: its transaction, and rows gathered for one statement."""

from __future__ import annotations

import functools
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from scraper.machine.files import open_folder, opening
from scraper.storage.faults import open_error
from scraper.storage.schema import ROWS, bring_up_to_date, check_schema

# what the write-ahead log keeps of its size once it is written back
MAX_LOG_BYTES = 16 * 2**20
CACHE_KIB = (
    16_384  # 64 MiB would fill with the length of the list; 16 MiB stays flat
)

# Rows of parameters in one statement. Each size is compiled once, 0.1 ms a row; what is missing to
# a size is filled up with NULL.
ROWS_AT_ONCE = (1, 2, 4, 8, 16, 32, 64)


class Database:
    """The file, always within a transaction. Raises UsageError if it cannot be used.

    `in_wal` is false on network file systems, which have no shared memory.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self._gathered: defaultdict[str, list[Sequence[Any]]] = defaultdict(
            list
        )
        _check_files(path)
        try:
            self.connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise open_error(error, path) from error
        with self._closing_on_error():
            self.in_wal = self._configure(durable)
            version = check_schema(self.connection, path)
            self._begin()
            bring_up_to_date(self.connection, version)
        self._committed = self.connection.total_changes

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        """Close the file where opening it fails, and say what its errors mean."""
        try:
            yield
        except sqlite3.Error as error:
            self.connection.close()
            raise open_error(error, self.path) from error
        except BaseException:
            self.connection.close()
            raise

    def _configure(self, durable: bool) -> bool:
        connection = self.connection
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {MAX_LOG_BYTES}")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute(
            f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}"
        )
        return bool(mode == "wal")

    def _begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    # -- statements ---------------------------------------------------------------------------

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> sqlite3.Cursor:
        """Run one statement."""
        return self.connection.execute(sql, parameters)

    def value_of(self, sql: str, *parameters: Any) -> Any:
        """The first value of the first row that a query gives; None if it gives no row."""
        row = self.connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def execute_batch(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement over all rows in one step, handed over as JSON."""
        if rows:
            self.connection.execute(sql, (encode(rows),))

    def execute_rows(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement over all rows, handed over as parameters, many in one step."""
        for start in range(0, len(rows), ROWS_AT_ONCE[-1]):
            some = rows[start : start + ROWS_AT_ONCE[-1]]
            size = next(each for each in ROWS_AT_ONCE if each >= len(some))
            columns = len(some[0])
            values = list(chain.from_iterable(some))
            values += [None] * (columns * (size - len(some)))
            self.connection.execute(_sql_of_rows(sql, columns, size), values)

    def order(self, *statements: str) -> None:
        """Have `flush` run what is gathered for these in this order."""
        for sql in statements:
            self._gathered[sql].clear()

    def gather(self, sql: str, row: Sequence[Any]) -> None:
        """Keep a row for a statement that `flush` runs over all of them."""
        self._gathered[sql].append(row)

    def flush(self) -> None:
        """Write what was gathered, so that it can be read."""
        for sql, rows in self._gathered.items():
            if rows:
                self.execute_rows(sql, rows)
                rows.clear()

    # -- the transaction ----------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Is there anything that a kill would undo?"""
        return (
            any(self._gathered.values())
            or self.connection.total_changes > self._committed
        )

    def commit(self) -> None:
        """Make everything since the last commit true."""
        self.flush()
        self.connection.execute("COMMIT")
        self._committed = self.connection.total_changes
        self._begin()

    def rollback(self) -> None:
        """Forget everything since the last commit, as a kill would."""
        for rows in self._gathered.values():
            rows.clear()
        # a COMMIT that met a full disk has ended it
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._begin()

    def close(self) -> None:
        """Give up what is not committed, and let the file be one file again."""
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        finally:
            self.connection.close()

    # -- facts that have a name ---------------------------------------------------------------

    def meta(self, name: str) -> str | None:
        """A fact about the folder; None if it is not known."""
        value: str | None = self.value_of(
            "SELECT value FROM meta WHERE name = ?", name
        )
        return value

    def set_meta(self, name: str, value: str | None) -> None:
        """Remember a fact about the folder, or forget it."""
        if value is None:
            self.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            self.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value)
            )


@functools.cache
def _sql_of_rows(sql: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return sql.replace(ROWS, ", ".join([row] * rows))


def encode(value: object) -> str:
    """A value as JSON text, as SQLite takes it."""
    return orjson.dumps(value).decode()


def _check_files(path: Path) -> None:
    """SQLite follows links: whatever it is going to open must be a file."""
    with opening(path), open_folder(path.parent) as folder:
        for suffix in ("", "-wal", "-shm", "-journal"):
            folder.check_file(path.name + suffix)
