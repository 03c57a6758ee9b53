"""records.jsonl: the journal's own log, append-only, and the truth about a run folder."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from scraper.errors import LASTING, LocalFault, UsageError, new_failure
from scraper.machine.files import Folder
from scraper.model import Task
from scraper.outcomes.outcome import Outcome
from scraper.record import decode, filled_line
from scraper.redaction import redacted
from scraper.sinks.line_file import LineFile

# By the name of a sink, up to where the last commit knows it; None where it knows none.
PositionOf = Callable[[str], str | None]
_ADVICE = "move the folder .scraper away and start again with --adopt to go on with what it holds"


class RecordLog:
    """The records of a run. Nothing stands there but what this program wrote.

    A killed run is cut back to its last commit; `ended` says that the last run closed its files in
    order, so that nothing of ours can stand behind it.
    """

    name = "records.jsonl"
    exactly_once = True

    def __init__(self, folder: Folder, *, ended: bool = False) -> None:
        self.ended = ended
        self.file = LineFile(
            folder,
            self.name,
            on_move=self._refuse_move,
            on_resize=self._refuse_change,
        )

    @property
    def path(self) -> Path:
        """Where it stands."""
        return self.file.path

    @property
    def offset(self) -> int:
        """Where the next record will begin."""
        return self.file.offset

    def recover(self, position: str | None) -> None:
        """Cut it where the first record stood that the disk has not kept."""
        with self.file.opened():
            self.file.truncate(int(position or 0))
        self.file.close()

    def resume(self, position: str | None) -> None:
        """Raises UsageError if what is there is not what the last commit left."""
        with self.file.opened() as size:
            if position is None and size:
                raise UsageError(unknown_file(self.path))
            offset = int(position or 0)
            if size < offset:
                raise UsageError(
                    f"{self.path} is shorter ({size:,} bytes) than this run left it ({offset:,}): "
                    f"put it back; or {_ADVICE}; or start over in another --dir"
                )
            self.file.cut_back(offset, size, ended=self.ended, advice=_ADVICE)

    def _refuse_move(self) -> None:
        raise LocalFault(
            new_failure(
                "disk_error",
                f"{self.path} was moved or removed during the run: put it back",
            )
        )

    def _refuse_change(self, size: int) -> None:
        raise LocalFault(
            new_failure(
                "disk_error",
                f"{self.path} was changed by another program during the run: it has {size:,} "
                f"bytes instead of {self.file.written:,}; put it back as it was",
            )
        )

    def add(self, outcome: Outcome) -> None:
        self.file.write(outcome.line)

    def flush(self, *, durable: bool) -> str:
        return self.file.flush(durable=durable)

    def close(self) -> None:
        self.file.close()

    def place_of_facts(
        self, outcome: Outcome, number: int
    ) -> tuple[int | None, int | None]:
        """Which record will hold the facts of a URL that ends now, in pass `number`: its pass, and
        its offset."""
        if outcome.state == "unchanged":
            return self.stored_place(outcome.task)
        failure = outcome.failure
        if failure is None or failure.kind in LASTING:
            return number, self.offset
        return None, None

    def stored_place(self, task: Task) -> tuple[int, int]:
        """The same of a body that is stored."""
        stored = task.stored
        assert stored is not None, "it is known from an earlier pass"
        assert stored.facts_offset is not None, "and recorded"
        number, offset = stored.facts_pass, stored.facts_offset
        if number is None:  # of a ledger that an earlier version has kept
            _, full = self.read(offset, task.origin_url.href)
            number = int(full["pass"])
        return number, offset

    def fill_in(self, outcome: Outcome) -> Outcome:
        """An outcome of this run, its line filled in if it is short."""
        if outcome.state != "unchanged" or outcome.stored:
            return outcome
        _, offset = self.stored_place(outcome.task)
        _, full = self.read(offset, outcome.url)
        return replace(outcome, line=filled_line(outcome.line, full))

    def read(self, offset: int, url: str) -> tuple[bytes, dict[str, Any]]:
        """The record of a URL that was written there once, as its line and decoded. It may still
        wait to be flushed.

        Raises LocalFault if something else stands there by now.
        """
        if offset >= self.file.written:
            self.flush(durable=False)
        with self.file.read() as file:
            file.seek(offset)
            line = file.readline().removesuffix(b"\n")
        try:
            return line, decode(line, url)
        except ValueError as error:
            message = (
                f"{self.path} was changed: at byte {offset:,} there is not the record of "
                f"{redacted(url)} any more; put it back; or {_ADVICE}"
            )
            raise LocalFault(new_failure("disk_error", message)) from error

    def lines(self) -> Iterator[bytes]:
        """All lines up to the last flush, as they are when this is called."""
        end = self.file.written
        with self.file.read() as file:
            if file.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
                # an editor's, in records that were adopted
                file.seek(len(BOM_UTF8))
            while file.tell() < end:
                yield file.readline().rstrip(b"\n")


def unknown_file(path: Path) -> str:
    """Why a file is left alone that no ledger knows."""
    return (
        f"{path} was not written by a run that this folder remembers: choose another --dir, or "
        "start with --adopt to take its records over"
    )
