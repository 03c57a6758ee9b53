"""A ledger as another process sees it: opened so that nothing on the disk changes.

SQLite makes or touches the shared memory of a write-ahead log even for those who only read. Here
it does not, so a folder may be looked at by who may not write there, and on a read-only medium.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from scraper.errors import UsageError

Seen = TypeVar("Seen")
_VERSION = slice(18, 20)  # of the file format: who may write, who may read
_WITH_LOG = b"\x02\x02"


class Unreadable(UsageError):
    """It may be there, but we may not read it."""


def is_missing(path: Path) -> bool:
    """Is there surely nothing? What may not be looked for may be there."""
    try:
        path.stat()
    except OSError as error:
        return not isinstance(error, PermissionError)
    return False


def read(path: Path, look: Callable[[sqlite3.Connection], Seen]) -> Seen:
    """What `look` finds in the ledger. Raises Unreadable, or what `look` raises."""
    with_log = _has_log(path)
    try:
        with closing(_connect(path, with_log)) as db:
            seen = look(db)
    except sqlite3.Error as error:
        if _has_log(path) > with_log:
            return read(path, look)
        code = getattr(error, "sqlite_errorname", "")  # Python's own have none
        if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise Unreadable(f"cannot read {path}: {error}") from error
        raise
    if _has_log(path) > with_log:
        # a run has begun: what was read may be neither old nor new
        return read(path, look)
    return seen


def _connect(path: Path, with_log: bool) -> sqlite3.Connection:
    try:
        if path.is_fifo():  # to open it would be to wait
            raise Unreadable(f"cannot read {path}: it is a named pipe")
        with path.open("rb") as file:
            version = file.read(_VERSION.stop)[_VERSION]
    except OSError as error:
        raise Unreadable(
            f"cannot read {_shut(path)}: {error.strerror}"
        ) from error
    options = "mode=ro"
    if version == _WITH_LOG:
        # Without a log no run writes. With one, its index is read where it lies, and made in memory
        # if no run writes any more.
        options += "&readonly_shm=1" if with_log else "&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True)


def _has_log(path: Path) -> bool:
    return os.path.exists(f"{path}-wal")


def _shut(path: Path) -> Path:
    """The folder that keeps us from reading the file, if it is that."""
    return path if os.access(path.parent, os.X_OK) else path.parent
