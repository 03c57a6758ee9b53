"""SQLite: a table `records`, a row for each URL, or `items`, one for each item; and `input`, one
for each row of the lists."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from scraper.errors import UsageError
from scraper.exports.columns import ITEM, Column, columns_below, own_columns
from scraper.exports.fields import LISTS, Kind
from scraper.exports.flattening import (
    Flattener,
    Records,
    Value,
    Values,
    convert,
    own_values_of,
)
from scraper.exports.item_rows import ItemFlattener, Items
from scraper.exports.reading import Entry

# Of what may be anything each value keeps its own type.
_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"integer": "INTEGER", "boolean": "INTEGER", "number": "REAL", "json": ""}
)
_INT64 = range(-(2**63), 2**63)
_ROWS_AT_ONCE = 256
# Columns of `input` besides the user's own: they lead to the record, and to the place in the list.
_OF_INPUT = ("record", "source", "line")
_INPUT = "{}, source TEXT, line INTEGER"
# Those of the other tables, by which a row is known.
_OF_RECORDS = ("id",)
_OF_ITEMS = ("record", "item")
_KEY_OF_ITEMS = "record INTEGER, item INTEGER"


def write_sqlite(
    path: Path,
    table: Records | Items,
) -> None:
    """Write both tables. Raises UsageError if SQLite cannot hold them, OSError if the disk does
    not."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            # It takes its name when it is whole, so nothing need be undone.
            file.execute("PRAGMA journal_mode = OFF")
            file.execute("PRAGMA synchronous = OFF")
            file.execute("BEGIN")
            if isinstance(table, Items):
                _write_items(file, table)
            else:
                _write_records(file, table)
            file.execute("CREATE INDEX input_record ON input (record)")
            file.execute("COMMIT")
    except sqlite3.Error as error:
        if "full" in str(error) or "I/O" in str(error):
            raise OSError(errno.ENOSPC, str(error), str(path)) from error
        raise UsageError(
            f"SQLite cannot hold this table ({error}): choose another format"
        ) from error


def _write_records(
    file: sqlite3.Connection,
    records: Records,
) -> None:
    columns = _free_of(_OF_RECORDS, records.columns)
    columns_of = Flattener(columns, records.file).columns_of
    put = _Table(file, "records", "id INTEGER PRIMARY KEY", columns).put
    record = "record INTEGER REFERENCES records (id)"
    put_input = _Input(file, record, records.columns).put
    for some, _ in records.split():
        put([[each.row.id for each in some]], columns_of(some))
        put_input(some)


def _write_items(
    file: sqlite3.Connection,
    items: Items,
) -> None:
    columns = _free_of(_OF_ITEMS, items.columns)
    flatten = ItemFlattener(columns, items.file).flatten
    put = _Table(file, "items", _KEY_OF_ITEMS, columns).put
    file.execute("CREATE UNIQUE INDEX items_key ON items (record, item)")
    put_input = _Input(file, "record INTEGER", items.columns).put
    while some := list(islice(items.items, _ROWS_AT_ONCE)):
        records = [each.entry.row.id for each in some]
        places = [each.place + 1 for each in some]
        put([records, places], [*zip(*map(flatten, some), strict=True)])
        put_input([each.entry for each in some if each.place == 0])


class _Table:
    """A table of columns behind those of its key. A row whose key is there is passed over."""

    def __init__(
        self,
        file: sqlite3.Connection,
        name: str,
        key: str,
        columns: Sequence[Column],
    ) -> None:
        declared = [key, *map(_declaration, columns)]
        file.execute(f"CREATE TABLE {name} ({', '.join(declared)})")
        marks = ", ".join("?" * (key.count(",") + 1 + len(columns)))
        self._file = file
        self._insert = f"INSERT OR IGNORE INTO {name} VALUES ({marks})"
        self._readers = _readers_of(columns)

    def put(
        self,
        key: Sequence[Values],
        columns: Sequence[Values],
    ) -> None:
        """Rows, column by column: those of the key, and the others."""
        cells = map(convert, columns, self._readers)
        self._file.executemany(self._insert, zip(*key, *cells, strict=True))


class _Input:
    """The rows of the lists, with the user's own columns."""

    def __init__(
        self,
        file: sqlite3.Connection,
        record: str,
        columns: Sequence[Column],
    ) -> None:
        kinds = {each.path[1]: each.kind for each in columns if each.is_own}
        own = own_columns(kinds, _OF_INPUT)
        self._put = _Table(file, "input", _INPUT.format(record), own).put
        self._own = own

    def put(self, entries: Iterable[Entry]) -> None:
        """The rows for which these records stand; what only a page has named has none."""
        rows = [each for each in entries if each.row.source is not None]
        ids = [each.row.id for each in rows]
        sources = [each.row.source for each in rows]
        lines = [each.row.line for each in rows]
        self._put([ids, sources, lines], own_values_of(self._own, rows))


def _free_of(
    key: Sequence[str],
    columns: Sequence[Column],
) -> list[Column]:
    """All but the user's own, which stand in `input`, and what the key says. A field of a recipe
    that has the name of a column of the key gets another one."""
    found = [
        each for each in columns if not each.is_own and each.path != (ITEM,)
    ]
    taken = {each.name.casefold() for each in found} | {*key}
    renamed = []
    for each in found:
        if each.name.casefold() in key:
            kinds = {each.path[1]: each.kind}
            (each,) = columns_below(each.path[0], kinds, taken)
        renamed.append(each)
    return renamed


def _readers_of(
    columns: Sequence[Column],
) -> list[Callable[[Value], Value] | None]:
    """What makes values fit where SQLite has no type for them."""
    return [
        _cell if each.kind == "json" or each.kind in LISTS else None
        for each in columns
    ]


def _declaration(column: Column) -> str:
    name = column.name.replace('"', '""').replace("\0", "")
    return f'"{name}" {_TYPES.get(column.kind, "TEXT")}'.rstrip()


def _cell(value: Value) -> str | int | float | None:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, int) and value not in _INT64:
        return str(value)
    return value
