"""How the story of each URL moves: reported in changes.jsonl, remembered in the ledger.

What is missing (404, 410, or named by no list any more) is reported when the list has ended, if it
is not too much to be believed: a broken list, or a site that answers 404 to everything, takes
nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from scraper.machine.clock import Clock
from scraper.model import Failure, Standing, Task, label_of
from scraper.outcomes.changes import TRANSITIONS, Came, Change, Word
from scraper.outcomes.outcome import Outcome
from scraper.record import key_of_record
from scraper.redaction import redacted
from scraper.reports.changes import Missing
from scraper.sinks.change_log import ChangeLog
from scraper.sinks.record_log import RecordLog
from scraper.storage.schema import FinishedRow
from scraper.storage.tables.standings import MissingUrl, Standings

GONE_STATUSES = (404, 410)
UNLISTED = "unlisted"  # the reason
_PERMANENT = (301, 308)
_NOTHING: Mapping[str, Any] = {}


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
            came, what, before = self._compare(outcome, standing)
            if task.standing is not None:
                self.standings.forget(task.id)
        elif standing is None:
            return outcome
        else:
            came, what, before = _came_of(outcome.failure), _NOTHING, None
            self._keep_failed(task, standing, came)
        word = TRANSITIONS.get((standing.reported if standing else None, came))
        if word is None or came == "missing":
            return outcome
        return replace(
            outcome,
            change=self._change(word, outcome, row, standing, what, before),
        )

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
        what: Mapping[str, Any],
        before: int | None,
    ) -> Change:
        href = outcome.task.origin_url.href
        return Change(
            word,
            self.number,
            row.fetched_at or self.now(),
            redacted(href),
            key_of_record(href),
            was=standing.reported if standing else None,
            before=before or (standing.facts_pass if standing else None),
            reason=outcome.failure.label if outcome.failure else None,
            what=what,
            offset=row.offset,
            before_offset=standing.facts_offset if standing else None,
        )

    # -- compared with what was there ---------------------------------------------------------

    def _compare(
        self,
        outcome: Outcome,
        standing: Standing | None,
    ) -> tuple[Came, Mapping[str, Any], int | None]:
        """What a good answer is to what was there, what differs, and the pass of that record."""
        fetched = outcome.fetched
        assert fetched is not None, "it is good"
        if standing is None:
            return "other", _NOTHING, None
        asked = outcome.task.origin_url.href
        answered_at = fetched.url.href
        has_moved = answered_at != (standing.final_url or asked)
        is_same = fetched.sha256 == standing.sha256
        if is_same and not has_moved:
            return "same", _NOTHING, None
        earlier = self._read_earlier(standing, asked)
        what: dict[str, Any] = {}
        if not is_same:
            what["bytes"] = {"before": standing.sha256, "after": fetched.sha256}
        addresses = _addresses(outcome, earlier) if has_moved else None
        if addresses is not None:
            what["address"] = addresses
            came: Came = "elsewhere"
        else:
            came = "same" if is_same else "other"
        return came, what, earlier.get("pass")

    def _read_earlier(self, standing: Standing, url: str) -> Mapping[str, Any]:
        """The record of its facts; nothing if it is not known where that stands."""
        if standing.facts_offset is None:
            return _NOTHING
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


def _addresses(
    outcome: Outcome, earlier: Mapping[str, Any]
) -> dict[str, str] | None:
    """Where the URL is said to be for good, before and after; None if that is the same."""
    record = orjson.loads(outcome.line)
    redirects = record.get("redirects", [])
    final = redacted(outcome.task.url.href)
    asked = redacted(outcome.task.origin_url.href)
    after = _address(asked, redirects, final)
    before = _address(
        asked, earlier.get("redirects", []), earlier.get("final_url") or asked
    )
    return None if before == after else {"before": before, "after": after}


def _address(
    asked: str, redirects: Iterable[Mapping[str, Any]], final: str
) -> str:
    """Where permanent redirects lead from there; what follows a temporary one is of the moment.

    >>> one, two = {"url": "a", "status": 301}, {"url": "b", "status": 302}
    >>> _address("a", [one, two], "c"), _address("a", [], "a")
    ('b', 'a')
    """
    address = asked
    hops = list(redirects)
    targets = [each["url"] for each in hops[1:]] + [final]
    for hop, target in zip(hops, targets, strict=False):
        if hop["status"] not in _PERMANENT:
            break
        address = target
    return str(address)
