"""Which columns an export has: the user's own first, then the fields that were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from scraper.errors import UsageError
from scraper.exports.fields import FIELDS, LISTS, Field, Kind
from scraper.text import did_you_mean

INPUT = "input"  # where the user's own columns are in a record
OF_RECIPES = "fields"  # where the fields of recipes are,
ITEMS = "items"  # and those of each item
ITEM = "item"  # which one of its page it is, where a row is an item
ROWS = ("records", "items")  # what a row of a table may be
_INT64 = range(-(2**63), 2**63)
_FIELDS = {each.name: each for each in FIELDS}
_FIELD_NAMES = frozenset(each.name.casefold() for each in FIELDS)
# What stands beside the fields of an item, where a row is one.
_ITEM = Field(ITEM, "integer")
_OF_ITEMS = (
    _FIELDS["url"],
    _FIELDS["index"],
    _ITEM,
    _FIELDS["pass"],
    _FIELDS["source"],
    _FIELDS["line"],
    _FIELDS["fetched_at"],
)
_KINDS: Mapping[type, Kind] = MappingProxyType(
    {bool: "boolean", int: "integer", float: "number", str: "text"}
)
_KINDS_OF_LISTS: Mapping[Kind, Kind] = MappingProxyType(
    {"integer": "integers", "number": "numbers", "text": "texts"}
)


class Column(NamedTuple):
    """One column: its name in the table, and the keys that lead to its value in a record."""

    name: str
    path: tuple[str, ...]
    kind: Kind
    members: Mapping[str, Kind] = MappingProxyType({})

    @property
    def is_own(self) -> bool:
        """Is it one of the user's list?"""
        return self.path[0] == INPUT

    @property
    def is_of_recipe(self) -> bool:
        """Is it a field of a recipe, of the page or of each item?"""
        return len(self.path) == 2 and self.path[0] in (OF_RECIPES, ITEMS)


# -- the user's own ----------------------------------------------------------------------------


class OwnKinds:
    """The names of the columns of a list, as they come, and what their values are."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[Kind]] = {}
        self._with_empty_lists: set[str] = set()
        self._seen: set[tuple[type, ...]] = set()  # of rows like the last one
        self._names: tuple[str, ...] = ()

    def note(self, values: Mapping[str, Any]) -> None:
        """Look at one row. One of text that is like another brings nothing new."""
        names, types = tuple(values), tuple(map(type, values.values()))
        if names != self._names:
            self._names = names
            self._seen.clear()
        if types in self._seen and not _has_large_integer(values):
            return
        if list not in types:  # those differ in kind
            self._seen.add(types)
        for name, value in values.items():
            kinds = self._kinds.setdefault(name, set())
            if value == []:
                self._with_empty_lists.add(name)
            elif value is not None:
                kinds.add(kind_of(value))

    def kinds(self) -> dict[str, Kind]:
        """By name, what all values of a column are."""
        return {name: self._kind_of(name) for name in self._kinds}

    def _kind_of(self, name: str) -> Kind:
        kinds = self._kinds[name]
        kind = _common(kinds)
        if name not in self._with_empty_lists or kind in LISTS:
            return kind
        return "json" if kinds else "texts"


def _has_large_integer(values: Mapping[str, Any]) -> bool:
    """Those alone, of what no list is, differ in kind from others of their type."""
    return any(
        type(each) is int and each not in _INT64 for each in values.values()
    )


def kind_of(value: Any) -> Kind:
    """What a value of a column is.

    >>> kind_of(7), kind_of("7"), kind_of([1, 2.5]), kind_of({})
    ('integer', 'text', 'numbers', 'json')
    """
    if isinstance(value, list):
        members = {kind_of(each) for each in value if each is not None}
        return _KINDS_OF_LISTS.get(_common(members), "json")
    kind = _KINDS.get(type(value), "json")
    return "json" if kind == "integer" and value not in _INT64 else kind


def _common(kinds: set[Kind]) -> Kind:
    if len(kinds) > 1 and kinds <= {"integer", "number"}:
        return "number"
    if len(kinds) > 1 and kinds <= {"integers", "numbers"}:
        return "numbers"
    return next(iter(kinds), "text") if len(kinds) < 2 else "json"


def own_columns(
    kinds: Mapping[str, Kind],
    taken: Iterable[str] = _FIELD_NAMES,
) -> list[Column]:
    """The user's own columns, under their own names.

    One that has the name of a field is called `input.` and its name, whether or not the field is in
    the table, and so is one that differs from another in case alone: SQLite takes them for equal.
    """
    return columns_below(INPUT, kinds, set(taken))


def columns_below(
    root: str,
    kinds: Mapping[str, Kind],
    taken: set[str],
) -> list[Column]:
    """A column for each of these keys, under its own name or, where that is taken, behind that of
    the root. The names that they get are taken from then on."""
    columns = []
    for name, kind in kinds.items():
        names = _names_for(name, root)
        free = next(each for each in names if each.casefold() not in taken)
        taken.add(free.casefold())
        columns.append(Column(free, (root, name), kind))
    return columns


def _names_for(name: str, root: str) -> Iterator[str]:
    yield name
    yield f"{root}.{name}"
    number = 2
    while True:
        yield f"{root}.{name}_{number}"
        number += 1


# -- of a folder -------------------------------------------------------------------------------


class KindsOfFolder(NamedTuple):
    """By name what the values of a folder are: the user's own, the fields of pages, of items."""

    own: Mapping[str, Kind] = MappingProxyType({})
    fields: Mapping[str, Kind] = MappingProxyType({})
    items: Mapping[str, Kind] = MappingProxyType({})


