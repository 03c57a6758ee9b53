"""What is gray is gray in every pixel of every format, as its decoder gives it."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.processors.image.references import (
    GRAY,
    GRAY_ALPHA,
    RGB,
    luma,
    make_file,
    png,
)

NOISE = Image.effect_noise((96, 64), 120)
LEVELS = list(NOISE.tobytes())


def bands_of(content: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(content)) as image:
        picture = image.convert(
            "RGBA" if image.has_transparency_data else "RGB"
        )
        return [band.tobytes() for band in picture.split()]


@pytest.mark.parametrize("format", ["webp", "avif", "png", "jpeg"])
@pytest.mark.parametrize("colour", [GRAY, GRAY_ALPHA])
@pytest.mark.parametrize("resize", [0, 40])
def test_what_is_gray_has_no_tint(
    tmp_path: Path, format: str, colour: int, resize: int
) -> None:
    samples = LEVELS
    if colour == GRAY_ALPHA:
        samples = [value for n in LEVELS for value in (n, 255 - n // 2)]
    body = png(96, 8, colour, samples)
    content, _ = make_file(tmp_path, body, format=format, resize=resize)
    red, green, blue, *alpha = bands_of(content)
    assert red == green == blue
    assert bool(alpha) == (colour == GRAY_ALPHA and format != "jpeg")


def test_a_lossy_webp_would_have_a_tint() -> None:
    """The reason for which a gray one is written lossless; if it holds no more, so may be that."""
    written = io.BytesIO()
    NOISE.convert("RGB").save(written, "WEBP", quality=85)
    red, green, blue = bands_of(written.getvalue())
    assert red == blue != green


def test_a_gray_webp_is_exact(tmp_path: Path) -> None:
    body = png(96, 8, GRAY, LEVELS)
    content, variant = make_file(tmp_path, body, format="webp")
    assert variant["mode"] == "RGB"
    assert list(bands_of(content)[0]) == LEVELS


@pytest.mark.parametrize("format", ["webp", "avif", "png", "jpeg"])
def test_what_is_made_gray_has_the_luma_of_its_colours(
    tmp_path: Path, format: str
) -> None:
    colours = [(200, 30, 90), (10, 240, 20), (60, 50, 230), (255, 255, 0)]
    samples = [
        level for colour in colours for _ in range(256) for level in colour
    ]
    body = png(16, 8, RGB, samples)
    content, variant = make_file(
        tmp_path, body, format=format, grayscale=True, quality=95
    )
    assert "grayscale" in variant["changes"]
    red, green, blue = bands_of(content)
    assert red == green == blue
    for number, colour in enumerate(colours):
        middle = red[(number * 16 + 8) * 16 + 8]
        assert abs(middle - luma(colour)) <= 2
