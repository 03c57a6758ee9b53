"""What decoders raise, in our words."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError

from processors import Unusable

# Held by who changes Pillow's settings and the filters of warnings, which are those of the process.
# A user's function for pictures may read others.
_LIMITS: Final = RLock()


@contextmanager
def blaming_the_picture(
    body: bytes,
    max_pixels: int,
    keeps_truncated: bool = False,
) -> Iterator[None]:
    """Whatever Pillow raises, in our words."""
    try:
        with _LIMITS, _limited_to(max_pixels, keeps_truncated):
            yield
    except (Unusable, MemoryError):
        raise
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        message = f"the picture has more than {max_pixels:,} pixels"
        raise Unusable("image_too_large", message) from error
    except Exception as error:
        message = str(error)
        if "out of memory" in message:
            raise MemoryError(message) from error
        if _says_truncated(error) or _is_cut_short(body):
            raise Unusable(
                "image_truncated", "the picture ends too early"
            ) from error
        if isinstance(error, UnidentifiedImageError):
            message = "not a picture in a format that is decoded here, or its beginning is damaged"
        reason = " ".join(message.split()) or type(error).__name__
        raise Unusable(
            "image_broken", f"the picture cannot be read: {reason}"
        ) from error


@contextmanager
def _limited_to(max_pixels: int, keeps_truncated: bool) -> Iterator[None]:
    """Pillow's own limit is set to ours, since decoders apply it to what they find inside: frames
    of a GIF, pictures of an icon."""
    limit = Image.MAX_IMAGE_PIXELS
    keeps = ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS = max_pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = keeps_truncated
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit
        ImageFile.LOAD_TRUNCATED_IMAGES = keeps


def _says_truncated(error: Exception) -> bool:
    if isinstance(error, EOFError | struct.error):
        return True
    message = str(error).lower()
    return "truncated" in message or "not enough image data" in message


def _is_cut_short(body: bytes) -> bool:
    """Whether the container names bytes beyond the end: where Pillow only says "cannot decode"."""
    if body[:4] == b"RIFF":
        return int.from_bytes(body[4:8], "little") + 8 > len(body)
    if body[:4] in (b"II*\0", b"MM\0*"):
        order = "<I" if body[:1] == b"I" else ">I"
        return len(body) < 8 or struct.unpack_from(order, body, 4)[0] >= len(
            body
        )
    if body[4:8] in (b"ftyp", b"JXL "):
        position = 0
        while position + 8 <= len(body):
            length = int.from_bytes(body[position : position + 4], "big")
            # 0: until the end of the file; 1: a length of 64 bits
            if length < 8:
                return False
            position += length
        return position != len(body)
    return False
