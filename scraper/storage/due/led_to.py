"""What pages lead to, and is due by an age of its own, though its page is not asked.

Only what is still led to: there is a way from the lists over links that are followed. A way over a
page that waits, or is too old itself, is not known to be there still: once that has been asked, it
is looked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from scraper.storage.database import Database, encode
from scraper.storage.due.overdue import Overdue
from scraper.storage.ends import batches, found_in
from scraper.storage.follow.ways import Limits
from scraper.storage.schema import REOPEN, SLICE, slices
from scraper.storage.sets.bitmap import Bitmap

_PAGES = f"""SELECT id, url FROM url
  WHERE {SLICE} AND seq IS NULL AND level NOT NULL"""
_WAITING = "SELECT id FROM url WHERE state = 'pending'"
# As `Limits.excludes` says it of one link.
# Page by page: to look each up once more for each of its links takes longer.
_LINKS = """(SELECT page.id AS parent, child
  FROM url AS page CROSS JOIN link ON link.parent = page.id
  WHERE CASE how WHEN 'page' THEN {pages}
    WHEN 'next' THEN {pages} AND coalesce(page.chain, 0) + 1 < {chain_pages}
    WHEN 'link' THEN {pages} AND coalesce(page.level, 0) < {last_level}
    ELSE {images} END)"""
_THESE = "id IN (SELECT value FROM json_each(:ids))"
_REOPEN = f"{REOPEN} WHERE {_THESE}"
_LANES = f"SELECT DISTINCT host FROM url WHERE {_THESE}"


class Follows(NamedTuple):
    """What a pass asks of what pages lead to."""

    images: bool = False
    pages: bool = False
    limits: Limits = Limits()
    takes: Callable[[str], bool] | None = None  # a page's URL; None: all

    @property
    def links(self) -> str:
        """These links, as a table."""
        return _LINKS.format(
            images=int(self.images),
            pages=int(self.pages),
            **self.limits._asdict(),
        )


class Reopened(NamedTuple):
    """How many URLs are asked once more, in which lanes."""

    urls: int = 0
    lanes: frozenset[int] = frozenset()


class LedTo:
    """The rows that pages lead to, as a pass sees them."""

    def __init__(
        self, database: Database, overdue: Overdue, follows: Follows
    ) -> None:
        self._database = database
        self._overdue = overdue
        self._follows = follows

    def reopen(self, number: int) -> Reopened:
        """Make those due in pass `number` that are too old, as far as it is known now that a way
        leads there."""
        old, blocked = Bitmap(), Bitmap()
        for id in self._overdue.found(number):
            old.add(id)
            blocked.add(id)
        if not any(old):
            return Reopened()
        for (id,) in self._database.execute(_WAITING):
            blocked.add(id)
        is_led_to = self._led_to(blocked)
        urls, lanes = 0, set[int]()
        for ids in batches(filter(is_led_to, old)):
            which = {"number": number, "ids": encode(ids)}
            lanes.update(
                lane for (lane,) in self._database.execute(_LANES, which)
            )
            self._database.execute(_REOPEN, which)
            urls += len(ids)
        return Reopened(urls, frozenset(lanes))

    def next_at(self) -> float | None:
        """The unix time at which the next URL is due; None if none will ever be."""
        return self._overdue.next_at(self._led_to(Bitmap()))

    def _led_to(self, blocked: Bitmap) -> Callable[[int], bool]:
        """Which rows are, over none that is blocked."""
        left_out = Bitmap()
        for id in self._left_out():
            left_out.add(id)
            blocked.add(id)
        links = self._follows.links
        found = found_in(self._database.connection, links, blocked)
        return lambda id: id in found and id not in left_out

    def _left_out(self) -> Iterator[int]:
        """The pages that links lead to, and that are not taken."""
        takes = self._follows.takes
        if takes is None:
            return
        for each in slices(self._database.connection):
            rows = self._database.execute(_PAGES, each)
            yield from (id for id, url in rows if not takes(url))
