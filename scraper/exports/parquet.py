"""Parquet, by pyarrow, which is an extra: `scraper[parquet]`.

A table is written in row groups of bounded size, so memory does not grow with it. While one is
made and written, the rows of the next are read: Arrow is busy outside of Python for most of that
time. Lists stay the JSON that they are in a record until Arrow's own reader takes them, at a third
of what Python needs for one object after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from scraper.errors import UsageError
from scraper.exports.columns import Column, kind_of
from scraper.exports.fields import LISTS, Kind
from scraper.exports.flattening import Batch, Value, Values

if TYPE_CHECKING:
    import pyarrow

_GROUP_ROWS = 8_192
_GROUP_BYTES = 8 * 2**20  # of records, before they are compressed
_EMPTY: Mapping[Value, Any] = MappingProxyType({None: None, b"[]": []})
_BLOCKS = 4  # of a group, which several cores read at once
_LIST_OF: Mapping[Kind, Kind] = MappingProxyType(
    {"texts": "text", "integers": "integer", "numbers": "number"}
)


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


def write_parquet(
    path: Path,
    columns: Sequence[Column],
    batches: Iterable[Batch],
) -> None:
    """Write a table."""
    import pyarrow.parquet

    schema = pyarrow.schema([(each.name, _type_of(each)) for each in columns])
    with (
        path.open("wb") as file,
        pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as made,
        ThreadPoolExecutor(1) as beside,
    ):

        def write(group: Sequence[Values]) -> None:
            arrays = list(map(_array, columns, group))
            made.write_table(pyarrow.table(arrays, schema=schema))

        last: Future[None] | None = None
        for group in _groups(batches):
            if last is not None:
                last.result()
            last = beside.submit(write, group)
        if last is not None:
            last.result()


def _groups(batches: Iterable[Batch]) -> Iterator[Sequence[Values]]:
    """The columns of one row group after the other."""
    group: list[list[Value]] = []
    size = 0
    for batch in batches:
        group = group or [[] for _ in batch.columns]
        for values, more in zip(group, batch.columns, strict=True):
            values.extend(more)
        size += batch.size
        if len(group[0]) >= _GROUP_ROWS or size > _GROUP_BYTES:
            yield group
            group = []
            size = 0
    if group:
        yield group


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


# -- columns -----------------------------------------------------------------------------------


def _array(
    column: Column,
    values: Sequence[Value],
) -> pyarrow.Array | pyarrow.ChunkedArray:
    import pyarrow

    type = _type_of(column)
    if values.count(None) == len(values):
        return pyarrow.nulls(len(values), type)
    try:
        if column.kind in LISTS:
            return _read_lists(values, type)
        if column.kind == "json":
            return pyarrow.array([_as_text(each) for each in values], type)
        if column.kind == "time":
            return pyarrow.array(values, pyarrow.string()).cast(type)
        return pyarrow.array(values, type)
    except (pyarrow.ArrowException, TypeError, OverflowError):
        return pyarrow.array([_fit_in(column, each) for each in values], type)


def _read_lists(
    values: Sequence[Any],
    type: pyarrow.DataType,
) -> pyarrow.ChunkedArray:
    """Lists that are JSON, or None. Raises ArrowException, and TypeError of anything else."""
    import pyarrow.json

    if set(values) <= _EMPTY.keys():
        return pyarrow.array([_EMPTY[each] for each in values], type)
    lists = [b"null" if each is None else each for each in values]
    text = b'{"":' + b'}\n{"":'.join(lists) + b"}"
    longest = max(map(len, lists)) + len(b'{"":}\n')
    read = pyarrow.json.ReadOptions(
        block_size=max(longest, len(text) // _BLOCKS) + 1
    )
    parse = pyarrow.json.ParseOptions(
        explicit_schema=pyarrow.schema([("", type)]),
        unexpected_field_behavior="ignore",
    )
    table = pyarrow.json.read_json(pyarrow.BufferReader(text), read, parse)
    if len(table) != len(values):
        raise pyarrow.ArrowInvalid("not a list a row")
    return table.column(0)


# -- values of another form --------------------------------------------------------------------


def _as_text(value: Value) -> str | None:
    """Text as it is, all else as JSON."""
    if value is None or isinstance(value, str):
        return value
    encoded = value if isinstance(value, bytes) else orjson.dumps(value)
    return encoded.decode()


def _fit_in(
    column: Column,
    value: Value,
) -> Any:
    """A value that a column can hold."""
    if column.kind in LISTS:
        return _fit_list(column, value)
    return _fit(column.kind, value)


def _fit(
    kind: Kind,
    value: Any,
) -> Any:
    """A value of a kind: what is not of its kind is JSON in one of text, else null."""
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
