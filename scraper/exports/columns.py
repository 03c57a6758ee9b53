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
RECORD = "record"  # what stands before a key of the record that a name of the user's hides
ROWS = ("records", "items")  # what a row of a table may be
_NAMES_SHOWN = 20
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


def list_columns(kinds: Mapping[str, Kind], url: str) -> list[Column]:
    """The user's own columns as their list has them, beside one of that name that holds the URLs.

    Another list may have given that name to something else: that is called `input.` and the name.
    """
    names = {name: name for name in kinds}
    if url in names:
        free = (each for each in _names_for(url, INPUT) if each not in kinds)
        names[url] = next(free)
    return [
        Column(names[name], (INPUT, name), kind) for name, kind in kinds.items()
    ]


def columns_below(
    root: str,
    kinds: Mapping[str, Kind],
    taken: set[str],
) -> list[Column]:
    """A column for each of these keys, under its own name or, where that is taken, behind that of
    the root. The names that they get are taken from then on."""
    columns = []
    for name, kind in kinds.items():
        free = _free_name(name, root, taken)
        columns.append(Column(free, (root, name), kind))
    return columns


def _free_name(
    name: str,
    root: str,
    taken: set[str],
) -> str:
    names = _names_for(name, root)
    free = next(each for each in names if each.casefold() not in taken)
    taken.add(free.casefold())
    return free


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
    """All columns, or those that `fields` names, in its order. Raises UsageError.

    A column has the name that was asked for; one of several for which a name stands has that of the
    whole table, and comes only where it has not been asked for by itself.
    """
    if not fields:
        fixed = _OF_ITEMS if rows == "items" else FIELDS
        return [*of_folder, *map(_of_field, fixed)]
    asked = {name: _columns_called(name, of_folder, rows) for name in fields}
    return _called_as_asked(asked)


def _called_as_asked(asked: Mapping[str, list[Column]]) -> list[Column]:
    taken: set[str] = set()
    alone = {
        name: _called_apart(found[0], taken)
        for name, found in asked.items()
        if found[0].name == name
    }
    paths = {each.path for each in alone.values()}
    chosen = []
    for name, found in asked.items():
        if name in alone:
            chosen.append(alone[name])
            continue
        fresh = [each for each in found if each.path not in paths]
        paths.update(each.path for each in fresh)
        chosen += [_called_apart(each, taken) for each in fresh]
    return chosen


def _called_apart(
    column: Column,
    taken: set[str],
) -> Column:
    """The column under a name that no other has, in any case of its letters."""
    is_of_user = column.is_own or column.is_of_recipe
    root = column.path[0] if is_of_user else RECORD
    return column._replace(name=_free_name(column.name, root, taken))


def are_of_all_folders(fields: Sequence[str]) -> bool:
    """Are some named, and can no field of a recipe be one of them?"""
    return bool(fields) and all(
        name.startswith(f"{INPUT}.") or _of_record_called(name, "records")
        for name in fields
    )


def check_fields(
    fields: Sequence[str],
    known: KindsOfFolder,
    rows: str = "records",
    *,
    more_own: bool = False,
) -> None:
    """Raises UsageError if one of these is no column of a folder of which this is known. Without
    recipes there may be the fields that those of an earlier run have given; with `more_own` the
    rows of a list may have more columns."""
    later = set() if known.fields or known.items else {OF_RECIPES}
    if more_own:
        later.add(INPUT)
    columns = columns_of_folder(known, rows)
    for name in fields:
        if name.partition(".")[0] not in later:
            _columns_called(name, columns, rows)


def missing_columns(
    fields: Iterable[str],
    known: KindsOfFolder,
    rows: str = "records",
) -> list[str]:
    """Which columns of the user's `fields` may ask for, besides those that are known."""
    columns = columns_of_folder(known, rows)
    return [
        each.removeprefix(f"{INPUT}.")
        for each in fields
        if not _find_columns(each, columns, rows)
    ]


def _columns_called(
    name: str,
    of_folder: Sequence[Column],
    rows: str,
) -> list[Column]:
    found = _find_columns(name, of_folder, rows)
    if not found:
        hint = _hint_for(name, of_folder)
        raise UsageError(f"--fields: there is no {name!r}{hint}")
    return found


def _hint_for(
    name: str,
    of_folder: Sequence[Column],
) -> str:
    """What is near, and all that the user has named."""
    own = [each.path[1] for each in of_folder if each.is_own]
    found = [each.path[1] for each in of_folder if each.is_of_recipe]
    if name.partition(".")[0] == INPUT and not own:
        return "; the list of this folder has no columns of yours"
    paths = (".".join(each.path) for each in of_folder)
    hint = did_you_mean(name, [*_FIELDS, *paths, *own, *found])
    return (
        f"{hint}{_listed('fields of recipes', found)}"
        f"{_listed('columns of your lists', own)}; docs/records.md lists all others"
    )


def _listed(
    what: str,
    names: Iterable[str],
) -> str:
    several = list(dict.fromkeys(names))
    more = [] if len(several) <= _NAMES_SHOWN else ["..."]
    shown = ", ".join(several[:_NAMES_SHOWN] + more)
    return f"; {what}: {shown}" if several else ""


def _find_columns(
    name: str,
    of_folder: Sequence[Column],
    rows: str,
) -> list[Column]:
    """One, under this name, or those below a key. What the user has named comes first."""
    for found in (
        _at_path(name, of_folder),
        _of_record_called(name, rows),
        _named_by_user(name, of_folder),
        [each for each in of_folder if each.name == name],
        [each for each in of_folder if each.path[0] == name],
    ):
        if found:
            return found
    return _fields_called(name, rows)


def _at_path(
    name: str,
    of_folder: Sequence[Column],
) -> list[Column]:
    return [
        each._replace(name=name)
        for each in of_folder
        if ".".join(each.path) == name
    ]


def _named_by_user(
    name: str,
    of_folder: Sequence[Column],
) -> list[Column]:
    """The field of an item, of a page, or else the user's own column that has this name."""
    found = [each for each in of_folder if each.path[1] == name]
    found.sort(key=lambda each: each.is_own)
    return [each._replace(name=name) for each in found[:1]]


def _of_record_called(name: str, rows: str) -> list[Column]:
    """What the record has itself, whatever the user has named."""
    root, _, rest = name.partition(".")
    found = _fields_called(rest, rows) if root == RECORD and rest else []
    is_alone = [each.name for each in found] == [rest]
    return [each._replace(name=name) for each in found] if is_alone else found


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
