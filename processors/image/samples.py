"""The samples of a picture as they are meant, where Pillow's decoders drop or misread some.

Of 16 bits a sample Pillow keeps the upper eight: that is up to one level too dark or too bright.
"""

import sys
from functools import reduce
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageChops, TiffImagePlugin

# Where a PNG's header says how many bits a sample has, and of which colours.
_PNG_DEPTH: Final = 24
_PNG_COLOUR: Final = 25
_GRAY: Final = 0
_GRAY_ALPHA: Final = 4
# Tags of TIFF, and their values.
_BITS: Final = 258
_PHOTOMETRIC: Final = 262
_EXTRA_SAMPLES: Final = 338
_WHITE_IS_ZERO: Final = 0
_YCBCR: Final = 6
_ALPHA_IS_MULTIPLIED: Final = (1,)

_BAND: Final = 256
_MORE_THAN_HALF: Final = [0] * 129 + [1] * 127


def load(image: Image.Image, body: bytes) -> Image.Image:
    """The picture decoded, every sample as its file has it or rounded to eight bits."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _load_tiff(image, body)
    image.load()
    if image.format == "PNG" and body[12:16] == b"IHDR":
        return _load_png(image, body)
    return image


def scale_to_eight_bits(
    image: Image.Image,
    black: float,
    white: float,
) -> Image.Image:
    """Gray of more bits, or of floats, in L: `black` becomes 0 and `white` 255."""
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    scale = 255 / (white - black or 1)
    offset = 0.5 - black * scale
    return image.point(lambda value: value * scale + offset).convert("L")


# -- PNG ------------------------------------------------------------------------------------------


def _load_png(image: Image.Image, body: bytes) -> Image.Image:
    depth = body[_PNG_DEPTH]
    colour = body[_PNG_COLOUR]
    key: Any = image.info.get("transparency")
    if depth == 16:
        return _load_png_of_16_bits(
            image,
            body,
            colour,
        )
    if colour == _GRAY and depth in (2, 4) and key is not None:
        # The key counts in the file's own levels, the pixels in 255.
        image.info["transparency"] = key * 255 // (2**depth - 1)
    return image


def _load_png_of_16_bits(
    image: Image.Image,
    body: bytes,
    colour: int,
) -> Image.Image:
    key = image.info.get("transparency")
    if colour == _GRAY and key is None:
        return image
    high, low = _halves_of_png(
        image,
        body,
        colour,
    )
    if isinstance(key, int):
        key = (key,)
    alpha = key and _alpha_but_for(key, high, low)
    picture = _round(high, low)
    if alpha:
        picture.putalpha(alpha)
    return picture


def _halves_of_png(
    image: Image.Image,
    body: bytes,
    colour: int,
) -> tuple[Image.Image, Image.Image]:
    if colour == _GRAY:
        both = Image.frombytes("LA", image.size, image.tobytes())
        low, high = both.split()
        return high, low
    if colour != _GRAY_ALPHA:
        return image, _low_bytes(body)
    # Pillow drops the lower bytes of gray with alpha, but takes all four of a pixel for RGBA.
    again: Any = Image.open(BytesIO(body), formats=["PNG"])
    again.tile = [tile._replace(args="RGBA") for tile in again.tile]
    high, low, high_alpha, low_alpha = again.split()
    return (
        Image.merge("LA", (high, high_alpha)),
        Image.merge("LA", (low, low_alpha)),
    )


def _alpha_but_for(
    key: tuple[int, ...],
    high: Image.Image,
    low: Image.Image,
) -> Image.Image:
    """Clear where all samples are those of the key."""
    masks = []
    bands = zip(key, high.split(), low.split(), strict=True)
    for value, upper, lower in bands:
        masks += [
            upper.point(_all_but(value >> 8)),
            lower.point(_all_but(value & 255)),
        ]
    return reduce(ImageChops.lighter, masks)


def _all_but(value: int) -> list[int]:
    table = [255] * 256
    table[value] = 0
    return table


# -- TIFF -----------------------------------------------------------------------------------------


def _load_tiff(
    image: TiffImagePlugin.TiffImageFile,
    body: bytes,
) -> Image.Image:
    tags = image.tag_v2
    photometric = tags.get(_PHOTOMETRIC)
    if photometric == _YCBCR:
        return _load_by_libtiff(body)
    bits = tags.get(_BITS, (1,))
    extra = tags.get(_EXTRA_SAMPLES)
    is_deep = len(bits) > 1 and set(bits) == {16}
    if is_deep and extra != _ALPHA_IS_MULTIPLIED:
        return _round(_high_bytes(body), _low_bytes(body))
    image.load()
    if image.mode == "I" and bits == (16,):
        return _scale_signed(image)
    if not image.mode.startswith("I;16"):
        return image
    highest = 2 ** bits[0] - 1
    if photometric == _WHITE_IS_ZERO:
        return scale_to_eight_bits(
            image,
            highest,
            0,
        )
    return scale_to_eight_bits(
        image,
        0,
        highest,
    )


def _scale_signed(image: Image.Image) -> Image.Image:
    """White is the highest that a signed sample can be, unless some are below zero: then nothing
    says what is black either."""
    extrema: Any = image.getextrema()
    if extrema[0] < 0:
        return image
    return scale_to_eight_bits(image, 0, 2**15 - 1)


def _load_by_libtiff(body: bytes) -> Image.Image:
    """Pillow's own way takes chroma for as large as luma. Its setting is that of the process, and
    is changed by who holds the lock of `blaming_the_picture`."""
    before = TiffImagePlugin.READ_LIBTIFF
    TiffImagePlugin.READ_LIBTIFF = True
    try:
        image = Image.open(BytesIO(body), formats=["TIFF"])
        image.load()
        return image
    finally:
        TiffImagePlugin.READ_LIBTIFF = before


# -- both halves of 16 bits -----------------------------------------------------------------------


def _round(high: Image.Image, low: Image.Image) -> Image.Image:
    """By bands, since a picture takes much memory; `high` becomes the result."""
    width, height = high.size
    for top in range(0, height, _BAND):
        bottom = min(height, top + _BAND)
        box = (0, top, width, bottom)
        rounded = _round_band(high.crop(box), low.crop(box))
        high.paste(rounded, box)
    return high


def _round_band(high: Image.Image, low: Image.Image) -> Image.Image:
    """A sample v, which is 257 x high + low - high, as v x 255 / 65535, rounded."""
    table = _MORE_THAN_HALF * len(high.getbands())
    above = ImageChops.subtract(low, high)
    below = ImageChops.subtract(high, low)
    raised = ImageChops.add(high, above.point(table))
    return ImageChops.subtract(raised, below.point(table))


def _high_bytes(body: bytes) -> Image.Image:
    return _decode_half(body, "LB")


def _low_bytes(body: bytes) -> Image.Image:
    """Where the bytes are taken for those of the other order, Pillow keeps the lower eight bits."""
    return _decode_half(body, "BL")


def _decode_half(body: bytes, orders: str) -> Image.Image:
    """The bytes that Pillow keeps if files of little and big endian are read as `orders` says."""
    little, big = orders[0], orders[1]
    image: Any = Image.open(BytesIO(body), formats=["PNG", "TIFF"])
    own = little if body.startswith(b"II") else big
    native = little if sys.byteorder == "little" else big
    suffixes = {
        ";16L": little,
        ";16B": big,
        ";16N": native,
        # a plane of its own, whose name is as if it were of eight bits
        "": own,
    }
    tiles = []
    for tile in image.tile:
        name, *rest = _as_list(tile.args)
        bands, mark, form = name.partition(";")
        raw_mode = f"{bands};16{suffixes[mark + form]}"
        args = (raw_mode, *rest) if rest else raw_mode
        tiles.append(tile._replace(args=args))
    image.tile = tiles
    image.load()
    decoded: Image.Image = image
    return decoded


def _as_list(args: Any) -> list[Any]:
    return [args] if isinstance(args, str) else list(args)
