"""JSON and JSON Lines: the records as they are, or objects of the fields that were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import orjson

from scraper.exports.columns import Column
from scraper.exports.flattening import Batch
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


def objects_of(
    columns: Sequence[Column],
    batches: Iterable[Batch],
) -> Iterator[bytes]:
    """Rows as objects."""
    names = [each.name for each in columns]
    for row in chain.from_iterable(each.rows() for each in batches):
        values = (
            orjson.Fragment(value) if isinstance(value, bytes) else value
            for value in row
        )
        object = dict(zip(names, values, strict=True))
        yield printable_json(orjson.dumps(object))
