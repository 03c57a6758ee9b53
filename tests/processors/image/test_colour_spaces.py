"""Colours: what a PNG, an ICC profile or ink says, as pixels of sRGB, by the standards' formulas.

Little CMS makes what is expected nowhere: curves and matrices are those of the standards.
"""

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from processors.image import icc, profiles
from tests.processors.image.icc_profiles import (
    ADOBE_PROFILE,
    GRAY_PROFILE,
    WHITE,
    gamma_tag,
    gray_of_lightness,
    profile,
    profile_chunk,
    table_profile,
)
from tests.processors.image.references import (
    ADOBE_RGB,
    DISPLAY_P3,
    GRAY,
    GRAY_ALPHA,
    PALETTE,
    REC_2020,
    RGB,
    RGB_ALPHA,
    TURNED,
    Matrix,
    Pixel,
    differ_by,
    light_to_srgb,
    make,
    make_file,
    png,
    srgb_to_light,
    times,
    xyz_to_srgb,
)

D65 = (0.3127, 0.3290)
SRGB_POINTS = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_POINTS = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
SRGB_CHUNK = (b"sRGB", b"\0")
RAMP = list(range(256))
# Inside sRGB in all the spaces below, but for the last three.
COLOURS: list[Pixel] = [
    (0, 0, 0),
    (255, 255, 255),
    (128, 128, 128),
    (12, 12, 12),
    (180, 120, 90),
    (90, 140, 170),
    (60, 70, 50),
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
]
SAMPLES = [level for colour in COLOURS for level in colour]


def gamma_chunk(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def points_chunk(points: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(p * 100_000) for p in points))


def shown(colour: Pixel, matrix: Matrix, exponent: float) -> Pixel:
    light = [(level / 255) ** exponent for level in colour]
    return xyz_to_srgb(times(matrix, light))


# -- gAMA and cHRM --------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [1.0, 0.55556, 0.35, 0.6])
@pytest.mark.parametrize("colour", [GRAY, RGB, GRAY_ALPHA, RGB_ALPHA, PALETTE])
def test_gamma_is_undone(tmp_path: Path, gamma: float, colour: int) -> None:
    """W3C PNG, 13.13: light is the sample to the power of 1 / gAMA."""
    chunks = [gamma_chunk(gamma)]
    samples = RAMP
    if colour == PALETTE:
        chunks.append((b"PLTE", bytes(_grays())))
    elif colour in (GRAY_ALPHA, RGB_ALPHA):
        bands = 1 if colour == GRAY_ALPHA else 3
        samples = [
            level for n in RAMP for level in (*[n] * bands, 255 - n // 2)
        ]
    elif colour == RGB:
        samples = _grays()
    made = make(tmp_path, png(256, 8, colour, samples, *chunks))
    assert made.variant["changes"] == ["srgb"]
    expected = [light_to_srgb((n / 255) ** (1 / gamma)) for n in RAMP]
    levels = [(pixel[0],) for pixel in made.pixels]
    assert differ_by(levels, [(level,) for level in expected]) <= 1
    if colour in (GRAY_ALPHA, RGB_ALPHA):
        alphas = [pixel[-1] for pixel in made.pixels]
        assert alphas == [255 - n // 2 for n in RAMP]


def test_the_points_of_red_green_and_blue_are_those_of_the_file(
    tmp_path: Path,
) -> None:
    chunks = [gamma_chunk(1 / 2.2), points_chunk(ADOBE_POINTS)]
    made = make(tmp_path, png(len(COLOURS), 8, RGB, SAMPLES, *chunks))
    assert made.variant["changes"] == ["srgb"]
    expected = [shown(colour, ADOBE_RGB, 2.2) for colour in COLOURS]
    assert differ_by(made.pixels, expected) <= 1
    assert made.pixels[4] != COLOURS[4]


@pytest.mark.parametrize("gamma", [0.45455, 0.45454, 0.45, 0.4545, 0.459])
@pytest.mark.parametrize("points", [None, SRGB_POINTS])
def test_gamma_and_points_of_srgb_change_nothing(
    tmp_path: Path, gamma: float, points: tuple[float, ...] | None
) -> None:
    chunks = [gamma_chunk(gamma)]
    if points:
        chunks.append(points_chunk(points))
    body = png(len(COLOURS), 8, RGB, SAMPLES, *chunks)
    content, variant = make_file(tmp_path, body)
    assert (content, variant["changes"]) == (body, [])


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma_chunk(1.0), SRGB_CHUNK],
        [points_chunk(ADOBE_POINTS)],
        [gamma_chunk(0)],
        [gamma_chunk(0.00001)],
        [gamma_chunk(1.0), points_chunk((0,) * 8)],
        [gamma_chunk(1.0), points_chunk((0.3,) * 8)],
        [gamma_chunk(1.0), points_chunk((40_000,) * 8)],
    ],
    ids=["sRGB", "no gamma", "0", "tiny", "no points", "one point", "far"],
)
def test_what_says_nothing_changes_nothing(
    tmp_path: Path, chunks: list[tuple[bytes, bytes]]
) -> None:
    body = png(len(COLOURS), 8, RGB, SAMPLES, *chunks)
    content, variant = make_file(tmp_path, body)
    assert (content, variant["changes"]) == (body, [])


