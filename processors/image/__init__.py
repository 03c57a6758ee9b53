"""A picture on disk to a smaller, upright one, with the facts of both.

formats    the decoders that are used, and what is written
extras     decoders that are used if they are installed
jxl        JPEG XL, by one of them
plan       what shall become of a picture
filters    which pictures are of no use
original   what a picture was when it came
decode     a picture decoded once, for variants of any size
variants   what it becomes, variant by variant
resample   a picture at another size
samples    every sample as its file has it, in eight bits
colours    a picture -> plain gray or sRGB
profiles   a colour profile -> what turns it to sRGB
icc        primaries and a curve -> a profile
png_colours  what a PNG says of its colours -> a profile
encode     a picture -> the bytes of a file
exif       what a picture says of itself beside its pixels
xmp        the same, of XMP
metadata   a picture's bytes -> the same picture without EXIF, GPS, comments
truncated  what came of a picture that ends too early
moving     pictures that move: each frame as a browser shows it, and written again
blame      what decoders raise, in our words
derive     the steps from one to the other
"""

from processors.image.derive import (
    ProcessedImage,
    import_functions,
    process,
    read,
    upright,
)
from processors.image.formats import EXTENSIONS, FORMATS, MEDIA_TYPES
from processors.image.plan import MAX_PIXELS, Plan, fit

__all__ = [
    "EXTENSIONS",
    "FORMATS",
    "MAX_PIXELS",
    "MEDIA_TYPES",
    "Plan",
    "ProcessedImage",
    "fit",
    "import_functions",
    "process",
    "read",
    "upright",
]
