"""The rows that are due by their age when a pass begins, and when the next one is.

A URL is as old as its last answer, good or bad; one that no request was made for (its line is no
URL, a rule of ours said no) as the pass that said so. An answer from the future means that the
clock was set back since: its age cannot be known, so it is due. What a host has left unasked has
an hour of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from math import inf

import orjson

from scraper.model import Line
from scraper.storage.database import Database, encode
from scraper.storage.due.ages import Ages
from scraper.storage.schema import REOPEN, SLICE, UNASKED, slices
from scraper.storage.sets.bitmap import Bitmap

WhichAreDue = Callable[[Collection[int]], frozenset[int]]  # of these rows

# Clocks are also corrected by a little, and runs follow each other within a second.
AHEAD_SECONDS = 60.0

_BEGAN = "(SELECT started FROM pass WHERE number = url.pass)"
_ASKED = f"coalesce(fetched_at, {_BEGAN}, 0)"
# Not that of its row: a later one may have done no more than process its body again.
_ASKING_BEGAN = f"""coalesce((SELECT max(started) FROM pass
  WHERE started <= fetched_at AND coalesce(ended, fetched_at) >= fetched_at), {_ASKED})"""
_ROWS = "url LEFT JOIN answer USING (id)"
_ENDED = f"state != 'pending' AND NOT ({UNASKED})"
_TOO_OLD = """CASE WHEN {asked} > :began + :ahead THEN {age} NOT NULL
  ELSE {asked} < :began - {age} END"""
_THESE = "id IN (SELECT value FROM json_each(:ids))"

_DUE = f"""SELECT json_group_array(id) FROM {_ROWS}
  WHERE {_THESE} AND {_ENDED} AND {_TOO_OLD}"""
_REOPEN = f"""{REOPEN} WHERE id IN (SELECT id FROM {_ROWS}
  WHERE {SLICE} AND seq IS NOT NULL AND pass < :number AND {_ENDED} AND {_TOO_OLD})"""
# Of a filter's no, and of a failure, it is not known what the page says now.
_GOOD = f"""SELECT id, url, fetched_at FROM {_ROWS}
  WHERE {_THESE} AND outcome IN ('done', 'unchanged') AND fetched_at NOT NULL"""
# What was never asked has no age of its own: it comes with its page.
_IS_FOUND = "seq IS NULL AND parent NOT NULL AND fetched_at NOT NULL"
_FOUND = f"""SELECT id FROM {_ROWS}
  WHERE {SLICE} AND {_IS_FOUND} AND pass < :number AND {_ENDED} AND {_TOO_OLD}"""
_NEXT = f"""SELECT min({_ASKED} + {{age}}) FROM {_ROWS}
  WHERE {SLICE} AND {_ENDED} AND (seq NOT NULL OR {_IS_FOUND} AND is_led_to(id))"""
_AGE = """age_of(url, CASE WHEN parent NOT NULL AND level IS NULL
  THEN (SELECT page.url FROM url AS page WHERE page.id = url.parent) END)"""


class Overdue:
    """Those of one pass; `began` is its beginning, in unix time. What is `unmodified`, as a list
    says, is not due because pages name it."""

    def __init__(
        self,
        database: Database,
        ages: Ages,
        began: float,
        unmodified: Bitmap | None = None,
    ) -> None:
        self._database = database
        self._ages = ages
        self._unmodified = Bitmap() if unmodified is None else unmodified
        self._which = {
            "began": began,
            "ahead": AHEAD_SECONDS,
            "age": ages.of_all,
        }
        # By a function of ours it takes five times as long.
        self._age = _AGE if ages.of_patterns else ":age"
        database.connection.create_function(
            "age_of", 2, ages.of, deterministic=True
        )

    def among(self, ids: Collection[int]) -> frozenset[int]:
        """Those of these rows that are due."""
        sql = _DUE.format(asked=_ASKED, age=self._age)
        return self._select(
            sql,
            ids,
            self._ages.of_all,
        )

    def leads_among(self, ids: Collection[int]) -> frozenset[int]:
        """Those of the rows that a page leads to."""
        return self._without_unmodified(self.among(ids))

    def unmodified_among(
        self,
        ids: Collection[int],
        lines: Iterable[Line],
    ) -> frozenset[int]:
        """Those of these rows of which the lines that name them say that they were modified last
        before a good answer came."""
        modified = _last_modified(lines) if ids else {}
        if not modified:
            return frozenset()
        good = self._database.execute(_GOOD, {"ids": encode(list(ids))})
        return frozenset(
            id
            for id, url, came in good
            if url in modified and modified[url] <= came
        )

    def images_among(
        self,
        page: str,
        ids: Collection[int],
    ) -> frozenset[int]:
        """Those of the images that a page names, which is asked in this pass.

        They are as old as the pass that has asked them: of two that were asked one after the other
        both are due with their page.
        """
        sql = _DUE.format(asked=_ASKING_BEGAN, age=":age")
        due = self._select(sql, ids, self._ages.of(page))
        return self._without_unmodified(due)

    def _without_unmodified(self, ids: frozenset[int]) -> frozenset[int]:
        unmodified = self._unmodified
        return frozenset(each for each in ids if each not in unmodified)

    def _select(
        self, sql: str, ids: Collection[int], age: float | None
    ) -> frozenset[int]:
        self._database.flush()
        which = {**self._which, "age": age, "ids": encode(list(ids))}
        ((found,),) = self._database.execute(sql, which)
        return frozenset(orjson.loads(found))

    def reopen(self, number: int) -> int:
        """Make all that are due and that a list names part of pass `number`. Returns how many."""
        database = self._database
        database.flush()
        sql = _REOPEN.format(asked=_ASKED, age=self._age)
        return sum(
            database.execute(
                sql, {**self._which, **each, "number": number}
            ).rowcount
            for each in slices(database.connection)
        )

    def found(self, number: int) -> Iterator[int]:
        """Those that pages have led to, and that no list names, of passes before `number`."""
        database = self._database
        database.flush()
        sql = _FOUND.format(asked=_ASKED, age=self._age)
        for each in slices(database.connection):
            which = {**self._which, **each, "number": number}
            yield from (id for (id,) in database.execute(sql, which))

    def next_at(self, is_led_to: Callable[[int], bool]) -> float | None:
        """The unix time at which the next URL is due, of a list or of those rows; None if none
        will ever be."""
        database = self._database
        database.flush()
        database.connection.create_function(
            "is_led_to", 1, is_led_to, deterministic=True
        )
        sql = _NEXT.format(age=self._age)
        moments = [
            moment
            for each in slices(database.connection)
            for (moment,) in database.execute(sql, {**self._which, **each})
        ]
        return min(filter(None, moments), default=None)


def _last_modified(lines: Iterable[Line]) -> dict[str, float]:
    """By URL, when it was modified last, if all lines that name it say so."""
    latest: dict[str, float] = {}
    for line in lines:
        url, at = line.url.href, line.modified
        at = inf if at is None else at
        latest[url] = max(at, latest.get(url, at))
    return {url: at for url, at in latest.items() if at < inf}
