"""Values of JSON are compared, whatever the order of keys and items."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scraper.recording.value_changes import (
    MAX_DEPTH,
    MAX_VALUE_CHARS,
    ValueChange,
    value_changes,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.floats(-9, 9)
    | st.text("abc", max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("pqr"), inner, max_size=3)
    ),
    max_leaves=12,
)


def changes(before: Any, after: Any) -> list[ValueChange]:
    return list(value_changes("data", before, after))


def other_order(value: Any, seed: random.Random) -> Any:
    if isinstance(value, list):
        return [other_order(each, seed) for each in value]
    if isinstance(value, dict):
        names = list(value)
        seed.shuffle(names)
        return {name: other_order(value[name], seed) for name in names}
    return value


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert changes(value, value) == []


@given(VALUES, VALUES)
def test_what_differs_differs_both_ways(one: Any, other: Any) -> None:
    assert bool(changes(one, other)) == bool(changes(other, one))


@given(VALUES, VALUES, st.randoms())
def test_the_order_of_keys_says_nothing(
    one: Any, other: Any, seed: random.Random
) -> None:
    reordered = other_order(one, seed), other_order(other, seed)
    assert changes(one, reordered[0]) == []
    assert changes(one, other) == changes(*reordered)


@given(st.lists(st.dictionaries(st.sampled_from("pqr"), SCALARS)), st.randoms())
def test_the_order_of_items_says_nothing(
    items: list[Any], seed: random.Random
) -> None:
    shuffled = seed.sample(items, len(items))
    assert changes(items, shuffled) == []


def test_a_value_is_named_by_its_place() -> None:
    before = {"offer": {"price": 19, "stock": True}}
    after = {"offer": {"price": 21, "stock": True}}
    assert changes(before, after) == [
        ValueChange("data.offer.price", None, 19, 21)
    ]


def test_a_missing_key_is_one_with_null() -> None:
    assert changes({"price": None}, {}) == []
    assert changes({}, {"price": 1}) == [
        ValueChange("data.price", None, None, 1)
    ]


def test_an_item_is_recognised_by_what_it_alone_has() -> None:
    before = [
        {"name": "hat", "price": 19, "stock": "yes"},
        {"name": "coat", "price": 90, "stock": "yes"},
    ]
    after = [
        {"name": "shoe", "price": 19, "stock": "yes"},
        {"name": "coat", "price": 80, "stock": "yes"},
        {"name": "hat", "price": 21, "stock": "yes"},
    ]
    assert changes(before, after) == [
        ValueChange("data.price", "hat", 19, 21),
        ValueChange("data.price", "coat", 90, 80),
        ValueChange("data", None, None, after[0]),
    ]


def test_items_that_nothing_tells_apart_are_gone_and_new() -> None:
    assert changes(
        [{"price": 1}, {"price": 2}], [{"price": 2}, {"price": 3}]
    ) == [
        ValueChange("data", None, {"price": 1}, None),
        ValueChange("data", None, None, {"price": 3}),
    ]


def test_equal_items_are_counted() -> None:
    assert changes([{"p": "a"}] * 3, [{"p": "a"}] * 2) == [
        ValueChange("data", None, {"p": "a"}, None)
    ]


def test_items_may_hold_items() -> None:
    def shelf(price: int) -> list[Any]:
        return [{"shelf": "top", "books": [{"name": "Emma", "price": price}]}]

    assert changes(shelf(3), shelf(4)) == [
        ValueChange("data.books.price", "Emma", 3, 4)
    ]


def test_a_list_of_values_is_one_value() -> None:
    assert changes({"tags": ["a", "b"]}, {"tags": ["b", "a"]}) == [
        ValueChange("data.tags", None, ["a", "b"], ["b", "a"])
    ]


def test_long_values_are_cut() -> None:
    (change,) = changes("a" * 5_000, ["b" * 5_000])
    assert change.before == "a" * (MAX_VALUE_CHARS - 1) + "…"
    assert change.after == '["' + "b" * (MAX_VALUE_CHARS - 3) + "…"


def test_what_lies_deep_is_told_as_a_whole() -> None:
    before: Any = {"p": 1}
    after: Any = {"p": 2}
    for _ in range(200):
        before, after = {"p": before}, {"p": after}
    (change,) = changes(before, after)
    assert change.field == "data" + ".p" * MAX_DEPTH


def test_ten_thousand_items_that_have_all_changed_take_no_time_to_tell() -> (
    None
):
    before = [{"n": f"{place}", "p": 0} for place in range(10_000)]
    after = [{**item, "p": 1} for item in reversed(before)]
    assert len(changes(before, after)) == 10_000
