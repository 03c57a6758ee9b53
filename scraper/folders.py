"""The folder of a run if nobody names one: called after its list, after its URLs, or temporary."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from scraper.errors import LocalFault, UsageError, disk_failure
from scraper.ledger import Line
from scraper.lists import SCRIPT, Source
from scraper.store import host_folder
from scraper.urls import digest

DOWNLOADS = Path("downloads")
TEMPORARY = "scraper-stream-"  # what the names of temporary folders begin with


def folder_named_after(source: Source) -> Path | None:
    """The folder of a run whose first list this is; None if nothing lasting names it.

    Two different lists on standard input or the command line never share one. Of a pipe only the
    first URL is waited for.
    """
    if source.identity == SCRIPT:
        return None
    stem = Path(source.name).stem or "list"
    if source.identity.startswith("file:") and not source.live:
        return DOWNLOADS / stem
    urls = naming_urls(source)
    name = "pipe" if stem.isdecimal() else stem  # /dev/fd/63 says nothing
    if not source.live and urls and urls[0].host:
        name = host_folder(urls[0].host)
    return DOWNLOADS / f"{name}-{ten_digits_of(urls)}"


def naming_urls(source: Source) -> list[Line]:
    """The URLs by which a list without a file is known: all of them, of a pipe the first."""
    return list(itertools.islice(source.tasks_ahead(), 1 if source.live else None))


def ten_digits_of(urls: Iterable[Line]) -> str:
    """What tells some URLs from all others."""
    return digest("\n".join(each.url for each in urls)).hex()[:10]


class TemporaryFolder:
    """A folder that is removed with its run, and by the next run if its own was killed.

    Whoever uses one holds a lock on it, which ends with the process however that ends.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.path, self._lock = _made_and_locked()

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)  # what is left goes with the next run
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _made_and_locked() -> tuple[Path, int | None]:
    while True:
        try:
            path = Path(tempfile.mkdtemp(prefix=TEMPORARY))
        except OSError as error:
            if disk_failure(error).kind != "disk_error":
                raise LocalFault(disk_failure(error)) from error
            reason = error.strerror or error
            raise UsageError(
                f"no temporary folder can be made ({reason}): set TMPDIR, or name a folder (dir=)"
            ) from error
        try:
            return path, _lock(path)
        except (BlockingIOError, FileNotFoundError):
            # Another run took it for abandoned in the moment before it was locked.
            continue
        except OSError:
            return path, None  # a file system without locks: nobody will take it for abandoned


def _remove_abandoned() -> None:
    for path in _temporary_folders():
        try:
            lock = _lock(path)
        except OSError:
            continue  # its run goes on
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _temporary_folders() -> list[Path]:
    """All that lie there, whosever they are."""
    try:
        entries = list(os.scandir(tempfile.gettempdir()))
    except OSError:
        return []  # making one will say what is wrong
    return [Path(each.path) for each in entries if each.name.startswith(TEMPORARY)]


def _lock(folder: Path) -> int | None:
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
