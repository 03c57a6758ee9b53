"""When it is known what an answer is, as the loop sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from scraper.messages import Processed
from scraper.model import Fetched

Answer = tuple[Fetched, Processed | None]


class Judging(Protocol):
    """What is not decided is no outcome yet."""

    def decide(
        self, fetched: Fetched, processed: Processed | None
    ) -> Fetched | None:
        """The answer, as its URL is named now; None if it is not known yet what it is."""

    def looks_again(self, fetched: Fetched) -> bool:
        """May a page lead elsewhere by now, though it has not changed?"""

    def note_named(self, rows: Collection[int]) -> None:
        """Links lead to these rows now, or the list names them."""

    def take_decided(self) -> Iterable[Answer]:
        """What was not decided, and is by now."""

    def take_rest(self) -> Iterable[Answer]:
        """Nothing else is left: some of what was not decided so far."""


class AtOnce:
    """Each answer is what it is."""

    def decide(
        self, fetched: Fetched, processed: Processed | None
    ) -> Fetched | None:
        return fetched

    def looks_again(self, fetched: Fetched) -> bool:
        return False

    def note_named(self, rows: Collection[int]) -> None:
        """Nothing waits for that."""

    def take_decided(self) -> Iterable[Answer]:
        return ()

    def take_rest(self) -> Iterable[Answer]:
        return ()
