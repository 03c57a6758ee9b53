"""What a PNG says of its colours without a profile, as a profile: cICP, sRGB, gAMA and cHRM.

W3C PNG (Third Edition), 4.3: cICP wins over iCCP, that over sRGB, that over gAMA and cHRM.
"""

import struct
from collections.abc import Sequence
from typing import Final

from PIL import Image

from processors.image.icc import Points, Space, build_profile

_D65: Final = (0.3127, 0.3290)
_REC_709: Final[Points] = (
    _D65,
    (0.64, 0.33),
    (0.30, 0.60),
    (0.15, 0.06),
)
_REC_601: Final[Points] = (
    _D65,
    (0.63, 0.34),
    (0.31, 0.595),
    (0.155, 0.07),
)
_EBU: Final[Points] = (
    _D65,
    (0.64, 0.33),
    (0.29, 0.60),
    (0.15, 0.06),
)
_REC_2020: Final[Points] = (
    _D65,
    (0.708, 0.292),
    (0.17, 0.797),
    (0.131, 0.046),
)
_DISPLAY_P3: Final[Points] = (
    _D65,
    (0.68, 0.32),
    (0.265, 0.69),
    (0.15, 0.06),
)
_SRGB_CURVE: Final = (
    2.4,
    1 / 1.055,
    0.055 / 1.055,
    1 / 12.92,
    0.04045,
)
_VIDEO_CURVE: Final = (
    1 / 0.45,
    1 / 1.099,
    0.099 / 1.099,
    1 / 4.5,
    0.081,
)
_SRGB: Final = Space(_REC_709, _SRGB_CURVE)

# By the codes of ITU-T H.273, as cICP has them.
_PRIMARIES: Final = {
    1: _REC_709,
    5: _EBU,
    6: _REC_601,
    7: _REC_601,
    9: _REC_2020,
    12: _DISPLAY_P3,
}
_CURVES: Final[dict[int, tuple[float, ...]]] = {
    1: _VIDEO_CURVE,
    4: (2.2,),
    5: (2.8,),
    6: _VIDEO_CURVE,
    8: (1.0,),
    13: _SRGB_CURVE,
    14: _VIDEO_CURVE,
    15: _VIDEO_CURVE,
}
_RGB_OF_FULL_RANGE: Final = b"\0\1"

_GAMMA_OF_SRGB: Final = 1 / 2.2
_NEAR_GAMMA: Final = 0.005  # 0.45 is meant as 1 / 2.2
_NEAR_POINT: Final = 0.002
_COLOUR_TYPE: Final = slice(25, 26)  # in a PNG's header
_GRAYS: Final = (b"\0", b"\4")


def profile_of(image: Image.Image, body: bytes) -> bytes:
    """The profile of a PNG's colours; empty if they are those of sRGB, or nothing is said.

    A cICP of HDR (PQ or HLG), or that does not stand for RGB of the full range, is passed over.
    """
    said = image.info
    space = _by_code_points(_find_chunk(body, b"cICP"))
    if not space:
        if said.get("icc_profile"):
            return bytes(said["icc_profile"])
        if "srgb" in said or not said.get("gamma"):
            return b""
        space = _by_gamma(said["gamma"], said.get("chromaticity"))
    if space == _SRGB:
        return b""
    return build_profile(space, body[_COLOUR_TYPE] in _GRAYS)


def _by_code_points(codes: bytes) -> Space | None:
    if len(codes) != 4 or not codes.endswith(_RGB_OF_FULL_RANGE):
        return None
    points = _PRIMARIES.get(codes[0])
    curve = _CURVES.get(codes[1])
    return Space(points, curve) if points and curve else None


def _by_gamma(gamma: float, numbers: Sequence[float] | None) -> Space:
    """A space of a plain gamma; sRGB if it is nearly that."""
    points = _REC_709
    if numbers:
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        points = tuple(pairs)
    if _are_near(points, _REC_709):
        points = _REC_709
        if abs(gamma - _GAMMA_OF_SRGB) < _NEAR_GAMMA:
            return _SRGB
    return Space(points, (1 / gamma,))


def _are_near(points: Points, others: Points) -> bool:
    return all(
        abs(one - other) < _NEAR_POINT
        for point, near in zip(points, others, strict=True)
        for one, other in zip(point, near, strict=True)
    )


def _find_chunk(body: bytes, wanted: bytes) -> bytes:
    """What a chunk holds that stands before the pixels; empty if there is none."""
    position, name = 8, b""
    while name != b"IDAT" and position + 8 <= len(body):
        length, name = struct.unpack_from(">I4s", body, position)
        if name == wanted:
            return body[position + 8 : position + 8 + length]
        position += length + 12
    return b""
