"""Moving pictures made of formulas, byte by byte, and what a browser shows of them.

The rules are written out here once more, a pixel at a time, so that no decoder has to be trusted.
"""

import io
import struct
import zlib
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from PIL import Image

Pixel = tuple[int, int, int, int]
Canvas = dict[tuple[int, int], Pixel]

CLEAR: Pixel = (0, 0, 0, 0)
PALETTE = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (40, 80, 120),
    (9, 9, 9),
]
TRANSPARENT = 7
KEEP, BACKGROUND, PREVIOUS = 0, 1, 2


class Part(NamedTuple):
    """A frame: where it lies, what its pixels are, what becomes of them."""

    left: int = 0
    top: int = 0
    width: int = 8
    height: int = 6
    disposal: int = KEEP
    blends: bool = True
    delay: int = 120
    seed: int = 0
    holes: bool = True
    alphas: Sequence[int] = (255,)

    def index(self, x: int, y: int) -> int:
        if self.holes and (x + 2 * y + self.seed) % 3 == 0:
            return TRANSPARENT
        return (x * 3 + y * 5 + self.seed * 3) % TRANSPARENT

    def pixel(self, x: int, y: int) -> Pixel:
        index = self.index(x, y)
        if index == TRANSPARENT:
            return CLEAR
        return (*PALETTE[index], self.alphas[(x + y) % len(self.alphas)])

    def places(self) -> list[tuple[int, int]]:
        return [(x, y) for y in range(self.height) for x in range(self.width)]


def over(above: Pixel, below: Pixel) -> Pixel:
    """The source-over operator, on colours that are not multiplied by alpha."""
    a, b = above[3] / 255, below[3] / 255
    alpha = a + b * (1 - a)
    if not alpha:
        return CLEAR
    colours = [
        round((above[i] * a + below[i] * b * (1 - a)) / alpha) for i in range(3)
    ]
    return colours[0], colours[1], colours[2], round(255 * alpha)


def shown(size: tuple[int, int], parts: Sequence[Part]) -> list[Image.Image]:
    """What a browser shows, frame by frame."""
    canvas: Canvas = {
        (x, y): CLEAR for y in range(size[1]) for x in range(size[0])
    }
    seen = []
    for part in parts:
        before = dict(canvas)
        covered = []
        for x, y in part.places():
            place = x + part.left, y + part.top
            if place not in canvas:
                continue
            covered.append(place)
            pixel = part.pixel(x, y)
            canvas[place] = over(pixel, canvas[place]) if part.blends else pixel
        seen.append(drawn(size, canvas))
        for place in covered:
            if part.disposal == BACKGROUND:
                canvas[place] = CLEAR
            elif part.disposal == PREVIOUS:
                canvas[place] = before[place]
    return seen


def drawn(size: tuple[int, int], canvas: Canvas) -> Image.Image:
    image = Image.new("RGBA", size)
    image.putdata(
        [canvas[x, y] for y in range(size[1]) for x in range(size[0])]
    )
    return image


# -- GIF --------------------------------------------------------------------------------------


