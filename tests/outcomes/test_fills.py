"""Which fields recipes have filled: read, added up, and given on without a loss."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.outcomes.fills import Fills, RecipeFill

BOOKS = '[["books",20,{"title":20,"price":19}],["select",1,{"h1":0}]]'


def text_of(url: list[tuple[str, int, dict[str, int]]]) -> str:
    return json.dumps(url, separators=(",", ":"))


NAMES = st.sampled_from(["title", "price", "größe", 'a"b'])
RECIPES = st.dictionaries(
    st.sampled_from(["books", "recipe 2"]),
    st.tuples(st.integers(0, 30), st.dictionaries(NAMES, st.integers(0, 30))),
)
URLS = st.lists(
    RECIPES.map(lambda url: text_of([(r, *each) for r, each in url.items()])),
    max_size=9,
)


def added(*texts: str) -> Fills:
    total = Fills()
    for text in texts:
        total.add(Fills.of_text(text))
    return total


def test_the_text_of_one_url_says_what_each_recipe_came_to() -> None:
    assert Fills.of_text(BOOKS).recipes == {
        "books": RecipeFill(1, 20, {"title": 20, "price": 19}),
        "select": RecipeFill(1, 1, {"h1": 0}),
    }


def test_it_is_plain_data_for_everybody() -> None:
    assert added(BOOKS, BOOKS).as_dict() == {
        "books": {
            "pages": 2,
            "of": 40,
            "fields": {"title": 40, "price": 38},
        },
        "select": {"pages": 2, "of": 2, "fields": {"h1": 0}},
    }


@given(URLS, URLS)
def test_counts_add_up_in_any_parts(some: list[str], others: list[str]) -> None:
    in_parts = added(*some)
    in_parts.add(added(*others))
    assert in_parts == added(*some, *others) == added(*others, *some)


@given(URLS, st.integers(1, 9))
def test_so_many_times_is_so_often_once(texts: list[str], times: int) -> None:
    at_once = Fills()
    at_once.add(added(*texts), times)
    assert at_once == added(*texts * times)


@given(URLS)
def test_what_json_gives_back_is_the_same(texts: list[str]) -> None:
    fills = added(*texts)
    plain = json.loads(json.dumps(fills.as_dict()))
    assert Fills.of_dict(plain) == fills


@given(URLS)
def test_to_add_changes_nothing_but_the_sum(texts: list[str]) -> None:
    each = added(*texts)
    before = each.as_dict()
    total = Fills()
    total.add(each)
    total.add(each)
    assert each.as_dict() == before


def test_what_is_expected_is_there_though_nothing_came_of_it() -> None:
    fills = Fills.of_text(BOOKS)
    fills.expect("books", ["title", "stock"])
    fills.expect("news", ["date"])
    assert fills.recipes["books"] == RecipeFill(
        1, 20, {"title": 20, "price": 19, "stock": 0}
    )
    assert fills.recipes["news"] == RecipeFill(0, 0, {"date": 0})


def test_the_share_of_nothing_is_none() -> None:
    assert RecipeFill().share("title") == 0.0
    assert RecipeFill(1, 4, {"title": 3}).share("title") == 0.75


@pytest.mark.parametrize("wrong", [[], {"books": 3}, {"books": {"of": "x"}}])
def test_other_data_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Fills.of_dict(wrong)  # type: ignore[arg-type]
