"""Moving pictures that are cut short, damaged, or made to hold a decoder up."""

import io
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from processors import Unusable
from processors.image import Plan
from tests.processors.image import films
from tests.processors.image.films import BACKGROUND, Part
from tests.processors.image.test_frames import SIZE
from tests.processors.image.test_image import Desk
from tests.processors.image.test_moving import OUTPUTS, film_of, plan

WHOLE = Part(0, 0, *SIZE)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# -- cut short ---------------------------------------------------------------------------------


@pytest.mark.parametrize("format", OUTPUTS)
@pytest.mark.parametrize("part", [0.48, 0.7, 0.95])
def test_a_film_cut_short_is_truncated(
    desk: Desk, format: str, part: float
) -> None:
    body = film_of(format, 0)
    refusal = desk.refusal(body[: int(len(body) * part)], plan(resize=8))
    assert (refusal.kind, str(refusal)) == (
        "image_truncated",
        "the picture ends too early",
    )


@pytest.mark.parametrize("format", ["gif", "png"])
def test_its_first_frame_is_good_if_that_is_there(
    desk: Desk, format: str
) -> None:
    body = film_of(format, 0)
    facts = desk.process(body[: int(len(body) * 0.95)], Plan(resize=8)).facts
    assert (facts["frames"], facts["processed"][0]["frames"]) == (4, 1)


@pytest.mark.parametrize("frames", ["first", "all"])
def test_of_a_png_cut_short_in_its_first_frame_what_came_is_kept(
    desk: Desk, frames: str
) -> None:
    noise = Image.effect_noise((60, 60), 80)
    film = io.BytesIO()
    noise.save(film, "PNG", save_all=True, append_images=[noise.rotate(90)])
    body = film.getvalue()[:2_000]
    kept = Plan(resize=30, frames=frames, truncated="keep")
    facts = desk.process(body, kept).facts
    (variant,) = facts["processed"]
    assert (facts["frames"], facts["truncated"]) == (1, True)
    assert variant["changes"] == ["truncated", "resized"]


@pytest.mark.parametrize("frames", ["first", "all"])
def test_what_hangs_behind_the_end_of_a_webp_is_no_frame(
    desk: Desk, frames: str
) -> None:
    film = film_of("webp", 0)
    picture = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(picture, "WEBP")
    body = picture.getvalue() + film[film.index(b"ANMF") :]
    facts = desk.process(body, Plan(resize=8, frames=frames)).facts
    assert (facts["frames"], facts["duration_ms"]) == (1, None)
    assert facts["processed"][0]["changes"] == ["resized"]


@pytest.mark.parametrize("format", ["gif", "png"])
def test_of_a_film_cut_short_the_whole_frames_may_be_kept(
    desk: Desk, format: str
) -> None:
    body = film_of(format, 2)
    asked = plan(resize=8, format="png", truncated="keep")
    facts = desk.process(body[: int(len(body) * 0.95)], asked).facts
    (variant,) = facts["processed"]
    assert (facts["frames"], variant["frames"]) == (4, 3)
    assert variant["changes"][0] == "truncated"
    facts = desk.process(body[: int(len(body) * 0.55)], asked).facts
    (variant,) = facts["processed"]
    assert (facts["truncated"], variant["frames"]) == (True, 1)


def test_a_gif_needs_no_trailer_and_ends_where_no_block_begins(
    desk: Desk,
) -> None:
    parts = [WHOLE, WHOLE._replace(seed=1)]
    for trailer in (b"", b"\0", b"ordinary words"):
        body = films.gif(SIZE, parts, trailer=trailer)
        facts = desk.process(body, plan(resize=8)).facts
        assert facts["processed"][0]["frames"] == 2


@pytest.mark.parametrize(
    "tail",
    [
        b"!",
        b"!\xf9",
        b"!\xf9\x04\x08",
        b"!\xf9\x04" + bytes(5),
        b",",
        b"," + bytes(8),
    ],
)
def test_a_gif_may_end_anywhere(desk: Desk, tail: bytes) -> None:
    body = films.gif(SIZE, [WHOLE, WHOLE._replace(seed=1)], trailer=tail)
    assert desk.refusal(body, plan()).kind == "image_truncated"
    assert desk.process(body, Plan()).facts["frames"] >= 2


# -- too large ---------------------------------------------------------------------------------


@pytest.mark.parametrize("format", OUTPUTS)
def test_the_pixels_of_all_frames_count(desk: Desk, format: str) -> None:
    body, pixels = film_of(format, 0), 4 * SIZE[0] * SIZE[1]
    refusal = desk.refusal(body, plan(max_pixels=pixels - 1, resize=8))
    assert refusal.kind == "image_too_large"
    assert str(refusal).startswith("4 x 12 x 10 pixels are more than the 479")
    assert desk.process(body, plan(max_pixels=pixels, resize=8)).files
    assert desk.process(body, Plan(max_pixels=pixels - 1, resize=8)).files


def test_a_huge_canvas_of_small_frames_is_too_large(desk: Desk) -> None:
    body = films.gif((65_535, 65_535), [Part(0, 0, 1, 1)] * 3)
    assert desk.refusal(body, plan()).kind == "image_too_large"
    parts = [Part(0, 0, 1, 1, holes=False)] * 3
    body = films.apng((65_535, 65_535), parts)
    assert desk.refusal(body, plan()).kind == "image_too_large"


