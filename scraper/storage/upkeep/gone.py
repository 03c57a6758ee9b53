"""URLs that have been gone for long, and whose files are kept.

A URL is gone as changes.jsonl has reported it, and only while that is what its last answer says, or
while no list names it: what has come back, good or bad, is not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scraper.storage.database import encode
from scraper.storage.ends import know_found
from scraper.storage.schema import SLICE, slices

# the state of what no list names, and whose files are removed
PRUNED = "pruned"

_IS_LISTED = "(seq NOT NULL OR is_found(id))"
_GONE = f"""SELECT id, path
  FROM standing JOIN url USING (id) JOIN answer USING (id)
  WHERE {SLICE} AND reported = 'gone' AND since <= :before
    AND path NOT NULL AND state != 'pending'
    AND (NOT {_IS_LISTED} OR error_kind = 'http_status' AND status IN (404, 410))"""

_THESE = "id IN (SELECT value FROM json_each(:ids))"
# A 304 would speak of a body that is not there any more.
_FORGET = f"""UPDATE OR FAIL answer SET path = NULL, etag = NULL, last_modified = NULL,
  validators_url = NULL WHERE {_THESE}"""
# Of what a list names its failure says that it is not there. All else has an outcome that speaks
# of a file: a list that names it again is to have it once more.
_MARK = f"""UPDATE OR FAIL url SET outcome = '{PRUNED}'
  WHERE {_THESE} AND NOT {_IS_LISTED}"""


class GoneUrl(NamedTuple):
    """A URL that is gone, and where its body lies."""

    id: int
    path: str


def gone_urls(
    connection: sqlite3.Connection, before: float
) -> Iterator[list[GoneUrl]]:
    """Those that were gone by this unix time, some at a time."""
    know_found(connection)
    for each in slices(connection):
        rows = connection.execute(_GONE, {**each, "before": before})
        yield list(map(GoneUrl._make, rows.fetchall()))


def forget_files(
    connection: sqlite3.Connection,
    ids: Iterable[int],
) -> None:
    """Nothing is kept of these any more: a request for them has no validators."""
    which = {"ids": encode(list(ids))}
    know_found(connection)
    connection.execute(_MARK, which)
    connection.execute(_FORGET, which)
