"""Hostile pages and odd recipes: bounded results, and no exception that is not promised."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import Unusable
from processors.page import Page
from processors.recipes import BadRecipe, Extracted, compile_recipes, scope
from processors.recipes.fields import MAX_VALUE_CHARS, MAX_VALUES
from processors.recipes.scope import MAX_CHARS
from processors.recipes.values import TYPES
from tests.processors.recipes.test_recipes import URL, apply, failure

# -- limits -----------------------------------------------------------------------------------


def test_a_value_is_cut() -> None:
    html = f"<p>{'x' * (MAX_VALUE_CHARS + 1)}"
    nested = {"each": "p", "fields": {"c": ":self"}}
    found = apply(html, {"fields": {"a": "p", "b": nested}})
    assert len(found.fields["a"]) == MAX_VALUE_CHARS
    assert len(found.fields["b"][0]["c"]) == MAX_VALUE_CHARS
    assert found.cut == ("fields",)


@pytest.mark.parametrize(
    ("recipe", "cut"),
    [
        ({"fields": {"a": {"select": "p", "list": True}}}, "fields"),
        ({"fields": {"a": {"regex": "<p>", "list": True}}}, "fields"),
        ({"fields": {"a": {"each": "p", "fields": {"b": ":self"}}}}, "fields"),
        ({"each": "p", "fields": {"b": ":self"}}, "items"),
    ],
)
def test_many_values_are_cut(recipe: Any, cut: str) -> None:
    enough = apply("<p>x" * MAX_VALUES, recipe)
    assert enough.cut == ()
    found = apply("<p>x" * (MAX_VALUES + 1), recipe)
    assert found.cut == (cut,)
    values = found.items or found.fields["a"]
    assert len(values) == MAX_VALUES
    assert (found.fields, found.items) == (enough.fields, enough.items)


@pytest.mark.parametrize("cell", ["<td>1", "<td colspan=1000>1"])
def test_a_long_table_is_cut(cell: str) -> None:
    html = f"<table>{f'<tr>{cell}' * 10_001}</table>"
    field = {"select": "table", "type": "table"}
    found = apply(html, {"fields": {"a": field}})
    assert found.cut == ("fields",)
    assert 0 < sum(map(len, found.fields["a"])) <= 200_000


def test_a_page_that_would_be_a_huge_record() -> None:
    """Each item holds all the others that are in it."""
    html = "<div>" * 400 + "x" * (MAX_CHARS // 300)
    raised = failure(html, {"each": "div", "fields": {"a": ":self"}})
    assert raised.kind == "field_invalid"
    assert "more than 500,000 values or 10,000,000 characters" in str(raised)


def test_items_in_items_are_counted_though_they_are_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many as there are pairs of elements, of which one is in the other."""
    monkeypatch.setattr(scope, "MAX_VALUES", 5_000)
    inner = {"each": "div", "fields": {"a": "b"}}
    fields = {"each": "div", "fields": {"inner": inner}}
    raised = failure("<div>" * 110, fields)
    assert "more than 5,000 values" in str(raised)


@pytest.mark.parametrize(
    "field",
    [
        {"json": "@"},
        {"json": "@", "regex": "1"},
        {"json": "to_string(@)"},
    ],
)
def test_a_body_that_nests_deeply(field: Any) -> None:
    body = b"[" * 1_000 + b"]" * 1_000
    with pytest.raises(Unusable, match=r"^recipe 1: .*nests"):
        compile_recipes([{"fields": {"a": field}}]).apply_json(body, URL)


def test_nan_is_no_number() -> None:
    field = {"json": "to_number(price)", "type": "number"}
    recipes = compile_recipes([{"fields": {"price": field}}])
    with pytest.raises(Unusable, match="price is no number: 'NaN'"):
        recipes.apply_json(b'{"price": "nan"}', URL)


def test_a_wide_and_tall_cell_is_counted_as_often_as_it_stands() -> None:
    text = "x" * 100_000
    html = f"<table><tr><td rowspan=0>{text}{'<tr><td>y' * 200}</table>"
    field = {"select": "table", "type": "table"}
    raised = failure(html, {"fields": {"a": field}})
    assert "10,000,000 characters" in str(raised)


