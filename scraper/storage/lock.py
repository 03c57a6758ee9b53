"""The lock of a run folder: one run at a time, and who has it.

An OS lock ends with its holder, however that ends; the file only says who that is.
"""

from __future__ import annotations

import errno
import os
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from scraper.errors import InUse
from scraper.machine.files import Folder, open_folder

_NAME = "lock"


def take_lock(hidden: Folder, folder: Path) -> FileIO:
    """Lock a run folder by the file in its hidden folder. Raises InUse if another run has it."""
    file = hidden.open_file(_NAME)
    try:
        _lock(file, folder)
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
    except BaseException:
        file.close()
        raise
    return file


class LockKeeper:
    """Keeps a lock from one run of a session to its next, so that no other comes between."""

    def __init__(self) -> None:
        self.keeps = False  # the lock of the run that ends now
        self._lock: FileIO | None = None

    def give_back(self, lock: FileIO) -> None:
        """A run needs its lock no more."""
        if self.keeps:
            self._lock = lock
        else:
            lock.close()

    def take(self) -> FileIO | None:
        """The lock that was kept, if one was."""
        lock, self._lock = self._lock, None
        return lock

    def close(self) -> None:
        """No further run begins."""
        self.keeps = False
        lock = self.take()
        if lock is not None:
            lock.close()


def holder_of(folder: Path) -> str | None:
    """The process number of the run that holds this folder; None if none does."""
    try:
        with (
            open_folder(folder) as opened,
            opened.open_reader(f".scraper/{_NAME}") as file,
        ):
            process = file.read(32).decode("ascii", "replace").strip()
            try:
                _lock(file, folder)
            except InUse:
                return process
    except OSError:
        return None  # no lock file, or not ours to try
    return None


def _lock(file: BinaryIO, folder: Path) -> None:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise
        file.seek(0)
        holder = file.read(32).decode("ascii", "replace").strip()
        who = f" (process {holder})" if holder else ""
        raise InUse(
            f"{folder} is in use by another run{who}: wait for it, or choose another --dir"
        ) from None