def test_a_profile_wins_over_gamma(tmp_path: Path) -> None:
    linear = icc.build_profile(icc.Space(_pairs(SRGB_POINTS), (1.0,)), False)
    chunks = [profile_chunk(linear), gamma_chunk(1 / 2.2)]
    made = make(tmp_path, png(256, 8, RGB, _grays(), *chunks))
    expected = [(light_to_srgb(n / 255),) * 3 for n in RAMP]
    assert differ_by(made.pixels, expected) <= 1


def _grays() -> list[int]:
    return [level for level in RAMP for _ in range(3)]


def _pairs(numbers: tuple[float, ...]) -> icc.Points:
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def test_gamma_holds_for_what_is_resized_and_turned(tmp_path: Path) -> None:
    samples = [200, 100, 50] * 64 * 32 + [20, 40, 60] * 64 * 32
    body = png(64, 8, RGB, samples, gamma_chunk(1.0), TURNED)
    made = make(tmp_path, body, resize=16)
    assert made.variant["changes"] == ["rotated", "resized", "srgb"]
    ends = [made.pixels[20], made.pixels[-20]]
    expected = [
        tuple(light_to_srgb(level / 255) for level in colour)
        for colour in ((20, 40, 60), (200, 100, 50))
    ]
    assert differ_by(ends, expected) <= 1


# -- cICP -----------------------------------------------------------------------------------------


def video_light(level: float) -> float:
    """ITU-R BT.709, from the sample to light."""
    if level < 0.081:
        return level / 4.5
    return float(((level + 0.099) / 1.099) ** (1 / 0.45))


@pytest.mark.parametrize(
    ("primaries", "matrix"), [(9, REC_2020), (12, DISPLAY_P3)]
)
@pytest.mark.parametrize(
    ("transfer", "light"),
    [(13, srgb_to_light), (1, video_light), (8, float), (4, lambda v: v**2.2)],
)
def test_code_points_say_primaries_and_curve(
    tmp_path: Path, primaries: int, matrix: Matrix, transfer: int, light: Any
) -> None:
    chunk = b"cICP", bytes([primaries, transfer, 0, 1])
    body = png(len(COLOURS), 8, RGB, SAMPLES, chunk, SRGB_CHUNK)
    expected = [
        xyz_to_srgb(times(matrix, [light(level / 255) for level in colour]))
        for colour in COLOURS
    ]
    assert differ_by(make(tmp_path, body).pixels, expected) <= 1


@pytest.mark.parametrize(
    "codes",
    [
        bytes([1, 13, 0, 1]),  # sRGB
        bytes([9, 16, 0, 1]),  # PQ
        bytes([9, 18, 0, 1]),  # HLG
        bytes([12, 13, 0, 0]),  # of the narrow range
        bytes([12, 13, 1, 1]),  # no RGB
        bytes([12, 13, 0]),
    ],
)
def test_code_points_that_are_not_converted_change_nothing(
    tmp_path: Path, codes: bytes
) -> None:
    body = png(len(COLOURS), 8, RGB, SAMPLES, (b"cICP", codes))
    content, variant = make_file(tmp_path, body)
    assert (content, variant["changes"]) == (body, [])


