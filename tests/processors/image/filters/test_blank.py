"""Pictures on which there is nothing to be seen."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from processors.image import Plan, ProcessedImage, process


def _processed(
    picture: Image.Image,
    folder: Path,
    format: str = "PNG",
    plan: Plan | None = None,
    **options: Any,
) -> ProcessedImage:
    path = folder / "original"
    picture.save(path, format, **options)
    plan = plan or Plan(skip_blank=True)
    return process(str(path), plan, str(folder / "out"), "processed/a")


def _drawn(mode: str, ground: Any, colour: Any) -> Image.Image:
    picture = Image.new(mode, (300, 200), ground)
    ImageDraw.Draw(picture).ellipse((90, 40, 210, 160), colour)
    return picture


BLANK = {
    "white": Image.new("RGB", (300, 200), "white"),
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "gray": Image.new("L", (300, 200), 77),
    "bits": Image.new("1", (300, 200), 1),
    "palette": Image.new("P", (300, 200), 3),
    "deep": Image.new("I;16", (300, 200), 40_000),
    "transparent": _drawn("RGBA", (0, 0, 0, 0), (200, 10, 10, 0)),
    "half transparent": Image.new("RGBA", (300, 200), (10, 20, 30, 90)),
    "almost": _drawn("RGB", (240, 240, 240), (248, 244, 236)),
}
SEEN = {
    "a disc": _drawn("RGB", "white", "black"),
    "not quite one colour": _drawn("RGB", (240, 240, 240), (249, 240, 240)),
    "its outline": _drawn("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),
    "gray": _drawn("L", 0, 255),
    "palette": _drawn("RGB", "red", "blue").quantize(4),
}


@pytest.mark.parametrize("name", BLANK)
def test_what_shows_nothing_is_left_out(name: str, tmp_path: Path) -> None:
    processed = _processed(BLANK[name], tmp_path)
    assert processed.rejected is not None
    assert processed.rejected.kind == "filtered_blank"
    assert processed.facts["original_width"] == BLANK[name].width
    assert "processed" not in processed.facts
    assert [each.name for each in tmp_path.iterdir()] == ["original"]


@pytest.mark.parametrize("name", SEEN)
def test_what_shows_something_is_kept(name: str, tmp_path: Path) -> None:
    assert _processed(SEEN[name], tmp_path).rejected is None


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_what_an_encoder_makes_of_one_colour(
    format: str, tmp_path: Path
) -> None:
    for colour in ("white", "#336699", "#fe0102"):
        picture = Image.new("RGB", (1_000, 700), colour)
        processed = _processed(picture, tmp_path, format, quality=60)
        assert processed.rejected is not None
        assert "of one colour, RGB" in str(processed.rejected)
    disc = _drawn("RGB", "white", "black").resize((1_000, 700))
    assert _processed(disc, tmp_path, format).rejected is None


def test_it_is_off_by_default(tmp_path: Path) -> None:
    white = BLANK["white"]
    assert _processed(white, tmp_path, plan=Plan()).rejected is None


@pytest.mark.parametrize(
    ("frames", "is_left_out"), [("first", True), ("all", False)]
)
def test_of_what_moves_the_still_is_judged(
    frames: str, is_left_out: bool, tmp_path: Path
) -> None:
    """What fades in from white has a first frame of one colour."""
    fades_in = {"save_all": True, "append_images": [SEEN["a disc"]]}
    processed = _processed(
        BLANK["white"],
        tmp_path,
        "GIF",
        Plan(skip_blank=True, frames=frames),
        **fades_in,
    )
    assert (processed.rejected is not None) == is_left_out


def test_broken_pictures_fail_as_they_do_without_filters(
    tmp_path: Path,
) -> None:
    from processors import Unusable

    file = BytesIO()
    SEEN["a disc"].save(file, "JPEG")
    path = tmp_path / "cut"
    path.write_bytes(file.getvalue()[:-900])
    for plan in (Plan(), Plan(skip_blank=True, min_size="10")):
        with pytest.raises(Unusable) as raised:
            process(str(path), plan, str(tmp_path / "out"), "a")
        assert raised.value.kind == "image_truncated"
