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

# What counts: the URLs that a list names, and the images of pages that a list names.
_COUNTED = f"{SLICE} AND (seq IS NOT NULL OR is_image(id))"
_IMAGES = """SELECT child FROM link CROSS JOIN url ON url.id = link.parent
  WHERE seq IS NOT NULL"""
# The same of some URLs only.
_THESE = "id IN (SELECT value FROM json_each(:ids))"
_IMAGES_OF = """SELECT child FROM link
  WHERE parent IN (SELECT value FROM json_each(?))"""
_OF_PASS = f"""{SLICE} AND pass = :number AND state != 'pending'
  AND answer.id IS NOT NULL"""


def count_ends(
    connection: sqlite3.Connection,
    schema: int = SCHEMA,
) -> Iterator[Ended]:
    """How the URLs of the folder's lists ended last, with the images of their pages; what has not
    ended yet is `pending`."""
    know_images(connection)
    return _count(connection, _COUNTED, slices(connection), schema)


def know_images(connection: sqlite3.Connection) -> None:
    """Let statements ask `is_image(id)`: is it an image of a page that a list names?"""
    images = Bitmap()
    for (image,) in connection.execute(_IMAGES):
        images.add(image)
    connection.create_function(
        "is_image",
        1,
        images.__contains__,
        deterministic=True,
    )


def count_ends_of(
    connection: sqlite3.Connection,
    ids: Iterable[int],
) -> Iterator[Ended]:
    """The same of some URLs only."""
    counted = Bitmap()
    for some in _batches(ids):
        for id in some:
            counted.add(id)
        for (image,) in connection.execute(_IMAGES_OF, (encode(some),)):
            counted.add(image)
    these = ({"ids": encode(some)} for some in _batches(counted))
    return _count(connection, _THESE, these)


def count_ends_of_pass(
    connection: sqlite3.Connection,
    number: int,
) -> Iterator[Ended]:
    """How the URLs of a pass have ended, whether or not a list names them."""
    of_pass = ({**each, "number": number} for each in slices(connection))
    return _count(connection, _OF_PASS, of_pass)


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
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
