"""What a worker prints, C libraries included: kept in a file of its own, and taken item by item.

On a terminal it would tear the bar, and beside the output of other workers it could not be
attributed. So it goes to run.log, with the URL that was at work.
"""

from __future__ import annotations

import os
from contextlib import suppress

from scraper.machine import streams
from scraper.text import counted

MAX_BYTES = 4_096  # of one item; the rest is only counted
MAX_BYTES_ON_DISK = 64 * 2**20  # on the disk, while an item goes on


class Printed:
    """Standard output and error of this process, in a file."""

    def __init__(self, path: str) -> None:
        self._file = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600
        )
        streams.redirect_to(self._file)

    def take(self) -> str:
        """What was printed since this was last called."""
        # a fifth of what fstat costs
        if not os.lseek(self._file, 0, os.SEEK_END):
            return ""
        text = _read_beginning(self._file)
        os.ftruncate(self._file, 0)
        return text


def read_leftover(path: str) -> str:
    """What a dead worker had printed since its last result."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        return _read_beginning(file)
    finally:
        os.close(file)


def truncate_excess(path: str) -> None:
    """Cut what an item prints without end; its worker goes on behind the cut."""
    with suppress(FileNotFoundError):  # the worker has not come so far
        if os.stat(path).st_size > MAX_BYTES_ON_DISK:
            os.truncate(path, MAX_BYTES)


def _read_beginning(file: int) -> str:
    # it is written at its end wherever it is read
    os.lseek(file, 0, os.SEEK_SET)
    text = os.read(file, MAX_BYTES).decode("utf-8", "backslashreplace").strip()
    more = os.fstat(file).st_size - MAX_BYTES
    return f"{text}\n... and {counted(more, 'more byte')}" if more > 0 else text
