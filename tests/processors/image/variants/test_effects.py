"""Operations beside formulas that are written out here, and laws that hold for any picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from math import ceil, cos, exp, radians, sin
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from processors.image import Plan, process
from processors.image.variants.effects import (
    autocontrast,
    blur,
    rotate,
    sharpen,
)
from processors.image.variants.operations import WORDS, check_words, effect_of
from processors.image.variants.sizes import MODES
from tests.processors.image.references import luma

MODES_OF_PICTURES = ("L", "LA", "RGB", "RGBA")
SIDE = 24


def drawn(width: int, height: int, mode: str, seed: int = 0) -> Image.Image:
    bands = len(mode)
    samples = (
        (x * 37 + y * 91 + band * 53 + seed * 29 + x * y * 7) % 256
        for y in range(height)
        for x in range(width)
        for band in range(bands)
    )
    return Image.frombytes(mode, (width, height), bytes(samples))


def plane(picture: Image.Image) -> list[list[float]]:
    """The rows of a gray picture."""
    data, width = picture.tobytes(), picture.width
    return [
        [float(level) for level in data[begin : begin + width]]
        for begin in range(0, len(data), width)
    ]


def gaussian(rows: list[list[float]], sigma: float) -> list[list[float]]:
    """Each pixel is the mean of all, by the curve itself; the edge goes on for ever."""
    for _ in "xy":
        rows = [_blurred(row, sigma) for row in rows]
        rows = [list(column) for column in zip(*rows, strict=True)]
    return rows


def _blurred(row: list[float], sigma: float) -> list[float]:
    reach = ceil(4 * sigma)
    weights = {
        step: exp(-(step**2) / (2 * sigma**2))
        for step in range(-reach, reach + 1)
    }
    total = sum(weights.values())
    last = len(row) - 1
    return [
        sum(
            weight * row[min(max(x + step, 0), last)]
            for step, weight in weights.items()
        )
        / total
        for x in range(len(row))
    ]


def farthest(one: list[list[float]], other: list[list[float]]) -> float:
    return max(
        abs(a - b)
        for row, wanted in zip(one, other, strict=True)
        for a, b in zip(row, wanted, strict=True)
    )


def step_edge() -> Image.Image:
    """Black, then white, and a spot."""
    picture = Image.new("L", (SIDE, SIDE))
    picture.paste(255, (SIDE // 2, 0, SIDE, SIDE))
    picture.putpixel((5, 12), 200)
    return picture


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_a_blur_is_that_of_the_curve(radius: int) -> None:
    """Pillow's boxes come within five levels of it."""
    picture = step_edge()
    expected = gaussian(plane(picture), radius)
    assert farthest(plane(blur(picture, radius)), expected) <= 5


