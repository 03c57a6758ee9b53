"""Where records go: files that know their position, so that a kill costs none and doubles none.

A sink takes outcomes and tells, at each commit, up to where it is whole. The ledger keeps that
position; the next run cuts the file back to it.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson

from scraper import streams
from scraper.errors import LocalFault, UsageError, disk_failure
from scraper.model import Outcome, Task
from scraper.text import printable, printable_json
from scraper.urls import redacted, redacted_line

logger = logging.getLogger("scraper")


class Sink(Protocol):
    """What takes outcomes. `exactly_once`: what lies behind the position can be taken back."""

    name: str
    exactly_once: bool

    def resume(self, position: str | None) -> None:
        """Go to where the last commit left off."""

    def add(self, outcome: Outcome) -> None:
        """Take one outcome."""

    def flush(self, *, durable: bool) -> str:
        """Hand all to the system, and tell the position."""

    def close(self) -> None:
        """No more will come."""


class LineFile:
    """A text file of one line an outcome, cut back to its last commit when it is opened.

    `line_of` makes the line, without its end, or returns None for an outcome that has none.
    """

    exactly_once = True

    def __init__(self, path: Path, line_of: Callable[[Outcome], bytes | None]) -> None:
        self.name = path.name
        self.offset = 0
        self._path = path
        self._line_of = line_of
        self._waiting: list[bytes] = []
        self._file: BinaryIO | None = None

    def resume(self, position: str | None) -> None:
        """Raises UsageError if the file lost something that the ledger knows to be in it."""
        self.offset = int(position or 0)
        try:
            size = self._path.stat().st_size if self._path.exists() else 0
            if size < self.offset:
                raise UsageError(
                    f"{self._path} is shorter ({size:,} bytes) than this run left it "
                    f"({self.offset:,}): put it back, or start over in another --dir"
                )
            self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
            self._file.truncate(self.offset)
        except OSError as error:
            if disk_failure(error).kind == "disk_full":
                raise LocalFault(disk_failure(error)) from error
            raise UsageError(f"cannot write {self._path}: {error.strerror}") from error

    def read(self, offset: int, length: int) -> bytes:
        """What was written there once; it may still wait to be flushed."""
        self.flush(durable=False)
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def lines(self, offset: int) -> Iterator[bytes]:
        """The lines from `offset` to the last commit, as they are when this is called."""
        end = self.offset
        with self._path.open("rb") as file:
            file.seek(offset)
            while file.tell() < end:
                yield file.readline().rstrip(b"\n")

    def add(self, outcome: Outcome) -> None:
        line = self._line_of(outcome)
        if line is not None:
            self.write(line)

    def write(self, line: bytes) -> None:
        """One line that is no outcome's (the log has some)."""
        self._waiting.append(line)
        self._waiting.append(b"\n")
        self.offset += len(line) + 1

    def flush(self, *, durable: bool) -> str:
        """Raises LocalFault if the disk does not take it; nothing is lost then."""
        assert self._file is not None, "resume() comes first"
        if self._waiting:
            whole = self._file.seek(0, os.SEEK_END)
            rest = memoryview(b"".join(self._waiting))
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
                if durable:
                    os.fsync(self._file.fileno())
            except OSError as error:
                with suppress(OSError):
                    self._file.truncate(whole)  # no half line for whoever reads it meanwhile
                raise LocalFault(disk_failure(error)) from error
            self._waiting.clear()
        return str(self.offset)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class StandardOutput:
    """Records to standard output (`-o -`): at least once, for what is written cannot be cut.

    Whoever reads them may stop doing so; `file` is where all of them stand.
    """

    name = "-"
    exactly_once = False

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: list[bytes] = []
        self._is_read = True

    def resume(self, position: str | None) -> None:
        """Raises UsageError if there is no standard output."""
        if sys.stdout is None:
            raise UsageError("-o -: standard output is closed")
        streams.outlive_readers()

    def add(self, outcome: Outcome) -> None:
        if self._is_read:
            self._waiting.append(outcome.line)
            self._waiting.append(b"\n")

    def flush(self, *, durable: bool) -> str:
        """Raises LocalFault if it is a file that cannot be written."""
        if self._waiting:
            self._is_read = streams.put_out(b"".join(self._waiting))
            self._waiting.clear()
            if not self._is_read:
                logger.warning("nobody reads standard output any more: the records go on in %s",
                               self._file)  # fmt: skip
        return ""

    def close(self) -> None:
        """Standard output is not ours to close."""


