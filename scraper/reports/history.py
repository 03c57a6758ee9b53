"""The passes of a folder as their files have them: lines of changes.jsonl, the records of a URL.

Nothing but these two files is needed: the folder may be a copy, and a run may go on in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from scraper.errors import UsageError
from scraper.record import fill_in, is_short
from scraper.reports.records import head_of, whole_lines

RECORDS, CHANGES = "records.jsonl", "changes.jsonl"
_HEAD = re.compile(rb'\{"pass":(\d+),"at":"([^"]+)"')
_URL = re.compile(rb'"canonical_url":("(?:[^"\\]|\\.)*")')
MAX_SUGGESTED = 100_000  # URLs that are looked at for one that was meant

Line = Mapping[str, Any]
Wanted = Callable[[int, str], bool]  # by the pass, and the time


def changes_in(folder: Path, wanted: Wanted) -> Iterator[tuple[bytes, Line]]:
    """The lines of changes.jsonl that are wanted, as they stand there and decoded.

    Raises UsageError if there is no such file, or another one.
    """
    path = folder / CHANGES
    if not path.exists():
        raise UsageError(
            f"{folder} has no {CHANGES}: the next run over it begins one"
        )
    for offset, line in whole_lines(path):
        head = _HEAD.match(line)
        if head is None:
            raise UsageError(
                f"{path} is not of this program, at byte {offset:,}"
            )
        if wanted(int(head[1]), head[2].decode()):
            yield line.rstrip(b"\n"), _decode(path, offset, line)


def last_pass_in(folder: Path) -> int:
    """The number of the last pass that has a line there; 0 if there is none."""
    last = 0

    def note(number: int, _: str) -> bool:
        nonlocal last
        last = max(last, number)
        return False

    for _ in changes_in(folder, note):
        raise AssertionError("none is wanted")
    return last


def record_at(folder: Path, offset: int | None, key: str) -> Line:
    """The record that begins there; nothing if it is not that of this URL any more."""
    if offset is None:
        return {}
    try:
        with (folder / RECORDS).open("rb") as file:
            file.seek(offset)
            record = orjson.loads(file.readline())
    except (OSError, orjson.JSONDecodeError):
        return {}
    is_it = isinstance(record, dict) and record.get("key") == key
    return record if is_it else {}


def records_of(folder: Path, key: str) -> list[Line]:
    """The records of a URL, oldest first, the short ones filled in."""
    path = folder / RECORDS
    found: list[Line] = []
    full: dict[int, Line] = {}
    number = int(key, 16)
    for offset, line in whole_lines(path):
        if head_of(path, offset, line).key != number:
            continue
        record = _decode(path, offset, line)
        if is_short(record):
            record = fill_in(record, full.get(record["same_as"], _UNKNOWN))
        else:
            full[record["pass"]] = record
        found.append(record)
    return found


_UNKNOWN: Line = {"seconds": {}, "schema": 2}


def urls_in(folder: Path) -> Iterator[str]:
    """The URLs of the records, some of them again."""
    seen = 0
    for _, line in whole_lines(folder / RECORDS):
        found = _URL.search(line)
        if found is not None and seen < MAX_SUGGESTED:
            seen += 1
            yield orjson.loads(found[1])


def _decode(path: Path, offset: int, line: bytes) -> Line:
    try:
        decoded: Line = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise UsageError(
            f"{path} is not of this program, at byte {offset:,}"
        ) from None
    return decoded
