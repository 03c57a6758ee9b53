"""What a response is: its first bytes decide, then its Content-Type.

After the WHATWG MIME Sniffing Standard (https://mimesniff.spec.whatwg.org/, sections 6.1 and 7.1),
with the types that this program processes; a body that only looks like text keeps the type that
the server gave it.
"""

from __future__ import annotations

import functools
import importlib.util
import mimetypes
import re

from scraper.model import Kind
from scraper.text import pattern

MAX_TYPE_CHARS = 255  # RFC 6838 4.2: 127 on each side of the slash; a longer one says nothing
HEAD_BYTES = 1_445  # the "resource header" of the standard, section 5.2

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
)
# By the first byte, for most bodies are texts, which begin like none of these.
_MAGIC_BY_FIRST_BYTE: dict[bytes, list[tuple[bytes, str]]] = {}
for _magic in _MAGIC:
    _MAGIC_BY_FIRST_BYTE.setdefault(_magic[0][:1], []).append(_magic)
_FTYP = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
    b"heim": "image/heic", b"heis": "image/heic", b"hevc": "image/heic", b"hevx": "image/heic",
    b"mif1": "image/heic", b"msf1": "image/heic", b"qt  ": "video/quicktime", b"M4A ": "audio/mp4",
}  # fmt: skip
# width and height
_NETPBM = pattern(rb"P[1-6](?:\s+(?:#[^\n]*\n\s*)*\d+){2}\s|P7\nWIDTH")
_HTML = pattern(
    rb"[\t\n\x0c\r ]*<(!--|(!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B"
    rb"|BODY|BR|P|META|LINK|UL|OL|SPAN|IMG|CENTER|MAIN|ARTICLE|SECTION|NAV|HEADER)"
    rb"[\t\n\x0c\r />])",
    re.IGNORECASE,
)
_XML = pattern(rb"[\t\n\x0c\r ]*<\?xml")
_SVG = pattern(rb"<svg[\s>]", re.IGNORECASE)
_BINARY = pattern(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_TEXT = pattern(
    r"text/.+|.+[/+](?:x-)?(?:json|xml|javascript|ecmascript|ndjson|yaml|toml|sql)"
)
_CHARSET = pattern(
    r"charset\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s;,]+)", re.IGNORECASE
)
_UTF_16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_16_LABELS = {  # https://encoding.spec.whatwg.org/#names-and-labels
    **dict.fromkeys(("unicodefffe", "utf-16be"), "utf-16-be"),
    **dict.fromkeys(("csunicode", "iso-10646-ucs-2", "ucs-2", "unicode", "unicodefeff", "utf-16",
                     "utf-16le"), "utf-16-le"),
}  # fmt: skip

# What the process stage can decode; other image types are saved as they are, kind "file".
DECODABLE = frozenset({
    "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff",
    "image/x-icon", "image/avif", "image/x-pcx", "image/x-portable-anymap",
})  # fmt: skip
# And what it can if this is installed.
EXTRA_DECODERS = {"image/heic": "pillow_heif", "image/jxl": "pillow_jxl"}
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
# Servers send these when they do not know: they say nothing.
_VAGUE = frozenset({"", "application/octet-stream", "application/unknown", "unknown/unknown",
                    "*/*", "binary/octet-stream", "application/x-unknown"})  # fmt: skip
# What is sent with text of whatever format.
_SAYS_LITTLE = frozenset({"text/plain", "application/octet-stream"})
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png",
            "image/vnd.microsoft.icon": "image/x-icon", "image/heif": "image/heic"}  # fmt: skip


def sniff(
    head: bytes, content_type: str | None
) -> tuple[Kind, str, str | None]:
    """Kind, type and declared charset of a body that begins with `head`.

    >>> sniff(b"<!doctype html><p>", "text/plain")
    ('page', 'text/html', None)
    >>> sniff(b"hello", "text/plain; charset=latin-1")
    ('file', 'text/plain', 'latin-1')
    """
    declared, charset = parse_content_type(content_type)
    kind_type = _ALIASES.get(declared, declared)
    found = _by_bytes(head, kind_type, charset)
    type = found or kind_type or "application/octet-stream"
    if type in _PAGES:
        return "page", type, charset
    if type in DECODABLE or _is_decoded_by_extra(type):
        return "image", type, charset
    return "file", type, charset


@functools.cache
def _is_decoded_by_extra(type: str) -> bool:
    module = EXTRA_DECODERS.get(type)
    return module is not None and importlib.util.find_spec(module) is not None


@functools.lru_cache(maxsize=128)  # sites send few, and each of them often
def parse_content_type(value: str | None) -> tuple[str, str | None]:
    """Type in lower case and the `charset` parameter, if any."""
    if not value:
        return "", None
    essence, _, parameters = value.partition(";")
    match = _CHARSET.search(parameters)
    charset = match[1].strip("\"'").strip() if match else None
    type = essence.strip().lower()
    return type if len(type) <= MAX_TYPE_CHARS else "", charset or None


