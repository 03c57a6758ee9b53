"""What becomes of a picture that moves: formats, times, sizes, copies, refusals."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from processors.image import Plan, png_colours
from processors.image.metadata import Malformed, strip_metadata
from processors.image.moving import apng, avif, gif
from processors.image.moving.timeline import as_shown
from tests.processors.image import films
from tests.processors.image.films import BACKGROUND, PREVIOUS, Part, shown
from tests.processors.image.test_frames import (
    SIZE,
    composed,
    decoded,
    farthest,
    same,
    timeline,
)
from tests.processors.image.test_image import ORIENTATION, Desk, drawn, saved

DELAYS = (40, 200, 1230, 70)
PARTS = [
    Part(0, 0, *SIZE, holes=False, delay=DELAYS[0]),
    Part(2, 2, 6, 5, disposal=BACKGROUND, seed=1, delay=DELAYS[1]),
    Part(4, 0, 8, 8, disposal=PREVIOUS, seed=2, delay=DELAYS[2]),
    Part(0, 4, 12, 4, seed=3, delay=DELAYS[3]),
]
OUTPUTS = ("webp", "avif", "png", "gif")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def plan(**asked: Any) -> Plan:
    return Plan(frames="all", **asked)


def variant_of(
    desk: Desk, body: bytes, asked: Plan
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The facts of the original, of the variant, and the variant."""
    processed = desk.process(body, asked)
    (variant,) = processed.facts["processed"]
    ((written, published),) = processed.files
    assert published == variant["path"]
    return processed.facts, variant, Path(written).read_bytes()


def avif_of(loop: int) -> bytes:
    frames = shown(SIZE, [part._replace(disposal=0) for part in PARTS])
    body = saved(
        frames[0],
        "AVIF",
        save_all=True,
        append_images=frames[1:],
        duration=list(DELAYS),
    )
    return avif.shown_times(body, loop)


def film_of(format: str, loop: int) -> bytes:
    """Shown that often; 0: forever."""
    if format == "gif":
        named = {0: 0, 1: None}.get(loop, loop - 1)
        return films.gif(SIZE, PARTS, named)
    if format == "png":
        return films.apng(SIZE, PARTS, loop)
    if format == "webp":
        parts = [part._replace(disposal=0) for part in PARTS]
        return films.webp(SIZE, parts, loop)
    return avif_of(loop)


# -- formats and times -------------------------------------------------------------------------


@pytest.mark.parametrize("original", OUTPUTS)
@pytest.mark.parametrize("format", OUTPUTS)
@pytest.mark.parametrize("loop", [0, 1, 2, 7])
def test_times_and_loops_are_kept_in_each_format(
    desk: Desk, original: str, format: str, loop: int
) -> None:
    body = film_of(original, loop)
    facts, variant, content = variant_of(
        desk, body, plan(format=format, resize=10)
    )
    assert (facts["frames"], facts["duration_ms"], facts["loop"]) == (
        4,
        sum(DELAYS),
        loop,
    )
    assert (variant["frames"], variant["duration_ms"]) == (4, sum(DELAYS))
    times = timeline(content)
    assert times is not None
    assert (times.durations, times.loop) == (DELAYS, loop)
    assert variant["format"] == format
    with Image.open(io.BytesIO(content)) as image:
        assert (image.width, image.height) == (10, 8)
        assert image.mode == variant["mode"]
        seen = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            seen.append(round(frame.info["duration"]))
        assert tuple(seen) == DELAYS


@pytest.mark.parametrize(
    ("original", "asked", "made"),
    [
        ("gif", "", "webp"),
        ("png", "", "webp"),
        ("webp", "", "webp"),
        ("avif", "", "avif"),
        ("gif", "jpeg", "jpeg"),
    ],
)
def test_a_picture_that_moves_becomes_what_can_move(
    desk: Desk, original: str, asked: str, made: str
) -> None:
    _, variant, content = variant_of(
        desk, film_of(original, 0), plan(format=asked, resize=6)
    )
    moves = made != "jpeg"
    assert variant["format"] == made
    assert variant["frames"] == (4 if moves else 1)
    assert variant["duration_ms"] == (sum(DELAYS) if moves else None)
    assert ("first_frame" in variant["changes"]) != moves
    assert (timeline(content) is not None) == moves


