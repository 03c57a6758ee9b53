"""Rows that wait in no lane, for it is not known yet what else names their URLs.

What a rule for links leaves out is asked if the list names it further on, so it waits until the
list has been read. What a page names as a picture, and came as something else, is one thing if
links lead to it and another if none do, so it waits until nothing else is left.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from scraper.storage.database import Database, encode
from scraper.storage.schema import rows_of_values
from scraper.urls import parts_of

# Lanes that no host has, and that no frontier reads: it begins behind them.
FOR_LIST: Final = -3
FOR_LINKS: Final = -2

_MOVE = f"""UPDATE url SET host = j.lane
  FROM {rows_of_values(("id", "lane"))} AS j WHERE url.id = j.id"""
_PARKED = """SELECT url.id, coalesce(ask, url.url) FROM url LEFT JOIN requeued USING (id)
  WHERE state = 'pending' AND host = :place"""
_SOME = f"{_PARKED} LIMIT 4096"
_THESE = f"{_PARKED} AND url.id IN (SELECT value FROM json_each(:ids))"


class ParkedRows:
    """The ledger's own; a row that is parked is pending."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def park(self, id: int, place: int) -> None:
        """It has left its lane."""
        self._database.gather(_MOVE, (id, place))

    def park_for_list(self, id: int) -> None:
        """It waits until the list has been read, or names it."""
        self.park(id, FOR_LIST)

    def release(
        self,
        place: int,
        ids: Collection[int] | None = None,
    ) -> frozenset[int]:
        """All that wait there, or those of these rows that do, are back in their lanes. Returns
        these."""
        if ids is not None:
            return self._release(_THESE, {"place": place, "ids": [*ids]})
        lanes = gaining = self._release(_SOME, {"place": place})
        while gaining:
            gaining = self._release(_SOME, {"place": place})
            lanes |= gaining
        return lanes

    def release_for_list(
        self, ids: Collection[int] | None = None
    ) -> frozenset[int]:
        """The list has been read, or names these."""
        return self.release(FOR_LIST, ids)

    def release_all(self) -> None:
        """A run begins: what an earlier one has parked waits in its lane once more."""
        for place in (FOR_LIST, FOR_LINKS):
            self.release(place)

    def _release(self, sql: str, which: dict[str, Any]) -> frozenset[int]:
        database = self._database
        database.flush()
        if "ids" in which:
            which["ids"] = encode(which["ids"])
        found = database.execute(sql, which).fetchall()
        rows = [(id, parts_of(url).lane) for id, url in found]
        database.execute_rows(_MOVE, rows)
        return frozenset(lane for _, lane in rows)
