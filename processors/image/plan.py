"""What shall become of each picture."""

from dataclasses import dataclass
from typing import Final

MAX_PIXELS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall become of each picture."""

    resize: int = 512
    """The longest side in pixels, of pictures that are larger; 0 keeps every size."""
    grayscale: bool = False
    format: str = ""
    """jpeg, png, webp, avif or gif; empty keeps the first three, and makes others JPEG, or PNG if
    transparent, or WebP if they move."""
    quality: int = 85
    """Of JPEG and WebP, 1 to 100; of an AVIF that looks like such a JPEG."""
    truncated: str = "fail"
    """What becomes of a picture that ends too early; `keep`: what came of it."""
    exif: tuple[str, ...] = ()
    """Which of the names in `exif.NAMES` are recorded."""
    matte: str = "white"
    """The colour that a transparent picture is laid upon, where the format holds no alpha."""
    frames: str = "first"
    """Of pictures that move: first, or all."""
    max_pixels: int = MAX_PIXELS
    """Pictures with more are refused before they are decoded; each frame that is used counts."""


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size that fits a square of `longest`, never larger than it was, never below one pixel."""
    side = max(width, height)
    if longest <= 0 or side <= longest:
        return width, height
    return (
        max(1, (2 * width * longest + side) // (2 * side)),
        max(1, (2 * height * longest + side) // (2 * side)),
    )
