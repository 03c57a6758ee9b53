"""The one language of the user's templates: `{host}`, `{input.id}`, `{sha256:.8}`, `{seq:06}`.

Keys only. Nothing is called, no attribute or index is looked up, and a format is one of two: `.8`,
the first eight characters, and `06`, zeros in front up to six. `{{` and `}}` are braces. What a
template may not hold is said before anything is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from msgspec import Struct

from scraper.errors import UsageError
from scraper.text import did_you_mean, pattern

COLUMN = "input."  # before the name of a column
MAX_WIDTH = 64
_PIECES = pattern(r"(\{\{|\}\}|\{[^{}]*\}|[{}])")
_FORMAT = pattern(r":(?:\.(?P<first>[1-9][0-9]{0,2})|0(?P<width>[1-9][0-9]?))")


class Field(NamedTuple):
    """A key in braces, and its format."""

    key: str
    first: int = 0  # so many characters; 0: all of them
    width: int = 0  # filled up with zeros to this; 0: as it is

    @property
    def column(self) -> str | None:
        """The column of a table that it names."""
        if not self.key.startswith(COLUMN):
            return None
        return self.key.removeprefix(COLUMN)

    def format(self, value: str) -> str:
        """A value as it stands in the text."""
        return (value[: self.first] if self.first else value).zfill(self.width)


class Template(Struct, frozen=True):
    """Texts and fields, in their order."""

    parts: tuple[str | Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for each in self.parts if isinstance(each, Field))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that it names."""
        named = (each.column for each in self.fields)
        return tuple(dict.fromkeys(each for each in named if each is not None))

    def render(self, value_of: Callable[[str], str]) -> str:
        """The text, with the values of its keys."""
        return "".join(
            each if isinstance(each, str) else each.format(value_of(each.key))
            for each in self.parts
        )


def parse_template(
    text: str, keys: Collection[str] | None, setting: str
) -> Template:
    """A template of these keys, or of any, and of columns. Raises UsageError that names the
    setting.

    >>> parse_template("{host}/{input.id:06}", ["host"], "--name").columns
    ('id',)
    """
    try:
        pieces = filter(None, _PIECES.split(text))
        return Template(tuple(_part_of(each, keys) for each in pieces))
    except ValueError as error:
        raise UsageError(f"{setting} {text!r}: {error}") from None


def _part_of(piece: str, keys: Collection[str] | None) -> str | Field:
    """Raises ValueError with what is wrong."""
    if piece in ("{{", "}}"):
        return piece[0]
    if piece in ("{", "}"):
        raise ValueError(f"a {piece} alone; {piece * 2} stands for one")
    if not piece.startswith("{"):
        return piece
    inside = piece[1:-1]
    key = inside.rpartition(":")[0] if ":" in inside else inside
    if keys is not None:
        _check_key(key, keys)
    return _field_of(key, inside.removeprefix(key))


def _field_of(key: str, format: str) -> Field:
    if not format:
        return Field(key)
    found = _FORMAT.fullmatch(format)
    width = int(found["width"] or 0) if found else 0
    if found is None or width > MAX_WIDTH:
        raise ValueError(
            f"{{{key}{format}}}: a format is .8 (the first 8 characters) "
            "or 06 (zeros up to 6)"
        )
    return Field(key, int(found["first"] or 0), width)


def _check_key(key: str, keys: Collection[str]) -> None:
    if key in keys or (key.startswith(COLUMN) and key != COLUMN):
        return
    name, conversion, _ = key.partition("!")
    if conversion and name in keys:
        raise ValueError(
            f"{{{key}}}: conversions such as !r are not understood, write {{{name}}}"
        )
    known = ", ".join([*keys, f"{COLUMN}COLUMN"])
    meant = re.split(r"[.\[!]", key)[0]
    hint = did_you_mean(meant, keys, f"; keys: {known}")
    raise ValueError(f"{{{key}}} is no key{hint}")
