"""changes.jsonl: a line for each URL whose story has moved."""

from __future__ import annotations

from typing import Any

import orjson

from scraper.errors import UsageError
from scraper.machine.files import Folder
from scraper.outcomes.changes import Change
from scraper.outcomes.outcome import Outcome
from scraper.sinks.line_file import LineFile
from scraper.sinks.record_log import RecordLog

_MAX_WAITING_LINES = 2_000
_ADVICE = "move it away: a new one is begun"


class ChangeLog:
    """Committed and cut back as the records are; it does not follow from them.

    It may be moved away: what comes then begins a new one.
    """

    name = "changes.jsonl"
    exactly_once = True

    def __init__(self, folder: Folder, records: RecordLog) -> None:
        self.file = LineFile(
            folder,
            self.name,
            on_move=self._follow_move,
            on_resize=self._accept_size,
        )
        self._records = records

    def recover(self, position: str | None) -> None:
        """Cut what was reported of records that the disk has lost."""
        with self.file.opened():
            self.file.truncate(self._end_of_kept())
        self.file.close()

    def _end_of_kept(self) -> int:
        """Where the first line is about a record that is not there any more: their order is that of
        the records."""
        end = self._records.offset
        kept = 0
        with self.file.read() as lines:
            for line in lines:
                found = _decode(line)
                if found is None or (found["offset"] or 0) >= end:
                    break
                kept += len(line)
        return kept

    def resume(self, position: str | None) -> None:
        """Raises UsageError if what is there is not what the last commit left."""
        with self.file.opened() as size:
            if position is None:
                self._refuse_unknown()
            if position is None or size < int(position):
                self.file.continue_at(size)
                return
            self.file.cut_back(
                int(position),
                size,
                ended=self._records.ended,
                advice=_ADVICE,
            )

    def _refuse_unknown(self) -> None:
        with self.file.read() as lines:
            if not all(map(_decode, lines)):
                raise UsageError(
                    f"{self.file.path} is not of this program: move it away, or choose another "
                    "--dir"
                )

    def _follow_move(self) -> None:
        self.file.open()
        self._accept_size(self.file.size)

    def _accept_size(self, size: int) -> None:
        self.file.offset += size - self.file.written

    def add(self, outcome: Outcome) -> None:
        if outcome.change is not None:
            self.write(outcome.change)

    def write(self, change: Change) -> None:
        """Write a line that no outcome brings; of many not all wait in memory."""
        self.file.write(change.line())
        if len(self.file.waiting) >= _MAX_WAITING_LINES:
            self.flush(durable=False)

    def flush(self, *, durable: bool) -> str:
        return self.file.flush(durable=durable)

    def close(self) -> None:
        self.file.close()


def _decode(line: bytes) -> dict[str, Any] | None:
    """A line of this file; None if it is none, or its end is missing."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    is_own = (
        isinstance(found, dict) and {"change", "was", "offset"} <= found.keys()
    )
    return found if is_own and line.endswith(b"\n") else None
