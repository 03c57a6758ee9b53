"""Pictures that end too early, of which what came is kept."""

from typing import Final

from PIL import Image

from processors import Unusable

KEEP: Final = "keep"
# Of the pixels, so many alike. Of no data at all, a JPEG's decoder makes one block of noise.
_PLAIN: Final = 0.98
_JPEG_BEGIN: Final = b"\xff\xd8"
_JPEG_END: Final = b"\xff\xd9"


def with_end(body: bytes) -> bytes:
    """A JPEG that ends: its decoder then makes what is missing gray, and shows what has come of a
    progressive one; without an end it leaves it black, or shows nothing. Others stay as they are.
    """
    return body + _JPEG_END if body.startswith(_JPEG_BEGIN) else body


def check_decoded(picture: Image.Image) -> None:
    """Raises Unusable if there is as good as nothing to be seen."""
    brightnesses = picture.convert("L").histogram()
    if max(brightnesses) >= _PLAIN * picture.width * picture.height:
        message = "the picture ends before there is anything to be seen"
        raise Unusable("image_truncated", message)
