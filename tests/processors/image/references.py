"""Pictures made and read without Pillow, and the formulas of colours, for expected pixels.

What the code under test does by Pillow and Little CMS is computed here from the standards.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from processors.image import Plan, process

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
MODES = {GRAY: "L", RGB: "RGB", GRAY_ALPHA: "LA", RGB_ALPHA: "RGBA"}
HALF_TURN = 3

Pixel = tuple[int, ...]


class Made(NamedTuple):
    """A result, as its PNG says: row by row."""

    variant: dict[str, Any]
    mode: str
    size: tuple[int, int]
    pixels: list[Pixel]


def make(folder: Path, body: bytes, **options: Any) -> Made:
    """What becomes of a picture, asked for as PNG unless said otherwise."""
    content, variant = make_file(folder, body, **{"format": "png", **options})
    mode, size, pixels = read_png(content)
    assert mode == variant["mode"]
    return Made(variant, mode, size, pixels)


def make_file(
    folder: Path, body: bytes, **options: Any
) -> tuple[bytes, dict[str, Any]]:
    (folder / "original").write_bytes(body)
    out = str(folder / "made")
    made = process(str(folder / "original"), Plan(**options), out, "x")
    return Path(made.files[0][0]).read_bytes(), made.facts["processed"][0]


def differ_by(found: Iterable[Pixel], expected: Iterable[Pixel]) -> int:
    """The largest difference of any channel."""
    return max(
        abs(one - other)
        for pixel, wanted in zip(found, expected, strict=True)
        for one, other in zip(pixel, wanted, strict=True)
    )


# -- files ----------------------------------------------------------------------------------------


def exif(orientation: int) -> bytes:
    return struct.pack(
        "<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0
    )


TURNED = (b"eXIf", exif(HALF_TURN))


def png(
    width: int,
    depth: int,
    colour: int,
    samples: Sequence[int],
    *chunks: tuple[bytes, bytes],
) -> bytes:
    """Rows of samples, unfiltered; `chunks` stand before the pixels."""
    stride = width * CHANNELS[colour]
    rows = [
        samples[begin : begin + stride]
        for begin in range(0, len(samples), stride)
    ]
    packed = b"".join(b"\0" + _pack(row, depth) for row in rows)
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    every = [
        (b"IHDR", header),
        *chunks,
        (b"IDAT", zlib.compress(packed)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in every)


def _chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    length, check = len(content), zlib.crc32(checked)
    return struct.pack(">I", length) + checked + struct.pack(">I", check)


def _pack(samples: Sequence[int], depth: int) -> bytes:
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    if depth == 8:
        return bytes(samples)
    per_byte = 8 // depth
    packed = []
    for begin in range(0, len(samples), per_byte):
        byte = 0
        for place, sample in enumerate(samples[begin : begin + per_byte]):
            byte |= sample << (8 - depth * (place + 1))
        packed.append(byte)
    return bytes(packed)


def read_png(content: bytes) -> tuple[str, tuple[int, int], list[Pixel]]:
    """Of eight bits, not interlaced, without a palette."""
    position, packed, header = 8, b"", b""
    while position < len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        data = content[position + 8 : position + 8 + length]
        header = data if name == b"IHDR" else header
        packed += data if name == b"IDAT" else b""
        position += length + 12
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    assert depth == 8
    channels = CHANNELS[colour]
    rows = _unfilter(zlib.decompress(packed), width * channels, channels)
    pixels = [
        tuple(row[begin : begin + channels])
        for row in rows
        for begin in range(0, len(row), channels)
    ]
    return MODES[colour], (width, height), pixels


def _unfilter(packed: bytes, stride: int, step: int) -> list[bytearray]:
    rows: list[bytearray] = []
    above = bytearray(stride)
    for begin in range(0, len(packed), stride + 1):
        kind, row = packed[begin], bytearray(packed[begin + 1 :][:stride])
        for x in range(stride):
            left = row[x - step] if x >= step else 0
            corner = above[x - step] if x >= step else 0
            guess = _predict(kind, left, above[x], corner)
            row[x] = (row[x] + guess) % 256
        rows.append(row)
        above = row
    return rows


def _predict(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))


TIFF_SHORT, TIFF_LONG = 3, 4


def tiff(
    order: str,
    size: tuple[int, int],
    photometric: int,
    bits: Sequence[int],
    strips: Sequence[bytes],
    **more: Sequence[int],
) -> bytes:
    """Uncompressed; `order` is < or >, `more` are tags of short numbers, such as t338."""
    width, height = size
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (TIFF_LONG, [width]),
        257: (TIFF_LONG, [height]),
        258: (TIFF_SHORT, bits),
        259: (TIFF_SHORT, [1]),
        262: (TIFF_SHORT, [photometric]),
        273: (TIFF_LONG, [0] * len(strips)),
        277: (TIFF_SHORT, [len(bits)]),
        278: (TIFF_LONG, [height]),
        279: (TIFF_LONG, [len(strip) for strip in strips]),
    }
    for name, values in more.items():
        tags[int(name[1:])] = TIFF_SHORT, values
    letters = {TIFF_SHORT: "H", TIFF_LONG: "I"}
    table = 8 + 2 + 12 * len(tags) + 4
    pixels = table + sum(
        max(0, len(values) * struct.calcsize(letters[kind]) - 4)
        and len(values) * struct.calcsize(letters[kind])
        for kind, values in tags.values()
    )
    offsets = [
        pixels + sum(map(len, strips[:number])) for number in range(len(strips))
    ]
    tags[273] = TIFF_LONG, offsets
    entries, beyond = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{letters[kind]}", *values)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values))
        if len(packed) > 4:
            entries += struct.pack(f"{order}I", table + len(beyond))
            beyond += packed
        else:
            entries += packed.ljust(4, b"\0")
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HIH", 42, 8, len(tags))
    return head + entries + bytes(4) + beyond + b"".join(strips)


# -- formulas -------------------------------------------------------------------------------------


def srgb_to_light(level: float) -> float:
    """IEC 61966-2-1, of 0 to 1."""
    if level <= 0.04045:
        return level / 12.92
    return float(((level + 0.055) / 1.055) ** 2.4)


def light_to_srgb(light: float) -> int:
    light = min(1.0, max(0.0, light))
    level = (
        12.92 * light
        if light <= 0.0031308
        else 1.055 * light ** (1 / 2.4) - 0.055
    )
    return round(255 * level)


# From XYZ, seen in D65, to the light of sRGB (IEC 61966-2-1).
XYZ_TO_SRGB = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
# From the light of others with the same white, to XYZ: as their standards have it.
ADOBE_RGB = (
    (0.5767309, 0.1855540, 0.1881852),
    (0.2973769, 0.6273491, 0.0752741),
    (0.0270343, 0.0706872, 0.9911085),
)
DISPLAY_P3 = (
    (0.4865709, 0.2656677, 0.1982173),
    (0.2289746, 0.6917385, 0.0792869),
    (0.0000000, 0.0451134, 1.0439444),
)
REC_2020 = (
    (0.6369580, 0.1446169, 0.1688810),
    (0.2627002, 0.6779981, 0.0593017),
    (0.0000000, 0.0280727, 1.0609851),
)
# From XYZ seen in D50 to D65, by Bradford.
D50_TO_D65 = (
    (0.9555766, -0.0230393, 0.0631636),
    (-0.0282895, 1.0099416, 0.0210077),
    (0.0122982, -0.0204830, 1.3299098),
)

Matrix = Sequence[Sequence[float]]


def times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [
        sum(one * other for one, other in zip(row, vector, strict=True))
        for row in matrix
    ]


def xyz_to_srgb(xyz: Sequence[float]) -> Pixel:
    return tuple(light_to_srgb(light) for light in times(XYZ_TO_SRGB, xyz))


def lab_to_srgb(lightness: float, a: float, b: float) -> Pixel:
    """CIE 1976, of D50."""
    fy = (lightness + 16) / 116
    cubes = [
        f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29)
        for f in (fy + a / 500, fy, fy - b / 200)
    ]
    white = (0.96422, 1.0, 0.82521)
    d50 = [cube * part for cube, part in zip(cubes, white, strict=True)]
    return xyz_to_srgb(times(D50_TO_D65, d50))


def ycc_to_rgb(y: float, cb: float, cr: float) -> Pixel:
    """JFIF 1.02."""
    rgb = (
        y + 1.402 * (cr - 128),
        y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
        y + 1.772 * (cb - 128),
    )
    return tuple(min(255, max(0, round(level))) for level in rgb)


def luma(pixel: Pixel) -> float:
    """ITU-R BT.601."""
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
