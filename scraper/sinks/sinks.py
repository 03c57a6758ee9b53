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
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import orjson

from scraper.errors import LocalFault, UsageError, disk_failure, failure
from scraper.machine import streams
from scraper.machine.files import Folder, opening
from scraper.model import Outcome, Task
from scraper.redaction import redacted, redacted_line
from scraper.text import printable, printable_json

logger = logging.getLogger("scraper")

_LINES_AT_ONCE = 2_000
_TAKE_OVER = (
    "move the folder .scraper away and start again with --adopt to go on with what it holds"
)


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
    """A text file of one line an outcome: what all of them have in common.

    `line_of` makes the line, without its end, or returns None for an outcome that has none.
    """

    exactly_once = True
    _way_out = ""  # what else to do about a file that is not as it was left

    def __init__(
        self, folder: Folder, name: str, line_of: Callable[[Outcome], bytes | None]
    ) -> None:
        self.name = name
        self.path = folder.path / name
        self.offset = 0  # of the next line
        self._written = 0  # up to where the file itself goes
        self._folder = folder
        self._line_of = line_of
        self._waiting: list[bytes] = []
        self._file: FileIO | None = None

    def resume(self, position: str | None) -> None:
        """Raises UsageError if what is there is not what the last commit left."""
        try:
            with opening(self.path):
                self._open()
                size = self._found().st_size
                self._begin(size, None if position is None else int(position))
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.close()
        self._file = self._folder.file(self.name)

    def _begin(self, size: int, position: int | None) -> None:
        """Go to where the last commit left off in a file of this size."""
        raise NotImplementedError

    def _go_on_at(self, offset: int) -> None:
        self.offset = self._written = offset

    def _found(self) -> os.stat_result:
        assert self._file is not None, "resume() comes first"
        return os.fstat(self._file.fileno())

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
        try:
            self._check_place()
            if self._waiting:
                self._append(b"".join(self._waiting))
                self._waiting.clear()
                if durable:
                    os.fsync(self._file.fileno())
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        self._written = self.offset
        return str(self.offset)

    def _check_place(self) -> None:
        """Is the file that is open still the one in the folder, and as we left it?"""
        ours, there = self._found(), self._folder.look(self.name)
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            self._was_moved()
        elif ours.st_size != self._written:
            self._was_changed(ours.st_size)

    def _cut_back(self, offset: int, size: int, ended: bool) -> None:
        """Take away what a killed run wrote behind its last commit. A run that `ended` left
        nothing there: that is somebody else's."""
        assert self._file is not None, "it was opened"
        if size > offset and ended:
            raise UsageError(
                f"{self.path} is longer ({size:,} bytes) than this run left it ({offset:,}): take "
                f"out what was added to it; or {self._way_out}"
            )
        if size > offset:
            self._file.truncate(offset)
        self._go_on_at(offset)

    def _was_moved(self) -> None:
        """Another file, or none, has the name of the open one."""
        raise NotImplementedError

    def _was_changed(self, size: int) -> None:
        """The open file has another size than we gave it."""
        raise NotImplementedError

    def _append(self, data: bytes) -> None:
        assert self._file is not None, "flush() looked"
        whole = self._file.seek(0, os.SEEK_END)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(whole)  # no half line for whoever reads it meanwhile
            raise

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class RecordFile(LineFile):
    """records.jsonl: cut back to its last commit, and nothing but what this program wrote.

    `ended`: the last run closed its files in order, so that nothing of ours can stand behind the
    last commit.
    """

    _way_out = _TAKE_OVER

    def __init__(self, folder: Folder, *, ended: bool = False) -> None:
        super().__init__(folder, "records.jsonl", record_line)
        self._ended = ended

    def _begin(self, size: int, position: int | None) -> None:
        if position is None and size:
            raise UsageError(foreign(self.path))
        offset = position or 0
        if size < offset:
            raise UsageError(
                f"{self.path} is shorter ({size:,} bytes) than this run left it ({offset:,}): "
                f"put it back; or {self._way_out}; or start over in another --dir"
            )
        self._cut_back(offset, size, self._ended)

    def _was_moved(self) -> None:
        raise LocalFault(
            failure("disk_error", f"{self.path} was moved or removed during the run: put it back")
        )

    def _was_changed(self, size: int) -> None:
        raise LocalFault(
            failure(
                "disk_error",
                f"{self.path} was changed by another program during the run: it has {size:,} "
                f"bytes instead of {self._written:,}; put it back as it was",
            )
        )

    def read(self, offset: int, length: int) -> bytes:
        """What was written there once; it may still wait to be flushed."""
        if offset + length > self._written:
            self.flush(durable=False)
        with self._folder.reading(self.name) as file:
            file.seek(offset)
            return file.read(length)

    def lines(self, offset: int) -> Iterator[bytes]:
        """The lines from `offset` to the last flush, as they are when this is called."""
        end = self._written
        with self._folder.reading(self.name) as file:
            file.seek(offset)
            while file.tell() < end:
                yield file.readline().rstrip(b"\n")


