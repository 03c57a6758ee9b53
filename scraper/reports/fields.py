"""Which fields recipes have filled, in words; and which ones a site has emptied.

A field is full if nine in ten pages (or items) have it. This pass is compared with the last one
before it that found any value of the field: if that was full and this is empty, it is an alarm, and
stays one in each pass until the field is found again, or is asked for no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from scraper.outcomes.fills import Fills, RecipeFill
from scraper.text import counted, printable

_NUMBERED = re.compile(r"recipe \d+")
FULL = 0.9  # of the pages, or items


class Drop(Struct, frozen=True):
    """A field that was full in an earlier pass, and is not in this one."""

    recipe: str
    field: str | None  # None: the recipe found items, and finds none any more
    filled: int
    of: int  # pages, or items
    full_in: int  # the number of that pass
    was_filled: int  # there
    was_of: int

    @property
    def is_empty(self) -> bool:
        """Is nothing left of it?"""
        return not self.filled


# -- compared with earlier passes -------------------------------------------------------------


def find_drops(
    now: Fills, earlier: Sequence[tuple[int, Fills]]
) -> Iterator[Drop]:
    """What is full no more. `earlier` are the passes before, by number, newest first."""
    for recipe, fill in now.recipes.items():
        before = [
            (number, fills.recipes[recipe])
            for number, fills in earlier
            if recipe in fills.recipes
        ]
        if fill.pages and not fill.of:
            yield from _no_items(recipe, before)
        elif fill.pages:
            yield from _fields_dropped(recipe, fill, before)


_Before = Sequence[tuple[int, RecipeFill]]


def _no_items(recipe: str, before: _Before) -> Iterator[Drop]:
    for number, last in before:
        if last.of:
            yield Drop(recipe, None, 0, 0, number, last.of, last.of)
            return


def _fields_dropped(
    recipe: str, fill: RecipeFill, before: _Before
) -> Iterator[Drop]:
    for name, filled in fill.fields.items():
        had_it = (each for each in before if each[1].fields.get(name))
        number, last = next(had_it, (0, fill))
        if fill.share(name) < FULL <= last.share(name):
            before_now = last.fields[name], last.of
            yield Drop(recipe, name, filled, fill.of, number, *before_now)


def find_nothing(fills: Fills) -> bool:
    """Has a recipe matched pages, and found no item, or nothing at all of a field?"""
    return any(
        fill.pages and not (fill.of and all(fill.fields.values()))
        for fill in fills.recipes.values()
    )


def drops_of(plain: Iterable[Mapping[str, Any]]) -> list[Drop]:
    """Those that stand in a summary. Raises ValueError if they do not."""
    return msgspec.convert(plain, list[Drop])


# -- in words ---------------------------------------------------------------------------------


def recipe_lines(
    totals: Fills,
    of_pass: Fills,
    drops: Iterable[Drop],
    *,
    is_tried: bool,
    lost: Fills | None = None,
) -> list[str]:
    """A line for each recipe that has matched, for each that has not though pages were tried, and
    for each that a site has emptied.

    `lost` is what of the totals was on pages that have failed.
    """
    lost = lost or Fills()
    drops = list(drops)
    partial = {
        (each.recipe, each.field): each for each in drops if not each.is_empty
    }
    lines = [
        _recipe_line(
            recipe,
            fill,
            lost.recipes.get(recipe, RecipeFill()),
            partial,
        )
        for recipe, fill in totals.recipes.items()
        if fill.pages
    ]
    if is_tried:
        lines += [
            f"{_called(recipe)}: no page matched"
            for recipe in of_pass.recipes
            if not totals.recipes.get(recipe, RecipeFill()).pages
        ]
    lines += _emptied_lines(drop for drop in drops if drop.is_empty)
    return list(map(printable, lines))


def _recipe_line(
    recipe: str,
    fill: RecipeFill,
    lost: RecipeFill,
    drops: Mapping[tuple[str, str | None], Drop],
) -> str:
    pages = counted(fill.pages, "page")
    if not fill.of:
        return f"{_called(recipe)}: no item on {pages}"
    failed = f"{lost.pages:,} failed" if lost.pages else ""
    if fill.of != fill.pages:
        pages = f"{counted(fill.of, 'item')} on {pages}"
        failed = failed and f"{lost.of:,} on {failed}, in no table"
    pages += f" ({failed})" if failed else ""
    parts = [f"{_called(recipe)}: {pages}"]
    for name, filled in fill.fields.items():
        share = _percent(filled, fill.of) if filled else "never filled"
        drop = drops.get((recipe, name))
        if drop is not None:
            share += f" (was {_percent(drop.was_filled, drop.was_of)})"
        parts.append(f"{name} {share}")
    return " · ".join(parts)


def _called(recipe: str) -> str:
    """One without a name is called by its number.

    >>> _called("books"), _called("recipe 1")
    ('recipe books', 'recipe 1')
    """
    return recipe if _NUMBERED.fullmatch(recipe) else f"recipe {recipe}"


def _percent(part: int, whole: int) -> str:
    """Rounded down, for 100 % is said of all.

    >>> _percent(7, 7), _percent(999, 1_000), _percent(1, 1_000)
    ('100 %', '99 %', 'under 1 %')
    """
    return f"{100 * part // whole} %" if 100 * part >= whole else "under 1 %"


def _emptied_lines(emptied: Iterable[Drop]) -> Iterator[str]:
    fields: dict[tuple[str, int], list[str]] = {}
    for each in emptied:
        if each.field is None:
            yield (
                f"! {_called(each.recipe)} found items in pass {each.full_in}"
                " and finds none now"
            )
        else:
            names = fields.setdefault((each.recipe, each.full_in), [])
            names.append(each.field)
    for (recipe, number), names in fields.items():
        was, are = ("were", "are") if len(names) > 1 else ("was", "is")
        yield (
            f"! {', '.join(names)} of {_called(recipe)} {was} full in pass"
            f" {number} and {are} empty now"
        )
