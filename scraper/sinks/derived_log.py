"""A log that follows from records.jsonl: made again from it when it has lost something."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from scraper.errors import UsageError
from scraper.machine.files import Folder
from scraper.outcomes.outcome import Outcome
from scraper.sinks.line_file import LineFile
from scraper.sinks.record_log import RecordLog

_MAX_WAITING_LINES = 2_000
_TAIL_BYTES = 2**16
_ADVICE = "remove it: it is made again"


class DerivedLog(ABC):
    """Written, committed and cut back as the records are; what others append stays.

    Where no commit knows of it, as in a folder whose ledger was lost, it is made of what the
    records hold by then.
    """

    name: ClassVar[str]
    exactly_once = True

    def __init__(self, folder: Folder, records: RecordLog) -> None:
        self.file = LineFile(
            folder,
            self.name,
            on_move=self._replace,
            on_resize=self._accept_resize,
        )
        self._records = records

    @abstractmethod
    def add(self, outcome: Outcome) -> None:
        """Write what follows from its record, by `self.file`."""

    @abstractmethod
    def lines_of(self, line: bytes) -> Iterable[bytes]:
        """What follows from a line of records.jsonl."""

    @abstractmethod
    def is_own(self, line: bytes) -> bool:
        """Is it one of these, or the beginning of one, as a kill may leave it?"""

    def recover(self, position: str | None) -> None:
        """Empty it: `resume` finds it too short, and makes it again."""
        if position is not None:
            with self.file.opened():
                self.file.truncate(0)
            self.file.close()

    def resume(self, position: str | None) -> None:
        """Raises UsageError if what is there is not what the last commit left."""
        with self.file.opened() as size:
            if position is None:
                self._refuse_unknown()
            offset = int(position or 0)
            if position is None or size < offset or self._has_zeros(offset):
                self._rebuild()
            else:
                self.file.cut_back(
                    offset, size, ended=self._records.ended, advice=_ADVICE
                )

    def _has_zeros(self, offset: int) -> bool:
        """Has a power cut left zeros where the last lines were? JSON has none, and the records may
        be whole."""
        with self.file.read() as file:
            file.seek(max(offset - _TAIL_BYTES, 0))
            return b"\0" in file.read(min(offset, _TAIL_BYTES))

    def _refuse_unknown(self) -> None:
        with self.file.read() as lines:
            if not all(map(self.is_own, lines)):
                raise UsageError(
                    f"{self.file.path} is not of this program: move it away, or choose another "
                    "--dir"
                )

    def flush(self, *, durable: bool) -> str:
        return self.file.flush(durable=durable)

    def close(self) -> None:
        self.file.close()

    def _replace(self) -> None:
        self.file.open()
        self._rebuild()

    def _accept_resize(self, size: int) -> None:
        if size < self.file.written:
            self._rebuild()
        else:
            # lines that another program appended
            self.file.offset += size - self.file.written

    def _rebuild(self) -> None:
        """From all records: what waits is among them."""
        self.file.waiting.clear()
        self.file.truncate(0)
        for record in self._records.lines():
            for line in self.lines_of(record):
                self.file.write(line)
            if len(self.file.waiting) >= _MAX_WAITING_LINES:
                self.file.append_waiting()
        self.file.append_waiting()