def test_many_complaints_are_one_message() -> None:
    field = {"select": ":self", "type": "number"}
    raised = failure("<p>x" * 500, {"each": "p", "fields": {"a": field}})
    assert str(raised).endswith("there is no number in it (and 499 more)")
    assert len(str(raised)) < 200


# -- anything ---------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "c d"])
selectors = st.sampled_from(
    ["p", "*", ".x", "div > p", "a@href", "table", "time", ":has(p)", "*@class", "p, *"]
)  # fmt: skip
paths = st.sampled_from(
    [
        "a",
        "@",
        "[0]",
        "a[]",
        "length(@)",
        "Thing.a",
        "sort_by(a, &b)",
        "a.b",
        "to_number(a)",
    ]
)
regexes = st.sampled_from(["a", "(b)?", "[^<]*", r"\d+", "^", "(a)|b"])
values = st.fixed_dictionaries(
    {"type": st.sampled_from([*TYPES])},
    optional={
        "select": selectors,
        "json": paths,
        "regex": regexes,
        "list": st.booleans(),
        "required": st.booleans(),
        "map": st.just({"a": 1, "x": ""}),
    },
)
tables = st.fixed_dictionaries(
    {"type": st.just("table"), "json": paths},
    optional={"select": st.sampled_from(["table", "*"]), "list": st.booleans()},
)
fields = st.recursive(
    values.filter(lambda each: len(each.keys() & {"select", "json", "regex"})) | tables,
    lambda inside: st.fixed_dictionaries(
        {
            "each": st.sampled_from(["p", "div", "*"]),
            "fields": st.dictionaries(names, inside, min_size=1),
        }
    ),
    max_leaves=4,
)  # fmt: skip
recipes = st.fixed_dictionaries(
    {"fields": st.dictionaries(names, fields, min_size=1)},
    optional={"each": st.sampled_from(["p", "*"])},
)
pieces = st.sampled_from(
    [b"<p>", b"<div class=x>", b"<a href='//[x'>", b"<time datetime=1>", b"</p>", b"12,5",
     b"<table><tr><td rowspan=0 colspan=9>", b"\xff\xfe\0", "é٥".encode(), b"1/2/2024",
     b"<script type=application/ld+json>", b'{"a": [{"b": 1}, null]}', b"</script>", b"<svg>",
     b"<template>", b"<base href=x:>"]
)  # fmt: skip
bodies = st.lists(pieces | st.binary(max_size=8)).map(b"".join)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b", "@type"]), inside, max_size=3),
)  # fmt: skip


def kind_of_failure(act: Callable[[], Extracted | None]) -> str | None:
    """None if it is none, but plain data."""
    try:
        found = act()
    except Unusable as unusable:
        return unusable.kind
    orjson.dumps(found and [found.fields, found.items])
    return None


EXPECTED = {None, "field_missing", "field_invalid"}


@settings(max_examples=100, deadline=None)
@given(st.lists(recipes, min_size=1, max_size=2), bodies)
def test_any_page_gives_plain_data_or_is_unusable(
    some: Any, body: bytes
) -> None:
    ready = compile_recipes(some)
    kind = kind_of_failure(lambda: ready.apply(Page(URL, body), URL))
    assert kind in EXPECTED


@settings(deadline=None)
@given(
    recipes, json_like.map(json.dumps).map(str.encode) | st.binary(max_size=20)
)
def test_any_body_gives_plain_data_or_is_unusable(
    recipe: Any, body: bytes
) -> None:
    ready = compile_recipes([recipe])
    assert kind_of_failure(lambda: ready.apply_json(body, URL)) in EXPECTED


keys = st.sampled_from(
    ["select", "json", "regex", "type", "list", "map", "each", "fields", "match", "name", "x"]
) | st.text(max_size=3)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=4)
    ),
)


@settings(deadline=None)
@given(st.lists(anything | st.dictionaries(keys, anything), max_size=2))
def test_anything_is_a_recipe_or_a_bad_one(said: Any) -> None:
    with suppress(BadRecipe):
        compile_recipes(said)
