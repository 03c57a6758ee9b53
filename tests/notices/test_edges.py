"""What turns, as a function of how runs end."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notices.edges import Standing, learn_empty, learn_end
from scraper.notices.moved import read_moved


def edges_of(codes: list[int], after: int = 2) -> list[str]:
    """By run: b for broken, r for recovered."""
    standing, edges = Standing(), []
    for code in codes:
        standing, edge = learn_end(standing, code, after)
        edges.append(edge[0] if edge else ".")
    return edges


@pytest.mark.parametrize(
    ("codes", "edges"),
    [
        ([0, 0, 0], "..."),
        ([3, 0, 3, 0, 5, 0], "......"),
        ([3, 3, 3, 3, 0, 0], ".b..r."),
        ([5, 4, 5, 0], ".b.r"),
        ([3, 5, 0], ".br"),
        ([3, 3, 5, 5, 5, 0], ".b.b.r"),
        ([5, 5, 3, 3, 5, 5, 0], ".b...br"),
    ],
)
def test_only_what_turns_is_an_edge(codes: list[int], edges: str) -> None:
    assert edges_of(codes) == list(edges)


@given(
    st.lists(st.sampled_from([0, 0, 0, 1, 3, 4, 5]), max_size=60),
    st.integers(1, 4),
)
def test_edges_alternate_and_follow_the_runs(
    codes: list[int], after: int
) -> None:
    edges = edges_of(codes, after)
    reported = 0
    for number, edge in enumerate(edges):
        if edge == "b":
            assert all(codes[number + 1 - after : number + 1])
            reported += 1
            assert reported <= 2 or 3 in codes, "a grade once"
        elif edge == "r":
            assert reported
            assert codes[number] == 0
            reported = 0
        is_bad = number + 1 >= after and all(
            codes[number + 1 - after : number + 1]
        )
        assert not is_bad or reported, "no edge is missed"


def test_a_field_is_reported_when_it_goes_and_not_again_until_it_was_back() -> (
    None
):
    standing, new = learn_empty(Standing(), [("a", "x"), ("a", None)])
    assert new == [("a", "x"), ("a", None)]
    standing, new = learn_empty(standing, [("a", "x"), ("b", "y")])
    assert new == [("b", "y")]
    standing, new = learn_empty(standing, [])
    assert not new
    kept = msgspec.json.decode(msgspec.json.encode(standing), type=Standing)
    assert learn_empty(kept, [("a", "x")])[1] == [("a", "x")]


def line(number: int, change: str, **more: Any) -> bytes:
    found = {"pass": number, "id": "k", "url": "u", "change": change}
    found |= {"reason": None, "noise": False, "what": {}}
    return json.dumps(found | more).encode() + b"\n"


PRICE = {"fields": {"values": [{"field": "shop.price"}], "total": 1}}


def test_what_is_worth_a_notice() -> None:
    lines = [
        line(1, "new"),
        b"\0\0 a power cut\n",
        line(2, "changed", what=PRICE),
        line(2, "changed", what={"links": {}}),
        line(2, "changed", noise=True, what={"bytes": {}}),
        line(2, "unknown", reason="http_503"),
        line(3, "gone"),
    ]
    file = io.BytesIO(b"".join(lines))
    moved = read_moved(file, 0, range(2, 4), ())
    assert moved.counts == {"changed": 2, "gone": 1}
    assert moved.end == len(file.getvalue())
    for wanted in ("price", "shop.price", "fields"):
        assert read_moved(file, 0, range(2, 4), [wanted]).counts == {
            "changed": 1
        }
    begin = len(lines[0])
    assert read_moved(file, begin, range(2, 4), ()).counts == moved.counts
    assert not read_moved(file, moved.end, range(2, 4), ()).counts
    # a file that was moved away begins anew
    assert read_moved(file, 10**6, range(2, 4), ()).counts == moved.counts


def test_a_notice_is_bounded() -> None:
    long = line(2, "changed", what={"title": {"before": "x" * 10**6}})
    moved = read_moved(io.BytesIO(long * 50), 0, range(2, 3), ())
    assert moved.counts == {"changed": 50}
    assert len(json.dumps(moved.lines)) < 10_000
