"""A user's own function in the chain: what it is given, and what may come of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processors import Unusable
from processors.image import Plan, process, read
from tests.processors.image.references import (
    GRAY,
    GRAY_ALPHA,
    RGB,
    RGB_ALPHA,
    Made,
    make,
    png,
)

HERE = __name__
SEEN: list[tuple[str, tuple[int, int], dict[str, Any]]] = []
BODY = png(
    2,
    8,
    RGB,
    [*range(12)],
)


def remember(picture: Image.Image) -> Image.Image:
    SEEN.append((picture.mode, picture.size, picture.info))
    return picture


def spoil(picture: Image.Image) -> Image.Image:
    """What it does to what it is given is seen by nobody else."""
    picture.paste("red", (0, 0, *picture.size))
    return Image.new("L", (1, 1), 9)


def in_mode(mode: str) -> Image.Image:
    return Image.new("RGB", (2, 2), (255, 0, 0)).convert(mode)


def palette(_: Image.Image) -> Image.Image:
    return in_mode("P")


def ink(_: Image.Image) -> Image.Image:
    return in_mode("CMYK")


def bits(_: Image.Image) -> Image.Image:
    return in_mode("1")


def lab(_: Image.Image) -> Image.Image:
    return Image.new("LAB", (2, 2), (255, 128, 128))


def floats(_: Image.Image) -> Image.Image:
    return Image.new("F", (2, 2), 1.0)


def reads_another(_: Image.Image) -> Image.Image:
    return read(BODY)


def raises(_: Image.Image) -> Image.Image:
    raise ValueError("no such\nthing")


def exits(_: Image.Image) -> Image.Image:
    raise SystemExit(3)


def hoards(_: Image.Image) -> Image.Image:
    raise MemoryError


def nothing(picture: Image.Image) -> None:
    """It forgets to return what it has done."""


def empty(_: Image.Image) -> Image.Image:
    return Image.new("L", (0, 5))


def huge(_: Image.Image) -> Image.Image:
    return Image.new("L", (100, 101))


def unread(_: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(BODY[:-30]))


def done(folder: Path, name: str, **options: Any) -> Made:
    return make(
        folder,
        BODY,
        op=(f"{HERE}:{name}",),
        **options,
    )


@pytest.mark.parametrize(
    ("colour", "mode"),
    [(GRAY, "L"), (RGB, "RGB"), (GRAY_ALPHA, "LA"), (RGB_ALPHA, "RGBA")],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_it_is_given_a_plain_picture(
    tmp_path: Path, colour: int, mode: str, depth: int
) -> None:
    SEEN.clear()
    samples = [100] * 8 * len(mode)
    body = png(
        4,
        depth,
        colour,
        samples,
        (b"tEXt", b"a\0b"),
    )
    make(
        tmp_path,
        body,
        op=(f"{HERE}:remember",),
        resize=2,
    )
    assert [(mode, (2, 1), {})] == SEEN


def test_ink_is_srgb_before_it_is_given(tmp_path: Path) -> None:
    SEEN.clear()
    path = tmp_path / "original"
    Image.new("CMYK", (3, 2)).save(path, "TIFF")
    process(
        str(path),
        Plan(op=(f"{HERE}:remember",)),
        str(tmp_path / "made"),
        "x",
    )
    assert SEEN == [("RGB", (3, 2), {})]


def test_what_it_does_to_the_given_is_seen_by_nobody_else(
    tmp_path: Path,
) -> None:
    one = Plan(op=(f"{HERE}:spoil",), name="one")
    path = tmp_path / "original"
    path.write_bytes(BODY)
    made = process(
        str(path),
        Plan(variants=(one, Plan(name="two", op=("rotate=0",)))),
        str(tmp_path / "made"),
        "x",
    )
    with Image.open(made.files[1][0]) as second:
        assert second.tobytes() == bytes(range(12))


@pytest.mark.parametrize(
    ("name", "mode", "pixel"),
    [
        ("palette", "RGB", (255, 0, 0)),
        ("ink", "RGB", (255, 0, 0)),
        ("bits", "L", None),
        ("lab", "RGB", (255, 255, 255)),
        ("floats", "L", (255,)),
    ],
)
def test_any_picture_may_come_of_it(
    tmp_path: Path, name: str, mode: str, pixel: tuple[int, ...] | None
) -> None:
    made = done(tmp_path, name)
    assert (made.mode, made.size) == (mode, (2, 2))
    assert pixel is None or set(made.pixels) == {pixel}
    assert made.variant["changes"] == [f"{HERE}:{name}"]


def test_it_may_read_other_pictures(tmp_path: Path) -> None:
    assert done(tmp_path, "reads_another").size == (2, 2)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("raises", "function_failed", "raises raised ValueError: no such thing (test_own.py, "),
        ("exits", "function_failed", "exits raised SystemExit: 3 (test_own.py, line "),
        ("nothing", "function_failed", "nothing returned a NoneType, not a PIL image"),
        ("empty", "function_failed", "empty returned a picture without pixels"),
        ("unread", "function_failed", "unread returned a picture that cannot be read: "),
        ("huge", "image_too_large", "100 x 101 pixels are more than the 10,000 allowed"),
    ],
)  # fmt: skip
def test_a_failure_is_that_of_this_picture(
    tmp_path: Path, name: str, kind: str, message: str
) -> None:
    with pytest.raises(Unusable) as failed:
        done(tmp_path, name, max_pixels=10_000)
    assert failed.value.kind == kind
    prefix = f"{HERE}:" if kind == "function_failed" else ""
    assert failed.value.message.startswith(prefix + message)


def test_memory_is_not_its_fault(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        done(tmp_path, "hoards")


# -- pictures that move -----------------------------------------------------------------------


def film(folder: Path) -> Path:
    frames = [
        Image.new("RGB", (12, 8), colour) for colour in ("red", "lime", "blue")
    ]
    path = folder / "film"
    frames[0].save(
        path,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        lossless=True,
    )
    return path


def moved(folder: Path, *words: str) -> Path:
    made = process(
        str(film(folder)),
        Plan(
            frames="all",
            format="png",
            op=words,
        ),
        str(folder / "made"),
        "x",
    )
    (processed,) = made.facts["processed"]
    assert processed["frames"] == 3
    assert processed["changes"] == [*words, "converted"]
    return Path(made.files[0][0])


def test_each_frame_goes_through_the_chain(tmp_path: Path) -> None:
    path = moved(tmp_path, "crop=0,0,50%,100%", "rotate=90")
    with Image.open(path) as image:
        assert image.size == (8, 6)
        seen = []
        for number in range(3):
            image.seek(number)
            seen.append(image.convert("RGB").getpixel((7, 5)))
    assert seen == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def narrower(picture: Image.Image) -> Image.Image:
    """Not all of its frames alike."""
    is_red = picture.getpixel((0, 0)) == (255, 0, 0)
    return picture.crop((0, 0, 9 if is_red else 5, 8))


def test_frames_that_are_not_alike_any_more(tmp_path: Path) -> None:
    with pytest.raises(Unusable) as failed:
        moved(tmp_path, f"{HERE}:narrower")
    assert failed.value.kind == "function_failed"
    assert failed.value.message.endswith("9 x 8 in RGB, then 5 x 8 in RGB")
