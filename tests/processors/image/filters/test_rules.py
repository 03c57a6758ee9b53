"""Which pictures are left out, by their bytes and sizes."""

from __future__ import annotations

from dataclasses import fields
from math import inf
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.image.filters.rules import Filters, Rejected
from processors.image.variants.sizes import Size
from scraper.run_folder.pictures import FILTERS


def _reason(filters: Filters, size: Size) -> str:
    try:
        filters.check_size(size)
    except Rejected as rejected:
        return f"{rejected.kind}: {rejected}"
    return ""


def test_the_keys_of_the_configuration_are_those_of_the_rules() -> None:
    assert tuple(each.name for each in fields(Filters)) == FILTERS


@given(st.integers(1, 10**5), st.integers(1, 10**5), st.integers(0, 10**12))
def test_nothing_is_left_out_unless_it_is_asked(
    width: int, height: int, number: int
) -> None:
    Filters().check_size((width, height))
    Filters().check_bytes(number)


@pytest.mark.parametrize(
    ("asked", "size", "reason"),
    [
        ({"min_size": "200"}, (200, 200), ""),
        (
            {"min_size": "200x200"},
            (98, 60),
            "filtered_size: 98 x 60 pixels: --min-size asks for 200 x 200",
        ),
        ({"min_size": "200"}, (199, 900), "filtered_size: 199 x 900 pixels: "
         "--min-size asks for 200 x 200"),
        ({"min_size": "300x0"}, (300, 1), ""),
        (
            {"min_size": "300x0"},
            (299, 900),
            "filtered_size: 299 x 900 pixels: --min-size asks for 300 x any",
        ),
        ({"max_size": "300x200"}, (300, 200), ""),
        (
            {"max_size": "300x200"},
            (200, 300),
            "filtered_size: 200 x 300 pixels: --max-size permits 300 x 200",
        ),
        (
            {"min_area": 10_000},
            (98, 60),
            "filtered_area: 98 x 60 = 5,880 pixels: --min-area asks for 10,000",
        ),
        ({"min_area": 5_880, "max_area": 5_880}, (98, 60), ""),
        (
            {"max_area": 5_879},
            (98, 60),
            "filtered_area: 98 x 60 = 5,880 pixels: --max-area permits 5,879",
        ),
        ({"max_aspect_ratio": 3.0}, (300, 100), ""),
        (
            {"max_aspect_ratio": 3.0},
            (90, 728),
            "filtered_ratio: 90 x 728 pixels, 8.089 to 1: "
            "--max-aspect-ratio permits 3",
        ),
    ],
)  # fmt: skip
def test_sizes(asked: dict[str, Any], size: Size, reason: str) -> None:
    assert _reason(Filters(**asked), size) == reason


def test_bytes() -> None:
    filters = Filters(min_filesize_bytes=5_120, max_filesize_bytes=10**6)
    for number in (5_120, 10**6):
        filters.check_bytes(number)
    with pytest.raises(Rejected, match=r"843 bytes: --min-filesize asks for 5"):
        filters.check_bytes(843)
    with pytest.raises(Rejected, match=r"1,000,001 bytes: --max-filesize pe"):
        filters.check_bytes(10**6 + 1)


sides = st.integers(1, 40)
bounds = st.integers(0, 40)


@given(
    st.builds(
        Filters,
        min_size=st.builds("{}x{}".format, bounds, bounds),
        max_size=st.builds("{}x{}".format, bounds, bounds) | bounds.map(str),
        min_area=st.integers(0, 1_600),
        max_area=st.integers(0, 1_600),
        max_aspect_ratio=st.sampled_from([0.0, 1.0, 1.15, 2.5, 40.0]),
    ),
    sides,
    sides,
)
@example(Filters(max_aspect_ratio=1.15), 23, 20)
def test_as_the_settings_are_defined(
    filters: Filters, width: int, height: int
) -> None:
    """By the words of img2dataset's resizer, side by side."""
    low_width, low_height = (
        map(int, filters.min_size.split("x")) if filters.min_size else (0, 0)
    )
    parts = [int(each) or inf for each in (filters.max_size or "0").split("x")]
    high_width, high_height = parts[0], parts[-1]
    passes = (
        low_width <= width <= high_width
        and low_height <= height <= high_height
        and filters.min_area <= width * height <= (filters.max_area or inf)
        and max(width, height) / min(width, height)
        <= (filters.max_aspect_ratio or inf)
    )
    assert (_reason(filters, (width, height)) == "") == passes
    if passes:
        assert filters.contradiction() == ()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"min_size": "200", "max_size": "200"}, ()),
        ({"min_size": "200x0", "max_size": "0x100"}, ()),
        ({"min_size": "200", "max_size": "300x199"}, ("min_size", "max_size")),
        ({"min_area": 10, "max_area": 9}, ("min_area", "max_area")),
        (
            {"min_filesize_bytes": 2, "max_filesize_bytes": 1},
            ("min_filesize_bytes", "max_filesize_bytes"),
        ),
        ({"max_aspect_ratio": 0.99}, ("max_aspect_ratio",)),
        ({"min_size": "20x10", "max_area": 199}, ("min_size", "max_area")),
        ({"max_size": "20x10", "min_area": 201}, ("max_size", "min_area")),
        (
            {"min_size": "31x0", "max_size": "0x10", "max_aspect_ratio": 3.0},
            ("min_size", "max_size", "max_aspect_ratio"),
        ),
        (
            {"min_size": "30x0", "max_size": "0x10", "max_aspect_ratio": 3.0},
            (),
        ),
    ],
)
def test_what_no_picture_passes_is_known_at_once(
    asked: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert Filters(**asked).contradiction() == names
