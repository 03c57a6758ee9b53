"""errors.jsonl: of the failed and skipped records, why. It follows from records.jsonl."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from scraper.config import Config
from scraper.machine.files import Folder
from scraper.outcomes.outcome import Outcome
from scraper.sinks.derived_log import DerivedLog
from scraper.sinks.record_log import PositionOf, RecordLog
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


def open_error_log(
    folder: Folder,
    records: RecordLog,
    config: Config,
    position_of: PositionOf,
) -> ErrorLog:
    """Every run has one."""
    return ErrorLog(folder, records)


class ErrorLog(DerivedLog):
    """Why URLs have failed or were skipped."""

    name = "errors.jsonl"

    def add(self, outcome: Outcome) -> None:
        if outcome.failure is not None:
            self.file.write(error_line(outcome.record))

    def lines_of(self, line: bytes) -> Iterable[bytes]:
        record = orjson.loads(line)
        if record.get("error_kind") is not None:
            yield error_line(record)

    def is_own(self, line: bytes) -> bool:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return not line.endswith(b"\n")
        return (
            isinstance(record, dict)
            and {"canonical_url", "error_kind"} <= record.keys()
        )


def error_line(record: Mapping[str, Any]) -> bytes:
    """The line of a record that has an `error_kind`."""
    return printable_json(orjson.dumps({key: record.get(key) for key in KEYS}))
