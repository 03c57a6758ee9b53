"""What a sink is, which kinds there are, and how a run opens its own.

A new kind is one file, with one function that opens it, and one line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from scraper.config import Config
from scraper.machine.files import Folder
from scraper.outcomes.outcome import Outcome
from scraper.sinks.change_log import ChangeLog
from scraper.sinks.error_log import open_error_log
from scraper.sinks.item_log import open_item_log
from scraper.sinks.record_log import PositionOf, RecordLog
from scraper.sinks.run_log import RunLog
from scraper.sinks.stdout import open_standard_output


class Sink(Protocol):
    """What takes outcomes. `exactly_once`: what lies behind the position can be taken back."""

    @property
    def name(self) -> str:
        """By which the ledger knows its position."""

    @property
    def exactly_once(self) -> bool: ...

    def recover(self, position: str | None) -> None:
        """The machine has failed under the last run, and the disk has lost records: go back to
        what is believed, or begin again. `resume` follows, with the same position."""

    def resume(self, position: str | None) -> None:
        """Go to where the last commit left off."""

    def add(self, outcome: Outcome) -> None:
        """Take one outcome."""

    def flush(self, *, durable: bool) -> str:
        """Write everything, and return the position."""

    def close(self) -> None:
        """Give everything back: no outcome will follow."""


# Each opens its sink, or returns None where the configuration does not ask for it.
KINDS: tuple[
    Callable[[Folder, RecordLog, Config, PositionOf], Sink | None], ...
] = (
    open_error_log,
    open_item_log,
    open_standard_output,
)


class Outputs(Struct, frozen=True):
    """The sinks of a run, in the order in which a commit flushes them when iterated over."""

    records: RecordLog
    changes: ChangeLog
    log: RunLog
    others: tuple[Sink, ...]

    def __iter__(self) -> Iterator[Sink]:
        yield self.records
        yield self.changes
        yield from self.others
        yield self.log

    def resume(self, position_of: PositionOf) -> None:
        """Open all of them where the last commit left off. Raises UsageError."""
        for sink in self:
            sink.resume(position_of(sink.name))

    def close(self) -> None:
        """Close all of them, opened or not."""
        for sink in self:
            sink.close()


def open_sinks(
    folder: Folder,
    config: Config,
    position_of: PositionOf,
    *,
    ended: bool,
) -> Outputs:
    """The sinks that a configuration asks for; `resume` opens their files.

    `ended`: the last run closed its files in order.
    """
    records = RecordLog(folder, ended=ended)
    found = [
        open_kind(folder, records, config, position_of) for open_kind in KINDS
    ]
    others = tuple(sink for sink in found if sink is not None)
    return Outputs(
        records,
        ChangeLog(folder, records),
        RunLog(
            folder,
            as_json=config.output.log_format == "json",
            with_steps=config.output.log_level == "debug",
        ),
        others,
    )
