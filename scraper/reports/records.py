"""The records of a run folder as a script reads them: of each URL the last one."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import orjson

from scraper.errors import UsageError

# What a record begins with: pass and key are known without decoding all of it.
_HEAD = re.compile(
    rb'\{"schema":\d+,"pass":(\d+),"index":(?:\d+|null),"key":"([0-9a-f]{16})"'
)


def records(folder: str | PathLike[str]) -> Iterator[dict[str, Any]]:
    """The last record of each URL in a run folder, in the order in which they ended.

        pandas.DataFrame(scraper.records("downloads/urls"))

    It needs records.jsonl alone: the folder may be a copy, and a run may go on in it. The file is
    read twice; memory is some 150 bytes for each URL that was asked in a later pass than the first.
    Raises UsageError if there are no records.
    """
    path = Path(folder) / "records.jsonl"
    try:
        found = path.is_file()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise UsageError(
            f"no records in {folder}: name a run folder, such as downloads/urls"
        )
    return _last_records(path)


def _last_records(path: Path) -> Iterator[dict[str, Any]]:
    end, last = _scan(path)
    for offset, line in _whole_lines(path):
        if offset >= end:
            return
        _, key = _pass_and_key(path, offset, line)
        if last.get(key, offset) == offset:
            yield _decode(path, offset, line)


def _scan(path: Path) -> tuple[int, dict[int, int]]:
    """Where the last whole line ends, and where of each URL of a later pass the last record is.

    In one pass each URL has one record, so those of the first need not be remembered.
    """
    end, last = 0, {}
    for offset, line in _whole_lines(path):
        number, key = _pass_and_key(path, offset, line)
        if number > 1:
            last[key] = offset
        end = offset + len(line)
    return end, last


def _whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines and where they begin, up to one that is still being written."""
    offset = 0
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                if offset == 0 and line.startswith(BOM_UTF8):  # of an editor
                    offset = len(BOM_UTF8)
                    line = line[offset:]
                yield offset, line
                offset += len(line)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _pass_and_key(path: Path, offset: int, line: bytes) -> tuple[int, int]:
    """Pass and key of a record."""
    head = _HEAD.match(line)
    if head is not None:
        return int(head[1]), int(head[2], 16)
    record = _decode(path, offset, line)
    return record["pass"], int(record["key"], 16)


def _decode(path: Path, offset: int, line: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or not {"pass", "key"} <= record.keys():
        raise UsageError(
            f"{path} holds something that is no record, at byte {offset:,}: take it out"
        )
    return record
