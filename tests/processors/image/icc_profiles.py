"""ICC profiles laid out by hand, and what they say of gray."""

import struct
import zlib

from tests.processors.image.references import Pixel, light_to_srgb


def s15(*numbers: float) -> bytes:
    return struct.pack(
        f">{len(numbers)}i", *(round(number * 65536) for number in numbers)
    )


def profile(space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Version 2.4, class display: as ICC.1:2001-04 lays it out."""
    begin = 132 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        offset = begin + len(content)
        table += struct.pack(">4sII", name, offset, len(value))
        content += value + bytes(-len(value) % 4)
    head = struct.pack(">I4xI", begin + len(content), 0x02400000)
    head += b"mntr" + space + pcs + bytes(12) + b"acsp" + bytes(28)
    head += s15(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + table + content


def xyz_tag(*xyz: float) -> bytes:
    return b"XYZ " + bytes(4) + s15(*xyz)


def gamma_tag(gamma: float) -> bytes:
    return b"curv" + struct.pack(">4xIH", 1, round(gamma * 256))


def profile_chunk(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


WHITE = {b"wtpt": xyz_tag(0.9505, 1, 1.0891)}
# As Adobe publishes it (Adobe RGB (1998) Color Image Encoding, 4.3.1 and annex).
ADOBE_PROFILE = profile(
    b"RGB ",
    b"XYZ ",
    {
        **WHITE,
        b"rXYZ": xyz_tag(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz_tag(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz_tag(0.14919, 0.06322, 0.74457),
        b"rTRC": gamma_tag(2.19921875),
        b"gTRC": gamma_tag(2.19921875),
        b"bTRC": gamma_tag(2.19921875),
    },
)
GRAY_PROFILE = profile(b"GRAY", b"XYZ ", {**WHITE, b"kTRC": gamma_tag(1.0)})


def table_profile(space: bytes, channels: int, order: str) -> bytes:
    """A table of two points a channel (lut8Type): Lab is one of eight corners, no curves.

    RGB has its channels exchanged by `order`, and ink is what multiplies light, in gray alone.
    """
    identity = bytes(range(256))
    corners = []
    for number in range(2**channels):
        bits = [number >> (channels - 1 - n) & 1 for n in range(channels)]
        light = bits["rgb".index(order[0])] if channels == 3 else 1 - max(bits)
        corners += [255 * light, 128, 128]
    head = b"mft1" + struct.pack(">4xBBBx", channels, 3, 2)
    head += s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = head + identity * channels + bytes(corners) + identity * 3
    return profile(space, b"Lab ", {**WHITE, b"A2B0": table})


def gray_of_lightness(level: float) -> Pixel:
    lightness = level / 2.55
    light = (
        ((lightness + 16) / 116) ** 3 if lightness > 8 else lightness / 903.3
    )
    return (light_to_srgb(light),) * 3