@pytest.mark.parametrize("original", OUTPUTS)
def test_of_a_picture_that_moves_the_first_frame_is_taken_unasked(
    desk: Desk, original: str
) -> None:
    facts, variant, content = variant_of(
        desk, film_of(original, 3), Plan(resize=6)
    )
    assert (facts["frames"], facts["duration_ms"], facts["loop"]) == (
        4,
        sum(DELAYS),
        3,
    )
    assert (variant["frames"], variant["duration_ms"]) == (1, None)
    assert variant["changes"][1] == "first_frame"
    assert timeline(content) is None


def test_an_avif_says_in_several_ways_how_often_it_is_shown() -> None:
    body = avif_of(5)
    assert loop_of(body) == 5
    assert loop_of(body.replace(b"elst", b"skip")) == 0, "nothing is said"
    flags = body.index(b"elst") + 7
    once = body[:flags] + b"\0" + body[flags + 1 :]
    assert loop_of(once) == 1
    mute = body.replace(b"elst", b"skip")
    assert avif.shown_times(mute, 3) == mute
    # Boxes whose length takes 64 bits, or is that of the rest of the file.
    begin = body.index(b"moov") - 4
    large = struct.pack(">I4sQ", 1, b"free", 20) + b"1234"
    rest = body[:begin] + large + bytes(4) + body[begin + 4 :]
    assert loop_of(rest) == 5
    assert loop_of(rest[:begin] + struct.pack(">I4s", 3, b"free")) == 0


def loop_of(body: bytes) -> int:
    times = avif.timeline(body, 4)
    assert times is not None
    return times.loop


def test_what_is_too_quick_is_shown_as_browsers_do() -> None:
    assert as_shown((0, 10, 10.9, 11, 20)) == (100, 100, 100, 11, 20)
    # 60 frames take a second, whatever rounding does to each.
    durations = as_shown([1000 / 60] * 60)
    assert sum(durations) == 1000
    assert set(durations) == {16, 17}
    for make in (films.gif, films.webp, films.apng):
        body = make(SIZE, [part._replace(delay=0) for part in PARTS])  # type: ignore[operator]
        times = timeline(body)
        assert times is not None
        assert times.durations == (100,) * 4


def test_a_delay_of_a_png_is_a_fraction() -> None:
    body = films.apng(SIZE, PARTS)
    for fraction, expected in (((1, 3), 333), ((7, 0), 70), ((2, 1), 2000)):
        control = body.replace(
            struct.pack(">2H", DELAYS[0], 1000), struct.pack(">2H", *fraction)
        )
        times = timeline(with_checks(control))
        assert times is not None
        assert times.durations[0] == expected


@pytest.mark.parametrize(
    ("format", "most"),
    [("gif", 655_350), ("webp", 2**24 - 1), ("png", 65_535_000)],
)
def test_what_no_format_can_say_is_as_long_as_it_can(
    desk: Desk, format: str, most: int
) -> None:
    body = films.apng(SIZE, PARTS)
    body = body.replace(
        struct.pack(">2H", DELAYS[1], 1000), struct.pack(">2H", 65_535, 1)
    )
    body = with_checks(body)
    _, _, content = variant_of(desk, body, plan(format=format, resize=10))
    times = timeline(content)
    assert times is not None
    assert times.durations[1] == most


@pytest.mark.parametrize("milliseconds", [50, 65_535, 65_536, 655_360])
def test_a_long_delay_of_a_png_is_told_in_larger_units(
    desk: Desk, milliseconds: int
) -> None:
    parts = [PARTS[0], PARTS[1]]
    pieces = apng.write(
        iter(shown(SIZE, parts)), (milliseconds, milliseconds), 0
    )
    times = timeline(b"".join(pieces))
    assert times is not None
    assert 0 <= milliseconds - times.durations[0] < 1000
    assert milliseconds > 655_350 or milliseconds - times.durations[0] < 10


def test_a_gif_keeps_step_with_times_that_it_cannot_say() -> None:
    frames = shown(SIZE, PARTS) * 15
    body = b"".join(gif.write(iter(frames), as_shown([1000 / 60] * 60), 0))
    times = timeline(body)
    assert times is not None
    assert set(times.durations) == {20}, "browsers take 10 for 100"
    body = b"".join(gif.write(iter(frames), as_shown([1000 / 30] * 60), 0))
    times = timeline(body)
    assert times is not None
    assert times.duration_ms == 2000
    assert set(times.durations) == {30, 40}