def record_line(outcome: Outcome) -> bytes | None:
    """The line of records.jsonl."""
    return outcome.line


# What errors.jsonl keeps of a failed record.
_ERROR_KEYS = ("pass", "index", "url", "canonical_url", "final_url", "source", "line", "state",
               "error_kind", "error_stage", "error_message", "retryable", "attempts", "status",
               "parent", "fetched_at")  # fmt: skip


def error_line(outcome: Outcome) -> bytes | None:
    """The line of errors.jsonl: of failed and skipped URLs, why."""
    return None if outcome.failure is None else error_of(outcome.record)


def error_of(record: Mapping[str, Any]) -> bytes:
    """The same, out of a record."""
    return printable_json(orjson.dumps({key: record.get(key) for key in _ERROR_KEYS}))


def log_line(outcome: Outcome) -> bytes | None:
    """The line of run.log: when, how, which URL, and what came of it.

    A host that is down has one line of its own.
    """
    if _of_a_host(outcome):
        return None
    task, fetched, failure = outcome.task, outcome.fetched, outcome.failure
    level = "WARNING" if outcome.state == "failed" else "INFO"
    parts = [f"{_second(int(time.time()))} [{_stage(outcome)}] {level}: id={task.id}"]
    parts.append(f"{outcome.state} {_url_of(task)}")
    if fetched is not None:
        parts.append(f"status={fetched.status} bytes={fetched.bytes}")
        parts.append(f"ms={fetched.timings.fetch * 1000:.0f}")
    if failure is not None:
        parts.append(f"code={failure.label} attempts={task.attempt} {redacted(failure.message)}")
    return printable(" ".join(parts)).encode()


def log_json(outcome: Outcome) -> bytes | None:
    """The same as a JSON object."""
    if _of_a_host(outcome):
        return None
    task, fetched, failure = outcome.task, outcome.fetched, outcome.failure
    return _json(
        {
            "at": _now().isoformat(timespec="milliseconds"),
            "event": outcome.state,
            "task": task.id,
            "url": _url_of(task),
            "host": task.host,
            "stage": _stage(outcome),
            "code": failure.label if failure else None,
            "message": redacted(failure.message) if failure else None,
            "attempt": task.attempt,
            "status": fetched.status if fetched else (failure.status if failure else None),
            "bytes": fetched.bytes if fetched else None,
            "elapsed_ms": round(fetched.timings.fetch * 1000, 1) if fetched else None,
        }
    )


def _of_a_host(outcome: Outcome) -> bool:
    return outcome.failure is not None and outcome.failure.kind == "host_down"


def _url_of(task: Task) -> str:
    return (redacted_line if task.refusal else redacted)(task.origin_url)


def note_line(text: str, *, as_json: bool) -> bytes:
    """A line of run.log that is about the run, in either form."""
    if as_json:
        at = _now().isoformat(timespec="milliseconds")
        return _json({"at": at, "event": "note", "message": text})
    return f"{_second(int(time.time()))} [run] WARNING: {printable(text)}".encode()


def _json(values: Mapping[str, Any]) -> bytes:
    return printable_json(orjson.dumps(values))


def _stage(outcome: Outcome) -> str:
    return outcome.failure.stage if outcome.failure else "record"


@functools.lru_cache(maxsize=2)
def _second(at: int) -> str:
    """Unix time as the log writes it; many lines share a second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _now() -> datetime:
    return datetime.now(UTC)
