"""Pictures in the few modes that can be resized and saved everywhere, in the colours of sRGB."""

from typing import Any, Final

from PIL import Image, ImageColor

from processors.image.profiles import Conversion
from processors.image.samples import scale_to_eight_bits

_GRAYS: Final = ("1", "L", "LA", "La")
_DEEP: Final = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_CEILINGS: Final[dict[str, tuple[float, ...]]] = {
    "I": (65535,),
    "F": (1, 255, 65535),
}


def to_plain_mode(image: Image.Image) -> Image.Image:
    """The picture in L, LA, RGB, RGBA or CMYK, eight bits each; itself if it is so already."""
    mode = image.mode
    if mode in _DEEP:
        return _eight_bits(image)
    if mode == "CMYK":
        return image
    if mode == "LAB":
        return _from_lab(image)
    target = "L" if mode in _GRAYS else "RGB"
    if image.has_transparency_data:
        target += "A"
    return image if mode == target else image.convert(target)


def to_srgb(picture: Image.Image, conversion: Conversion | None) -> Image.Image:
    """The picture in gray or sRGB; itself if it is so already, or its profile does not fit it."""
    opaque = _opaque_mode(picture)
    if conversion is None or conversion.mode != opaque:
        if opaque == "CMYK":
            return picture.convert("RGB")
        return picture
    if not has_alpha(picture):
        return conversion.apply(picture)
    converted = conversion.apply(picture.convert(opaque))
    converted.putalpha(picture.getchannel("A"))
    return converted


def is_gray(picture: Image.Image) -> bool:
    return picture.mode in ("L", "LA")


def to_gray(picture: Image.Image) -> Image.Image:
    return picture.convert("LA" if picture.mode == "RGBA" else "L")


def has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("LA", "RGBA")


def is_transparent(picture: Image.Image) -> bool:
    """Whether any pixel lets something through; an alpha channel alone does not."""
    if not has_alpha(picture):
        return False
    alpha = picture.getchannel("A")
    lowest: Any = alpha.getextrema()[0]
    return bool(lowest < 255)


def without_alpha(picture: Image.Image) -> Image.Image:
    return picture.convert(_opaque_mode(picture))


def flatten(picture: Image.Image, matte: str, grayscale: bool) -> Image.Image:
    """The picture laid upon a colour; gray on a colour that is none becomes RGB, unless all is to
    be gray."""
    colour = parse_colour(matte)
    mode = _opaque_mode(picture)
    is_tinted = len(set(colour)) > 1
    if mode == "L" and is_tinted and not grayscale:
        mode = "RGB"
    background = Image.new("RGB", picture.size, colour)
    background = background.convert(mode)
    alpha = picture.getchannel("A")
    background.paste(picture.convert(mode), mask=alpha)
    return background


def parse_colour(text: str) -> tuple[int, int, int]:
    """A name, #rgb, #rrggbb, or what else Pillow reads. Raises ValueError.

    >>> parse_colour("#fa0")
    (255, 170, 0)
    """
    colour = ImageColor.getrgb(text)
    if len(colour) != 3:
        raise ValueError(f"{text!r} is not opaque")
    return colour


def _opaque_mode(picture: Image.Image) -> str:
    return picture.mode.removesuffix("A")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Gray of 16 or 32 bits, or of floats, to 8.

    Nothing in such a file says what is white. The smallest customary ceiling that holds all of
    its values is, or if none does, or if some are negative, its own brightest pixel.
    """
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    extrema: Any = image.getextrema()
    black, white = extrema
    for ceiling in _CEILINGS[image.mode]:
        if black >= 0 and white <= ceiling:
            black, white = 0, ceiling
            break
    return scale_to_eight_bits(
        image,
        black,
        white,
    )


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.profileToProfile(
        image,
        ImageCms.createProfile("LAB"),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
        # five times as long, and right to one level instead of 35
        flags=ImageCms.Flags.NOOPTIMIZE,
    )
    assert converted is not None  # only in place is nothing returned
    return converted
