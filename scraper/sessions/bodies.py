"""Bodies that live as long as their outcomes: few and small ones in memory, others in files."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scraper.errors import UsageError
from scraper.machine.temporary import TemporaryFolder
from scraper.outcomes.outcome import Outcome, Place
from scraper.run_folder.naming import temporary_folder

IN_MEMORY_BYTES = 2**20  # of a body; a larger one stays in its file
# Of all that are held at once; what comes beyond stays in its file, too. Who takes one outcome
# after the other never has so many.
ALL_IN_MEMORY_BYTES = 8 * 2**20


class BodyFolder:
    """A temporary folder for bodies. It is removed when the session is closed, and the last outcome
    that has a file in it is gone; or with the process.

    One thread brings bodies. Outcomes go in any, in the middle of anything else: what is done then
    takes no lock.
    """

    def __init__(self) -> None:
        folder = temporary_folder()
        self.parts = self.hidden = folder.path
        self._pid = os.getpid()
        self._removal = weakref.finalize(self, _remove, folder, self._pid)
        self._is_closed = False
        self._with_files: set[int] = set()  # places
        self._in_memory = 0  # bytes
        self._freed: deque[int] = deque()  # bytes of them, not taken off yet

    def part(self, name: str) -> str:
        """The path of a part, as text."""
        return f"{self.parts}{os.sep}{name}"

    def hold(
        self,
        body: str,
        size: int,
        others: Sequence[str],
    ) -> Place:
        """Keep a body of so many bytes, and other files, for as long as the place is held."""
        files = [self.part(each) for each in others]
        path = self.part(body)
        data = None
        if self._has_room_for(size):
            with open(path, "rb") as file:
                data = file.read()
            os.unlink(path)
            self._in_memory += len(data)
        else:
            files.insert(0, path)
        place = HeldFiles(self, data, files)
        if files:
            self._with_files.add(id(place))
        return place

    def hold_beside(self, own: str, others: Sequence[str]) -> Place:
        """Keep other files for as long as the place is held, of a body that is a file of the
        user's and stays where it is."""
        files = [self.part(each) for each in others]
        place = HeldFiles(self, None, files, own)
        if files:
            self._with_files.add(id(place))
        return place

    def _has_room_for(self, size: int) -> bool:
        while self._freed:
            self._in_memory -= self._freed.popleft()
        left = ALL_IN_MEMORY_BYTES - self._in_memory
        return size <= min(IN_MEMORY_BYTES, left)

    def discard(self, *parts: str | None) -> None:
        """These are not wanted."""
        for each in filter(None, parts):
            with suppress(FileNotFoundError):
                os.unlink(self.part(each))

    def release(
        self,
        place: int,
        in_memory: int,
        files: Sequence[str],
    ) -> None:
        """The place of that id is gone, and so many bytes with it."""
        if in_memory:
            self._freed.append(in_memory)
        if not files or os.getpid() != self._pid:
            return  # a child that was forked off has copies of outcomes, not of files
        for each in files:
            with suppress(OSError):
                os.unlink(each)
        self._with_files.discard(place)
        self._remove_if_last()

    def close(self) -> None:
        """No more come."""
        self._is_closed = True
        self._remove_if_last()

    def _remove_if_last(self) -> None:
        if self._is_closed and not self._with_files:
            self._removal()


def _remove(folder: TemporaryFolder, pid: int) -> None:
    if os.getpid() == pid:
        folder.remove()


class HeldFiles:
    """The files of an outcome, which go with it."""

    __slots__ = ("__weakref__", "_body", "_files", "_folder", "_own")

    def __init__(
        self,
        folder: BodyFolder,
        body: bytes | None,
        files: Sequence[str],
        own: str | None = None,
    ) -> None:
        self._folder = folder
        self._body = body
        self._files = tuple(files)
        self._own = own  # file of the user's, which stays

    def __del__(self) -> None:
        self._folder.release(id(self), len(self._body or b""), self._files)

    def body_of(self, outcome: Outcome) -> bytes:
        """The body."""
        if self._body is not None:
            return self._body
        try:
            return Path(self._own or self._files[0]).read_bytes()
        except OSError as error:
            raise UsageError(
                f"the body of {outcome.task.shown_url} is gone: {error.strerror}"
            ) from error

    def files_of(self, outcome: Outcome) -> tuple[Path, ...]:
        """Those that lie on the disk: a body that is not in memory, and pictures that were made."""
        own = () if self._own is None else (self._own,)
        return tuple(map(Path, (*own, *self._files)))
