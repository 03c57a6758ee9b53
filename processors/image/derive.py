"""A picture on disk to a smaller, upright one, with the facts of both."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from processors import Unusable
from processors.image import colours, metadata, truncated
from processors.image.blame import blaming_the_picture
from processors.image.decode import shrink
from processors.image.encode import encode, format_for, to_mode_of_format
from processors.image.exif import read_exif
from processors.image.formats import EXTENSIONS, FORMATS
from processors.image.original import UPRIGHT, check_pixels, original_of
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
    byte for byte but for its metadata. Of moving pictures the first frame is taken.

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
        original = original_of(image)
        facts = original.facts()
        if plan.exif:
            facts["exif"] = read_exif(image, plan.exif)
        picture, changes = shrink(image, body, plan)
    if original.orientation != 1:
        changes.insert(0, "rotated")
        if not original.is_turned_by_decoder:
            picture = picture.transpose(UPRIGHT[original.orientation])
    if is_truncated:
        truncated.check_decoded(picture)
        facts["truncated"] = True
        changes.insert(0, "truncated")
    format = plan.format or original.kept_format or format_for(picture)
    has_kept_format = format == original.kept_format
    may_copy = not changes and has_kept_format and original.is_single
    if original.frames > 1:
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
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
        "changes": changes,
    }
    return facts, variant, content


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
