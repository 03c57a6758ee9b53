"""An ICC profile, made for a space of colours that is known by its primaries and its curve."""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]
Points = tuple[tuple[float, float], ...]
"""x and y of white, red, green and blue."""

_D50: Final[Vector] = (0.9642, 1.0, 0.8249)
# From XYZ to the responses of the eye's cones, by Bradford.
_TO_CONES: Final[Matrix] = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)
_VERSION: Final = 4 << 24


class Space(NamedTuple):
    """A space of colours."""

    points: Points
    curve: tuple[float, ...]
    """From encoded to light: X^g if it is only g; of (g, a, b, c, d), (aX + b)^g, and cX below
    d."""


def build_profile(space: Space, is_gray: bool) -> bytes:
    """The profile, of gray or RGB; empty if there is no such space."""
    try:
        curve = _parametric(space.curve)
        tags = {b"wtpt": _xyz(_D50)}
        if is_gray:
            return _assemble(b"GRAY", tags | {b"kTRC": curve})
        columns = _primaries_seen_in_d50(space.points)
        for letter, column in zip((b"r", b"g", b"b"), columns, strict=True):
            tags[letter + b"XYZ"] = _xyz(column)
            tags[letter + b"TRC"] = curve
        return _assemble(b"RGB ", tags)
    except (ZeroDivisionError, struct.error):
        return b""


def _assemble(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    begin = 128 + 4 + 12 * len(tags)
    content = b""
    table = struct.pack(">I", len(tags))
    for name, value in tags.items():
        position = begin + len(content)
        table += struct.pack(">4sII", name, position, len(value))
        content += value
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x",
        begin + len(content),
        _VERSION,
        b"mntr",
        space,
        b"XYZ ",
        b"acsp",
    )
    header += _fixed(_D50)
    return header.ljust(128, b"\0") + table + content


def _parametric(curve: tuple[float, ...]) -> bytes:
    kind = 3 if len(curve) > 1 else 0
    head = struct.pack(">4s4xHxx", b"para", kind)
    return head + _fixed(curve)


def _xyz(vector: Vector) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(vector)


def _fixed(numbers: Iterable[float]) -> bytes:
    """Numbers of 16 bits before the point and 16 behind."""
    return b"".join(
        struct.pack(">i", round(number * 65536)) for number in numbers
    )


def _primaries_seen_in_d50(points: Points) -> list[Vector]:
    """Red, green and blue in XYZ, whose sum is D50 as it was their own white."""
    white, *primaries = [_cones_of(*point) for point in points]
    weights = _apply(
        _invert(_transpose(primaries)),
        white,
    )
    goal = _apply(_TO_CONES, _D50)
    from_cones = _invert(_TO_CONES)
    adapted = []
    for primary, weight in zip(primaries, weights, strict=True):
        cones = (
            primary[0] * weight * goal[0] / white[0],
            primary[1] * weight * goal[1] / white[1],
            primary[2] * weight * goal[2] / white[2],
        )
        adapted.append(_apply(from_cones, cones))
    return adapted


def _cones_of(x: float, y: float) -> Vector:
    xyz = (
        x / y,
        1.0,
        (1 - x - y) / y,
    )
    return _apply(_TO_CONES, xyz)


# -- three by three -------------------------------------------------------------------------------


def _apply(matrix: Matrix, vector: Vector) -> Vector:
    a, b, c = matrix
    return (
        _dot(a, vector),
        _dot(b, vector),
        _dot(c, vector),
    )


def _dot(one: Vector, other: Vector) -> float:
    a, b, c = one
    x, y, z = other
    return a * x + b * y + c * z


def _cross(one: Vector, other: Vector) -> Vector:
    a, b, c = one
    d, e, f = other
    return (
        b * f - c * e,
        c * d - a * f,
        a * e - b * d,
    )


def _transpose(matrix: Sequence[Vector]) -> Matrix:
    a, b, c = zip(*matrix, strict=True)
    return a, b, c


def _invert(matrix: Matrix) -> Matrix:
    a, b, c = matrix
    across = _cross(b, c)
    scale = 1 / _dot(a, across)
    columns = (
        across,
        _cross(c, a),
        _cross(a, b),
    )
    return _transpose([_times(scale, column) for column in columns])


def _times(scale: float, vector: Vector) -> Vector:
    a, b, c = vector
    return (
        scale * a,
        scale * b,
        scale * c,
    )
