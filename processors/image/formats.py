"""The decoders that are used, and the formats that are written."""

from typing import Final

# The plugins are imported by name: for one that is missing, Image.open would import every plugin.
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    JpegImagePlugin,
    PcxImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from processors.image import extras

# Of Pillow. None of them starts another program, as EPS would (Ghostscript, whatever the file is
# called). MPO, what some cameras write, is opened by JPEG's.
_OWN: Final = tuple(
    plugin.format
    for plugin in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
        AvifImagePlugin.AvifImageFile,
        BmpImagePlugin.BmpImageFile,
        TiffImagePlugin.TiffImageFile,
        IcoImagePlugin.IcoImageFile,
        PpmImagePlugin.PpmImageFile,
        PcxImagePlugin.PcxImageFile,
    )
)

# The only decoders used, in this order: what claims to be HEIF may be AVIF.
FORMATS: Final = _OWN + extras.register_installed()

# How pages call Pillow's. A build of Pillow may lack AVIF.
MEDIA_TYPES: Final = frozenset(
    Image.MIME[format]
    for format in _OWN
    if format != "AVIF" or AvifImagePlugin.SUPPORTED
) | {"image/apng", "image/jpg", "image/pjpeg", "image/vnd.microsoft.icon"}

EXTENSIONS: Final = {
    "jpeg": ".jpg",
    "png": ".png",
    "webp": ".webp",
    "avif": ".avif",
    "gif": ".gif",
}

KEPT: Final = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp"}
# Of pictures that move: what can hold them, what is kept, and what the others become.
MOVING: Final = ("webp", "avif", "png", "gif")
KEPT_MOVING: Final = {"WEBP": "webp", "AVIF": "avif"}
USUAL_MOVING: Final = "webp"
MAX_SIDE: Final = {
    "jpeg": 65_500,
    "png": 2**31 - 1,
    "webp": 16_383,
    "avif": 32_768,  # libavif encodes more, and decodes no more
    "gif": 65_535,
}
