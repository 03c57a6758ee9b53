"""The journal of a session without a folder: outcomes are made, and nothing is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from scraper import record
from scraper.errors import LocalFault, disk_failure, state_of
from scraper.frontier.queued import QueuedRows
from scraper.local.addresses import SCHEME, text_of_path
from scraper.messages import Processed
from scraper.model import Failure, Fetched, FetchFailed, Task
from scraper.outcomes.event import Event
from scraper.outcomes.outcome import Outcome, Place
from scraper.recording.filled import fill_of
from scraper.recording.honesty import (
    Honesty,
    flags_beside,
    left_out,
    names_of,
)
from scraper.recording.judging import AtOnce, Judging
from scraper.recording.obedience import Obedience
from scraper.redaction import redacted, redacted_message
from scraper.reports.summary import Report
from scraper.sessions.bodies import BodyFolder
from scraper.storage.file_names import path_of
from scraper.text import printable
from scraper.urls import file_path_of

logger = logging.getLogger("scraper.run")


class NoPlaces:
    """Nothing is published."""

    def place_of(self, fetched: Fetched) -> str:
        """Where a run would keep the body: variants are called after it."""
        return path_of(fetched.task.origin_url, fetched.kind, fetched.type)

    def keeps(self, fetched: Fetched) -> bool:
        """There is no earlier pass."""
        return False

    def has_variants(self, task: Task) -> bool:
        """No earlier pass has made any."""
        return False


def _own_path_of(fetched: Fetched) -> str | None:
    """Where a file of this machine is; a body from elsewhere has no lasting place."""
    if fetched.url.scheme != SCHEME:
        return None
    return text_of_path(file_path_of(fetched.url.href))


class MemoryJournal(Struct):
    """Makes outcomes of what the URLs come to; nothing is written."""

    rows: QueuedRows
    bodies: BodyFolder
    report: Report
    obedience: Obedience
    honesty: Honesty
    process_hash: Callable[[str], str] = str
    judging: Judging = AtOnce()
    publisher: NoPlaces = field(default_factory=NoPlaces)
    _recorded: list[Outcome] = field(default_factory=list)

    def record_fetched(
        self,
        fetched: Fetched,
        processed: Processed | None = None,
    ) -> frozenset[int]:
        """A URL that was fetched."""
        tags, _, refusal = self.obedience.judge(fetched, processed)
        made = [each.part for each in processed.files] if processed else []
        flags, failure = self.honesty.judge(fetched, processed)
        refusal = refusal or left_out(failure)
        place = None
        if refusal is None:
            parts = [each for each in made if each is not None]
            place = self._hold(fetched, parts)
        else:
            self.bodies.discard(fetched.part, *made)
            failure = refusal
            flags = flags_beside(refusal, flags)
        line = record.of_fetched(
            1,
            fetched,
            processed,
            failure,
            path=_own_path_of(fetched),
            directives=tags,
            flags=flags,
        )
        state = state_of(failure) if failure else "done"
        self._record(
            Outcome(
                fetched.task,
                state,
                line,
                failure=failure,
                fetched=replace(fetched, headers=()),  # half a kilobyte
                place=place,
                flags=names_of(flags),
                fill=fill_of(fetched, processed, failure),
            )
        )
        return frozenset()

    def _hold(
        self,
        fetched: Fetched,
        made: Sequence[str],
    ) -> Place:
        try:
            if fetched.part is None:
                own = file_path_of(fetched.url.href)
                return self.bodies.hold_beside(own, made)
            return self.bodies.hold(fetched.part, fetched.bytes, made)
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error

    def settle_found(self) -> frozenset[int]:
        """Nothing leads on: there is no list that could grow."""
        return frozenset()

    def record_failed(self, failed: FetchFailed) -> None:
        """A URL whose request failed."""
        failure = failed.failure
        line = record.of_failed(1, failed)
        self._record(
            Outcome(
                failed.task,
                state_of(failure),
                line,
                failure=failure,
            )
        )

    def record_refused(
        self,
        task: Task,
        failure: Failure,
    ) -> None:
        """A URL that is not asked, or not again."""
        task = record.before_refusal(task)
        line = record.of_refused(1, task, failure)
        self._record(
            Outcome(
                task,
                state_of(failure),
                line,
                failure=failure,
            )
        )

    def _record(self, outcome: Outcome) -> None:
        if outcome.failure is not None:
            logger.info(
                "%s: %s",
                outcome.task.shown_url,
                printable(redacted(outcome.failure.message)),
            )
        self.rows.remove(outcome.task)
        self.report.count(outcome)
        self._recorded.append(outcome)

    def note(
        self,
        text: str,
        level: int = logging.WARNING,
    ) -> None:
        """Something about the session, to the logger."""
        logger.log(
            level,
            "%s",
            printable(redacted_message(text)),
        )

    def note_printed(
        self,
        task: Task,
        text: str,
    ) -> None:
        """What a worker printed while it was at a URL, to the logger."""
        for line in filter(None, map(str.strip, text.splitlines())):
            shown = printable(redacted(line))
            logger.info("%s printed: %s", task.shown_url, shown)

    def note_event(self, event: Event) -> None:
        """A step of a URL's life, to the logger."""
        logger.debug(
            "id=%d %s %s",
            event.id,
            event.step,
            printable(event.url),
        )

    def count_pending(self) -> int:
        """How many URLs have not ended."""
        return len(self.rows)

    @property
    def uncommitted(self) -> int:
        return len(self._recorded)

    def due_at(self, now: float) -> float | None:
        """At once."""
        return now if self._recorded else None

    def commit(self) -> list[Outcome]:
        """Hand them over."""
        recorded, self._recorded = self._recorded, []
        return recorded
