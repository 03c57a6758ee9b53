"""A record as one row of a table.

Its line is decoded only as far as the columns ask for: lists stay the JSON that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from msgspec import DecodeError, Raw, Struct, defstruct
from msgspec.json import Decoder

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
_NO_RECORD = (DecodeError, UnicodeDecodeError)


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


class Records(NamedTuple):
    """Rows of records, yet to be read, and the columns that are asked for."""

    entries: Iterator[Entry]
    file: RecordFile
    columns: Sequence[Column]

    def rows(self) -> Iterator[Values]:
        """The values of the columns, row by row. Raises UsageError."""
        return map(Flattener(self.columns, self.file).flatten, self.entries)

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
        own = [each.path[1] for each in columns if each.is_own]
        of_recipes = [each.path[1] for each in columns if each.is_of_recipe]
        roots = [each.path[0] for each in columns if not each.is_own]
        # of each row of a list its own: the record speaks of one of them
        self._roots = list(dict.fromkeys(["source", "line", *roots]))
        self._own, self._of_recipes = own, of_recipes
        self._decoder = _decoder_of(self._roots, columns)
        self._values_of = attrgetter(*self._decoder.type.__struct_fields__)
        self._places = [self._place_of(each) for each in columns]
        self._readers = [
            (place, read)
            for place, each in enumerate(columns)
            if (read := _reader_of(each)) is not None
        ]

    def _place_of(self, column: Column) -> int:
        place = len(self._roots)
        if column.is_own:
            return place + self._own.index(column.path[1])
        if column.is_of_recipe:
            place += len(self._own)
            return place + self._of_recipes.index(column.path[1])
        return self._roots.index(column.path[0])

    def flatten(self, entry: Entry) -> list[Value]:
        """The row of a record. Raises UsageError if it is none."""
        try:
            record = self._decoder.decode(entry.line)
        except _NO_RECORD:
            raise self._file.changed_at(entry.row.offset) from None
        found = [*self._values_of(record), *self._own_values(entry)]
        if self._of_recipes:
            found += self._values_of_recipes(found)
        if entry.row.source is not None:
            found[:2] = entry.row.source, entry.row.line
        values = [found[place] for place in self._places]
        for place, read in self._readers:
            value = values[place]
            if value is not None:
                values[place] = read(value)
        return values

    def own_row(self, entry: Entry) -> Values:
        """The same of columns that are all the user's own: no record is read for them."""
        return [*map(encode_lists, self._own_values(entry))]

    def _own_values(self, entry: Entry) -> Iterable[Any]:
        return map(entry.own_values().get, self._own) if self._own else ()

    def _values_of_recipes(self, found: Sequence[Any]) -> Iterable[Any]:
        raw = found[self._roots.index(OF_RECIPES)]
        fields = None if raw is None else orjson.loads(bytes(raw))
        values = fields if isinstance(fields, dict) else {}
        return map(values.get, self._of_recipes)


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


def convert_at(
    places: Sequence[int],
    row: Values,
    convert: Callable[[Any], Any],
) -> list[Any]:
    """The row with what stands there as a format has it; what is None stays so."""
    values = [*row]
    for place in places:
        value = values[place]
        if value is not None:
            values[place] = convert(value)
    return values


def _is_json(column: Column) -> bool:
    if column.is_own or column.is_of_recipe:
        return False
    return column.kind in {*LISTS, "json"}


def _reader_of(column: Column) -> Callable[[Any], Value] | None:
    """What makes the value of a column of what stands under its first key; None: nothing."""
    if column.is_own or column.is_of_recipe:
        return encode_lists
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
