"""Rows that are items: those of each record, one by one, with what is said of their page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson
from msgspec import DecodeError

from scraper.exports.columns import ITEM, ITEMS, Column
from scraper.exports.flattening import (
    Batch,
    Flattener,
    Value,
    Values,
    encode_lists,
    in_batches,
)
from scraper.exports.reading import Entry, RecordFile
from scraper.outcomes.items import PageItems, items_in

_NO_RECORD = (DecodeError, UnicodeDecodeError)


class Item(NamedTuple):
    """One item of a record, in one row of a list."""

    entry: Entry
    page: PageItems
    place: int  # among the items of the page

    def line(self) -> bytes:
        """As in items.jsonl, with the columns of the row that it stands for."""
        columns = self.entry.row.columns
        own = self.page.own if columns is None else columns.encode()
        return self.page.line(self.place, own)

    def values(self) -> dict[str, Any]:
        """Its fields."""
        assert self.page.items is not None, "it is one of them"
        found = orjson.loads(bytes(self.page.items[self.place]))
        return found if isinstance(found, dict) else {}


def split_into_items(
    entries: Iterable[Entry],
    file: RecordFile,
) -> Iterator[Item]:
    """The items of these records. Raises UsageError."""
    for entry in entries:
        try:
            page = items_in(entry.line)
        except _NO_RECORD:
            raise file.changed_at(entry.row.offset) from None
        if page is not None:
            for place in range(len(page.items or ())):
                yield Item(entry, page, place)


class Items(NamedTuple):
    """Rows of items, yet to be read, and the columns that are asked for."""

    items: Iterator[Item]
    file: RecordFile
    columns: Sequence[Column]

    def batches(self) -> Iterator[Batch]:
        """The values of the columns. Raises UsageError."""
        flatten = ItemFlattener(self.columns, self.file).flatten
        return in_batches(map(flatten, self.items))

    def whole(self) -> Iterator[bytes]:
        """The items as in items.jsonl."""
        return (each.line() for each in self.items)


class ItemFlattener:
    """Makes rows of items. What is said of a page is read once for all of its items."""

    def __init__(
        self,
        columns: Sequence[Column],
        file: RecordFile,
    ) -> None:
        of_page = [each for each in columns if not _is_of_item(each)]
        self._columns_of = Flattener(of_page, file).columns_of
        self._readers = [
            _reader_of(each)
            if _is_of_item(each)
            else partial(_of_page, of_page.index(each))
            for each in columns
        ]
        self._entry: Entry | None = None
        self._values: Values = ()

    def flatten(self, item: Item) -> list[Value]:
        """The row of an item. Raises UsageError if its record is none."""
        if item.entry is not self._entry:
            self._entry = item.entry
            columns = self._columns_of([item.entry])
            self._values = [values[0] for values in columns]
        fields = item.values()
        return [read(item, fields, self._values) for read in self._readers]


_Reader = Callable[[Item, dict[str, Any], Values], Value]


def _is_of_item(column: Column) -> bool:
    return column.path[0] in (ITEMS, ITEM)


def _reader_of(column: Column) -> _Reader:
    if column.path[0] == ITEM:
        return _number_of
    return partial(_field_of, column.path[1])


def _of_page(
    place: int,
    item: Item,
    fields: dict[str, Any],
    values: Values,
) -> Value:
    return values[place]


def _number_of(
    item: Item,
    fields: dict[str, Any],
    values: Values,
) -> Value:
    return item.place + 1


def _field_of(
    name: str,
    item: Item,
    fields: dict[str, Any],
    values: Values,
) -> Value:
    return encode_lists(fields.get(name))
