"""What a picture was when it came."""

import struct
from typing import Any, Final, NamedTuple

from PIL import Image

from processors import Unusable
from processors.image.formats import KEPT

_ORIENTATION_TAG: Final = 0x0112
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Original(NamedTuple):
    """What a picture was when it came."""

    kind: str
    mode: str
    size: tuple[int, int]
    orientation: int
    frames: int

    @property
    def kept_format(self) -> str:
        """The format of its variant if none is asked for; empty if it has to be another one."""
        return KEPT.get(self.kind, "")

    @property
    def is_turned_by_decoder(self) -> bool:
        """The decoder of TIFF has turned the pixels, and swapped the size, itself."""
        return self.kind == "TIFF"

    @property
    def upright_size(self) -> tuple[int, int]:
        width, height = self.size
        if self.orientation >= 5 and not self.is_turned_by_decoder:
            return height, width
        return width, height

    @property
    def is_single(self) -> bool:
        """Is all of it in its first frame? An MPO begins with a JPEG that has all it needs."""
        return self.frames == 1 or self.kind == "MPO"

    def facts(self) -> dict[str, Any]:
        width, height = self.upright_size
        return {
            "format": self.kind.lower(),
            "mode": self.mode,
            "original_width": width,
            "original_height": height,
            "frames": self.frames,
        }


def check_pixels(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        message = f"{width} x {height} pixels are more than the {max_pixels:,} allowed"
        raise Unusable("image_too_large", message)


def original_of(image: Image.Image) -> Original:
    """To be called before the picture is decoded: some decoders change size and mode."""
    size, mode = image.size, image.mode
    orientation = _orientation_of(image)
    frames = getattr(image, "n_frames", 1)
    return Original(image.format or "", mode, size, orientation, frames)


def _orientation_of(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 if there is none that can be read."""
    if image.format == "PNG":
        image.load()  # as getexif would, but what this raises is about the pixels
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, LookupError, TypeError, struct.error):
        return 1  # damaged metadata says nothing about the pixels
    return orientation if orientation in UPRIGHT else 1
