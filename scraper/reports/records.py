"""The records of a run folder as a script reads them: of each URL the last one."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from scraper.errors import UsageError
from scraper.record import fill_in, lost_facts_message

# What a record begins with: all of `_Head` is known without decoding the rest of it.
_HEAD = re.compile(
    rb'\{"schema":\d+,"pass":(\d+),"index":(?:\d+|null),"key":"([0-9a-f]{16})"'
    rb'(?:,"same_as":(\d+))?'
)


class _Head(NamedTuple):
    number: int  # of the pass
    key: int
    same_as: int | None  # of a short record


def records(folder: str | PathLike[str]) -> Iterator[dict[str, Any]]:
    """The last record of each URL in a run folder, in the order in which they ended.

        pandas.DataFrame(scraper.records("downloads/urls"))

    What was unchanged has the facts of the record that `same_as` names. It needs records.jsonl
    alone: the folder may be a copy, and a run may go on in it. The file is read twice; memory is
    some 150 bytes for each URL that was asked in a later pass than the first.
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
    # by key, where the full record stands that a later one may name
    full: dict[int, int] = {}
    for offset, line in _whole_lines(path):
        if offset >= end:
            return
        head = _head_of(path, offset, line)
        if last.get(head.key, offset) != offset:
            if head.same_as is None:
                full[head.key] = offset
            continue
        facts_offset = full.pop(head.key, None)
        if head.same_as is None:
            yield _decode(path, offset, line)
        else:
            facts = _read_facts(path, offset, head.same_as, facts_offset)
            yield fill_in(_decode(path, offset, line), facts)


def _read_facts(
    path: Path, offset: int, same_as: int, facts_offset: int | None
) -> dict[str, Any]:
    """The record that a short one names, found before it. Raises UsageError if there is none."""
    if facts_offset is not None:
        with path.open("rb") as file:
            file.seek(facts_offset)
            facts = _decode(path, facts_offset, file.readline())
        if facts["pass"] == same_as:
            return facts
    raise UsageError(lost_facts_message(path, offset, same_as))


def _scan(path: Path) -> tuple[int, dict[int, int]]:
    """Where the last whole line ends, and where of each URL of a later pass the last record is.

    In one pass each URL has one record, so those of the first need not be remembered.
    """
    end, last = 0, {}
    for offset, line in _whole_lines(path):
        head = _head_of(path, offset, line)
        if head.number > 1:
            last[head.key] = offset
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


def _head_of(path: Path, offset: int, line: bytes) -> _Head:
    found = _HEAD.match(line)
    if found is not None:
        number, key, same_as = found.groups()
        return _Head(
            int(number), int(key, 16), None if same_as is None else int(same_as)
        )
    record = _decode(path, offset, line)
    key = int(record["key"], 16)
    return _Head(record["pass"], key, record.get("same_as"))


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
