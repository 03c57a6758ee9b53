"""Where links may lead: the folders, or the hosts, that the list names, or has named in any pass: a
later one may not have read it yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import orjson

from scraper.storage.database import Database, encode

_ADD = """INSERT OR IGNORE INTO scope SELECT value FROM json_each(?)"""
_WHICH = """SELECT json_group_array(hash) FROM scope
  WHERE hash IN (SELECT value FROM json_each(?))"""


class ScopeTable:
    """The table of scopes, each by 63 bits of a hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> int:
        """How many it names."""
        return int(self._database.value_of("SELECT count(*) FROM scope"))

    def add(self, hashes: Iterable[int]) -> int:
        """The list names these. Returns how many of them are new."""
        added = self._database.execute(_ADD, (encode(list(hashes)),))
        return added.rowcount

    def which_of(self, hashes: Collection[int]) -> frozenset[int]:
        """Those of these that it names."""
        found = self._database.value_of(_WHICH, encode(list(hashes)))
        return frozenset(orjson.loads(found))
