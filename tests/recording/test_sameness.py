"""What differs between two records, and what of it is noise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.recording.sameness import (
    KINDS,
    MAX_FIELDS,
    MAX_LINKS,
    Change,
    Differences,
    LinkChanges,
    differences,
)
from scraper.recording.value_changes import ValueChange

PAGE: dict[str, Any] = {
    "status": 200,
    "kind": "page",
    "sha256": "aa",
    "title": "Hats",
    "text_hash": "11",
    "links": [{"url": "http://a/1", "text": "one", "rel": []}],
    "cut": [],
    "fields": {"price": 19, "name": "hat"},
}
PICTURE: dict[str, Any] = {
    "status": 200,
    "kind": "image",
    "sha256": "aa",
    "pixels_hash": "11",
}
FACTS = {
    "status": st.sampled_from([None, 200, 203, 304]),
    "sha256": st.sampled_from([None, "aa", "bb"]),
    "title": st.sampled_from([None, "Hats", "Coats"]),
    "text_hash": st.sampled_from([None, "11", "22"]),
    "text": st.sampled_from(["", "a hat"]),
    "links": st.lists(
        st.sampled_from(["http://a/1", "http://a/2", "http://a/3"])
    ),
    "cut": st.lists(st.sampled_from(["links", "text"])),
    "fields": st.dictionaries(
        st.sampled_from(["price", "name"]), st.sampled_from([None, 1, "x"])
    ),
    "items": st.lists(st.fixed_dictionaries({"price": st.integers(0, 3)})),
    "data": st.sampled_from([None, [], {"a": 1}, 7]),
    "pixels_hash": st.sampled_from(["11", "22"]),
}
RECORDS = st.fixed_dictionaries({}, optional=FACTS)


@given(RECORDS, st.booleans())
def test_a_record_does_not_differ_from_itself(
    record: dict[str, Any], comparable: bool
) -> None:
    assert differences(record, record, comparable=comparable) == Differences()


@given(RECORDS, RECORDS, st.booleans())
def test_the_same_kinds_differ_both_ways(
    one: dict[str, Any], other: dict[str, Any], comparable: bool
) -> None:
    there = differences(one, other, comparable=comparable)
    back = differences(other, one, comparable=comparable)
    assert (there.kinds, there.is_noise) == (back.kinds, back.is_noise)


@given(RECORDS, RECORDS)
def test_the_order_of_keys_says_nothing(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    reordered = dict(reversed(one.items())), dict(reversed(other.items()))
    assert differences(one, other) == differences(*reordered)


@given(RECORDS, RECORDS)
def test_noise_is_new_bytes_and_nothing_else(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    found = differences(one, other)
    assert not found.is_noise or found.kinds == ("bytes",)


@given(RECORDS, RECORDS)
def test_of_facts_made_in_different_ways_only_status_and_body_are_compared(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    found = differences(one, other, comparable=False)
    assert set(found.kinds) <= {"bytes", "status"}
    assert not found.is_noise, "it is not known"


@pytest.mark.parametrize(
    ("before", "edit", "expected"),
    [
        (PAGE, {"sha256": "bb"}, Differences(bytes=True, is_noise=True)),
        (
            PAGE,
            {"sha256": "bb", "text_hash": "22"},
            Differences(bytes=True, text=True),
        ),
        (
            PAGE,
            {"fields": {"name": "hat", "price": 21}},
            Differences(
                fields=(ValueChange("fields.price", None, 19, 21),),
                fields_total=1,
            ),
        ),
        (PAGE, {"title": None}, Differences(title=Change("Hats", None))),
        (PAGE, {"status": 203}, Differences(status=Change(200, 203))),
        (
            PAGE,
            {"links": [{"url": "http://a/2", "text": "one", "rel": []}]},
            Differences(
                links=LinkChanges(("http://a/2",), 1, ("http://a/1",), 1)
            ),
        ),
        (
            PAGE,
            {"links": [{"url": "http://a/1", "text": "1", "rel": ["next"]}]},
            Differences(),
        ),
        (PICTURE, {"sha256": "bb"}, Differences(bytes=True, is_noise=True)),
        (
            PICTURE,
            {"sha256": "bb", "pixels_hash": "22"},
            Differences(bytes=True, picture=True),
        ),
    ],
)
def test_each_kind(
    before: dict[str, Any], edit: dict[str, Any], expected: Differences
) -> None:
    assert differences(before, before | edit) == expected


def test_each_kind_has_its_name() -> None:
    after = (
        PAGE
        | PICTURE
        | {
            "status": 203,
            "sha256": "bb",
            "title": "Coats",
            "text_hash": "22",
            "links": [],
            "fields": {},
            "pixels_hash": "22",
        }
    )
    assert differences(PAGE | PICTURE, after).kinds == KINDS


@pytest.mark.parametrize("status", [None, 304])
def test_no_answer_is_no_other_status(status: int | None) -> None:
    assert not differences(PAGE, PAGE | {"status": status}).kinds


def test_no_body_is_no_other_body() -> None:
    assert not differences(PAGE, PAGE | {"sha256": None}).kinds
    assert not differences(PAGE | {"sha256": None}, PAGE).kinds


def test_bytes_are_no_noise_where_nothing_else_is_known() -> None:
    file = {"status": 200, "sha256": "aa"}
    assert differences(file, file | {"sha256": "bb"}) == Differences(bytes=True)
    shell = PAGE | {"text_hash": None, "fields": {}}
    assert not differences(shell, shell | {"sha256": "bb"}).is_noise
    assert not differences(PAGE, PICTURE | {"sha256": "bb"}).is_noise


def test_what_one_record_does_not_say_has_not_changed() -> None:
    failed = {key: PAGE[key] for key in ("status", "sha256")}
    assert differences(PAGE, failed) == Differences()


def test_basic_facts_are_compared_by_their_text() -> None:
    basic = {"text": "a hat", "links": ["http://a/1"]}
    found = differences(basic, {"text": "two hats", "links": ["http://a/2"]})
    assert found.kinds == ("text", "links")


def test_of_a_page_that_is_watched_nothing_else_counts() -> None:
    watched = PAGE | {"watched": "19"}
    after = watched | {"sha256": "bb", "title": "Coats", "links": []}
    assert differences(watched, after).is_noise
    assert differences(watched, after | {"text_hash": "22"}).kinds == (
        "bytes",
        "text",
    )
    basic = {"watched": "19", "text": "a hat: 19"}
    assert not differences(basic, basic | {"text": "one hat: 19"}).kinds
    assert differences(basic, basic | {"watched": "21"}).text


def test_links_beyond_the_limit_are_not_known_to_be_gone() -> None:
    cut = PAGE | {"links": [], "cut": ["links"]}
    assert not differences(PAGE, cut).kinds
    assert not differences(cut, PAGE).kinds
    more = cut | {"links": ["http://a/1", "http://a/2"]}
    found = differences(PAGE, more).links
    assert found == LinkChanges(("http://a/2",), 1, (), 0)


def test_what_is_told_is_bounded_and_counted() -> None:
    def page(tens: int) -> dict[str, Any]:
        numbers = range(tens, tens + 10_000)
        return {
            "links": [f"http://a/{number}" for number in numbers],
            "fields": {f"f{number}": number for number in numbers},
        }

    found = differences(page(0), page(10_000))
    assert found.links is not None
    assert len(found.links.added) == len(found.links.removed) == MAX_LINKS
    assert found.links.added_total == found.links.removed_total == 10_000
    assert (len(found.fields), found.fields_total) == (MAX_FIELDS, 20_000)
