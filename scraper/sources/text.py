"""A list as text: its bytes to lines, and a line to the task that it stands for.

Of a line that holds one URL the wrapping is taken off: quotes, angle brackets, bullets, a comment.
"""

from __future__ import annotations

import codecs
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from scraper.model import Line
from scraper.text import pattern
from scraper.urls import MAX_URL_BYTES, BadUrl, Url, canonical

MAX_LINE_BYTES = MAX_URL_BYTES + 2
_PIECE_BYTES = 1 << 16


class TableRow(Struct, frozen=True):
    """One row of a table."""

    number: int
    url: str
    columns: str  # the other ones, as a JSON object
    refusal: str | None = None  # the kind under which the row itself is refused
    modified: float | None = None  # unix time: the page was changed no later


# A `Line` is one of ours that no text could say: the address of a file of this machine.
RawLine = bytes | str | TableRow | Line

# -- bytes to lines -------------------------------------------------------------------------------


def read_lines(file: BinaryIO) -> Iterator[bytes | str]:
    """Lines of bounded length: of a longer one the beginning, so that it can be refused.

    They end with LF, CR LF or CR. UTF-16, as Windows shells write it, is read as that.
    """
    first = file.readline(MAX_LINE_BYTES)
    encoding = utf_16_of(first)
    if encoding is None:
        rest = iter(partial(file.readline, MAX_LINE_BYTES), b"")
        pieces = itertools.chain([first], rest)
        yield from split_lines(pieces, _join)
    else:
        for line in split_lines(_narrowed(file, first, encoding), _join):
            yield line.decode("utf-8", "replace")


def _narrowed(file: BinaryIO, first: bytes, encoding: str) -> Iterator[bytes]:
    """Lines of UTF-16, or pieces of long ones, as UTF-8."""
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)("replace"), translate=True
    )
    rest = iter(partial(file.read, _PIECE_BYTES), b"")
    for piece in itertools.chain([first], rest):
        yield from decoder.decode(piece).encode().splitlines(keepends=True)
    yield decoder.decode(b"", final=True).encode()


def utf_16_of(first: bytes) -> str | None:
    """By its mark; without one by the NUL that is every second byte of ASCII text in it."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    nul = [byte == 0 for byte in first[:4]]
    if nul == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if nul == [True, False, True, False] else None


def split_lines(
    pieces: Iterable[bytes],
    join: Callable[[bytes, bytes], bytes],
) -> Iterator[bytes]:
    """Lines out of pieces that end where a line does, or somewhere in it; `join` keeps what has
    come of it so far within bounds."""
    line = b""
    for piece in pieces:
        if not line and piece.endswith(b"\n") and b"\r" not in piece[:-2]:
            yield piece  # the usual one
            continue
        for part in piece.splitlines(keepends=True):
            line = join(line, part) if line else part
            if part.endswith((b"\n", b"\r")):
                yield line
                line = b""
    if line:
        yield line


def _join(line: bytes, more: bytes) -> bytes:
    return (line + more)[:MAX_LINE_BYTES]


# -- a line to a task -----------------------------------------------------------------------------


def parse_line(raw: RawLine, source: int, number: int) -> Line | None:
    """The task that a raw line stands for; None for a blank line or a comment.

    >>> parse_line(b"  example.com/a#b \\r\\n", 1, 7).url.href
    'https://example.com/a'
    """
    if isinstance(raw, TableRow):
        return _parse_row(raw, source)
    if isinstance(raw, Line):
        return replace(raw, source=source, line=number)
    text, refusal = _text_of(raw)
    if not text:
        return None
    return _parse_text(text, refusal, source, number)


def _parse_row(row: TableRow, source: int) -> Line:
    """Every row has an outcome: a cell that is empty is no URL either."""
    text, refusal = _text_of(row.url)
    return _parse_text(
        text,
        row.refusal or refusal,
        source,
        row.number,
        row.columns,
        row.modified,
    )


def _text_of(raw: bytes | str) -> tuple[str, str | None]:
    """What a line says of a URL, and the kind under which the line is refused."""
    refusal = None
    if isinstance(raw, bytes):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "backslashreplace")
            refusal = "bad_encoding"
    elif raw.isascii():
        text = raw
    else:
        text = raw.encode("utf-8", "backslashreplace").decode()
        if text != raw:  # a lone surrogate: bytes that were no UTF-8 once
            refusal = "bad_encoding"
    # SQLite's text ends at a NUL; this is how a URL spells one, and no host may hold it.
    return url_text(text).replace("\x00", "%00"), refusal


def _parse_text(
    text: str,
    refusal: str | None,
    source: int,
    number: int,
    columns: str | None = None,
    modified: float | None = None,
) -> Line:
    if refusal is None:
        try:
            if len(text) > MAX_URL_BYTES:
                raise BadUrl("bad_url", "too long")
            url = canonical(text)
            written = text if text != url.href else None
            return Line(
                url,
                written,
                source,
                number,
                columns=columns,
                modified=modified,
            )
        except BadUrl as error:
            refusal = error.kind
    refused = Url(text[:2_000], "", "")
    return Line(refused, None, source, number, refusal, columns=columns)


# -- what is wrapped around a URL -----------------------------------------------------------------

# Copied along, and invisible: white space of all kinds, zero-width characters, marks of
# direction, NUL.
_SPACES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
INVISIBLE = (
    f"{_SPACES}\x00\ufeff\u2060\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2066\u2067\u2068\u2069"
)
COMMENT = pattern(r"\s#.*", re.DOTALL)
_BULLET = pattern(r"(?:[-*+•–]|\d{1,6}[.)])\s+(?=\S)")
_LINK = pattern(
    r"\[[^\]]*\]\(\s*<?([^\s<>]+?)>?(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)[.,;]?"
)
_PAIRS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "<": ">",
    "“": "”",
    "„": "“",
    "«": "»",
    "‘": "’",
}

_SEPARATORS = (",", ";")
_CLOSING = frozenset((*_PAIRS.values(), *_SEPARATORS))


def url_text(line: str) -> str:
    """What a line says apart from its comment and from what is plainly wrapped around it.

    >>> url_text('  - "https://example.com/a#b",  # the second')
    'https://example.com/a#b'
    """
    text = line.strip(INVISIBLE)
    if text.startswith("#"):
        return ""
    is_plain = (
        text[:4] == "http"
        and text[-1:] not in _CLOSING
        and len(text.split(None, 1)) == 1
    )
    return text if is_plain else _unwrapped(text)


def _unwrapped(text: str) -> str:
    if bullet := _BULLET.match(text):
        text = text[bullet.end() :]
    if link := _LINK.match(text):
        rest = text[link.end() :]
        if not rest or COMMENT.match(rest):
            return link[1]
    text = COMMENT.sub("", text)
    before = None
    while text != before:
        before = text
        text = _without_quotes(text.strip(INVISIBLE))
    return text


def _without_quotes(text: str) -> str:
    """One layer: a pair of quotes, or the separators of cells behind it that are empty."""
    if text.endswith(_SEPARATORS):
        return text.rstrip(",;")
    closing = _PAIRS.get(text[:1])
    if closing is not None and len(text) > 1 and text.endswith(closing):
        inner = text[1:-1]
        return inner if closing not in inner and text[0] not in inner else text
    return text
