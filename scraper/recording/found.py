"""The images that pages name: they become due in the pass, each once."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scraper.model import Line, Task
from scraper.reports.summary import Report
from scraper.storage.ledger import Ledger
from scraper.urls import Url


class FoundImages(Struct):
    """Puts them into the ledger. With `again`, those of earlier passes become due, too."""

    ledger: Ledger
    report: Report
    pass_number: int
    again: bool

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
            again=self.again,
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
        lanes = self.ledger.links.reopen(page.id, self.pass_number)
        if lanes:
            self.note_due(self.ledger.links.images_of([page.id]))
        return lanes

    def note_due(self, ids: Sequence[int]) -> None:
        """Some of these rows wait: the frontier reads them from the ledger."""
