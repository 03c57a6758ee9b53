"""Text from outside, made fit to be shown: nothing in it may command a terminal or turn a line.

A server chooses status lines, headers and titles, the author of a list its lines: a terminal on
which a log is read would obey the escape sequences in them.
"""

from __future__ import annotations

import re

# Controls (C0, DEL, C1), what turns the direction of writing, line separators, lone surrogates.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
# The same in UTF-8, but for what JSON escapes by itself (C0) and what is no UTF-8 (surrogates).
# By their first byte: a search for one known byte takes a tenth of a search for one of four.
_CONTROLS_BY_FIRST_BYTE = tuple(
    (pattern[:1], re.compile(pattern))
    for pattern in (
        b"\x7f",
        b"\xc2[\x80-\x9f]",
        b"\xd8[\x9c]",
        b"\xe2(?:\x80[\x8e\x8f\xa8-\xae]|\x81[\xa6-\xaf])",
    )
)


def printable(text: str) -> str:
    """`text` with controls made visible, as one line.

    >>> print(printable("Not \x1b[31mFound\\n"))
    Not \\x1b[31mFound\\n
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(_visible, text)


def printable_lines(text: str) -> str:
    """The same for several lines of our own: their ends stay."""
    return "\n".join(map(printable, text.split("\n")))


def counted(number: int, noun: str) -> str:
    """A number with its noun, which is plural unless it is 1.

    >>> counted(1, "host"), counted(1_200, "more kind")
    ('1 host', '1,200 more kinds')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable_json(encoded: bytes) -> bytes:
    """JSON that reads as the same values, with the controls in its strings as escapes.

    >>> printable_json('{"title":"a\u202eb"}'.encode())
    b'{"title":"a\\\\u202eb"}'
    """
    for first, controls in _CONTROLS_BY_FIRST_BYTE:
        if first in encoded:
            encoded = controls.sub(_escape, encoded)
    return encoded


def _visible(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())
