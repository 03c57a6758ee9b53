"""A picture to the bytes of a file."""

from io import BytesIO

from PIL import Image

from processors import Unusable
from processors.image import colours
from processors.image.formats import MAX_SIDE


def format_for(picture: Image.Image) -> str:
    """What a picture becomes whose own format is not kept."""
    return "png" if colours.is_transparent(picture) else "jpeg"


def to_mode_of_format(
    picture: Image.Image, format: str, changes: list[str]
) -> Image.Image:
    """The picture in a mode that the format holds."""
    if max(picture.size) > MAX_SIDE[format]:
        message = f"{picture.width} x {picture.height} pixels are more than {format} can hold"
        raise Unusable("image_too_large", message)
    if format == "png":
        return picture
    if colours.has_alpha(picture) and not colours.is_transparent(picture):
        picture = colours.flatten_on_white(picture)
    if format == "jpeg" and colours.has_alpha(picture):
        changes.append("flattened")
        return colours.flatten_on_white(picture)
    if format == "webp" and colours.is_gray(picture):
        return picture.convert("RGBA" if colours.has_alpha(picture) else "RGB")
    return picture


def encode(picture: Image.Image, format: str, quality: int) -> bytes:
    picture.info = {}  # from which Pillow would write the original's profile and transparency
    written = BytesIO()
    options = {} if format == "png" else {"quality": quality}
    picture.save(written, format, **options)
    return written.getvalue()
