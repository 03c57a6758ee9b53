"""A whole ledger, copied, so that what a run would do with it can be tried out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from scraper.errors import LocalFault, ScraperError, UsageError
from scraper.storage.faults import explain_unusable, open_error
from scraper.storage.readers.reading import read
from scraper.storage.schema import check_schema


def copy_ledger(ledger: Path, into: Path) -> None:
    """Copy it as it is now, also while a run goes on; nothing changes where it lies. Raises
    UsageError, Unreadable, or an error of SQLite."""

    def look(connection: sqlite3.Connection) -> None:
        check_schema(connection, ledger)
        with closing(sqlite3.connect(into)) as copy:
            connection.backup(copy)

    read(ledger, look)


@contextmanager
def errors_of_copy(ledger: Path, copy: Path) -> Iterator[None]:
    """What goes wrong with a copy, in our words: no room is where it lies, damage where it is from.
    Raises LocalFault, UsageError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(
            error,
            ledger,
            copy,
        ) from error
    except UsageError as error:
        cause = error.__cause__  # of the copy that could not be opened
        if not isinstance(cause, sqlite3.Error):
            raise
        raise _explain(
            cause,
            ledger,
            copy,
        ) from cause


def _explain(
    error: sqlite3.Error,
    ledger: Path,
    copy: Path,
) -> ScraperError:
    found = open_error(error, copy)
    if isinstance(found, LocalFault):
        return found
    return UsageError(explain_unusable(ledger, error))
