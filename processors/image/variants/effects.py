"""What an operation makes of a picture in L, LA, RGB or RGBA: one in the same mode.

The colour of a pixel counts for as much of it as can be seen.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from math import ceil, cos, radians, sin
from typing import Final, NamedTuple

from PIL import Image, ImageFilter, ImageOps

from processors.image import colours

_SHARPENED_RADIUS: Final = 1.0
_EPSILON: Final = 1e-9  # of a pixel
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
    turned = _turn(clear, radians(degrees))
    if clear is picture:
        return turned
    return colours.flatten(
        turned,
        matte,
        grayscale=True,
    )


def _turn(picture: Image.Image, angle: float) -> Image.Image:
    """The picture with alpha, in the box of its corners; its middle stays the middle."""
    along, across = cos(angle), sin(angle)
    width = _ceiling(abs(picture.width * along) + abs(picture.height * across))
    height = _ceiling(abs(picture.width * across) + abs(picture.height * along))
    # Its sides lie between pixels, and fade into what is clear around it.
    framed = ImageOps.expand(picture, 1)
    # A pixel's place in the picture, from its place in the box.
    left = (framed.width - along * width - across * height) / 2
    top = (framed.height + across * width - along * height) / 2
    return framed.transform(
        (width, height),
        Image.Transform.AFFINE,
        (along, across, left, -across, along, top),
        Image.Resampling.BICUBIC,
    )


def _ceiling(length: float) -> int:
    return ceil(length - _EPSILON)


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
    mask = None
    if colours.has_alpha(picture):
        mask = picture.getchannel("A").point([0] + [255] * 255)
    lumas = colours.without_alpha(picture).convert("L").histogram(mask)
    kept = sum(lumas) * (1 - cutoff / 100)
    white = _level_at(lumas, kept)
    black = 255 - _level_at(lumas[::-1], kept)
    if black >= white:
        return picture
    scale = 255 / (white - black)
    stretched = [
        min(255, max(0, round((level - black) * scale))) for level in range(256)
    ]
    tables = [
        range(256) if band == "A" else stretched for band in picture.getbands()
    ]
    return picture.point([*chain.from_iterable(tables)])


def _level_at(counts: Sequence[int], share: float) -> int:
    """The first level at which so many pixels are as dark, or darker."""
    return next(
        level
        for level, count in enumerate(accumulate(counts))
        if count >= share
    )
