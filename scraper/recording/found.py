"""What pages lead to, their images and further pages: it becomes due in the pass, each URL once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, compress, islice

from msgspec import Struct, field

from scraper.model import Failure, Fetched, Line, Task
from scraper.recording.judging import AtOnce, Judging
from scraper.recording.leads import Lead
from scraper.reports.summary import Report
from scraper.storage.due.overdue import Overdue, WhichAreDue
from scraper.storage.follow.ways import Leads, Limits, line_of
from scraper.storage.intake import Added
from scraper.storage.ledger import Ledger
from scraper.text import counted
from scraper.urls import Url, parts_of

BATCH = 4096  # links


class Found(Struct, frozen=True):
    """What a page leads to that is to be asked."""

    images: Sequence[Url] = ()
    leads: Sequence[Lead] = ()

    @property
    def hrefs(self) -> tuple[str, ...]:
        """All of it."""
        return (
            *(url.href for url in self.images),
            *(lead.url.href for lead in self.leads),
        )


_PageLeads = tuple[Task, Sequence[Lead]]


def _enough_of(pages: Sequence[_PageLeads]) -> int:
    """How many of these pages make a batch."""
    links = accumulate(len(leads) for _, leads in pages)
    return sum(1 for total in links if total <= BATCH) or 1


class FoundUrls(Struct):
    """Puts it into the ledger. With `again`, what earlier passes have asked becomes due, too; with
    `overdue`, what is too old. What lies beyond the `limits` is remembered, no more."""

    ledger: Ledger
    report: Report
    pass_number: int
    again: bool
    overdue: Overdue | None = None
    limits: Limits = Limits()
    note: Callable[[str], object] = len  # has the user know
    judging: Judging = AtOnce()
    _has_noted: bool = False
    _leads: list[_PageLeads] = field(default_factory=list)

    def take(
        self,
        fetched: Fetched,
        found: Found,
        failure: Failure | None,
    ) -> frozenset[int]:
        """A page leads there now; what is of no use (a block page) takes nothing back that it
        named before. Returns the lanes that gain."""
        if failure is None:
            self.lead_nowhere(fetched.task)
        self.add_leads(fetched.task, found.leads)
        return self.add_images(fetched.task, found.images)

    def add_images(
        self,
        page: Task,
        images: Sequence[Url],
    ) -> frozenset[int]:
        """A page names these images. Returns the lanes that gain."""
        if not images:
            return frozenset()
        depth = page.depth + 1
        lines = [Line(url, depth=depth, parent=page.id) for url in images]
        added = self.ledger.intake.add(
            lines,
            self.pass_number,
            listed=False,
            again=self._due_with(page) or self.again,
        )
        return self._count(added)

    def add_leads(
        self,
        page: Task,
        leads: Sequence[Lead],
    ) -> None:
        """A page leads there; `settle` has it asked."""
        if leads:
            self._leads.append((page, leads))

    def settle(self) -> frozenset[int]:
        """Have asked where pages lead that have been recorded meanwhile: together, for each
        statement waits for other threads. Returns the lanes that gain."""
        gaining: frozenset[int] = frozenset()
        while self._leads:
            pages = list(islice(self._leads, _enough_of(self._leads)))
            del self._leads[: len(pages)]
            gaining |= self._lead_on(pages)
        return gaining

    def _lead_on(self, pages: Sequence[_PageLeads]) -> frozenset[int]:
        ledger, lines = self.ledger, []
        beyond: dict[int, Leads] = {}
        ways = ledger.ways.of([page.id for page, _ in pages])
        for page, leads in pages:
            way = ways[page.id]
            is_far = [self.limits.excludes(way, lead.how) for lead in leads]
            beyond[page.id] = [
                (lead.url.href, lead.how) for lead in compress(leads, is_far)
            ]
            self._note_chain(page, beyond[page.id])
            lines += [
                line_of(page.id, way, lead.url, lead.how)
                for lead, far in zip(leads, is_far, strict=True)
                if not far
            ]
        ledger.ways.keep_beyond(beyond, is_new=self.pass_number == 1)
        if not lines:
            return frozenset()
        added = ledger.intake.add(
            lines,
            self.pass_number,
            listed=False,
            again=self._overdue_leads or self.again,
        )
        return self._count(added) | self.come_nearer(added.nearer)

    def _note_chain(
        self, page: Task, beyond: Sequence[tuple[str, str]]
    ) -> None:
        """Once, that a chain goes on beyond its limit."""
        further = [url for url, how in beyond if how == "next"]
        if further and not self._has_noted:
            self._has_noted = True
            self.report.unfollowed_url = further[0]
            pages = counted(self.limits.chain_pages, "page")
            self.note(
                f"{page.shown_url} is the last of its chain after {pages} (--follow-limit), and "
                f"goes on to {further[0]}; others that do are not reported"
            )

    def come_nearer(self, rows: Sequence[int]) -> frozenset[int]:
        """A shorter way leads to these rows now. Returns the lanes that gain."""
        gaining: frozenset[int] = frozenset()
        if not rows:
            return gaining
        self.judging.note_named(rows)
        for added in self.ledger.ways.spread(
            rows, self.pass_number, self.limits
        ):
            gaining |= self._count(added)
            self.judging.note_named(added.nearer)
        return gaining

    def _count(self, added: Added) -> frozenset[int]:
        self.report.found += added.new + added.again
        self.note_due([each.id for each in added.rows.values()])
        return added.hosts

    def lead_nowhere(self, page: Task) -> None:
        """A page has come again, as a page or as anything else, or is gone: where it led before it
        leads no more."""
        if self.pass_number > 1:
            self.ledger.links.forget(page.id)
            self.ledger.ways.keep_beyond({page.id: ()})

    def reopen(
        self, page: Task, *, images: bool, leads: bool
    ) -> frozenset[int]:
        """A page that has not changed leads where it led before. Returns the lanes that gain."""
        gaining: frozenset[int] = frozenset()
        if images:
            gaining = self._reopen_images(page)
        if leads:
            self.add_leads(page, list(self._earlier_leads(page)))
        return gaining

    def _reopen_images(self, page: Task) -> frozenset[int]:
        lanes = self.ledger.links.reopen(
            page.id,
            self.pass_number,
            self._due_with(page),
        )
        if lanes:
            self.note_due(self.ledger.links.images_of(page.id))
        return lanes

    def _earlier_leads(self, page: Task) -> Iterator[Lead]:
        for url, how in self.ledger.links.leads_of(page.id):
            yield Lead(parts_of(url), how)
        for _, leads in self.ledger.ways.beyond([page.id]):
            for url, how in leads:
                yield Lead(parts_of(url), how)

    def _due_with(self, page: Task) -> WhichAreDue | None:
        """Which of its images are due with a page; None if their age does not matter."""
        if self.overdue is None:
            return None
        return partial(self.overdue.images_among, page.origin_url.href)

    @property
    def _overdue_leads(self) -> WhichAreDue | None:
        return None if self.overdue is None else self.overdue.leads_among

    def note_due(self, ids: Sequence[int]) -> None:
        """Some of these rows wait: the frontier reads them from the ledger."""
