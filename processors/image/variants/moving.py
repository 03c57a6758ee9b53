"""A picture that moves, and what else moves that is made of it: each frame goes through the steps
of a still."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from PIL import Image

from processors import Unusable
from processors.image import colours, metadata
from processors.image.decode import decode
from processors.image.encode import check_sides, options_for
from processors.image.formats import FORMATS
from processors.image.moving.encode import encode_frames
from processors.image.moving.frames import frames_of, timeline_of
from processors.image.original import Original, check_pixels, check_whole
from processors.image.variants.stills import (
    Result,
    fitted_upright,
    wanted_of,
)

if TYPE_CHECKING:
    from processors.image.plan import Variant


def derive_moving(
    image: Image.Image,
    body: bytes,
    original: Original,
    variant: Variant,
    format: str,
    max_pixels: int,
) -> Result:
    """All frames are decoded for each variant: they are never all in memory."""
    timeline = original.timeline
    assert timeline is not None
    check_pixels(
        image.size,
        max_pixels,
        timeline.frames,
    )
    check_whole(timeline)
    wanted = wanted_of(variant, original)
    # Of one that ends too early the first frame shows whether there is anything to be seen.
    of_frames = chain(
        (original,), repeat(original._replace(is_truncated=False))
    )
    frames = (
        fitted_upright(
            decode(frame, body, [wanted]),
            shown,
            variant,
            max_pixels,
        )
        for frame, shown in zip(
            frames_of(
                image,
                body,
                timeline,
            ),
            of_frames,
            strict=False,
        )
    )
    first, changes = next(frames)
    check_sides(first, format)
    if format != original.own_format:
        changes.append("converted")
    content = None
    may_copy = not changes
    if may_copy:
        container = "apng" if format == "png" else format
        content = metadata.without_metadata(body, container)
    if content is None:
        pictures = chain(
            (first,), _alike(first, (picture for picture, _ in frames))
        )
        is_gray = colours.is_gray(first)
        options = options_for(
            format,
            variant,
            is_gray,
        )
        content = encode_frames(
            pictures,
            timeline,
            format,
            options,
        )
    # What cannot be decoded is not copied either.
    deque(frames, maxlen=0)
    if may_copy and content is not body:
        changes.append("metadata_removed")
    facts = _facts_of(content)
    facts |= {"format": format, "changes": changes}
    return Result(facts, content)


def _alike(
    first: Image.Image, others: Iterable[Image.Image]
) -> Iterator[Image.Image]:
    """The others; only a function of the user's makes them unlike the first."""
    for picture in others:
        if (picture.size, picture.mode) != (first.size, first.mode):
            raise Unusable(
                "function_failed",
                "the frames are not of one size and mode any more: "
                f"{_form_of(first)}, then {_form_of(picture)}",
            )
        yield picture


def _form_of(picture: Image.Image) -> str:
    return f"{picture.width} x {picture.height} in {picture.mode}"


def _facts_of(content: bytes) -> dict[str, Any]:
    """What an encoder has made of it: frames that are alike may have become one."""
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        timeline = timeline_of(image, content)
        return {
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "frames": timeline.frames if timeline else 1,
            "duration_ms": timeline and timeline.duration_ms,
        }
