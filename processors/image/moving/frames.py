"""Each frame of a moving picture, as a browser shows it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from PIL import Image

from processors.image import colours, png_colours
from processors.image.moving import apng, avif, gif, webp
from processors.image.moving.timeline import Disposal, Drawing, Timeline

_READERS: Final = {"GIF": gif, "PNG": apng}


def timeline_of(image: Image.Image, body: bytes) -> Timeline | None:
    """When its frames are shown; None if it does not move. Nothing is decoded."""
    if image.format == "GIF":
        return gif.timeline(body)
    if image.format == "PNG":
        return apng.timeline(body)
    if image.format == "WEBP":
        return webp.timeline(body)
    if image.format == "AVIF":
        return avif.timeline(
            body,
            getattr(
                image,
                "n_frames",
                1,
            ),
        )
    return None


def frames_of(
    image: Image.Image, body: bytes, timeline: Timeline
) -> Iterator[Image.Image]:
    """One frame after the other, all of the same size and mode."""
    reader = _READERS.get(image.format or "")
    if reader is None:
        # The libraries of the others show what browsers show.
        yield from _decoded(image, timeline.frames)
        return
    drawings = islice(reader.drawings(body), timeline.frames)
    plain = "RGBA"
    if reader is apng and Image.getmodebase(image.mode) == "L":
        plain = "LA"
    profile = png_colours.profile_of(image, body) if reader is apng else b""
    has_alpha = timeline.may_clear
    for number, canvas in enumerate(compose(image.size, drawings)):
        if number == 0:
            has_alpha |= colours.is_transparent(canvas)
        frame = canvas.convert(plain if has_alpha else plain[:-1])
        frame.info["icc_profile"] = profile
        yield frame


def compose(
    size: tuple[int, int], drawings: Iterable[Drawing]
) -> Iterator[Image.Image]:
    """The canvas after each drawing. It is drawn on again once the next is asked for."""
    canvas = Image.new("RGBA", size)
    for picture, left, top, disposal, blends in drawings:
        before = canvas.copy() if disposal is Disposal.RESTORE else canvas
        box = left, top, left + picture.width, top + picture.height
        if 0 not in picture.size:
            covered = canvas.crop(box)
            above = (
                Image.alpha_composite(covered, picture) if blends else picture
            )
            canvas.paste(above, box)
        yield canvas
        canvas = before
        if disposal is Disposal.CLEAR:
            canvas.paste((0, 0, 0, 0), box)


def _decoded(image: Image.Image, count: int) -> Iterator[Image.Image]:
    for number in range(count):
        image.seek(number)
        image.load()
        yield image.copy()
