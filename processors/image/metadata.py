"""Pictures without what they hold beside their pixels: where, when, by whom, with which camera.

Bytes to bytes, without decoding: the pixels stay what they are, bit for bit, and so does what
decoding and colour need (colour profiles, gamma, transparency). Everything else goes, named here
or not: EXIF and GPS, XMP, IPTC, comments, text, thumbnails, further pictures, and whatever has
been hung on behind the end.

JPEG: ITU-T T.81, annex B; PNG: W3C PNG (Third Edition); WebP: RFC 9649.
"""

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final

from processors.image.moving import gif


class Malformed(ValueError):
    """The container is not built as its format has it: only a decoder knows what is in it."""


def strip_metadata(body: bytes, format: str) -> bytes:
    """The picture without metadata; `body` itself if it has none. The format `apng` is a PNG with
    all its frames.

    Never longer than `body`. Raises Malformed.
    """
    try:
        kept = b"".join(_pieces_of(body, format))
    except struct.error as error:
        raise Malformed(f"it ends too early: {error}") from error
    return kept if len(kept) < len(body) else body


def without_metadata(body: bytes, format: str) -> bytes | None:
    """The same; None if only a decoder can separate them."""
    try:
        return strip_metadata(body, format)
    except Malformed:
        return None


def _pieces_of(body: bytes, format: str) -> Iterator[bytes]:
    if format not in _PIECES:
        raise Malformed(f"nothing is known of what a file of {format} holds")
    return _PIECES[format](body)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise Malformed(message)


# -- JPEG -------------------------------------------------------------------------------------

_EOI, _SOS, _APP0, _APP2, _APP14, _COM = 0xD9, 0xDA, 0xE0, 0xE2, 0xEE, 0xFE
# frames, tables, scans
_DECODED: Final = frozenset([*range(0xC0, 0xD0), *range(_SOS, _APP0)])
_OPTIONAL: Final = frozenset([*range(_APP0, 0xF0), _COM])
# any number of FF may stand before it
_MARKER: Final = re.compile(rb"\xff++[^\x00\xff]")
# in a scan: 00 and restarts are its
_NEXT_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def _jpeg_pieces(body: bytes) -> Iterator[bytes]:
    _require(body.startswith(b"\xff\xd8"), "it does not begin as a JPEG")
    yield body[:2]
    position = 2
    while True:
        marker = _MARKER.match(body, position)
        if marker is None:
            raise Malformed(f"no marker at {position:,}")
        code = body[marker.end() - 1]
        if code == _EOI:
            yield body[position : marker.end()]
            return
        _require(
            code in _DECODED or code in _OPTIONAL,
            f"marker {code:02x} at {position:,}",
        )
        (length,) = struct.unpack_from(">H", body, marker.end())
        begin, end = marker.end() + 2, marker.end() + length
        _require(
            begin <= end <= len(body),
            f"a segment of {length:,} bytes at {position:,}",
        )
        if code == _SOS:
            end = _end_of_scan(body, end)
        if code in _DECODED:
            yield body[position:end]
        else:
            yield _trim_segment(code, body[begin:end])
        position = end


def _end_of_scan(body: bytes, position: int) -> int:
    found = _NEXT_MARKER.search(body, position)
    if found is None:
        raise Malformed("a scan without an end")
    return found.start()


def _trim_segment(code: int, content: bytes) -> bytes:
    """As much of an application segment as decoding or the colours need."""
    if code == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:
        content = content[:12] + b"\0\0"  # without its thumbnail
    elif code == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        content = content[:12]
    elif code != _APP2 or not content.startswith(b"ICC_PROFILE\0"):
        return b""
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


# -- PNG --------------------------------------------------------------------------------------

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS bKGD pHYs sBIT cICP iCCP sRGB gAMA cHRM mDCV cLLI".split()
)


_APNG_CHUNKS: Final = _PNG_CHUNKS | {b"acTL", b"fcTL", b"fdAT"}


def _apng_pieces(body: bytes) -> Iterator[bytes]:
    return _png_pieces(body, _APNG_CHUNKS)


def _png_pieces(
    body: bytes, chunks: frozenset[bytes] = _PNG_CHUNKS
) -> Iterator[bytes]:
    _require(body.startswith(_PNG_SIGNATURE), "it does not begin as a PNG")
    yield _PNG_SIGNATURE
    position, name = len(_PNG_SIGNATURE), b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", body, position)
        end = position + 12 + length
        _require(
            end <= len(body), f"a chunk of {length:,} bytes at {position:,}"
        )
        if name in chunks:
            yield body[position:end]
        else:
            is_critical = not name[0] & 0x20
            _require(
                not is_critical, f"an unknown critical chunk at {position:,}"
            )
        position = end


# -- WebP -------------------------------------------------------------------------------------

_WEBP_CHUNKS: Final = frozenset(
    (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF")
)
_EXIF_AND_XMP_FLAGS: Final = 0x0C
_FRAME_HEADER_BYTES: Final = 16


def _webp_pieces(body: bytes) -> Iterator[bytes]:
    _require(
        body[:4] == b"RIFF" and body[8:12] == b"WEBP",
        "it does not begin as a WebP",
    )
    (size,) = struct.unpack_from("<I", body, 4)
    _require(
        8 + size <= len(body), f"{size:,} bytes are named, and fewer are there"
    )
    chunks = b"".join(_webp_chunks(body[12 : 8 + size]))
    yield struct.pack("<4sI4s", b"RIFF", len(chunks) + 4, b"WEBP")
    yield chunks


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        chunk = content[position + 8 : position + 8 + size]
        _require(
            len(chunk) == size, f"a chunk of {size:,} bytes at {position:,}"
        )
        position += 8 + size + size % 2
        if name not in _WEBP_CHUNKS:
            continue
        if name == b"VP8X" and chunk:
            chunk = bytes([chunk[0] & ~_EXIF_AND_XMP_FLAGS]) + chunk[1:]
        elif name == b"ANMF":
            header, frame = (
                chunk[:_FRAME_HEADER_BYTES],
                chunk[_FRAME_HEADER_BYTES:],
            )
            chunk = header + b"".join(_webp_chunks(frame))
        yield (
            struct.pack("<4sI", name, len(chunk))
            + chunk
            + b"\0" * (len(chunk) % 2)
        )


# -- GIF --------------------------------------------------------------------------------------

_LOOP_BYTES: Final = 18


def _gif_pieces(body: bytes) -> Iterator[bytes]:
    yield body[: gif.end_of_header(body)]
    for block in gif.blocks(body):
        _require(
            block.end <= len(body), f"a block without end at {block.begin:,}"
        )
        if block.label in (gif.IMAGE, gif.CONTROL):
            yield body[block.begin : block.end]
        elif gif.loops(body, block):
            yield body[block.begin : block.begin + _LOOP_BYTES] + b"\0"
    yield b";"


_PIECES: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {
    "jpeg": _jpeg_pieces,
    "png": _png_pieces,
    "apng": _apng_pieces,
    "gif": _gif_pieces,
    "webp": _webp_pieces,
}
