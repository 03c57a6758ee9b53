"""What a variant's box cuts off a picture, or puts around it."""

from __future__ import annotations

from PIL import Image

from processors.image import colours
from processors.image.variants.sizes import Size


def frame(
    picture: Image.Image,
    final: Size,
    matte: str,
    changes: list[str],
) -> Image.Image:
    """The middle of the picture, or the picture in the middle: of what a mode makes, one of both.

    What lies around a picture with alpha is transparent, else of the colour `matte`.
    """
    if picture.size == final:
        return picture
    left, top = _margins(final, picture.size)
    if picture.width >= final[0] and picture.height >= final[1]:
        changes.append("cropped")
        right, bottom = final[0] - left, final[1] - top
        return picture.crop((-left, -top, right, bottom))
    changes.append("padded")
    ground = _ground(
        picture,
        final,
        matte,
    )
    ground.paste(picture, (left, top))
    return ground


def _margins(outer: Size, inner: Size) -> Size:
    """Left and above; negative where the inner one is larger. The odd pixel is on the right."""
    return _half(outer[0] - inner[0]), _half(outer[1] - inner[1])


def _half(pixels: int) -> int:
    return pixels // 2 if pixels >= 0 else -(-pixels // 2)


def _ground(
    picture: Image.Image,
    size: Size,
    matte: str,
) -> Image.Image:
    if colours.has_alpha(picture):
        return Image.new(picture.mode, size)
    ground = Image.new("RGB", size, colours.parse_colour(matte))
    return ground.convert(picture.mode)
