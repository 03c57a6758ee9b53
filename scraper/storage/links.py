"""What each page leads to: its images, and the pages that are followed."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from scraper.storage.database import Database, encode
from scraper.storage.due.overdue import WhichAreDue
from scraper.storage.schema import REOPEN

_CHILDREN = """SELECT json_group_array(child) FROM link
  WHERE parent IN (SELECT value FROM json_each(?))"""
_IMAGES = """SELECT json_group_array(child) FROM link
  WHERE parent = ? AND how IS NULL"""
_LEADS = """SELECT url, how FROM link JOIN url ON url.id = child
  WHERE link.parent = ? AND how NOT NULL ORDER BY child"""
_HAS_IMAGES = """SELECT EXISTS (SELECT 1 FROM link
  WHERE parent = ? AND how IS NULL)"""

_FOUND_WAITS = """SELECT EXISTS (SELECT 1 FROM url
  WHERE state = 'pending' AND parent NOT NULL)"""

_ENDED_BEFORE = """state != 'pending' AND pass < :number
  AND id IN (SELECT value FROM json_each(:images))"""


class Links:
    """The table of pages and what they lead to, both by row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def children_of(self, pages: Sequence[int]) -> list[int]:
        """The rows that these pages lead to."""
        children: list[int] = orjson.loads(
            self._database.value_of(_CHILDREN, encode(pages))
        )
        return children

    def any_found_waits(self) -> bool:
        """Is there anything yet to be asked that pages lead to?"""
        return bool(self._database.value_of(_FOUND_WAITS))

    def images_of(self, page: int) -> list[int]:
        """The images that a page names."""
        images: list[int] = orjson.loads(self._database.value_of(_IMAGES, page))
        return images

    def leads_of(self, page: int) -> list[tuple[str, str]]:
        """The pages that it leads to, by URL, each with how."""
        return self._database.execute(_LEADS, (page,)).fetchall()

    def forget(self, page: int) -> None:
        """A page has been fetched again: what it named before it may name no more."""
        self._database.execute("DELETE FROM link WHERE parent = ?", (page,))

    def reopen(
        self,
        page: int,
        number: int,
        which_of: WhichAreDue | None = None,
    ) -> frozenset[int]:
        """A page that has not changed names what it named before: make that due in pass `number`,
        or what `which_of` says of it.

        Returns the lanes that gain.
        """
        database = self._database
        if not database.value_of(_HAS_IMAGES, page):
            return frozenset()
        database.flush()
        images = self.images_of(page)
        if which_of is not None:
            images = list(which_of(images))
        which = {"number": number, "images": encode(images)}
        lanes = database.execute(
            f"SELECT DISTINCT host FROM url WHERE {_ENDED_BEFORE}", which
        )
        gaining = frozenset(lane for (lane,) in lanes)
        database.execute(f"{REOPEN} WHERE {_ENDED_BEFORE}", which)
        return gaining
