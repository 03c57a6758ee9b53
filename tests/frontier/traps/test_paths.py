"""What shows in a path alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.frontier.traps.paths import (
    is_date,
    masked,
    most_repeats,
    segments_of,
)

NAMES = st.sampled_from("abc")


@pytest.mark.parametrize(
    ("path", "times", "which"),
    [
        ("/", 1, ""),
        ("/a/b/c", 1, ""),
        ("/a/a/b", 2, "a"),
        ("/a/b/a/b/a/b/", 3, "a/b"),
        ("/x/a/b/c/a/b/c/y", 2, "a/b/c"),
        # not in a row
        ("/a/x/a/y/a/z", 1, ""),
        # dates, and places of files
        ("/2011/11/11/11/11", 1, ""),
        ("/0/0/0/0/7.png", 1, ""),
        # nothing between the slashes, which says nothing
        ("/////////a", 1, ""),
    ],
)
def test_what_stands_in_a_row_is_counted(
    path: str, times: int, which: str
) -> None:
    assert most_repeats(segments_of(path)) == (times, which)


@given(st.lists(NAMES, min_size=1, max_size=4), st.integers(2, 6))
def test_a_sequence_that_repeats_is_found_at_least_so_often(
    sequence: list[str], times: int
) -> None:
    found, _ = most_repeats(["x", *sequence * times, "y"])
    assert found >= times


@given(st.lists(NAMES, max_size=12))
def test_what_is_found_stands_there(segments: list[str]) -> None:
    times, which = most_repeats(segments)
    if times > 1:
        row = f"{which}/" * times
        assert row in f"{'/'.join(segments)}/"


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("about", "about"),
        ("17", "#"),
        ("shirt-17-b2", "shirt-#-b#"),
        ("0a1b2c3d4e", "#"),
        ("(S(mqzk4a55f3lkzh))", "(S(#))"),
        ("2031-05-17", "#-#-#"),
    ],
)
def test_numbers_and_ids_are_masked(name: str, mask: str) -> None:
    assert masked(name) == mask
    assert masked(mask) == mask


@pytest.mark.parametrize(
    "text", ["2031", "2031-05", "2031/5/17", "20310517", "05-2031"]
)
def test_dates_are_known(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize("text", ["", "7", "4711", "red", "0a1b2c3d"])
def test_what_is_no_date(text: str) -> None:
    assert not is_date(text)