# -- pixels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("original", ["gif", "png", "webp"])
@pytest.mark.parametrize("grayscale", [False, True])
def test_each_frame_is_what_a_still_would_be(
    desk: Desk, original: str, grayscale: bool
) -> None:
    still = Plan(resize=9, grayscale=grayscale, format="png")
    body = film_of(original, 0)
    _, variant, content = variant_of(
        desk, body, plan(resize=9, grayscale=grayscale, format="png")
    )
    expected = []
    for frame in composed(body):
        _, _, made = variant_of(desk, saved(frame, "PNG"), still)
        with Image.open(io.BytesIO(made)) as image:
            expected.append(image.convert("RGBA"))
    assert same(decoded(content), expected)
    assert ("grayscale" in variant["changes"]) == grayscale
    assert variant["mode"][0] == ("L" if grayscale else "R")


@pytest.mark.parametrize("format", OUTPUTS)
def test_each_format_shows_nearly_the_same(desk: Desk, format: str) -> None:
    """Frames of few colours, none of them near an edge of another."""
    parts = [
        Part(0, 0, 64, 48, seed=1, holes=False),
        Part(16, 16, 32, 24, disposal=BACKGROUND, seed=2, holes=False),
        Part(0, 0, 32, 24, seed=3, holes=False),
    ]
    body = films.gif((64, 48), [flat(part) for part in parts])
    _, variant, content = variant_of(desk, body, plan(format=format))
    assert len(decoded(content)) == variant["frames"] == 3
    for made, expected in zip(decoded(content), composed(body), strict=True):
        for place in ((4, 4), (24, 20), (60, 44)):
            pixels = made.getpixel(place), expected.getpixel(place)
            one, other = (pixel if pixel[3] else (0,) * 4 for pixel in pixels)  # type: ignore[index]
            assert all(
                abs(a - b) < 25 for a, b in zip(one, other, strict=True)
            ), (place, pixels)


class Flat(Part):
    def index(self, x: int, y: int) -> int:
        return self.seed


def flat(part: Part) -> Part:
    return Flat(*part)


def test_a_film_that_is_opaque_stays_opaque(desk: Desk) -> None:
    parts = [
        Part(0, 0, *SIZE, holes=False),
        Part(2, 2, 6, 5, disposal=PREVIOUS, seed=1),
        Part(1, 3, 6, 5, seed=1),
    ]
    _, variant, content = variant_of(
        desk, films.gif(SIZE, parts), plan(format="png")
    )
    assert variant["mode"] == "RGB"
    assert same(decoded(content), shown(SIZE, parts))


def test_a_gray_film_stays_gray(desk: Desk) -> None:
    frames = [drawn("L"), drawn("L").transpose(Image.Transpose.ROTATE_180)]
    body = saved(
        frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50
    )
    _, variant, content = variant_of(desk, body, plan(resize=32, format="png"))
    assert variant["mode"] == "L"
    assert decoded(content)[1].getpixel((30, 22)) == (76, 76, 76, 255)


def test_a_film_of_16_bits_is_read(desk: Desk) -> None:
    parts = [Part(0, 0, 2, 1, seed=1), Part(0, 0, 2, 1, seed=2)]
    body = films.apng((2, 1), parts)
    for part, level in zip(parts, (0x2000, 0xFF00), strict=True):
        old = films.scanlines(part)
        new = films.zlib.compress(struct.pack(">B2H", 0, level, 0x8000))
        body = exchanged(body, old, new)
    body = body.replace(bytes([8, 6, 0, 0, 0]), bytes([16, 0, 0, 0, 0]), 1)
    body = with_checks(body)
    assert [frame.getpixel((0, 0))[0] for frame in composed(body)] == [  # type: ignore[index]
        0x20,
        0xFE,
    ]


def exchanged(body: bytes, old: bytes, new: bytes) -> bytes:
    """The PNG with other pixels; of a frame after the first they stand in two chunks."""
    pieces = [body[:8]]
    for name, begin, end in apng.chunks(body):
        content = body[begin:end]
        if name == b"IDAT" and content == old:
            content = new
        elif name == b"fdAT" and content[4:] == old[:5]:
            content = content[:4] + new
        elif name == b"fdAT" and content[4:] == old[5:]:
            content = content[:4]
        pieces.append(films.chunk(name, content))
    return b"".join(pieces)