def test_code_points_win_over_a_profile(tmp_path: Path) -> None:
    linear = icc.build_profile(icc.Space(_pairs(SRGB_POINTS), (1.0,)), False)
    chunks = [(b"cICP", bytes([1, 13, 0, 1])), profile_chunk(linear)]
    body = png(len(COLOURS), 8, RGB, SAMPLES, *chunks)
    assert make_file(tmp_path, body)[1]["changes"] == []


# -- ICC profiles ---------------------------------------------------------------------------------


def test_a_matrix_is_converted_as_its_standard_has_it(tmp_path: Path) -> None:
    body = png(len(COLOURS), 8, RGB, SAMPLES, profile_chunk(ADOBE_PROFILE))
    made = make(tmp_path, body)
    expected = [shown(colour, ADOBE_RGB, 2.19921875) for colour in COLOURS]
    assert made.variant["changes"] == ["srgb"]
    assert differ_by(made.pixels, expected) <= 1


def test_a_table_is_looked_up(tmp_path: Path) -> None:
    """It says that green alone is how bright a pixel is, in L* of CIE Lab."""
    table = table_profile(b"RGB ", 3, "g")
    samples = [level for n in RAMP for level in (255 - n, n, 77)]
    made = make(tmp_path, png(256, 8, RGB, samples, profile_chunk(table)))
    assert differ_by(made.pixels, [gray_of_lightness(n) for n in RAMP]) <= 2


@pytest.mark.parametrize("colour", [GRAY, GRAY_ALPHA])
@pytest.mark.parametrize("depth", [8, 16])
def test_the_curve_of_a_gray_profile_is_undone(
    tmp_path: Path, colour: int, depth: int
) -> None:
    full = 2**depth - 1
    levels = [n * full // 255 for n in RAMP]
    if colour == GRAY_ALPHA:
        levels = [value for level in levels for value in (level, full)]
    body = png(256, depth, colour, levels, profile_chunk(GRAY_PROFILE))
    made = make(tmp_path, body)
    expected = [(light_to_srgb(n / 255),) for n in RAMP]
    assert made.mode == ("LA" if colour == GRAY_ALPHA else "L")
    assert differ_by([pixel[:1] for pixel in made.pixels], expected) <= 1


@pytest.mark.parametrize(
    ("colour", "which"),
    [
        (RGB, GRAY_PROFILE),
        (GRAY, ADOBE_PROFILE),
        (RGB, table_profile(b"CMYK", 4, "k")),
        (RGB, b"garbage"),
        (RGB, ADOBE_PROFILE[:200]),
        (RGB, profile(b"RGB ", b"XYZ ", WHITE)),
        (RGB, profile(b"HLS ", b"XYZ ", WHITE)),
    ],
    ids=["gray", "RGB", "CMYK", "garbage", "cut", "no tables", "HLS"],
)
def test_a_profile_that_does_not_fit_is_ignored(
    tmp_path: Path, colour: int, which: bytes
) -> None:
    samples = RAMP if colour == GRAY else _grays()
    body = png(256, 8, colour, samples, profile_chunk(which))
    content, variant = make_file(tmp_path, body)
    assert (content, variant["changes"]) == (body, [])


def test_what_is_called_srgb_and_is_another_is_converted(
    tmp_path: Path,
) -> None:
    tags = {b"desc": b"desc" + struct.pack(">4xI", 5) + b"sRGB\0" + bytes(78)}
    linear = {b"kTRC": gamma_tag(1.0), **tags, **WHITE}
    named = profile(b"GRAY", b"XYZ ", linear)
    made = make(tmp_path, png(256, 8, GRAY, RAMP, profile_chunk(named)))
    assert made.variant["changes"] == ["srgb"]


def test_a_profile_of_any_length_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hostile site could fill the memory of a worker with them."""
    picture = Image.new("RGB", (1, 1))
    srgb = ImageCms.createProfile("sRGB")
    profile = ImageCms.ImageCmsProfile(srgb).tobytes()
    picture.info["icc_profile"] = profile
    profiles._kept_conversion.cache_clear()
    monkeypatch.setattr(profiles, "MAX_KEPT_BYTES", len(profile) - 1)
    profiles.find_conversion(picture, b"")
    assert profiles._kept_conversion.cache_info().currsize == 0
    monkeypatch.setattr(profiles, "MAX_KEPT_BYTES", len(profile))
    profiles.find_conversion(picture, b"")
    assert profiles._kept_conversion.cache_info().currsize == 1
