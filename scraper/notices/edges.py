"""What turns in a folder: broken, recovered, fields that are empty. Functions of run after run.

Runs have grades: 0 is well, 1 that some URLs failed (exit code 3), 2 that there was no result or
no end (4, 5). So a folder in which a few URLs always fail is reported once, and once more when the
rest goes, too.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from scraper.reports.summary import SOME_FAILED

Health = Literal["broken", "recovered"]


class Standing(Struct, frozen=True):
    """What was seen and reported so far; the ledger keeps it."""

    bad: int = 0  # runs in a row that were not well
    worse: int = 0  # ... of grade 2
    reported: int = 0  # the grade that the folder is known to have
    empty: frozenset[tuple[str, str | None]] = frozenset()
    changes_to: int = 0  # the pass up to which changes were reported
    changes_at: int = 0  # ... and where their lines end
    serial: int = 0  # of the last notice


def _grade_of(exit_code: int) -> int:
    if not exit_code:
        return 0
    return 1 if exit_code == SOME_FAILED else 2


def learn_end(
    standing: Standing,
    exit_code: int,
    after: int,
) -> tuple[Standing, Health | None]:
    """A run has ended so. A grade is reported when `after` runs in a row had it."""
    grade = _grade_of(exit_code)
    bad = (standing.bad + 1) * (grade > 0)
    worse = (standing.worse + 1) * (grade > 1)
    reached = (bad >= after) + (worse >= after)
    reported = standing.reported
    edge: Health | None = None
    if reached > reported:
        reported, edge = reached, "broken"
    elif reported and not grade:
        reported, edge = 0, "recovered"
    elif grade:
        # what gets worse again is reported again
        reported = min(reported, grade)
    return replace(
        standing,
        bad=bad,
        worse=worse,
        reported=reported,
    ), edge


def learn_empty(
    standing: Standing, empty: Collection[tuple[str, str | None]]
) -> tuple[Standing, list[tuple[str, str | None]]]:
    """These fields, each with its recipe, are empty. Returns those that were not before."""
    new = [each for each in empty if each not in standing.empty]
    return replace(standing, empty=frozenset(empty)), new
