"""Samples: what each pixel of a result has to be, by formula, for every form that samples have.

A PNG that needs no change is copied: those here are turned by their EXIF, which must hold too.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from processors.image import colours
from tests.processors.image.references import (
    CHANNELS,
    GRAY,
    GRAY_ALPHA,
    MODES,
    PALETTE,
    RGB,
    RGB_ALPHA,
    TURNED,
    Pixel,
    differ_by,
    lab_to_srgb,
    luma,
    make,
    png,
    tiff,
    ycc_to_rgb,
)

# Each level and what lies just at, above and below the border to the next one.
DEEP = [
    value
    for level in range(256)
    for value in (level * 257 - 129, level * 257 - 128, level * 257,
                  level * 257 + 128, level * 257 + 129, level * 257 + 1)
    if 0 <= value <= 65535
][:1524]  # fmt: skip
BLACK_IS_ZERO, WHITE_IS_ZERO, SEPARATED, YCBCR, CIELAB = 1, 0, 5, 6, 8


def eight(value: int) -> int:
    return (value * 255 + 32767) // 65535


def grouped(values: list[int], channels: int) -> list[Pixel]:
    return [
        tuple(values[begin : begin + channels])
        for begin in range(0, len(values), channels)
    ]


def packed(order: str, values: list[int]) -> bytes:
    return struct.pack(f"{order}{len(values)}H", *values)


# -- 16 bits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [GRAY, GRAY_ALPHA, RGB, RGB_ALPHA])
def test_16_bits_of_a_png_are_rounded(tmp_path: Path, colour: int) -> None:
    channels = CHANNELS[colour]
    body = png(len(DEEP) // channels, 16, colour, DEEP, TURNED)
    made = make(tmp_path, body, resize=0)
    expected = grouped([eight(value) for value in DEEP], channels)
    assert made.mode == MODES[colour]
    assert made.pixels == expected[::-1]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("photometric", "channels", "extra"),
    [(BLACK_IS_ZERO, 1, []), (2, 3, []), (2, 4, [2]), (2, 4, [0])],
)
def test_16_bits_of_a_tiff_are_rounded(
    tmp_path: Path,
    order: str,
    photometric: int,
    channels: int,
    extra: list[int],
) -> None:
    size = len(DEEP) // channels, 1
    tags = {"t338": extra} if extra else {}
    bits = [16] * channels
    body = tiff(order, size, photometric, bits, [packed(order, DEEP)], **tags)
    made = make(tmp_path, body, resize=0)
    expected = grouped([eight(value) for value in DEEP], channels)
    if extra == [0]:  # a fourth sample that means nothing
        expected = [pixel[:3] for pixel in expected]
    assert made.pixels == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bits_in_planes_of_their_own_are_rounded(
    tmp_path: Path, order: str
) -> None:
    planes = [DEEP, DEEP[::-1], DEEP[7:] + DEEP[:7]]
    strips = [packed(order, plane) for plane in planes]
    body = tiff(order, (len(DEEP), 1), 2, [16] * 3, strips, t284=[2])
    made = make(tmp_path, body, resize=0)
    expected = zip(*planes, strict=True)
    assert made.pixels == [tuple(map(eight, pixel)) for pixel in expected]


def test_ink_of_16_bits_is_rounded(tmp_path: Path) -> None:
    size = len(DEEP) // 4, 1
    strips = [packed("<", DEEP)]
    body = tiff("<", size, SEPARATED, [16] * 4, strips)
    made = make(tmp_path, body, resize=0)
    expected = [ink_to_rgb(pixel) for pixel in grouped(DEEP, 4)]
    assert differ_by(made.pixels, expected) <= 1


def ink_to_rgb(ink: Pixel, full: int = 65535) -> Pixel:
    """As browsers show ink that has no profile."""
    *tints, key = (1 - part / full for part in ink)
    return tuple(round(255 * tint * key) for tint in tints)


def test_gray_whose_zero_is_white_is_turned_over(tmp_path: Path) -> None:
    strips = [packed("<", DEEP)]
    body = tiff("<", (len(DEEP), 1), WHITE_IS_ZERO, [16], strips)
    made = make(tmp_path, body, resize=0)
    assert made.pixels == [(255 - eight(value),) for value in DEEP]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 16384, 32767, 64], [0, 128, 255, 0]),
        ([-100, 0, 100, 155], [0, 100, 200, 255]),
    ],
)
def test_signed_samples_reach_white(
    tmp_path: Path, order: str, values: list[int], expected: list[int]
) -> None:
    strip = struct.pack(f"{order}4h", *values)
    body = tiff(order, (4, 1), BLACK_IS_ZERO, [16], [strip], t339=[2])
    found = make(tmp_path, body).pixels
    assert found == [(level,) for level in expected]


def test_12_bits_reach_white(tmp_path: Path) -> None:
    body = tiff("<", (2, 1), BLACK_IS_ZERO, [12], [b"\xff\xf0\x80"])
    assert make(tmp_path, body).pixels == [(255,), (8,)]


@pytest.mark.parametrize("maxval", [1, 100, 200, 255, 300, 1023, 65535])
@pytest.mark.parametrize("is_plain", [False, True])
def test_levels_of_a_portable_map_are_those_of_its_maxval(
    tmp_path: Path, maxval: int, is_plain: bool
) -> None:
    values = [value % (maxval + 1) for value in (*range(1024), *DEEP)]
    form = ">{}H" if maxval > 255 else "{}B"
    for channels, mark in ((1, b"P2P5"), (3, b"P3P6")):
        usable = values[: len(values) // 3 * 3]
        raster = struct.pack(form.format(len(usable)), *usable)
        if is_plain:
            raster = " ".join(map(str, usable)).encode()
        magic = mark[:2] if is_plain else mark[2:]
        size = f"{len(usable) // channels} 1 {maxval}\n".encode()
        made = make(tmp_path, magic + b"\n" + size + raster, resize=0)
        found = [level for pixel in made.pixels for level in pixel]
        for level, value in zip(found, usable, strict=True):
            assert abs(level - value * 255 / maxval) <= 0.51


def test_gray_is_asked_of_16_bits_as_of_eight(tmp_path: Path) -> None:
    for colour, mode in ((RGB, "L"), (RGB_ALPHA, "LA"), (GRAY, "L")):
        channels = CHANNELS[colour]
        body = png(len(DEEP) // channels, 16, colour, DEEP, TURNED)
        made = make(tmp_path, body, resize=0, grayscale=True)
        assert made.mode == mode
        pixels = grouped([eight(value) for value in DEEP], channels)[::-1]
        expected = [gray_of(pixel, colour) for pixel in pixels]
        assert differ_by(made.pixels, expected) <= 1


def gray_of(pixel: Pixel, colour: int) -> Pixel:
    if colour == GRAY:
        return pixel
    return (round(luma(pixel)), *pixel[3:])


# -- a colour that stands for nothing -------------------------------------------------------------


def test_of_16_bits_just_the_colour_of_the_key_is_clear(
    tmp_path: Path,
) -> None:
    gray = [0x1234, 0x1235, 0x1334, 0xFFFF]
    key = b"tRNS", struct.pack(">H", 0x1234)
    made = make(tmp_path, png(4, 16, GRAY, gray, key, TURNED), grayscale=True)
    assert made.mode == "LA"
    assert [pixel[1] for pixel in made.pixels[::-1]] == [0, 255, 255, 255]
    assert [pixel[0] for pixel in made.pixels[::-1]] == list(map(eight, gray))

    rgb = [1, 2, 3, 1, 2, 4, 0x101, 0x202, 0x303, 0x1FF, 2, 3]
    key = b"tRNS", struct.pack(">3H", 1, 2, 3)
    made = make(tmp_path, png(4, 16, RGB, rgb, key, TURNED))
    assert [pixel[3] for pixel in made.pixels[::-1]] == [0, 255, 255, 255]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_of_few_bits_the_level_of_the_key_is_clear(
    tmp_path: Path, depth: int
) -> None:
    levels = list(range(2**depth))
    key = b"tRNS", struct.pack(">H", len(levels) - 1 - len(levels) // 4)
    made = make(tmp_path, png(len(levels), depth, GRAY, levels, key, TURNED))
    clear = len(levels) - 1 - len(levels) // 4
    expected = [
        (level * 255 // (len(levels) - 1), 0 if level == clear else 255)
        for level in levels
    ]
    assert made.pixels[::-1] == expected


# -- palettes -------------------------------------------------------------------------------------

COLOURS = [(250, 10, 20), (30, 240, 50), (60, 70, 230), (200, 200, 0)]
PLTE = b"PLTE", bytes(sum(COLOURS, ()))


@pytest.mark.parametrize(
    "alphas", [[], [0], [255, 0], [0, 64, 128, 255], [1, 2]]
)
def test_a_palette_has_an_alpha_for_each_colour(
    tmp_path: Path, alphas: list[int]
) -> None:
    tRNS = [(b"tRNS", bytes(alphas))] if alphas else []
    body = png(4, 2, PALETTE, [0, 1, 2, 3], PLTE, *tRNS, TURNED)
    made = make(tmp_path, body)
    full = [*alphas, *[255] * 4][:4]
    expected: list[Pixel] = [
        (*colour, alpha) if alphas else colour
        for colour, alpha in zip(COLOURS, full, strict=True)
    ]
    assert made.pixels[::-1] == expected


def test_a_palette_of_a_tiff_may_have_alpha(tmp_path: Path) -> None:
    ramp = [level * 257 for level in range(256)]
    reds, greens, blues = ramp, ramp[::-1], [0] * 256
    strips = [bytes([10, 0, 20, 128, 30, 255])]
    body = tiff(
        "<", (3, 1), 3, [8, 8], strips, t338=[2], t320=reds + greens + blues
    )
    expected = [(10, 245, 0, 0), (20, 235, 0, 128), (30, 225, 0, 255)]
    assert make(tmp_path, body).pixels == expected


def test_a_palette_may_hold_alpha_itself() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([9, 8, 7, 255, 6, 5, 4, 77], "RGBA")
    image.putpixel((1, 0), 1)
    plain = colours.to_plain_mode(image)
    assert plain.mode == "RGBA"
    assert plain.getpixel((1, 0)) == (6, 5, 4, 77)


def test_a_palette_is_made_smaller_as_colours(tmp_path: Path) -> None:
    """Between the first and the last of a palette stands any other colour."""
    numbers = [0, 3] * 64
    palette = [(255, 0, 0), (0, 255, 0), (0, 255, 0), (0, 0, 255)]
    PLTE = b"PLTE", bytes(sum(palette, ()))
    made = make(tmp_path, png(128, 2, PALETTE, numbers * 128, PLTE), resize=16)
    inner = [
        pixel for place, pixel in enumerate(made.pixels) if 2 < place % 16 < 13
    ]
    assert differ_by(inner, [(128, 0, 128)] * len(inner)) <= 6


def test_of_a_gif_the_clear_colour_is_clear(tmp_path: Path) -> None:
    image = Image.new("P", (4, 1))
    image.putpalette(sum(COLOURS, ()))
    image.putdata([0, 1, 2, 3])
    image.save(tmp_path / "a.gif", transparency=2)
    made = make(tmp_path, (tmp_path / "a.gif").read_bytes())
    expected = [(*colour, 255) for colour in COLOURS]
    assert made.pixels[:2] + made.pixels[3:] == expected[:2] + expected[3:]
    assert made.pixels[2][3] == 0


# -- alpha ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [GRAY_ALPHA, RGB_ALPHA, PALETTE])
@pytest.mark.parametrize("resize", [16, 21, 60])
def test_what_is_clear_leaves_no_fringe(
    tmp_path: Path, colour: int, resize: int
) -> None:
    """Clear red, or white, beside what is opaque: its colour must not be seen anywhere."""
    clear, opaque, chunks = {
        GRAY_ALPHA: ((255, 0), (40, 255), []),
        RGB_ALPHA: ((255, 0, 0, 0), (0, 120, 60, 255), []),
        PALETTE: ((0,), (1,), [(b"PLTE", bytes([255, 0, 0, 0, 120, 60])),
                               (b"tRNS", b"\0")]),
    }[colour]  # fmt: skip
    half = 31
    row = clear * half + opaque * (64 - half)
    body = png(64, 8, colour, row * 64, *chunks)
    made = make(tmp_path, body, resize=resize)
    wanted = (40,) if colour == GRAY_ALPHA else (0, 120, 60)
    for *found, alpha in made.pixels:
        # In eight bits, multiplied by alpha, a colour is known to a level of 255 / alpha. Lanczos
        # overshoots by up to a tenth, where alpha ends at 255.
        if alpha:
            off = differ_by([tuple(found)], [wanted])
            assert off <= 1 + 255 / alpha + max(wanted) / 10
    middle = made.pixels[:resize]
    covered = sum(alpha for *_, alpha in middle) / 255
    assert covered == pytest.approx(resize * (64 - half) / 64, abs=0.1)


@pytest.mark.parametrize("colour", [GRAY_ALPHA, RGB_ALPHA])
def test_what_is_opaque_stays_opaque(tmp_path: Path, colour: int) -> None:
    samples = [0, 255] * 4096
    if colour == RGB_ALPHA:
        samples = [0, 99, 7, 255, 255, 3, 1, 255] * 2048
    width = len(samples) // CHANNELS[colour] // 64
    made = make(tmp_path, png(width, 8, colour, samples), resize=23)
    assert {pixel[-1] for pixel in made.pixels} == {255}


def test_alpha_that_a_tiff_has_multiplied_is_divided(tmp_path: Path) -> None:
    pixels = [64, 32, 0, 128, 0, 0, 0, 0, 200, 100, 50, 255]
    body = tiff("<", (3, 1), 2, [8] * 4, [bytes(pixels)], t338=[1])
    made = make(tmp_path, body)
    expected = [(128, 64, 0, 128), (0, 0, 0, 0), (200, 100, 50, 255)]
    assert differ_by(made.pixels, expected) <= 1
    body = tiff("<", (2, 1), 1, [8] * 2, [bytes([64, 128, 9, 255])], t338=[1])
    assert differ_by(make(tmp_path, body).pixels, [(128, 128), (9, 255)]) <= 1


# -- other forms ----------------------------------------------------------------------------------


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = [1, 0, 0, 1, 1]
    made = make(tmp_path, png(5, 1, GRAY, bits, TURNED))
    assert made.pixels == [(255 * bit,) for bit in bits[::-1]]


@pytest.mark.parametrize(
    ("form", "bits", "values", "expected"),
    [
        ("I", 32, [0, 257, 65535, 32768], [0, 1, 255, 128]),
        ("I", 32, [0, 100_000, 200_000, 50_000], [0, 128, 255, 64]),
        ("f", 32, [0.0, 1.0, 0.5, 0.25], [0, 255, 128, 64]),
        ("f", 32, [0.0, 255.0, 77.0, 1.6], [0, 255, 77, 2]),
        ("f", 32, [0.0, 65535.0, 257.0, 300.0], [0, 255, 1, 1]),
    ],
)
def test_wide_samples_are_spread(
    tmp_path: Path,
    form: str,
    bits: int,
    values: list[float],
    expected: list[int],
) -> None:
    strip = struct.pack(f"<4{form}", *values)
    kind = {"I": 1, "f": 3}[form]
    body = tiff("<", (4, 1), BLACK_IS_ZERO, [bits], [strip], t339=[kind])
    assert make(tmp_path, body).pixels == [(level,) for level in expected]


def test_lab_is_shown_as_cie_has_it(tmp_path: Path) -> None:
    colours = [
        (lightness, a, b)
        for lightness in (0, 20, 40, 60, 80, 100)
        for a, b in ((0, 0), (30, 0), (-30, 10), (5, -40), (10, 50))
    ]
    strip = b"".join(
        struct.pack("<Bbb", round(lightness * 2.55), a, b)
        for lightness, a, b in colours
    )
    body = tiff("<", (len(colours), 1), CIELAB, [8] * 3, [strip])
    expected = [lab_to_srgb(*colour) for colour in colours]
    assert differ_by(make(tmp_path, body).pixels, expected) <= 1


SUBSAMPLED: list[tuple[int, int, Callable[[int, int], int]]] = [
    (1, 1, lambda x, y: y * 4 + x),
    (2, 1, lambda x, y: y * 2 + x // 2),
    (2, 2, lambda x, y: y // 2 * 2 + x // 2),
]


@pytest.mark.parametrize(("across", "down", "block"), SUBSAMPLED)
@pytest.mark.parametrize("order", ["<", ">"])
def test_luma_and_chroma_of_a_tiff_become_rgb(
    tmp_path: Path,
    order: str,
    across: int,
    down: int,
    block: Callable[[int, int], int],
) -> None:
    """Each block is its lumas, then its one Cb and Cr (TIFF 6, section 21)."""
    lumas = {(x, y): 16 * (4 * y + x) + 8 for y in range(4) for x in range(4)}
    count = 16 // (across * down)
    chromas = [(100 + 3 * n, 160 - 5 * n) for n in range(count)]
    strip = b""
    for number, chroma in enumerate(chromas):
        inside = [place for place in lumas if block(*place) == number]
        inside.sort(key=lambda place: place[::-1])
        strip += bytes([lumas[place] for place in inside]) + bytes(chroma)
    body = tiff(order, (4, 4), YCBCR, [8] * 3, [strip], t530=[across, down])
    expected = [
        ycc_to_rgb(lumas[x, y], *chromas[block(x, y)])
        for y in range(4)
        for x in range(4)
    ]
    assert differ_by(make(tmp_path, body).pixels, expected) <= 2
