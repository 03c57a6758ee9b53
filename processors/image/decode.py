"""A picture decoded once, and made as large as each variant asks, in plain gray or sRGB."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from PIL import Image

from processors.image import colours, samples
from processors.image.profiles import Conversion, find_conversion
from processors.image.resample import Box, resample
from processors.image.variants.sizes import Size

# A JPEG is decoded to a half, a quarter or an eighth as long as so many times
# the pixels that are needed remain: then it is as near to what Lanczos makes
# of all pixels as the means of areas are, which others take (SSIM, the worst
# of 42 photographs at 1/2, 1/4, 1/8: .990, .978, .980 and .986, .975, .977).
_MARGIN: Final = 1.25


class Wanted(NamedTuple):
    """What a variant asks of a picture before it is turned."""

    size: Size
    grayscale: bool


@dataclass(slots=True)
class Decoded:
    """A picture in one of the few modes, with the pixels that its variants need."""

    picture: Image.Image
    size: Size
    """Of all of it, as its file says."""
    box: Box | None
    """Where all of it is: libjpeg's last row and column may be partial."""
    conversion: Conversion | None
    """To sRGB, once it has its size."""
    is_converted: bool
    """Has it been converted already?"""
    is_drafted_gray: bool
    """Has its decoder left the colours out?"""
    _resized: dict[Size, Image.Image] = field(default_factory=dict)

    def fitted(self, wanted: Wanted) -> tuple[Image.Image, list[str]]:
        """It at that size, in plain gray or sRGB, not yet turned; and what was changed."""
        changes = ["srgb"] if self.is_converted else []
        if wanted.size != self.size:
            changes.append("resized")
        picture = self._at(wanted.size)
        in_srgb = colours.to_srgb(picture, self.conversion)
        if in_srgb is not picture:
            changes.append("srgb")
            picture = in_srgb
        if self.is_drafted_gray:
            changes.append("grayscale")
        elif wanted.grayscale and not colours.is_gray(picture):
            changes.append("grayscale")
            picture = colours.to_gray(picture)
        return picture, changes

    def _at(self, size: Size) -> Image.Image:
        """Several variants may have one size."""
        if size == self.size:
            return self.picture
        if size not in self._resized:
            self._resized[size] = resample(
                self.picture,
                size,
                self.box,
            )
        return self._resized[size]


def decode(
    image: Image.Image,
    body: bytes,
    wanted: Collection[Wanted],
) -> Decoded:
    """The picture, for variants that ask this of it."""
    size = image.size
    conversion = find_conversion(image, body)
    box, is_drafted_gray = None, False
    if image.format in ("JPEG", "MPO"):
        # libjpeg scales while it decodes
        is_drafted_gray = (
            all(each.grayscale for each in wanted)
            and conversion is None
            and image.mode == "RGB"
        )
        drafted = image.draft(
            "L" if is_drafted_gray else None,
            _least(size, wanted),
        )
        box = drafted[1] if drafted else None
    picture = samples.load(image, body)
    is_converted = picture.mode in ("CMYK", "LAB")
    picture = colours.to_plain_mode(picture)
    if picture.mode == "CMYK":
        # Inks multiply: what is made smaller as inks has dark fringes.
        picture = colours.to_srgb(picture, conversion)
    return Decoded(
        picture,
        size,
        box,
        None if is_converted else conversion,
        is_converted,
        is_drafted_gray,
    )


def _least(size: Size, wanted: Collection[Wanted]) -> Size | None:
    """How many pixels a JPEG has to be decoded to; None: to all."""
    if any(each.size == size for each in wanted):
        return None
    widths = (each.size[0] for each in wanted)
    heights = (each.size[1] for each in wanted)
    return int(max(widths) * _MARGIN), int(max(heights) * _MARGIN)
