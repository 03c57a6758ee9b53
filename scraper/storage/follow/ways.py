"""How far the rows of pages are from the list, and what follows if a shorter way shows.

The level of a page says how many levels of links lead to it on the shortest way. Of a page whose
level is the last one it is kept where it leads, so that it is followed should the page come nearer:
what is asked does not depend on which answer comes first.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from scraper.model import Line
from scraper.storage.database import Database, encode
from scraper.storage.intake import SET_WAYS, Added, Intake
from scraper.storage.schema import rows_of_values
from scraper.urls import Url, parts_of

Leads = Sequence[tuple[str, str]]  # URLs, each with how a page leads to it

_OF_ROWS = """SELECT id, coalesce(depth, 0), coalesce(level, 0), coalesce(chain, 0) FROM url
  WHERE id IN (SELECT value FROM json_each(?))"""
_CHILDREN = """SELECT link.parent, child, how, level, coalesce(chain, 0)
  FROM link JOIN url ON url.id = child
  WHERE link.parent IN (SELECT value FROM json_each(?)) AND how NOT NULL AND seq IS NULL"""
_KEEP = f"""INSERT OR REPLACE INTO beyond
  SELECT * FROM {rows_of_values(("page", "leads"))}"""
_BEYOND = """SELECT page, leads FROM beyond
  WHERE page IN (SELECT value FROM json_each(?))"""
_FORGET = """DELETE FROM beyond
  WHERE page IN (SELECT value FROM json_each(?))"""


class Way(NamedTuple):
    """Where a page stands; of what is listed all is 0. `level` and `chain` are the least of all
    ways that lead there."""

    depth: int  # steps from the list
    level: int  # those of them that count for --depth
    chain: int  # pages of a chain that lie before it

    def onward(self, how: str) -> Way:
        """Where stands what it leads to."""
        if how == "next":
            return Way(self.depth + 1, self.level, self.chain + 1)
        return Way(self.depth + 1, self.level + 1, 0)

    def at_most(self, level: int, chain: int) -> Way:
        """The least of this way and what is known."""
        return Way(self.depth, min(self.level, level), min(self.chain, chain))


class Limits(NamedTuple):
    """How far links are followed."""

    last_level: int = 0
    chain_pages: int = 1

    def excludes(self, way: Way, how: str) -> bool:
        """Does a link from here lead too far?"""
        if how == "next":
            return way.chain + 1 >= self.chain_pages
        return how == "link" and way.level >= self.last_level


def line_of(page: int, way: Way, url: Url, how: str) -> Line:
    """What a page leads to, as a line for the intake."""
    onward = way.onward(how)
    return Line(
        url,
        depth=onward.depth,
        level=onward.level,
        chain=onward.chain,
        how=how,
        parent=page,
    )


class Ways:
    """The ways to the rows of pages."""

    def __init__(self, database: Database, intake: Intake) -> None:
        self._database = database
        self._intake = intake

    def of(self, pages: Sequence[int]) -> dict[int, Way]:
        """Where each of these pages stands now."""
        rows = self._database.execute(_OF_ROWS, (encode(list(pages)),))
        return {id: Way(*way) for id, *way in rows.fetchall()}

    def keep_beyond(
        self, leads_of: Mapping[int, Leads], *, is_new: bool = False
    ) -> None:
        """Where each of these pages leads, beyond the limits; nowhere, any more, if there are no
        leads. Of what `is_new` nothing was kept before."""
        packed = [
            (page, zlib.compress(orjson.dumps(leads), 1))
            for page, leads in leads_of.items()
            if leads
        ]
        self._database.execute_rows(_KEEP, packed)
        nowhere = [page for page, leads in leads_of.items() if not leads]
        if nowhere and not is_new:
            self._database.execute(_FORGET, (encode(nowhere),))

    def beyond(self, pages: Iterable[int]) -> Iterator[tuple[int, Leads]]:
        """What is kept of these pages."""
        rows = self._database.execute(_BEYOND, (encode(list(pages)),))
        for page, packed in rows.fetchall():
            yield page, orjson.loads(zlib.decompress(packed))

    def spread(
        self, nearer: Sequence[int], number: int, limits: Limits
    ) -> list[Added]:
        """These rows have come nearer, so what they lead to has. Returns what is new so."""
        added = []
        while nearer:
            ways = self.of(nearer)
            further = self._bring_nearer(ways)
            lines = list(self._lines_beyond(ways, limits))
            if lines:
                found = self._intake.add(lines, number, listed=False)
                added.append(found)
                further += found.nearer
            nearer = further
        return added

    def _bring_nearer(self, ways: dict[int, Way]) -> list[int]:
        """The children of these rows that come nearer with them."""
        children = self._database.execute(_CHILDREN, (encode(list(ways)),))
        known: dict[int, tuple[int | None, int]] = {}
        nearer: dict[int, tuple[int, Way]] = {}
        for parent, child, how, level, chain in children.fetchall():
            level, chain = known.get(child, (level, chain))
            onward = ways[parent].onward(how)
            if level is not None:
                onward = onward.at_most(level, chain)
            if onward[1:] != (level, chain):
                known[child] = onward[1:]
                nearer[child] = parent, onward
        rows = [(id, parent, *way) for id, (parent, way) in nearer.items()]
        self._database.execute_rows(SET_WAYS, rows)
        return list(nearer)

    def _lines_beyond(
        self, ways: dict[int, Way], limits: Limits
    ) -> Iterator[Line]:
        """What these lead to, where it is beyond the limits no more."""
        for page, leads in self.beyond(ways):
            way = ways[page]
            still = [each for each in leads if limits.excludes(way, each[1])]
            self.keep_beyond({page: still})
            for url, how in leads:
                if not limits.excludes(way, how):
                    yield line_of(page, way, parts_of(url), how)
