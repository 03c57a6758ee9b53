"""The rows of a Parquet file. It needs the extra `scraper[parquet]`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from io import BufferedReader
from typing import Any

from scraper.errors import UsageError
from scraper.sources.rows import check_names

ROWS_AT_ONCE = 4_096


def parquet_rows(
    file: BufferedReader,
    name: str,
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row with its number, from 1. Raises UsageError if the file is damaged."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(
            f"{name} is Parquet, for which pyarrow is needed: pip install 'scraper[parquet]'"
        ) from error
    number = 0
    try:
        table = parquet.ParquetFile(file)
        names = table.schema_arrow.names
        check_names(names, name)
        for batch in table.iter_batches(ROWS_AT_ONCE):
            for row in zip(*map(_values_of, batch.columns), strict=True):
                number += 1
                yield number, dict(zip(names, map(_plain, row), strict=True))
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{name} cannot be read as Parquet, behind row {number:,}: {reason}"
        ) from error


def _values_of(column: Any) -> list[Any]:
    """The values of a column. Times that Python has no type for, in nanoseconds or of a year of
    six digits, are text."""
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        values = [_value_of(each) for each in column]
    return values


def _value_of(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return None  # bytes that are called text
    except (ValueError, OverflowError):
        text: str = scalar.cast("string").as_py()
        return text.replace(" ", "T", 1) if text[0].isdigit() else text


def _plain(value: Any) -> Any:
    """As JSON has it: what it has no word for as text, and no bytes."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes | bytearray):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value
