"""What a picture was when it came."""

import struct
from itertools import dropwhile
from typing import Any, Final, NamedTuple

from PIL import Image

from processors import Unusable
from processors.image.formats import (
    KEPT,
    KEPT_MOVING,
    MOVING,
    USUAL_MOVING,
)
from processors.image.moving.apng import chunks
from processors.image.moving.frames import timeline_of
from processors.image.moving.timeline import Timeline

_ORIENTATION_TAG: Final = 0x0112
_TEXTS: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
_OF_SEVERAL_PICTURES: Final = ("TIFF", "MPO")
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
    timeline: Timeline | None
    """None if it does not move, whatever it holds beside its first picture."""
    is_truncated: bool = False
    """Does it end too early, and is what came of it to be kept?"""

    @property
    def kept_format(self) -> str:
        """The format of its variant if none is asked for; empty if it has to be another one."""
        return KEPT.get(self.kind, "")

    @property
    def kept_moving_format(self) -> str:
        """The same of a variant that moves."""
        return KEPT_MOVING.get(self.kind, USUAL_MOVING)

    @property
    def own_format(self) -> str:
        """Its format, if a copy of it can be a result; empty if it cannot."""
        return "gif" if self.kind == "GIF" else self.kept_format

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

    def upright(self, picture: Image.Image) -> Image.Image:
        """What was made of its pixels, turned as it is to be held."""
        if self.orientation == 1 or self.is_turned_by_decoder:
            return picture
        return picture.transpose(UPRIGHT[self.orientation])

    @property
    def has_more(self) -> bool:
        """Is there more than its first picture?"""
        return self.frames > 1 or self.timeline is not None

    @property
    def is_single(self) -> bool:
        """Is all of it in its first frame? An MPO begins with a JPEG that has all it needs."""
        return self.kind == "MPO" or not self.has_more

    def as_truncated(self) -> "Original":
        """Of its frames those that are there whole."""
        timeline = self.timeline and self.timeline.without_lost()
        return self._replace(timeline=timeline, is_truncated=True)

    def facts(self) -> dict[str, Any]:
        width, height = self.upright_size
        return {
            "format": self.kind.lower(),
            "mode": self.mode,
            "original_width": width,
            "original_height": height,
            "frames": self.frames,
            "duration_ms": self.timeline and self.timeline.duration_ms,
            "loop": self.timeline and self.timeline.loop,
        }


def check_pixels(
    size: tuple[int, int],
    max_pixels: int,
    frames: int = 1,
) -> None:
    width, height = size
    if frames * width * height > max_pixels:
        times = f"{frames:,} x " if frames > 1 else ""
        message = f"{times}{width} x {height} pixels are more than the {max_pixels:,} allowed"
        raise Unusable("image_too_large", message)


def check_whole(timeline: Timeline) -> None:
    if not timeline.is_whole:
        raise Unusable("image_truncated", "the picture ends too early")


def moving_format(
    original: Original,
    asked: str,
    frames: str,
) -> str:
    """The format of a variant that moves; empty if it shall be a still."""
    if frames == "first" or original.timeline is None:
        return ""
    format = asked or original.kept_moving_format
    return format if format in MOVING else ""


def original_of(image: Image.Image, body: bytes) -> Original:
    """To be called before the picture is decoded: some decoders change size and mode."""
    size, mode = image.size, image.mode
    orientation = _orientation_of(image, body)
    timeline = timeline_of(image, body)
    frames = 1
    if timeline is not None:
        frames = timeline.frames
    elif image.format in _OF_SEVERAL_PICTURES:
        frames = getattr(image, "n_frames", 1)
    return Original(
        image.format or "", mode, size, orientation, frames, timeline
    )


def _has_text_behind(body: bytes) -> bool:
    """Does a PNG say something of itself behind its pixels?"""
    names = [chunk.name for chunk in chunks(body)]
    behind = dropwhile(lambda name: name != b"IDAT", names)
    return not _TEXTS.isdisjoint(behind)


def _orientation_of(image: Image.Image, body: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 if there is none that can be read."""
    if image.format == "PNG" and _has_text_behind(body):
        image.load()  # as getexif would, but what this raises is about the pixels
    try:
        # but for a PNG's own, which decodes it
        orientation = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, LookupError, TypeError, struct.error):
        return 1  # damaged metadata says nothing about the pixels
    return orientation if orientation in UPRIGHT else 1
