"""XML from outside: its elements in bounded memory, without what it could do to its reader.

Nothing is declared, so that nothing grows or is fetched: entities that a document makes are
refused, and what a DTD would add is not read. Text is decoded here, so that a byte that is wrong
costs a character.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.entities import html5
from typing import Final, NoReturn
from xml.parsers import expat

from scraper.sources.text import utf_16_of
from scraper.text import printable

MAX_DEPTH: Final = 100  # elements within each other
MAX_TOKEN_CHARS: Final = 1_000_000  # one tag or comment
HEAD_BYTES: Final = 1 << 16  # in which the first element stands
_PIECE_CHARS: Final = 1 << 16

Attributes = dict[str, str]

_DECLARED = re.compile(
    rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']"""
)
# Codecs of Python that no text from outside is written in; some of them raise.
_NOT_OF_TEXT: Final = frozenset(
    {
        "idna",
        "punycode",
        "raw-unicode-escape",
        "undefined",
        "unicode-escape",
        "utf-7",
    }
)
_BLANK: Final = "\ufeff \t\r\n"


class MarkupError(Exception):
    """It cannot be read any further; in words, with the place."""


class Markup:
    """Reads a document, and calls a handler for each start, end and piece of text.

    The text of a `start` are its name as it is written, prefix included.
    """

    def __init__(
        self,
        start: Callable[[str, Attributes], None],
        end: Callable[[], None],
        text: Callable[[str], None],
    ) -> None:
        self._start, self._end = start, end
        self._depth = 0
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        # what is not declared is skipped, and no error
        parser.UseForeignDTD(True)
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = text
        parser.EntityDeclHandler = self._refuse_entity
        parser.SkippedEntityHandler = lambda name, is_parameter: text(
            html5.get(f"{name};", "")
        )

    def read(self, file: io.BufferedReader) -> Iterator[None]:
        """Read on with each step. Raises MarkupError where it cannot."""
        fed = 0
        try:
            for piece in _pieces_of(file):
                self._parser.Parse(piece, False)
                fed += len(piece.encode())
                if fed - self._parser.CurrentByteIndex > MAX_TOKEN_CHARS:
                    self._refuse("a tag that does not end")
                yield
            self._parser.Parse("", True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise MarkupError(
                f"line {error.lineno}, column {error.offset + 1}: {reason}"
            ) from error
        yield

    def _open(
        self,
        name: str,
        attributes: Attributes,
    ) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"more than {MAX_DEPTH} elements within each other")
        self._start(name, attributes)

    def _close(self, _: str) -> None:
        self._depth -= 1
        self._end()

    def _refuse_entity(self, name: str, *_: object) -> None:
        self._refuse(
            f"it declares an entity ({printable(name)[:40]}), as no list needs"
        )

    def _refuse(self, why: str) -> NoReturn:
        parser = self._parser
        line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber
        raise MarkupError(f"line {line}, column {column + 1}: {why}")


def root_of(head: bytes) -> str:
    """The name of the first element, as it is written; "" if there is none.

    >>> root_of(b"<?xml version='1.0'?> <!-- by hand --> <urlset xmlns='x'>")
    'urlset'
    """
    if head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] != b"<":
        return ""
    names: list[str] = []
    markup = Markup(
        lambda name, _: names.append(name),
        lambda: None,
        lambda _: None,
    )
    # where it is cut off, all that stands before has been seen
    with suppress(MarkupError):
        for _ in markup.read(io.BufferedReader(io.BytesIO(head))):
            pass
    return names[0] if names else ""


def _pieces_of(file: io.BufferedReader) -> Iterator[str]:
    """The text, without what stands before its first character: XML permits nothing there."""
    text = io.TextIOWrapper(
        file, _encoding_of(file.peek(400)[:400]), "replace", newline=""
    )
    has_begun = False
    try:
        while piece := text.read(_PIECE_CHARS):
            if not has_begun:
                piece = piece.lstrip(_BLANK)
                has_begun = bool(piece)
            yield piece
    finally:
        with suppress(ValueError):  # who opened the file has closed it already
            text.detach()


def _encoding_of(head: bytes) -> str:
    if by_its_bytes := utf_16_of(head):
        return by_its_bytes
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    if declared is None:
        return "utf-8"
    try:
        codec = codecs.lookup(declared[1].decode())
        b"a".decode(codec.name)  # only those of text can
    except (LookupError, UnicodeError):
        return "utf-8"
    # a document that could be read so far is not in UTF-16, whatever it says
    is_odd = codec.name in _NOT_OF_TEXT or codec.name.startswith("utf-16")
    return "utf-8" if is_odd else codec.name
