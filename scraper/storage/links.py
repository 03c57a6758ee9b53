"""Which images each page names: they are asked, counted and delivered with it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from scraper.storage.database import Database, encode
from scraper.storage.due.overdue import WhichAreDue
from scraper.storage.schema import REOPEN

_IMAGES = """SELECT json_group_array(child) FROM link
  WHERE parent IN (SELECT value FROM json_each(?))"""

_HAS_IMAGES = "SELECT EXISTS (SELECT 1 FROM link WHERE parent = ?)"

_ENDED_BEFORE = """state != 'pending' AND pass < :number
  AND id IN (SELECT value FROM json_each(:images))"""


class Links:
    """The table of pages and their images, both by row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def images_of(self, pages: Sequence[int]) -> list[int]:
        """The images that these pages name."""
        images: list[int] = orjson.loads(
            self._database.value_of(_IMAGES, encode(pages))
        )
        return images

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
        images = self.images_of([page])
        if which_of is not None:
            images = list(which_of(images))
        which = {"number": number, "images": encode(images)}
        lanes = database.execute(
            f"SELECT DISTINCT host FROM url WHERE {_ENDED_BEFORE}", which
        )
        gaining = frozenset(lane for (lane,) in lanes)
        database.execute(f"{REOPEN} WHERE {_ENDED_BEFORE}", which)
        return gaining
