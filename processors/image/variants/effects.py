"""What an operation makes of a picture in L, LA, RGB or RGBA: one in the same mode.

The colour of a pixel counts for as much of it as can be seen.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageFilter, ImageOps

from processors.image import colours

_SHARPENED_RADIUS: Final = 1.0
_QUARTERS: Final = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
_PREMULTIPLIED: Final = {"LA": "La", "RGBA": "RGBa"}


class Edge(NamedTuple):
    """Where a side of a box lies."""

    at: float
    """In pixels; below zero from the right, or from below."""
    is_percent: bool = False

    def within(self, length: int) -> int:
        """Its place in a picture that is so wide, or so high."""
        if self.is_percent:
            return round(self.at * length / 100)
        return int(self.at) + (length if self.at < 0 else 0)


def crop(picture: Image.Image, box: Sequence[Edge]) -> Image.Image:
    """What lies in the box: as much of it as there is, and at least one pixel."""
    left, right = _span(box[0], box[2], picture.width)
    top, bottom = _span(box[1], box[3], picture.height)
    return picture.crop((left, top, right, bottom))


def _span(
    begin: Edge,
    end: Edge,
    length: int,
) -> tuple[int, int]:
    first = min(max(begin.within(length), 0), length - 1)
    last = min(max(end.within(length), first + 1), length)
    return first, last


def rotate(
    picture: Image.Image,
    degrees: float,
    matte: str,
) -> Image.Image:
    """Clockwise, all of it; around it is nothing, or `matte` if the picture has no alpha."""
    degrees %= 360
    if degrees == 0:
        return picture
    if degrees in _QUARTERS:
        return picture.transpose(_QUARTERS[int(degrees)])
    clear = picture
    if not colours.has_alpha(picture):
        clear = picture.convert("LA" if picture.mode == "L" else "RGBA")
    # Its sides lie between pixels, and fade into what is clear around it.
    turned = ImageOps.expand(clear, 1).rotate(
        -degrees,
        Image.Resampling.BICUBIC,
        expand=True,
    )
    turned = ImageOps.crop(turned, 1)
    if clear is picture:
        return turned
    return colours.flatten(turned, matte, grayscale=True)


def blur(picture: Image.Image, radius: float) -> Image.Image:
    """By a Gaussian curve of that standard deviation, in pixels."""
    mode = picture.mode
    if mode in _PREMULTIPLIED:
        picture = picture.convert(_PREMULTIPLIED[mode])
    blurred = picture.filter(ImageFilter.GaussianBlur(radius))
    return blurred.convert(mode) if mode in _PREMULTIPLIED else blurred


def sharpen(picture: Image.Image, percent: float) -> Image.Image:
    """So much of what a slight blur takes away is added."""
    blurred = blur(picture, _SHARPENED_RADIUS)
    sharpened = Image.blend(
        blurred,
        picture,
        1 + percent / 100,
    )
    if colours.has_alpha(picture):
        sharpened.putalpha(picture.getchannel("A"))
    return sharpened


def autocontrast(picture: Image.Image, cutoff: float) -> Image.Image:
    """From black to white, but for so many percent of the darkest and of the brightest pixels.

    All channels are stretched alike, so that hues stay.
    """
    if not colours.has_alpha(picture):
        return ImageOps.autocontrast(picture, cutoff, preserve_tone=True)
    alpha = picture.getchannel("A")
    stretched = ImageOps.autocontrast(
        colours.without_alpha(picture),
        cutoff,
        mask=alpha.point([0] + [255] * 255),
        preserve_tone=True,
    )
    stretched.putalpha(alpha)
    return stretched