def test_to_sharpen_is_to_add_what_a_blur_takes() -> None:
    picture = step_edge().point([60 + level // 2 for level in range(256)])
    rows = plane(picture)
    blurred = gaussian(rows, 1)
    expected = [
        [min(255, max(0, a + 1.5 * (a - b))) for a, b in zip(row, far, strict=True)]
        for row, far in zip(rows, blurred, strict=True)
    ]  # fmt: skip
    assert farthest(plane(sharpen(picture, 150)), expected) <= 6
    assert sharpen(picture, 0).tobytes() == picture.tobytes()


@pytest.mark.parametrize("effect", [blur, sharpen])
def test_what_is_clear_has_no_colour(
    effect: Callable[[Image.Image, float], Image.Image],
) -> None:
    """Red beside what is clear, and green were it seen: no green comes of it."""
    picture = Image.new("RGBA", (9, 9), (0, 255, 0, 0))
    picture.paste((200, 0, 0, 255), (0, 0, 5, 9))
    made = effect(picture, 2)
    seen = [
        made.getpixel((x, y))
        for x in range(9)
        for y in range(9)
        if made.getchannel("A").getpixel((x, y))
    ]
    assert {pixel[1] for pixel in seen if isinstance(pixel, tuple)} == {0}


def test_from_black_to_white() -> None:
    picture = Image.frombytes("L", (4, 1), bytes([50, 60, 80, 100]))
    expected = [round(255 * (level - 50) / 50) for level in (50, 60, 80, 100)]
    assert list(autocontrast(picture, 0).tobytes()) == expected


def test_hues_stay_and_the_extremes_may_be_cut_off() -> None:
    """Ten pixels of each luma from 0 to 99: without 2 % on both sides from 2 to 97."""
    levels = [level for level in range(100) for _ in range(10)]
    picture = Image.frombytes(
        "RGB", (1000, 1), bytes(each for level in levels for each in [level] * 3)
    )  # fmt: skip
    made = autocontrast(picture, 2).tobytes()
    expected = [min(255, max(0, (level - 2) * 255 / 95)) for level in levels]
    assert all(
        abs(found - wanted) <= 1
        for found, wanted in zip(made[::3], expected, strict=True)
    )
    assert made[::3] == made[1::3] == made[2::3]


def test_pixels_that_are_not_seen_say_nothing_of_contrast() -> None:
    picture = Image.frombytes("LA", (3, 1), bytes([0, 0, 100, 255, 150, 9]))
    assert autocontrast(picture, 0).tobytes()[2:] == bytes([0, 255, 255, 9])


@pytest.mark.parametrize("degrees", [1, 30, 45, 100.5, -20, 300])
@pytest.mark.parametrize("mode", MODES_OF_PICTURES)
def test_all_of_a_picture_is_turned(degrees: float, mode: str) -> None:
    """Its box is that of its corners, its surface stays what it is, and the rest is the ground."""
    width, height = 60, 30
    opaque = (200,) * (len(mode) - 1) + ((255,) if "A" in mode else (200,))
    made = rotate(Image.new(mode, (width, height), opaque), degrees, "black")
    across, down = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    assert made.mode == mode
    assert made.width == ceil(width * across + height * down)
    assert made.height == ceil(width * down + height * across)
    inked = made.getchannel("A") if "A" in mode else made.getchannel(0)
    full = 255 if "A" in mode else 200
    surface = sum(inked.tobytes()) / full
    assert abs(surface - width * height) <= 0.05 * width * height
    assert inked.getpixel((made.width // 2, made.height // 2)) == full


def test_to_turn_is_clockwise() -> None:
    """What points up points to the right, and a little down."""
    picture = Image.new("L", (41, 41))
    picture.paste(255, (20, 0, 21, 12))
    made = rotate(picture, 100, "black")
    lit = [
        (number % made.width, number // made.width)
        for number, level in enumerate(made.tobytes())
        if level > 128
    ]
    middle = made.width / 2
    assert lit
    assert all(x > middle and y > middle - 1 for x, y in lit)


# -- laws -------------------------------------------------------------------------------------


@st.composite
def words(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(WORDS[:-2]))
    if name == "crop":
        edges = st.one_of(
            st.integers(-300, 300).map(str),
            st.integers(0, 100).map("{}%".format),
        )
        value = ",".join(draw(edges) for _ in range(4))
    elif name == "rotate":
        value = str(draw(st.integers(-360, 360)))
    else:
        value = str(draw(st.integers(0, 49)))
    return f"{name}={value}"


def is_right(word: str) -> bool:
    try:
        check_words([word])
    except ValueError:
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(
    mode=st.sampled_from(MODES_OF_PICTURES),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    seed=st.integers(0, 9),
    word=words().filter(is_right),
)
def test_a_word_that_is_right_never_fails(
    mode: str, width: int, height: int, seed: int, word: str
) -> None:
    """Whatever the picture: its mode stays, a pixel is left, and what was given is not touched."""
    picture = drawn(width, height, mode, seed)
    before = picture.tobytes()
    made = effect_of(word, "navy", 10**6)(picture)
    assert made.mode == mode
    assert min(made.size) >= 1
    assert picture.tobytes() == before
    if word.startswith("crop"):
        assert made.width <= width
        assert made.height <= height


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    box=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    resize_mode=st.sampled_from(MODES),
    place=st.integers(0, 2),
    mode=st.sampled_from(MODES_OF_PICTURES),
)
def test_a_chain_with_places_keeps_the_bounds_of_its_box(
    tmp_path: Path,
    width: int,
    height: int,
    box: tuple[int, int],
    resize_mode: str,
    place: int,
    mode: str,
) -> None:
    """No larger than it was, wherever in the chain it is resized, nor than the box allows."""
    words = ["sharpen", "crop=0,0,80%,80%"]
    words.insert(place, "resize")
    file = io.BytesIO()
    drawn(width, height, mode).save(file, "PNG")
    path = tmp_path / "original"
    path.write_bytes(file.getvalue())
    plan = Plan(
        resize=f"{box[0]}x{box[1]}",
        resize_mode=resize_mode,
        op=tuple(words),
        format="png",
    )
    made = process(str(path), plan, str(tmp_path / "made"), "x")
    (facts,) = made.facts["processed"]
    assert 1 <= facts["width"] <= max(width, box[0])
    assert 1 <= facts["height"] <= max(height, box[1])
    if resize_mode != "pad":
        assert (facts["width"], facts["height"]) <= (width, height)
        assert facts["height"] <= height
    if resize_mode == "fit" and place != 2:
        assert facts["width"] <= box[0]


def test_a_jpeg_is_decoded_whole_for_what_comes_before_its_size(
    tmp_path: Path,
) -> None:
    """A tenth of it, which is smaller than the box: pixel for pixel what it was."""
    path = tmp_path / "original"
    drawn(800, 600, "RGB").resize((800, 600)).save(path, "JPEG", quality=95)
    plan = Plan(resize=100, op=("crop=0,0,10%,10%", "resize"), format="png")
    made = process(str(path), plan, str(tmp_path / "made"), "x")
    with Image.open(made.files[0][0]) as found, Image.open(path) as whole:
        assert found.tobytes() == whole.crop((0, 0, 80, 60)).tobytes()


def test_gray_where_it_is_placed_sees_the_colours_before(
    tmp_path: Path,
) -> None:
    """A JPEG whose colours are left out while it is decoded has none to be stretched."""
    path = tmp_path / "original"
    colour = (10, 200, 30)
    Image.new("RGB", (64, 64), colour).save(path, "JPEG", quality=100)
    seen = []
    for op in (("gray",), ("blur=1", "gray"), ()):
        plan = Plan(op=op, grayscale=not op, format="png", resize=8)
        made = process(str(path), plan, str(tmp_path / "made"), "x")
        with Image.open(made.files[0][0]) as found:
            assert found.mode == "L"
            seen.append(found.getpixel((3, 3)))
        changes = made.facts["processed"][0]["changes"]
        assert "grayscale" in changes
    assert all(
        isinstance(level, int) and abs(level - luma(colour)) <= 2
        for level in seen
    )
