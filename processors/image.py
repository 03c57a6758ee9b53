"""A picture on disk to a smaller, upright one, with the facts of both."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

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
    UnidentifiedImageError,
    WebPImagePlugin,
)

from processors import Unusable, colours, metadata

# The only decoders used. None of them starts another program, as EPS would (Ghostscript, whatever
# the file is called). MPO, what some cameras write, is opened by JPEG's.
FORMATS: Final = tuple(
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

# How pages call them. A build of Pillow may lack AVIF.
MEDIA_TYPES: Final = frozenset(
    Image.MIME[format]
    for format in FORMATS
    if format != "AVIF" or AvifImagePlugin.SUPPORTED
) | {"image/apng", "image/jpg", "image/pjpeg", "image/vnd.microsoft.icon"}

EXTENSIONS: Final = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}

_KEPT: Final = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp"}
_MAX_SIDE: Final = {"jpeg": 65_500, "png": 2**31 - 1, "webp": 16_383}

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


MAX_PIXELS: Final = 100_000_000

# Held by who changes Pillow's limit and the filters of warnings, which are those of the process.
_LIMITS: Final = Lock()


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall become of each picture."""

    resize: int = 512
    """The longest side in pixels, of pictures that are larger; 0 keeps every size."""
    grayscale: bool = False
    format: str = ""
    """jpeg, png or webp; empty keeps these three and makes others JPEG, or PNG if transparent."""
    quality: int = 85
    """Of JPEG and WebP, 1 to 100."""
    max_pixels: int = MAX_PIXELS
    """Pictures with more are refused before they are decoded."""


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """What was found and made: plain facts, and what is to be renamed to where."""

    facts: dict[str, Any]
    files: tuple[tuple[str, str], ...]
    """Pairs of a file written and its final path, the one that the facts name."""


def process(path: str, plan: Plan, out: str, final: str) -> ProcessedImage:
    """Read the picture at `path`, write its variant to a file whose name begins with `out`.

    In the facts the variant's path is `final` plus an extension. `original_width` and
    `original_height` are those of the upright original. A variant that needs no change is a copy,
    byte for byte but for its metadata. Of moving pictures the first frame is taken.

    Raises Unusable `image_broken`, `image_truncated` or `image_too_large`. MemoryError, and
    OSError about our own files, pass through; nothing written stays behind then.
    """
    body = Path(path).read_bytes()
    # Between reading and writing no file is touched: an OSError in here is about the picture.
    with _LIMITS, _blaming_the_picture(body, plan.max_pixels):
        facts, variant, content = _derive(body, plan)
    written, published = f"{out}.v0", final + EXTENSIONS[variant["format"]]
    facts |= {
        "width": variant["width"],
        "height": variant["height"],
        "processed": [{"variant": "default", "path": published, **variant}],
    }
    _write(written, content)
    return ProcessedImage(facts, ((written, published),))