def columns_of_folder(kinds: KindsOfFolder, rows: str) -> list[Column]:
    """The columns that one folder has and another has not, in their order."""
    taken = {*_FIELD_NAMES, ITEM}
    own = columns_below(INPUT, kinds.own, taken)
    items = []
    if rows == "items":
        names = [each.name.casefold() for each in own]
        names += [each.name.casefold() for each in _OF_ITEMS]
        items = columns_below(ITEMS, kinds.items, set(names))
        taken |= {each.name.casefold() for each in items}
    return [*own, *items, *columns_below(OF_RECIPES, kinds.fields, taken)]


# -- --fields ----------------------------------------------------------------------------------


def choose_columns(
    of_folder: Sequence[Column],
    fields: Sequence[str] = (),
    rows: str = "records",
) -> list[Column]:
    """All columns, or those that `fields` names, in its order. Raises UsageError."""
    if not fields:
        fixed = _OF_ITEMS if rows == "items" else FIELDS
        return [*of_folder, *map(_of_field, fixed)]
    chosen: dict[str, Column] = {}
    for name in fields:
        for column in _columns_called(name, of_folder, rows):
            chosen.setdefault(column.name, column)
    return list(chosen.values())


def are_of_all_folders(fields: Sequence[str]) -> bool:
    """Are some named, and all of them the user's own or those that every record may have?"""
    return bool(fields) and all(
        name.partition(".")[0] == INPUT or _fields_called(name, "records")
        for name in fields
    )


def check_fields(
    fields: Sequence[str],
    of_recipes: Sequence[Column] = (),
    rows: str = "records",
) -> None:
    """Raises UsageError if one of these is no field; the user's own are known later, and without
    recipes so are the fields that those of an earlier run have given."""
    later = {INPUT} if of_recipes else {INPUT, OF_RECIPES}
    for name in fields:
        if name.partition(".")[0] not in later:
            _columns_called(name, of_recipes, rows)


def missing_columns(
    fields: Iterable[str],
    names: Iterable[str],
) -> list[str]:
    """Which of the user's own columns `fields` asks for, where lists have only these."""
    prefix = f"{INPUT}."
    wanted = (
        each.removeprefix(prefix) for each in fields if each.startswith(prefix)
    )
    known = frozenset(names)
    return [each for each in wanted if each not in known]


def check_own_fields(
    fields: Iterable[str],
    names: Iterable[str],
) -> None:
    """Raises UsageError if one of these is a column that no list has, where lists have `names`."""
    own = own_columns(dict.fromkeys(names, "text"))
    for name in fields:
        if name.partition(".")[0] == INPUT:
            _columns_called(name, own)


def _columns_called(
    name: str,
    of_folder: Sequence[Column],
    rows: str = "records",
) -> list[Column]:
    is_own = name.partition(".")[0] == INPUT
    found = _of_folder_called(name, of_folder)
    if not found and not is_own:
        found = _fields_called(name, rows) or _of_recipes_called(
            name, of_folder
        )
    if found:
        return found
    names = [*_FIELDS, *(".".join(each.path) for each in of_folder)]
    names += [each.path[1] for each in of_folder if each.is_of_recipe]
    hint = did_you_mean(name, names, "; docs/records.md lists them")
    if is_own and not any(each.is_own for each in of_folder):
        hint = "; the list of this folder has no columns of yours"
    raise UsageError(f"--fields: there is no {name!r}{hint}")


def _of_folder_called(
    name: str,
    of_folder: Sequence[Column],
) -> list[Column]:
    """All below a key, the one that dots lead to, or a field of a recipe that has this name."""
    if name in (INPUT, OF_RECIPES, ITEMS):
        return [each for each in of_folder if each.path[0] == name]
    return [
        each
        for each in of_folder
        if name == ".".join(each.path)
        or (each.is_of_recipe and name == each.name)
    ]


def _of_recipes_called(
    name: str,
    of_folder: Sequence[Column],
) -> list[Column]:
    """A field whose name another column has."""
    found = (each for each in of_folder if each.is_of_recipe)
    return [each for each in found if each.path[1] == name][:1]


def _fields_called(name: str, rows: str) -> list[Column]:
    """The field, those of an object, or a value somewhere in what may be anything."""
    if rows == "items" and name == ITEM:
        return [_of_field(_ITEM)]
    if name in _FIELDS:
        return [_of_field(_FIELDS[name])]
    root, _, rest = name.partition(".")
    field = _FIELDS.get(root)
    if field is not None and field.kind == "json" and root != ITEMS:
        return [Column(name, (root, rest), "json")]
    inner = [each for each in FIELDS if each.name.startswith(f"{name}.")]
    return [_of_field(each) for each in inner]


def _of_field(field: Field) -> Column:
    path = tuple(field.name.split("."))
    return Column(
        field.name,
        path,
        field.kind,
        field.members,
    )
