"""How the story of each URL moves: reported in changes.jsonl, remembered in the ledger.

What is missing (404, 410, or named by no list any more) is reported when the list has ended, if it
is not too much to be believed: a broken list, or a site that answers 404 to everything, takes
nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper.machine.clock import Clock
from scraper.model import Failure, Standing, Task, label_of
from scraper.outcomes.changes import TRANSITIONS, Came, Change, Word
from scraper.outcomes.outcome import Outcome
from scraper.record import key_of_record
from scraper.recording.comparison import (
    SAME,
    Comparison,
    compare,
    may_differ,
)
from scraper.recording.made import is_made_alike
from scraper.redaction import redacted
from scraper.reports.changes import Missing
from scraper.sinks.change_log import ChangeLog
from scraper.sinks.record_log import RecordLog
from scraper.storage.schema import FinishedRow
from scraper.storage.tables.standings import MissingUrl, Standings

GONE_STATUSES = (404, 410)
UNLISTED = "unlisted"  # the reason
_NEVER = Standing("here")  # it has no good record


class Changes(Struct):
    """Sees each outcome before it is written down."""

    standings: Standings
    records: RecordLog
    log: ChangeLog
    number: int  # of the pass
    now: Clock
    max_gone: float  # share of the known URLs, from 0 to 1
    refresh: bool  # all that the lists name is asked, so that what they do not name counts

    def note(self, outcome: Outcome, row: FinishedRow) -> Outcome:
        """The outcome, with what is reported of it; how its URL stands from now on is remembered.

        `row` is what the ledger will have of it. Raises LocalFault if the earlier record is not
        there any more.
        """
        task = outcome.task
        standing = standing_of(task)
        if outcome.failure is None:
            found = self._compare(outcome, row, standing)
            if task.standing is not None:
                self.standings.forget(task.id)
        elif standing is None:
            return outcome
        else:
            found = Comparison(_came_of(outcome.failure))
            self._keep_failed(task, standing, found.came)
        last = standing.reported if standing else None
        word = TRANSITIONS.get((last, found.came))
        if word is None or found.came == "missing":
            return outcome
        change = self._change(word, outcome, row, standing, found)
        return replace(outcome, change=change)

    def _keep_failed(self, task: Task, standing: Standing, came: Came) -> None:
        """It is not good, but was: gone stays gone, and what is missing may be going."""
        if standing.reported == "gone":
            return
        if came == "missing":
            after = replace(standing, is_missing=True)
        else:
            after = replace(standing, reported="unknown", is_missing=False)
        if after != task.standing:
            self.standings.keep(task.id, after, self.now())

    def _change(
        self,
        word: Word,
        outcome: Outcome,
        row: FinishedRow,
        standing: Standing | None,
        found: Comparison,
    ) -> Change:
        href = outcome.task.origin_url.href
        last = standing or _NEVER
        return Change(
            word,
            self.number,
            row.fetched_at or self.now(),
            redacted(href),
            key_of_record(href),
            was=standing.reported if standing else None,
            before=last.facts_pass,
            reason=outcome.failure.label if outcome.failure else None,
            is_noise=found.is_noise,
            what=found.what,
            offset=row.offset,
            before_offset=last.facts_offset,
        )

    def _compare(
        self,
        outcome: Outcome,
        row: FinishedRow,
        standing: Standing | None,
    ) -> Comparison:
        if standing is None:
            return Comparison("other")
        if not may_differ(outcome, standing):
            return SAME
        return compare(
            outcome,
            standing,
            self._read_earlier(standing, outcome.url),
            comparable=is_made_alike(row.process_hash, standing.process_hash),
        )

    def _read_earlier(self, standing: Standing, url: str) -> Mapping[str, Any]:
        """The record of its facts; nothing if it is not known where that stands."""
        if standing.facts_offset is None:
            return {}
        _, record = self.records.read(standing.facts_offset, url)
        return record

    # -- when the list has ended --------------------------------------------------------------

    @property
    def _unlisted_before(self) -> int:
        """From this pass on a URL was asked, though no list names it by now."""
        return self.number if self.refresh else 0

    def count_missing(self, new: int) -> Missing:
        """How many are not there any more, of how many that were known before the pass, in which
        `new` ones came to be known."""
        missing = self.standings.count_missing(self._unlisted_before)
        known = self.standings.count_known() - new
        is_much = missing > max(1, self.max_gone * known)
        if missing and self.refresh and self.max_gone < 1:
            is_much = is_much or not self.standings.any_is_listed()
        return Missing(missing, known, self.max_gone, is_much)

    def report_gone(self) -> int:
        """Report all that are missing. Returns how many. Raises LocalFault."""
        reported = 0
        for some in self.standings.missing(self._unlisted_before):
            reported += self._report(some)
        return reported

    def _report(self, missing: Iterable[MissingUrl]) -> int:
        reported = 0
        at = self.now()
        for each in missing:
            reported += 1
            self.log.write(self._gone(each, at))
            after = replace(each.standing, reported="gone", is_missing=False)
            self.standings.keep(each.id, after, at)
        return reported

    def _gone(self, url: MissingUrl, at: float) -> Change:
        reason = UNLISTED
        if url.has_answered and url.error_kind is not None:
            reason = label_of(url.error_kind, url.status)
        return Change(
            "gone",
            self.number,
            at,
            redacted(url.url),
            key_of_record(url.url),
            was=url.standing.reported,
            before=url.standing.facts_pass,
            reason=reason,
            offset=url.offset if url.has_answered else None,
            before_offset=url.standing.facts_offset,
        )


def share_of(text: str) -> float:
    """A share in percent.

    >>> share_of("20%")
    0.2
    """
    return float(text.removesuffix("%")) / 100


def standing_of(task: Task) -> Standing | None:
    """How a URL stood before it was asked; None if it was never good."""
    stored = task.stored
    if task.standing is not None:
        return task.standing
    if stored is None or stored.error_kind is not None:
        return None
    if stored.facts_offset is None:
        return None  # the disk has lost its record
    return Standing(
        "here",
        facts_pass=stored.facts_pass,
        facts_offset=stored.facts_offset,
        sha256=stored.sha256,
        process_hash=stored.process_hash,
        final_url=stored.final_url,
    )


def _came_of(failure: Failure) -> Came:
    is_missing = (
        failure.kind == "http_status" and failure.status in GONE_STATUSES
    )
    return "missing" if is_missing else "unclear"
