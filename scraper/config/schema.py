"""What a tree of settings may hold: sections of keys, and lists of tables.

All of it is read off the classes, so that a key is declared in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from scraper.config.frozen import Frozen
from scraper.config.keys import Key, KeySet, Section, keys_of
from scraper.config.tables import TableList

Tree = TypeVar("Tree", bound=Frozen)


class Schema:
    """The sections, keys and lists of tables of a tree."""

    def __init__(
        self,
        root: type[Frozen],
        renamed: Mapping[str, str] | None = None,
        removed: Mapping[str, str] | None = None,
    ) -> None:
        self.root: Any = root
        self.sections: dict[str, type[Section]] = {}
        self.tables: dict[str, TableList] = {}
        for name, default in root.defaults.items():
            if isinstance(default, Section):
                self.sections[name] = type(default)
            else:
                # tuple[Variant, ...]
                (table, *_) = get_args(get_type_hints(root)[name])
                keys = KeySet(keys_of(table, name))
                self.tables[name] = TableList(name, table, keys)
        scalars = [
            key
            for name, cls in self.sections.items()
            for key in keys_of(cls, name)
        ]
        self.keys = KeySet(scalars, renamed, removed)

    def keys_of_section(self, name: str) -> list[Key]:
        return [
            key for key in self.keys.by_name.values() if key.section == name
        ]

    def replace_values(self, tree: Tree, values: Mapping[str, Any]) -> Tree:
        """The same tree with some keys and lists of tables replaced; values are not checked."""
        changes: dict[str, Any] = {}
        by_section: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if name in self.tables:
                changes[name] = value
            else:
                section = self.keys.by_name[name].section
                by_section.setdefault(section, {})[name] = value
        for section, each in by_section.items():
            changes[section] = getattr(tree, section).__replace__(**each)
        return tree.__replace__(**changes)


def doc_of(cls: type) -> str:
    """The docstring of a section or table, as one line."""
    return " ".join((cls.__doc__ or "").split())
