"""What a ledger knew at one moment, copied, so that reading on does not disturb its run.

A run that goes on shall not notice who reads: SQLite keeps in its log what a reader may still want
to see. So the places of records and the rows of the lists are copied first, into a private file of
SQLite's own, and what takes long is made of the copy.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import orjson

from scraper.errors import LocalFault, ScraperError, UsageError, disk_failure
from scraper.storage.database import CACHE_KIB
from scraper.storage.faults import explain_unusable
from scraper.storage.readers.reading import is_missing, read
from scraper.storage.schema import (
    FACTS_OFFSET,
    SCHEMA,
    bring_up_to_date,
    check_schema,
)
from scraper.urls import digest


class Row(NamedTuple):
    """One row of a list, or what a page has named, and where its record stands."""

    id: int  # of the URL
    source: str | None  # the list; None if a page has named it
    line: int | None
    columns: str | None  # of the user's own table, as JSON
    offset: int
    length: int | None
    facts_offset: int


class OwnRow(NamedTuple):
    """One row of a list whose URL has no good outcome, as the user wrote it."""

    url: str
    columns: str | None
    error_kind: str | None  # None: it has not ended yet


class ListColumns(NamedTuple):
    """The names of the columns of a list that is a table."""

    url: str
    others: Sequence[str]
    url_place: int  # so many of these stand before it


class Span(NamedTuple):
    """Where a record stands, and of which pass it is."""

    key: int  # as a signed number of 64 bits
    number: int
    same_as: int | None
    offset: int
    length: int


# -- in the ledger -----------------------------------------------------------------------------

# All rows of the lists, and what only pages have named. `input` has all rows of a table; of a plain
# list those that name a URL again. While a list is read, what stands there of an earlier reading is
# a row that has another place by now.
_ROWS = """(SELECT url AS id, source, line, columns FROM input
    WHERE reading IS (SELECT max(reading) FROM input AS other
      WHERE other.url = input.url AND other.source = input.source)
  UNION ALL SELECT id, source, line, NULL FROM url WHERE NOT EXISTS
    (SELECT 1 FROM input WHERE input.url = url.id AND input.source = url.source
      AND (columns IS NOT NULL OR input.line = url.line))) AS listed"""
_RECORDED = f"""SELECT listed.id, source.name, listed.source, listed.line, listed.columns,
    "offset", length, {FACTS_OFFSET}
  FROM {_ROWS} JOIN answer USING (id) LEFT JOIN source ON source.id = listed.source
  WHERE "offset" IS NOT NULL"""
_OF_PASS = f"""SELECT listed.id, source.name, listed.source, listed.line, listed.columns,
    span.start, span.length, coalesce(full.start, span.start)
  FROM {_ROWS} JOIN url ON url.id = listed.id
  JOIN span ON span.key = key_of(url.url) AND span.pass = :number
  LEFT JOIN span AS full ON full.key = span.key AND full.pass = span.same_as
  LEFT JOIN source ON source.id = listed.source"""
_WITHOUT_GOOD_END = f"""SELECT coalesce(written, url), listed.columns, error_kind,
    listed.source, listed.line
  FROM {_ROWS} JOIN url USING (id) LEFT JOIN answer USING (id)
  WHERE listed.source IS NOT NULL AND (answer.id IS NULL OR error_kind IS NOT NULL)"""
# The names of the columns of tables, that of the URL first; up to schema 10 its place was not kept.
_TABLES = """SELECT columns, coalesce(url_place, 0) FROM source WHERE columns IS NOT NULL
  ORDER BY id"""
_PASSES = "SELECT number FROM pass ORDER BY number"
_POSITION = "SELECT position FROM sink WHERE name = 'records.jsonl'"

# Of records, found in the file: in a table of this connection's own.
_SPANS = """CREATE TEMP TABLE span (key INTEGER, pass INTEGER, same_as INTEGER, start INTEGER,
  length INTEGER, PRIMARY KEY (key, pass)) WITHOUT ROWID"""
_PUT_SPAN = "INSERT OR REPLACE INTO span VALUES (?, ?, ?, ?, ?)"

# -- in the copy -------------------------------------------------------------------------------

_BY_INPUT = "source_id IS NULL, source_id, line"
_PLACES = "SELECT id, source, line, columns, start, length, facts FROM place"
ORDERS = {
    "input": f"{_PLACES} ORDER BY {_BY_INPUT}, id",
    "done": f"{_PLACES} ORDER BY start, {_BY_INPUT}",
}
_OWN_ROWS = f"SELECT url, columns, error_kind FROM own ORDER BY {_BY_INPUT}"

Spans = Callable[[int], Iterable[Span]]  # of the records up to an offset
_Look = Callable[[sqlite3.Connection], Iterable[tuple[object, ...]]]


class Snapshot(AbstractContextManager["Snapshot"]):
    """The copy. Raises UsageError, Unreadable, and LocalFault if there is no room for it."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        if is_missing(ledger):
            raise UsageError(
                f"no run in {ledger.parent.parent}: name a run folder, such as downloads/urls "
                "(records whose ledger is gone are taken over by a run with --adopt)"
            )
        # "" is a file that has no name, and goes with its connection
        self._copy = sqlite3.connect("", isolation_level=None)
        self._copy.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._copy.execute("PRAGMA journal_mode = OFF")
        self._copy.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._copy.close()

    # -- copying ------------------------------------------------------------------------------

    def copy_places(self) -> None:
        """Where the last record of each URL stands, and all rows that name it."""
        columns = "id, source, source_id, line, columns, start, length, facts"
        self._copy_rows(
            "place", columns, lambda ledger: ledger.execute(_RECORDED)
        )

    def copy_places_of_pass(
        self,
        number: int,
        find_spans: Spans,
    ) -> None:
        """The same of the records of one pass, which are looked for in their file."""

        def look(ledger: sqlite3.Connection) -> sqlite3.Cursor:
            position = ledger.execute(_POSITION).fetchone()
            ledger.execute(_SPANS)
            spans = find_spans(int(position[0]) if position else 0)
            ledger.executemany(_PUT_SPAN, spans)
            ledger.create_function(
                "key_of",
                1,
                _key_of,
                deterministic=True,
            )
            return ledger.execute(_OF_PASS, {"number": number})

        columns = "id, source, source_id, line, columns, start, length, facts"
        self._copy_rows("place", columns, look)

    def copy_own_rows(self) -> None:
        """The rows of the lists whose URLs have no good outcome."""
        columns = "url, columns, error_kind, source_id, line"
        self._copy_rows(
            "own", columns, lambda ledger: ledger.execute(_WITHOUT_GOOD_END)
        )

    def copy_tables(self) -> None:
        """The names of the columns of those lists that are tables."""
        self._copy_rows(
            "tables",
            "columns, url_place",
            lambda ledger: ledger.execute(_TABLES),
        )

    def copy_passes(self) -> None:
        """The numbers of the passes."""
        self._copy_rows(
            "passes", "number", lambda ledger: ledger.execute(_PASSES)
        )

    def _copy_rows(
        self,
        table: str,
        columns: str,
        look: _Look,
    ) -> None:
        marks = ", ".join("?" * (columns.count(",") + 1))

        def copy(ledger: sqlite3.Connection) -> None:
            version = check_schema(ledger, self._ledger)
            self._copy.execute(f"DROP TABLE IF EXISTS {table}")
            self._copy.execute(f"CREATE TABLE {table} ({columns})")
            put = f"INSERT INTO {table} VALUES ({marks})"
            with _of_this_schema(ledger, version) as current:
                self._copy.executemany(put, look(current))

        try:
            read(self._ledger, copy)
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> ScraperError:
        if "full" in str(error):
            full = OSError(errno.ENOSPC, "", "the folder for temporary files")
            return LocalFault(disk_failure(full))
        return UsageError(explain_unusable(self._ledger, error))

    # -- what was copied ----------------------------------------------------------------------

    def rows(self, order: str) -> Iterator[Row]:
        """The rows of records, in the order of the lists or that in which they ended."""
        return map(Row._make, self._copy.execute(ORDERS[order]))

    def own_rows(self) -> Iterator[OwnRow]:
        """The rows without a good outcome, in the order of the lists."""
        return map(OwnRow._make, self._copy.execute(_OWN_ROWS))

    def tables(self) -> list[ListColumns]:
        """Of each list that is a table the names of its columns."""
        tables = []
        for columns, place in self._copy.execute("SELECT * FROM tables"):
            url, *others = orjson.loads(columns)
            tables.append(ListColumns(url, others, place))
        return tables

    def passes(self) -> list[int]:
        """The numbers of the passes, the first one first."""
        return [each for (each,) in self._copy.execute("SELECT * FROM passes")]

    def own_columns(
        self,
        table: Literal["place", "own"],
    ) -> Iterator[str]:
        """The user's own columns of all rows that have some, as JSON."""
        found = self._copy.execute(
            f"SELECT columns FROM {table} WHERE columns IS NOT NULL"
        )
        return (columns for (columns,) in found)


@contextmanager
def _of_this_schema(
    ledger: sqlite3.Connection,
    version: int,
) -> Iterator[sqlite3.Connection]:
    """The ledger, or a copy of it that is brought up to date: who reads changes nothing."""
    if version == SCHEMA:
        yield ledger
        return
    with closing(sqlite3.connect("", isolation_level=None)) as copy:
        ledger.backup(copy)
        bring_up_to_date(copy, version)
        yield copy


def _key_of(url: str) -> int:
    return signed_key(digest(url)[:8])


def signed_key(key: bytes) -> int:
    """The key of a record as SQLite takes it."""
    return int.from_bytes(key, signed=True)
