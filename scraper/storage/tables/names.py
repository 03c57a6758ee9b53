"""Which URL a file name belongs to: the one that was first published under it, for good."""

from __future__ import annotations

from scraper.storage.database import Database, encode
from scraper.storage.names import claim_key
from scraper.storage.schema import SLICE, slices
from scraper.urls import digest

_CLAIM = "INSERT OR IGNORE INTO name (key, url) VALUES (?, ?)"
_OWNER = """SELECT name.url, url.url FROM name JOIN url ON url.id = name.url
  WHERE key = ?"""
# Where a name is a folder of another one; behind "/" comes "0".
_NESTED = """SELECT 1 FROM name WHERE key IN (SELECT value FROM json_each(?))
  UNION ALL SELECT 1 FROM name WHERE key > ? AND key < ? LIMIT 1"""
_PATHS = f"""SELECT id, url, path FROM url JOIN answer USING (id)
  WHERE {SLICE} AND path NOT NULL"""


class NameTable:
    """The names of files that a template has given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, path: str, id: int) -> bool:
        """Let a name belong to this row. False if it has an owner, this one or another."""
        row = (claim_key(path), id)
        return self._database.execute(_CLAIM, row).rowcount == 1

    def owner(self, path: str) -> tuple[int, str]:
        """The row that a name belongs to, and its URL."""
        row = self._database.execute(_OWNER, (claim_key(path),)).fetchone()
        return int(row[0]), str(row[1])

    def is_nested(self, path: str) -> bool:
        """Would a file have to be a folder as well, with this name and those of others?"""
        key = claim_key(path)
        folders = [key[:at] for at, each in enumerate(key) if each == "/"]
        row = (encode(folders), f"{key}/", f"{key}0")
        return self._database.execute(_NESTED, row).fetchone() is not None

    def give_up(self, path: str) -> None:
        """Nothing is published under a name that was claimed."""
        self._database.execute(
            "DELETE FROM name WHERE key = ?", (claim_key(path),)
        )

    def adopt(self) -> None:
        """Of rows that were made from records: what has the digits of its URL is no other's."""
        connection = self._database.connection
        for each in slices(connection):
            claims = [
                (claim_key(path), id)
                for id, url, path in connection.execute(_PATHS, each)
                if digest(url).hex()[:10] not in path
            ]
            connection.executemany(_CLAIM, claims)
