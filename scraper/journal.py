"""The one place that writes down what happened: sinks, ledger and files, in that order.

A commit is: the sinks flush and return their positions; one transaction makes states, positions
and final names true; parts are renamed to those names; the outcomes may be delivered. A kill
between any two of these steps loses nothing: sinks are cut back to their positions, and renames
are done again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Protocol

import orjson
from msgspec import Struct, field

from scraper import record
from scraper.errors import (
    LASTING,
    TRAPS,
    UNASKED,
    LocalFault,
    disk_failure,
    is_filtered,
    state_of,
)
from scraper.frontier.lanes import Rows
from scraper.machine.clock import Clock
from scraper.messages import Processed
from scraper.model import (
    Failure,
    Fetched,
    FetchFailed,
    Task,
    flags_in,
)
from scraper.outcomes.outcome import Outcome, Place
from scraper.recording.changes import Changes
from scraper.recording.filled import fill_of
from scraper.recording.honesty import (
    Honesty,
    flags_beside,
    left_out,
    names_of,
)
from scraper.recording.judging import AtOnce, Judging
from scraper.recording.made import is_made_alike, made_with
from scraper.recording.obedience import Obedience
from scraper.recording.onward import Onward
from scraper.recording.publisher import Publisher
from scraper.redaction import redacted, redacted_message
from scraper.reports.summary import Report
from scraper.sinks.record_log import RecordLog
from scraper.sinks.sink import Outputs, Sink
from scraper.storage.faults import fault_of
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.storage.store import Store
from scraper.text import clock_text, printable
from scraper.urls import Url

logger = logging.getLogger("scraper.run")

# What the ledger keeps of an answer as it is.
_FACTS = tuple(
    name for name in FinishedRow._fields if name in Fetched.__struct_fields__
)
_facts_of = attrgetter(*_FACTS)

BATCH = 256
BATCH_SECONDS = 0.5


class Waits(Rows, Protocol):
    """Where URLs wait that have not ended."""

    def finish(
        self,
        task: Task,
        row: FinishedRow,
        number: int,
        not_before: float | None = None,
    ) -> None: ...


class Journal(Struct):
    """Records outcomes; `commit` makes them last and hands them back."""

    ledger: Ledger
    store: Store
    publisher: Publisher
    outputs: Outputs
    report: Report
    pass_number: int
    now: Clock
    place: Place
    waiting: Waits
    onward: Onward
    honesty: Honesty
    changes: Changes
    refresh: bool = False  # what was asked in earlier passes is asked again
    durable: bool = False
    obedience: Obedience = Obedience()
    judging: Judging = AtOnce()
    process_hash: Callable[[str], str] = (
        str  # kind -> what the way of processing is known by
    )
    asks_hosts: bool = (
        True  # else what is made of stored bodies is new, no more
    )
    committed: int = 0  # up to where records.jsonl is true
    _sinks: tuple[Sink, ...] = ()
    _uncommitted: list[Outcome] = field(default_factory=list)
    _oldest_at: float | None = None  # since when something waits for a commit
    # hosts, with the kind as which their URLs end
    _given_up: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.committed = self.records.offset
        self._sinks = tuple(self.outputs)
        self.onward.found.note = self.note

    @property
    def records(self) -> RecordLog:
        """The log that holds all records of the folder."""
        return self.outputs.records

    # -- one URL ------------------------------------------------------------------------------

    def record_fetched(
        self, fetched: Fetched, processed: Processed | None = None
    ) -> frozenset[int]:
        """Record a URL that was fetched, whether it was processed or not, and whether its body is
        of use or not. Returns the lanes that gain URLs."""
        if fetched.is_unchanged:
            return self._record_unchanged(fetched, processed)
        task = fetched.task
        tags, words, refusal = self.obedience.judge(fetched, processed)
        flags, failure = self.honesty.judge(fetched, processed)
        if note := self.publisher.note_of_missing(task):
            self.note(note)
        place = self.publisher.place_of(fetched)
        files = self.publisher.files_of(fetched, processed, place)
        shared, refusal = self.publisher.settle(
            fetched, place, files, refusal or left_out(failure)
        )
        failure = refusal or failure
        path = None if refusal else place
        flags = flags_beside(failure, flags)
        line = record.of_fetched(
            self.pass_number,
            fetched,
            processed,
            failure,
            path=self.publisher.path_of(fetched, path),
            directives=tags,
            flags=flags,
            duplicate_of=shared.duplicate_of,
        )
        found = self.onward.find(fetched, processed, tags, words, failure)
        outcome = Outcome(
            task=task,
            state=state_of(failure) if failure else "done",
            line=line,
            publications=shared.files,
            found=found.hrefs,
            failure=failure,
            fetched=fetched,
            place=None if refusal else self.place,
            flags=names_of(flags),
            fill=fill_of(fetched, processed, failure),
            saved=shared.saved,
        )
        self._record(
            outcome,
            self._fetched_row(outcome, fetched, processed, path),
        )
        return self.onward.take(fetched, found, failure)

    def _record_unchanged(
        self, fetched: Fetched, processed: Processed | None
    ) -> frozenset[int]:
        """What an earlier pass has stored is still true; under other options it may have other
        facts, which make a full record."""
        task, number = fetched.task, self.pass_number
        facts_pass, facts_offset = self.records.stored_place(task)
        looked_at = processed
        if processed is not None and self._is_looked_at(fetched):
            # its facts are what they were; only where it leads may be new
            looked_at = None if processed.failure else processed
            processed = None
        if processed is None and self.honesty.holds(fetched):
            assert task.stored is not None, "it is unchanged"
            outcome = Outcome(
                task,
                "unchanged",
                record.of_unchanged(number, fetched, facts_pass),
                fetched=fetched,
                place=self.place,
                flags=flags_in(task.stored.flags),
                fill=fill_of(fetched, processed, None),
            )
        else:
            _, full = self.records.read(facts_offset, task.origin_url.href)
            flags, failure = self.honesty.judge(fetched, processed, full)
            goes = is_filtered(failure)
            outcome = Outcome(
                task=task,
                state=state_of(failure) if failure else "done",
                line=record.of_reprocessed(
                    full,
                    number,
                    fetched,
                    processed,
                    failure,
                    flags,
                    was_asked=self.asks_hosts,
                ),
                publications=self.publisher.gone(task)
                if goes
                else self.publisher.new_variants(fetched, processed),
                failure=failure,
                fetched=fetched,
                place=None if goes else self.place,
                flags=names_of(flags),
                fill=fill_of(fetched, processed, failure),
            )
        row = self._fetched_row(outcome, fetched, looked_at, None)
        self._record(outcome, row)
        return self.onward.take_again(fetched, looked_at, outcome.failure)

    def _is_looked_at(self, fetched: Fetched) -> bool:
        """Was this page, made as it would be now, processed for its links alone?"""
        stored = fetched.task.stored
        if stored is None or fetched.kind != "page":
            return False
        return is_made_alike(stored.process_hash, self.process_hash("page"))

    def _fetched_row(
        self,
        outcome: Outcome,
        fetched: Fetched,
        processed: Processed | None,
        path: str | None,
    ) -> FinishedRow:
        # What failed must be had again: no validators, so that no 304 can call it unchanged. What
        # failed for what it is need not be: it is processed again, for it may be taken as it is.
        failure = outcome.failure
        lasts = failure is None or failure.kind in LASTING
        validators = dict(fetched.headers) if lasts else {}
        facts = dict(zip(_FACTS, _facts_of(fetched), strict=True))
        if path is None and not is_filtered(failure):
            facts["sha256"] = None  # what an earlier pass has kept stays
        place = self.records.place_of_facts(outcome, self.pass_number)
        return FinishedRow(
            **self._end_of(outcome, fetched.url),
            **facts,
            fetched_at=fetched.at,
            seconds_connect=fetched.timings.connect,
            seconds_fetch=fetched.timings.fetch,
            seconds_process=processed.seconds if processed else None,
            path=path,
            facts_pass=place[0],
            facts_offset=place[1],
            flags=None
            if outcome.state == "unchanged"
            else ",".join(outcome.flags),
            fill=outcome.fill or None,
            process_hash=self._hash_of(fetched, failure) if processed else None,
            etag=validators.get("etag"),
            last_modified=validators.get("last-modified"),
            validators_url=fetched.url.href,
        )

    def _hash_of(self, fetched: Fetched, failure: Failure | None) -> str:
        """What it was processed by; "" if that has failed, and is to be done again."""
        if failure is None:
            hash = self.process_hash(fetched.kind)
            is_page = fetched.kind == "page"
            return made_with(hash, self.onward.places) if is_page else hash
        return self.process_hash("filter") if is_filtered(failure) else ""

    def _end_of(self, outcome: Outcome, final_url: Url) -> dict[str, Any]:
        """What every outcome fills of its row in the ledger."""
        return {
            "state": outcome.state,
            "error_kind": outcome.failure.kind if outcome.failure else None,
            "attempts": outcome.task.attempt,
            "final_url": final_url.href,
            "offset": self.records.offset,
            "length": len(outcome.line),
            "unasked": outcome.task.unasked or None,
        }

    def settle_found(self) -> frozenset[int]:
        """Have asked where the pages lead that were recorded since the last time."""
        return self.onward.found.settle()

    def record_failed(self, failed: FetchFailed) -> None:
        """Record a URL whose request failed."""
        failure = failed.failure
        line = record.of_failed(self.pass_number, failed)
        outcome = Outcome(failed.task, state_of(failure), line, failure=failure)
        self.onward.end_failed(failed)
        row = FinishedRow(
            **self._end_of(outcome, failed.url),
            status=failure.status,
            headers=failed.headers,
            fetched_at=failed.at,
            seconds_connect=failed.timings.connect,
            seconds_fetch=failed.timings.fetch,
        )
        self._record(outcome, row)

    def record_refused(self, task: Task, failure: Failure) -> None:
        """Record a URL that is not asked, or not again: by a rule, or for its host's sake."""
        if failure.kind in UNASKED or failure.kind in TRAPS:
            self._note_many(task.url.host, failure)
        task = record.before_refusal(task)
        line = record.of_refused(self.pass_number, task, failure)
        outcome = Outcome(task, state_of(failure), line, failure=failure)
        self._record(outcome, FinishedRow(**self._end_of(outcome, task.url)))

    def _record(self, outcome: Outcome, row: FinishedRow) -> None:
        outcome = self.changes.note(outcome, row)
        try:
            self.waiting.finish(
                outcome.task, row, self.pass_number, outcome.not_before
            )
        except sqlite3.Error as error:
            raise fault_of(error, self.ledger.path) from error
        for sink in self._sinks:
            sink.add(outcome)
        self.report.count(outcome)
        self._uncommitted.append(outcome)

    def _note_many(self, host: str, failure: Failure) -> None:
        """One line for a host, where its URLs would be ten thousand."""
        if (host, failure.kind) in self._given_up:
            return
        self._given_up.add((host, failure.kind))
        if failure.kind in TRAPS:
            self.note(
                f"{failure.message}; on {host} such end as {failure.kind}"
            )
            return
        until = failure.not_before
        later = (
            ""
            if until is None
            else f", asked again from {clock_text(until)} on"
        )
        self.note(
            f"{failure.message}: what waits for {host} ends as {failure.kind}{later}"
        )

    def note(self, text: str, level: int = logging.WARNING) -> None:
        """Something about the run, not about one URL: to run.log and the logger."""
        shown = redacted_message(text)
        logger.log(level, "%s", printable(shown))
        self.outputs.log.note(shown)

    def note_printed(self, task: Task, text: str) -> None:
        """What a worker printed while it was at a URL: to run.log and the logger."""
        for line in filter(None, map(str.strip, text.splitlines())):
            logger.info(
                "%s printed: %s",
                redacted(task.origin_url.href),
                printable(redacted(line)),
            )
            self.outputs.log.note_printed(task, line)

    # -- all of them --------------------------------------------------------------------------

    def count_pending(self) -> int:
        return self.ledger.waiting.count_pending()

    @property
    def uncommitted(self) -> int:
        """Outcomes that are recorded but not committed; also after a commit that failed."""
        return len(self._uncommitted)

    def due_at(self, now: float) -> float | None:
        """When the next commit is due; None if there is nothing to commit."""
        if not (self._uncommitted or self.ledger.changed):
            self._oldest_at = None
            return None
        if self._oldest_at is None:
            self._oldest_at = now
        return (
            now
            if len(self._uncommitted) >= BATCH
            else self._oldest_at + BATCH_SECONDS
        )

    def _encode_counts(self) -> bytes:
        """The counts, with the moment at which they were true: `status` counts on from it."""
        now = self.now()
        self.report.take_time(now)
        return orjson.dumps({**self.report.as_dict(), "at": now})

    def commit(self) -> list[Outcome]:
        """Make all of it last. Raises LocalFault if this machine does not let us."""
        outcomes = self._uncommitted
        files = [each for outcome in outcomes for each in outcome.publications]
        try:
            if self.durable:
                self.store.sync(files)
            for sink in self._sinks:
                self.ledger.set_position(
                    sink.name, sink.flush(durable=self.durable)
                )
            self.ledger.passes.save_counts(
                self.pass_number, self._encode_counts()
            )
            self.ledger.commit(files)
            self.store.publish(files)
            if self.durable:
                self.store.sync_names(files)
        except sqlite3.Error as error:
            raise fault_of(error, self.ledger.path) from error
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        self.publisher.duplicates.commit()
        self.committed = self.records.offset
        self._uncommitted = []
        self._oldest_at = None
        return outcomes
