"""Whether there is anything to be seen in a picture."""

from __future__ import annotations

from typing import Any, Final

from PIL import Image

from processors.image import colours
from processors.image.filters.rules import Rejected

# Levels of 255 between the lowest and the highest of each channel: what an encoder makes of one
# colour.
_SPREAD: Final = 8


def check_not_blank(picture: Image.Image) -> None:
    """Raises Rejected for a picture in a plain mode that has one colour, or is all transparent.

    What is drawn in one colour on nothing is seen by its outline.
    """
    ranges = _ranges_of(picture)
    if colours.has_alpha(picture) and ranges[-1][1] <= _SPREAD:
        why = "all of it is transparent: --skip-blank"
        raise Rejected("filtered_blank", why)
    if all(high - low <= _SPREAD for low, high in ranges):
        means = ", ".join(str((low + high) // 2) for low, high in ranges)
        why = (
            f"all of it is of one colour, {picture.mode} {means}: --skip-blank"
        )
        raise Rejected("filtered_blank", why)


def _ranges_of(picture: Image.Image) -> tuple[tuple[int, int], ...]:
    """The lowest and the highest level of each channel."""
    extrema: Any = picture.getextrema()
    return extrema if len(picture.getbands()) > 1 else (extrema,)
