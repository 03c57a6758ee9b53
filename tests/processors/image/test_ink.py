"""CMYK and YCCK: what browsers show, and what a profile says."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.processors.image.icc_profiles import (
    ADOBE_PROFILE,
    gray_of_lightness,
    table_profile,
)
from tests.processors.image.references import (
    Pixel,
    differ_by,
    make,
    ycc_to_rgb,
)

INKS: list[Pixel] = [
    (0, 0, 0, 0),
    (255, 0, 0, 0),
    (0, 255, 0, 0),
    (0, 0, 255, 0),
    (0, 0, 0, 255),
    (100, 50, 25, 60),
]


def jpeg_of(inks: list[Pixel], **options: Any) -> bytes:
    """Squares beside each other; Pillow writes ink inverted, as Adobe does, and says so."""
    image = Image.new("CMYK", (16 * len(inks), 16))
    for number, ink in enumerate(inks):
        image.paste(ink, (16 * number, 0, 16 * number + 16, 16))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=100, subsampling=0, **options)
    return written.getvalue()


def squares(folder: Path, body: bytes) -> list[Pixel]:
    made = make(folder, body)
    assert made.mode == "RGB"
    width = made.size[0]
    return [made.pixels[8 * width + x] for x in range(8, width, 16)]


def multiplied(ink: Pixel) -> Pixel:
    """As browsers show it: what ink and black leave of white."""
    *tints, key = (255 - part for part in ink)
    return tuple(round(tint * key / 255) for tint in tints)


def test_ink_without_a_profile_multiplies(tmp_path: Path) -> None:
    found = squares(tmp_path, jpeg_of(INKS))
    assert differ_by(found, [multiplied(ink) for ink in INKS]) <= 2


def test_ink_is_inverted_whether_adobe_says_so_or_not(tmp_path: Path) -> None:
    body = jpeg_of(INKS)
    begin = body.index(b"\xff\xee")
    without = body[:begin] + body[begin + 16 :]
    assert b"Adobe" not in without
    assert squares(tmp_path, without) == squares(tmp_path, body)


def test_luma_and_chroma_of_ink_become_ink(tmp_path: Path) -> None:
    """YCCK: the first three are inverted RGB as Y, Cb and Cr, and black stands as it is."""
    codes = [
        (255, 128, 128, 255),
        (76, 85, 255, 255),
        (150, 44, 21, 200),
        (128, 128, 128, 128),
        (29, 255, 107, 90),
    ]
    written = [tuple(255 - part for part in code) for code in codes]
    body = bytearray(jpeg_of(written))
    transform = body.index(b"Adobe") + 11
    assert body[transform] == 0
    body[transform] = 2
    expected = []
    for y, cb, cr, key in codes:
        tints = [255 - level for level in ycc_to_rgb(y, cb, cr)]
        expected.append(tuple(round(tint * key / 255) for tint in tints))
    assert differ_by(squares(tmp_path, bytes(body)), expected) <= 3


def test_ink_with_a_profile_is_what_the_profile_says(tmp_path: Path) -> None:
    """This one says that any ink is as dark as the most of it, and has no hue."""
    table = table_profile(b"CMYK", 4, "k")
    inks = [(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 0, 128), (0, 0, 0, 255)]
    found = squares(tmp_path, jpeg_of(inks, icc_profile=table))
    expected = [gray_of_lightness(level) for level in (255, 0, 127, 0)]
    assert differ_by(found, expected) <= 3


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_a_profile_of_rgb_says_nothing_of_ink_and_lab(
    tmp_path: Path, mode: str
) -> None:
    image = Image.new(mode, (8, 8), (200, 30, 60, 40)[: len(mode)])
    plain, named = io.BytesIO(), io.BytesIO()
    image.save(plain, "TIFF")
    image.save(named, "TIFF", icc_profile=ADOBE_PROFILE)
    made = make(tmp_path, plain.getvalue(), format="png")
    same = make(tmp_path, named.getvalue(), format="png")
    assert made.pixels == same.pixels
    for each in (made, same):
        assert each.variant["changes"] == ["srgb", "converted"]


def test_ink_is_made_smaller_as_light(tmp_path: Path) -> None:
    """Stripes of blank paper and of full ink: half the light is left, not a quarter."""
    image = Image.new("CMYK", (256, 256))
    for x in range(0, 256, 2):
        image.paste((255, 255, 255, 255), (x, 0, x + 1, 256))
    written = io.BytesIO()
    image.save(written, "TIFF")
    made = make(tmp_path, written.getvalue(), resize=32)
    middle = made.pixels[16 * 32 + 16]
    assert differ_by([middle], [(128, 128, 128)]) <= 4
