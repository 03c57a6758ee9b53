"""Values declared as dataclasses are: by place and name, equal by value, never changed."""

from __future__ import annotations

import copy
import pickle
from typing import ClassVar

import pytest

from scraper.config.frozen import Frozen


class Point(Frozen):
    origin: ClassVar[str] = "no value of a point"
    x: int
    y: int = 0


class Named(Point):
    name: str = "here"


def test_values_are_given_by_place_or_name_and_shown_by_name() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0)"
    assert Named(1, name="there", y=2).as_dict() == {
        "x": 1,
        "y": 2,
        "name": "there",
    }


@pytest.mark.parametrize(
    ("ordered", "named"),
    [
        ((), {}),
        ((), {"y": 1}),
        ((1, 2, 3), {}),
        ((1,), {"x": 1}),
        ((1,), {"z": 1}),
    ],
)
def test_each_value_is_given_once(
    ordered: tuple[int, ...], named: dict[str, int]
) -> None:
    with pytest.raises(TypeError, match="Point takes each of these once: x, y"):
        Point(*ordered, **named)


def test_values_are_equal_and_hashed_by_what_they_hold() -> None:
    assert Point(1, 2) == Point(x=1, y=2)
    assert hash(Point(1, 2)) == hash(Point(x=1, y=2))
    assert Point(1) != Point(2)
    assert Point(1) != Named(1)


def test_a_value_is_never_changed_but_made_anew() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="'x' cannot be set"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="'x' cannot be deleted"):
        del point.x
    assert point.__replace__(y=5) == Point(1, 5)
    assert point == Point(1)


def test_copies_and_pickles_are_equal() -> None:
    assert copy.deepcopy(Named(1)) == Named(1)
    assert pickle.loads(pickle.dumps(Named(1))) == Named(1)
