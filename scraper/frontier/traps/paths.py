"""Paths of URLs, as the rules about traps see them: segments, what repeats, what is masked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# Of a name what is a number or an id: it stands for any other. What has letters and digits mixed is
# an id from eight characters on.
_RUN: Final = re.compile(r"[0-9A-Za-z]+")
_DIGITS: Final = re.compile(r"\d+")
MIN_ID_CHARS: Final = 8
MASK: Final = "#"
_DATE: Final = re.compile(
    r"\d{4}[-_/.]\d\d?([-_/.]\d\d?)?|\d\d?[-_/.]\d{4}|(19|20)\d\d(\d{4})?"
)


def segments_of(path: str) -> list[str]:
    """What stands between the slashes of a path.

    >>> segments_of("/a//b.html"), segments_of("/a/")
    (['a', '', 'b.html'], ['a', ''])
    """
    return path.split("/")[1:]


@lru_cache(maxsize=4_096)
def masked(name: str) -> str:
    """A name with `#` in the place of numbers and ids.

    >>> masked("shirt-17.html"), masked("(S(0a1b2c3d))"), masked("about")
    ('shirt-#.html', '(S(#))', 'about')
    """
    if not _DIGITS.search(name):
        return name
    return _RUN.sub(_mask_run, name)


def _mask_run(found: re.Match[str]) -> str:
    run = found[0]
    if run.isalpha():
        return run
    return MASK if len(run) >= MIN_ID_CHARS else _DIGITS.sub(MASK, run)


def is_date(text: str) -> bool:
    """May it be a date, or a year?

    >>> is_date("2031-05"), is_date("2031"), is_date("12"), is_date("red")
    (True, True, False, False)
    """
    return _DATE.fullmatch(text) is not None


def most_repeats(segments: list[str]) -> tuple[int, str]:
    """How often in a row the same segments stand there at most, and which. Numbers may repeat:
    `/2011/11/11/` is a date, `/0/0/0/` the place of a file.

    >>> most_repeats(["a", "b", "a", "b", "a", "b", "c"])
    (3, 'a/b')
    >>> most_repeats(["0", "0", "0", "1"])
    (1, '')
    """
    best, which = 1, ""
    count = len(segments)
    for size in range(1, count // 2 + 1):
        run = 0  # segments that equal the one so far before them
        for at in range(size, count):
            run = run + 1 if segments[at] == segments[at - size] else 0
            times = run // size + 1
            if times > best and _is_named(segments[at - size + 1 : at + 1]):
                best = times
                which = "/".join(segments[at - size + 1 : at + 1])
    return best, which


def _is_named(segments: list[str]) -> bool:
    """Is there a name among them, not only numbers?"""
    return any(each and not each.isdigit() for each in segments)
