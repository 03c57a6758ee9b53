"""Who writes down what the URLs come to, as the loop sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from scraper.messages import Processed
from scraper.model import Failure, Fetched, FetchFailed, Task
from scraper.outcomes.outcome import Outcome
from scraper.recording.judging import Judging
from scraper.reports.summary import Report


class Places(Protocol):
    """Where files stand below a run folder. Any thread may ask."""

    def place_of(self, fetched: Fetched) -> str:
        """Where the body stands, or will."""

    def keeps(self, fetched: Fetched) -> bool:
        """Does the same body lie there from an earlier pass?"""

    def has_variants(self, task: Task) -> bool:
        """Is what an earlier pass has made of this picture still there?"""


class Recorder(Protocol):
    """A journal. What is recorded counts, and is given to others with the next commit."""

    @property
    def report(self) -> Report: ...

    @property
    def publisher(self) -> Places:
        """Where bodies and pictures stand."""

    @property
    def judging(self) -> Judging: ...

    @property
    def process_hash(self) -> Callable[[str], str]:
        """What the way of processing a kind is known by."""

    def record_fetched(
        self,
        fetched: Fetched,
        processed: Processed | None = None,
    ) -> frozenset[int]:
        """A URL that was fetched, whether its body is of use or not. Returns the lanes that gain
        URLs."""

    def settle_found(self) -> frozenset[int]:
        """Have asked where the pages lead that were recorded since the last time. Returns the lanes
        that gain URLs."""

    def record_failed(self, failed: FetchFailed) -> None:
        """A URL whose request failed."""

    def record_refused(
        self,
        task: Task,
        failure: Failure,
    ) -> None:
        """A URL that is not asked, or not again: by a rule, or for its host's sake."""

    def note(
        self,
        text: str,
        level: int = logging.WARNING,
    ) -> None:
        """Something about the run, not about one URL."""

    def note_printed(
        self,
        task: Task,
        text: str,
    ) -> None:
        """What a worker printed while it was at a URL."""

    def count_pending(self) -> int:
        """How many URLs wait, of whomever."""

    @property
    def uncommitted(self) -> int:
        """Outcomes that are recorded but not committed."""

    def due_at(self, now: float) -> float | None:
        """When the next commit is due; None if there is nothing to commit."""

    def commit(self) -> Sequence[Outcome]:
        """Make all of it last. Raises LocalFault if this machine does not let us."""
