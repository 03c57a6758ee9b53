"""How results are encoded, read from the bytes that were written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.processors.image.references import (
    RGB,
    make_file,
    png,
)

# of strong colours, each of them alone
WIDTH, HEIGHT = 40, 24
SAMPLES = [
    sample
    for y in range(HEIGHT)
    for x in range(WIDTH)
    for sample in (97 * x % 256, 61 * y % 256, 31 * (x + y) % 256)
]
BODY = png(
    WIDTH,
    8,
    RGB,
    SAMPLES,
)
BASELINE, PROGRESSIVE = 0xC0, 0xC2
# of luma and both chromas: samples across and down
FACTORS = {
    "4:4:4": [0x11, 0x11, 0x11],
    "4:2:2": [0x21, 0x11, 0x11],
    "4:2:0": [0x22, 0x11, 0x11],
}
# in av1C: monochrome, half across, half down
SHARED = {"4:4:4": 0b000, "4:2:2": 0b010, "4:2:0": 0b011}
GRAY_SHARED = 0b111


def frame_of(jpeg: bytes) -> tuple[int, list[int]]:
    """The kind of its frame, and the sampling factors."""
    position = 2
    while jpeg[position + 1] not in (BASELINE, PROGRESSIVE):
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4])
    components = jpeg[position + 9]
    begin = position + 11
    return jpeg[position + 1], [*jpeg[begin : begin + 3 * components : 3]]


def encoded(folder: Path, **options: Any) -> bytes:
    return make_file(
        folder,
        BODY,
        **options,
    )[0]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", FACTORS)
def test_a_jpeg(tmp_path: Path, subsampling: str, progressive: bool) -> None:
    body = encoded(
        tmp_path,
        format="jpeg",
        progressive=progressive,
        subsampling=subsampling,
    )
    kind = PROGRESSIVE if progressive else BASELINE
    assert frame_of(body) == (kind, FACTORS[subsampling])


def test_a_jpeg_without_options(tmp_path: Path) -> None:
    body = encoded(tmp_path, format="jpeg")
    assert frame_of(body) == (BASELINE, FACTORS["4:2:0"])


def test_a_gray_jpeg_has_no_colours_to_keep(tmp_path: Path) -> None:
    body = encoded(
        tmp_path,
        format="jpeg",
        grayscale=True,
        subsampling="4:4:4",
        progressive=True,
    )
    kind, factors = frame_of(body)
    assert (kind, len(factors)) == (PROGRESSIVE, 1)


@pytest.mark.parametrize("grayscale", [False, True])
@pytest.mark.parametrize("subsampling", SHARED)
def test_an_avif(tmp_path: Path, subsampling: str, grayscale: bool) -> None:
    body = encoded(
        tmp_path,
        format="avif",
        subsampling=subsampling,
        grayscale=grayscale,
    )
    shared = body[body.index(b"av1C") + 6] >> 2 & 0b111
    assert shared == (GRAY_SHARED if grayscale else SHARED[subsampling])


def test_a_webp_that_keeps_each_pixel(tmp_path: Path) -> None:
    body = encoded(
        tmp_path,
        format="webp",
        lossless=True,
    )
    assert body[12:16] == b"VP8L"
    with Image.open(io.BytesIO(body)) as image:
        assert image.tobytes() == bytes(SAMPLES)
    assert encoded(tmp_path, format="webp")[12:16] == b"VP8 "


def test_a_webp_that_moves_and_keeps_each_pixel(tmp_path: Path) -> None:
    frames = [
        Image.frombytes("RGB", (WIDTH, HEIGHT), bytes(SAMPLES[turn:] + SAMPLES[:turn]))
        for turn in (0, 300)
    ]  # fmt: skip
    file = io.BytesIO()
    frames[0].save(
        file,
        "PNG",
        save_all=True,
        append_images=frames[1:],
    )
    body, _ = make_file(
        tmp_path,
        file.getvalue(),
        frames="all",
        lossless=True,
        format="webp",
    )
    with Image.open(io.BytesIO(body)) as image:
        for number, frame in enumerate(frames):
            image.seek(number)
            assert image.convert("RGB").tobytes() == frame.tobytes()


def test_a_copy_stays_as_it_was_encoded(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), "teal").save(file, "JPEG")
    body, facts = make_file(
        tmp_path,
        file.getvalue(),
        progressive=True,
        subsampling="4:4:4",
        format="keep",
    )
    assert facts["changes"] == []
    assert body == file.getvalue()
