"""Two texts beside each other, in pieces that are to be shown: what is gone, what is new."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple

import orjson

MAX_LINES = 5_000  # of a text that is compared line by line
MAX_WORDS = 2_000  # of a line that is compared word by word
MAX_CHARS = 300  # of a line or value that is shown
CONTEXT = 4  # words beside those that differ
GAP = "…"

Style = Literal["same", "removed", "added"]
_WORD = re.compile(r"\s+|\S+")


class Piece(NamedTuple):
    """A part of a line."""

    style: Style
    text: str


Line = Sequence[Piece]


def diff_texts(before: str, after: str) -> Iterator[Line]:
    """The lines that differ; a line in the place of another has both in one."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MAX_LINES:
        yield diff_values(f"{len(old):,} lines", f"{len(new):,} lines")
        return
    matcher = SequenceMatcher(None, old, new)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        pairs = min(b - a, d - c)
        for one, other in zip(old[a:b], new[c:d], strict=False):
            yield diff_values(one, other)
        yield from (_whole("removed", line) for line in old[a + pairs : b])
        yield from (_whole("added", line) for line in new[c + pairs : d])


def diff_values(before: Any, after: Any) -> Line:
    """Two values, word by word where both are texts that have something in common."""
    one, other = _words_of(before), _words_of(after)
    if max(len(one), len(other)) > MAX_WORDS:
        return _replace_whole(before, after)
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if not any(word.strip() for word in _common(matcher, one)):
        return _replace_whole(before, after)
    return list(_pieces(matcher, one, other))


def _words_of(value: Any) -> list[str]:
    return _WORD.findall(value) if isinstance(value, str) else []


def _common(matcher: SequenceMatcher[str], words: Sequence[str]) -> list[str]:
    return [
        word
        for block in matcher.get_matching_blocks()
        for word in words[block.a : block.a + block.size]
    ]


def _pieces(
    matcher: SequenceMatcher[str], one: Sequence[str], other: Sequence[str]
) -> Iterator[Piece]:
    codes = matcher.get_opcodes()
    for (kind, a, b, c, d), place in zip(codes, range(len(codes)), strict=True):
        if kind == "equal":
            is_first, is_last = place == 0, place == len(codes) - 1
            yield Piece("same", _context(one[a:b], is_first, is_last))
            continue
        for style, words in (("removed", one[a:b]), ("added", other[c:d])):
            if words:
                yield _piece(style, "".join(words))


def _context(words: Sequence[str], is_first: bool, is_last: bool) -> str:
    """What is the same, but for the middle of it if it is long."""
    kept = 2 * CONTEXT  # with the spaces between them
    before = [] if is_first else words[:kept]
    behind = [] if is_last else words[-kept:]
    if len(words) <= len(before) + len(behind):
        return "".join(words)
    return "".join([*before, GAP, *behind])


def _replace_whole(before: Any, after: Any) -> Line:
    pieces = [
        _piece(style, text_of(value))
        for style, value in (("removed", before), ("added", after))
        if value is not None
    ]
    return pieces or [Piece("same", "")]


def _whole(style: Style, line: str) -> Line:
    return [_piece(style, line)]


def _piece(style: Any, text: str) -> Piece:
    return Piece(style, shorten(text))


def text_of(value: Any) -> str:
    """A value of a record as text."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def shorten(text: str) -> str:
    """A text that is long ends early.

    >>> len(shorten("a" * 400))
    301
    """
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS] + GAP
