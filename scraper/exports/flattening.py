"""Records as rows of a table, made column by column for some of them at a time.

Their lines are decoded only as far as the columns ask for: lists stay the JSON that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import orjson
from msgspec import DecodeError, Raw, Struct, defstruct
from msgspec.json import Decoder
from msgspec.structs import astuple

from scraper.exports.columns import INPUT, OF_RECIPES, Column
from scraper.exports.fields import LISTS
from scraper.exports.reading import Entry, RecordFile
from scraper.text import printable_json

# Text, numbers, true and false, None; bytes are a list or an object as JSON.
Value = str | int | float | bool | bytes | None
Values = Sequence[Value]

STATES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "good": frozenset({"done", "unchanged"}),
        "done": frozenset({"done"}),
        "failed": frozenset({"failed"}),
    }
)
_BATCH_ROWS = 256
_BATCH_BYTES = 2**20
_NO_RECORD = (DecodeError, UnicodeDecodeError)


_Item = TypeVar("_Item")


class _Ended(Struct):
    """The one key that `only` looks at."""

    state: str


_ended = Decoder(_Ended)


def select_entries(
    entries: Iterable[Entry],
    only: str,
    file: RecordFile,
) -> Iterator[Entry]:
    """Those of a state that is asked for: `good`, `done`, `failed`, or all."""
    wanted = STATES.get(only)
    for entry in entries:
        try:
            if wanted is None or _ended.decode(entry.line).state in wanted:
                yield entry
        except _NO_RECORD:
            raise file.changed_at(entry.row.offset) from None


class Batch(NamedTuple):
    """Some rows of a table, column by column, and about how many bytes they are."""

    columns: Sequence[Values]
    size: int

    def rows(self) -> Iterable[Values]:
        """The same, row by row."""
        return zip(*self.columns, strict=True)


def in_batches(rows: Iterable[Values]) -> Iterator[Batch]:
    """The rows of a table."""
    for some, size in split(rows, _bytes_of):
        yield Batch([*zip(*some, strict=True)], size)


def _bytes_of(row: Values) -> int:
    return sum(len(each) for each in row if isinstance(each, str | bytes))


def split(
    items: Iterable[_Item],
    size_of: Callable[[_Item], int],
) -> Iterator[tuple[list[_Item], int]]:
    """Lists of bounded length and size, each with its size."""
    some: list[_Item] = []
    size = 0
    for item in items:
        some.append(item)
        size += size_of(item)
        if len(some) == _BATCH_ROWS or size > _BATCH_BYTES:
            yield some, size
            some = []
            size = 0
    if some:
        yield some, size


class Records(NamedTuple):
    """Rows of records, yet to be read, and the columns that are asked for."""

    entries: Iterator[Entry]
    file: RecordFile
    columns: Sequence[Column]

    def batches(self) -> Iterator[Batch]:
        """The values of the columns. Raises UsageError."""
        columns_of = Flattener(self.columns, self.file).columns_of
        for some, size in self.split():
            yield Batch(columns_of(some), size)

    def split(self) -> Iterator[tuple[list[Entry], int]]:
        """The entries in lists of bounded size."""
        return split(self.entries, lambda entry: len(entry.line))

    def whole(self) -> Iterator[bytes]:
        """The records, each with what the row of the list says that it stands for."""
        for entry in self.entries:
            row = entry.row
            record = orjson.loads(entry.line)
            if row.source is not None:
                record |= {"source": row.source, "line": row.line}
            if row.columns is not None:
                record[INPUT] = entry.own_values()
            yield printable_json(orjson.dumps(record))


class Flattener:
    """Makes rows of entries: the values of these columns, in their order."""

    def __init__(
        self,
        columns: Sequence[Column],
        file: RecordFile,
    ) -> None:
        self._file = file
        roots = [each.path[0] for each in columns if not each.is_own]
        self._roots = list(dict.fromkeys(roots))
        self._decoder = _decoder_of(self._roots, columns)
        self._own = [each for each in columns if each.is_own]
        self._of_recipes = [each for each in columns if each.is_of_recipe]
        self._of_record = [
            each
            for each in columns
            if not each.is_own and not each.is_of_recipe
        ]
        found = [*self._of_record, *self._of_recipes, *self._own]
        self._places = [found.index(each) for each in columns]

    def columns_of(
        self,
        entries: Sequence[Entry],
    ) -> list[Values]:
        """The columns of these records. Raises UsageError if one is none."""
        by_root = self._read(entries)
        _put_places_of_rows(by_root, entries)
        found = [
            convert(by_root[each.path[0]], _reader_of(each))
            for each in self._of_record
        ]
        of_recipes = map(_object_in, by_root.get(OF_RECIPES, ()))
        found += _values_of(self._of_recipes, of_recipes)
        found += own_values_of(self._own, entries)
        return [found[place] for place in self._places]

    def _read(
        self,
        entries: Sequence[Entry],
    ) -> dict[str, Sequence[Any]]:
        """What stands in the records under each first key."""
        decode = self._decoder.decode
        found = []
        for entry in entries:
            try:
                found.append(astuple(decode(entry.line)))
            except _NO_RECORD:
                raise self._file.changed_at(entry.row.offset) from None
        return dict(zip(self._roots, zip(*found, strict=True), strict=True))


def own_values_of(
    columns: Sequence[Column],
    entries: Sequence[Entry],
) -> list[Values]:
    """Columns that are all the user's own: no record is read for them."""
    return _values_of(columns, (each.own_values() for each in entries))


