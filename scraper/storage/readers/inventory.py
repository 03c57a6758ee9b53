"""Which files a ledger knows, for a look at all that lies in a run folder.

A folder may hold millions of files. What is known of them is kept in a database of its own, which
SQLite removes when it is closed, and in memory no more of it than fits the cache.
"""

from __future__ import annotations

import hashlib
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from scraper.errors import UsageError
from scraper.model import Publication
from scraper.storage.database import CACHE_KIB, encode
from scraper.storage.faults import explain_unusable
from scraper.storage.ledger import (
    PUBLISH,
    VARIANTS,
    promised_in,
    variant_names,
)
from scraper.storage.readers.reading import read
from scraper.storage.schema import (
    FACTS_OFFSET,
    SCHEMA,
    SLICE,
    check_schema,
    slices,
)
from scraper.storage.upkeep.gone import GoneUrl, gone_urls
from scraper.storage.upkeep.passes import old_passes
from scraper.storage.upkeep.vacuum import free_bytes

Seen = TypeVar("Seen")

_BODIES = f"""SELECT id, url, path, sha256, {FACTS_OFFSET} FROM answer JOIN url USING (id)
  WHERE {SLICE} AND path NOT NULL ORDER BY id"""
_META = "SELECT value FROM meta WHERE name = ?"


class StoredBody(NamedTuple):
    """A URL whose body is kept, and where the record stands that says more."""

    id: int
    url: str
    path: str
    sha256: str | None
    offset: int | None


class KnownFiles:
    """A ledger that is read while no run writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def bodies(self) -> Iterator[StoredBody]:
        """All of them, in the order of their URLs."""
        for each in slices(self._connection):
            rows = self._connection.execute(_BODIES, each)
            yield from map(StoredBody._make, rows.fetchall())

    def gone(self, before: float) -> Iterator[list[GoneUrl]]:
        """The URLs that were gone by this unix time, some at a time."""
        return gone_urls(self._connection, before)

    def old_passes(self, before: float) -> list[int]:
        """The passes that had ended by this unix time, and that nothing refers to."""
        return old_passes(self._connection, before)

    def free_bytes(self) -> int:
        """How many bytes of the ledger hold nothing."""
        return free_bytes(self._connection)

    def promised(self) -> list[Publication]:
        """What the last commit has promised, and a killed run may not have renamed."""
        text = self._meta(PUBLISH)
        return [] if text is None else promised_in(text)

    def variants(self) -> tuple[str, ...]:
        """How the variants of pictures have ever been called."""
        return variant_names(self._meta(VARIANTS))

    def _meta(self, name: str) -> str | None:
        row = self._connection.execute(_META, (name,)).fetchone()
        return str(row[0]) if row else None


class Fault(NamedTuple):
    """What is wrong with a file: in a word, and in a sentence."""

    fault: str
    path: str
    url: str | None
    message: str


class Inventory:
    """The paths that are known, and the faults that were found."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for statement in (
            f"PRAGMA cache_size = -{CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "CREATE TABLE known (hash INTEGER PRIMARY KEY)",
            "CREATE TABLE fault (fault TEXT, path TEXT, url TEXT, message TEXT)",
            "BEGIN",
        ):
            self._database.execute(statement)

    def close(self) -> None:
        """Forget all of it."""
        self._database.close()

    def add(self, paths: Iterable[str]) -> None:
        """These are known."""
        rows = ((_hash_of(path),) for path in paths)
        self._database.executemany(
            "INSERT OR IGNORE INTO known VALUES (?)", rows
        )

    def unknown(self, paths: Sequence[str]) -> list[str]:
        """Those of these paths that are not known."""
        found = self._database.execute(
            """SELECT key FROM json_each(?)
              WHERE value NOT IN (SELECT hash FROM known)""",
            (encode([_hash_of(path) for path in paths]),),
        )
        return [paths[place] for (place,) in found.fetchall()]

    def report(self, fault: Fault) -> None:
        """Keep a fault."""
        texts = (_writable(each) for each in fault)
        self._database.execute(
            "INSERT INTO fault VALUES (?, ?, ?, ?)", [*texts]
        )

    def count_faults(self) -> int:
        (count,) = self._database.execute(
            "SELECT count(*) FROM fault"
        ).fetchone()
        return int(count)

    def faults(self) -> Iterator[Fault]:
        """In the order in which they were found."""
        rows = self._database.execute("SELECT * FROM fault ORDER BY rowid")
        return map(Fault._make, rows)


def look_into(path: Path, look: Callable[[KnownFiles], Seen]) -> Seen:
    """What `look` finds in a ledger. Raises UsageError if it cannot be read, or is older."""

    def look_at(connection: sqlite3.Connection) -> Seen:
        if check_schema(connection, path) != SCHEMA:
            raise UsageError(
                f"{path} was written by an earlier version of this program: the next run of "
                f"the folder brings it up to date (python -m scraper -d {path.parent.parent})"
            )
        return look(KnownFiles(connection))

    try:
        return read(path, look_at)
    except sqlite3.Error as error:
        raise UsageError(explain_unusable(path, error)) from error


def _hash_of(path: str) -> int:
    """Some file systems give names back in another normal form."""
    name = unicodedata.normalize("NFC", path).encode(errors="surrogateescape")
    return int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)


def _writable(text: str | None) -> str | None:
    """A name that is no UTF-8, with escapes."""
    if text is None:
        return None
    return text.encode(errors="backslashreplace").decode()
