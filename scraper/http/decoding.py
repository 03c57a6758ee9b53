"""Content-Encoding undone: a function from chunks as they came to decoded pieces of bounded size.

Ours, not urllib3's, because the limit must hold for the decoded size while the length check
(RFC 9112, 6.3) is about the bytes on the wire.
"""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Callable, Iterator

PIECE_BYTES = (
    262_144  # 16 kB pieces cost a third of the speed, larger ones bring nothing
)
HAS_BROTLI = importlib.util.find_spec("brotli") is not None
ACCEPT_ENCODING = "gzip, deflate, br" if HAS_BROTLI else "gzip, deflate"
MAX_ENCODINGS = (
    5  # one upon another, as in urllib3; a header has room for thousands
)

# Words that servers put into Content-Encoding though nothing is encoded.
_NOTHING = frozenset(
    {"", "identity", "none", "binary", "utf-8", "utf8", "8bit", "7bit"}
)
_ENDS_EARLY = "the compressed data ends early"


class Undecodable(ValueError):
    """The body is not what its Content-Encoding says."""


Decode = Callable[[bytes], Iterator[bytes]]


def decoder(encoding: str | None) -> Decode | None:
    """A function from raw chunks to decoded pieces of bounded size; None: nothing to decode.

    Called with b"" it gives the rest and checks that the end was the end. Raises Undecodable.
    """
    if not encoding:
        return None
    listed = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in listed if name not in _NOTHING]
    if len(names) > MAX_ENCODINGS:
        raise Undecodable(f"encoded {len(names)} times over")
    decode: Decode | None = None
    for name in reversed(names):
        decode = _chain_decoders(decode, _decoder_of(name))
    return decode


def _decoder_of(name: str) -> Decode:
    if name in ("gzip", "x-gzip"):
        return _Zlib(zlib.MAX_WBITS | 16)
    if name == "deflate":
        return _Zlib(zlib.MAX_WBITS)
    if name == "br" and HAS_BROTLI:
        return _Brotli()
    raise Undecodable(
        f"the server used Content-Encoding {name!r}, which was not asked for"
    )


def _chain_decoders(first: Decode | None, second: Decode) -> Decode:
    if first is None:
        return second

    def decode_twice(chunk: bytes) -> Iterator[bytes]:
        for piece in first(chunk):
            yield from second(piece)
        if not chunk:
            yield from second(b"")

    return decode_twice


class _Zlib:
    """gzip (RFC 1952, several members allowed) and deflate (RFC 1950, or raw as some send it)."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inner = zlib.decompressobj(wbits)
        self._started = False
        self._ambiguous = (
            b""  # a single byte, which does not show yet what it begins
        )

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            yield from self._decode_rest()
            return
        chunk, self._ambiguous = self._ambiguous + chunk, b""
        while chunk:
            if len(chunk) == 1 and (self._inner.eof or not self._started):
                self._ambiguous = chunk
                return
            if self._inner.eof and not self._begin_member(chunk):
                return  # padding behind the last member
            piece = self._decode_piece(chunk)
            self._started = True
            if piece:
                yield piece
            chunk = self._inner.unused_data or self._inner.unconsumed_tail

    def _begin_member(self, chunk: bytes) -> bool:
        """Is this another member of a gzip file?"""
        if self._wbits == zlib.MAX_WBITS or not chunk.startswith(b"\x1f\x8b"):
            return False
        self._inner = zlib.decompressobj(self._wbits)
        return True

    def _decode_rest(self) -> Iterator[bytes]:
        """What zlib still holds when its input is used up but its output was limited."""
        while not self._inner.eof:
            piece = self._decode_piece(b"")
            if not piece:
                raise Undecodable(_ENDS_EARLY)
            yield piece

    def _decode_piece(self, chunk: bytes) -> bytes:
        try:
            return self._inner.decompress(chunk, PIECE_BYTES)
        except zlib.error as error:
            if self._started or self._wbits != zlib.MAX_WBITS:
                raise Undecodable(
                    f"the compressed data is damaged ({error})"
                ) from error
            self._wbits = -zlib.MAX_WBITS
            self._inner = zlib.decompressobj(self._wbits)
            return self._decode_piece(chunk)


class _Brotli:
    """br (RFC 7932), by the `brotli` package if it is installed."""

    def __init__(self) -> None:
        import brotli

        self._error = brotli.error
        self._inner = brotli.Decompressor()

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        try:
            piece = b""
            if chunk:
                piece = self._inner.process(
                    chunk, output_buffer_limit=PIECE_BYTES
                )
            elif not self._inner.is_finished():
                raise Undecodable(_ENDS_EARLY)
            # an empty one would mean the end to a decoder behind this one
            if piece:
                yield piece
            while not self._inner.can_accept_more_data():
                yield self._inner.process(b"", output_buffer_limit=PIECE_BYTES)
        except self._error as error:
            raise Undecodable(
                f"the compressed data is damaged ({error})"
            ) from error
