"""Moving pictures: each frame as a browser shows it, when, and how often."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageSequence

from processors.image import Plan
from processors.image.moving.frames import frames_of, timeline_of
from processors.image.moving.timeline import Timeline
from tests.processors.image import films
from tests.processors.image.films import (
    BACKGROUND,
    KEEP,
    PREVIOUS,
    Part,
    shown,
)
from tests.processors.image.test_image import Desk

SIZE = 12, 10
LOSSLESS = Plan(resize=0, format="png", frames="all")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def film(desk: Desk, body: bytes, plan: Plan = LOSSLESS) -> list[Image.Image]:
    """The frames of the variant; of a copy, what is found in it here."""
    processed = desk.process(body, plan)
    content = Path(processed.files[0][0]).read_bytes()
    return composed(content) if content == body else decoded(content)


def composed(body: bytes) -> list[Image.Image]:
    """The frames, as they are found here."""
    times = timeline(body)
    assert times is not None
    with Image.open(io.BytesIO(body)) as image:
        return [
            frame.convert("RGBA") for frame in frames_of(image, body, times)
        ]


def decoded(body: bytes) -> list[Image.Image]:
    """The frames, as Pillow reads them; of files written here it does so rightly."""
    with Image.open(io.BytesIO(body)) as image:
        return [
            frame.convert("RGBA") for frame in ImageSequence.Iterator(image)
        ]


def timeline(body: bytes) -> Timeline | None:
    with Image.open(io.BytesIO(body)) as image:
        return timeline_of(image, body)


def farthest(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any channel; what is transparent has no colour."""
    assert one.size == other.size
    difference = ImageChops.difference(
        *(image.convert("RGBA").convert("RGBa") for image in (one, other))
    )
    return max(high for _, high in difference.getextrema())  # type: ignore[misc]


def same(
    made: list[Image.Image], expected: list[Image.Image], within: int = 0
) -> bool:
    assert len(made) == len(expected)
    return all(
        farthest(*pair) <= within for pair in zip(made, expected, strict=True)
    )


# -- each frame as a browser shows it ----------------------------------------------------------

DISPOSALS = list(itertools.product((KEEP, BACKGROUND, PREVIOUS), repeat=3))


def parts_of(
    disposals: tuple[int, ...], blends: tuple[bool, ...] = (True,) * 4
) -> list[Part]:
    """Frames that overlap, the last one large."""
    boxes = ((0, 0, 12, 10), (2, 2, 6, 5), (4, 0, 8, 8), (0, 4, 12, 4))
    return [
        Part(*box, disposal=disposal, blends=blend, seed=seed)
        for seed, (box, disposal, blend) in enumerate(
            zip(boxes, (*disposals, KEEP), blends, strict=True)
        )
    ]


@pytest.mark.parametrize("disposals", DISPOSALS)
@pytest.mark.parametrize("holes", [True, False])
def test_a_gif_is_disposed_of_as_it_says(
    desk: Desk, disposals: tuple[int, ...], holes: bool
) -> None:
    parts = [part._replace(holes=holes) for part in parts_of(disposals)]
    body = films.gif(SIZE, parts)
    assert same(film(desk, body), shown(SIZE, parts))


@pytest.mark.parametrize("disposals", DISPOSALS)
@pytest.mark.parametrize(
    "blends", [(True,) * 4, (False,) * 4, (True, False, True, False)]
)
def test_an_apng_is_disposed_of_and_blended_as_it_says(
    desk: Desk, disposals: tuple[int, ...], blends: tuple[bool, ...]
) -> None:
    parts = parts_of(disposals, blends)
    body = films.apng(SIZE, parts)
    assert same(film(desk, body), shown(SIZE, parts))


@pytest.mark.parametrize(
    "disposals", list(itertools.product((KEEP, BACKGROUND), repeat=3))
)
@pytest.mark.parametrize(
    "blends", [(True,) * 4, (False,) * 4, (True, False, True, False)]
)
def test_a_webp_is_disposed_of_and_blended_as_it_says(
    desk: Desk, disposals: tuple[int, ...], blends: tuple[bool, ...]
) -> None:
    parts = parts_of(disposals, blends)
    body = films.webp(SIZE, parts)
    assert same(film(desk, body), shown(SIZE, parts))


@pytest.mark.parametrize("make", [films.apng, films.webp])
def test_half_transparent_frames_are_laid_over_each_other(
    desk: Desk, make: Callable[..., bytes]
) -> None:
    parts = [
        part._replace(alphas=(255, 120, 60)) for part in parts_of((0, 1, 0))
    ]
    assert same(film(desk, make(SIZE, parts)), shown(SIZE, parts), within=2)


@pytest.mark.parametrize("first", [(4, 2, 6, 5), (0, 0, 12, 9)])
@pytest.mark.parametrize("disposal", [KEEP, BACKGROUND, PREVIOUS])
def test_what_a_first_frame_leaves_bare_is_transparent(
    desk: Desk, first: tuple[int, int, int, int], disposal: int
) -> None:
    parts = [
        Part(*first, disposal=disposal, holes=False),
        Part(2, 2, 8, 4, seed=1, holes=False),
    ]
    for body in (films.gif(SIZE, parts), films.apng(SIZE, parts)):
        assert same(film(desk, body), shown(SIZE, parts))


def test_a_gif_may_have_a_palette_for_each_frame(desk: Desk) -> None:
    parts = parts_of((0, 0, 0))
    body = films.gif(SIZE, parts, has_local=True)
    assert same(film(desk, body), shown(SIZE, parts))


def test_the_frames_of_a_gif_may_be_interlaced(desk: Desk) -> None:
    parts = parts_of((1, 2, 0))
    body = films.gif(SIZE, parts, is_interlaced=True)
    assert same(film(desk, body), shown(SIZE, parts))


def test_a_frame_beyond_the_canvas_of_a_gif_is_cut_off(desk: Desk) -> None:
    parts = [
        Part(0, 0, *SIZE),
        Part(9, 7, 12, 10, seed=1),
        Part(200, 100, 5, 5, seed=2),
    ]
    assert same(film(desk, films.gif(SIZE, parts)), shown(SIZE, parts))


def test_the_first_frame_of_a_gif_makes_its_canvas_larger(desk: Desk) -> None:
    parts = [Part(2, 2, *SIZE), Part(20, 20, 5, 5, seed=1)]
    for canvas in ((0, 0), (3, 3)):
        assert same(
            film(desk, films.gif(canvas, parts)), shown((14, 12), parts)
        )


def test_a_frame_of_no_size_draws_nothing_and_takes_its_time(
    desk: Desk,
) -> None:
    parts = [Part(0, 0, *SIZE), Part(3, 3, 0, 4), Part(0, 0, 3, 3, seed=2)]
    body = films.gif(SIZE, parts)
    assert same(film(desk, body), shown(SIZE, parts))


def test_a_poster_is_not_part_of_the_animation(desk: Desk) -> None:
    parts, poster = parts_of((0, 0, 0)), Part(0, 0, *SIZE, seed=9)
    body = films.apng(SIZE, parts, poster=poster)
    processed = desk.process(body, LOSSLESS)
    assert processed.facts["frames"] == 4
    assert same(composed(body), shown(SIZE, parts))
    # One frame beside it is an animation, too.
    body = films.apng(SIZE, parts[:1], poster=poster)
    assert same(composed(body), shown(SIZE, parts[:1]))
    first = film(desk, body, Plan(resize=0, format="png"))
    assert same(first, shown(SIZE, [poster]))
