"""Two texts beside each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.reports.diffs import GAP, Line, diff_texts, diff_values

MARKS = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}


def shown(line: Line) -> str:
    return "".join(MARKS[each.style].format(each.text) for each in line)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("costs 12 now", "costs 13 now", "costs [-12-]{+13+} now"),
        ("one", "two", "[-one-]{+two+}"),
        (12, 13, "[-12-]{+13+}"),
        (None, "new", "{+new+}"),
        ("old", None, "[-old-]"),
        (["a"], {"b": 1}, '[-["a"]-]{+{"b":1}+}'),
        ("a b c d e f g X h i j k l m", "a b c d e f g Y h i j k l m",
         "…d e f g [-X-]{+Y+} h i j k …"),
    ],
)  # fmt: skip
def test_values(before: Any, after: Any, expected: str) -> None:
    found = shown(diff_values(before, after))
    assert found.replace(" " + GAP, GAP) == expected.replace(" " + GAP, GAP)


def test_lines() -> None:
    lines = diff_texts("same\nold price 1\ngone", "same\nold price 2\n")
    assert [shown(each) for each in lines] == [
        "old price [-1-]{+2+}",
        "[-gone-]",
    ]


words = st.lists(st.sampled_from(["a", "b", "c", "dd", " "]), max_size=12)


@given(words, words)
def test_both_texts_can_be_read_out_of_it(
    before: list[str], after: list[str]
) -> None:
    one, other = "".join(before), "".join(after)
    line = diff_values(one, other)
    if any(GAP in each.text for each in line):
        return
    for text, style in ((one, "added"), (other, "removed")):
        kept = "".join(each.text for each in line if each.style != style)
        assert kept == text
