"""Where an answer begins and ends (RFC 9112): a reader that is strict and bounded.

In the place of http.client's, which takes a negative size of a chunk for a size, a head that was
cut off for a whole one, and a coding that it does not know for none, and reads interim answers,
trailers and chunk extensions for ever. Here each of these ends, in words of ours. What came over
the wire is counted, so that a body counts too that comes to nothing.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Sequence
from typing import Any

from urllib3.exceptions import IncompleteRead

from scraper.http.head import MAX_LINE_BYTES, BadAnswer, Fields, Head
from scraper.http.speed import Receive
from scraper.http.wire import Wire

MAX_INTERIM_ANSWERS = 100  # before the one that was asked for
MAX_TRAILERS = 100  # lines
USUAL_SIZE_BYTES = (
    16  # of the line with a chunk's size; what is more is an extension
)
MAX_EXCESS_BYTES = 16_384  # of extensions that nothing is sent with
MAX_LENGTH = 10**18  # what is longer is taken as this

_USUAL_LENGTH = re.compile(r"[0-9]{1,18}")
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


def length_of(values: Sequence[str]) -> int | None:
    """The length that these values of Content-Length announce; None if there are none.

    >>> length_of(["5, 5"]), length_of([])
    (5, None)

    Raises BadAnswer for anything that is not one length (RFC 9112 6.3).
    """
    if not values:
        return None
    if len(values) == 1 and _USUAL_LENGTH.fullmatch(values[0]):
        return int(values[0])
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


class Answer:
    """One answer, after any interim ones: its head, and its body as it comes.

    It is what urllib3's response is to its users, as far as they are ours. Its connection goes back
    to the pool if the next answer on it can only begin where this one has ended, else it is closed.
    """

    version_string = "HTTP/1.1"  # for urllib3's own log, as the next one
    length_remaining = None

    status: int
    reason: str
    headers: Fields
    chunked: bool
    will_close: bool

    def __init__(
        self,
        connection: Any,
        pool: Any = None,
        receive: Receive | None = None,
    ) -> None:
        self._connection = connection
        self._pool = pool
        self._wire = Wire(receive or connection.sock.recv)
        self._head_bytes: int | None = None  # until it has come
        self._is_complete = False
        self._left: int | None = None  # of the body or a chunk; else unknown
        self._excess = 0  # bytes of chunk extensions beyond the usual

    @property
    def has_begun(self) -> bool:
        """Has a byte of it come?"""
        return self._wire.received > 0

    @property
    def body_bytes(self) -> int:
        """What has come behind the head so far, chunk framing included."""
        if self._head_bytes is None:
            return 0
        return self._wire.received - self._head_bytes

    # -- its head ------------------------------------------------------------------------------

    def wait_for_byte(self) -> None:
        """Wait until it begins."""
        self._wire.wait_for_byte()

    def begin(self) -> None:
        """Read the head, and find out where the body ends."""
        head = self._receive_head()
        self.status, self.reason = head.status, head.reason
        self.headers = fields = head.fields
        self.chunked, self._left = _framing_of(head)
        self._is_complete = self._left == 0
        self.will_close = (
            not (self.chunked or self._left is not None)
            or self.status in _LAST_STATUSES
            or not _is_kept(fields, is_http_1_0=head.is_http_1_0)
        )

    def _receive_head(self) -> Head:
        """The head behind any interim answers: clients must understand them all (RFC 9110 15.2)."""
        size = 0
        for _ in range(MAX_INTERIM_ANSWERS + 1):
            received = self._wire.take_head()
            size += len(received)
            head = Head(received)
            if (
                head.status >= 200
                or head.status == http.client.SWITCHING_PROTOCOLS
            ):
                self._head_bytes = size
                return head
        raise BadAnswer(
            f"more than {MAX_INTERIM_ANSWERS} interim answers, and none that is final"
        )

    # -- its body ------------------------------------------------------------------------------

    def read(self, amt: int, decode_content: bool = False) -> bytes:
        """The next `amt` bytes of the body as they were sent; fewer at its end, and then none.

        Raises what the socket raises, IncompleteRead and BadAnswer; then the connection is closed.
        """
        assert not decode_content, "decoding is the caller's"
        if self._is_complete:
            return b""
        try:
            if self.chunked:
                return self._read_chunks(amt)
            return self._read_plain(amt)
        except BaseException:
            self.close()
            raise

    def _read_plain(self, amt: int) -> bytes:
        left = self._left
        wanted = amt if left is None else min(amt, left)
        data = self._take_all(wanted)
        if left is None:
            self._is_complete = len(data) < wanted
            return data
        if len(data) < wanted:
            raise IncompleteRead(self.body_bytes, left - len(data))
        self._left = left - len(data)
        self._is_complete = not self._left
        return data

    def _take_all(self, wanted: int) -> bytes:
        """So many bytes, or fewer at the end of the connection."""
        data = self._wire.take(wanted)
        missing = wanted - len(data)
        if not missing:
            return data
        pieces = [data]
        while missing and pieces[-1]:
            pieces.append(self._wire.take(missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _read_chunks(self, amt: int) -> bytes:
        pieces: list[bytes] = []
        while amt and self._begin_chunk():
            assert self._left is not None, "a chunk has begun"
            piece = self._wire.take(min(amt, self._left))
            if not piece:
                raise IncompleteRead(self.body_bytes, self._left)
            pieces.append(piece)
            self._left -= len(piece)
            amt -= len(piece)
        return b"".join(pieces)

    def _begin_chunk(self) -> bool:
        """Is there more of the body? Reads what stands before its next byte."""
        if self._left:
            return True
        if self._left == 0:
            end = self._take_all(2)
            if end != b"\r\n":
                raise _chunk_end_error(end)
        line = self._wire.take_line(MAX_LINE_BYTES)
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise _chunk_size_error(line)
        self._left = size = int(match[1], 16)
        if len(line) > USUAL_SIZE_BYTES:
            self._count_excess(len(line), size)
        if not size:
            self._discard_trailers()
            self._is_complete = True
        return size > 0

    def _count_excess(self, line_bytes: int, size: int) -> None:
        """As Go counts it: a long extension may stand with a long chunk, and now and then."""
        self._excess = max(
            self._excess + line_bytes - USUAL_SIZE_BYTES - 2 * size, 0
        )
        if self._excess > MAX_EXCESS_BYTES:
            raise BadAnswer(
                "the chunks of the body hold more framing than content"
            )

    def _discard_trailers(self) -> None:
        for _ in range(MAX_TRAILERS + 1):
            # The connection may end here: nothing of the body is missing.
            line = self._wire.take_line(MAX_LINE_BYTES)
            if line in (b"\r\n", b"\n"):
                return
            if not line:
                self.will_close = True
                return
        raise BadAnswer(f"more than {MAX_TRAILERS} trailers behind the body")

    # -- its connection ------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def release_conn(self) -> None:
        """Give the connection back to its pool, closed if it cannot be used again."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if (
            not self._is_complete
            or self.will_close
            or self._wire.holds_more  # than this answer: whose would that be?
        ):
            connection.close()
        self._pool._put_conn(connection)


def _framing_of(head: Head) -> tuple[bool, int | None]:
    """Does the body come in chunks, and else, how long is it? None: until the end."""
    if has_no_body(head.status):
        return False, 0
    codings = head.fields.getlist("transfer-encoding")
    if is_chunked(codings):
        return True, None
    return False, length_of(head.fields.getlist("content-length"))


def _is_kept(fields: Fields, *, is_http_1_0: bool) -> bool:
    """Does the server keep the connection (RFC 9112 9.3)?"""
    said = (fields.get("connection") or "").lower()
    if not is_http_1_0:
        return "close" not in said
    return "keep-alive" in said or fields.get("keep-alive") is not None


def _chunk_end_error(end: bytes) -> Exception:
    if len(end) < 2:
        return IncompleteRead(len(end), 2 - len(end))
    return BadAnswer("a chunk of the body is longer than its size says")


def _chunk_size_error(line: bytes) -> Exception:
    if not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
        return IncompleteRead(len(line), 1)  # the connection ended here
    return BadAnswer(f"the size of a chunk is no size: {line[:100]!r}")
