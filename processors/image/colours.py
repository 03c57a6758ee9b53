"""Pictures in the few modes that can be resized and saved everywhere, in the colours of sRGB."""

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsProfile

_SPACE_OF: Final = {"L": "GRAY", "RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK"}
_CEILINGS: Final[dict[str, tuple[float, ...]]] = {
    "I": (65535,),
    "F": (1, 255, 65535),
}


def to_plain_mode(image: Image.Image) -> Image.Image:
    """The picture in L, LA, RGB, RGBA or CMYK, eight bits each; itself if it is so already."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _eight_bits(image)
    if mode == "CMYK":
        return image
    if mode == "LAB":
        return _from_lab(image)
    if mode in ("1", "L", "LA", "La"):
        target = "LA" if image.has_transparency_data else "L"
    else:
        target = "RGBA" if image.has_transparency_data else "RGB"
    return image if mode == target else image.convert(target)


def foreign_profile(image: Image.Image) -> "ImageCmsProfile | None":
    """The picture's colour profile, unless it is sRGB's, or unreadable, or there is none."""
    embedded = image.info.get("icc_profile")
    if not embedded:
        return None
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(embedded))
    except (ImportError, OSError, TypeError):
        return None  # a damaged profile, or a Pillow without Little CMS: colours as they are
    return (
        None
        if "sRGB" in (profile.profile.profile_description or "")
        else profile
    )


def to_srgb(
    picture: Image.Image, profile: "ImageCmsProfile | None"
) -> Image.Image:
    """The picture in gray or sRGB; itself if it is so already, or its profile does not fit it."""
    converted = None
    if profile is not None and profile.profile.xcolor_space == _SPACE_OF.get(
        picture.mode
    ):
        converted = _apply_profile(picture, profile)
    if converted is None:
        return picture.convert("RGB") if picture.mode == "CMYK" else picture
    return converted.convert("L") if picture.mode == "L" else converted


def _apply_profile(
    picture: Image.Image, profile: "ImageCmsProfile"
) -> Image.Image | None:
    """The picture in sRGB; None if the profile lacks the tables that are needed."""
    from PIL import ImageCms

    srgb = ImageCms.createProfile("sRGB")
    target_mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        return ImageCms.profileToProfile(
            picture, profile, srgb, outputMode=target_mode
        )
    except ImageCms.PyCMSError:
        return None


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
    lowest: Any = picture.getchannel("A").getextrema()[0]
    return bool(lowest < 255)


def flatten_on_white(picture: Image.Image) -> Image.Image:
    """The picture without its alpha channel, on white where it is transparent."""
    opaque_mode = "L" if picture.mode == "LA" else "RGB"
    background = Image.new(opaque_mode, picture.size, "white")
    background.paste(picture.convert(opaque_mode), mask=picture.getchannel("A"))
    return background


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
    scale = 255 / (white - black or 1)
    return image.point(
        lambda value: value * scale + (0.5 - black * scale)
    ).convert("L")


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # only in place is nothing returned
    return converted
