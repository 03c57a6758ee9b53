"""Bodies come to the disk whole, decoded, counted and bounded, however they are cut on the way."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scraper.errors import LocalFault
from scraper.http import bodies
from scraper.http.bodies import TooLarge, read_beginning, save_body
from scraper.http.decoding import PIECE_BYTES, Undecodable, decoder

BODY = b"".join(b"line %d of a page\n" % n for n in range(5_000))


class Wire:
    """What urllib3's response is asked for: the bytes, in chunks of our choice."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks: Iterator[bytes] = iter([each for each in chunks if each])
        self.reads = 0

    def read(self, amt: int, decode_content: bool) -> bytes:
        assert not decode_content, "decoding is ours"
        self.reads += 1
        return next(self._chunks, b"")


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


# -- decoding ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENCODERS)
def test_a_body_comes_out_as_it_went_in(name: str) -> None:
    encoding, encode = ENCODERS[name]
    assert decoded(encoding, [encode(BODY)]) == BODY


@pytest.mark.parametrize("name", ENCODERS)
def test_a_body_may_come_byte_by_byte(name: str) -> None:
    encoding, encode = ENCODERS[name]
    encoded = encode(BODY[:2_000])
    assert decoded(encoding, [bytes([byte]) for byte in encoded]) == BODY[:2_000]


@given(
    st.sampled_from(sorted(ENCODERS)),
    st.binary(max_size=200).map(lambda data: data * 3),
    st.lists(st.integers(0, 2**16), max_size=8),
)
@example("gzip of two members", b"ab", [21])
@settings(max_examples=150)
def test_however_a_body_is_cut_it_is_the_same(name: str, body: bytes, places: list[int]) -> None:
    encoding, encode = ENCODERS[name]
    assert decoded(encoding, cut(encode(body), places)) == body


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "br", "gzip of two members"])
def test_a_compressed_body_that_ends_early_is_noticed(name: str) -> None:
    encoding, encode = ENCODERS[name]
    with pytest.raises(Undecodable):
        decoded(encoding, [encode(BODY)[:-9]])


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_a_damaged_body_is_noticed(name: str) -> None:
    encoding, encode = ENCODERS[name]
    encoded = bytearray(encode(BODY))
    middle = len(encoded) // 2
    encoded[middle : middle + 20] = bytes(byte ^ 0xFF for byte in encoded[middle : middle + 20])
    with pytest.raises(Undecodable):
        decoded(encoding, [bytes(encoded)])


@pytest.mark.parametrize("encoding", ["x-rot13", "compress", "gzip, x-rot13"])
def test_an_encoding_that_nobody_asked_for_is_refused_by_name(encoding: str) -> None:
    with pytest.raises(Undecodable, match=r"compress|x-rot13"):
        decoder(encoding)


def test_a_body_encoded_over_and_over_is_refused() -> None:
    with pytest.raises(Undecodable):
        decoder(", ".join(["gzip"] * 5_000))


# -- saving -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_saved_is_counted_and_hashed(name: str, tmp_path: Path) -> None:
    encoding, encode = ENCODERS[name]
    encoded = encode(BODY)
    path = tmp_path / "part"
    body = save_body(
        Wire(encoded), str(path), length=len(encoded), encoding=encoding, max_bytes=10**6
    )
    assert path.read_bytes() == BODY
    assert (body.bytes, body.wire_bytes) == (len(BODY), len(encoded))
    assert body.sha256 == hashlib.sha256(BODY).hexdigest()
    assert BODY.startswith(body.head)
    assert len(body.head) == bodies.HEAD_BYTES


def test_an_empty_body_is_a_body(tmp_path: Path) -> None:
    for encoding, length in itertools.product((None, "gzip"), (None, 0)):
        body = save_body(
            Wire(), str(tmp_path / "part"), length=length, encoding=encoding, max_bytes=10
        )
        assert (body.bytes, body.head) == (0, b"")


def test_the_length_saves_the_last_empty_read(tmp_path: Path) -> None:
    wire = Wire(BODY)
    save_body(wire, str(tmp_path / "part"), length=len(BODY), encoding=None, max_bytes=10**6)
    assert wire.reads == 1


@pytest.mark.parametrize("length", [None, len(BODY)])
def test_the_limit_is_exact(length: int | None, tmp_path: Path) -> None:
    path = tmp_path / "part"
    save_body(Wire(BODY), str(path), length=length, encoding=None, max_bytes=len(BODY))
    with pytest.raises(TooLarge):
        save_body(Wire(BODY), str(path), length=length, encoding=None, max_bytes=len(BODY) - 1)
    assert not path.exists(), "what is not wanted is not kept"


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_bomb_costs_neither_memory_nor_disk(encoding: str, tmp_path: Path) -> None:
    zeros = bytes(2**24)
    whole = gzip.compress(zeros) if encoding == "gzip" else brotlied(zeros)
    path = tmp_path / "part"
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            save_body(Wire(whole), str(path), length=None, encoding=encoding, max_bytes=2**21)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20
    assert not path.exists()


def test_a_connection_that_breaks_leaves_no_part(tmp_path: Path) -> None:
    class Breaking(Wire):
        def read(self, amt: int, decode_content: bool) -> bytes:
            if self.reads:
                raise ConnectionResetError("reset by peer")
            return super().read(amt, decode_content)

    path = tmp_path / "part"
    with pytest.raises(ConnectionResetError):
        save_body(Breaking(BODY), str(path), length=None, encoding=None, max_bytes=10**6)
    assert not path.exists()


def test_a_full_disk_is_this_machines_fault_not_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LocalFault) as caught:
        save_body(Wire(BODY), str(tmp_path / "part"), length=None, encoding=None, max_bytes=10**6)
    assert caught.value.failure.kind == "disk_full"


def test_a_folder_that_is_gone_is_this_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(LocalFault):
        save_body(
            Wire(BODY), str(tmp_path / "no" / "part"), length=None, encoding=None, max_bytes=10**6
        )


@pytest.mark.parametrize("name", ["gzip", "deflate", "none"])
def test_of_a_long_answer_the_beginning_is_read_and_no_more(name: str) -> None:
    encoding, encode = ENCODERS[name]
    wire = Wire(*cut(encode(BODY), list(range(0, len(BODY), 1_000))))
    assert read_beginning(wire, encoding, 1_500) == BODY[:1_500]
    assert wire.reads < 20
