"""Which columns an export has: the user's own first, then the fields that were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from scraper.errors import UsageError
from scraper.exports.fields import FIELDS, LISTS, Field, Kind
from scraper.text import did_you_mean

INPUT = "input"  # where the user's own columns are in a record
_INT64 = range(-(2**63), 2**63)
_FIELDS = {each.name: each for each in FIELDS}
_FIELD_NAMES = frozenset(each.name.casefold() for each in FIELDS)
_KINDS: Mapping[type, Kind] = MappingProxyType(
    {bool: "boolean", int: "integer", float: "number", str: "text"}
)
_VARIOUS = frozenset({int, list})  # types whose values differ in kind
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
        if types in self._seen:
            return
        if not _VARIOUS.intersection(types):
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
    names = set(taken)
    columns = []
    for name, kind in kinds.items():
        free = next(
            each for each in _names_for(name) if each.casefold() not in names
        )
        names.add(free.casefold())
        columns.append(Column(free, (INPUT, name), kind))
    return columns


def _names_for(name: str) -> Iterator[str]:
    yield name
    yield f"{INPUT}.{name}"
    number = 2
    while True:
        yield f"{INPUT}.{name}_{number}"
        number += 1


# -- --fields ----------------------------------------------------------------------------------


def choose_columns(
    own: Sequence[Column],
    fields: Sequence[str] = (),
) -> list[Column]:
    """All columns, or those that `fields` names, in its order. Raises UsageError."""
    if not fields:
        return [*own, *map(_of_field, FIELDS)]
    chosen: dict[str, Column] = {}
    for name in fields:
        for column in _columns_called(name, own):
            chosen.setdefault(column.name, column)
    return list(chosen.values())


def check_fields(fields: Sequence[str]) -> None:
    """Raises UsageError if one of these is no field; the user's own are known later."""
    for name in fields:
        if name.partition(".")[0] != INPUT:
            _columns_called(name, ())


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
    own: Sequence[Column],
) -> list[Column]:
    is_own = name.partition(".")[0] == INPUT
    found = _own_called(name, own) if is_own else _fields_called(name)
    if found:
        return found
    names = [*_FIELDS, *(".".join(each.path) for each in own)]
    hint = did_you_mean(name, names, "; docs/records.md lists them")
    if is_own and not own:
        hint = "; the list of this folder has no columns of yours"
    raise UsageError(f"--fields: there is no {name!r}{hint}")


def _own_called(
    name: str,
    own: Sequence[Column],
) -> list[Column]:
    if name == INPUT:
        return list(own)
    return [each for each in own if ".".join(each.path) == name]


def _fields_called(name: str) -> list[Column]:
    """The field, those of an object, or a value somewhere in what may be anything."""
    if name in _FIELDS:
        return [_of_field(_FIELDS[name])]
    root, _, rest = name.partition(".")
    field = _FIELDS.get(root)
    if field is not None and field.kind == "json":
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
