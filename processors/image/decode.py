"""A picture decoded, fitted, in plain gray or sRGB."""

from typing import Final

from PIL import Image

from processors.image import colours, samples
from processors.image.plan import Plan, fit
from processors.image.profiles import find_conversion
from processors.image.resample import resample

# A JPEG is decoded to a half, a quarter or an eighth as long as so many times
# the pixels that are needed remain: then it is as near to what Lanczos makes
# of all pixels as the means of areas are, which others take (SSIM, the worst
# of 42 photographs at 1/2, 1/4, 1/8: .990, .978, .980 and .986, .975, .977).
_MARGIN: Final = 1.25


def shrink(
    image: Image.Image,
    body: bytes,
    plan: Plan,
) -> tuple[Image.Image, list[str]]:
    """The picture decoded, fitted, in plain gray or sRGB, not yet turned; and what was changed."""
    size = fit(image.width, image.height, plan.resize)
    is_resized = size != image.size
    conversion = find_conversion(image, body)
    box, is_drafted_gray = None, False
    if image.format in ("JPEG", "MPO"):
        # libjpeg scales while it decodes. The box says where the picture is
        # then: its last row and column may be partial.
        is_drafted_gray = (
            plan.grayscale and conversion is None and image.mode == "RGB"
        )
        drafted = image.draft(
            "L" if is_drafted_gray else None,
            _least(size) if is_resized else None,
        )
        box = drafted[1] if drafted else None
    changes = []
    picture = samples.load(image, body)
    mode = picture.mode
    picture = colours.to_plain_mode(picture)
    if picture.mode == "CMYK":
        # Inks multiply: what is made smaller as inks has dark fringes.
        picture = colours.to_srgb(picture, conversion)
    if mode in ("CMYK", "LAB"):
        changes.append("srgb")
        conversion = None
    if is_resized:
        changes.append("resized")
        picture = resample(picture, size, box)
    in_srgb = colours.to_srgb(picture, conversion)
    if in_srgb is not picture:
        changes.append("srgb")
        picture = in_srgb
    if is_drafted_gray or (plan.grayscale and not colours.is_gray(picture)):
        changes.append("grayscale")
        picture = colours.to_gray(picture)
    return picture, changes


def _least(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    return int(width * _MARGIN), int(height * _MARGIN)
