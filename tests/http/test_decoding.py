"""Encoded bodies come out as they went in, however they are cut on the way, or are refused."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scraper.http.decoding import PIECE_BYTES, Undecodable, decoder

BODY = b"".join(b"line %d of a page\n" % n for n in range(5_000))


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


def brotlied(data: bytes) -> bytes:
    brotli = pytest.importorskip("brotli", reason="brotli is an extra")
    encoded: bytes = brotli.compress(data)
    return encoded


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "gzip of two members": ("gzip", members),
    "gzip, padded": ("gzip", lambda data: gzip.compress(data) + bytes(512)),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotlied),
    "gzip over br": ("br, gzip", lambda data: gzip.compress(brotlied(data))),
    "br over gzip": ("gzip, br", lambda data: brotlied(gzip.compress(data))),
    "identity": ("identity", bytes),
    "nonsense that says nothing": ("utf-8", bytes),
    "none": ("", bytes),
}


def decoded(encoding: str | None, chunks: list[bytes]) -> bytes:
    decode = decoder(encoding)
    if decode is None:
        return b"".join(chunks)
    found = [piece for chunk in chunks if chunk for piece in decode(chunk)]
    found += decode(b"")
    assert all(len(piece) <= PIECE_BYTES for piece in found)
    return b"".join(found)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("name", ENCODERS)
def test_a_body_comes_out_as_it_went_in(name: str) -> None:
    encoding, encode = ENCODERS[name]
    assert decoded(encoding, [encode(BODY)]) == BODY


@pytest.mark.parametrize("name", ENCODERS)
def test_a_body_may_come_byte_by_byte(name: str) -> None:
    encoding, encode = ENCODERS[name]
    encoded = encode(BODY[:2_000])
    assert (
        decoded(encoding, [bytes([byte]) for byte in encoded]) == BODY[:2_000]
    )


@given(
    st.sampled_from(sorted(ENCODERS)),
    st.binary(max_size=200).map(lambda data: data * 3),
    st.lists(st.integers(0, 2**16), max_size=8),
)
@example("gzip of two members", b"ab", [21])
@settings(max_examples=150)
def test_however_a_body_is_cut_it_is_the_same(
    name: str, body: bytes, places: list[int]
) -> None:
    encoding, encode = ENCODERS[name]
    assert decoded(encoding, cut(encode(body), places)) == body


@pytest.mark.parametrize(
    "name", ["gzip", "deflate", "raw deflate", "br", "gzip of two members"]
)
def test_a_compressed_body_that_ends_early_is_noticed(name: str) -> None:
    encoding, encode = ENCODERS[name]
    with pytest.raises(Undecodable):
        decoded(encoding, [encode(BODY)[:-9]])


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_a_damaged_body_is_noticed(name: str) -> None:
    encoding, encode = ENCODERS[name]
    encoded = bytearray(encode(BODY))
    middle = len(encoded) // 2
    encoded[middle : middle + 20] = bytes(
        byte ^ 0xFF for byte in encoded[middle : middle + 20]
    )
    with pytest.raises(Undecodable):
        decoded(encoding, [bytes(encoded)])


@pytest.mark.parametrize("encoding", ["x-rot13", "compress", "gzip, x-rot13"])
def test_an_encoding_that_was_not_asked_for_is_refused_by_name(
    encoding: str,
) -> None:
    with pytest.raises(Undecodable, match=r"compress|x-rot13"):
        decoder(encoding)


def test_a_body_encoded_over_and_over_is_refused() -> None:
    with pytest.raises(Undecodable):
        decoder(", ".join(["gzip"] * 5_000))
