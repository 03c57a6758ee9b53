"""Who brings the URLs of a run, and who is given what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from scraper.desk.delivery import Delivery
from scraper.frontier.frontier import Frontier
from scraper.messages import Asked
from scraper.model import Task
from scraper.outcomes.outcome import Outcome
from scraper.passes import ListIntake
from scraper.sources.reader import Reader


class Desk(Protocol):
    """As the loop sees it; it calls all of it in the coordinator's thread."""

    def start(self) -> None: ...

    def stop(self) -> bool:
        """Bring nothing more. False if a thread is stuck in reading a list."""

    def take(self) -> frozenset[int]:
        """Take in what has come. Returns the lanes that gain."""

    def take_overdue(self) -> frozenset[int]:
        """All was taken in that brings URLs: what pages lead to, and is too old, is to be asked,
        too. Returns the lanes that gain."""

    awaits: str
    """What brings more URLs, in words; "" if it may take as long as it likes."""

    def begins(self, task: Task) -> bool:
        """A task is about to be requested, or refused. False if it is not wanted any more, and its
        row is gone."""

    def change(
        self,
        asked: Asked,
        frontier: Frontier,
    ) -> Task | None:
        """What the owner of a URL wants of it now. Returns a task that is to end as aborted."""

    def from_folder(self) -> Iterable[Outcome]:
        """Outcomes of what was taken in last, as far as they are known already."""

    def of_commit(self, outcomes: Sequence[Outcome]) -> Iterable[Outcome]:
        """What is given of the outcomes of a commit."""

    def at_the_end(self) -> Iterable[Outcome]:
        """What is given when the pass is over."""


class ListDesk(Struct):
    """Of lists. A `delivery` gives each URL of them once; without it, what this run has asked."""

    reader: Reader
    intake: ListIntake
    delivery: Delivery | None
    awaits: str = "the list of URLs"

    def start(self) -> None:
        self.reader.start()

    def stop(self) -> bool:
        self.reader.stop()
        return not self.reader.is_alive()

    def take(self) -> frozenset[int]:
        return self.intake.take(self.reader.take())

    def take_overdue(self) -> frozenset[int]:
        return self.intake.take_overdue()

    def begins(self, task: Task) -> bool:
        return True

    def change(
        self,
        asked: Asked,
        frontier: Frontier,
    ) -> Task | None:
        raise AssertionError("a list asks for no change")

    def from_folder(self) -> Iterable[Outcome]:
        return self.delivery.from_folder() if self.delivery else ()

    def of_commit(self, outcomes: Sequence[Outcome]) -> Iterable[Outcome]:
        return self.delivery.of_commit(outcomes) if self.delivery else outcomes

    def at_the_end(self) -> Iterator[Outcome]:
        if self.delivery is not None:
            yield from self.delivery.at_the_end()
