"""What came of a picture that ends too early is its result, if that is asked for."""

import io
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFile

from processors import Unusable
from processors.image import Plan, process

KEEP = Plan(truncated="keep")
GRAY, BLACK = (128, 128, 128), (0, 0, 0)


@pytest.fixture(scope="module")
def lake() -> Image.Image:
    body = (
        files("scraper").joinpath("demo", "pictures", "lake.jpg").read_bytes()
    )
    with Image.open(io.BytesIO(body)) as image:
        return image.convert("RGB").resize((200, 120))


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


def made(
    folder: Path, body: bytes, plan: Plan = KEEP
) -> tuple[Image.Image, dict[str, Any]]:
    source = folder / "original"
    source.write_bytes(body)
    processed = process(str(source), plan, str(folder / "out"), "processed/x")
    with Image.open(processed.files[0][0]) as image:
        image.load()
        return image, processed.facts


def refusal(folder: Path, body: bytes, plan: Plan = KEEP) -> Unusable:
    with pytest.raises(Unusable) as caught:
        made(folder, body, plan)
    assert not (folder / "out.v0").exists()
    return caught.value


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


@pytest.mark.parametrize(
    ("format", "mode", "missing"),
    [
        ("JPEG", "RGB", GRAY),
        ("JPEG", "L", GRAY),
        ("JPEG", "CMYK", (64, 64, 64)),
        ("PNG", "RGB", BLACK),
        ("PNG", "RGBA", BLACK),
        ("GIF", "P", None),
        ("PNG", "P", None),
        ("TIFF", "RGB", BLACK),
        ("PPM", "RGB", BLACK),
    ],
)
def test_what_is_missing_has_one_known_colour(
    format: str,
    mode: str,
    missing: tuple[int, ...] | None,
    lake: Image.Image,
    tmp_path: Path,
) -> None:
    whole = lake.quantize() if mode == "P" else lake.convert(mode)
    options = {"interlace": 0} if format == "GIF" else {}
    body = half(saved(whole, format, **options))
    image, facts = made(tmp_path, body, Plan(format="png", truncated="keep"))
    assert facts["truncated"] is True
    assert facts["processed"][0]["changes"][0] == "truncated"
    assert image.size == lake.size
    if missing is None:
        palette = whole.getpalette() or []
        missing = tuple(palette[:3])
    below: Any = image.convert("RGB").crop((0, 112, 200, 120)).getextrema()
    for (low, high), value in zip(below, missing, strict=True):
        assert value - 3 <= low <= high <= value + 3
    if mode == "RGBA":
        assert image.getchannel("A").crop((0, 112, 200, 120)).getbbox() is None
    top = (0, 0, 200, 30)
    came = image.convert("RGB").crop(top)
    difference = ImageChops.difference(came, whole.convert("RGB").crop(top))
    assert max(high for _, high in difference.getextrema()) < 130  # type: ignore[misc]
    assert sum(difference.convert("L").tobytes()) < 12 * 200 * 30


def test_of_a_progressive_jpeg_all_is_seen_blurred(
    lake: Image.Image, tmp_path: Path
) -> None:
    body = half(saved(lake, "JPEG", progressive=True))
    image, _ = made(tmp_path, body)
    difference = ImageChops.difference(image, lake).convert("L")
    assert sum(difference.tobytes()) < 12 * 200 * 120


def test_the_size_and_the_colours_are_those_that_were_asked_for(
    lake: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    body = half(saved(lake, "JPEG", exif=exif))
    plan = Plan(resize=50, grayscale=True, format="webp", truncated="keep")
    image, facts = made(tmp_path, body, plan)
    assert image.size == (30, 50)
    assert facts["processed"][0]["changes"] == [
        "truncated", "rotated", "resized", "grayscale", "converted",
    ]  # fmt: skip


def test_a_whole_picture_says_nothing_of_it(
    lake: Image.Image, tmp_path: Path
) -> None:
    _, facts = made(tmp_path, saved(lake, "PNG"))
    assert "truncated" not in facts
    assert facts["processed"][0]["changes"] == []


def test_unless_it_is_asked_for_it_fails(
    lake: Image.Image, tmp_path: Path
) -> None:
    body = half(saved(lake, "JPEG"))
    assert refusal(tmp_path, body, Plan()).kind == "image_truncated"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF"])
def test_nothing_to_be_seen_is_a_failure(
    format: str, lake: Image.Image, tmp_path: Path
) -> None:
    body = saved(lake, format)
    sign = {"JPEG": b"\xff\xda", "PNG": b"IDAT", "GIF": b"\x2c\0\0\0\0"}[format]
    kind = refusal(tmp_path, body[: body.index(sign) + 14]).kind
    assert kind == "image_truncated"


@pytest.mark.parametrize("format", ["WEBP", "AVIF"])
def test_what_decodes_only_whole_pictures_fails_as_ever(
    format: str, lake: Image.Image, tmp_path: Path
) -> None:
    body = half(saved(lake, format))
    assert refusal(tmp_path, body).kind == "image_truncated"


def test_what_is_broken_is_not_truncated(
    lake: Image.Image, tmp_path: Path
) -> None:
    body = saved(lake, "PNG")
    place = body.index(b"IDAT") + 30
    body = body[:place] + b"\xff" * 40 + body[place + 40 :]
    assert refusal(tmp_path, body).kind == "image_broken"


def test_pillow_is_left_as_it_was(lake: Image.Image, tmp_path: Path) -> None:
    """Its setting is one for all threads: none may see another's."""
    broken = half(saved(lake, "PNG"))
    wrong: list[str] = []

    def work(plan: Plan, folder: Path) -> None:
        folder.mkdir()
        for _ in range(10):
            try:
                made(folder, broken, plan)
            except Unusable:
                if plan is KEEP:
                    wrong.append("failed")
            else:
                if plan is not KEEP:
                    wrong.append("kept")

    threads = [
        threading.Thread(target=work, args=(plan, tmp_path / str(number)))
        for number, plan in enumerate((KEEP, Plan(), KEEP, Plan()))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
