"""CSV and TSV: UTF-8, RFC 4180, safe to be opened by a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from scraper.exports.columns import Column
from scraper.exports.flattening import Batch, Value, convert

# What a spreadsheet would take for a formula. An apostrophe before it says that it is none, and of
# text that begins so already one more, so that to take one away is to have it back.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?")
_SUSPECTS = frozenset("'=+-@\t\r")  # what such text begins with
_BUFFER_BYTES = 2**18


def write_delimited(
    path: Path,
    columns: Sequence[Column],
    batches: Iterable[Batch],
    *,
    delimiter: str = ",",
    raw: bool = False,
) -> None:
    """Write a table. `raw`: no byte order mark, and text is left as it is."""
    encoding = "utf-8" if raw or delimiter != "," else "utf-8-sig"
    with path.open(
        "w",
        _BUFFER_BYTES,
        encoding,
        errors="replace",
        newline="",
    ) as file:
        table = csv.writer(file, delimiter=delimiter)
        cell_of = _cell if raw else _guarded_cell
        table.writerow([cell_of(each.name) for each in columns])
        readers = [
            # the writer knows numbers
            None if each.kind in ("integer", "number") else cell_of
            for each in columns
        ]
        for batch in batches:
            cells = map(convert, batch.columns, readers)
            table.writerows(zip(*cells, strict=True))


def _cell(value: Value) -> Value:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _guarded_cell(value: Value) -> Value:
    if isinstance(value, str):
        return guard(value) if value[:1] in _SUSPECTS else value
    return _cell(value)


def guard(text: str) -> str:
    """Text with an apostrophe before it, if a spreadsheet would take it for a formula.

    >>> guard("=1+2"), guard("'=1+2"), guard("-5"), guard("- no"), guard("it's")
    ("'=1+2", "''=1+2", '-5', "'- no", "it's")
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
