"""The records of a run folder, row by row: of each the line of records.jsonl, filled in.

Nothing is kept: a snapshot of the ledger says where each record stands, and it is read from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from scraper.errors import UsageError
from scraper.machine.files import open_folder
from scraper.record import filled_line, is_short
from scraper.reports.records import head_of, lost_facts_message, whole_lines
from scraper.storage.readers.snapshot import Row, Snapshot, Span, signed_key

RECORDS = "records.jsonl"
_BLOCK_BYTES = (
    2**18
)  # read at once: where records follow each other, or of all of them


class Entry(NamedTuple):
    """One row of an export."""

    row: Row
    line: bytes  # the record, never a short one

    def own_values(self) -> dict[str, Any]:
        """The user's own columns of the row that names the URL."""
        columns = self.row.columns
        return {} if columns is None else orjson.loads(columns)


class RecordFile(AbstractContextManager["RecordFile"]):
    """records.jsonl of a folder. Raises UsageError if it is not as its ledger knows it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RECORDS
        try:
            with open_folder(folder) as opened:
                self._file = opened.open_reader(RECORDS)
            self._block = b""  # what was read ahead,
            self._block_offset = 0  # and where it begins
        except OSError as error:
            raise UsageError(
                f"cannot read {self._path}: {error.strerror or error}"
            ) from error

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def entries(self, rows: Iterator[Row]) -> Iterator[Entry]:
        """The records of these rows."""
        for row in rows:
            line = self._read(row.offset, row.length)
            if line[:1] != b"{" or line[-1:] != b"}" or b"\n" in line:
                raise self.changed_at(row.offset)
            if b'"same_as":' in line:
                line = self._fill_in(row, line)
            yield Entry(row, line)

    def mentions(self, marks: Sequence[bytes]) -> bool:
        """Does one of these stand in it? Where none does, no record need be looked at."""
        longest = max(map(len, marks))
        end = b""
        self._file.seek(0)
        while block := self._file.read(_BLOCK_BYTES):
            text = end + block
            if any(mark in text for mark in marks):
                return True
            end = text[-longest:]
        return False

    def lines_with_facts(
        self, rows: Iterator[Row]
    ) -> Iterator[tuple[int, bytes]]:
        """Of each row the record that holds its facts, and where that begins; nothing is filled
        in."""
        for row in rows:
            line, offset = self._read(row.offset, row.length), row.offset
            if b'"same_as":' in line and is_short(self._decode(offset, line)):
                offset = row.facts_offset
                line = self._read(offset, None)
            yield offset, line

    def _fill_in(
        self,
        row: Row,
        line: bytes,
    ) -> bytes:
        """A page may hold the word, too: only a short record has the key."""
        short = self._decode(row.offset, line)
        if not is_short(short):
            return line
        full = self._decode(
            row.facts_offset, self._read(row.facts_offset, None)
        )
        if full["pass"] != short["same_as"]:
            raise UsageError(
                lost_facts_message(self._path, row.offset, short["same_as"])
            )
        return filled_line(line, full)

    def _read(
        self,
        offset: int,
        length: int | None,
    ) -> bytes:
        """Records that follow each other are read ahead; one that stands before them, alone."""
        if length is None:
            self._file.seek(offset)
            return self._file.readline().removesuffix(b"\n")
        ahead = offset - self._block_offset
        if ahead < 0:
            self._file.seek(offset)
            return self._file.read(length)
        missing = ahead + length - len(self._block)
        if missing > 0:
            is_near = missing <= length + _BLOCK_BYTES
            self._file.seek(offset)
            self._block = self._file.read(
                max(length, _BLOCK_BYTES) if is_near else length
            )
            self._block_offset, ahead = offset, 0
        return self._block[ahead : ahead + length]

    def _decode(
        self,
        offset: int,
        line: bytes,
    ) -> dict[str, Any]:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if not isinstance(record, dict) or "pass" not in record:
            raise self.changed_at(offset)
        return record

    def changed_at(self, offset: int) -> UsageError:
        """What is said where no record stands."""
        return UsageError(
            f"{self._path} was changed: at byte {offset:,} there is not the record that the "
            "folder's ledger knows; put it back as it was"
        )


def copy_places(
    snapshot: Snapshot,
    folder: Path,
    number: int | None = None,
) -> None:
    """Have the snapshot know where the last records stand, or those of a pass."""
    if number is None:
        snapshot.copy_places()
        return

    def find_spans(end: int) -> Iterator[Span]:
        path = folder / RECORDS
        for offset, line in whole_lines(path):
            if offset >= end:
                return
            head = head_of(path, offset, line)
            if head.number <= number:
                key = signed_key(head.key.to_bytes(8))
                length = len(line) - 1
                yield Span(
                    key,
                    head.number,
                    head.same_as,
                    offset,
                    length,
                )

    snapshot.copy_places_of_pass(number, find_spans)
