"""From the wire to the disk: a body counted, decoded within a limit, hashed and written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from scraper.errors import LocalFault, disk_failure
from scraper.http.decoding import PIECE_BYTES, Decode, decoder
from scraper.media_types import HEAD_BYTES

# With the rights that the umask leaves: a part becomes the file by a rename. Never one that is
# there: it may have a second name by now, under which it is published.
_NEW = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class TooLarge(ValueError):
    """The decoded body passes the limit."""


class Body(Struct, frozen=True):
    """What came: sizes in bytes, the first bytes for sniffing, and the hash of what was saved."""

    head: bytes
    bytes: int
    wire_bytes: int
    sha256: str


class Raw(Protocol):
    """The one thing that is asked of urllib3's response."""

    def read(self, amt: int, decode_content: bool) -> bytes: ...


def save_body(
    raw: Raw,
    path: str,
    *,
    length: int | None,
    encoding: str | None,
    max_bytes: int,
) -> Body:
    """Stream a body into the new file `path`, at most `max_bytes` decoded bytes.

    `length` is Content-Length; it saves the last, empty read. Raises TooLarge, Undecodable,
    LocalFault (the disk), or what the connection raises.
    """
    wire = _Wire(raw, length)
    size = 0
    head = b""
    hashed = hashlib.sha256()
    decode = decoder(encoding)
    with _Part(path) as part:
        for piece in (
            wire.chunks() if decode is None else _decoded_pieces(wire, decode)
        ):
            size += len(piece)
            if size > max_bytes:
                raise TooLarge(f"more than {max_bytes:,} bytes")
            if len(head) < HEAD_BYTES:
                head += piece[: HEAD_BYTES - len(head)]
            hashed.update(piece)
            part.write(piece)
    return Body(head, size, wire.received, hashed.hexdigest())


def read_beginning(
    raw: Raw,
    encoding: str | None,
    max_bytes: int,
) -> bytes:
    """The first `max_bytes` decoded bytes of a body, in memory. Raises as `save_body` does."""
    decode = decoder(encoding)
    found = bytearray()
    while len(found) < max_bytes:
        chunk = raw.read(min(PIECE_BYTES, max_bytes), decode_content=False)
        if not chunk:
            break
        for piece in decode(chunk) if decode else (chunk,):
            found += piece
            if len(found) >= max_bytes:
                break
    return bytes(found[:max_bytes])


class _Wire:
    """A body as it comes, counted."""

    __slots__ = ("_length", "_read", "received")

    def __init__(self, raw: Raw, length: int | None) -> None:
        self._read = raw.read
        self._length = length
        self.received = 0

    def chunks(self) -> Iterator[bytes]:
        while not self._length or self.received != self._length:
            chunk = self._read(PIECE_BYTES, decode_content=False)
            if not chunk:
                return
            self.received += len(chunk)
            yield chunk


def _decoded_pieces(wire: _Wire, decode: Decode) -> Iterator[bytes]:
    for chunk in wire.chunks():
        yield from decode(chunk)
    if wire.received:  # an empty body is no file of gzip's, and none was meant
        yield from decode(b"")


class _Part:
    """A new file whose troubles are this machine's, not the connection's."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> _Part:
        try:
            self._fd = os.open(self._path, _NEW, 0o666)
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        return self

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            os.close(self._fd)
            if kind is not None:
                os.unlink(self._path)
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
