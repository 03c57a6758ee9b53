"""Parquet, by pyarrow, which is an extra: `scraper[parquet]`.

A table is written in row groups of bounded size, so memory does not grow with it. Arrow's own
reader of JSON takes the lines of the records as they are, at a fifth of what Python needs for one
value after the other; where it cannot, because a record is of another form than today's, Python
does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from scraper.errors import UsageError
from scraper.exports.columns import Column, kind_of
from scraper.exports.fields import LISTS, Kind
from scraper.exports.flattening import Flattener, Records, Value, Values
from scraper.exports.reading import Entry

if TYPE_CHECKING:
    import pyarrow

_GROUP_ROWS = 8_192
_GROUP_BYTES = 8 * 2**20  # of records, before they are compressed
_BLOCKS = 4  # of a group, which several cores read at once
_LIST_OF: Mapping[Kind, Kind] = MappingProxyType(
    {"texts": "text", "integers": "integer", "numbers": "number"}
)
_Item = TypeVar("_Item")


def require_pyarrow() -> None:
    """Raises UsageError if it is not installed."""
    try:
        import pyarrow.json
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow: pip install 'scraper[parquet]'; .csv, .jsonl and .sqlite need "
            "nothing"
        ) from error


def write_rows(
    path: Path,
    columns: Sequence[Column],
    rows: Iterable[Values],
) -> None:
    """Write a table of these rows."""
    groups = _split(rows, _bytes_of)
    _write(path, columns, (_arrays(columns, some) for some in groups))


def write_records(
    path: Path,
    records: Records,
) -> None:
    """Write a table of records."""
    groups = _split(records.entries, lambda entry: len(entry.line))
    arrays = map(_LineReader(records).arrays, groups)
    _write(path, records.columns, arrays)


def _write(
    path: Path,
    columns: Sequence[Column],
    groups: Iterable[Sequence[pyarrow.ChunkedArray]],
) -> None:
    import pyarrow.parquet

    schema = pyarrow.schema([(each.name, _type_of(each)) for each in columns])
    with (
        path.open("wb") as file,
        pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as made,
    ):
        for arrays in groups:
            made.write_table(pyarrow.table(list(arrays), schema=schema))


def _split(
    items: Iterable[_Item],
    bytes_of: Callable[[_Item], int],
) -> Iterator[list[_Item]]:
    """The items of one row group after the other."""
    group: list[_Item] = []
    size = 0
    for item in items:
        group.append(item)
        size += bytes_of(item)
        if len(group) == _GROUP_ROWS or size > _GROUP_BYTES:
            yield group
            group = []
            size = 0
    if group:
        yield group


def _bytes_of(row: Values) -> int:
    return sum(len(each) for each in row if isinstance(each, str | bytes))


# -- types -------------------------------------------------------------------------------------


def _type_of(column: Column) -> pyarrow.DataType:
    import pyarrow

    if column.kind == "objects":
        members = [
            (name, _type_of_kind(kind)) for name, kind in column.members.items()
        ]
        return pyarrow.list_(pyarrow.struct(members))
    return _type_of_kind(column.kind)


def _type_of_kind(kind: Kind) -> pyarrow.DataType:
    import pyarrow

    if kind in _LIST_OF:
        return pyarrow.list_(_type_of_kind(_LIST_OF[kind]))
    types = {
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "time": pyarrow.timestamp("ms", "UTC"),
    }
    return types.get(kind, pyarrow.string())


# -- lines of records --------------------------------------------------------------------------


class _LineReader:
    """Makes columns of the lines of records, those of Arrow's and those of Python's."""

    def __init__(self, records: Records) -> None:
        self._columns = records.columns
        self._flatten = Flattener(records.columns, records.file).flatten
        self._by_python = [
            each
            for each in records.columns
            if each.is_own or each.is_of_recipe or each.kind == "json"
        ]
        self._flatten_rest = Flattener(self._by_python, records.file).flatten
        self._by_arrow = [
            each for each in records.columns if each not in self._by_python
        ]
        self._schema = _schema_of_lines(self._by_arrow)

    def arrays(
        self,
        group: Sequence[Entry],
    ) -> list[pyarrow.ChunkedArray]:
        """The columns of these records, in order."""
        import pyarrow

        try:
            found = self._read(group)
        except pyarrow.ArrowException:
            rows = [self._flatten(each) for each in group]
            return _arrays(self._columns, rows)
        if self._by_python:
            rows = [self._flatten_rest(each) for each in group]
            arrays = _arrays(self._by_python, rows)
            names = (each.name for each in self._by_python)
            found |= zip(names, arrays, strict=True)
        return [found[each.name] for each in self._columns]

    def _read(
        self,
        group: Sequence[Entry],
    ) -> dict[str, pyarrow.ChunkedArray]:
        """By name the columns that Arrow can read. Raises ArrowException."""
        if not self._by_arrow:
            return {}
        table = _read_json([each.line for each in group], self._schema)
        found = {
            column.name: _column_of(table, column) for column in self._by_arrow
        }
        # of each row of a list its own: the record speaks of one of them
        rows = [each.row for each in group]
        _put_over(found, "source", [each.source for each in rows])
        _put_over(found, "line", [each.line for each in rows])
        return found


def _schema_of_lines(columns: Sequence[Column]) -> pyarrow.Schema:
    """What Arrow is to look for in a line; the rest of it is passed over."""
    import pyarrow

    fields: dict[str, Any] = {}
    inner: dict[str, list[tuple[str, pyarrow.DataType]]] = {}
    for column in columns:
        is_time = column.kind == "time"
        type = pyarrow.string() if is_time else _type_of(column)
        if len(column.path) == 1:
            fields[column.name] = type
        else:
            root, name = column.path
            inner.setdefault(root, []).append((name, type))
    fields |= {root: pyarrow.struct(each) for root, each in inner.items()}
    return pyarrow.schema(fields.items())


def _column_of(
    table: pyarrow.Table,
    column: Column,
) -> pyarrow.ChunkedArray:
    import pyarrow.compute

    array = table.column(column.path[0])
    if len(column.path) > 1:
        array = pyarrow.compute.struct_field(array, column.path[1])
    return array.cast(_type_of(column)) if column.kind == "time" else array


def _put_over(
    found: dict[str, pyarrow.ChunkedArray],
    name: str,
    values: list[Any],
) -> None:
    """Have a column say these values, where there are some."""
    import pyarrow.compute

    if name in found:
        above = pyarrow.array(values, found[name].type)
        found[name] = pyarrow.compute.coalesce(above, found[name])


def _read_json(
    lines: Sequence[bytes],
    schema: pyarrow.Schema,
) -> pyarrow.Table:
    """A row for each line, an object. Raises ArrowException."""
    import pyarrow.json

    text = b"\n".join(lines)
    longest = max(map(len, lines)) + 1
    read = pyarrow.json.ReadOptions(
        block_size=max(longest, len(text) // _BLOCKS) + 1
    )
    parse = pyarrow.json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="ignore"
    )
    table = pyarrow.json.read_json(pyarrow.BufferReader(text), read, parse)
    if len(table) != len(lines):
        raise pyarrow.ArrowInvalid("not an object a line")
    return table


# -- rows of values ----------------------------------------------------------------------------


def _arrays(
    columns: Sequence[Column],
    rows: Sequence[Values],
) -> list[pyarrow.Array]:
    """The columns of these rows."""
    by_column = zip(*rows, strict=True)
    return [
        _array(column, values)
        for column, values in zip(columns, by_column, strict=True)
    ]


def _array(
    column: Column,
    values: Sequence[Value],
) -> pyarrow.Array:
    import pyarrow

    type = _type_of(column)
    if column.kind == "json":
        return pyarrow.array([_as_text(each) for each in values], type)
    if column.kind in LISTS:
        return pyarrow.array([_fit_list(column, each) for each in values], type)
    try:
        return pyarrow.array(values, type)
    except (pyarrow.ArrowException, TypeError, OverflowError):
        return pyarrow.array([_fit(column.kind, each) for each in values], type)


# -- values of another form --------------------------------------------------------------------


def _as_text(value: Value) -> str | None:
    """Text as it is, all else as JSON."""
    if value is None or isinstance(value, str):
        return value
    encoded = value if isinstance(value, bytes) else orjson.dumps(value)
    return encoded.decode()


def _fit(
    kind: Kind,
    value: Any,
) -> Any:
    """A value that a column can hold: what is not of its kind is JSON in one of text, else null."""
    if kind == "text":
        return _as_text(value)
    if kind in _LIST_OF:
        return _fit_all(_LIST_OF[kind], value)
    if kind == "time":
        return _time_of(value)
    found = None if value is None else kind_of(value)
    if kind == "number" and found == "integer":
        return float(value)
    return value if found == kind else None


def _time_of(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _fit_all(
    kind: Kind,
    values: Any,
) -> list[Any] | None:
    if not isinstance(values, list):
        return None
    return [_fit(kind, each) for each in values]


def _fit_list(
    column: Column,
    encoded: Value,
) -> list[Any] | None:
    values = orjson.loads(encoded) if isinstance(encoded, bytes) else None
    if column.kind != "objects" or not isinstance(values, list):
        return _fit_all(_LIST_OF.get(column.kind, "text"), values)
    first = next(iter(column.members))
    objects = (
        # of schema 1, and of --facts basic: the URLs alone
        {first: each} if isinstance(each, str) else each
        for each in values
    )
    return [
        {
            name: _fit(kind, each.get(name))
            for name, kind in column.members.items()
        }
        if isinstance(each, dict)
        else None
        for each in objects
    ]
