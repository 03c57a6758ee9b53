"""What becomes of the items that were inside a pool when it died: one pure function, one table."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from msgspec import Struct

from scraper.errors import new_failure
from scraper.model import Failure, Task
from scraper.workers.child import Note
from scraper.workers.work import Limits, WorkItem, memory_message

MAX_DEATHS_ALONE = 2
MAX_LOSSES = 4  # after so many broken pools an item is tried alone though no worker ever began it


class Pending:
    """An item on its way to its one result."""

    __slots__ = ("alone", "deaths", "item", "losses", "number", "since", "task")

    def __init__(
        self, number: int, task: Task, item: WorkItem, *, alone: bool = False
    ) -> None:
        self.number = number
        self.task = task
        self.item = item
        self.since = time.monotonic()
        self.alone = alone  # it is a submission of its own
        self.deaths = 0  # of a worker that had nothing else to do
        self.losses = 0  # of pools that it was in

    @property
    def is_at_last_trial(self) -> bool:
        """Would one more death convict it?"""
        return self.deaths >= MAX_DEATHS_ALONE - 1


class Evidence(NamedTuple):
    """What a dead worker left behind about the item that it had begun."""

    note: Note
    dump: str
    overdue: bool
    printed: str
    limits: Limits

    @property
    def is_conclusive(self) -> bool:
        """Does it name the item as the cause, without a trial?"""
        return self.overdue or self.note.memory

    def as_failure(self) -> Failure:
        """Why the item has failed, if it is the cause."""
        if self.overdue:
            seconds = self.limits.seconds
            return new_failure(
                "process_timeout",
                f"took longer than {seconds:g} s{self._place()}",
            )
        if self.note.memory:
            return new_failure("process_memory", memory_message(self.limits))
        reason = self.dump.partition("\n")[0].removeprefix(
            "Fatal Python error: "
        )
        how = f" ({reason})" if reason else ""
        message = f"the worker process died at it, twice{how}{self._place()}"
        return new_failure("process_died", message)

    def _place(self) -> str:
        """Where the main thread stood: a dump names the newest thread first, its inner frame."""
        mark = "most recent call first):\n"
        threads = self.dump
        if "Current" in threads:
            stack = threads.rpartition("Current thread 0x")[2].partition(mark)[
                2
            ]
        else:
            stack = threads.rpartition(mark)[2]
        line = stack.partition("\n")[0].strip()
        if not line.startswith("File "):
            return ""
        path, _, rest = line.removeprefix("File ").rpartition('", ')
        return f": {os.path.basename(path)}, {rest}"


class Resubmit(Struct, frozen=True):
    """It is innocent: the next pool gets it first."""


class Suspect(Struct, frozen=True):
    """It is tried alone, in a pool of one worker."""


class Convict(Struct, frozen=True):
    """It is the cause, and ends with this failure."""

    failure: Failure


class Return(Struct, frozen=True):
    """The run is stopping and there is no time for a trial: its task is pending again."""


Fate = Resubmit | Suspect | Convict | Return


def triage(
    item: Pending, evidence: Evidence | None, *, alone: bool, stopping: bool
) -> Fate:
    """The fate of one item of a dead pool; this death is already counted in the item.

    `evidence` is None if no worker had begun the item; `alone` says that the pool was the one for
    trials; `stopping` that the run is about to end. A time-out or a lack of memory is conclusive.

        evidence       losses   alone   deaths alone   running     stopping
        ---------------------------------------------------------------------
        none           < 4      no      any            Resubmit    Resubmit
        none           < 4      yes     any            Suspect     Suspect
        none           >= 4     any     any            Suspect     Return
        inconclusive   1        any     < 2            Suspect     Resubmit (1)
        inconclusive   > 1      any     < 2            Suspect     Return
        inconclusive   > 1      any     >= 2           Convict     Return
        conclusive     any      any     any            Convict     Return

    (1) Most likely the whole process group was sent a SIGTERM, so the item may still be done.
    """
    if evidence is None and item.losses < MAX_LOSSES:
        return Suspect() if alone else Resubmit()
    if evidence is None:
        return Return() if stopping else Suspect()
    if stopping:
        may_be_innocent = item.losses == 1 and not evidence.is_conclusive
        return Resubmit() if may_be_innocent else Return()
    if evidence.is_conclusive or item.deaths >= MAX_DEATHS_ALONE:
        return Convict(evidence.as_failure())
    return Suspect()
