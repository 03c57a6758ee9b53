"""Each format read back as people do, to rows of the columns' names and values."""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

Rows = list[dict[str, Any]]


def unguarded(text: str) -> str:
    """As docs/guide.md says it."""
    return re.sub(r"^'('*[=+\-@\t\r])", r"\1", text)


def read_csv(path: Path) -> Rows:
    limit = csv.field_size_limit(2**31 - 1)
    delimiter = "\t" if path.suffix == ".tsv" else ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [
                {unguarded(name): unguarded(text) for name, text in row.items()}
                for row in csv.DictReader(file, delimiter=delimiter)
            ]
    finally:
        csv.field_size_limit(limit)  # other tests have others


def read_json(path: Path) -> Rows:
    rows: Rows = json.loads(path.read_bytes())
    return rows


def read_lines(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def read_parquet(path: Path) -> Rows:
    import pyarrow.parquet

    rows: Rows = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def read_sqlite(path: Path) -> Rows:
    """The rows of the lists, then what no list names; of each its record."""
    with closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        tables = file.execute("SELECT name FROM sqlite_master")
        if ("items",) in map(tuple, tables):
            return [*map(dict, file.execute("SELECT * FROM items"))]
        records = {
            each["id"]: dict(each)
            for each in file.execute("SELECT * FROM records")
        }
        rows = file.execute(
            "SELECT * FROM input ORDER BY source, line, record"
        ).fetchall()
        listed = {each["record"] for each in rows}
        found = [
            {
                **dict(each),
                **records[each["record"]],
                "source": each["source"],
                "line": each["line"],
                "own": dict(each),
            }
            for each in rows
        ]
        return found + [
            each for id, each in records.items() if id not in listed
        ]


READERS: dict[str, Callable[[Path], Rows]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".json": read_json,
    ".jsonl": read_lines,
    ".parquet": read_parquet,
    ".sqlite": read_sqlite,
}

# pyarrow is heavy: it comes with the extra `ci`, and where that is installed nothing is skipped.
_LACKS_PYARROW = (
    find_spec("pyarrow") is None and "SCRAPER_READERS" not in os.environ
)
_OF_PARQUET = (
    pytest.mark.readers,
    pytest.mark.skipif(_LACKS_PYARROW, reason="pyarrow is not installed"),
)
Test = TypeVar("Test", bound=Callable[..., None])


def needs_pyarrow(test: Test) -> Test:
    for mark in _OF_PARQUET:
        test = mark(test)
    return test


def each_of(names: Iterable[str]) -> list[Any]:
    """Parameters, those of Parquet with the marks that it needs."""
    return [
        pytest.param(each, marks=_OF_PARQUET if "parquet" in each else ())
        for each in names
    ]
