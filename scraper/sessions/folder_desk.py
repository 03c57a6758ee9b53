"""A session's claims with a run folder behind them: what that knows is not asked again.

A URL is a row of the ledger from its submission on, so that a kill loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from scraper.desk.delivery import read_stored
from scraper.frontier.queued import QueuedRows
from scraper.journal import Journal
from scraper.machine.clock import Clock
from scraper.model import Task
from scraper.outcomes.outcome import Outcome
from scraper.passes import ListIntake
from scraper.recording.found import FoundUrls
from scraper.sessions.claims import Claim, Deliver, SessionDesk, Submissions
from scraper.storage.due.ages import Ages
from scraper.storage.due.overdue import Overdue, WhichAreDue
from scraper.storage.intake import KnownRow
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.storage.sets.bitmap import Bitmap
from scraper.storage.waiting import WaitingRows
from scraper.supervision import Flights


class FolderRows(QueuedRows):
    """They wait in a ledger, too."""

    def __init__(self, waiting: WaitingRows) -> None:
        super().__init__(waiting)
        self._waiting = waiting

    def finish(
        self,
        task: Task,
        row: FinishedRow,
        number: int,
        not_before: float | None = None,
    ) -> None:
        """The last word on a URL."""
        self._waiting.finish(task, row, number, not_before)
        self.remove(task)


class FoundAndQueued(FoundUrls):
    """What a session asks because pages of its own lead there."""

    queue: Callable[[Sequence[int]], object] = len

    def note_due(self, ids: Sequence[int]) -> None:
        self.queue(ids)


class FolderDesk(SessionDesk):
    """Of a session with a run folder: what that knows is not asked again in the same pass."""

    def __init__(
        self,
        submissions: Submissions,
        deliver: Deliver,
        ages: Ages | None = None,
    ) -> None:
        super().__init__(submissions, deliver)
        self._ages = ages  # from which on what is known is asked again
        self._known: list[int] = []  # rows whose outcomes are to be read
        self._before: dict[int, KnownRow] = {}  # that became due again
        self._new: set[int] = set()  # rows that were added
        # An earlier run of the pass has found more than it has asked; the
        # pages of which that has been looked for.
        self._has_left_found = False
        self._seen = Bitmap()

    def open_rows(self, ledger: Ledger) -> FolderRows:
        """The ledger is there: what is asked comes from here, and is written there."""
        self._ledger = ledger
        self.rows = rows = FolderRows(ledger.waiting)
        return rows

    def found(self, found: FoundUrls) -> FoundAndQueued:
        """What takes in where pages lead."""
        return FoundAndQueued(
            found.ledger,
            found.report,
            found.pass_number,
            found.again,
            limits=found.limits,
            queue=self._queue,
        )

    def open(
        self,
        journal: Journal,
        intake: ListIntake,
        source: int,
        flights: Flights,
        now: Clock,
    ) -> FolderDesk:
        """So is the rest; `source` is the row of the scripts' list."""
        self._journal, self._intake = journal, intake
        self._source, self._now = source, now
        self.flights = flights
        self._has_left_found = self._ledger.links.any_found_waits()
        return self

    # -- what comes ---------------------------------------------------------------------------

    def enter(self, claims: Sequence[Claim]) -> frozenset[int]:
        lines = [replace(each.line, source=self._source) for each in claims]
        added = self._intake.add(lines, again=self._too_old())
        self._before.update(added.before)
        waiting: list[int] = []
        known: list[int] = []
        for claim in claims:
            row = added.rows[claim.line.url.href]
            if row.state != "pending":
                known.append(row.id)
            else:
                waiting.append(row.id)
            if row.id >= added.first_new:
                self._new.add(row.id)
            self.claims.number(claim, row.id)
        self._known += known
        return frozenset(self._queue(waiting) | self._take_up_found(known))

    def _take_up_found(self, pages: Sequence[int]) -> set[int]:
        """What these lead to, and an earlier run of the pass has left, is to be asked. Returns the
        lanes that gain."""
        gaining: set[int] = set()
        while self._has_left_found and pages:
            new = list(filter(self._seen.add, pages))
            pages = self._ledger.links.children_of(new)
            gaining |= self._queue(pages)
        return gaining

    def _too_old(self) -> bool | WhichAreDue:
        """Which outcomes of earlier passes are too old now, for what is submitted now."""
        if self._ages is None:
            return False
        return Overdue(self._ledger, self._ages, self._now()).among

    def _queue(self, ids: Sequence[int]) -> set[int]:
        """Those of these rows that wait are to be asked, each once. Returns the lanes that gain."""
        lanes = set()
        for each in self._ledger.waiting.of_ids(ids) if ids else ():
            task = each.task
            claim = self.claims.of_row(task.id)
            if self.rows.find(task.id, task.origin_url.lane) is not None:
                if claim is not None:
                    claim.found = True
                continue
            if claim is not None and claim.headers:
                each = replace(each, task=replace(task, headers=claim.headers))
            self.rows.add(each)
            lanes.add(task.url.lane)
        return lanes

    def take_out(self, claim: Claim) -> None:
        before = self._before.pop(claim.id, None)
        if before is not None:
            self._ledger.intake.restore(before)
        elif claim.id in self._new:
            self._ledger.intake.remove(claim.line.url, claim.id)
        self._new.discard(claim.id)

    def resolve(self, outcome: Outcome) -> None:
        super().resolve(outcome)
        self._new.discard(outcome.task.id)
        self._before.pop(outcome.task.id, None)

    # -- what is given ------------------------------------------------------------------------

    def from_folder(self) -> Iterator[Outcome]:
        known, self._known = self._known, []
        return read_stored(self._journal, known)

    def of_commit(self, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        return map(self._journal.records.fill_in, outcomes)
