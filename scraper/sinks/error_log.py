"""errors.jsonl: of the failed and skipped records, why. It follows from records.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from scraper.config import Config
from scraper.errors import UsageError
from scraper.machine.files import Folder
from scraper.outcomes.outcome import Outcome
from scraper.sinks.line_file import LineFile
from scraper.sinks.record_log import RecordLog, unknown_file
from scraper.text import printable_json

# What errors.jsonl keeps of a failed record.
KEYS = (
    "pass",
    "index",
    "url",
    "canonical_url",
    "final_url",
    "source",
    "line",
    "state",
    "error_kind",
    "error_stage",
    "error_message",
    "retryable",
    "attempts",
    "status",
    "parent",
    "fetched_at",
)
_MAX_WAITING_LINES = 2_000
_ADVICE = "remove it: it is made again"


def open_error_log(
    folder: Folder, records: RecordLog, config: Config
) -> ErrorLog:
    """Every run has one."""
    return ErrorLog(folder, records)


class ErrorLog:
    """Made again from the records when it has lost something; what others append stays."""

    name = "errors.jsonl"
    exactly_once = True

    def __init__(self, folder: Folder, records: RecordLog) -> None:
        self.file = LineFile(
            folder,
            self.name,
            on_move=self._replace,
            on_resize=self._accept_resize,
        )
        self._records = records

    def recover(self, position: str | None) -> None:
        """Empty it: `resume` finds it too short, and makes it again."""
        if position is not None:
            with self.file.opened():
                self.file.truncate(0)
            self.file.close()

    def resume(self, position: str | None) -> None:
        """Raises UsageError if what is there is not what the last commit left."""
        with self.file.opened() as size:
            if position is None and size:
                raise UsageError(unknown_file(self.file.path))
            offset = int(position or 0)
            if size < offset:
                self._rebuild()
            else:
                self.file.cut_back(
                    offset, size, ended=self._records.ended, advice=_ADVICE
                )

    def add(self, outcome: Outcome) -> None:
        if outcome.failure is not None:
            self.file.write(error_line(outcome.record))

    def flush(self, *, durable: bool) -> str:
        return self.file.flush(durable=durable)

    def close(self) -> None:
        self.file.close()

    def _replace(self) -> None:
        self.file.open()
        self._rebuild()

    def _accept_resize(self, size: int) -> None:
        if size < self.file.written:
            self._rebuild()
        else:
            # lines that another program appended
            self.file.offset += size - self.file.written

    def _rebuild(self) -> None:
        """From all records: what waits is among them."""
        self.file.waiting.clear()
        self.file.truncate(0)
        for line in self._records.lines():
            record = orjson.loads(line)
            if record.get("error_kind") is not None:
                self.file.write(error_line(record))
            if len(self.file.waiting) >= _MAX_WAITING_LINES:
                self.file.append_waiting()
        self.file.append_waiting()


def error_line(record: Mapping[str, Any]) -> bytes:
    """The line of a record that has an `error_kind`."""
    return printable_json(orjson.dumps({key: record.get(key) for key in KEYS}))
