"""What is written beside JPEG, PNG and WebP, and what is read only with an extra."""

import importlib.util
import io
import math
from importlib.machinery import ModuleSpec
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from processors import Unusable
from processors.image import Plan, process
from processors.image.encode import avif_quality, encode
from scraper.config import configure
from scraper.errors import UsageError
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


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a module look as if it were not installed."""

    def hide(missing: str) -> None:
        find_spec = importlib.util.find_spec

        def found(name: str, package: str | None = None) -> ModuleSpec | None:
            return None if name == missing else find_spec(name, package)

        monkeypatch.setattr("importlib.util.find_spec", found)

    return hide


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
    lake = files("scraper").joinpath("demo_site", "lake.jpg").read_bytes()
    with Image.open(io.BytesIO(lake)) as image:
        picture = image.convert("RGB").resize((400, 300))
    written = {}
    for format in ("jpeg", "avif"):
        body = encode(picture.copy(), format, quality)
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
