"""What differs between two values of JSON: which of what is in them, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from msgspec import Struct

MAX_VALUE_CHARS: Final = 1_000
MAX_DEPTH: Final = 16  # what lies deeper is compared as a whole

_Item = Mapping[str, Any]
_Items = Sequence[_Item]


class ValueChange(Struct, frozen=True):
    """A value that is another one now.

    `field` is its place, such as `fields.price`; `item` is what the item is recognised by, if it
    stands in one of a list. A value that is long is cut, and a text then.
    """

    field: str
    item: Any
    before: Any
    after: Any


def value_changes(
    field: str, before: Any, after: Any, item: Any = None, depth: int = 0
) -> Iterator[ValueChange]:
    """Each value that differs, however deep it lies. A key that is missing is one with null.

    The order of keys says nothing, nor does the order of items, the objects in a list.
    """
    if _canonical(before) == _canonical(after):
        return
    is_shallow = depth < MAX_DEPTH
    if (
        is_shallow
        and isinstance(before, Mapping)
        and isinstance(after, Mapping)
    ):
        for name in sorted(before.keys() | after.keys()):
            yield from value_changes(
                f"{field}.{name}"[:MAX_VALUE_CHARS],
                before.get(name),
                after.get(name),
                item,
                depth + 1,
            )
    elif is_shallow and _are_items(before) and _are_items(after):
        yield from _item_changes(field, before, after, depth + 1)
    else:
        yield ValueChange(field, item, _shorten(before), _shorten(after))


def _are_items(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, Mapping) for each in value
    )


def _item_changes(
    field: str, before: _Items, after: _Items, depth: int
) -> Iterator[ValueChange]:
    """What has become of the items: changed in place, gone, new."""
    gone = _without_equal(before, after)
    new = _without_equal(after, before)
    for pair in _same_items(before, after, gone, new):
        yield from value_changes(
            field, before[pair.before], after[pair.after], pair.known_by, depth
        )
    for place in gone:
        yield ValueChange(field, None, _shorten(before[place]), None)
    for place in new:
        yield ValueChange(field, None, None, _shorten(after[place]))


def _without_equal(items: _Items, others: _Items) -> dict[int, None]:
    """The places of those of which there are more than among the others."""
    there = Counter(map(_canonical, others))
    places: dict[int, None] = {}
    for place, item in enumerate(items):
        key = _canonical(item)
        if there[key]:
            there[key] -= 1
        else:
            places[place] = None
    return places


class _Pair(NamedTuple):
    """An item that is the same one, though something in it has changed."""

    before: int
    after: int
    known_by: Any


def _same_items(
    before: _Items, after: _Items, gone: dict[int, None], new: dict[int, None]
) -> Iterator[_Pair]:
    """Take the pairs out of what is gone and new that are one item.

    It is recognised by what only one item had, and only one has: a name, an address, a number.
    Where several would do, the one that shares more of these is taken, and texts say more.
    """
    shared = _shared_values(before, after, gone, new)
    for places in sorted(
        shared, key=lambda each: (-_weight(shared[each]), each)
    ):
        if places[0] in gone and places[1] in new:
            del gone[places[0]], new[places[1]]
            yield _Pair(*places, min(shared[places]).value)


class _Shared(NamedTuple):
    """A value that identifies an item; the one to name it by comes first."""

    is_number: bool
    name: str
    value: Any


def _shared_values(
    before: _Items, after: _Items, gone: Container[int], new: Container[int]
) -> dict[tuple[int, int], list[_Shared]]:
    """By the places of two items, what they alone have, and both of them."""
    had, has = _own_values(before), _own_values(after)
    shared: dict[tuple[int, int], list[_Shared]] = {}
    for name, value in had.keys() & has.keys():
        place, its_place = had[name, value], has[name, value]
        if place in gone and its_place in new:
            one = _Shared(not isinstance(value, str), name, value)
            shared.setdefault((place, its_place), []).append(one)
    return shared


def _weight(shared: Sequence[_Shared]) -> int:
    return sum(1 if each.is_number else 2 for each in shared)


def _own_values(items: _Items) -> dict[tuple[str, Any], int]:
    """Texts and numbers that one item alone has under their name, and where it stands."""
    places: dict[tuple[str, Any], int] = {}
    repeated = set()
    for place, item in enumerate(items):
        for name, value in item.items():
            if type(value) not in (str, int, float):
                continue
            if places.setdefault((name, value), place) != place:
                repeated.add((name, value))
    return {
        known: place for known, place in places.items() if known not in repeated
    }


def _shorten(value: Any) -> Any:
    if not isinstance(value, str | list | Mapping):
        return value
    text = value if isinstance(value, str) else _canonical(value).decode()
    return (
        value
        if len(text) <= MAX_VALUE_CHARS
        else text[: MAX_VALUE_CHARS - 1] + "…"
    )


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
