"""A text file of lines that knows how far it is written, and notices other programs' changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, FileIO
from typing import BinaryIO

from scraper.errors import LocalFault, UsageError, disk_failure
from scraper.machine.files import Folder, opening

_BLOCK_BYTES = 2**20


class LineFile:
    """A file of a run folder to which whole lines are appended, by descriptor.

    The sink that owns it decides what to do when the file is not as this program left it:
    `on_move` is called when another file, or none, has its name; `on_resize` with its size when
    that is not what was written. Both may raise; else the lines that wait are appended.
    """

    def __init__(self, folder: Folder, name: str, *, on_move: Callable[[], None],
                 on_resize: Callable[[int], None]) -> None:  # fmt: skip
        self.name = name
        self.path = folder.path / name
        self.offset = 0  # of the next line
        self.written = 0  # up to where the file itself goes
        self.waiting: list[bytes] = []  # lines and their ends
        self._folder = folder
        self._on_move = on_move
        self._on_resize = on_resize
        self._file: FileIO | None = None

    # -- opening ------------------------------------------------------------------------------

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open the file and give its size; it is closed again if the block raises.

        What the system says against it becomes a UsageError or LocalFault.
        """
        try:
            with opening(self.path):
                self.open()
                yield self.size
        except BaseException:
            self.close()
            raise

    def open(self) -> None:
        """Open what has the name now, or a new file."""
        self.close()
        self._file = self._folder.open_file(self.name)

    def close(self) -> None:
        """Safe to call twice, and without `open`."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> BufferedReader:
        """Another handle on it, for reading."""
        return self._folder.open_reader(self.name)

    @property
    def size(self) -> int:
        """As the system sees it."""
        return self._stat().st_size

    def _stat(self) -> os.stat_result:
        return os.fstat(self._opened_file().fileno())

    def _opened_file(self) -> FileIO:
        assert self._file is not None, "it is opened first"
        return self._file

    # -- its end ------------------------------------------------------------------------------

    def continue_at(self, offset: int) -> None:
        """The next line begins there."""
        self.offset = self.written = offset

    def truncate(self, offset: int) -> None:
        """Cut what lies behind `offset`, and continue there."""
        self._opened_file().truncate(offset)
        self.continue_at(offset)

    def cut_back(
        self, offset: int, size: int, *, ended: bool, advice: str
    ) -> None:
        """Cut what a killed run wrote behind its last commit. A run that `ended` left nothing
        there: what stands there is of another program, and refused with this advice."""
        if size > offset and ended:
            raise UsageError(
                f"{self.path} is longer ({size:,} bytes) than this run left it ({offset:,}): take "
                f"out what was added to it; or {advice}"
            )
        if size > offset:
            self.truncate(offset)
        self.continue_at(offset)

    # -- writing ------------------------------------------------------------------------------

    def write(self, line: bytes) -> None:
        """Append a line at the next flush."""
        self.waiting.append(line)
        self.waiting.append(b"\n")
        self.offset += len(line) + 1

    def flush(self, *, durable: bool = False) -> str:
        """Append what waits. Raises LocalFault if the disk does not take it; nothing is lost
        then."""
        try:
            self._check_place()
            if self.waiting:
                self.append_waiting()
                if durable:
                    os.fsync(self._opened_file().fileno())
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        self.written = self.offset
        return str(self.offset)

    def append_waiting(self) -> None:
        """All that waits or, where the disk refuses a part of it, nothing. Raises OSError."""
        file = self._opened_file()
        end = file.seek(0, os.SEEK_END)
        rest = memoryview(b"".join(self.waiting))
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with suppress(OSError):
                file.truncate(end)  # other programs may read it: no half line
            raise
        self.waiting.clear()
        self.written = self.offset

    def _check_place(self) -> None:
        """Is the open file still the one in the folder, and as we left it?"""
        ours, there = self._stat(), self._folder.stat_entry(self.name)
        if there is None or (there.st_dev, there.st_ino) != (
            ours.st_dev,
            ours.st_ino,
        ):
            self._on_move()
        elif ours.st_size != self.written:
            self._on_resize(ours.st_size)


def end_of_last_line(file: BinaryIO | FileIO) -> int:
    """Where the last line that is whole ends, looked for from behind."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - _BLOCK_BYTES, 0)
        file.seek(start)
        found = (file.read(end - start) or b"").rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
