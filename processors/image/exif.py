"""What a picture says of itself beside its pixels: EXIF, XMP, IPTC, the name of its profile.

Only what is asked for is read. Damage in it is no fault of the picture: what can be read is taken.
"""

import math
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final

from PIL import ImageFile
from PIL.ExifTags import GPS, IFD, Base

from processors.image import xmp

MAX_CHARS: Final = 2_000
MAX_VALUES: Final = 16
ALL: Final = "all"
_DATES: Final = (
    "DateTimeOriginal",
    "DateTimeDigitized",
    "DateTime",
)
_IPTC: Final = {
    "iptc:By-line": 80,
    "iptc:Credit": 110,
    "iptc:Source": 115,
    "iptc:CopyrightNotice": 116,
}
_POSITION: Final = ("latitude", "longitude")
_PROFILE: Final = ("icc",)
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "camera": ("Make", "Model", "LensMake", "LensModel", "Software"),
    "exposure": (
        "ExposureTime",
        "FNumber",
        "ISOSpeedRatings",
        "ExposureProgram",
        "ExposureBiasValue",
        "MeteringMode",
        "WhiteBalance",
        "Flash",
        "FocalLength",
        "FocalLengthIn35mmFilm",
    ),
    "date": (
        *_DATES,
        "OffsetTimeOriginal",
        "OffsetTimeDigitized",
        "OffsetTime",
    ),
    "text": ("ImageDescription", *xmp.TEXTS),
    "rights": (
        "Artist",
        "Copyright",
        *xmp.RIGHTS,
        *_IPTC,
    ),
    "icc": _PROFILE,
    "gps": _POSITION,
}
_KEYS: Final = tuple(key for group in GROUPS.values() for key in group)
_TAGS: Final = {
    key: Base[key].value for key in _KEYS if key in Base.__members__
}
# A place is asked for by its group alone.
_NAMED: Final = tuple(key for key in _KEYS if key not in _POSITION)
NAMES: Final = tuple(dict.fromkeys((ALL, *GROUPS, *_NAMED)))
_EXIF_DATE: Final = re.compile(
    r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", re.ASCII
)

_Pairs = Iterator[tuple[str, Any]]


def read_exif(
    image: ImageFile.ImageFile,
    names: tuple[str, ...],
) -> dict[str, Any]:
    """Of NAMES those that are asked for and there, as plain data.

    To be called before the picture is decoded: a decoder may close what it has read. Where the
    picture was taken is never part of `all`.
    """
    wanted = {key for name in names for key in _keys_of(name)}
    found: dict[str, Any] = {}
    for read, keys in _READERS.items():
        if wanted.isdisjoint(keys):
            continue
        try:
            found.update(read(image))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  whatever damage makes of it
            continue
    return {key: found[key] for key in _KEYS if key in wanted & found.keys()}


def _keys_of(name: str) -> tuple[str, ...]:
    if name == ALL:
        return _NAMED
    return GROUPS.get(name, (name,))


def _read_tags(image: ImageFile.ImageFile) -> _Pairs:
    exif = image.getexif()
    details = exif.get_ifd(IFD.Exif)
    for name, tag in _TAGS.items():
        value = _plain(exif.get(tag, details.get(tag)))
        if name in _DATES and isinstance(value, str):
            value = _EXIF_DATE.sub(r"\1-\2-\3T\4", value)
        if value is not None:
            yield name, value


def _read_position(image: ImageFile.ImageFile) -> _Pairs:
    tags = image.getexif().get_ifd(IFD.GPSInfo)
    latitude = _degrees(tags[GPS.GPSLatitude], tags[GPS.GPSLatitudeRef])
    longitude = _degrees(tags[GPS.GPSLongitude], tags[GPS.GPSLongitudeRef])
    if abs(latitude) <= 90 and abs(longitude) <= 180:
        yield from zip(_POSITION, (latitude, longitude), strict=True)


def _degrees(parts: tuple[Any, ...], side: str) -> float:
    """Degrees, minutes and seconds as one number."""
    degrees, minutes, seconds = map(float, parts)
    decimal = round(degrees + minutes / 60 + seconds / 3_600, 6)
    return -decimal if side in ("S", "W") else decimal


def _read_xmp(image: ImageFile.ImageFile) -> _Pairs:
    packet = image.info.get("xmp", b"")
    for name, values in xmp.properties_of(packet):
        texts = [text for text in map(_clean, values) if text is not None]
        if texts:
            yield name, texts if name in xmp.LISTS else texts[0]


def _read_iptc(image: ImageFile.ImageFile) -> _Pairs:
    from PIL.IptcImagePlugin import getiptcinfo

    records = getiptcinfo(image) or {}
    for name, dataset in _IPTC.items():
        value = records.get((2, dataset), b"")
        first = value if isinstance(value, bytes) else value[0]
        text = _plain(first.decode("latin-1"))
        if text is not None:
            yield name, text


def _read_profile(image: ImageFile.ImageFile) -> _Pairs:
    embedded = image.info.get("icc_profile")
    if not embedded:
        return
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(BytesIO(embedded)).profile
    name = _clean(profile.profile_description or "")
    if name is not None:
        yield _PROFILE[0], name


_READERS: Final[
    dict[Callable[[ImageFile.ImageFile], _Pairs], tuple[str, ...]]
] = {
    _read_tags: tuple(_TAGS),
    _read_position: _POSITION,
    _read_xmp: xmp.PROPERTIES,
    _read_iptc: tuple(_IPTC),
    _read_profile: _PROFILE,
}


def _plain(value: Any) -> Any:
    """A value of EXIF as JSON has it; None for what it has not, such as bytes."""
    if isinstance(value, str):
        return _clean(_as_utf_8(value))
    if isinstance(value, tuple):
        plain = [_plain(each) for each in value[:MAX_VALUES]]
        return [each for each in plain if each is not None] or None
    if isinstance(value, int):
        return value
    if value is None or isinstance(value, bytes):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _as_utf_8(text: str) -> str:
    """EXIF is ASCII, and Pillow reads it as Latin-1; what else is written there is UTF-8."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _clean(text: str) -> str | None:
    """Without what fills a field up, and of a length that a record can bear."""
    whole = text.encode("utf-8", "replace").decode()
    return whole.replace("\0", " ").strip()[:MAX_CHARS] or None
