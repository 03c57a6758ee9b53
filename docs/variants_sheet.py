"""What becomes of a picture by each mode, operation and format: `python -m docs.variants_sheet`.

Every cell is made by the program, with the options that stand above it.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from processors.image import Plan, process
from processors.image.variants.sizes import MODES

PICTURES = Path(__file__).parents[1] / "scraper" / "demo" / "pictures"
PHOTO = "city.webp"
MODULE = "docs.variants_sheet"
CUT_OUT = "balloon.png"
DETAILED = "lighthouse.jpg"
BOX = 144, 108
COLUMNS, MARGIN, LINE = 6, 10, 14
HEAD = 26
CELL = 168
INK, FAINT, PAPER = "#222", "#777", "#f4f4f2"


class Case(NamedTuple):
    title: str
    options: Mapping[str, Any]
    source: str = PHOTO
    zoom: int = 1
    tells_bytes: bool = False


class Part(NamedTuple):
    title: str
    cases: Sequence[Case]


def faded(picture: Image.Image) -> Image.Image:
    """An operation of one's own: as if it had hung in the sun."""
    return picture.point(lambda level: 110 + level // 3)


# -- what is shown --------------------------------------------------------------------------------


def modes() -> Part:
    box = f"{BOX[1]}x{BOX[1]}"
    cases = [Case(mode, {"resize": box, "resize_mode": mode}) for mode in MODES]
    return Part(f"--resize {box} --resize-mode", cases)


def operations() -> Part:
    own = f"{MODULE}:faded"
    chains = [
        (PHOTO, "crop=50%,0,100%,50%"),
        (PHOTO, "crop=50%,0,100%,50% resize"),
        (PHOTO, "rotate=90"),
        (PHOTO, "rotate=-10"),
        (PHOTO, "blur=2"),
        (PHOTO, "sharpen=150"),
        (PHOTO, own),
        (PHOTO, f"{own} autocontrast"),
        (PHOTO, f"gray {own}"),
        (CUT_OUT, "rotate=30"),
        (CUT_OUT, "blur=2"),
        (CUT_OUT, "sharpen=150"),
    ]
    box = f"{BOX[0]}x{BOX[1]}"
    cases = [
        Case(
            chain.replace(own, "mine:faded"),
            {"resize": box, "op": tuple(chain.split())},
            source,
        )
        for source, chain in chains
    ]
    return Part(f"--resize {box} --op", cases)


def formats() -> Part:
    detail = "crop=125,70,195,130"
    asked: dict[str, dict[str, Any]] = {
        "jpeg": {},
        "jpeg, quality 30": {"quality": 30},
        "jpeg, 4:4:4": {"subsampling": "4:4:4"},
        "jpeg, progressive": {"progressive": True},
        "webp": {},
        "webp, quality 30": {"quality": 30},
        "webp, lossless": {"lossless": True},
        "avif": {},
        "avif, quality 30": {"quality": 30},
        "png": {},
        "webp, gray": {"grayscale": True},
        "gif": {},
    }
    return Part(
        "--resize 400 --format, a part of it, shown twice as large",
        [
            Case(
                title,
                {
                    "resize": 400,
                    "format": title.partition(",")[0],
                    "op": (detail,),
                    **options,
                },
                DETAILED,
                zoom=2,
                tells_bytes=True,
            )
            for title, options in asked.items()
        ],
    )


def parts() -> list[Part]:
    return [modes(), operations(), formats()]


# -- the sheet ------------------------------------------------------------------------------------


def made_of(case: Case) -> tuple[Image.Image, int]:
    """What the program makes of it, and the bytes of that file."""
    plan = Plan(**{"format": "png", **case.options})
    with tempfile.TemporaryDirectory() as folder:
        made = process(
            str(PICTURES / case.source),
            plan,
            str(Path(folder, "made")),
            "",
        )
        file = Path(made.files[0][0])
        with Image.open(file) as image:
            return image.convert("RGBA"), file.stat().st_size


def on_squares(picture: Image.Image) -> Image.Image:
    """What is clear shows a ground of squares."""
    ground = Image.new("RGBA", picture.size, "white")
    pen = ImageDraw.Draw(ground)
    for top in range(0, picture.height, 8):
        for left in range(top % 16, picture.width, 16):
            pen.rectangle((left, top, left + 7, top + 7), "#d8d8d8")
    return Image.alpha_composite(ground, picture).convert("RGB")


def cell(case: Case) -> Image.Image:
    picture, written = made_of(case)
    facts = f"{picture.width} x {picture.height}"
    if case.tells_bytes:
        facts += f", {written:,} bytes"
    shown = picture.resize(
        (picture.width * case.zoom, picture.height * case.zoom),
        Image.Resampling.NEAREST,
    )
    size = CELL, 2 * LINE + shown.height + MARGIN
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((0, 0), case.title, INK, font(11))
    pen.text((0, LINE - 1), facts, FAINT, font(10))
    page.paste(on_squares(shown), (0, 2 * LINE))
    return page


def font(size: int) -> Any:
    return ImageFont.load_default(size)


def sheet(shown: Sequence[Part]) -> Image.Image:
    """The parts, one below the other."""
    drawn = [strip(part) for part in shown]
    height = sum(each.height for each in drawn)
    page = Image.new("RGB", (drawn[0].width, height), PAPER)
    top = 0
    for each in drawn:
        page.paste(each, (0, top))
        top += each.height
    return page


def strip(part: Part) -> Image.Image:
    """Its title, and its cells row by row."""
    cells = [cell(case) for case in part.cases]
    rows = [
        cells[begin : begin + COLUMNS]
        for begin in range(0, len(cells), COLUMNS)
    ]
    heights = [max(each.height for each in row) for row in rows]
    size = COLUMNS * CELL + MARGIN, HEAD + sum(heights)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 6), part.title, INK, font(13))
    top = HEAD
    for row, height in zip(rows, heights, strict=True):
        for column, each in enumerate(row):
            page.paste(each, (MARGIN + column * CELL, top))
        top += height
    return page


if __name__ == "__main__":
    target = Path(sys.argv[1] if sys.argv[1:] else "docs/variants.png")
    sheet(parts()).save(target, optimize=True)
