"""How large pictures become: by the rules of the modes, and by img2dataset's own steps."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.image.variants.sizes import MODES, Resize, Size, Target

sides = st.integers(1, 70_000)
boxes = st.integers(1, 5_000)
asked = st.builds(
    Resize,
    boxes,
    boxes,
    st.sampled_from(MODES),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("mode", "scaled", "final"),
    [
        ("fit", (300, 169), (300, 169)),
        ("smallest", (356, 200), (356, 200)),
        ("cover", (356, 200), (300, 200)),
        ("pad", (300, 169), (300, 200)),
        ("stretch", (300, 200), (300, 200)),
        ("max_pixels", (326, 183), (326, 183)),
    ],
)
def test_the_table_of_the_guide(mode: str, scaled: Size, final: Size) -> None:
    target = Resize(300, 200, mode).target_of((1_600, 900))
    assert target == Target(scaled, final)


@pytest.mark.parametrize("mode", MODES)
def test_a_side_of_zero_keeps_every_size(mode: str) -> None:
    for size in ((1, 1), (700, 3)):
        assert Resize(0, 0, mode).target_of(size) == Target(size, size)


@given(asked, sides, sides)
def test_nothing_becomes_larger_unless_it_is_asked(
    asked: Resize, width: int, height: int
) -> None:
    scaled, final = asked.target_of((width, height))
    assert min(*scaled, *final) >= 1
    if not asked.enlarge:
        assert scaled[0] <= width
        assert scaled[1] <= height


@given(asked, sides, sides)
def test_the_shape_is_kept(asked: Resize, width: int, height: int) -> None:
    (wide, high), _ = asked.target_of((width, height))
    if asked.mode == "stretch" or 1 in (wide, high):
        return
    # each side is the exact one, to a pixel
    assert abs(wide * height - high * width) <= width + height


@given(asked, sides, sides)
@example(Resize(3, 3, "max_pixels"), 70_000, 1)
def test_what_each_mode_promises(
    asked: Resize, width: int, height: int
) -> None:
    asked = Resize(
        asked.width,
        asked.height,
        asked.mode,
        enlarge=True,
    )
    box = asked.width, asked.height
    scaled, final = asked.target_of((width, height))
    within = scaled[0] <= box[0] and scaled[1] <= box[1]
    fills = scaled[0] >= box[0] and scaled[1] >= box[1]
    touches = scaled[0] == box[0] or scaled[1] == box[1]
    holds = {
        "fit": within and touches and final == scaled,
        "smallest": fills and touches and final == scaled,
        "cover": fills and touches and final == box,
        "pad": within and touches and final == box,
        "stretch": scaled == final == box,
        "max_pixels": scaled[0] * scaled[1] <= box[0] * box[1],
    }
    assert holds[asked.mode]


@given(st.integers(1, 300), st.integers(1, 300), st.integers(10, 90_000))
def test_as_many_pixels_as_the_shape_allows(
    width: int, height: int, pixels: int
) -> None:
    asked = Resize(
        pixels,
        1,
        "max_pixels",
        enlarge=True,
    )
    wide, high = asked.target_of((width, height)).scaled
    # one column and one row more would be too many
    assert (wide + 1) * (high + 1) >= pixels


def img2dataset(size: Size, side: int, mode: str, only_bigger: bool) -> Size:
    """The steps of its resizer, with those of the library that it calls."""
    width, height = size
    measure = min if mode in ("keep_ratio", "center_crop") else max
    measured = measure(width, height)
    if only_bigger and measured <= side:
        return size
    scale = side / float(measured)
    if scale != 1.0:
        width, height = round(width * scale), round(height * scale)
    if mode in ("center_crop", "border"):
        return side, side
    return width, height


OURS = {
    "keep_ratio": "smallest",
    "keep_ratio_largest": "fit",
    "center_crop": "cover",
    "border": "pad",
}


@pytest.mark.parametrize(
    ("theirs", "only_bigger"), [*product(OURS, (True, False))]
)
def test_the_sizes_are_those_of_img2dataset(
    theirs: str, only_bigger: bool
) -> None:
    random = Random(theirs)
    for _ in range(200):
        size = random.randint(20, 3_000), random.randint(20, 3_000)
        side = random.choice([64, 224, 256, 333, 512, 1_024])
        asked = Resize(
            side,
            side,
            OURS[theirs],
            enlarge=not only_bigger,
        )
        expected = img2dataset(
            size,
            side,
            theirs,
            only_bigger,
        )
        assert asked.target_of(size).final == expected, size