def _values_of(
    columns: Sequence[Column],
    objects: Iterable[Mapping[str, Any]],
) -> list[Values]:
    """Columns whose values stand under the second keys of these objects."""
    found = [*objects] if columns else []
    return [
        convert([each.get(column.path[1]) for each in found], encode_lists)
        for column in columns
    ]


def _object_in(raw: Raw | None) -> dict[str, Any]:
    found = None if raw is None else orjson.loads(bytes(raw))
    return found if isinstance(found, dict) else {}


def _put_places_of_rows(
    by_root: dict[str, Sequence[Any]],
    entries: Sequence[Entry],
) -> None:
    """Have each row of a list say its own place: the record speaks of one of them."""
    rows = [each.row for each in entries]
    if "source" in by_root:
        by_root["source"] = [
            found if row.source is None else row.source
            for row, found in zip(rows, by_root["source"], strict=True)
        ]
    if "line" in by_root:
        by_root["line"] = [
            found if row.source is None else row.line
            for row, found in zip(rows, by_root["line"], strict=True)
        ]


def _decoder_of(
    roots: Sequence[str],
    columns: Sequence[Column],
) -> Decoder[Any]:
    """What reads these keys of a record; what is a list or may be anything stays JSON."""
    raw = {
        each.path[0] for each in columns if each.is_of_recipe or _is_json(each)
    }
    names = {f"key_{number}": root for number, root in enumerate(roots)}
    fields = [
        (name, Raw if root in raw else Any, None)
        for name, root in names.items()
    ]
    return Decoder(defstruct("Record", fields, rename=names))


def convert(
    values: Sequence[Any],
    read: Callable[[Any], Any] | None,
) -> Sequence[Any]:
    """The values of a column as `read` has them; what is None stays so."""
    if read is None or values.count(None) == len(values):
        return values
    return [None if each is None else read(each) for each in values]


def _is_json(column: Column) -> bool:
    return column.kind in LISTS or column.kind == "json"


def _reader_of(column: Column) -> Callable[[Any], Value] | None:
    """What makes the value of a column of what stands under its first key; None: nothing."""
    if len(column.path) == 1:
        return _plain if _is_json(column) else None
    if column.kind == "json":
        return partial(_value_below, column.path[1])
    return partial(_member, column.path[1])


def _plain(raw: Raw) -> Value:
    """A list or an object stays JSON; all else is what it says."""
    encoded = bytes(raw)
    if encoded[:1] in (b"[", b"{"):
        return encoded
    value: Value = orjson.loads(encoded)
    return value


def _member(
    key: str,
    found: Any,
) -> Value:
    value: Value = found.get(key) if isinstance(found, dict) else None
    return value


def _value_below(
    path: str,
    raw: Raw,
) -> Value:
    """What dots lead to in an object; its keys may hold dots themselves."""
    return encode_lists(_dig(orjson.loads(bytes(raw)), path))


def _dig(
    value: Any,
    path: str,
) -> Any:
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    key, _, rest = path.partition(".")
    return _dig(value.get(key), rest) if rest else None


def encode_lists(value: Any) -> Value:
    """A list or an object as JSON, all else as it is."""
    found: Value = (
        printable_json(orjson.dumps(value))
        if isinstance(value, list | dict)
        else value
    )
    return found
