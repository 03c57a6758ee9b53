"""The rows of a Parquet file. It needs the extra `scraper[parquet]`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from io import BufferedReader
from typing import Any

from scraper.errors import UsageError

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
        batches = parquet.ParquetFile(file).iter_batches(ROWS_AT_ONCE)
        for batch in batches:
            for row in batch.to_pylist():
                number += 1
                yield number, {key: _plain(row[key]) for key in row}
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{name} cannot be read as Parquet, behind row {number:,}: {reason}"
        ) from error


def _plain(value: Any) -> Any:
    """As JSON has it: what it has no word for as text, and no bytes."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes | bytearray):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value
