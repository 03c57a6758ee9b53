"""The head of an answer: its status line and its fields, in one pass (RFC 9112 4 and 5).

Read as browsers read it: a line that is no field is skipped, a folded line goes on with the one
before it, and a carriage return that ends no line is a space.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Sequence

MAX_LINE_BYTES = 65_536
MAX_FIELDS = 100

END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(
    r"HTTP/(1\.[0-9]+|0\.9)[ \t]+([1-9][0-9]{2})(?:[ \t]+([^\n]*))?\n"
)
_FOLD = re.compile(r"\n[ \t]+")
# RFC 9110 5.1 and 5.5, with the space before the colon that RFC 9112 5.1 has clients remove.
_FIELD = re.compile(
    r"\n([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([^\n]*)(?=\n)"
)


class BadAnswer(http.client.HTTPException):
    """The answer breaks the rules of HTTP; the message is for the user."""

    kind = "protocol_error"


class Fields:
    """The header fields of an answer: their names in lower case, in the order in which they came.

    >>> fields = Fields([("age", "1"), ("via", "a"), ("via", "b")])
    >>> fields.get("Age"), fields.get("via"), fields.getlist("via")
    ('1', 'a, b', ['a', 'b'])
    """

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._values = dict(pairs)
        if len(self._values) != len(pairs):
            for name in self._values:
                self._values[name] = ", ".join(self.getlist(name))

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of this field; those of a repeated one joined by commas (RFC 9110 5.3)."""
        return self._values.get(name.lower(), default)

    def getlist(self, name: str) -> list[str]:
        """Each value of this field."""
        name = name.lower()
        if name not in self._values:
            return []
        return [value for found, value in self._pairs if found == name]

    def items(self) -> Sequence[tuple[str, str]]:
        """Name and value of each."""
        return self._pairs


class Head:
    """A head that has come whole."""

    __slots__ = ("fields", "is_http_1_0", "reason", "status")

    def __init__(self, received: bytes) -> None:
        """`received` ends with the empty line. Raises BadAnswer, BadStatusLine."""
        text = _normalize_lines(received)
        found = _match_status_line(text)
        version, status, reason = found.groups()
        self.is_http_1_0 = version in ("1.0", "0.9")
        self.status = int(status)
        self.reason = (reason or "").strip()
        if received.count(b"\n") > MAX_FIELDS + 2:
            raise _too_many_fields()
        if len(received) > MAX_LINE_BYTES:
            _check_line(max(map(len, received.split(b"\n"))))
        self.fields = Fields(
            [
                (name.lower(), value.rstrip(" \t"))
                for name, value in _FIELD.findall(text, found.end() - 1)
            ]
        )


class Beginning:
    """A head that comes in pieces: bounded, and judged by its first line once that has come."""

    def __init__(self, piece: bytes) -> None:
        self._bytes = bytearray()
        self._lines = 0
        self.add(piece)

    def add(self, piece: bytes) -> bytes | None:
        """All that has come, once that holds the whole head. Raises BadAnswer, BadStatusLine."""
        seen = len(self._bytes)
        self._bytes += piece
        if END.search(self._bytes, max(seen - 2, 0)):
            return bytes(self._bytes)
        if not self._lines and b"\n" in piece:
            self.check_status_line()
        self._lines += piece.count(b"\n")
        if self._lines > MAX_FIELDS + 1:
            raise _too_many_fields()
        _check_line(len(self._bytes) - self._bytes.rfind(b"\n"))
        return None

    def check_status_line(self) -> None:
        """Raises BadStatusLine if what has come does not begin like an answer."""
        line = self._bytes.partition(b"\n")[0]
        _match_status_line(_normalize_lines(line + b"\n"))


def _normalize_lines(received: bytes | bytearray) -> str:
    """As text whose lines end with line feeds, none of them folded."""
    text = received.decode("latin-1").replace("\r\n", "\n")
    if "\r" in text:
        text = text.replace("\r", " ")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    return text


def _match_status_line(text: str) -> re.Match[str]:
    found = _STATUS_LINE.match(text)
    if found is None:
        raise http.client.BadStatusLine(text.partition("\n")[0])
    return found


def _check_line(length: int) -> None:
    if length > MAX_LINE_BYTES:
        raise BadAnswer(
            f"a line of the answer's head is longer than {MAX_LINE_BYTES:,} bytes"
        )


def _too_many_fields() -> BadAnswer:
    return BadAnswer(f"the answer has more than {MAX_FIELDS} header fields")
