"""What is asked of a picture, and why one is left out."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from operator import gt, lt

from processors import Unusable
from processors.image.variants.sizes import Size


class Rejected(Unusable):
    """It is a picture, but none of those that are asked for. Kinds: `filtered_bytes`,
    `filtered_size`, `filtered_area`, `filtered_ratio`, `filtered_blank`."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a picture has to be like; each is off unless it is set."""

    min_size: str = ""
    """Its sides in pixels: `200` for both, `300x200` for width and height; 0 is any."""
    max_size: str = ""
    min_area: int = 0
    max_area: int = 0
    max_aspect_ratio: float = 0.0
    """The long side by the short one."""
    min_filesize_bytes: int = 0
    max_filesize_bytes: int = 0
    skip_blank: bool = False

    def check_bytes(self, number: int) -> None:
        """Raises Rejected for a file of so many bytes."""
        least, most = self.min_filesize_bytes, self.max_filesize_bytes
        if number < least:
            why = f"{number:,} bytes: --min-filesize asks for {least:,}"
            raise Rejected("filtered_bytes", why)
        if 0 < most < number:
            why = f"{number:,} bytes: --max-filesize permits {most:,}"
            raise Rejected("filtered_bytes", why)

    def check_size(self, size: Size) -> None:
        """Raises Rejected for an upright picture of this width and height."""
        self._check_sides(size)
        self._check_area(size)
        self._check_ratio(size)

    def _check_sides(self, size: Size) -> None:
        if any(map(lt, size, _sides(self.min_size, 0))):
            why = f"--min-size asks for {_in_words(self.min_size)}"
            raise Rejected("filtered_size", f"{_pixels(size)}: {why}")
        if any(map(gt, size, _sides(self.max_size, inf))):
            why = f"--max-size permits {_in_words(self.max_size)}"
            raise Rejected("filtered_size", f"{_pixels(size)}: {why}")

    def _check_area(self, size: Size) -> None:
        width, height = size
        area = width * height
        shown = f"{width} x {height} = {area:,} pixels"
        if area < self.min_area:
            why = f"--min-area asks for {self.min_area:,}"
            raise Rejected("filtered_area", f"{shown}: {why}")
        if 0 < self.max_area < area:
            why = f"--max-area permits {self.max_area:,}"
            raise Rejected("filtered_area", f"{shown}: {why}")

    def _check_ratio(self, size: Size) -> None:
        ratio = max(size) / max(1, min(size))
        if 0 < self.max_aspect_ratio < ratio:
            shown = f"{_pixels(size)}, {ratio:.4g} to 1"
            why = f"--max-aspect-ratio permits {self.max_aspect_ratio:g}"
            raise Rejected("filtered_ratio", f"{shown}: {why}")

    def contradiction(self) -> tuple[str, ...]:
        """The names of those that together let no picture through; () if some picture may pass."""
        least, most = _sides(self.min_size, 1), _sides(self.max_size, inf)
        ratio = self.max_aspect_ratio or inf
        max_area = self.max_area or inf
        max_bytes = self.max_filesize_bytes or inf
        crossed = {
            ("min_size", "max_size"): any(map(gt, least, most)),
            ("min_area", "max_area"): self.min_area > max_area,
            ("min_filesize_bytes", "max_filesize_bytes"): (
                self.min_filesize_bytes > max_bytes
            ),
            ("max_aspect_ratio",): ratio < 1,
            ("min_size", "max_area"): least[0] * least[1] > max_area,
            ("max_size", "min_area"): most[0] * most[1] < self.min_area,
            ("min_size", "max_size", "max_aspect_ratio"): (
                least[0] > most[1] * ratio or least[1] > most[0] * ratio
            ),
        }
        return next((names for names, found in crossed.items() if found), ())


def _sides(text: str, any_side: float) -> tuple[float, float]:
    """Width and height as they are set."""
    width, _, height = text.partition("x")
    return (
        int(width or 0) or any_side,
        int(height or width or 0) or any_side,
    )


def _pixels(size: Size) -> str:
    return f"{size[0]} x {size[1]} pixels"


def _in_words(text: str) -> str:
    width, height = (int(side) or "any" for side in _sides(text, 0))
    return f"{width} x {height}"
