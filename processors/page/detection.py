"""The encoding of a body that declares none and is not UTF-8: the likeliest by charset_normalizer.

That is imported when it is needed: the import alone takes longer than most pages do.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

SAMPLE_BYTES: Final = 65_536  # takes up to 50 ms
LEAST_BYTES: Final = 8  # that are not ASCII: fewer are a matter of luck
MAX_HALVINGS: Final = 3  # of a sample that fits no encoding: a broken byte may be in the other half
RARE: Final = 0.05  # what a sign or a likelier language that does not belong there takes off
RANKS: Final = 5  # of languages by likelihood
CURRENCY_SIGN: Final = (
    "\xa4"  # hardly ever meant: it is where ISO-8859-15 has the euro
)
CHAOS_WEIGHT: Final = (
    5  # how much unlikely signs count, beside familiar pairs of letters
)

_WESTERN: Final = (
    "Danish Dutch English Finnish French German Indonesian Italian Norwegian "
    "Portuguese Spanish Swedish"
)
_CENTRAL: Final = "Croatian Czech Hungarian Polish Romanian Slovak Slovene"
# Python's name and the WHATWG's; where most letters are ASCII, the languages that are written so.
# Of equally likely ones the first is taken.
_CANDIDATES: Final = {
    "cp1252": ("windows-1252", _WESTERN),
    "iso8859_15": ("iso-8859-15", _WESTERN),
    "cp1250": ("windows-1250", _CENTRAL),
    "iso8859_2": ("iso-8859-2", _CENTRAL),
    "cp1254": ("windows-1254", "Turkish"),
    "cp1257": ("windows-1257", "Lithuanian"),
    "cp1258": ("windows-1258", "Vietnamese"),
    "cp1251": ("windows-1251", ""),
    "koi8_r": ("koi8-r", ""),
    "koi8_u": ("koi8-u", ""),
    "iso8859_5": ("iso-8859-5", ""),
    "cp866": ("ibm866", ""),
    "cp1253": ("windows-1253", ""),
    "iso8859_7": ("iso-8859-7", ""),
    "cp1255": ("windows-1255", ""),
    "cp1256": ("windows-1256", ""),
    "iso8859_6": ("iso-8859-6", ""),
    "cp874": ("windows-874", ""),
    "gb18030": ("gbk", ""),
    "big5": ("big5", ""),
    "big5hkscs": ("big5", ""),
    "cp932": ("shift_jis", ""),
    "euc_jp": ("euc-jp", ""),
    "cp949": ("euc-kr", ""),
}
# Letters in windows-125x, control characters in ISO 8859.
_CONTROLS: Final = re.compile(rb"[\x80-\x9f]")
_ORDER: Final = {name: place for place, name in enumerate(_CANDIDATES)}
_ASCII: Final = bytes(range(0x80))
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
# No second byte of a letter is one of these, in any encoding above.
_EDGES: Final = re.compile(rb"[<>\n]")


def detect_encoding(body: bytes) -> str | None:
    """The WHATWG's name of the likeliest encoding; None if none is likely.

    Judged by what is not ASCII, without tags that are, in SAMPLE_BYTES from the first such byte on.
    """
    first = _NOT_ASCII.search(body)
    if first is None:
        return None
    window = body[first.start() : first.start() + SAMPLE_BYTES]
    pieces = [each for each in _EDGES.split(window) if not each.isascii()]
    if len(window) == SAMPLE_BYTES and len(pieces) > 1:
        del pieces[-1]  # it may end within a letter
    sample = b"\n".join(pieces)
    if len(sample.translate(None, _ASCII)) < LEAST_BYTES:
        return None
    return _likeliest(sample, MAX_HALVINGS)


def _likeliest(sample: bytes, halvings: int) -> str | None:
    from charset_normalizer import from_bytes

    is_windows = _CONTROLS.search(sample) is not None
    matches = from_bytes(
        sample,
        cp_isolation=list(_CANDIDATES),
        preemptive_behaviour=False,
        enable_fallback=False,
    )
    rated = [
        (_rate(match, names), -_ORDER[names[0]], names[0])
        for match in matches
        if (names := _names_of(match, is_windows))
    ]
    rate, _, name = max(rated, default=(-1.0, 0, ""))
    if rate >= 0:
        return _CANDIDATES[name][0]
    middle = sample.find(b"\n", len(sample) // 2) + 1
    if not middle or not halvings:
        return None
    first = _likeliest(sample[:middle], halvings - 1)
    return first or _likeliest(sample[middle:], halvings - 1)


def _names_of(match: CharsetMatch, is_windows: bool) -> list[str]:
    """The candidates in which the sample is this same text."""
    names = [name for name in match.could_be_from_charset if name in _ORDER]
    if is_windows:
        names = [name for name in names if not name.startswith("iso")]
    return sorted(names, key=_ORDER.__getitem__)


def _rate(match: CharsetMatch, names: list[str]) -> float:
    """How likely this text is, in one of these encodings; below 0 it is not."""
    rate = match.coherence - CHAOS_WEIGHT * match.chaos
    if CURRENCY_SIGN in str(match):
        rate -= RARE
    natural = " ".join(_CANDIDATES[name][1] for name in names).split()
    if natural:
        likelier = itertools.takewhile(
            lambda each: each not in natural, match.languages[:RANKS]
        )
        rate -= RARE * sum(1 for _ in likelier)
    return rate
