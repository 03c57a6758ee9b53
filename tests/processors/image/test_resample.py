import random
import sys
from itertools import product
from typing import Any

import pytest
from PIL import Image, ImageChops

from processors.image import Plan, decode, resample
from processors.image.resample import Box
from tests.processors.image.test_image import drawn, saved

MODES = ["L", "LA", "RGB", "RGBA", "CMYK"]
SIZES = [
    ((1, 1), (1, 1)),
    ((2, 3), (1, 1)),
    ((1, 700), (1, 512)),
    ((700, 1), (90, 1)),
    ((5_000, 2), (100, 1)),
    ((2, 5_000), (1, 100)),
    ((301, 199), (300, 198)),
    ((301, 199), (150, 99)),
    ((301, 199), (299, 7)),
    ((97, 301), (5, 300)),
    ((640, 480), (16, 12)),
]


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """The hardest picture: each pixel far from its neighbours."""
    chance = random.Random(str((mode, size)))
    bands = len(mode)
    content = chance.randbytes(size[0] * size[1] * bands)
    return Image.frombytes(mode, size, content)


def exact(
    picture: Image.Image, size: tuple[int, int], box: Box | None
) -> Image.Image:
    """Columns, then rows, from each pixel of the picture."""
    left, top, right, bottom = box or (0, 0, *picture.size)
    lanczos, height = Image.Resampling.LANCZOS, size[1]
    high = (0, top, picture.width, bottom)
    columns = picture.resize((picture.width, height), lanczos, high)
    return columns.resize(size, lanczos, (left, 0, right, height))


def farthest(one: Image.Image, other: Image.Image) -> int:
    """By how many levels any pixel of the two differs."""
    assert (one.mode, one.size) == (other.mode, other.size)
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return max(abs(a - b) for a, b in pairs)


def premultiplied(picture: Image.Image) -> Image.Image:
    return picture.convert({"LA": "La", "RGBA": "RGBa"}[picture.mode])


@pytest.fixture
def without_simd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_HAS_SIMD", False)


def test_where_there_is_a_wheel_it_is_used() -> None:
    pytest.importorskip("cykooz_resizer")
    assert resample._HAS_SIMD


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBa", "CMYK"])
@pytest.mark.parametrize("cut", [0, 0.625])
def test_simd_is_within_a_level_of_pillow(mode: str, cut: float) -> None:
    pytest.importorskip("cykooz_resizer")
    for (width, height), size in SIZES:
        picture = noise(mode, (width, height))
        if mode == "RGBa":
            picture = premultiplied(noise("RGBA", (width, height)))
        box = (0, 0, width - cut, height - cut)
        made = resample._by_simd(picture, size, box)
        # one level for each direction
        passes = (width - cut != size[0]) + (height - cut != size[1])
        assert farthest(made, exact(picture, size, box)) <= passes


@pytest.mark.parametrize("mode", MODES)
def test_pillow_alone_is_exact_where_it_takes_each_pixel(mode: str) -> None:
    for (width, height), size in SIZES:
        if width < 4 * size[0] and height < 4 * size[1]:
            picture, box = noise(mode, (width, height)), (0, 0, width, height)
            made = resample._by_pillow(picture, size, box)
            assert made.tobytes() == exact(picture, size, box).tobytes()


def test_pillow_alone_takes_means_first_and_is_near(
    monkeypatch: pytest.MonkeyPatch, without_simd: None
) -> None:
    picture = drawn(size=(2_048, 1_536)).rotate(30)
    near = resample.resample(picture, (128, 96))
    expected = exact(picture, (128, 96), None)
    assert 0 < farthest(near, expected) <= 16
    difference = ImageChops.difference(near, expected).convert("L")
    assert sum(difference.tobytes()) < 0.1 * 128 * 96
    monkeypatch.setattr(resample, "_GAP", None)
    assert resample.resample(picture, (128, 96)) == expected


@pytest.mark.parametrize("has_simd", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_resampled_in_itself(
    monkeypatch: pytest.MonkeyPatch, mode: str, has_simd: bool
) -> None:
    monkeypatch.setattr(resample, "_HAS_SIMD", has_simd and resample._HAS_SIMD)
    picture = noise(mode, (60, 40))
    made = resample.resample(picture, (20, 30))
    assert (made.mode, made.size) == (mode, (20, 30))
    if mode in ("LA", "RGBA"):
        picture, made = premultiplied(picture), premultiplied(made)
    assert farthest(made, exact(picture, (20, 30), None)) <= 2


@pytest.mark.parametrize("has_simd", [True, False])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_cannot_be_seen_colours_nothing(
    monkeypatch: pytest.MonkeyPatch, mode: str, has_simd: bool
) -> None:
    monkeypatch.setattr(resample, "_HAS_SIMD", has_simd and resample._HAS_SIMD)
    bands = len(mode) - 1
    picture = Image.new(mode, (64, 64), (*[0] * bands, 0))
    picture.paste((*[200] * bands, 255), (0, 0, 33, 64))
    made = resample.resample(picture, (16, 16))
    row: list[Any] = [made.getpixel((x, 8)) for x in range(16)]
    assert all(abs(pixel[0] - 200) <= 9 for pixel in row if pixel[-1] > 20)
    assert row[-1][-1] == 0


@pytest.mark.parametrize("version", ["10.4.0", "14.0.0", "20.1"])
def test_a_pillow_that_was_not_tested_resamples_itself(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr("PIL.__version__", version)
    assert not fresh(monkeypatch)._HAS_SIMD


def test_without_the_wheel_pillow_resamples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cykooz_resizer", None)
    module = fresh(monkeypatch)
    assert not module._HAS_SIMD
    made = module.resample(drawn(size=(64, 48)), (16, 12))
    assert made.size == (16, 12)


def fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported anew."""
    from importlib import import_module

    name = "processors.image.resample"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("processors.image.resample", resample)
    return import_module(name)


@pytest.mark.parametrize(
    ("longest", "decoded"),
    [
        (2_047, 2_048),
        (820, 2_048),  # a half has less than 1.25 times as many pixels
        (819, 1_024),
        (411, 1_024),
        (410, 512),
        (206, 512),
        (205, 256),
        (10, 256),
    ],
)
def test_a_jpeg_is_decoded_to_no_fewer_pixels_than_look_like_all(
    monkeypatch: pytest.MonkeyPatch, longest: int, decoded: int
) -> None:
    seen = []

    def note(picture: Image.Image, *rest: Any) -> Image.Image:
        seen.append(picture.size)
        return resample.resample(picture, *rest)

    monkeypatch.setattr(decode, "resample", note)
    for wide, format in product((True, False), ("JPEG", "PNG")):
        size = (2_048, 1_024) if wide else (1_024, 2_048)
        target = Plan(resize=longest).sizes.target_of(size)
        wanted = decode.Wanted(target.scaled, grayscale=False)
        with Image.open(saving(size, format)) as image:
            decode.decode(image, b"", [wanted]).fitted(wanted)
        side = decoded if format == "JPEG" else 2_048
        assert max(seen.pop()) == side


def saving(size: tuple[int, int], format: str) -> Any:
    from io import BytesIO

    return BytesIO(saved(Image.new("RGB", size), format))
