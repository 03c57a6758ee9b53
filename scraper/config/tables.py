"""Lists of tables: `[[variant]]` in TOML, a list of mappings in a script.

A table is declared like a section, as a class whose values are made by `setting`; a
list of them is a field of the tree, `variant: tuple[Variant, ...] = ()`. Each table is checked key
by key, as sections are, and a message names the place of the key: `[[variant]] 2: width`.

A value may be a table itself, of type `Mapping[str, Any]`. What is in it is not known here: it is
taken as it stands, and checked where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scraper.config.frozen import Frozen
from scraper.config.keys import KeySet, Section
from scraper.config.values import Given, parse_all
from scraper.errors import UsageError


class TableList(Frozen):
    """A list of tables of one kind."""

    name: str
    cls: type[Section]
    keys: KeySet

    @property
    def header(self) -> str:
        return f"[[{self.name}]]"

    def parse(self, given: Given) -> tuple[Any, ...]:
        """The tables as values of their class. Raises UsageError."""
        if isinstance(given.value, Mapping):
            raise UsageError(
                f"[{self.name}] in {given.place} is a list of tables: write {self.header}"
            )
        if not isinstance(given.value, list | tuple):
            raise UsageError(
                f"{self.name} = {given.value!r} from {given.place} is invalid: expected a list of "
                f"tables ({self.header} in TOML)"
            )
        return tuple(
            self._parse_table(table, given.place, f"{self.header} {number}: ")
            for number, table in enumerate(given.value, 1)
        )

    def _parse_table(self, table: Any, place: str, path: str) -> Any:
        if isinstance(table, str):
            path = f"{self.name} {table!r}: "
        items = self._items_of(table, path)
        if items is None:
            raise UsageError(
                f"{path}{table!r} from {place} is invalid: expected a table"
            )
        parsed = parse_all(
            self.keys,
            (Given(name, value, place, path) for name, value in items),
        )
        for key in self.keys.by_name.values():
            if key.is_required and key.name not in parsed:
                raise UsageError(f"{path}{key.name} is missing in {place}")
        return self.cls(**{name: each.value for name, each in parsed.items()})

    def _items_of(
        self, table: Any, path: str
    ) -> Iterator[tuple[str, Any]] | None:
        if isinstance(table, str):
            try:
                table = self.cls.parse_line(table, self.keys)
            except ValueError as error:
                raise UsageError(f"{path}{error}") from None
        if isinstance(table, Mapping):
            return iter(table.items())
        if isinstance(table, self.cls):  # made by a script, and not checked yet
            return iter(table.as_dict().items())
        return None
