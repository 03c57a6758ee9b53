"""A picture in JPEG XL, by a library that decodes it while it is opened.

So its size is read here before: ISO/IEC 18181-1 (the codestream), 18181-2 (the boxes around it).
"""

import struct
from typing import IO, Final

from PIL import Image, ImageFile
from PIL.ExifTags import Base
from pillow_jxl import JpegXLImagePlugin

_CODESTREAM: Final = b"\xff\x0a"
_CONTAINER: Final = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER_BYTES: Final = 16
# Width by height.
_RATIOS: Final = (
    (1, 1),
    (12, 10),
    (4, 3),
    (3, 2),
    (16, 9),
    (5, 4),
    (2, 1),
)
_SIDE_BITS: Final = (9, 13, 18, 30)

JpegXLImagePlugin.DECODE_THREADS = 0  # each core has a worker of its own


def is_jxl(prefix: bytes) -> bool:
    """Whether a file that begins so is for this decoder."""
    return prefix.startswith((_CODESTREAM, _CONTAINER))


def open_jxl(file: IO[bytes], name: str | bytes) -> ImageFile.ImageFile:
    """The picture, decoded. Raises DecompressionBombError before that if it is too large."""
    width, height = size_of(file.read())
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        message = f"{width} x {height} pixels"
        raise Image.DecompressionBombError(message)
    file.seek(0)
    try:
        image: ImageFile.ImageFile = JpegXLImagePlugin.JXLImageFile(file, name)
    except RuntimeError as error:  # advice to programmers
        message = "its codestream is damaged, or ends too early"
        raise ValueError(message) from error
    # A JPEG inside comes as it is stored; else the decoder turns it, by what the codestream says.
    if not image.jpeg:  # type: ignore[attr-defined]
        image.getexif().pop(Base.Orientation, None)
    return image


def size_of(body: bytes) -> tuple[int, int]:
    """Width and height by the header. Raises SyntaxError if there is none."""
    header = body
    if body.startswith(_CONTAINER):
        header = _codestream_of(body)
    if not header.startswith(_CODESTREAM):
        raise SyntaxError("a JPEG XL without a codestream")
    bits = _Bits(header[2:_HEADER_BYTES])
    is_small = bits.take(1)
    height = _side(bits, is_small)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return _side(bits, is_small), height


def _side(bits: "_Bits", is_small: int) -> int:
    if is_small:
        return 8 * (bits.take(5) + 1)
    return bits.take(_SIDE_BITS[bits.take(2)]) + 1


class _Bits:
    """The bits of a header, the lowest of each byte first; what is behind its end is 0."""

    def __init__(self, header: bytes) -> None:
        self._left = int.from_bytes(header, "little")

    def take(self, count: int) -> int:
        taken = self._left & ((1 << count) - 1)
        self._left >>= count
        return taken


def _codestream_of(body: bytes) -> bytes:
    """How the codestream in the boxes begins, which may be in parts."""
    begin = b""
    position = 0
    while position + 8 <= len(body) and len(begin) < _HEADER_BYTES:
        length, name = struct.unpack_from(">I4s", body, position)
        content = position + 8
        if length == 1:  # it needs 64 bits
            length = int.from_bytes(body[content : content + 8], "big")
            content += 8
        end = position + length if length else len(body)
        if end <= position:
            break
        if name == b"jxlp":
            content += 4  # its number
        if name in (b"jxlc", b"jxlp"):
            begin += body[content : min(end, content + _HEADER_BYTES)]
        position = end
    return begin
