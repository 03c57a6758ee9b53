"""What is written beside JPEG, PNG and WebP, and what is read only with an extra."""

import contextlib
import io
import math
import os
import random
import struct
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from processors import Unusable
from processors.image import Plan, extras, process
from processors.image.encode import avif_quality, encode
from scraper import media_types
from scraper.config import configure
from scraper.errors import UsageError
from scraper.media_types import HEAD_BYTES, sniff
from scraper.runner import prepare_process


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


def made(
    folder: Path, body: bytes, plan: Plan
) -> tuple[Image.Image, dict[str, Any]]:
    """The variant as decoded again, and what is said of it."""
    source = folder / "original"
    source.write_bytes(body)
    processed = process(str(source), plan, str(folder / "out"), "processed/x")
    (variant,) = processed.facts["processed"]
    with Image.open(processed.files[0][0]) as image:
        image.load()
        assert image.format == variant["format"].upper()
        assert image.size == (variant["width"], variant["height"])
        return image, variant


# -- AVIF -------------------------------------------------------------------------------------

AVIF = Plan(format="avif")


@pytest.mark.parametrize(
    ("mode", "written"),
    [("RGB", "RGB"), ("L", "L"), ("RGBA", "RGBA"), ("LA", "RGBA")],
)
def test_an_avif_has_the_mode_of_the_picture(
    mode: str, written: str, tmp_path: Path
) -> None:
    picture = Image.new("RGBA", (60, 40), (200, 200, 200, 100)).convert(mode)
    image, variant = made(tmp_path, saved(picture, "PNG"), AVIF)
    assert image.mode == variant["mode"] == written
    assert variant["path"] == "processed/x.avif"
    assert variant["changes"] == ["converted"]
    colour: Any = image.convert("RGBA").getpixel((30, 20))
    alpha = 100 if "A" in mode else 255
    for value, right in zip(colour, (200, 200, 200, alpha), strict=True):
        assert abs(value - right) <= 3


def test_an_avif_is_converted_to_jpeg_as_ever(tmp_path: Path) -> None:
    body = saved(Image.new("RGB", (60, 40), "red"), "AVIF")
    image, variant = made(tmp_path, body, Plan())
    assert (image.format, variant["changes"]) == ("JPEG", ["converted"])


def test_an_avif_has_no_more_pixels_a_side_than_can_be_decoded(
    tmp_path: Path,
) -> None:
    plan = Plan(format="avif", resize=0)
    for width in (32_768, 32_769):
        body = saved(Image.new("L", (width, 1)), "PNG")
        if width == 32_768:
            assert made(tmp_path, body, plan)[0].size == (width, 1)
            continue
        with pytest.raises(Unusable, match="more than avif can hold") as caught:
            made(tmp_path, body, plan)
        assert caught.value.kind == "image_too_large"


def psnr(one: Image.Image, other: Image.Image) -> float:
    found = ImageStat.Stat(ImageChops.difference(one, other.convert("RGB")))
    return 10 * math.log10(255**2 * sum(found.count) / sum(found.sum2))


@pytest.mark.parametrize("quality", [50, 85])
def test_an_avif_looks_as_a_jpeg_of_the_same_quality(quality: int) -> None:
    lake = (
        files("scraper").joinpath("demo", "pictures", "lake.jpg").read_bytes()
    )
    with Image.open(io.BytesIO(lake)) as image:
        picture = image.convert("RGB").resize((400, 300))
    written = {}
    for format in ("jpeg", "avif"):
        body = encode(picture.copy(), format, Plan(quality=quality))
        with Image.open(io.BytesIO(body)) as image:
            written[format] = len(body), psnr(picture, image)
    size, likeness = written["avif"]
    assert abs(likeness - written["jpeg"][1]) < 1.5
    assert size < 0.85 * written["jpeg"][0]


def test_the_quality_of_an_avif_follows_that_of_a_jpeg() -> None:
    qualities = [avif_quality(quality) for quality in range(1, 101)]
    assert qualities == sorted(qualities)
    assert (qualities[0], qualities[84], qualities[99]) == (1, 66, 100)


def test_without_libavif_a_run_says_so_before_it_begins(without: Any) -> None:
    without("PIL._avif")
    prepare_process(configure(format="webp"))
    with pytest.raises(UsageError, match=r"--format avif needs a Pillow"):
        prepare_process(configure(format="avif"))


# -- JPEG XL and HEIC -------------------------------------------------------------------------

MODULES = {"HEIF": "pillow_heif", "JXL": "pillow_jxl"}
TYPES = {"HEIF": "image/heic", "JXL": "image/jxl"}


def needs(format: str) -> None:
    if not os.environ.get("SCRAPER_READERS"):
        pytest.importorskip(MODULES[format])


