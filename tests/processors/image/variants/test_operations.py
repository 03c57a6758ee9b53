"""Operations pixel by pixel: each expected picture is made by another route than Pillow's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from processors.image.variants.operations import check_words
from tests.processors.image.references import (
    GRAY,
    RGB,
    Made,
    Pixel,
    make,
    png,
)

# five columns and four rows, each pixel of its own colour
WIDTH, HEIGHT = 5, 4
PIXELS = [(10 * x, 50 * y, 200) for y in range(HEIGHT) for x in range(WIDTH)]
SCENE = png(
    WIDTH,
    8,
    RGB,
    [sample for pixel in PIXELS for sample in pixel],
)


def row(y: int, columns: Sequence[int]) -> list[Pixel]:
    return [PIXELS[WIDTH * y + x] for x in columns]


def rows(
    down: Sequence[int],
    across: Sequence[int],
) -> list[Pixel]:
    return [pixel for y in down for pixel in row(y, across)]


def done(folder: Path, *words: str, **options: object) -> Made:
    return make(
        folder,
        SCENE,
        op=words,
        **options,
    )


@pytest.mark.parametrize(
    ("box", "down", "across"),
    [
        ("1,1,4,3", [1, 2], [1, 2, 3]),
        ("1,0,-1,-2", [0, 1], [1, 2, 3]),
        ("-2,-2,99,99", [2, 3], [3, 4]),
        ("20%,25%,80%,75%", [1, 2], [1, 2, 3]),
        ("0%,0%,100%,100%", range(4), range(5)),
        # of what is not there one pixel is left
        ("90,90,99,99", [3], [4]),
        ("40%,50%,40.1%,50.1%", [2], [2]),
        ("2, 1, 50%, -1", [1, 2], [2]),
    ],
)
def test_a_box_is_cut_out(
    tmp_path: Path, box: str, down: Sequence[int], across: Sequence[int]
) -> None:
    made = done(tmp_path, f"crop={box}")
    assert made.size == (len(across), len(down))
    assert made.pixels == rows(down, across)
    assert made.variant["changes"] == [f"crop={box}"]


def test_a_quarter_turn_is_clockwise(tmp_path: Path) -> None:
    made = done(tmp_path, "rotate=90")
    assert made.size == (HEIGHT, WIDTH)
    upwards = range(HEIGHT - 1, -1, -1)
    assert made.pixels == [
        PIXELS[WIDTH * y + x] for x in range(WIDTH) for y in upwards
    ]
    assert made.pixels == done(tmp_path, "rotate=-270").pixels


def test_what_is_placed_comes_where_it_is_placed(tmp_path: Path) -> None:
    made = done(
        tmp_path,
        "crop=0,0,2,2",
        "gray",
        "resize",
        "rotate=180",
        resize="1x2",
        resize_mode="cover",
    )
    assert (made.size, made.mode) == ((1, 2), "L")
    assert made.variant["changes"] == [
        "crop=0,0,2,2",
        "grayscale",
        "cropped",
        "rotate=180",
    ]


def test_gray_and_size_come_first(tmp_path: Path) -> None:
    made = make(
        tmp_path,
        png(4, 8, GRAY, [7] * 16),
        op=("crop=0,0,1,1",),
        resize=2,
    )
    assert made.pixels == [(7,)]
    assert made.variant["changes"] == ["resized", "crop=0,0,1,1"]


@pytest.mark.parametrize(
    "word",
    [
        "", "crop", "crop=1,2,3", "crop=3,0,3,9", "crop=50%,0,10%,9", "crop=0,-1,9,-2",
        "crop=0,0,1.5,9", "crop=0,0,101%,9", "crop=-5%,0,9,9", "rotate", "rotate=nan",
        "rotate=361", "blur", "blur=-1", "blur=1001", "blur=inf", "sharpen=x", "autocontrast=50",
        "resize=5", "gray=1", "Blur=2", "invert",
    ],
)  # fmt: skip
def test_a_word_that_is_wrong(word: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no operation|is not right: write"
    ):
        check_words([word])


def test_a_place_is_one() -> None:
    with pytest.raises(ValueError, match="gray stands twice"):
        check_words(["gray", "blur=1", "gray"])
