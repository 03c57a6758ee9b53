"""Records to standard output (`-o -`)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from scraper.config import Config
from scraper.errors import UsageError
from scraper.machine import streams
from scraper.machine.files import Folder
from scraper.outcomes.outcome import Outcome
from scraper.sinks.own_line import line_of
from scraper.sinks.record_log import PositionOf, RecordLog

logger = logging.getLogger("scraper.run")


def open_standard_output(
    folder: Folder,
    records: RecordLog,
    config: Config,
    position_of: PositionOf,
) -> StandardOutput | None:
    """None without `-o -`."""
    output = config.output
    if "-" not in output.output:
        return None
    return StandardOutput(records, line_of(output.line, output.line_failed))


class StandardOutput:
    """Records to standard output, at least once: what is written there cannot be cut.

    Its reader may close it early; all of them stand in `records`, from which short ones are filled
    in, since the reader has not got those before.
    """

    name = "-"
    exactly_once = False

    def __init__(
        self,
        records: RecordLog,
        line_of: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._records = records
        self._line_of = line_of
        self._waiting: list[bytes] = []
        self._is_read = True

    def recover(self, position: str | None) -> None:
        """Nothing to do: it has no past."""

    def resume(self, position: str | None) -> None:
        """Raises UsageError if there is no standard output."""
        if sys.stdout is None:
            raise UsageError("-o -: standard output is closed")
        streams.outlive_readers()

    def add(self, outcome: Outcome) -> None:
        if self._is_read:
            record = self._records.fill_in(outcome).line
            self._waiting.append(self._line_of(record))
            self._waiting.append(b"\n")

    def flush(self, *, durable: bool) -> str:
        """Raises LocalFault if it is a file that cannot be written."""
        if self._waiting:
            self._is_read = streams.write_output(b"".join(self._waiting))
            self._waiting.clear()
            if not self._is_read:
                logger.warning(
                    "standard output has no reader any more: the records go on in %s",
                    self._records.path,
                )
        return ""

    def close(self) -> None:
        """Standard output is not ours to close."""