class ErrorFile(LineFile):
    """errors.jsonl: it follows from the records, and is made again from them when it has lost
    something."""

    _way_out = "remove it: it is made again"

    def __init__(self, folder: Folder, records: RecordFile, *, ended: bool = False) -> None:
        super().__init__(folder, "errors.jsonl", error_line)
        self._records = records
        self._ended = ended

    def _begin(self, size: int, position: int | None) -> None:
        if position is None and size:
            raise UsageError(foreign(self.path))
        offset = position or 0
        if size < offset:
            self._rebuild()
        else:
            self._cut_back(offset, size, self._ended)

    def _was_moved(self) -> None:
        self._open()
        self._rebuild()

    def _was_changed(self, size: int) -> None:
        if size < self._written:
            self._rebuild()
        else:
            self.offset += size - self._written  # lines of somebody else: they stay

    def _rebuild(self) -> None:
        """From all records: what waits is among them."""
        assert self._file is not None, "it was opened"
        self._waiting.clear()
        self._file.truncate(0)
        self._go_on_at(0)
        for line in self._records.lines(0):
            record = orjson.loads(line)
            if record["error_kind"] is not None:
                self.write(error_of(record))
            if len(self._waiting) >= _LINES_AT_ONCE:
                self._hand_over()
        self._hand_over()

    def _hand_over(self) -> None:
        self._append(b"".join(self._waiting))
        self._waiting.clear()
        self._written = self.offset


class LogFile(LineFile):
    """run.log: whatever stands in it stays, and what is rotated away is gone on with anew.

    After a kill it may tell of a URL that is asked again.
    """

    exactly_once = False

    def _begin(self, size: int, position: int | None) -> None:
        self._go_on_at(size)
        if size and not self._ends_a_line(size):
            self._waiting.append(b"\n")
            self.offset += 1

    def _ends_a_line(self, size: int) -> bool:
        with self._folder.reading(self.name) as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _was_moved(self) -> None:
        self._open()
        self._was_changed(self._found().st_size)

    def _was_changed(self, size: int) -> None:
        self.offset += size - self._written


def foreign(path: Path) -> str:
    """Why a file is left alone that no ledger knows."""
    return (
        f"{path} was not written by a run that this folder remembers: choose another --dir, or "
        "start with --adopt to take its records over"
    )


class SummaryFile:
    """summary.json: replaced as a whole, if it is one of this program."""

    name = "summary.json"

    def __init__(self, folder: Folder, parts: Folder) -> None:
        self._folder = folder
        self._parts = parts

    def check(self) -> None:
        """Raises UsageError if what is there was written by somebody else."""
        with opening(self._folder.path / self.name):
            found = self._folder.look(self.name)
            if found is None:
                return
            with self._folder.reading(self.name) as file:
                if not _is_summary(file.read(_LONGEST_SUMMARY_BYTES)):
                    raise UsageError(
                        f"{self._folder.path / self.name} was not written by this program: "
                        "move it away, or choose another --dir"
                    )

    def write(self, summary: Mapping[str, Any]) -> None:
        """Put this one in its place. Raises as `check` does, and OSError."""
        self.check()
        with self._parts.new_file(self.name) as file:
            file.write(printable_json(orjson.dumps(summary, option=orjson.OPT_INDENT_2)) + b"\n")
        self._folder.take(self._parts, self.name, self.name)


_LONGEST_SUMMARY_BYTES = 2**20


def _is_summary(text: bytes) -> bool:
    """Is it ours, or nothing at all, as a power cut may leave it?"""
    if not text.strip(b"\x00"):
        return True
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and found.keys() >= {"version", "inputs", "exit_code", "pass"}


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
            "host": task.url.host,
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
    return (redacted_line if task.refusal else redacted)(task.origin_url.href)


def note_line(text: str, *, as_json: bool) -> bytes:
    """A line of run.log that is about the run, in either form."""
    if as_json:
        at = _now().isoformat(timespec="milliseconds")
        return _json({"at": at, "event": "note", "message": text})
    return f"{_second(int(time.time()))} [run] WARNING: {printable(text)}".encode()


def printed_line(task: Task, text: str, *, as_json: bool) -> bytes:
    """A line of run.log with what a worker printed while it was at a URL, in either form."""
    url, told = _url_of(task), redacted(text)
    if as_json:
        at = _now().isoformat(timespec="milliseconds")
        values = {"at": at, "event": "printed", "task": task.id, "url": url, "host": task.url.host}
        return _json({**values, "stage": "process", "message": told})
    line = f"[process] INFO: id={task.id} printed {url} {printable(told)}"
    return f"{_second(int(time.time()))} {line}".encode()


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
