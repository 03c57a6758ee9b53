"""A perceptual hash is that of the picture as it is seen, and near that of its copies."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps

from processors.image import Plan, process
from processors.image.original import UPRIGHT
from scraper import UsageError, configure
from scraper.runner import prepare_process
from tests.conftest import PROJECT

if not os.environ.get("SCRAPER_READERS"):
    pytest.importorskip("imagehash")

pytestmark = pytest.mark.readers

DEFAULT_DISTANCE = 6


def lake() -> Image.Image:
    body = files("scraper").joinpath("demo", "pictures", "lake.jpg")
    with Image.open(io.BytesIO(body.read_bytes())) as image:
        return image.convert("RGB").resize((600, 450))


def saved(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def facts_of(folder: Path, body: bytes, **options: Any) -> dict[str, Any]:
    (folder / "original").write_bytes(body)
    plan = Plan(**{"phash": True, "resize": 64, **options})
    out = str(folder / "made")
    return process(str(folder / "original"), plan, out, "x").facts


def hash_of(folder: Path, body: bytes, **options: Any) -> str:
    found: str = facts_of(folder, body, **options)["phash"]
    return found


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def by_imagehash(picture: Image.Image) -> str:
    """As other programs make it, of all pixels."""
    import imagehash

    return str(imagehash.phash(ImageOps.exif_transpose(picture).convert("RGB")))


# -- of which picture -------------------------------------------------------------------------


def test_without_the_option_there_is_none(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, saved(lake()), phash=False)
    assert "phash" not in facts


def test_it_is_what_imagehash_makes_of_all_pixels(tmp_path: Path) -> None:
    for format in ("PNG", "JPEG"):
        body = saved(lake(), format)
        with Image.open(io.BytesIO(body)) as image:
            expected = by_imagehash(image)
        found = hash_of(tmp_path, body)
        assert len(found) == 16
        assert distance(found, expected) <= 2


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_it_is_that_of_the_upright_picture(
    orientation: int, format: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = saved(lake(), format, exif=exif)
    with Image.open(io.BytesIO(body)) as image:
        expected = by_imagehash(image)
    assert distance(hash_of(tmp_path, body), expected) <= 2
    upright = hash_of(tmp_path, saved(lake(), format))
    assert distance(expected, upright) > 12, "turned, it is another picture"


def test_what_is_clear_is_white(tmp_path: Path) -> None:
    alpha = Image.linear_gradient("L").resize(lake().size)
    picture = lake()
    picture.putalpha(alpha)
    white = Image.new("RGB", picture.size, "white")
    white.paste(lake(), mask=alpha)
    found = hash_of(tmp_path, saved(picture))
    assert distance(found, by_imagehash(white)) <= 2
    # whatever the results are laid upon
    matte = saved(picture)
    options = {"format": "jpeg", "matte": "black"}
    assert hash_of(tmp_path, matte, **options) == found


def _deep(picture: Image.Image) -> Image.Image:
    gray = picture.convert("L").tobytes()
    doubled = bytes(byte for each in gray for byte in (each, each))
    return Image.frombytes("I;16", picture.size, doubled)


def _lab(picture: Image.Image) -> Image.Image:
    srgb, lab = map(ImageCms.createProfile, ("sRGB", "LAB"))
    converted = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    assert converted is not None
    return converted


@pytest.mark.parametrize(
    ("format", "convert"),
    [
        ("JPEG", lambda picture: picture),
        ("JPEG", lambda picture: picture.convert("CMYK")),
        ("PNG", lambda picture: picture.quantize(64)),
        ("PNG", _deep),
        ("TIFF", _lab),
    ],
    ids=["RGB", "CMYK", "P", "16 bits", "LAB"],
)
def test_what_is_made_of_a_picture_has_its_hash(
    format: str,
    convert: Callable[[Image.Image], Image.Image],
    tmp_path: Path,
) -> None:
    body = saved(convert(lake()), format)
    found = hash_of(tmp_path, body, grayscale=True, resize=256)
    assert distance(found, by_imagehash(lake())) <= 4
    made = (tmp_path / "made.v0").read_bytes()
    assert distance(hash_of(tmp_path, made), found) <= 2


@pytest.mark.parametrize("shade", ["white", "black", "#123456"])
def test_one_shade_has_none(shade: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (90, 60), shade)
    assert facts_of(tmp_path, saved(picture))["phash"] is None


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (7, 5), (32, 32)])
def test_a_picture_of_any_size_has_one(
    size: tuple[int, int], tmp_path: Path
) -> None:
    picture = lake().resize(size)
    found = facts_of(tmp_path, saved(picture))["phash"]
    assert (found is None) == (size == (1, 1))


# -- with all else that is asked for ----------------------------------------------------------


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("frames", ["first", "all"])
def test_of_what_moves_it_is_that_of_the_first_frame(
    format: str, frames: str, tmp_path: Path
) -> None:
    others = [ImageOps.mirror(lake()), lake().rotate(90)]
    body = saved(
        lake(), format, save_all=True, append_images=others, duration=100
    )
    found = facts_of(tmp_path, body, frames=frames)
    assert distance(found["phash"], by_imagehash(lake())) <= 2
    made = (tmp_path / "made.v0").read_bytes()
    without = facts_of(tmp_path, body, frames=frames, phash=False)
    assert (tmp_path / "made.v0").read_bytes() == made
    assert found == without | {"phash": found["phash"]}


@pytest.mark.parametrize(
    "options",
    [
        {"resize": 0},
        {"resize": 512, "grayscale": True},
        {"resize": 32, "resize_mode": "stretch"},
        {"truncated": "keep"},
    ],
    ids=str,
)
def test_results_are_as_without_it(
    options: dict[str, Any], tmp_path: Path
) -> None:
    body = saved(lake().resize((1200, 900)), "JPEG", quality=90)
    with_it = facts_of(tmp_path, body, **options)
    without = facts_of(tmp_path, body, phash=False, **options)
    assert distance(with_it.pop("phash"), by_imagehash(lake())) <= 2
    assert with_it == without


def test_without_the_library_a_run_says_so_before_it_begins(
    without: Callable[[str], None],
) -> None:
    without("imagehash")
    prepare_process(configure())
    with pytest.raises(UsageError, match=r"pip install 'scraper\[phash\]'"):
        prepare_process(configure(phash=True))


def test_the_library_is_loaded_by_those_alone_who_ask_for_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "original").write_bytes(saved(lake()))
    script = (
        "import sys\nfrom processors.image import Plan, process\n"
        "process('original', Plan(phash={}), 'made', 'x')\n"
        "print('numpy' in sys.modules)"
    )
    for asked in (False, True):
        said = subprocess.run(
            [sys.executable, "-c", script.format(asked)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == str(asked)


# -- how near copies are, and how far others --------------------------------------------------


def _re_encoded(picture: Image.Image, format: str, quality: int) -> Image.Image:
    body = saved(picture, format, quality=quality)
    with Image.open(io.BytesIO(body)) as image:
        return image.convert("RGB")


def _cropped(picture: Image.Image, percent: int) -> Image.Image:
    width, height = picture.size
    x, y = width * percent // 100, height * percent // 100
    return picture.crop((x, y, width - x, height - y))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda picture: picture.resize(
        (picture.width // 4, picture.height // 4), Image.Resampling.LANCZOS
    ),
    "stretched": lambda picture: picture.resize((300, 300)),
    "gray": lambda picture: picture.convert("L"),
    "JPEG of quality 30": lambda picture: _re_encoded(picture, "JPEG", 30),
    "WebP of quality 50": lambda picture: _re_encoded(picture, "WEBP", 50),
    "1 % cut off on each side": lambda picture: _cropped(picture, 1),
}
# Of one bush, a moment later; of one lamp, darker and further to the left.
SAME_BUSH = {"photo-04-3264x2448.jpg", "photo-05-3264x2448.jpg"}
# A gray road has no shapes: its hash is that of the noise.
SHAPELESS = "photo-20-1017x2013.jpg"
SAME_LAMP = {"photo-02-2048x1536.jpg", "photo-03-2048x1536.jpg"}


@cache
def photos(corpus: Path) -> dict[str, Image.Image]:
    found = {}
    for path in sorted((corpus / "photos").glob("*.jpg")):
        with Image.open(path) as image:
            image.draft(None, (500, 500))
            upright = ImageOps.exif_transpose(image).convert("RGB")
        upright.thumbnail((500, 500))
        found[path.name] = upright
    del found[SHAPELESS]
    return found


def test_copies_of_a_photograph_are_near_it(
    corpus: Path, tmp_path: Path
) -> None:
    far = []
    for name, photo in photos(corpus).items():
        original = (corpus / "photos" / name).read_bytes()
        expected = hash_of(tmp_path, original)
        for how, copy in COPIES.items():
            body = saved(copy(photo), "BMP")
            found = distance(hash_of(tmp_path, body), expected)
            if found > DEFAULT_DISTANCE:
                far.append((how, name, found))
    assert far == []


def test_different_photographs_are_far_from_each_other(
    corpus: Path, tmp_path: Path
) -> None:
    hashes = {
        name: hash_of(tmp_path, (corpus / "photos" / name).read_bytes())
        for name in photos(corpus)
    }
    for pair in combinations(hashes, 2):
        found = distance(*(hashes[name] for name in pair))
        if set(pair) == SAME_BUSH:
            assert found <= DEFAULT_DISTANCE
        elif set(pair) == SAME_LAMP:
            assert found > 2 * DEFAULT_DISTANCE
        else:
            assert found > 3 * DEFAULT_DISTANCE
