"""SQLite: a table `records`, a row for each URL, and `input`, one for each row of the lists."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from scraper.errors import UsageError
from scraper.exports.columns import Column, own_columns
from scraper.exports.fields import LISTS, Kind
from scraper.exports.flattening import Flattener, Records, Value, convert_at

# Of what may be anything each value keeps its own type.
_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"integer": "INTEGER", "boolean": "INTEGER", "number": "REAL", "json": ""}
)
_INT64 = range(-(2**63), 2**63)
_ROWS_AT_ONCE = 256
# Columns of `input` besides the user's own: they lead to the record, and to the place in the list.
_OF_INPUT = ("record", "source", "line")
_INPUT = "record INTEGER REFERENCES records (id), source TEXT, line INTEGER"


def write_sqlite(
    path: Path,
    records: Records,
) -> None:
    """Write both tables. Raises UsageError if SQLite cannot hold them, OSError if the disk does
    not."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            _write(file, records)
    except sqlite3.Error as error:
        if "full" in str(error) or "I/O" in str(error):
            raise OSError(errno.ENOSPC, str(error), str(path)) from error
        raise UsageError(
            f"SQLite cannot hold this table ({error}): choose another format"
        ) from error


def _write(
    file: sqlite3.Connection,
    records: Records,
) -> None:
    columns = [each for each in records.columns if not each.is_own]
    kinds = {each.path[1]: each.kind for each in records.columns if each.is_own}
    own = own_columns(kinds, _OF_INPUT)
    # It takes its name when it is whole, so nothing need be undone.
    file.execute("PRAGMA journal_mode = OFF")
    file.execute("PRAGMA synchronous = OFF")
    file.execute("BEGIN")
    declared = ["id INTEGER PRIMARY KEY", *map(_declaration, columns)]
    file.execute(f"CREATE TABLE records ({', '.join(declared)})")
    declared = [_INPUT, *map(_declaration, own)]
    file.execute(f"CREATE TABLE input ({', '.join(declared)})")
    put_record = _insert("records", 1 + len(columns))
    put_row = _insert("input", len(_OF_INPUT) + len(own))
    flatten = Flattener(columns, records.file).flatten
    own_row = Flattener(own, records.file).own_row
    places, own_places = _places_of_json(columns), _places_of_json(own)
    while some := list(islice(records.entries, _ROWS_AT_ONCE)):
        of_records = (
            (each.row.id, *convert_at(places, flatten(each), _cell))
            for each in some
        )
        file.executemany(put_record, of_records)
        of_input = (
            (
                *(each.row.id, each.row.source, each.row.line),
                *convert_at(own_places, own_row(each), _cell),
            )
            for each in some
            if each.row.source is not None
        )
        file.executemany(put_row, of_input)
    file.execute("CREATE INDEX input_record ON input (record)")
    file.execute("COMMIT")


def _places_of_json(columns: Sequence[Column]) -> list[int]:
    """Where values may stand that SQLite has no type for."""
    return [
        place
        for place, each in enumerate(columns)
        if each.kind == "json" or each.kind in LISTS
    ]


def _insert(
    table: str,
    columns: int,
) -> str:
    marks = ", ".join("?" * columns)
    return f"INSERT OR IGNORE INTO {table} VALUES ({marks})"


def _declaration(column: Column) -> str:
    name = column.name.replace('"', '""').replace("\0", "")
    return f'"{name}" {_TYPES.get(column.kind, "TEXT")}'.rstrip()


def _cell(value: Value) -> str | int | float | None:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, int) and value not in _INT64:
        return str(value)
    return value
