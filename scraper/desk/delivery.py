"""What a script's loop is given: each URL of its input once, in this run or in any after it.

What the folder knows is read from there, the rest comes as it ends. Memory is three bits a URL: the
rows that the input names, what their pages lead to, and what has been delivered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from scraper.journal import Journal
from scraper.outcomes.outcome import Outcome
from scraper.record import fill_in, filled_line, is_short, stored_outcome
from scraper.storage.sets.bitmap import Bitmap
from scraper.storage.spans import RecordSpan

BATCH = 256


class Delivery(Struct):
    """`named` is the bitmap of the rows that the input has named so far."""

    journal: Journal
    named: Bitmap
    with_found: bool
    _found: Bitmap = field(default_factory=Bitmap)
    _delivered: Bitmap = field(default_factory=Bitmap)
    _known: list[int] = field(default_factory=list)
    # what a page to come may make due again in this pass
    _older: list[int] = field(default_factory=list)

    def note_known(self, ids: Sequence[int]) -> None:
        """The input names rows that have their outcome already."""
        self._known.extend(ids)

    def from_folder(self) -> Iterator[Outcome]:
        """The outcomes of the rows given to `note_known`, and of what these pages lead to."""
        known, self._known = self._known, []
        while known:
            for ids in _batches(known):
                yield from self._read_stored(ids)
            known = self._found_by(known)
            yield from self._read_found(known)

    def of_commit(self, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        """Those of a commit that are the input's. The others come from the folder, once the input
        names them, if ever."""
        pages = [
            each.task.id for each in outcomes if self._is_wanted(each.task.id)
        ]
        found = self._found_by(pages)
        for outcome in outcomes:
            if self._is_wanted(outcome.task.id) and self._delivered.add(
                outcome.task.id
            ):
                yield self.journal.records.fill_in(outcome)
        yield from self._read_found(found)

    def at_the_end(self) -> Iterator[Outcome]:
        """The pass is over: what it has not asked again is as an earlier one left it."""
        for ids in _batches(self._older):
            yield from self._read_stored(ids)

    def _is_wanted(self, id: int) -> bool:
        return id in self.named or id in self._found

    def _found_by(self, pages: Sequence[int]) -> list[int]:
        """What these pages lead to, and none before them did."""
        if not pages or not self.with_found:
            return []
        found = [
            child
            for some in _batches(pages)
            for child in self.journal.ledger.links.children_of(some)
        ]
        return [each for each in found if self._found.add(each)]

    def _read_found(self, ids: Sequence[int]) -> Iterator[Outcome]:
        """What of these is stored. Of an image that several pages name, one page may have failed
        now, and the next one make it due again."""
        if not self.journal.refresh:
            yield from self._read_stored(ids)
            return
        now: list[int] = []
        spans = self.journal.ledger.spans
        for some in _batches(ids):
            for span in spans.of(some):
                is_of_now = span.number == self.journal.pass_number
                (now if is_of_now else self._older).append(span.id)
        yield from self._read_stored(now)

    def _read_stored(self, ids: Sequence[int]) -> Iterator[Outcome]:
        """Of these rows what the last commit holds and was not delivered."""
        for span in _committed_spans(self.journal, ids):
            if self._delivered.add(span.id):
                yield _stored_outcome(self.journal, span)


def read_stored(
    journal: Journal,
    ids: Sequence[int],
) -> Iterator[Outcome]:
    """The outcomes of these rows, as far as the last commit holds them."""
    for span in _committed_spans(journal, ids):
        yield _stored_outcome(journal, span)


def _committed_spans(
    journal: Journal,
    ids: Sequence[int],
) -> Iterator[RecordSpan]:
    end = journal.committed
    for some in _batches(ids):
        for span in journal.ledger.spans.of(some):
            if span.offset < end:
                yield span


def _stored_outcome(
    journal: Journal,
    span: RecordSpan,
) -> Outcome:
    records = journal.records
    line, record = records.read(span.offset, span.url)
    if is_short(record):
        _, full = records.read(span.facts_offset, span.url)
        line, record = filled_line(line, full), fill_in(record, full)
    return stored_outcome(
        line,
        record,
        span.id,
        span.url,
        charset=span.charset,
        place=journal.place,
    )


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (
        ids[start : start + BATCH]
        for start in range(
            0,
            len(ids),
            BATCH,
        )
    )
