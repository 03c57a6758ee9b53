"""What transparent pictures are laid upon, where the format holds no alpha."""

from pathlib import Path

import pytest
from PIL import Image

from processors.image import Plan
from processors.image.colours import flatten, parse_colour
from processors.image.encode import to_mode_of_format
from scraper import configure
from scraper.cli import main
from scraper.errors import UsageError
from scraper.runner import prepare_process
from tests.processors.image.references import make_file, png

ALPHAS = [0, 1, 64, 127, 128, 200, 254, 255]
RGB_ALPHA, GRAY_ALPHA = 6, 4


@pytest.mark.parametrize(
    ("matte", "colour"),
    [
        ("white", (255, 255, 255)),
        ("black", (0, 0, 0)),
        ("#f80", (255, 136, 0)),
        ("#12A45f", (18, 164, 95)),
        ("RebeccaPurple", (102, 51, 153)),
        ("rgb(1,2,3)", (1, 2, 3)),
    ],
)
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("grayscale", [False, True])
def test_what_is_transparent_is_blended(
    matte: str, colour: tuple[int, int, int], mode: str, grayscale: bool
) -> None:
    assert parse_colour(matte) == colour
    own = (200, 30, 90) if mode == "RGBA" else (70,)
    picture = Image.new(mode, (len(ALPHAS), 1))
    picture.putdata([(*own, alpha) for alpha in ALPHAS])
    flat = flatten(picture, matte, grayscale)
    full = own * (3 // len(own))
    red, green, blue = colour
    if mode == "LA" and (grayscale or red == green == blue):
        full, below = own, (0.299 * red + 0.587 * green + 0.114 * blue,)
    else:
        below = colour
    assert flat.mode == ("L" if len(full) == 1 else "RGB")
    for x, alpha in enumerate(ALPHAS):
        found = flat.getpixel((x, 0))
        found = found if isinstance(found, tuple) else (found,)
        for level, top, bottom in zip(found, full, below, strict=True):
            expected = (top * alpha + bottom * (255 - alpha)) / 255
            assert abs(level - expected) <= 1


def test_a_jpeg_of_what_is_transparent_shows_the_matte(tmp_path: Path) -> None:
    body = png(16, 8, RGB_ALPHA, [9, 9, 9, 0] * 256)
    content, variant = make_file(
        tmp_path, body, format="jpeg", matte="#0a64c8", quality=95
    )
    assert variant["changes"] == ["converted", "flattened"]
    (tmp_path / "a.jpg").write_bytes(content)
    with Image.open(tmp_path / "a.jpg") as image:
        red, green, blue = image.convert("RGB").getpixel((8, 8))  # type: ignore[misc]
    assert max(abs(red - 10), abs(green - 100), abs(blue - 200)) <= 2


def test_all_that_is_gray_stays_so_on_a_colour(tmp_path: Path) -> None:
    body = png(16, 8, GRAY_ALPHA, [9, 0] * 256)
    for grayscale, mode in ((True, "L"), (False, "RGB")):
        _, variant = make_file(
            tmp_path, body, format="jpeg", matte="red", grayscale=grayscale
        )
        assert variant["mode"] == mode


def test_alpha_that_hides_nothing_is_dropped_and_blends_nothing() -> None:
    changes: list[str] = []
    picture = Image.new("RGBA", (2, 2), (1, 2, 3, 255))
    plain = to_mode_of_format(picture, "jpeg", Plan(matte="red"), changes)
    assert (plain.mode, plain.getpixel((0, 0))) == ("RGB", (1, 2, 3))
    assert changes == []


@pytest.mark.parametrize("matte", ["", "whit", "#12", "#ffffff00", "12", "rgb"])
def test_what_is_no_colour_is_one_usage_error(matte: str) -> None:
    with pytest.raises(UsageError, match="is no colour: write a name"):
        prepare_process(configure(matte=matte))


def test_the_command_line_says_it_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    urls = ["http://127.0.0.1:9/a.png", "-d", str(tmp_path / "run")]
    for command in ([], ["explain"]):
        assert main([*command, *urls, "--matte", "nocolour"]) == 2
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1
        assert "matte = 'nocolour' is no colour" in told[0]
