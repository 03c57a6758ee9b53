"""Colour profiles: from the colours of a picture to those of sRGB."""

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    NamedTuple,
)

from PIL import Image, ImageChops

from processors.image import png_colours

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsProfile

# By the name of an ICC colour space.
_MODES: Final = {
    "GRAY": "L",
    "RGB ": "RGB",
    "CMYK": "CMYK",
}
MAX_KEPT_BYTES: Final = (
    4_000_000  # of a profile; those of printers have 2 million at most
)
_SAME: Final = 2  # levels: less than what a JPEG loses when it is encoded again


class Conversion(NamedTuple):
    """From the colours of a profile to sRGB: of pictures in this mode."""

    mode: str
    apply: Callable[[Image.Image], Image.Image]


def find_conversion(image: Image.Image, body: bytes) -> Conversion | None:
    """By the picture's profile; None without one, and if it is sRGB's or damaged."""
    if image.format == "PNG":
        profile = png_colours.profile_of(image, body)
    else:
        profile = image.info.get("icc_profile") or b""
    if not profile:
        return None
    is_kept = len(profile) <= MAX_KEPT_BYTES
    return _kept_conversion(profile) if is_kept else _conversion_by(profile)


def _conversion_by(profile: bytes) -> Conversion | None:
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODES[opened.profile.xcolor_space]
        apply = _convert_gray(opened) if mode == "L" else _convert(opened, mode)
        if _changes_nothing(apply, mode):
            return None
    except (ImportError, OSError, TypeError, KeyError, ImageCms.PyCMSError):
        return None  # no Little CMS in this Pillow; damaged; another space; tables that are missing
    return Conversion(mode, apply)


# Most pictures of a site have the same few profiles, and to read one takes 5 to 70 ms.
_kept_conversion = lru_cache(maxsize=8)(_conversion_by)


def _convert(
    profile: "ImageCmsProfile",
    mode: str,
) -> Callable[[Image.Image], Image.Image]:
    from PIL import ImageCms

    srgb = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(profile, srgb, mode, "RGB")

    def apply(picture: Image.Image) -> Image.Image:
        converted: Any = ImageCms.applyTransform(picture, transform)
        return converted  # type: ignore[no-any-return]

    return apply


def _convert_gray(
    profile: "ImageCmsProfile",
) -> Callable[[Image.Image], Image.Image]:
    """By a table of the 256 levels: what Little CMS interpolates of gray is off by up to ten."""
    from PIL import ImageCms

    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        "L",
        "RGB",
        flags=ImageCms.Flags.NOOPTIMIZE,
    )
    levels = _all_levels()
    converted: Any = ImageCms.applyTransform(levels, transform)
    green = converted.getchannel("G")
    table = list(green.tobytes())
    return lambda picture: picture.point(table)


def _all_levels() -> Image.Image:
    return Image.frombytes("L", (256, 1), bytes(range(256)))


def _changes_nothing(
    apply: Callable[[Image.Image], Image.Image],
    mode: str,
) -> bool:
    """Whether it is sRGB, whatever it is called."""
    if mode == "CMYK":
        return False
    probe = _all_levels() if mode == "L" else _web_safe_colours()
    found = apply(probe)
    difference = ImageChops.difference(found, probe)
    return max(difference.tobytes()) <= _SAME


def _web_safe_colours() -> Image.Image:
    levels = range(
        0,
        256,
        51,
    )
    samples = bytes(sum(product(levels, repeat=3), ()))
    return Image.frombytes("RGB", (len(levels) ** 3, 1), samples)
