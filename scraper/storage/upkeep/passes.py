"""Passes that nothing refers to any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import orjson

from scraper.outcomes.fills import Fills
from scraper.storage.database import encode
from scraper.storage.schema import slices

_OVER = """SELECT number, counts FROM pass
  WHERE ended <= ? AND number < (SELECT max(number) FROM pass)
  ORDER BY number DESC"""
_NAMED = (
    "SELECT DISTINCT pass FROM url WHERE id BETWEEN :first AND :last",
    """SELECT DISTINCT facts_pass FROM answer
      WHERE id BETWEEN :first AND :last""",
    """SELECT DISTINCT changed_pass FROM answer
      WHERE id BETWEEN :first AND :last""",
    """SELECT DISTINCT facts_pass FROM standing
      WHERE id BETWEEN :first AND :last""",
)
_COUNTS = "SELECT number, counts FROM pass ORDER BY number DESC"
_FORGET = "DELETE FROM pass WHERE number IN (SELECT value FROM json_each(?))"


def old_passes(
    connection: sqlite3.Connection,
    before: float,
) -> list[int]:
    """Those that had ended by this unix time, of whose URLs each has a later outcome, and with
    which no later pass is compared."""
    over = [number for number, _ in connection.execute(_OVER, (before,))]
    if not over:
        return []
    needed = set(_passes_named(connection)) | set(_passes_filled(connection))
    return [number for number in over if number not in needed]


def forget_passes(
    connection: sqlite3.Connection, numbers: Iterable[int]
) -> None:
    """Of these only the records are left."""
    connection.execute(_FORGET, (encode(list(numbers)),))


def _passes_named(connection: sqlite3.Connection) -> Iterator[int | None]:
    """Those that rows of URLs name."""
    for each in slices(connection):
        for sql in _NAMED:
            yield from (number for (number,) in connection.execute(sql, each))


def _passes_filled(connection: sqlite3.Connection) -> Iterator[int]:
    """Those that were the last to find a field, or an item of a recipe: if it is found no more,
    this is what shows it."""
    found: set[tuple[str, str | None]] = set()
    for number, counts in connection.execute(_COUNTS).fetchall():
        fills = Fills.of_dict(orjson.loads(counts).get("recipes", {}))
        here = set(_fields_found(fills))
        if not here <= found:
            yield number
        found |= here


def _fields_found(fills: Fills) -> Iterator[tuple[str, str | None]]:
    for recipe, fill in fills.recipes.items():
        if fill.of:
            yield recipe, None
        yield from ((recipe, name) for name, n in fill.fields.items() if n)
