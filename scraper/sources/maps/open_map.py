"""Sitemaps and feeds as tables."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from io import BufferedReader
from typing import Any

import orjson

from scraper.config import InputSettings
from scraper.errors import UsageError
from scraper.sources.maps.entries import entries_in
from scraper.sources.maps.markup import HEAD_BYTES, root_of
from scraper.sources.maps.vocabulary import (
    FEED,
    JSON_FEED,
    format_in,
    vocabulary_of,
)
from scraper.sources.rows import MAX_ARRAY_BYTES, Misread, Row
from scraper.sources.tables import (
    ROWS_JUDGED,
    OpenFile,
    Rows,
    Table,
    checked_name,
    other_columns,
)
from scraper.text import printable

_RowsOf = Callable[[BufferedReader], Rows]


def open_map(
    open_file: OpenFile,
    format: str,
    name: str,
    how: InputSettings,
    base: str = "",
) -> Table:
    """The table that it is. Raises UsageError if it is another format, or lacks a column."""
    with open_file() as file:
        head = file.read(HEAD_BYTES)
    if format_in(head) != format:
        raise UsageError(f"{name} is no {format}: {_describe(head)}")
    vocabulary = vocabulary_of(root_of(head))
    if vocabulary is None:
        vocabulary = FEED
        rows: _RowsOf = partial(_rows_of_json, name=name)
    else:
        rows = partial(
            entries_in,
            vocabulary=vocabulary,
            name=name,
            base=base,
        )
    names = vocabulary.columns
    url = (
        checked_name(
            how.url_col,
            names,
            name,
        )
        or vocabulary.url
    )
    others = other_columns(
        how.columns,
        names,
        url,
        name,
    )
    if url in vocabulary.lists:
        rows = partial(
            _one_for_each,
            rows,
            url,
        )
    takes_all = how.columns == ("all",)
    return Table(
        url=url,
        others=_there(
            rows,
            open_file,
            others,
        )
        if takes_all
        else others,
        url_place=0,
        rows=rows,
        takes_all=takes_all,
        is_even=False,
        modified=vocabulary.modified if how.lastmod else "",
        is_map=True,
        is_index=vocabulary.is_index,
    )


def _describe(head: bytes) -> str:
    if found := format_in(head):
        return f"it is a {found}"
    if root := root_of(head):
        return f"its first element is <{printable(root)[:40]}>"
    start = printable(head[:40].decode("utf-8", "replace"))
    return f"it begins with {start!r}" if head else "it is empty"


def _there(
    rows: _RowsOf, open_file: OpenFile, names: Iterable[str]
) -> tuple[str, ...]:
    """Those of these columns that the first entries have."""
    with open_file() as file:
        first = [row for _, row in itertools.islice(rows(file), ROWS_JUDGED)]
    found = {name for row in first if isinstance(row, dict) for name in row}
    return tuple(name for name in names if name in found)


def _one_for_each(
    rows: _RowsOf,
    column: str,
    file: BufferedReader,
) -> Rows:
    """A row for each value of a column that may have several."""
    for number, row in rows(file):
        if isinstance(row, Misread):
            yield number, row
            continue
        for value in row.get(column, ()):
            yield number, {**row, column: value}


def _rows_of_json(file: BufferedReader, name: str) -> Rows:
    """The items of a JSON Feed, which is read as a whole."""
    body = file.read(MAX_ARRAY_BYTES + 1)
    items: Any = None
    with suppress(orjson.JSONDecodeError):
        feed = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
        items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list):
        raise UsageError(
            f"{name} is a JSON Feed that cannot be read: it is no JSON, longer than 512 MB, or has "
            "no items"
        )
    for number, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield number, _row_of_item(item)
        else:
            yield number, Misread(orjson.dumps(item).decode()[:2_000])


def _row_of_item(item: dict[str, Any]) -> Row:
    row = {
        column: item[name]
        for name, column in JSON_FEED.items()
        if item.get(name)
    }
    attached = item.get("attachments")
    if isinstance(attached, list):
        row["enclosures"] = [
            each["url"]
            for each in attached
            if isinstance(each, dict) and isinstance(each.get("url"), str)
        ]
    return row
