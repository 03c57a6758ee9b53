"""run.log: one line an outcome, and notes about the run, as text or as JSON lines."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from scraper.errors import UNASKED
from scraper.machine.files import Folder
from scraper.model import Task
from scraper.outcomes.event import Event
from scraper.outcomes.outcome import Outcome
from scraper.redaction import redacted
from scraper.sinks.line_file import LineFile
from scraper.text import printable, printable_json


class RunLog:
    """Whatever stands in it stays, and where it was rotated away a new file is begun.

    After a kill it may name a URL that is asked again.
    """

    name = "run.log"
    exactly_once = False

    def __init__(
        self,
        folder: Folder,
        *,
        as_json: bool = False,
        with_steps: bool = False,
    ) -> None:
        self.file = LineFile(
            folder,
            self.name,
            on_move=self._follow_move,
            on_resize=self._accept_size,
        )
        self._as_json = as_json
        self._with_steps = with_steps

    def recover(self, position: str | None) -> None:
        """Nothing to do: it is continued from wherever it ends."""

    def resume(self, position: str | None) -> None:
        """Continue at its end, on a line of its own."""
        with self.file.opened() as size:
            self.file.continue_at(size)
            if size and not self._ends_a_line(size):
                self.file.write(b"")

    def _ends_a_line(self, size: int) -> bool:
        with self.file.read() as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _follow_move(self) -> None:
        self.file.open()
        self._accept_size(self.file.size)

    def _accept_size(self, size: int) -> None:
        self.file.offset += size - self.file.written

    def add(self, outcome: Outcome) -> None:
        # the host has one line of its own
        if self._with_steps or not _is_of_host(outcome):
            self.file.write(
                json_line(outcome) if self._as_json else text_line(outcome)
            )

    def note(self, text: str) -> None:
        """A line about the run. `text` holds no secrets."""
        self.file.write(note_line(text, as_json=self._as_json))

    def note_event(self, event: Event) -> None:
        """A line for a step of a URL's life; that of its outcome is the last of them. It is
        written at once: after a kill it shows how far each URL had come."""
        if event.step != "recorded":
            self.file.write(step_line(event, as_json=self._as_json))
            self.file.flush()

    def note_printed(self, task: Task, text: str) -> None:
        """A line that a worker printed while it was at a URL."""
        self.file.write(printed_line(task, text, as_json=self._as_json))

    def flush(self, *, durable: bool) -> str:
        return self.file.flush(durable=durable)

    def close(self) -> None:
        self.file.close()


def _is_of_host(outcome: Outcome) -> bool:
    failure = outcome.failure
    if failure is None or failure.kind not in UNASKED:
        return False
    return failure.status is None  # else it is this URL that was refused


def text_line(outcome: Outcome) -> bytes:
    """When, at which stage, which URL, and how it ended."""
    task, fetched, failure = outcome.task, outcome.fetched, outcome.failure
    level = "WARNING" if outcome.state == "failed" else "INFO"
    parts = [
        f"{_second_text(int(time.time()))} [{_stage_of(outcome)}] {level}: id={task.id}"
    ]
    parts.append(f"{outcome.state} {task.shown_url}")
    if fetched is not None:
        parts.append(f"status={fetched.status} bytes={fetched.bytes}")
        parts.append(f"ms={fetched.timings.fetch * 1000:.0f}")
    if failure is not None:
        parts.append(
            f"code={failure.label} attempts={task.attempt} {redacted(failure.message)}"
        )
    return printable(" ".join(parts)).encode()


def json_line(outcome: Outcome) -> bytes:
    """The same as a JSON object."""
    task, fetched, failure = outcome.task, outcome.fetched, outcome.failure
    return _encode_json(
        {
            "at": _now_text(),
            "event": outcome.state,
            "task": task.id,
            "url": task.shown_url,
            "host": task.url.host,
            "stage": _stage_of(outcome),
            "code": failure.label if failure else None,
            "message": redacted(failure.message) if failure else None,
            "attempt": task.attempt,
            "status": _status_of(outcome),
            "bytes": fetched.bytes if fetched else None,
            "elapsed_ms": round(fetched.timings.fetch * 1000, 1)
            if fetched
            else None,
        }
    )


def note_line(text: str, *, as_json: bool) -> bytes:
    """A line that is about the run, in either form."""
    if as_json:
        return _encode_json(
            {"at": _now_text(), "event": "note", "message": text}
        )
    return f"{_second_text(int(time.time()))} [run] WARNING: {printable(text)}".encode()


def printed_line(task: Task, text: str, *, as_json: bool) -> bytes:
    """A line with what a worker printed while it was at a URL, in either form."""
    url, message = task.shown_url, redacted(text)
    if as_json:
        return _encode_json(
            {
                "at": _now_text(),
                "event": "printed",
                "task": task.id,
                "url": url,
                "host": task.url.host,
                "stage": "process",
                "message": message,
            }
        )
    line = f"[process] INFO: id={task.id} printed {url} {printable(message)}"
    return f"{_second_text(int(time.time()))} {line}".encode()


def step_line(event: Event, *, as_json: bool) -> bytes:
    """A step of a URL's life, in either form."""
    stage = "process" if event.step == "processing" else "fetch"
    if as_json:
        return _encode_json(
            {
                "at": _now_text(),
                "event": event.step,
                "task": event.id,
                "url": event.url,
                "stage": stage,
                "attempt": event.attempt,
                **event.known,
            }
        )
    parts = [f"{_second_text(int(time.time()))} [{stage}] DEBUG: id={event.id}"]
    parts.append(f"{event.step} {event.url} attempt={event.attempt}")
    parts.extend(f"{name}={value}" for name, value in event.known.items())
    return printable(" ".join(parts)).encode()


def _status_of(outcome: Outcome) -> int | None:
    if outcome.fetched is not None:
        return outcome.fetched.status
    return outcome.failure.status if outcome.failure else None


def _stage_of(outcome: Outcome) -> str:
    return outcome.failure.stage if outcome.failure else "record"


def _encode_json(values: Mapping[str, Any]) -> bytes:
    return printable_json(orjson.dumps(values))


@functools.lru_cache(maxsize=2)
def _second_text(at: int) -> str:
    """Unix time as the log writes it; many lines share a second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
