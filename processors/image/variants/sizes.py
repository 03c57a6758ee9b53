"""How large a picture becomes: what it is scaled to, and what is cut off or put around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from operator import lt
from types import MappingProxyType
from typing import Final, NamedTuple

Size = tuple[int, int]
_EPSILON: Final = 1e-12  # of a scale: 300 pixels are not 299.99999999


class Target(NamedTuple):
    """Both in pixels, width and height: where `final` is smaller the middle is kept, where it is
    larger the picture lies in the middle."""

    scaled: Size
    final: Size


@dataclass(frozen=True, slots=True)
class Resize:
    """What sizes are asked for. A picture is never made larger, but with `enlarge`.

    fit         all of it, as large as the box allows
    smallest    the smallest size of its shape that fills the box
    cover       the same, and what stands beyond the box is cut off
    pad         all of it, as large as the box allows, on a ground of the box's size
    stretch     the box, whatever becomes of its shape
    max_pixels  as many pixels as the box has, or fewer, in its shape

    A side of 0 keeps every size.
    """

    width: int = 512
    height: int = 512
    mode: str = "fit"
    enlarge: bool = False

    def target_of(self, size: Size) -> Target:
        """What becomes of a picture of this size."""
        if not (self.width and self.height):
            return Target(size, size)
        target = _TARGETS[self.mode](self, size)
        grows = any(map(lt, size, target.scaled))
        return Target(size, size) if grows and not self.enlarge else target


def _scaled(size: Size, scale: float) -> Size:
    """Half a pixel goes to the even side, as Python rounds; at least one remains."""
    width, height = size
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fit(asked: Resize, size: Size) -> Target:
    width, height = size
    scaled = _scaled(size, min(asked.width / width, asked.height / height))
    return Target(scaled, scaled)


def _smallest(asked: Resize, size: Size) -> Target:
    width, height = size
    scaled = _scaled(size, max(asked.width / width, asked.height / height))
    return Target(scaled, scaled)


def _cover(asked: Resize, size: Size) -> Target:
    return Target(_smallest(asked, size).scaled, (asked.width, asked.height))


def _pad(asked: Resize, size: Size) -> Target:
    return Target(_fit(asked, size).scaled, (asked.width, asked.height))


def _stretch(asked: Resize, size: Size) -> Target:
    box = asked.width, asked.height
    return Target(box, box)


def _max_pixels(asked: Resize, size: Size) -> Target:
    width, height = size
    pixels = asked.width * asked.height
    scale = sqrt(pixels / (width * height)) + _EPSILON
    # a ribbon keeps one pixel across, and no more along than there may be
    wide = max(1, min(pixels, int(width * scale)))
    high = max(1, min(pixels, int(height * scale)))
    return Target((wide, high), (wide, high))


_TARGETS: Final[Mapping[str, Callable[[Resize, Size], Target]]] = (
    MappingProxyType(
        {
            "fit": _fit,
            "smallest": _smallest,
            "cover": _cover,
            "pad": _pad,
            "stretch": _stretch,
            "max_pixels": _max_pixels,
        }
    )
)
MODES: Final = tuple(_TARGETS)
