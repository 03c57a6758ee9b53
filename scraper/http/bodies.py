"""From the wire to the disk: a body counted, decoded within a limit, hashed and written.

Decoding is ours, not urllib3's, because the limit must hold for the decoded size while the length
check (RFC 9112, 6.3) is about the bytes on the wire.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from scraper.errors import LocalFault, disk_failure
from scraper.media_types import HEAD_BYTES

CHUNK_BYTES = 262_144  # 16 kB chunks cost a third of the speed, larger ones bring nothing
HAS_BROTLI = importlib.util.find_spec("brotli") is not None
ACCEPT_ENCODING = "gzip, deflate, br" if HAS_BROTLI else "gzip, deflate"
MAX_ENCODINGS = 5  # one upon another, as in urllib3; a header has room for thousands
# Words that servers put into Content-Encoding though nothing is encoded.
_NOTHING = frozenset({"", "identity", "none", "binary", "utf-8", "utf8", "8bit", "7bit"})


# With the rights that the umask leaves: a part becomes the file by a rename.
_NEW = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_TRUNC
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class TooLarge(ValueError):
    """The decoded body passes the limit."""


class Undecodable(ValueError):
    """The body is not what its Content-Encoding says."""


@dataclass(frozen=True, slots=True)
class Body:
    """What came: sizes in bytes, the first bytes for sniffing, and the hash of what was saved."""

    head: bytes
    bytes: int
    wire_bytes: int
    sha256: str


class Raw(Protocol):
    """The one thing that is asked of urllib3's response."""

    def read(self, amt: int, decode_content: bool) -> bytes: ...


def save(raw: Raw, path: str, *, length: int | None, encoding: str | None, max_bytes: int) -> Body:
    """Stream a body into the new file `path`, at max_bytes `max_bytes` decoded bytes.

    `length` is Content-Length; it saves the last, empty read. Raises TooLarge, Undecodable,
    LocalFault (the disk), or what the connection raises.
    """
    wire = 0
    size = 0
    head = b""
    hashed = hashlib.sha256()
    decode = decoder(encoding)
    with _Part(path) as part:
        more = True
        while more:
            chunk = (
                b"" if length and wire == length else raw.read(CHUNK_BYTES, decode_content=False)
            )
            wire += len(chunk)
            more = bool(chunk) and (decode is not None or wire != length)
            for piece in decode(chunk) if decode and wire else (chunk,):
                size += len(piece)
                if size > max_bytes:
                    raise TooLarge(f"more than {max_bytes:,} bytes")
                if len(head) < HEAD_BYTES:
                    head += piece[: HEAD_BYTES - len(head)]
                hashed.update(piece)
                part.write(piece)
    return Body(head, size, wire, hashed.hexdigest())


def beginning(raw: Raw, encoding: str | None, max_bytes: int) -> bytes:
    """The first `max_bytes` decoded bytes of a body, in memory. Raises as `save` does."""
    decode = decoder(encoding)
    found = bytearray()
    while len(found) < max_bytes:
        chunk = raw.read(min(CHUNK_BYTES, max_bytes), decode_content=False)
        if not chunk:
            break
        for piece in decode(chunk) if decode else (chunk,):
            found += piece
            if len(found) >= max_bytes:
                break
    return bytes(found[:max_bytes])


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


Decode = Callable[[bytes], Iterator[bytes]]


def decoder(encoding: str | None) -> Decode | None:
    """A function from raw chunks to decoded pieces of bounded size; None: nothing to decode.

    Called with b"" it gives the rest and checks that the end was the end. Raises Undecodable.
    """
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    names = [name for name in names if name not in _NOTHING]
    if len(names) > MAX_ENCODINGS:
        raise Undecodable(f"encoded {len(names)} times over")
    decode: Decode | None = None
    for name in reversed(names):
        decode = _chained(decode, _decoder_of(name))
    return decode


def _decoder_of(name: str) -> Decode:
    if name in ("gzip", "x-gzip"):
        return _Zlib(zlib.MAX_WBITS | 16)
    if name == "deflate":
        return _Zlib(zlib.MAX_WBITS)
    if name == "br" and HAS_BROTLI:
        return _Brotli()
    raise Undecodable(f"the server used Content-Encoding {name!r}, which was not asked for")


def _chained(first: Decode | None, second: Decode) -> Decode:
    if first is None:
        return second

    def both(chunk: bytes) -> Iterator[bytes]:
        for piece in first(chunk):
            yield from second(piece)
        if not chunk:
            yield from second(b"")

    return both


class _Zlib:
    """gzip (RFC 1952, several members allowed) and deflate (RFC 1950, or raw as some send it)."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inner = zlib.decompressobj(wbits)
        self._started = False
        self._held = b""  # a single byte, which does not tell yet what it begins

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            yield from self._rest()
            return
        chunk, self._held = self._held + chunk, b""
        while chunk:
            if len(chunk) == 1 and (self._inner.eof or not self._started):
                self._held = chunk
                return
            if self._inner.eof:
                if self._wbits == zlib.MAX_WBITS or not chunk.startswith(b"\x1f\x8b"):
                    return  # padding behind the last member
                self._inner = zlib.decompressobj(self._wbits)
            piece = self._step(chunk)
            self._started = True
            if piece:
                yield piece
            chunk = self._inner.unused_data or self._inner.unconsumed_tail

    def _rest(self) -> Iterator[bytes]:
        """What zlib still holds when its input is used up but its output was limited."""
        while not self._inner.eof:
            piece = self._step(b"")
            if not piece:
                raise Undecodable("the compressed data ends early")
            yield piece

    def _step(self, chunk: bytes) -> bytes:
        try:
            return self._inner.decompress(chunk, CHUNK_BYTES)
        except zlib.error as error:
            if self._started or self._wbits != zlib.MAX_WBITS:
                raise Undecodable(f"the compressed data is damaged ({error})") from error
            self._wbits = -zlib.MAX_WBITS
            self._inner = zlib.decompressobj(self._wbits)
            return self._step(chunk)


class _Brotli:
    """br (RFC 7932), by the `brotli` package if it is installed."""

    def __init__(self) -> None:
        import brotli

        self._error = brotli.error
        self._inner = brotli.Decompressor()

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        try:
            if not chunk and not self._inner.is_finished():
                raise Undecodable("the compressed data ends early")
            piece = self._inner.process(chunk, output_buffer_limit=CHUNK_BYTES) if chunk else b""
            if piece:  # an empty one would mean the end to a decoder behind this one
                yield piece
            while not self._inner.can_accept_more_data():
                yield self._inner.process(b"", output_buffer_limit=CHUNK_BYTES)
        except self._error as error:
            raise Undecodable(f"the compressed data is damaged ({error})") from error
