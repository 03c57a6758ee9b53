"""Which URL has brought which bytes first.

Most bodies are new. So that they cost no statement, a sieve in memory knows of most that they are;
the table is asked for the others.
"""

from __future__ import annotations

from typing import NamedTuple

from scraper.storage.database import Database
from scraper.storage.schema import body_hash, fill_bodies, rows_of_values
from scraper.storage.sets.sieve import Sieve

_KEEP = f"""INSERT OR REPLACE INTO body (hash, url)
  SELECT * FROM {rows_of_values(("hash", "url"))}"""
# What it had brought, it may have something else for by now.
_FIND = """SELECT url.id, url.url, path FROM body
  JOIN url ON url.id = body.url JOIN answer ON answer.id = body.url
  WHERE hash = ? AND sha256 = ? AND path NOT NULL"""


class KnownBody(NamedTuple):
    """A URL whose body is kept, and where."""

    id: int
    url: str
    path: str


class BodyTable:
    """The table of bodies, by 64 bits of their hash."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sieve: Sieve | None = None

    def find(self, sha256: str) -> KnownBody | None:
        """The URL that has brought these bytes first and has not brought others since, as of the
        last commit."""
        hash = body_hash(sha256)
        if hash not in self._read_sieve():
            return None
        row = self._database.execute(_FIND, (hash, sha256)).fetchone()
        return KnownBody(*row) if row else None

    def keep(self, sha256: str, id: int) -> None:
        """This row is from now on the first that has these bytes."""
        hash = body_hash(sha256)
        self._read_sieve().add(hash)
        self._database.gather(_KEEP, (hash, id))

    def adopt(self) -> None:
        """Of rows that were made from records."""
        fill_bodies(self._database.connection)

    def _read_sieve(self) -> Sieve:
        """A pass in which nothing is new never needs it."""
        if self._sieve is None:
            rows = self._database.execute("SELECT hash FROM body")
            self._sieve = Sieve(hash for (hash,) in rows)
        return self._sieve
