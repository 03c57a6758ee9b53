"""What a picture looks like, in 64 bits: those of two that look alike differ in few places.

It is the pHash of the upright picture in sRGB, of its first frame, laid upon white, and so the same
for what is made of it: smaller, gray, in another format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image

from processors.image import colours
from processors.image.decode import Decoded, Wanted

if TYPE_CHECKING:
    from processors.image.original import Original

_SIDE: Final = 32  # all that pHash looks at
WANTED: Final = Wanted((_SIDE, _SIDE), grayscale=True)

# The means of some pixels first: a ninth of the time, and at most two bits are
# others than those of all pixels in 21 of 22 photographs (four in the last one,
# of a gray road).
_GAP: Final = 6.0


def phash_of(decoded: Decoded, original: Original) -> str | None:
    """Sixteen hex digits; None if there is nothing but one shade of gray."""
    # heavy: numpy and scipy, for those alone who have asked for it
    import imagehash

    picture = original.upright(_small(decoded))
    darkest, lightest = picture.getextrema()
    if darkest == lightest:
        return None
    return str(imagehash.phash(picture))


def _small(decoded: Decoded) -> Image.Image:
    """It in plain gray, at the size that is looked at, not yet turned."""
    picture = decoded.picture.resize(
        (_SIDE, _SIDE),
        Image.Resampling.LANCZOS,
        decoded.box,
        reducing_gap=_GAP,
    )
    picture = colours.to_srgb(picture, decoded.conversion)
    if colours.has_alpha(picture):
        picture = colours.flatten(picture, "white", grayscale=True)
    return picture.convert("L")