def with_checks(body: bytes) -> bytes:
    pieces = [body[:8]]
    for name, begin, end in apng.chunks(body):
        pieces.append(films.chunk(name, body[begin:end]))
    return b"".join(pieces)


LINEAR = films.chunk(b"gAMA", struct.pack(">I", 100_000))


def with_gamma(body: bytes) -> bytes:
    """The same PNG, whose samples are said to be in proportion to the light."""
    end_of_header = body.index(b"IHDR") + 21
    return body[:end_of_header] + LINEAR + body[end_of_header:]


@pytest.mark.parametrize("original", ["png", "webp"])
def test_the_colours_of_each_frame_are_made_those_of_srgb(
    desk: Desk, original: str
) -> None:
    film = with_gamma(film_of("png", 0))
    with Image.open(io.BytesIO(film)) as image:
        profile = png_colours.profile_of(image, film)
    frames = composed(film)
    body = film
    if original == "webp":
        body = saved(
            frames[0],
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            lossless=True,
            icc_profile=profile,
        )
    asked = {"format": "png", "resize": 8}
    _, variant, content = variant_of(desk, body, plan(**asked))
    assert variant["changes"][:2] == ["resized", "srgb"]
    for made, frame in zip(decoded(content), frames, strict=True):
        alone = with_gamma(saved(frame, "PNG"))
        _, _, still = variant_of(desk, alone, Plan(**asked))
        with Image.open(io.BytesIO(still)) as expected:
            assert farthest(made, expected) <= (original == "webp")


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_each_frame_is_turned_upright(desk: Desk, format: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    options = {"lossless": True} if format == "WEBP" else {}
    frames = [drawn(), drawn().transpose(Image.Transpose.ROTATE_180)]
    body = saved(
        frames[0],
        format,
        save_all=True,
        append_images=frames[1:],
        exif=exif,
        **options,
    )
    facts, variant, content = variant_of(desk, body, plan(format="png"))
    assert variant["changes"][0] == "rotated"
    assert (facts["original_width"], facts["original_height"]) == (48, 64)
    turned = Image.Transpose.ROTATE_270
    for made, frame in zip(decoded(content), frames, strict=True):
        assert farthest(made, frame.transpose(turned)) == 0


def test_a_frame_that_is_like_the_last_one_keeps_its_time(desk: Desk) -> None:
    parts = [PARTS[0], PARTS[0], PARTS[3]]
    for format in ("png", "gif"):
        _, variant, content = variant_of(
            desk, films.gif(SIZE, parts), plan(format=format, resize=8)
        )
        assert (variant["frames"], variant["duration_ms"]) == (3, 150)
        assert farthest(*decoded(content)[:2]) == 0


# -- GIF written -------------------------------------------------------------------------------


def test_a_still_may_become_a_gif(desk: Desk) -> None:
    body = saved(drawn(), "PNG")
    _, variant, content = variant_of(desk, body, Plan(format="gif"))
    assert (variant["format"], variant["mode"]) == ("gif", "P")
    assert variant["path"].endswith(".gif")
    assert variant["changes"] == ["converted"]
    with Image.open(io.BytesIO(content)) as image:
        assert farthest(image, drawn()) == 0
    _, variant, copy = variant_of(desk, content, Plan(format="gif"))
    assert (variant["changes"], copy == content) == ([], True)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
def test_a_still_of_any_mode_may_become_a_gif(desk: Desk, mode: str) -> None:
    body = saved(drawn("L").convert(mode), "PNG")
    _, _, content = variant_of(desk, body, Plan(format="gif"))
    with Image.open(io.BytesIO(content)) as image:
        assert farthest(image, drawn("L")) == 0


@pytest.mark.parametrize("colours", [2, 200, 255, 256])
@pytest.mark.parametrize("clear", [False, True])
def test_few_colours_are_kept_exactly(
    desk: Desk, colours: int, clear: bool
) -> None:
    image = Image.new("RGBA", (32, 16))
    image.putdata(
        [
            (n * 7 % 256, n * 3 % 251, 255 - n, 255)
            for n in (k % (colours - clear) for k in range(32 * 16))
        ]
    )
    if clear:
        image.paste((9, 9, 9, 40), (0, 15, 32, 16))
    _, _, content = variant_of(desk, saved(image, "PNG"), Plan(format="gif"))
    with Image.open(io.BytesIO(content)) as made:
        top = (0, 0, 32, 15)
        found = made.convert("RGBA")
        assert farthest(found.crop(top), image.crop(top)) == 0
        lowest = found.getpixel((5, 15))
        assert lowest[3] == (0 if clear else 255)  # type: ignore[index]


def test_many_colours_are_dithered(desk: Desk) -> None:
    image = Image.linear_gradient("L").convert("RGB")
    image.putalpha(255)
    ramp = Image.merge(
        "RGB",
        (
            image.getchannel("R"),
            image.getchannel("R").transpose(Image.Transpose.ROTATE_90),
            Image.radial_gradient("L"),
        ),
    )
    _, _, content = variant_of(desk, saved(ramp, "PNG"), Plan(format="gif"))
    with Image.open(io.BytesIO(content)) as made:
        small = (32, 32)
        error = farthest(made.convert("RGB").resize(small), ramp.resize(small))
    assert error < 20


def test_a_gif_shows_again_what_was_covered_by_nothing(desk: Desk) -> None:
    """What a frame uncovers needs its forerunner to be cleared away."""
    parts = [
        Part(0, 0, *SIZE, holes=False, disposal=BACKGROUND),
        Part(2, 2, 6, 5, seed=1, disposal=BACKGROUND),
        Part(1, 1, 3, 3, seed=2, holes=False),
        Part(5, 5, 3, 3, seed=3, holes=False),
    ]
    frames = shown(SIZE, parts)
    body = b"".join(gif.write(iter(frames), (50,) * 4, 0))
    assert same(composed(body), frames)


# -- copies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["gif", "png", "webp"])
def test_what_need_not_change_is_copied_with_all_its_frames(
    desk: Desk, format: str
) -> None:
    body = film_of(format, 3)
    _, variant, content = variant_of(desk, body, plan(format=format))
    assert (variant["changes"], content) == ([], body)
    assert (variant["frames"], variant["duration_ms"]) == (4, sum(DELAYS))


SECRET = b"by J. Doe, at home"


def commented(format: str, body: bytes) -> bytes:
    if format == "gif":
        comment = b"\x21\xfe" + bytes([len(SECRET)]) + SECRET + b"\0"
        other = b"\x21\xff\x0bXMP DataXMP" + comment[2:]
        begin = body.index(b"\x21\xf9")
        return body[:begin] + comment + other + body[begin:] + SECRET
    if format == "png":
        begin = body.index(b"fcTL") - 4
        note = films.chunk(b"tEXt", b"Author\0" + SECRET)
        return body[:begin] + note + body[begin:]
    content = body[12:] + films.riff(b"EXIF", SECRET)
    return struct.pack("<4sI4s", b"RIFF", len(content) + 4, b"WEBP") + content


@pytest.mark.parametrize("format", ["gif", "png", "webp"])
def test_a_copy_has_all_frames_and_no_metadata(desk: Desk, format: str) -> None:
    body = film_of(format, 3)
    _, variant, content = variant_of(
        desk, commented(format, body), plan(format=format)
    )
    assert variant["changes"] == ["metadata_removed"]
    assert SECRET not in content
    assert timeline(content) == timeline(body)
    assert same(composed(content), composed(body))


def test_a_copy_is_not_made_of_what_cannot_be_decoded(desk: Desk) -> None:
    body = bytearray(films.apng(SIZE, PARTS))
    at = body.rindex(b"fdAT") + 8
    body[at : at + 8] = bytes(8)
    refusal = desk.refusal(bytes(body), plan(format="png"))
    assert refusal.kind in ("image_broken", "image_truncated")


def test_a_moving_avif_is_encoded_anew(desk: Desk) -> None:
    _, variant, _ = variant_of(desk, avif_of(0), plan())
    assert (variant["format"], variant["changes"]) == ("avif", ["converted"])


def test_a_gif_that_ends_within_a_block_is_malformed() -> None:
    with pytest.raises(Malformed, match="a block without end"):
        strip_metadata(films.gif(SIZE, PARTS)[:-4], "gif")
    with pytest.raises(Malformed, match="nothing is known"):
        strip_metadata(avif_of(0), "avif")