def gif(
    size: tuple[int, int],
    parts: Sequence[Part],
    loop: int | None = 0,
    palette: bytes = b"".join(map(bytes, PALETTE)),
    *,
    has_local: bool = False,
    is_interlaced: bool = False,
    trailer: bytes = b";",
) -> bytes:
    """`loop` is what the file says, None if it says nothing."""
    table = 0x80 | (len(palette) // 3).bit_length() - 2
    body = struct.pack(
        "<6s2H3B", b"GIF89a", *size, 0 if has_local else table, 0, 0
    )
    if not has_local:
        body += palette
    if loop is not None:
        body += b"\x21\xff\x0bNETSCAPE2.0\x03\x01"
        body += struct.pack("<HB", loop, 0)
    for part in parts:
        disposal = {KEEP: 1, BACKGROUND: 2, PREVIOUS: 3}.get(part.disposal, 0)
        body += struct.pack(
            "<4BH2B",
            0x21,
            0xF9,
            4,
            disposal << 2 | part.holes,
            part.delay // 10,
            TRANSPARENT,
            0,
        )
        body += struct.pack(
            "<B4HB",
            0x2C,
            part.left,
            part.top,
            part.width,
            part.height,
            (table if has_local else 0) | 0x40 * is_interlaced,
        )
        if has_local:
            body += palette
        rows = list(range(part.height))
        if is_interlaced:
            rows = [*rows[::8], *rows[4::8], *rows[2::4], *rows[1::2]]
        body += lzw([part.index(x, y) for y in rows for x in range(part.width)])
    return body + trailer


def lzw(indices: Sequence[int]) -> bytes:
    """Codes of 8 bits: the table is emptied before they would need a ninth."""
    clear, end = 128, 129
    codes = bytearray()
    waiting = iter(indices)
    while some := list(islice(waiting, 100)):
        codes += bytes([clear, *some])
    codes.append(end)
    body = bytearray([7])
    for begin in range(0, len(codes), 255):
        block = codes[begin : begin + 255]
        body += bytes([len(block)]) + block
    return bytes(body) + b"\0"


# -- APNG -------------------------------------------------------------------------------------


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def apng(
    size: tuple[int, int],
    parts: Sequence[Part],
    loop: int = 0,
    *,
    poster: Part | None = None,
    count: int | None = None,
    end: bytes = chunk(b"IEND"),
) -> bytes:
    body = b"\x89PNG\r\n\x1a\n"
    body += chunk(b"IHDR", struct.pack(">2I5B", *size, 8, 6, 0, 0, 0))
    count = len(parts) if count is None else count
    body += chunk(b"acTL", struct.pack(">2I", count, loop))
    if poster is not None:
        body += chunk(b"IDAT", scanlines(poster))
    number = 0
    for part in parts:
        control = struct.pack(
            ">5I2H2B",
            number,
            part.width,
            part.height,
            part.left,
            part.top,
            part.delay,
            1000,
            part.disposal,
            part.blends,
        )
        body += chunk(b"fcTL", control)
        number += 1
        content = scanlines(part)
        if number == 1 and poster is None:
            body += chunk(b"IDAT", content)
            continue
        for piece in (content[:5], content[5:]):
            body += chunk(b"fdAT", struct.pack(">I", number) + piece)
            number += 1
    return body + end


def scanlines(part: Part) -> bytes:
    lines = bytearray()
    for y in range(part.height):
        lines.append(0)
        for x in range(part.width):
            lines += bytes(part.pixel(x, y))
    return zlib.compress(bytes(lines))


# -- WebP -------------------------------------------------------------------------------------


def webp(size: tuple[int, int], parts: Sequence[Part], loop: int = 0) -> bytes:
    """Offsets have to be even."""
    width, height = size[0] - 1, size[1] - 1
    frames = b"".join(map(webp_frame, parts))
    content = (
        riff(b"VP8X", b"\x12\0\0\0" + u24(width) + u24(height))
        + riff(b"ANIM", struct.pack("<IH", 0xFF336699, loop))
        + frames
    )
    return struct.pack("<4sI4s", b"RIFF", len(content) + 4, b"WEBP") + content


def webp_frame(part: Part) -> bytes:
    canvas = {place: part.pixel(*place) for place in part.places()}
    written = io.BytesIO()
    drawn((part.width, part.height), canvas).save(
        written, "WEBP", lossless=True, exact=True
    )
    header = (
        u24(part.left // 2)
        + u24(part.top // 2)
        + u24(part.width - 1)
        + u24(part.height - 1)
        + u24(part.delay)
        + bytes([2 * (not part.blends) + (part.disposal == BACKGROUND)])
    )
    return riff(b"ANMF", header + written.getvalue()[12:])


def riff(name: bytes, content: bytes) -> bytes:
    padding = b"\0" * (len(content) % 2)
    return struct.pack("<4sI", name, len(content)) + content + padding


def u24(value: int) -> bytes:
    return value.to_bytes(3, "little")
