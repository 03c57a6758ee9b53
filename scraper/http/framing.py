"""Where an answer begins and ends (RFC 9112): http.client's reader, made strict and bounded.

http.client takes a negative size of a chunk for a size, a head that was cut off for a whole one,
and a coding that it does not know for none; trailers and chunk extensions it reads for ever. Here
each of these ends, in words of ours. (Interim answers without end come to the request's deadline.)
What came over the wire is counted, so that a body counts too that comes to nothing.
"""

from __future__ import annotations

import http.client
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

MAX_LINE_BYTES = 65_536
MAX_TRAILERS = 100  # lines; http.client takes as many headers
USUAL_SIZE_BYTES = (
    16  # of the line with a chunk's size; what is more is an extension
)
MAX_EXCESS_BYTES = 16_384  # of extensions that nothing is sent with
MAX_LENGTH = 10**18  # what is longer is taken as this

_DIGITS = re.compile(r"[0-9]+")
_CHUNK_SIZE = re.compile(
    rb"[ \t]*0*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\n", re.DOTALL
)
_BODILESS = frozenset({204, 304})
# After 101 follows no HTTP; 408 may speak of the connection's idle time (RFC 9110 15.5.9), and then
# the answer that follows belongs to the request before.
_LAST_STATUSES = frozenset(
    {http.client.SWITCHING_PROTOCOLS, http.client.REQUEST_TIMEOUT}
)


class BadAnswer(http.client.HTTPException):
    """The answer breaks the rules of HTTP; the message is for the user."""

    kind = "protocol_error"


def length_of(values: Sequence[str]) -> int | None:
    """The length that these values of Content-Length announce; None if there are none.

    >>> length_of(["5, 5"]), length_of([])
    (5, None)

    Raises BadAnswer for anything that is not one length (RFC 9112 6.3).
    """
    if not values:
        return None
    different = _split_items(values)
    text = different.pop()
    if different or not _DIGITS.fullmatch(text):
        raise BadAnswer(
            f"the answer has a Content-Length that is no length: {_quote_values(values)}"
        )
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= 18 else MAX_LENGTH


def is_chunked(values: Sequence[str]) -> bool:
    """Do these values of Transfer-Encoding say that the body comes in chunks?

    Raises BadAnswer for any other coding, which was not asked for.
    """
    if not values:
        return False
    codings = _split_items(values) - {"", "identity"}
    if codings - {"chunked"}:
        raise BadAnswer(
            f"the answer has a Transfer-Encoding that was not asked for: {_quote_values(values)}"
        )
    return bool(codings)


def has_no_body(status: int) -> bool:
    """Does an answer of this status end with its head, whatever its headers say?"""
    return status < 200 or status in _BODILESS


def _split_items(values: Sequence[str]) -> set[str]:
    return {
        item.strip(" \t").lower()
        for value in values
        for item in value.split(",")
    }


def _quote_values(values: Sequence[str]) -> str:
    return repr(", ".join(values)[:100])


class Answer(http.client.HTTPResponse):
    """One answer, after any interim ones."""

    # http.client's own, of which its published types say nothing.
    _check_close: Callable[[], bool]
    _close_conn: Callable[[], None]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._wire = _Counted(self.fp.detach())
        self.fp: Any = io.BufferedReader(self._wire)
        self._head_bytes = 0
        self._excess = 0  # bytes of chunk extensions beyond the usual

    @property
    def has_begun(self) -> bool:
        """Has a byte of it come?"""
        return self._wire.received > 0

    @property
    def body_bytes(self) -> int:
        """What has come behind the head so far, chunk framing included."""
        return self._wire.received - self._head_bytes

    def begin(self) -> None:
        """Read the head, and find out where the body ends."""
        whole = self.fp
        self.fp = head = _Head(whole)
        try:
            super().begin()
        finally:
            self.fp = whole
            self._head_bytes = head.bytes
        self._correct_framing()

    def _correct_framing(self) -> None:
        """Correct where http.client has found the end of the body; mostly it is right."""
        chunked, length = self._framing_by_headers()
        if (chunked, length) != (self.chunked, self.length):
            self.chunked, self.length, self.chunk_left = chunked, length, None
            self.will_close = self._check_close() or (
                length is None and not chunked
            )
        if self.status in _LAST_STATUSES:
            self.will_close = True

    def _framing_by_headers(self) -> tuple[bool, int | None]:
        """Does the body come in chunks, and else, how long is it? None: until the end."""
        if has_no_body(self.status):
            return False, 0
        lengths, codings = [], []
        for name, value in self.headers.raw_items():
            name = name.lower()
            if name == "content-length":
                lengths.append(value)
            elif name == "transfer-encoding":
                codings.append(value)
        if is_chunked(codings):
            return True, None
        return False, length_of(lengths)

    def _read_status(self) -> tuple[str, int, str]:
        """The status line behind any interim answers: clients must understand them all (RFC 9110
        15.2), and http.client knows but `100 Continue`."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # as above
            if status >= 200 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)

    def _get_chunk_left(self) -> int | None:
        """Bytes left of a chunk, which is begun if there is none; None behind the last."""
        if self.chunk_left:
            return self.chunk_left
        if self.chunk_left is not None:
            end = self.fp.read(2)
            if end != b"\r\n":
                raise _chunk_end_error(end)
        line = self.fp.readline(MAX_LINE_BYTES)
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise _chunk_size_error(line)
        self.chunk_left = size = int(match[1], 16)
        if len(line) > USUAL_SIZE_BYTES:
            self._count_excess(len(line), size)
        if size:
            return size
        self._read_and_discard_trailer()
        self._close_conn()
        self.chunk_left = None
        return None

    def _count_excess(self, line_bytes: int, size: int) -> None:
        """As Go counts it: a long extension may stand with a long chunk, and now and then."""
        self._excess = max(
            self._excess + line_bytes - USUAL_SIZE_BYTES - 2 * size, 0
        )
        if self._excess > MAX_EXCESS_BYTES:
            raise BadAnswer(
                "the chunks of the body hold more framing than content"
            )

    def _read_and_discard_trailer(self) -> None:
        for _ in range(MAX_TRAILERS + 1):
            # The connection may end here: nothing of the body is missing.
            if self.fp.readline(MAX_LINE_BYTES) in (b"\r\n", b"\n", b""):
                return
        raise BadAnswer(f"more than {MAX_TRAILERS} trailers behind the body")


def _chunk_end_error(end: bytes) -> http.client.HTTPException:
    if len(end) < 2:
        return http.client.IncompleteRead(end, 2 - len(end))
    return BadAnswer("a chunk of the body is longer than its size says")


def _chunk_size_error(line: bytes) -> http.client.HTTPException:
    if not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
        return http.client.IncompleteRead(line)  # the connection ended here
    return BadAnswer(f"the size of a chunk is no size: {line[:100]!r}")


class _Head:
    """What is read of an answer before its body: counted, and whole only if it ends itself."""

    def __init__(self, whole: io.BufferedReader) -> None:
        self._readline = whole.readline
        self.close = whole.close
        self.bytes = 0

    def readline(self, limit: int) -> bytes:
        line = self._readline(limit)
        if not line and self.bytes:
            raise http.client.RemoteDisconnected(
                "the answer ended in the middle of its head"
            )
        self.bytes += len(line)
        return line


class _Counted(io.RawIOBase):
    """A socket's stream that counts what it gives."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self.received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._stream.readinto(buffer)
        if count:
            self.received += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
