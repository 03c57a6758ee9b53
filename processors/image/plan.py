"""What shall become of each picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from processors.image.filters.rules import Filters
from processors.image.variants.sizes import Resize, Size

MAX_PIXELS: Final = 100_000_000
KEEP: Final = "keep"
DEFAULT: Final = "default"  # the variant whose files have no name of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the results of each picture."""

    name: str = DEFAULT
    resize: int | str = "512"
    """The box in pixels, a side of a square or `300x200`; 0 keeps every size."""
    resize_mode: str = "fit"
    """How a picture is brought into the box: see `variants.sizes`."""
    enlarge: bool = False
    """Pictures smaller than the box become larger, too."""
    grayscale: bool = False
    op: tuple[str, ...] = ()
    """What else is done to it: see `variants.operations`."""
    format: str = KEEP
    """jpeg, png, webp, avif or gif; keep keeps the first three, and makes others JPEG, or PNG if
    transparent, or WebP if they move."""
    quality: int = 85
    """Of JPEG and WebP, 1 to 100; of an AVIF that looks like such a JPEG."""
    progressive: bool = False
    """JPEGs that show all of the picture early."""
    subsampling: str = ""
    """How much of the colours JPEG and AVIF keep: 4:4:4, 4:2:2 or 4:2:0, which is what empty is."""
    lossless: bool = False
    """WebP that keeps each pixel."""
    matte: str = "white"
    """The colour that a transparent picture is laid upon, where the format holds no alpha, and that
    of what `pad` puts around it."""

    @property
    def asked_format(self) -> str:
        """The format that each picture gets; empty if that depends on the picture."""
        return "" if self.format == KEEP else self.format

    @property
    def is_gray(self) -> bool:
        return self.grayscale or "gray" in self.op

    @property
    def sizes(self) -> Resize:
        """Its sizes, as they are asked for."""
        width, _, height = str(self.resize).partition("x")
        return Resize(
            int(width),
            int(height or width),
            self.resize_mode,
            self.enlarge,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Variant, Filters):
    """What shall become of each picture: nothing, if a filter leaves it out; else one variant, or
    those that are named."""

    variants: tuple[Variant, ...] = ()
    """Empty: the one that the plan itself describes."""
    truncated: str = "fail"
    """What becomes of a picture that ends too early; `keep`: what came of it."""
    exif: tuple[str, ...] = ()
    """Which of the names in `exif.NAMES` are recorded."""
    phash: bool = False
    """Is what it looks like recorded, in 64 bits? See `variants.phash`."""
    frames: str = "first"
    """Of pictures that move: first, or all."""
    max_pixels: int = MAX_PIXELS
    """Pictures with more are refused before they are decoded; each frame that is used counts."""

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """The plan that these are the fields of, its variants as mappings of theirs."""
        variants = (Variant(**each) for each in plain.get("variants", ()))
        return cls(**{**plain, "variants": tuple(variants)})

    @property
    def wanted(self) -> tuple[Variant, ...]:
        return self.variants or (self,)


def fit(width: int, height: int, longest: int) -> Size:
    """The size that fits a square of `longest`, never larger than it was, never below one pixel."""
    return Resize(longest, longest).target_of((width, height)).scaled
