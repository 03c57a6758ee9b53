"""A picture to the bytes of a file."""

from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any, Final

from PIL import Image

from processors import Unusable
from processors.image import colours
from processors.image.formats import MAX_SIDE
from processors.image.moving import gif
from processors.image.plan import Variant

# AVIF encoded at speed 6, Pillow's default, takes twice the time for 3 % fewer bytes at equal PSNR;
# at 9 it takes a quarter, and is as large as WebP.
_AVIF_SPEED: Final = 8
# A JPEG's quality, and that of an AVIF of the same PSNR.
_AVIF_QUALITY: Final = (
    (0, 0),
    (30, 37),
    (70, 53),
    (85, 66),
    (95, 88),
    (100, 100),
)
# What holds any picture, and what makes it fit.
_OF_ALL_MODES: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "png": lambda picture: picture,
    "gif": gif.quantize,
}


def format_for(picture: Image.Image) -> str:
    """What a picture becomes whose own format is not kept."""
    return "png" if colours.is_transparent(picture) else "jpeg"


def to_mode_of_format(
    picture: Image.Image,
    format: str,
    variant: Variant,
    changes: list[str],
) -> Image.Image:
    """The picture in a mode that the format holds."""
    check_sides(picture, format)
    if format in _OF_ALL_MODES:
        return _OF_ALL_MODES[format](picture)
    if colours.has_alpha(picture) and not colours.is_transparent(picture):
        picture = colours.without_alpha(picture)
    if format == "jpeg" and colours.has_alpha(picture):
        changes.append("flattened")
        return colours.flatten(
            picture,
            variant.matte,
            variant.is_gray,
        )
    if picture.mode == "LA" or (format == "webp" and picture.mode == "L"):
        return picture.convert("RGBA" if colours.has_alpha(picture) else "RGB")
    return picture


def check_sides(picture: Image.Image, format: str) -> None:
    if max(picture.size) > MAX_SIDE[format]:
        message = f"{picture.width} x {picture.height} pixels are more than {format} can hold"
        raise Unusable("image_too_large", message)


def encode(
    picture: Image.Image,
    format: str,
    variant: Variant,
    is_gray: bool = False,
) -> bytes:
    """The bytes of a file; `is_gray` says that the picture was gray before the format made it
    RGB."""
    if format == "gif":
        return gif.encode(picture)
    picture.info = {}  # from which Pillow would write the original's profile and transparency
    written = BytesIO()
    options = options_for(
        format,
        variant,
        is_gray,
    )
    picture.save(written, format, **options)
    return written.getvalue()


def options_for(
    format: str,
    variant: Variant,
    is_gray: bool = False,
) -> dict[str, Any]:
    """How Pillow saves a format."""
    if format == "png":
        return {}
    if format == "webp":
        return _options_for_webp(variant, is_gray)
    options: dict[str, Any] = {}
    if variant.subsampling:
        options["subsampling"] = variant.subsampling
    if format == "avif":
        if is_gray:
            options.clear()  # else chroma is written where there is none
        # each core has a worker of its own
        return options | {
            "quality": avif_quality(variant.quality),
            "speed": _AVIF_SPEED,
            "max_threads": 1,
        }
    if variant.progressive:
        options["progressive"] = True
    return options | {"quality": variant.quality}


def _options_for_webp(variant: Variant, is_gray: bool) -> dict[str, Any]:
    # What is lossy is kept as luma and chroma, and three of the 256 lumas (86, 159, 232) are
    # decoded with less green: gray that is not gray. Where nothing is lost, quality is effort: more
    # of it takes three times as long for 0.2 % fewer bytes.
    if is_gray or variant.lossless:
        return {"lossless": True, "quality": 0}
    return {"quality": variant.quality}


def avif_quality(quality: int) -> int:
    """AVIF's own figure for what a JPEG of this quality looks like."""
    (low, at_low), (high, at_high) = next(
        pair for pair in pairwise(_AVIF_QUALITY) if quality <= pair[1][0]
    )
    return at_low + (at_high - at_low) * (quality - low) // (high - low)
