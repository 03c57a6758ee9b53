"""Bodies that live as long as their outcomes: in memory if small, else in temporary files."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scraper.errors import UsageError
from scraper.outcomes.outcome import Outcome, Place
from scraper.run_folder.naming import temporary_folder

IN_MEMORY_BYTES = 2**20  # of a body; a larger one stays in a file


class BodyFolder:
    """A temporary folder for bodies. It is removed when the session is closed, and the last outcome
    that has a file in it is gone."""

    def __init__(self) -> None:
        self._folder = temporary_folder()
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._users = 1
        self.parts = self.hidden = self._folder.path

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
        if size <= IN_MEMORY_BYTES:
            with open(path, "rb") as file:
                data = file.read()
            os.unlink(path)
        else:
            files.insert(0, path)
        place = HeldFiles(data, tuple(files))
        if files:
            with self._lock:
                self._users += 1
            weakref.finalize(place, self._remove, files)
        return place

    def discard(self, *parts: str | None) -> None:
        """These are not wanted."""
        for each in filter(None, parts):
            with suppress(FileNotFoundError):
                os.unlink(self.part(each))

    def _remove(self, files: Sequence[str]) -> None:
        if os.getpid() != self._pid:
            return  # a child that was forked off has copies of outcomes, not of files
        for each in files:
            with suppress(OSError):
                os.unlink(each)
        self.close()

    def close(self) -> None:
        """One less needs it."""
        with self._lock:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            self._folder.remove()


class HeldFiles:
    """The files of an outcome, which go with it."""

    __slots__ = ("__weakref__", "_body", "_files")

    def __init__(
        self,
        body: bytes | None,
        files: tuple[str, ...],
    ) -> None:
        self._body = body
        self._files = files

    def body_of(self, outcome: Outcome) -> bytes:
        """The body."""
        if self._body is not None:
            return self._body
        try:
            return Path(self._files[0]).read_bytes()
        except OSError as error:
            raise UsageError(
                f"the body of {outcome.task.shown_url} is gone: {error.strerror}"
            ) from error

    def files_of(self, outcome: Outcome) -> tuple[Path, ...]:
        """Those that lie on the disk: a large body, and pictures that were made."""
        return tuple(map(Path, self._files))
