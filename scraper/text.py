"""Text from outside, made fit to be shown: nothing in it may command a terminal or turn a line.

A server chooses status lines, headers and titles, the author of a list its lines: a terminal on
which a log is read would obey the escape sequences in them.

The end of a message about a wrong word stands here too: `did_you_mean`; and `pattern`, a regular
expression that costs nothing until it is used.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable
from typing import Any, AnyStr, cast


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` makes of it, but not before it is used: most of them look for what few
    lists and answers hold, and compiling all was 16 of the 290 ms of a start.

    >>> pattern("[0-9]+").findall("1 and 22")
    ['1', '22']
    """
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))


class _Pattern:
    """Takes the methods of the compiled pattern over, one by one, as they are asked for."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Only called for a name that is not there yet.
        method = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, method)
        return method


# Controls (C0, DEL, C1), what turns the direction of writing, line separators, lone surrogates.
_CONTROL = pattern(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
# The same in UTF-8, but for what JSON escapes by itself (C0) and what is no UTF-8 (surrogates).
# By their first byte: a search for one known byte takes a tenth of a search for one of four.
_CONTROLS_BY_FIRST_BYTE = tuple(
    (text[:1], pattern(text))
    for text in (
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
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    for first, controls in _CONTROLS_BY_FIRST_BYTE:
        if first in encoded:
            encoded = controls.sub(_escape, encoded)
    return encoded


def _visible(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


# -- what a wrong word meant -----------------------------------------------------------------------


def nearest(
    word: str, choices: Iterable[str], cutoff: float = 0.6
) -> str | None:
    """The choice that begins with the word, if only one does, else the most similar one.

    Case, and whether words are joined by - or _, is no difference.

    >>> nearest("--gray", ["--retry", "--delay", "--grayscale"])
    '--grayscale'
    """
    import difflib  # workers load this module, and never need that one

    by_letters = {_letters(choice): choice for choice in choices if choice}
    letters = _letters(word)
    if letters in by_letters:
        return by_letters[letters]
    longer = [
        each for each in by_letters if letters and each.startswith(letters)
    ]
    if len(longer) == 1:
        return by_letters[longer[0]]
    near = difflib.get_close_matches(letters, by_letters, 1, cutoff)
    return by_letters[near[0]] if near else None


def did_you_mean(
    word: str, choices: Iterable[str], otherwise: str = "", cutoff: float = 0.6
) -> str:
    """The end of a message about a wrong word; `otherwise` stands there if nothing is near."""
    near = nearest(word, choices, cutoff)
    return f"; did you mean {near}?" if near else otherwise


def _letters(word: str) -> str:
    return word.lower().replace("-", "_").lstrip("_")


# -- times -------------------------------------------------------------------------------------


def iso(at: float) -> str:
    """Unix time as ISO 8601, UTC, milliseconds.

    >>> iso(1_700_000_000.25)
    '2023-11-14T22:13:20.250+00:00'
    """
    second, micros = divmod(round(at * 1e6), 1_000_000)
    return f"{_second_text(second)}.{micros // 1000:03}+00:00"


def unix_of(moment: str | None) -> float | None:
    """The unix time that `iso` has written.

    >>> unix_of("2023-11-14T22:13:20.250+00:00")
    1700000000.25
    """
    if moment is None:
        return None
    from datetime import datetime  # 2 ms of a start, for what few need

    return datetime.fromisoformat(moment).timestamp()


@functools.lru_cache(maxsize=8)
def _second_text(second: int) -> str:
    """Many records share a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def duration(seconds: float) -> str:
    """A time as people say it, in its largest fitting unit.

    >>> duration(45.2), duration(900), duration(7200), duration(900_000)
    ('45 s', '15 min', '2 h', '10 days')
    """
    for unit, size in (("s", 1), ("min", 60), ("h", 3_600)):
        if seconds < 120 * size or (unit == "h" and seconds < 48 * size):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def clock_text(at: float) -> str:
    """A moment (unix time) as the clock on the wall says it, with its day if that is not today."""
    moment, today = time.localtime(at), time.localtime()
    is_today = moment[:3] == today[:3]
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", moment)
