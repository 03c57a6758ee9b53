"""Since when the URLs of a ledger's lists have had no good answer, a slice of rows at a time.

An answer from the future means that the clock was set back since: its age cannot be known, so it
counts as stale. What was skipped and was never good is left out on purpose, and counts nowhere.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from scraper.errors import UsageError
from scraper.storage.due.overdue import AHEAD_SECONDS
from scraper.storage.faults import explain_unusable
from scraper.storage.readers.reading import read
from scraper.storage.schema import SCHEMA, SLICE, check_schema, slices
from scraper.storage.tables.answers import GOOD_AT

_LISTED = f"""(SELECT id, url, host, state, error_kind, status, {GOOD_AT} AS good
    FROM url LEFT JOIN answer USING (id) WHERE {SLICE} AND seq IS NOT NULL)
  WHERE (state != 'skipped' OR good NOT NULL)"""
_IS_STALE = "coalesce(good < :before OR good > :ahead, true)"

_ADD_UP = f"""SELECT count(*), count(CASE WHEN {_IS_STALE} THEN 1 END),
  count(good), min(good) FROM {_LISTED}"""
_WORST = f"""SELECT url, state, error_kind, status, good FROM {_LISTED} AND {_IS_STALE}
  ORDER BY good, id LIMIT :limit"""

_HOSTS = """CREATE TEMP TABLE stale_host
  (host INTEGER PRIMARY KEY, urls INTEGER, stale INTEGER, good REAL, sample INTEGER)"""
_ADD_HOSTS = f"""INSERT INTO temp.stale_host
  SELECT host, count(*), count(CASE WHEN {_IS_STALE} THEN 1 END), max(good), min(id)
  FROM {_LISTED} GROUP BY host
  ON CONFLICT (host) DO UPDATE SET urls = urls + excluded.urls,
    stale = stale + excluded.stale,
    good = coalesce(max(good, excluded.good), good, excluded.good)"""
_WORST_HOSTS = """SELECT url.url, urls, stale, good
  FROM temp.stale_host JOIN url ON url.id = sample WHERE stale
  ORDER BY good, stale DESC, sample LIMIT :limit"""

_ENDED = "SELECT max(ended) FROM pass"
_EXIT = "SELECT exit FROM pass ORDER BY number DESC LIMIT 1"
_ENDED_WELL = "SELECT max(ended) FROM pass WHERE exit = 0"


class Goodness(Struct, frozen=True):
    """How many URLs there are, and since when they are good. Times are unix time."""

    urls: int
    stale: int
    good: int  # of the URLs: how many ever were
    oldest: float | None  # of their last good answers


class StaleUrl(Struct, frozen=True):
    """A URL that has had no good answer for too long; `good_at` is None if it never had one."""

    url: str
    state: str
    error_kind: str | None
    status: int | None
    good_at: float | None


class StaleHost(Struct, frozen=True):
    """A host with such URLs. Its last good answer may be of another one."""

    url: str  # one of its URLs
    urls: int
    stale: int
    good_at: float | None


class Staleness(Struct, frozen=True):
    """What of a folder is stale, the worst first."""

    of_all: Goodness
    worst: tuple[StaleUrl, ...]
    hosts: tuple[StaleHost, ...]
    ended: float | None  # when a pass came to its end last
    ended_well: float | None  # ... with exit code 0
    exit_code: int | None = None  # of the last pass, if a run of it ended


def read_staleness(
    path: Path,
    now: float,
    seconds: float,
    limit: int | None,
) -> Staleness:
    """What was last good longer ago than so many seconds; `limit` URLs and hosts, None: all.

    Raises UsageError, Unreadable.
    """
    which = {
        "before": now - seconds,
        "ahead": now + AHEAD_SECONDS,
        "limit": -1 if limit is None else limit,
    }

    def look(connection: sqlite3.Connection) -> Staleness:
        if check_schema(connection, path) != SCHEMA:
            raise UsageError(
                f"{path} was written by an earlier version of this program, which did not keep"
                " when a URL was good last: the next run of the folder brings it up to date"
            )
        return Staleness(
            _add_up(connection, which),
            tuple(_worst(connection, which, limit)),
            tuple(_hosts(connection, which)),
            connection.execute(_ENDED).fetchone()[0],
            last_good_end(connection),
            (connection.execute(_EXIT).fetchone() or (None,))[0],
        )

    try:
        return read(path, look)
    except sqlite3.Error as error:
        raise UsageError(explain_unusable(path, error)) from error


def goodness_of(connection: sqlite3.Connection, now: float) -> Goodness:
    """The same in numbers, of a ledger that is open; what was ever good is not stale."""
    which = {"before": 0.0, "ahead": now + AHEAD_SECONDS}
    return _add_up(connection, which)


def last_good_end(connection: sqlite3.Connection) -> float | None:
    """When a pass last ended with exit code 0."""
    at: float | None = connection.execute(_ENDED_WELL).fetchone()[0]
    return at


def _add_up(
    connection: sqlite3.Connection, which: dict[str, float]
) -> Goodness:
    urls = stale = good = 0
    oldest: list[float] = []
    for each in slices(connection):
        row = connection.execute(_ADD_UP, {**which, **each}).fetchone()
        urls, stale, good = urls + row[0], stale + row[1], good + row[2]
        oldest += filter(None, row[3:])
    return Goodness(urls, stale, good, min(oldest, default=None))


def _worst(
    connection: sqlite3.Connection,
    which: dict[str, float],
    limit: int | None,
) -> list[StaleUrl]:
    found = heapq.merge(*_by_slice(connection, which), key=_age_order)
    return [*found][:limit]


def _by_slice(
    connection: sqlite3.Connection, which: dict[str, float]
) -> Iterator[list[StaleUrl]]:
    for each in slices(connection):
        rows = connection.execute(_WORST, {**which, **each}).fetchall()
        yield [StaleUrl(*row) for row in rows]


def _age_order(each: StaleUrl) -> float:
    """What was never good comes first."""
    return 0.0 if each.good_at is None else each.good_at


def _hosts(
    connection: sqlite3.Connection, which: dict[str, float]
) -> Iterator[StaleHost]:
    connection.execute(_HOSTS)
    for each in slices(connection):
        connection.execute(_ADD_HOSTS, {**which, **each})
    rows = connection.execute(_WORST_HOSTS, which).fetchall()
    return (StaleHost(*row) for row in rows)
