"""The images that pages name: they become due in the pass, each once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from scraper.model import Failure, Fetched, Line, Task
from scraper.reports.summary import Report
from scraper.storage.due.overdue import Overdue, WhichAreDue
from scraper.storage.ledger import Ledger
from scraper.urls import Url


class FoundImages(Struct):
    """Puts them into the ledger. With `again`, those of earlier passes become due, too; with
    `overdue`, those that are too old."""

    ledger: Ledger
    report: Report
    pass_number: int
    again: bool
    overdue: Overdue | None = None

    def take(
        self,
        fetched: Fetched,
        images: Sequence[Url],
        failure: Failure | None,
    ) -> frozenset[int]:
        """A page names these now; what is of no use (a block page) takes none back that it named
        before. Returns the lanes that gain."""
        if fetched.kind == "page" and failure is None:
            self.forget(fetched.task)
        return self.add(fetched.task, images)

    def add(
        self,
        page: Task,
        images: Sequence[Url],
    ) -> frozenset[int]:
        """A page names these. Returns the lanes that gain."""
        if not images:
            return frozenset()
        added = self.ledger.intake.add(
            [Line(url, depth=page.depth + 1) for url in images],
            self.pass_number,
            listed=False,
            parent=page.id,
            again=self._due_with(page) or self.again,
        )
        self.report.found += added.new + added.again
        self.note_due([each.id for each in added.rows.values()])
        return added.hosts

    def forget(self, page: Task) -> None:
        """A page has been fetched again: what it named before it may name no more."""
        if self.pass_number > 1:
            self.ledger.links.forget(page.id)

    def reopen(self, page: Task) -> frozenset[int]:
        """A page that has not changed names what it named before. Returns the lanes that gain."""
        lanes = self.ledger.links.reopen(
            page.id,
            self.pass_number,
            self._due_with(page),
        )
        if lanes:
            self.note_due(self.ledger.links.images_of([page.id]))
        return lanes

    def _due_with(self, page: Task) -> WhichAreDue | None:
        """Which of its images are due with a page; None if their age does not matter."""
        if self.overdue is None:
            return None
        return partial(self.overdue.images_among, page.origin_url.href)

    def note_due(self, ids: Sequence[int]) -> None:
        """Some of these rows wait: the frontier reads them from the ledger."""
