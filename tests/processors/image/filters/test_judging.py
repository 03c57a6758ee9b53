"""What is judged, and when: the upright original, before its pixels are decoded."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processors.image import Plan, ProcessedImage, process
from processors.image.moving import apng


def _judged(body: bytes, folder: Path, **asked: Any) -> ProcessedImage:
    path = folder / "original"
    path.write_bytes(body)
    plan = Plan(**asked)
    return process(str(path), plan, str(folder / "out"), "processed/a")


def _bytes_of(picture: Image.Image, format: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _lying(format: str) -> bytes:
    """300 x 200 in the file, 200 x 300 as it is looked at."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _bytes_of(Image.effect_noise((300, 200), 90), format, exif=exif)


def _with_exif_behind(body: bytes) -> bytes:
    """A PNG whose orientation stands behind its pixels."""
    chunks = {chunk.name: chunk for chunk in apng.chunks(body)}
    exif = chunks[b"eXIf"]
    whole = body[exif.begin - 8 : exif.end + 4]
    end = chunks[b"IEND"].begin - 8
    before = body[: exif.begin - 8] + body[exif.end + 4 : end]
    return before + whole + body[end:]


@pytest.mark.parametrize("place", ["JPEG", "PNG", "PNG, behind", "WEBP"])
def test_the_upright_original_is_judged(place: str, tmp_path: Path) -> None:
    body = _lying(place.partition(",")[0])
    if "behind" in place:
        body = _with_exif_behind(body)
    assert _judged(body, tmp_path, min_size="200x300").rejected is None
    judged = _judged(body, tmp_path, min_size="300x200")
    assert "200 x 300 pixels" in str(judged.rejected)
    assert judged.facts["original_width"] == 200
    assert judged.facts["original_height"] == 300


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_sizes_are_judged_before_anything_is_decoded(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = _bytes_of(Image.effect_noise((98, 60), 90), format)

    def refuse(*_: Any) -> None:
        raise AssertionError("it is decoded")

    monkeypatch.setattr("processors.image.samples.load", refuse)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", refuse)
    judged = _judged(body, tmp_path, min_size="200")
    assert (
        str(judged.rejected) == "98 x 60 pixels: --min-size asks for 200 x 200"
    )
    assert judged.facts["format"] == format.lower()


def test_bytes_are_judged_first_and_of_anything(tmp_path: Path) -> None:
    judged = _judged(
        b"\xff\xd8\xff no picture", tmp_path, min_filesize_bytes=99
    )
    assert judged.rejected is not None
    assert judged.rejected.kind == "filtered_bytes"
    assert judged.facts == {}
    picture = _bytes_of(Image.effect_noise((98, 60), 90), "PNG")
    judged = _judged(picture, tmp_path, max_filesize_bytes=99, min_size="500")
    assert judged.rejected is not None
    assert judged.rejected.kind == "filtered_bytes"
    assert judged.facts["original_width"] == 98


def test_what_is_salvaged_is_judged_by_the_bytes_that_came(
    tmp_path: Path,
) -> None:
    cut = _bytes_of(Image.effect_noise((98, 60), 90), "JPEG")[:-300]
    asked = {"truncated": "keep", "max_filesize_bytes": len(cut)}
    assert _judged(cut, tmp_path, **asked).facts["truncated"] is True
    judged = _judged(cut, tmp_path, **asked, min_size="99x0")
    assert judged.rejected is not None


def test_the_first_frame_stands_for_what_moves(tmp_path: Path) -> None:
    frames = [Image.effect_noise((40, 30), 90 + n) for n in range(3)]
    body = _bytes_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for choice in ("first", "all"):
        asked = {"frames": choice, "min_size": "40x30", "max_size": "40x30"}
        assert _judged(body, tmp_path, **asked).rejected is None
        judged = _judged(body, tmp_path, frames=choice, min_size="41x0")
        assert judged.facts["frames"] == 3
        assert judged.rejected is not None