def is_text(type: str) -> bool:
    """Does a body of this type consist of characters?

    >>> is_text("text/csv"), is_text("application/rss+xml"), is_text("application/pdf")
    (True, True, False)
    """
    return _TEXT.fullmatch(type) is not None


def is_json(type: str) -> bool:
    """Is a body of this type a value of JSON?

    >>> is_json("application/ld+json"), is_json("application/x-ndjson")
    (True, False)
    """
    return type.endswith(("/json", "+json"))


def may_be_json(type: str, url: str) -> bool:
    """Is a body called JSON, by its type or, where that says little, by its name?

    >>> may_be_json("text/plain", "https://example.org/prices.json?v=2")
    True
    """
    if is_json(type):
        return True
    path = url.partition("?")[0].lower()
    return type in _SAYS_LITTLE and path.endswith((".json", ".geojson"))


def _by_bytes(head: bytes, declared: str, charset: str | None) -> str | None:
    for magic, type in _MAGIC_BY_FIRST_BYTE.get(head[:1], ()):
        if head.startswith(magic):
            if type == "application/zip" and declared not in _VAGUE:
                return declared  # docx, epub, jar...: a zip that the server knows better
            if type == "image/bmp" and not _is_bmp(head):
                continue
            return type
    if head.startswith(b"RIFF") and len(head) >= 12:
        return {
            b"WEBP": "image/webp",
            b"WAVE": "audio/wav",
            b"AVI ": "video/avi",
        }.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12], "video/mp4")
    if _NETPBM.match(head):
        return "image/x-portable-anymap"
    if (
        head[:1] == b"\n"
        and head[1:2] in b"\x00\x02\x03\x05"
        and head[2:3] == b"\x01"
    ):
        return "image/x-pcx"
    return _text_type(_in_utf_8(head, charset), declared)


def _is_bmp(head: bytes) -> bool:
    """Two letters are a weak sign: the reserved words and the header size must fit too."""
    return head[6:10] == bytes(4) and head[14:18] in (
        b"\x0c\0\0\0", b"\x10\0\0\0", b"\x28\0\0\0", b"\x34\0\0\0", b"\x38\0\0\0",
        b"\x40\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0",
    )  # fmt: skip


def _in_utf_8(head: bytes, charset: str | None) -> bytes:
    """The head of a text without its byte order mark; what is UTF-16 can be searched then too."""
    utf_16 = _UTF_16_MARKS.get(head[:2]) or _UTF_16_LABELS.get(
        (charset or "").lower()
    )
    if utf_16 is not None:
        head = head.decode(utf_16, errors="ignore").encode()
    return head.removeprefix(b"\xef\xbb\xbf")


def _text_type(text: bytes, declared: str) -> str | None:
    if declared in _PAGES:
        # A server that says HTML for what is plainly something binary is believed no more.
        plain = _HTML.match(text) or not _BINARY.search(text)
        return None if plain else "application/octet-stream"
    if declared.startswith("image/") and declared not in ("image/svg+xml",):
        if _HTML.match(text):
            return "text/html"
        if _SVG.search(text):
            return "image/svg+xml"
        return "text/plain" if text and not _BINARY.search(text) else None
    if declared in _VAGUE or declared == "text/plain":
        if _HTML.match(text):
            return "text/html"
        if _XML.match(text):
            if _SVG.search(text):
                return "image/svg+xml"
            return (
                "application/xhtml+xml"
                if b"<html" in text.lower()
                else "text/xml"
            )
        if declared == "text/plain":
            return None
        return "text/plain" if text and not _BINARY.search(text) else None
    return None


_EXTENSIONS = {
    "text/html": ".html", "application/xhtml+xml": ".xhtml", "image/jpeg": ".jpg",
    "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/bmp": ".bmp",
    "image/tiff": ".tif", "image/x-icon": ".ico", "image/avif": ".avif", "image/heic": ".heic",
    "image/jxl": ".jxl",
    "image/svg+xml": ".svg", "image/x-pcx": ".pcx", "image/x-portable-anymap": ".pnm",
    "application/pdf": ".pdf", "application/zip": ".zip", "application/gzip": ".gz",
    "application/json": ".json", "application/ld+json": ".json", "text/plain": ".txt",
    "text/xml": ".xml", "application/xml": ".xml", "text/csv": ".csv", "text/css": ".css",
    "text/javascript": ".js", "application/javascript": ".js", "application/rss+xml": ".xml",
    "application/atom+xml": ".xml", "application/postscript": ".ps", "text/markdown": ".md",
    "application/octet-stream": ".bin", "video/mp4": ".mp4", "audio/mpeg": ".mp3",
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def extension_of(type: str) -> str:
    """The usual file name extension of a type, the same on every machine; `.bin` if none is."""
    # A table of our own instance: the system's files, which differ, are not read into it.
    return (
        _EXTENSIONS.get(type)
        or mimetypes.MimeTypes(filenames=()).guess_extension(type, strict=True)
        or ".bin"
    )
