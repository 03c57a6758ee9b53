"""Which of two ways to a row is the shorter one. A picture of a page may be a page, too."""

from __future__ import annotations

from typing import Protocol

from scraper.model import Line

Nearness = tuple[int | None, int]  # level and chain, see Task


class Known(Protocol):
    """A row, as far as it matters here."""

    @property
    def level(self) -> int | None: ...
    @property
    def chain(self) -> int: ...


def is_nearer(line: Line, row: Known) -> bool:
    """Is this way shorter than those that are known?"""
    if line.level is None:
        return False
    if row.level is None:
        return True
    return line.level < row.level or line.chain < row.chain


def nearness_of(line: Line, row: Known, *, begins_anew: bool) -> Nearness:
    """How near it is now: as this way says if all are learned once more, else the least of what is
    known. A page stays one that is a picture here."""
    if begins_anew or row.level is None:
        return line.level, line.chain
    if line.level is None:
        return row.level, row.chain
    return min(line.level, row.level), min(line.chain, row.chain)
