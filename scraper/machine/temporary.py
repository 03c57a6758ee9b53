"""Temporary folders that outlive no kill for longer than the next run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


class TemporaryFolder:
    """A folder that its owner removes; if that was killed, the next one with this prefix does.

    Its owner holds a lock on it, which ends with the process however that ends. It lies
    below `parent`, else where the system has such folders; raises OSError if it cannot be made.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        where = tempfile.gettempdir() if parent is None else str(parent)
        _remove_abandoned(where, prefix)
        self.path, self._lock = _make_locked(where, prefix)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        # what is left goes with the next run
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def short_path(self, max_bytes: int) -> str:
        """A path of it, for this process, that is no longer than that if there is one."""
        if len(os.fsencode(self.path)) > max_bytes and self._lock is not None:
            short = f"/proc/self/fd/{self._lock}"
            if os.path.isdir(short):
                return short
        return str(self.path)


def _make_locked(where: str, prefix: str) -> tuple[Path, int | None]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
        try:
            return path, _lock_folder(path)
        except (BlockingIOError, FileNotFoundError):
            # Another run took it for abandoned in the moment before it was locked.
            continue
        except OSError:
            # a file system without locks: it is never taken for abandoned
            return (
                path,
                None,
            )


def _remove_abandoned(where: str, prefix: str) -> None:
    for path in _temporary_folders(where, prefix):
        try:
            lock = _lock_folder(path)
        except OSError:
            continue  # its run goes on
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _temporary_folders(where: str, prefix: str) -> list[Path]:
    """All that lie there, of every user."""
    try:
        with os.scandir(where) as entries:
            return [
                Path(each.path)
                for each in entries
                if each.name.startswith(prefix)
            ]
    except OSError:
        return []  # making one will say what is wrong


def _lock_folder(folder: Path) -> int | None:
    """A descriptor that holds the lock of a folder of ours; None where there is no such lock.

    Raises BlockingIOError if another run holds it, FileNotFoundError if it is gone.
    """
    if os.name == "nt":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            raise PermissionError(f"{folder} is another user's")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