def halves(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red at the left, blue at the right."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    return picture


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def is_red(colour: Any) -> bool:
    return bool(colour[0] > 200 and colour[2] < 60)


@pytest.mark.readers
@pytest.mark.parametrize("format", MODULES)
def test_a_picture_of_an_extra_is_processed(
    format: str, tmp_path: Path
) -> None:
    needs(format)
    body = saved(halves(), format)
    assert sniff(body[:HEAD_BYTES], None)[:2] == ("image", TYPES[format])
    image, variant = made(tmp_path, body, Plan(resize=32))
    assert (image.format, image.size) == ("JPEG", (32, 24))
    assert variant["changes"] == ["resized", "converted"]
    assert is_red(image.getpixel((4, 12)))
    assert not is_red(image.getpixel((28, 12)))
    transparent = halves()
    transparent.putalpha(90)
    image, _ = made(tmp_path, saved(transparent, format), Plan())
    assert (image.format, image.mode) == ("PNG", "RGBA")


@pytest.mark.readers
@pytest.mark.parametrize("format", MODULES)
def test_the_decoder_has_turned_it_where_it_is_to_be_turned(
    format: str, tmp_path: Path
) -> None:
    """In HEIF and JPEG XL not EXIF says how a picture is held: pillow_heif writes what it says
    into the container, and pillow_jxl does not."""
    needs(format)
    body = saved(halves(), format, exif=turned())
    image, variant = made(tmp_path, body, Plan(format="png"))
    assert variant["changes"] == ["converted"]
    if format == "HEIF":
        assert image.size == (48, 64)
        assert is_red(image.getpixel((24, 10)))
    else:
        assert image.size == (64, 48)
        assert is_red(image.getpixel((10, 24)))


@pytest.mark.readers
def test_a_jpeg_inside_a_jxl_is_turned_by_its_exif(tmp_path: Path) -> None:
    needs("JXL")
    inside = tmp_path / "inside.jpg"
    inside.write_bytes(saved(halves(), "JPEG", exif=turned()))
    with Image.open(inside) as jpeg:
        body = saved(jpeg, "JXL", lossless_jpeg=True)
    image, variant = made(tmp_path, body, Plan(format="png"))
    assert variant["changes"] == ["rotated", "converted"]
    assert image.size == (48, 64)
    assert is_red(image.getpixel((24, 10)))


@pytest.mark.readers
@pytest.mark.parametrize("format", MODULES)
def test_its_pixels_are_counted_before_it_is_decoded(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(format)
    body = saved(halves(), format)
    if format == "JXL":
        plugin = "pillow_jxl.JpegXLImagePlugin.JXLImageFile"
    else:
        plugin = "pillow_heif.HeifImage.data"
    assert made(tmp_path, body, Plan(max_pixels=64 * 48))
    monkeypatch.setattr(plugin, property(lambda self: 1 / 0))
    with pytest.raises(Unusable) as caught:
        made(tmp_path, body, Plan(max_pixels=64 * 48 - 1))
    assert caught.value.kind == "image_too_large"


@pytest.mark.readers
@pytest.mark.parametrize(
    "size",
    [(8, 8), (256, 256), (300, 200), (37, 1_000), (160, 90), (1, 9_000), (96, 80)],
)  # fmt: skip
@pytest.mark.parametrize("container", [True, False])
def test_the_size_of_a_jxl_is_read_of_its_header(
    size: tuple[int, int], container: bool
) -> None:
    needs("JXL")
    from processors.image.jxl import size_of

    body = saved(halves(size), "JXL", use_container=container)
    assert size_of(body) == size
    if not container:
        parts = b"".join(
            struct.pack(">I4sI", 12 + len(part), b"jxlp", number) + part
            for number, part in enumerate((body[:3], body[3:]))
        )
        signature = b"\0\0\0\x0cJXL \r\n\x87\n"
        long = struct.pack(">I4sQ", 1, b"free", 20) + b"free"
        assert size_of(signature + long + parts) == size
        whole = struct.pack(">I4s", 0, b"jxlc") + body
        assert size_of(signature + whole) == size


@pytest.mark.readers
@pytest.mark.parametrize(
    "body",
    [
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x01free\0\0\0\0\0\0\0\0\xff\x0a",
        b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x0cjxlp\0\0\0\0",
    ],
)
def test_a_jxl_without_a_size_is_none(body: bytes) -> None:
    needs("JXL")
    from processors.image.jxl import size_of

    with pytest.raises(SyntaxError):
        size_of(body)


@pytest.mark.readers
@pytest.mark.parametrize("format", MODULES)
@pytest.mark.parametrize("plan", [Plan(), Plan(truncated="keep")])
def test_a_damaged_one_is_an_ordinary_failure(
    format: str, plan: Plan, tmp_path: Path
) -> None:
    needs(format)
    whole = saved(halves(), format)
    for length in (12, 40, len(whole) // 2, len(whole) - 3):
        with pytest.raises(Unusable) as caught:
            made(tmp_path, whole[:length], plan)
        assert caught.value.kind in ("image_truncated", "image_broken")
        assert "libjxl" not in str(caught.value)
    for seed in range(200):
        chance = random.Random(seed)
        body = bytearray(whole)
        for _ in range(chance.randint(1, 9)):
            body[chance.randrange(12, len(body))] = chance.randrange(256)
        with contextlib.suppress(Unusable):
            made(tmp_path, bytes(body), plan)


@pytest.mark.parametrize("format", MODULES)
def test_without_its_extra_it_is_a_file(format: str, without: Any) -> None:
    without(MODULES[format])
    head = {
        "HEIF": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "JXL": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ",
    }[format]
    media_types._is_decoded_by_extra.cache_clear()
    try:
        assert sniff(head, "image/jpeg")[:2] == ("file", TYPES[format])
        assert format not in extras.register_installed()
    finally:
        media_types._is_decoded_by_extra.cache_clear()


# -- SVG --------------------------------------------------------------------------------------

SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>
    <svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>"""


def test_an_svg_is_a_file_and_never_decoded(tmp_path: Path) -> None:
    assert sniff(SVG, "image/svg+xml")[:2] == ("file", "image/svg+xml")
    with pytest.raises(Unusable) as caught:
        made(tmp_path, SVG, Plan())
    assert caught.value.kind == "image_broken"
