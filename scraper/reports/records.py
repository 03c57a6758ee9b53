"""The records of a run folder as a script reads them: of each URL the last one."""

from __future__ import annotations

import re
from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, field

from scraper.errors import UsageError
from scraper.record import fill_in

# What a record begins with: all of `Head` is known without decoding the rest of it.
_HEAD = re.compile(
    rb'\{"schema":\d+,"pass":(\d+),"index":(?:\d+|null),"key":"([0-9a-f]{16})"'
    rb'(?:,"same_as":(\d+))?'
)


_NOWHERE = -1


class Head(NamedTuple):
    """What a record says of itself before anything else."""

    number: int  # of the pass
    key: int
    same_as: int | None  # of a short record


def records(folder: str | PathLike[str]) -> Iterator[dict[str, Any]]:
    """The last record of each URL in a run folder, in the order in which they ended.

        pandas.DataFrame(scraper.records("downloads/urls"))

    What was unchanged has the facts of the record that `same_as` names. It needs records.jsonl
    alone: the folder may be a copy, and a run may go on in it. The file is read twice; memory is
    some 170 bytes for each URL that was asked in a later pass than the first.
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


class _Places(Struct):
    """Where the last record of each URL of a later pass stands, and the full one before it.

    In one pass each URL has one record, so those of the first need not be remembered.
    """

    # by key, a place in the arrays: a dict for each of them would take twice the memory
    rows: dict[int, int] = field(default_factory=dict)
    last: array[int] = field(default_factory=partial(array, "q"))
    full: array[int] = field(default_factory=partial(array, "q"))

    def note_last(self, key: int, offset: int) -> None:
        """In the first reading: the last record of this URL so far."""
        row = self.rows.setdefault(key, len(self.last))
        if row == len(self.last):
            self.last.append(offset)
            self.full.append(_NOWHERE)
        else:
            self.last[row] = offset

    def take_last(self, head: Head, offset: int) -> bool:
        """In the second: is this the last one? If not, a later one may name it."""
        row = self.rows.get(head.key)
        if row is None or self.last[row] == offset:
            return True
        if head.same_as is None:
            self.full[row] = offset
        return False

    def full_before(self, key: int) -> int:
        """Where the last full record before the last one of a URL stands."""
        row = self.rows.get(key)
        return _NOWHERE if row is None else self.full[row]


def _last_records(path: Path) -> Iterator[dict[str, Any]]:
    end, places = _scan(path)
    with _opened(path) as again:
        for offset, line in whole_lines(path):
            if offset >= end:
                return
            head = head_of(path, offset, line)
            if not places.take_last(head, offset):
                continue
            record = _decode(path, offset, line)
            if head.same_as is not None:
                full = _read_full(path, again, places.full_before(head.key))
                if full.get("pass") != head.same_as:
                    raise UsageError(
                        lost_facts_message(path, offset, head.same_as)
                    )
                record = fill_in(record, full)
            yield record


def _read_full(path: Path, file: BufferedReader, offset: int) -> dict[str, Any]:
    """The record there; nothing if there is none."""
    if offset == _NOWHERE:
        return {}
    file.seek(offset)
    return _decode(path, offset, file.readline())


def lost_facts_message(path: Path, offset: int, same_as: int) -> str:
    """What is said of a file in which the record is missing that a short one names."""
    return (
        f"{path} lacks the record of pass {same_as} that the one at byte {offset:,} names: "
        "put back what was taken out"
    )


def _scan(path: Path) -> tuple[int, _Places]:
    """Where the last whole line ends, and the last record of each URL of a later pass."""
    end, places = 0, _Places()
    for offset, line in whole_lines(path):
        head = head_of(path, offset, line)
        if head.number > 1:
            places.note_last(head.key, offset)
        end = offset + len(line)
    return end, places


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """A file to be read. Raises UsageError if it may not be."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines and where they begin, up to one that is still being written."""
    offset = 0
    with _opened(path) as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            if offset == 0 and line.startswith(BOM_UTF8):  # of an editor
                offset = len(BOM_UTF8)
                line = line[offset:]
            yield offset, line
            offset += len(line)


def head_of(path: Path, offset: int, line: bytes) -> Head:
    found = _HEAD.match(line)
    if found is not None:
        number, key, same_as = found.groups()
        return Head(
            int(number), int(key, 16), None if same_as is None else int(same_as)
        )
    record = _decode(path, offset, line)
    key = int(record["key"], 16)
    return Head(record["pass"], key, record.get("same_as"))


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