def read(body: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture itself, decoded whole: not turned, in its own mode, with its `format`.

    Of moving pictures the first frame; the others can be sought. Raises Unusable as `process` does.
    """
    with _LIMITS, _blaming_the_picture(body, max_pixels):
        image = Image.open(BytesIO(body), formats=FORMATS)
        image.load()
        return image


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size that fits a square of `longest`, never larger than it was, never below one pixel."""
    side = max(width, height)
    if longest <= 0 or side <= longest:
        return width, height
    return (
        max(1, (2 * width * longest + side) // (2 * side)),
        max(1, (2 * height * longest + side) // (2 * side)),
    )


@contextmanager
def _blaming_the_picture(body: bytes, max_pixels: int) -> Iterator[None]:
    """Whatever Pillow raises, in our words.

    Pillow's own limit is set to ours meanwhile, since decoders apply it to what they find inside:
    frames of a GIF, pictures of an icon.
    """
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Unusable, MemoryError):
        raise
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        message = f"the picture has more than {max_pixels:,} pixels"
        raise Unusable("image_too_large", message) from error
    except Exception as error:
        message = str(error)
        if "out of memory" in message:
            raise MemoryError(message) from error
        if _says_truncated(error) or _is_cut_short(body):
            raise Unusable(
                "image_truncated", "the picture ends too early"
            ) from error
        if isinstance(error, UnidentifiedImageError):
            message = "not a picture in a format that is decoded here, or its beginning is damaged"
        reason = " ".join(message.split()) or type(error).__name__
        raise Unusable(
            "image_broken", f"the picture cannot be read: {reason}"
        ) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _says_truncated(error: Exception) -> bool:
    if isinstance(error, EOFError | struct.error):
        return True
    message = str(error).lower()
    return "truncated" in message or "not enough image data" in message


def _is_cut_short(body: bytes) -> bool:
    """Whether the container names bytes beyond the end: where Pillow only says "cannot decode"."""
    if body[:4] == b"RIFF":
        return int.from_bytes(body[4:8], "little") + 8 > len(body)
    if body[:4] in (b"II*\0", b"MM\0*"):
        order = "<I" if body[:1] == b"I" else ">I"
        return len(body) < 8 or struct.unpack_from(order, body, 4)[0] >= len(
            body
        )
    if body[4:8] == b"ftyp":
        position = 0
        while position + 8 <= len(body):
            length = int.from_bytes(body[position : position + 4], "big")
            # 0: until the end of the file; 1: a length of 64 bits
            if length < 8:
                return False
            position += length
        return position != len(body)
    return False


class _Original(NamedTuple):
    """What a picture was when it came."""

    kind: str
    mode: str
    size: tuple[int, int]
    orientation: int
    frames: int

    @property
    def kept_format(self) -> str:
        """The format of its variant if none is asked for; empty if it has to be another one."""
        return _KEPT.get(self.kind, "")

    @property
    def is_turned_by_decoder(self) -> bool:
        """The decoder of TIFF has turned the pixels, and swapped the size, itself."""
        return self.kind == "TIFF"

    @property
    def upright_size(self) -> tuple[int, int]:
        width, height = self.size
        if self.orientation >= 5 and not self.is_turned_by_decoder:
            return height, width
        return width, height

    @property
    def is_single(self) -> bool:
        """Is all of it in its first frame? An MPO begins with a JPEG that has all it needs."""
        return self.frames == 1 or self.kind == "MPO"

    def facts(self) -> dict[str, Any]:
        width, height = self.upright_size
        return {
            "format": self.kind.lower(),
            "mode": self.mode,
            "original_width": width,
            "original_height": height,
            "frames": self.frames,
        }


def _derive(
    body: bytes, plan: Plan
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The facts of the original, those of the variant, and the variant's bytes."""
    with Image.open(BytesIO(body), formats=FORMATS) as image:
        _check_pixels(image, plan.max_pixels)
        original = _original_of(image)
        picture, changes = _shrink(image, plan)
    if original.orientation != 1:
        changes.insert(0, "rotated")
        if not original.is_turned_by_decoder:
            picture = picture.transpose(_UPRIGHT[original.orientation])
    format = plan.format or original.kept_format or _format_for(picture)
    has_kept_format = format == original.kept_format
    may_copy = not changes and has_kept_format and original.is_single
    if original.frames > 1:
        changes.append("first_frame")
    if not has_kept_format:
        changes.append("converted")
    mode = original.mode
    content = _without_metadata(body, format) if may_copy else None
    if content is None:
        picture = _to_mode_of_format(picture, format, changes)
        mode = picture.mode
        content = _encode(picture, format, plan.quality)
    if may_copy and content is not body:
        changes.append("metadata_removed")
    variant = {
        "width": picture.width,
        "height": picture.height,
        "format": format,
        "mode": mode,
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
        "changes": changes,
    }
    return original.facts(), variant, content


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        message = f"{width} x {height} pixels are more than the {max_pixels:,} allowed"
        raise Unusable("image_too_large", message)


def _original_of(image: Image.Image) -> _Original:
    """To be called before the picture is decoded: some decoders change size and mode."""
    size, mode = image.size, image.mode
    orientation = _orientation_of(image)
    frames = getattr(image, "n_frames", 1)
    return _Original(image.format or "", mode, size, orientation, frames)


def _format_for(picture: Image.Image) -> str:
    """What a picture becomes whose own format is not kept."""
    return "png" if colours.is_transparent(picture) else "jpeg"


def _without_metadata(body: bytes, format: str) -> bytes | None:
    """The picture as it came, but for its metadata; None if only a decoder can separate them."""
    try:
        return metadata.strip_metadata(body, format)
    except metadata.Malformed:
        return None


def _orientation_of(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 if there is none that can be read."""
    if image.format == "PNG":
        image.load()  # as getexif would, but what this raises is about the pixels
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, LookupError, TypeError, struct.error):
        return 1  # damaged metadata says nothing about the pixels
    return orientation if orientation in _UPRIGHT else 1


def _shrink(image: Image.Image, plan: Plan) -> tuple[Image.Image, list[str]]:
    """The picture decoded, fitted, in plain gray or sRGB, not yet turned; and what was changed."""
    size = fit(image.width, image.height, plan.resize)
    is_resized = size != image.size
    profile = colours.foreign_profile(image)
    box, gap, is_drafted_gray = None, 2.0, False
    if image.format in ("JPEG", "MPO"):
        # libjpeg scales while it decodes: 2.8 times faster than decoding all, at a PSNR of 46 dB.
        # The box it returns says where the picture is: its last row and column may be partial.
        is_drafted_gray = (
            plan.grayscale and profile is None and image.mode == "RGB"
        )
        largest = (plan.resize, plan.resize) if is_resized else None
        drafted = image.draft("L" if is_drafted_gray else None, largest)
        box = drafted[1] if drafted else None
        gap = 1.0
    image.load()
    changes = []
    picture = colours.to_plain_mode(image)
    if is_resized:
        changes.append("resized")
        picture = picture.resize(
            size, Image.Resampling.LANCZOS, box=box, reducing_gap=gap
        )
    in_srgb = colours.to_srgb(picture, profile)
    if in_srgb is not picture:
        changes.append("srgb")
        picture = in_srgb
    if is_drafted_gray or (plan.grayscale and not colours.is_gray(picture)):
        changes.append("grayscale")
        picture = colours.to_gray(picture)
    return picture, changes


def _to_mode_of_format(
    picture: Image.Image, format: str, changes: list[str]
) -> Image.Image:
    """The picture in a mode that the format holds."""
    if max(picture.size) > _MAX_SIDE[format]:
        message = f"{picture.width} x {picture.height} pixels are more than {format} can hold"
        raise Unusable("image_too_large", message)
    if format == "png":
        return picture
    if colours.has_alpha(picture) and not colours.is_transparent(picture):
        picture = colours.flatten_on_white(picture)
    if format == "jpeg" and colours.has_alpha(picture):
        changes.append("flattened")
        return colours.flatten_on_white(picture)
    if format == "webp" and colours.is_gray(picture):
        return picture.convert("RGBA" if colours.has_alpha(picture) else "RGB")
    return picture


def _encode(picture: Image.Image, format: str, quality: int) -> bytes:
    picture.info = {}  # from which Pillow would write the original's profile and transparency
    written = BytesIO()
    options = {} if format == "png" else {"quality": quality}
    picture.save(written, format, **options)
    return written.getvalue()


def _write(path: str, content: bytes) -> None:
    target = Path(path)
    try:
        target.write_bytes(content)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
