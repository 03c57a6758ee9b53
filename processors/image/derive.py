"""A picture on disk to a smaller, upright one, with the facts of both."""

from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from processors import Unusable
from processors.image import colours, metadata, truncated
from processors.image.blame import blaming_the_picture
from processors.image.decode import shrink
from processors.image.encode import (
    check_sides,
    encode,
    format_for,
    options_for,
    to_mode_of_format,
)
from processors.image.exif import read_exif
from processors.image.formats import EXTENSIONS, FORMATS
from processors.image.moving.encode import encode_frames
from processors.image.moving.frames import frames_of, timeline_of
from processors.image.original import (
    UPRIGHT,
    Original,
    check_pixels,
    check_whole,
    moving_format,
    original_of,
)
from processors.image.plan import MAX_PIXELS, Plan


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """What was found and made: plain facts, and what is to be renamed to where."""

    facts: dict[str, Any]
    files: tuple[tuple[str, str], ...]
    """Pairs of a file written and its final path, the one that the facts name."""


def process(path: str, plan: Plan, out: str, final: str) -> ProcessedImage:
    """Read the picture at `path`, write its variant to a file whose name begins with `out`.

    In the facts the variant's path is `final` plus an extension. `original_width` and
    `original_height` are those of the upright original. A variant that needs no change is a copy,
    byte for byte but for its metadata.

    Raises Unusable `image_broken`, `image_truncated` or `image_too_large`. MemoryError, and
    OSError about our own files, pass through; nothing written stays behind then.
    """
    body = Path(path).read_bytes()
    # Between reading and writing no file is touched: an OSError in here is about the picture.
    facts, variant, content = _derive_or_salvage(body, plan)
    written, published = f"{out}.v0", final + EXTENSIONS[variant["format"]]
    facts |= {
        "width": variant["width"],
        "height": variant["height"],
        "processed": [{"variant": "default", "path": published, **variant}],
    }
    _write(written, content)
    return ProcessedImage(facts, ((written, published),))


def read(body: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture itself, decoded whole: not turned, in its own mode, with its `format`.

    Of moving pictures the first frame; the others can be sought. Raises Unusable as `process` does.
    """
    with blaming_the_picture(body, max_pixels):
        image = Image.open(BytesIO(body), formats=FORMATS)
        image.load()
        return image


def _derive_or_salvage(
    body: bytes,
    plan: Plan,
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """As `_derive` does; of a picture that ends too early what came, if that is asked for."""
    try:
        with blaming_the_picture(body, plan.max_pixels):
            return _derive(body, plan)
    except Unusable as unusable:
        keeps = plan.truncated == truncated.KEEP
        if not keeps or unusable.kind != "image_truncated":
            raise
    body = truncated.with_end(body)
    with blaming_the_picture(body, plan.max_pixels, keeps_truncated=True):
        return _derive(body, plan, is_truncated=True)


def _derive(
    body: bytes,
    plan: Plan,
    is_truncated: bool = False,
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The facts of the original, those of the variant, and the variant's bytes."""
    with Image.open(BytesIO(body), formats=FORMATS) as image:
        check_pixels(image, plan.max_pixels)
        original = original_of(image, body)
        facts = original.facts()
        if plan.exif:
            facts["exif"] = read_exif(image, plan.exif)
        if is_truncated:
            facts["truncated"] = True
            original = original.as_truncated()
        format = moving_format(original, plan)
        if format:
            variant, content = _derive_moving(
                image, body, original, plan, format
            )
        else:
            variant, content = _derive_still(
                image,
                body,
                original,
                plan,
            )
    variant |= {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    return facts, variant, content


def _derive_still(
    image: Image.Image, body: bytes, original: Original, plan: Plan
) -> tuple[dict[str, Any], bytes]:
    picture, changes = _shrink_upright(
        image,
        body,
        original,
        plan,
    )
    _check_truncated(original, picture, changes)
    format = plan.format or original.kept_format or format_for(picture)
    has_kept_format = format == original.own_format
    may_copy = not changes and has_kept_format and original.is_single
    if original.has_more:
        changes.append("first_frame")
    if not has_kept_format:
        changes.append("converted")
    mode = original.mode
    content = _without_metadata(body, format) if may_copy else None
    if content is None:
        is_gray = colours.is_gray(picture)
        picture = to_mode_of_format(picture, format, plan, changes)
        mode = picture.mode
        content = encode(picture, format, plan.quality, is_gray)
    if may_copy and content is not body:
        changes.append("metadata_removed")
    variant = {
        "width": picture.width,
        "height": picture.height,
        "format": format,
        "mode": mode,
        "frames": 1,
        "duration_ms": None,
        "changes": changes,
    }
    return variant, content


def _derive_moving(
    image: Image.Image,
    body: bytes,
    original: Original,
    plan: Plan,
    format: str,
) -> tuple[dict[str, Any], bytes]:
    """Each frame goes through the steps of a still."""
    timeline = original.timeline
    assert timeline is not None
    check_pixels(
        image,
        plan.max_pixels,
        timeline.frames,
    )
    check_whole(timeline)
    frames = (
        _shrink_upright(
            frame,
            body,
            original,
            plan,
        )
        for frame in frames_of(
            image,
            body,
            timeline,
        )
    )
    first, changes = next(frames)
    _check_truncated(original, first, changes)
    check_sides(first, format)
    if format != original.own_format:
        changes.append("converted")
    content = None
    may_copy = not changes
    if may_copy:
        content = _without_metadata(body, "apng" if format == "png" else format)
    if content is None:
        pictures = chain((first,), (picture for picture, _ in frames))
        is_gray = colours.is_gray(first)
        options = options_for(format, plan.quality, is_gray)
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
    variant = _facts_of_moving(content)
    variant |= {"format": format, "changes": changes}
    return variant, content


def _facts_of_moving(content: bytes) -> dict[str, Any]:
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


def _shrink_upright(
    image: Image.Image, body: bytes, original: Original, plan: Plan
) -> tuple[Image.Image, list[str]]:
    picture, changes = shrink(image, body, plan)
    if original.orientation != 1:
        changes.insert(0, "rotated")
        if not original.is_turned_by_decoder:
            picture = picture.transpose(UPRIGHT[original.orientation])
    return picture, changes


def _check_truncated(
    original: Original, picture: Image.Image, changes: list[str]
) -> None:
    if original.is_truncated:
        truncated.check_decoded(picture)
        changes.insert(0, "truncated")


def _without_metadata(body: bytes, format: str) -> bytes | None:
    """The picture as it came, but for its metadata; None if only a decoder can separate them."""
    try:
        return metadata.strip_metadata(body, format)
    except metadata.Malformed:
        return None


def _write(path: str, content: bytes) -> None:
    target = Path(path)
    try:
        target.write_bytes(content)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
