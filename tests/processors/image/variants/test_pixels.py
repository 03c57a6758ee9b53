"""A picture is the same while its pixels are, whatever file they come in."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from processors.image import Plan, process
from processors.image.plan import Variant
from processors.image.variants import pixels

SIDES = (40, 30)  # copied; the default box is 512
LARGE = (640, 480)  # made smaller


def noise(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    seed = random.Random(1)
    count = size[0] * size[1] * len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, size, seed.randbytes(count))


def saved(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def hash_of(tmp_path: Path) -> Any:
    def read(body: bytes, **options: Any) -> str:
        (tmp_path / "original").write_bytes(body)
        out = str(tmp_path / "made")
        plan = Plan(**options)
        facts = process(str(tmp_path / "original"), plan, out, "x").facts
        return str(facts["pixels_hash"])

    return read


def commented(picture: Image.Image) -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "saved on Monday")
    return saved(picture, pnginfo=words)


@pytest.mark.parametrize("size", [SIDES, LARGE])
def test_another_compression_and_metadata_are_no_other_picture(
    hash_of: Any, size: tuple[int, int]
) -> None:
    picture = noise(size)
    first = hash_of(saved(picture, compress_level=9))
    assert len(first) == 16
    assert hash_of(saved(picture, compress_level=0)) == first
    assert hash_of(commented(picture)) == first


@pytest.mark.parametrize("size", [SIDES, LARGE])
def test_a_jpeg_is_the_same_in_another_order_of_its_data(
    hash_of: Any, size: tuple[int, int]
) -> None:
    picture = noise(size)
    first = hash_of(saved(picture, "JPEG", quality=90))
    options = {"quality": 90, "progressive": True, "comment": b"again"}
    assert hash_of(saved(picture, "JPEG", **options)) == first


def test_one_other_pixel_is_another_picture(hash_of: Any) -> None:
    picture = noise(SIDES)
    first = hash_of(saved(picture))
    picture.putpixel((17, 11), (0, 0, 0))
    assert hash_of(saved(picture)) != first


def test_the_same_bytes_in_another_shape_are_another_picture(
    hash_of: Any,
) -> None:
    picture = noise(SIDES)
    turned = Image.frombytes("RGB", SIDES[::-1], picture.tobytes())
    assert hash_of(saved(picture)) != hash_of(saved(turned))


def test_all_variants_count(hash_of: Any) -> None:
    left = Variant(name="left", op=("crop=0,0,20,30",), resize=0)
    right = Variant(name="right", op=("crop=20,0,40,30",), resize=0)
    picture = noise(SIDES)
    other = picture.copy()
    other.putpixel((39, 29), (0, 0, 0))
    variants = {"variants": (left, right)}
    one = {"variants": (left,)}
    assert hash_of(saved(picture), **one) == hash_of(saved(other), **one)
    assert hash_of(saved(picture), **variants) != hash_of(
        saved(other), **variants
    )


def test_a_large_copy_is_known_by_its_file_without_metadata(
    hash_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = noise(SIDES)
    first, second = (
        saved(picture, compress_level=9),
        saved(picture, compress_level=0),
    )
    assert hash_of(first) == hash_of(second)
    monkeypatch.setattr(pixels, "MAX_PIXELS", SIDES[0] * SIDES[1] - 1)
    assert hash_of(first) != hash_of(second)
    assert hash_of(saved(picture)) == hash_of(commented(picture))


def test_a_picture_that_moves_is_the_same_without_its_comment(
    hash_of: Any,
) -> None:
    frames = [noise(SIDES, "L"), noise(SIDES[::-1], "L").resize(SIDES)]

    def film(comment: bytes, frames: list[Image.Image] = frames) -> bytes:
        options = {"save_all": True, "append_images": frames[1:]}
        return saved(frames[0], "GIF", comment=comment, **options)

    first = hash_of(film(b"one"), frames="all")
    assert hash_of(film(b"two"), frames="all") == first
    assert hash_of(film(b"one", frames[::-1]), frames="all") != first
