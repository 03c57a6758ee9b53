"""A picture at another size, by Lanczos: all columns first, then all rows.

cykooz-resizer does both at once, some eight times as fast as Pillow, by the
SIMD instructions of the processor. It reads the pixels where Pillow keeps
them. Where it has no wheel, or Pillow is one that it was not tested with,
Pillow does the same, and no pixel differs by more than a level for each pass.
"""

from typing import Final

import PIL
from PIL import Image

try:
    import cykooz_resizer as simd
except ImportError:
    simd = None

Box = tuple[float, float, float, float]

_TESTED_PILLOWS: Final = range(11, 14)
_HAS_SIMD: Final = (
    simd is not None
    and int(PIL.__version__.partition(".")[0]) in _TESTED_PILLOWS
)
_SIMD_MODES: Final = frozenset(("L", "RGB", "RGBa", "CMYK"))

# The colour of a pixel counts for as much of it as can be seen.
_PREMULTIPLIED: Final = {"LA": "La", "RGBA": "RGBa"}

# Pillow alone: the mean of some pixels first, at least twice as many as are
# needed. It is four times as fast for a large picture, and hardly to be seen.
_GAP: Final = 2.0


def resample(
    picture: Image.Image,
    size: tuple[int, int],
    box: Box | None = None,
) -> Image.Image:
    """The picture, or what of it is in the box, in as many pixels as said.

    Its mode is one of L, LA, RGB, RGBA and CMYK.
    """
    mode = picture.mode
    if mode in _PREMULTIPLIED:
        picture = picture.convert(_PREMULTIPLIED[mode])
    by = _by_simd if _HAS_SIMD and picture.mode in _SIMD_MODES else _by_pillow
    resampled = by(picture, size, box or (0, 0, *picture.size))
    return resampled.convert(mode) if resampled.mode != mode else resampled


def _by_simd(
    picture: Image.Image,
    size: tuple[int, int],
    box: Box,
) -> Image.Image:
    left, top, right, bottom = box
    lanczos = simd.ResizeAlg.convolution(simd.FilterType.lanczos3)
    part = simd.CropBox(left, top, right - left, bottom - top)
    resampled = Image.new(picture.mode, size)
    # A new one each time: it keeps the memory that its largest picture took.
    simd.Resizer().resize_pil(
        picture,
        resampled,
        simd.ResizeOptions(resize_alg=lanczos, crop_box=part),
    )
    return resampled


def _by_pillow(
    picture: Image.Image,
    size: tuple[int, int],
    box: Box,
) -> Image.Image:
    left, top, right, bottom = box
    height = size[1]
    columns = picture.resize(
        (picture.width, height),
        Image.Resampling.LANCZOS,
        (0, top, picture.width, bottom),
        reducing_gap=_GAP,
    )
    return columns.resize(
        size,
        Image.Resampling.LANCZOS,
        (left, 0, right, height),
        reducing_gap=_GAP,
    )
