"""The one place that writes down what happened: sinks, ledger and files, in that order.

A commit is: the sinks flush and tell their positions; one transaction makes states, positions and
final names true; parts are renamed to those names; the outcomes may be told. A kill between any
two of these steps loses nothing: sinks are cut back to their positions, renames are done again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from scraper import records
from scraper.errors import LocalFault, disk_failure, failure_of, state_of
from scraper.ledger import Entry, Ledger, Line
from scraper.model import Failed, Failure, Fetched, Outcome, Processed, Publication, State, Task
from scraper.report import Report
from scraper.sinks import LineFile, Sink, note_line
from scraper.store import Store, path_of
from scraper.urls import BadUrl, canonical

logger = logging.getLogger("scraper")

BATCH = 256
BATCH_SECONDS = 1.0


@dataclass(slots=True)
class Journal:
    """Records outcomes; `commit` makes them last and hands them back."""

    ledger: Ledger
    store: Store
    records: LineFile
    log: LineFile
    sinks: Sequence[Sink]  # `records` is the first of them, `log` another
    report: Report
    number: int  # of the pass
    again: bool = False  # a refresh: images that pages name become due again
    follow_images: bool = True
    durable: bool = False
    log_as_json: bool = False
    _waiting: list[Outcome] = field(default_factory=list)
    _since: float | None = None

    # -- one URL ------------------------------------------------------------------------------

    def fetched(self, fetched: Fetched, processed: Processed | None = None) -> frozenset[int]:
        """A URL came out, or its body turned out to be unusable. Returns the lanes that gain."""
        task = fetched.task
        failure = processed.failure if processed else None
        path = path_of(task.origin_url, canonical(task.origin_url).host, fetched.kind, fetched.type)
        assert fetched.part is not None
        files = [Publication(fetched.part, path)]
        if task.path is not None and task.path != path:
            files.append(Publication(None, task.path))  # of another type, under another name
        if processed is not None:
            files += processed.files
        facts = processed.facts if processed else b"{}"
        state: State = "failed" if failure else "done"
        line = records.encode(
            self.number, task, state, fetched=fetched, failure=failure, path=path, facts=facts
        )
        found = processed.found if processed and self.follow_images and task.depth == 0 else ()
        outcome = Outcome(task, state, line, tuple(files), found, failure, fetched)
        timings = fetched.timings
        self._record(
            outcome,
            Entry(
                state=state,
                failure=failure,
                attempts=task.attempt,
                status=fetched.status,
                final_url=fetched.url,
                type=fetched.type,
                charset=fetched.charset,
                headers=fetched.headers,
                peer=fetched.peer,
                fetched_at=fetched.at,
                seconds_connect=timings.connect,
                seconds_fetch=timings.fetch,
                seconds_process=processed.seconds if processed else None,
                path=path,
                bytes=fetched.bytes,
                wire_bytes=fetched.wire_bytes,
                sha256=fetched.sha256,
                offset=self.records.offset,
                length=len(line),
            ),
        )
        return self._found(task, found)

    def failed(self, failed: Failed) -> None:
        """A URL came to nothing."""
        task, failure = failed.task, failed.failure
        state = state_of(failure)
        line = records.encode(self.number, task, state, failed=failed, failure=failure)
        self._record(
            Outcome(task, state, line, failure=failure),
            Entry(
                state=state,
                failure=failure,
                attempts=task.attempt,
                status=failure.status,
                final_url=failed.url,
                headers=failed.headers,
                fetched_at=failed.at,
                seconds_connect=failed.timings.connect,
                seconds_fetch=failed.timings.fetch,
                offset=self.records.offset,
                length=len(line),
            ),
        )

    def refused(self, task: Task, failure: Failure) -> None:
        """A URL was not asked at all."""
        state = state_of(failure)
        line = records.encode(self.number, task, state, failure=failure)
        self._record(
            Outcome(task, state, line, failure=failure),
            Entry(
                state=state,
                failure=failure,
                attempts=task.attempt - 1,
                final_url=task.url,
                offset=self.records.offset,
                length=len(line),
            ),
        )

    def _record(self, outcome: Outcome, entry: Entry) -> None:
        try:
            self.ledger.finish(outcome.task, entry, self.number)
        except sqlite3.Error as error:
            raise _fault(error) from error
        for sink in self.sinks:
            sink.add(outcome)
        self.report.count(outcome)
        self._waiting.append(outcome)

    def _found(self, task: Task, found: Sequence[str]) -> frozenset[int]:
        lines = []
        for url in found:
            try:
                parts = canonical(url)
            except BadUrl:
                continue  # a reference that no browser would ask either; the page lists it
            lines.append(Line(parts.href, parts.host, depth=task.depth + 1))
        if not lines:
            return frozenset()
        added = self.ledger.add(lines, self.number, listed=False, parent=task.id, again=self.again)
        self.report.found += added.new + added.again
        return added.hosts

    def note(self, text: str) -> None:
        """Something about the run, not about one URL: to run.log, and to whoever listens."""
        logger.warning("%s", text)
        self.log.write(note_line(text, as_json=self.log_as_json))

    # -- all of them --------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Outcomes that are recorded but not committed."""
        return len(self._waiting)

    def due(self, now: float) -> bool:
        """Is it time for a commit?"""
        if not self._waiting:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return len(self._waiting) >= BATCH or now - self._since >= BATCH_SECONDS

    def commit(self) -> list[Outcome]:
        """Make all of it last. Raises LocalFault if this machine does not let us."""
        outcomes, self._waiting = self._waiting, []
        files = [each for outcome in outcomes for each in outcome.files]
        try:
            if self.durable:
                self.store.sync(files)
            for sink in self.sinks:
                self.ledger.set_position(sink.name, sink.flush(durable=self.durable))
            self.ledger.note_pass(self.number, orjson.dumps(self.report.as_dict()))
            self.ledger.commit(files)
            self.store.publish(files)
            if self.durable:
                self.store.sync_names(files)
        except sqlite3.Error as error:
            raise _fault(error) from error
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        self._since = None
        return outcomes


def _fault(error: sqlite3.Error) -> LocalFault:
    failure = failure_of(error)
    if "full" in str(error):
        failure = disk_failure(OSError(28, "database or disk is full"))
    return LocalFault(failure)
