"""What the errors of SQLite mean for a run, and what to do about them."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scraper.errors import (
    LocalFault,
    ScraperError,
    UsageError,
    disk_failure,
    failure_of,
    is_out_of_threads,
    new_failure,
)
from scraper.machine.files import NotPlain, open_folder

_LEDGER = Path(".scraper", "ledger.sqlite")
_PROBE = "probe"
_PROBE_BYTES = 65_536


def fault_of(error: sqlite3.Error, path: Path) -> LocalFault:
    """What a run stops with when its ledger cannot be written or read."""
    if _is_full(error, path):
        return LocalFault(
            disk_failure(OSError(errno.ENOSPC, str(error), str(path)))
        )
    return LocalFault(
        new_failure(failure_of(error).kind, explain_unusable(path, error))
    )


def open_error(error: sqlite3.Error, path: Path) -> ScraperError:
    """What a run does not begin with, if the ledger cannot be opened."""
    if _is_full(error, path) or "I/O" in str(error):
        return fault_of(error, path)
    return UsageError(explain_unusable(path, error))


def explain_unusable(path: Path, error: sqlite3.Error) -> str:
    """One line that says what is wrong with a ledger, and what to do."""
    if "locked" in str(error):
        return f"{path} is locked by another program: close it and start again"
    if "not a database" in str(error) or "malformed" in str(error):
        return (
            f"{path} is damaged ({error}): move the folder {path.parent} away and start again with "
            "--adopt, which takes the records over; they and the files stay where they are"
        )
    return f"cannot use {path}: {error}"


def _is_full(error: sqlite3.Error, path: Path) -> bool:
    """SQLite calls a full disk by other names where it cannot make a file, or meets a quota."""
    return "full" in str(error) or not _has_room(path.parent)


def _has_room(folder: Path) -> bool:
    try:
        with open_folder(folder) as opened:
            opened.remove_file(_PROBE)
            try:
                with opened.create_file(_PROBE) as file:
                    file.write(bytes(_PROBE_BYTES))
            finally:
                opened.remove_file(_PROBE)
    except OSError as error:
        return disk_failure(error).kind != "disk_full"
    return True


@contextmanager
def local_errors(folder: Path | None = None) -> Iterator[None]:
    """What goes wrong with our own files while a run is opened, in our words; the ledger is that of
    a run `folder`."""
    try:
        yield
    except sqlite3.Error as error:
        assert folder is not None, "the ledger is in it"
        raise open_error(error, folder / _LEDGER) from error
    except (NotPlain, PermissionError) as error:
        raise UsageError(disk_failure(error).message) from error
    except OSError as error:
        raise LocalFault(disk_failure(error)) from error
    except RuntimeError as error:
        if not is_out_of_threads(error):
            raise
        raise LocalFault(failure_of(error)) from error
