"""How often the fields of recipes had a value: of one URL, and added up over many.

A URL's own is kept as text, which names the fields, so that a ledger explains itself:
`[["books",20,{"title":20,"price":19}]]` says that the recipe `books` matched it, that it could fill
each field 20 times (it found so many items; without `each` that is once), and how often it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

_OfUrl = list[tuple[str, int, dict[str, int]]]
_decode_url = msgspec.json.Decoder(_OfUrl).decode


class RecipeFill(Struct):
    """What one recipe came to."""

    pages: int = 0  # that it matched
    of: int = 0  # how often each field could be filled: pages, or items
    fields: dict[str, int] = field(default_factory=dict)  # how often each was

    def share(self, name: str) -> float:
        """How many had this field: 1.0 is all of them."""
        return self.fields.get(name, 0) / self.of if self.of else 0.0

    def add(self, other: RecipeFill, times: int = 1) -> None:
        """Count those of `other`, as if it were there so many times."""
        self.pages += times * other.pages
        self.of += times * other.of
        self.add_fields(other.fields, times)

    def add_fields(self, fields: Mapping[str, int], times: int = 1) -> None:
        """Count how often each of them was filled."""
        counts = self.fields
        for name, filled in fields.items():
            counts[name] = counts.get(name, 0) + times * filled


class Fills(Struct):
    """What all recipes came to, each under its name."""

    recipes: dict[str, RecipeFill] = field(default_factory=dict)

    @classmethod
    def of_text(cls, text: str) -> Fills:
        """Those of one URL."""
        fills = cls()
        fills.add_text(text)
        return fills

    @classmethod
    def of_dict(cls, counts: Mapping[str, Any]) -> Fills:
        """What `as_dict` has given. Raises ValueError if it has not."""
        return cls(msgspec.convert(counts, dict[str, RecipeFill]))

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self.recipes)
        return plain

    def of(self, recipe: str) -> int:
        """How often each field of a recipe could be filled."""
        fill = self.recipes.get(recipe)
        return fill.of if fill else 0

    def expect(self, recipe: str, fields: Sequence[str]) -> None:
        """Name a recipe and its fields, which may come to nothing; without any it finds none."""
        if fields:
            self._fill_of(recipe).add_fields(dict.fromkeys(fields, 0))

    def add_text(self, text: str, times: int = 1) -> None:
        """Count those of a URL, as if there were so many of it."""
        for recipe, of, fields in _decode_url(text):
            fill = self._fill_of(recipe)
            fill.pages += times
            fill.of += times * of
            fill.add_fields(fields, times)

    def _fill_of(self, recipe: str) -> RecipeFill:
        fill = self.recipes.get(recipe)
        if fill is None:
            fill = self.recipes[recipe] = RecipeFill()
        return fill

    def add(self, other: Fills, times: int = 1) -> None:
        """Count those of `other`, as if they were there so many times."""
        for recipe, fill in other.recipes.items():
            self._fill_of(recipe).add(fill, times)