def test_a_huge_frame_on_a_small_canvas_is_too_large(desk: Desk) -> None:
    body = films.gif(SIZE, [WHOLE, Part(0, 0, 3, 3)])
    at = body.rindex(struct.pack("<4H", 0, 0, 3, 3))
    huge = struct.pack("<4H", 0, 0, 65_535, 65_535)
    body = body[:at] + huge + body[at + 8 :]
    assert desk.refusal(body, plan(max_pixels=10**6)).kind == "image_too_large"
    assert desk.process(body, Plan(max_pixels=10**6)).files


def test_a_side_that_the_format_cannot_hold_is_too_large(desk: Desk) -> None:
    parts = [Part(0, 0, 2, 1), Part(0, 0, 2, 1, seed=1)]
    body = films.gif((20_000, 1), parts)
    refusal = desk.refusal(body, plan(resize=0, format="webp"))
    assert (refusal.kind, "webp" in str(refusal)) == ("image_too_large", True)


# -- damaged -----------------------------------------------------------------------------------


@pytest.mark.parametrize("box", [(8, 0, 5, 5), (0, 8, 3, 3), (0, 0, 0, 3)])
def test_a_frame_that_no_png_may_have_is_broken(
    desk: Desk, box: tuple[int, int, int, int]
) -> None:
    body = films.apng(SIZE, [WHOLE, Part(*box)])
    assert desk.refusal(body, plan(resize=8)).kind == "image_broken"
    assert desk.process(body, Plan(resize=8)).facts["frames"] == 2


def test_a_png_that_says_it_moves_and_has_no_frames_is_a_still(
    desk: Desk,
) -> None:
    for count, parts in ((0, [WHOLE] * 2), (5, [])):
        body = films.apng(SIZE, parts, count=count, poster=WHOLE)
        facts = desk.process(body, plan(resize=8)).facts
        assert facts["processed"][0]["changes"] == ["resized"]
        assert (facts["frames"], facts["loop"]) == (1, None)


def test_a_png_has_the_frames_that_it_has_and_says(desk: Desk) -> None:
    parts = [WHOLE._replace(seed=seed) for seed in range(4)]
    for count, frames in ((3, 3), (2**31, 4)):
        body = films.apng(SIZE, parts, count=count)
        facts = desk.process(body, plan(resize=8, format="png")).facts
        assert facts["frames"] == facts["processed"][0]["frames"] == frames


def test_a_gif_without_frames_is_no_picture(desk: Desk) -> None:
    for body in (films.gif(SIZE, []), films.gif(SIZE, [])[:9]):
        refusal = desk.refusal(body, plan())
        assert refusal.kind in ("image_broken", "image_truncated")


@pytest.mark.parametrize("palette", [bytes(6), b""])
def test_a_gif_may_lack_colours(desk: Desk, palette: bytes) -> None:
    parts = [WHOLE, WHOLE._replace(seed=1, disposal=BACKGROUND), WHOLE]
    body = films.gif(SIZE, parts, palette=palette or bytes(6))
    if not palette:
        body = body[:10] + b"\0" + body[11:13] + body[19:]
    assert desk.process(body, plan(format="png")).facts["frames"] == 3


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_a_film_or_a_refusal(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    body = bytearray(film_of(data.draw(st.sampled_from(OUTPUTS)), 2))
    places = st.integers(0, len(body) - 1)
    damage = st.tuples(places, st.integers(0, 255))
    for place, value in data.draw(st.lists(damage, max_size=6)):
        body[place] = value
    del body[data.draw(st.integers(len(body) // 2, len(body))) :]
    asked = data.draw(st.sampled_from(("", *OUTPUTS)))
    desk = Desk(tmp_path_factory.mktemp("damaged"))
    try:
        desk.process(bytes(body), plan(max_pixels=10**5, format=asked))
    except Unusable:
        assert desk.left() == []


# -- many --------------------------------------------------------------------------------------


def test_a_hundred_thousand_frames_are_counted_in_no_time(desk: Desk) -> None:
    one = Part(0, 0, 1, 1, delay=50)
    head = films.gif((2, 2), [], trailer=b"")
    frame = films.gif((2, 2), [one], trailer=b"")[len(head) :]
    body = head + 100_000 * frame + b";"
    begin = time.process_time()
    facts = desk.process(body).facts
    assert (facts["frames"], facts["duration_ms"]) == (100_000, 5_000_000)
    assert time.process_time() - begin < 5
    refusal = desk.refusal(body, plan(max_pixels=399_999))
    assert refusal.kind == "image_too_large"


@pytest.mark.parametrize("format", ["webp", "png", "gif"])
def test_the_frames_of_a_film_are_not_held_in_memory(
    desk: Desk, format: str
) -> None:
    """Some 60 MB of pixels, as one frame after the other: of the canvas there are a few."""
    parts = [
        Part(n % 40, n % 30, 9, 9, seed=n, disposal=n % 3) for n in range(50)
    ]
    body = films.gif((600, 500), parts)
    before = high_water()
    desk.process(body, plan(resize=0, format=format))
    assert high_water() - before < 30_000


def high_water() -> int:
    """Of this process, in kB; set back to what it has now."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux says it")
    Path("/proc/self/clear_refs").write_text("5")
    (line,) = (
        line
        for line in status.read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1])
