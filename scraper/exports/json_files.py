"""JSON and JSON Lines: the records as they are, or objects of the fields that were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson

from scraper.exports.columns import INPUT, Column
from scraper.exports.flattening import Values
from scraper.exports.reading import Entry
from scraper.text import printable_json

_BUFFER_BYTES = 2**18


def write_lines(
    path: Path,
    objects: Iterable[bytes],
) -> None:
    """An object a line."""
    with path.open("wb", _BUFFER_BYTES) as file:
        for each in objects:
            file.write(each)
            file.write(b"\n")


def write_array(
    path: Path,
    objects: Iterable[bytes],
) -> None:
    """One array; each object of it is a line."""
    with path.open("wb", _BUFFER_BYTES) as file:
        separator = b"[\n"
        for each in objects:
            file.write(separator)
            file.write(each)
            separator = b",\n"
        file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def whole_records(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The records, each with what the row of the list says that it stands for."""
    for entry in entries:
        row = entry.row
        record = orjson.loads(entry.line)
        if row.source is not None:
            record |= {"source": row.source, "line": row.line}
        if row.columns is not None:
            record[INPUT] = entry.own_values()
        yield printable_json(orjson.dumps(record))


def objects_of(
    columns: Sequence[Column],
    rows: Iterable[Values],
) -> Iterator[bytes]:
    """Rows as objects."""
    names = [each.name for each in columns]
    for row in rows:
        values = (
            orjson.Fragment(value) if isinstance(value, bytes) else value
            for value in row
        )
        object = dict(zip(names, values, strict=True))
        yield printable_json(orjson.dumps(object))
