"""What is cut off and put around, pixel by pixel; several variants of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from processors import Unusable
from processors.image import Plan, process
from processors.image.plan import Variant
from processors.image.variants.sizes import MODES
from tests.processors.image.references import (
    RGB,
    RGB_ALPHA,
    exif,
    make,
    png,
    read_png,
)

# five columns and three rows, each pixel of its own colour
WIDE = [(10 * x, 50 * y, 200) for y in range(3) for x in range(5)]


def flat(pixels: Sequence[Sequence[int]]) -> list[int]:
    return [*chain.from_iterable(pixels)]


def wide(*chunks: tuple[bytes, bytes]) -> bytes:
    return png(
        5,
        8,
        RGB,
        flat(WIDE),
        *chunks,
    )


def test_the_odd_pixel_is_cut_off_on_the_right(tmp_path: Path) -> None:
    made = make(
        tmp_path,
        wide(),
        resize="2x3",
        resize_mode="cover",
    )
    assert made.size == (2, 3)
    assert made.pixels == [WIDE[5 * y + x] for y in range(3) for x in (1, 2)]
    assert made.variant["changes"] == ["cropped"]


def test_the_odd_pixel_is_put_on_the_right_and_below(tmp_path: Path) -> None:
    made = make(
        tmp_path,
        wide(),
        resize="5x6",
        resize_mode="pad",
        matte="#102030",
    )
    assert made.size == (5, 6)
    ground = [(16, 32, 48)] * 5
    assert made.pixels == [*ground, *WIDE, *ground, *ground]
    assert made.variant["changes"] == ["padded"]


def test_what_is_put_around_alpha_is_clear(tmp_path: Path) -> None:
    column = [(1, 2, 3, 255), (4, 5, 6, 100)]
    body = png(
        1,
        8,
        RGB_ALPHA,
        flat(column),
    )
    made = make(
        tmp_path,
        body,
        resize="3x2",
        resize_mode="pad",
    )
    clear = (0, 0, 0, 0)
    assert made.pixels == [
        clear, column[0], clear,
        clear, column[1], clear,
    ]  # fmt: skip


def test_the_box_is_that_of_the_picture_held_upright(tmp_path: Path) -> None:
    """Orientation 6: what lies in the file is to be turned to the right."""
    made = make(
        tmp_path,
        wide((b"eXIf", exif(6))),
        resize="3x1",
        resize_mode="cover",
    )
    # upright it is three wide and five high; row 2 is column 2 of the file, from below
    assert made.size == (3, 1)
    assert made.pixels == [WIDE[5 * y + 2] for y in (2, 1, 0)]
    assert made.variant["changes"] == ["rotated", "cropped"]


@pytest.mark.parametrize("mode", MODES)
def test_a_small_picture_stays_as_it_is(tmp_path: Path, mode: str) -> None:
    made = make(
        tmp_path,
        wide(),
        resize=7,
        resize_mode=mode,
    )
    assert (made.size, made.pixels) == ((5, 3), WIDE)
    assert made.variant["changes"] == []


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        ("fit", (10, 6)),
        ("smallest", (17, 10)),
        ("cover", (10, 10)),
        ("pad", (10, 10)),
        ("stretch", (10, 10)),
        ("max_pixels", (12, 7)),
    ],
)
def test_it_becomes_larger_if_that_is_asked(
    tmp_path: Path, mode: str, size: tuple[int, int]
) -> None:
    made = make(
        tmp_path,
        wide(),
        resize=10,
        resize_mode=mode,
        enlarge=True,
    )
    assert made.size == size


def test_a_ribbon_that_would_fill_the_memory_is_refused(
    tmp_path: Path,
) -> None:
    ribbon = png(
        1,
        8,
        RGB,
        [9] * 1_200,
    )
    with pytest.raises(Unusable) as refused:
        make(
            tmp_path,
            ribbon,
            resize=1_000,
            resize_mode="cover",
            enlarge=True,
        )
    assert refused.value.kind == "image_too_large"
    assert "1000 x 400000" in refused.value.message


# -- several variants ---------------------------------------------------------------------------


def test_each_variant_is_what_it_would_be_alone(tmp_path: Path) -> None:
    pixels = [
        (x * 4 % 256, y * 5 % 256, (x + y) % 256)
        for y in range(48)
        for x in range(64)
    ]
    path = tmp_path / "original"
    body = png(
        64,
        8,
        RGB,
        flat(pixels),
    )
    path.write_bytes(body)
    asked: dict[str, dict[str, Any]] = {
        "large": {"resize": 40},
        "gray": {"resize": 40, "grayscale": True},
        "thumb": {"resize": "16x16", "resize_mode": "cover"},
        "whole": {"resize": 0, "format": "webp"},
    }
    variants = tuple(Variant(name=name, **each) for name, each in asked.items())
    out = str(tmp_path / "made")
    made = process(
        str(path),
        Plan(variants=variants),
        out,
        "p",
    )
    assert [final for _, final in made.files] == [
        "p@large.png",
        "p@gray.png",
        "p@thumb.png",
        "p@whole.webp",
    ]
    for (file, _), facts, options in zip(
        made.files, made.facts["processed"], asked.values(), strict=True
    ):
        alone = process(
            str(path),
            Plan(**options),
            f"{out}-alone",
            "q",
        )
        assert Path(file).read_bytes() == Path(alone.files[0][0]).read_bytes()
        own = {"variant", "path"}
        assert {k: v for k, v in facts.items() if k not in own} == {
            k: v for k, v in alone.facts["processed"][0].items() if k not in own
        }
    assert read_png(Path(made.files[2][0]).read_bytes())[1] == (16, 16)


def test_all_variants_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "original"
    path.write_bytes(wide())
    (tmp_path / "made.v1").mkdir()
    two = (Variant(name="one"), Variant(name="two"))
    with pytest.raises(OSError, match=r"made\.v1"):
        process(
            str(path),
            Plan(variants=two),
            str(tmp_path / "made"),
            "p",
        )
    assert not (tmp_path / "made.v0").exists()
