"""How the URLs of a folder have ended, counted a slice of rows at a time.

SQLite sorts what it groups, in memory: a GROUP BY over a whole table takes 100 MB a million rows.
So what has ended alike is found once in each slice, and the reader adds up.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from scraper.model import Ended
from scraper.outcomes.fills import Fills
from scraper.storage.database import encode
from scraper.storage.schema import ROWS_A_SLICE, SCHEMA, SLICE, UNASKED, slices
from scraper.storage.sets.bitmap import Bitmap
from scraper.storage.tables.answers import lasts

_ENDS = f"""SELECT state,
    CASE substr(path, 1, 6) WHEN 'pages/' THEN 'page' WHEN 'images' THEN 'image'
      WHEN 'files/' THEN 'file' END,
    error_kind, status, count(*), CAST(total(bytes) AS INTEGER),
    count(CASE WHEN {UNASKED} THEN 1 END), min(CASE WHEN {UNASKED} THEN due END),
    {{flags}} AS flagged, {{fills}}
  FROM {{rows}} WHERE {{which}} GROUP BY 1, 2, 3, 4, flagged"""
_FLAGS = f"CASE WHEN {lasts()} THEN nullif(flags, '') END"
# Grouped by it, too, pages with items, of which each has another, took five times as long.
_FILLS = "CASE WHEN state != 'pending' THEN group_concat(fill, char(10)) END"
_ROWS = "url LEFT JOIN answer USING (id)"
_ROWS_UP_TO_4 = "url"  # whose columns are those of `answer`, too

# What counts: the URLs that a list names, and what their pages lead to.
_COUNTED = f"{SLICE} AND (seq IS NOT NULL OR is_found(id))"
_LISTED = "SELECT id FROM url WHERE seq IS NOT NULL"
_LINKS = """SELECT parent, json_group_array(child) FROM {links}
  GROUP BY parent ORDER BY parent"""
# The same of some URLs only.
_THESE = "id IN (SELECT value FROM json_each(:ids))"
_CHILDREN_OF = """SELECT child FROM {links}
  WHERE parent IN (SELECT value FROM json_each(?))"""
_OF_PASS = f"""{SLICE} AND pass = :number AND state != 'pending'
  AND answer.id IS NOT NULL"""


def count_ends(
    connection: sqlite3.Connection,
    schema: int = SCHEMA,
) -> Iterator[Ended]:
    """How the URLs of the folder's lists ended last, with the images of their pages; what has not
    ended yet is `pending`."""
    know_found(connection)
    return _count(connection, _COUNTED, slices(connection), schema)


def know_found(connection: sqlite3.Connection) -> None:
    """Let statements ask `is_found(id)`: does a page lead to it that a list names, or that is found
    itself?"""
    connection.create_function(
        "is_found",
        1,
        found_in(connection).__contains__,
        deterministic=True,
    )


def found_in(
    connection: sqlite3.Connection,
    links: str = "link",
    blocked: Bitmap | None = None,
) -> Bitmap:
    """What the lists lead to, over these `links`, and over no row that is `blocked`.

    Rows are numbered as they are found: one walk through all links sees nearly everything, and
    what leads back is gone after from there.
    """
    reached, found, blocked = Bitmap(), Bitmap(), blocked or Bitmap()
    _add_all(reached, (id for (id,) in connection.execute(_LISTED)))
    behind = []
    for page, children in connection.execute(_LINKS.format(links=links)):
        if page in reached and page not in blocked:
            near = orjson.loads(children)
            _add_all(found, near)
            new = filter(reached.add, near)
            behind += [child for child in new if child < page]
    while behind:
        pages = [page for page in behind if page not in blocked]
        near = list(_children_of(connection, pages, links))
        _add_all(found, near)
        behind = list(filter(reached.add, near))
    return found


def _add_all(ids: Bitmap, more: Iterable[int]) -> None:
    for id in more:
        ids.add(id)


def _children_of(
    connection: sqlite3.Connection, pages: Iterable[int], links: str = "link"
) -> Iterator[int]:
    sql = _CHILDREN_OF.format(links=links)
    for some in batches(pages):
        for (child,) in connection.execute(sql, (encode(some),)):
            yield child


def count_ends_of(
    connection: sqlite3.Connection,
    ids: Iterable[int],
) -> Iterator[Ended]:
    """The same of some URLs only."""
    counted = Bitmap()
    new = [id for id in ids if counted.add(id)]
    while new:
        children = _children_of(connection, new)
        new = [child for child in children if counted.add(child)]
    these = ({"ids": encode(some)} for some in batches(counted))
    return _count(connection, _THESE, these)


def count_ends_of_pass(
    connection: sqlite3.Connection,
    number: int,
) -> Iterator[Ended]:
    """How the URLs of a pass have ended, whether or not a list names them."""
    of_pass = ({**each, "number": number} for each in slices(connection))
    return _count(connection, _OF_PASS, of_pass)


def batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """So many at once as one statement is given."""
    rest = iter(ids)
    while some := list(islice(rest, ROWS_A_SLICE)):
        yield some


def _count(
    connection: sqlite3.Connection,
    which: str,
    parameters: Iterable[Mapping[str, Any]],
    schema: int = SCHEMA,
) -> Iterator[Ended]:
    rows = _ROWS if schema > 4 else _ROWS_UP_TO_4
    statement = _ENDS.format(
        rows=rows,
        which=which,
        flags=_FLAGS if schema > 6 else "NULL",
        fills=_FILLS if schema > 8 else "NULL",
    )
    for each in parameters:
        for row in connection.execute(statement, each):
            yield Ended(*row)._replace(fills=_added(row[-1]))


def _added(texts: str | None) -> Fills | None:
    """The texts of many URLs, a line each; most are alike."""
    if texts is None:
        return None
    fills = Fills()
    for text, urls in Counter(texts.split("\n")).items():
        fills.add_text(text, urls)
    return fills
