"""Bodies come to the disk whole, decoded, counted and bounded, however they are cut on the way."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.errors import LocalFault
from scraper.http import bodies
from scraper.http.bodies import TooLarge, read_beginning, save_body
from tests.http.test_decoding import BODY, ENCODERS, brotlied, cut


class Wire:
    """What urllib3's response is asked for: the bytes, in chunks of our choice."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks: Iterator[bytes] = iter([each for each in chunks if each])
        self.reads = 0

    def read(self, amt: int, decode_content: bool) -> bytes:
        assert not decode_content, "decoding is ours"
        self.reads += 1
        return next(self._chunks, b"")


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_saved_is_counted_and_hashed(name: str, tmp_path: Path) -> None:
    encoding, encode = ENCODERS[name]
    encoded = encode(BODY)
    path = tmp_path / "part"
    body = save_body(
        Wire(encoded),
        str(path),
        length=len(encoded),
        encoding=encoding,
        max_bytes=10**6,
    )
    assert path.read_bytes() == BODY
    assert (body.bytes, body.wire_bytes) == (len(BODY), len(encoded))
    assert body.sha256 == hashlib.sha256(BODY).hexdigest()
    assert BODY.startswith(body.head)
    assert len(body.head) == bodies.HEAD_BYTES


def test_an_empty_body_is_a_body(tmp_path: Path) -> None:
    for encoding, length in itertools.product((None, "gzip"), (None, 0)):
        body = save_body(
            Wire(),
            str(tmp_path / f"{encoding}-{length}.part"),
            length=length,
            encoding=encoding,
            max_bytes=10,
        )
        assert (body.bytes, body.head) == (0, b"")


def test_the_length_saves_the_last_empty_read(tmp_path: Path) -> None:
    wire = Wire(BODY)
    save_body(
        wire,
        str(tmp_path / "part"),
        length=len(BODY),
        encoding=None,
        max_bytes=10**6,
    )
    assert wire.reads == 1


@pytest.mark.parametrize("length", [None, len(BODY)])
def test_the_limit_is_exact(length: int | None, tmp_path: Path) -> None:
    path = tmp_path / "part"
    save_body(
        Wire(BODY), str(path), length=length, encoding=None, max_bytes=len(BODY)
    )
    path.unlink()
    with pytest.raises(TooLarge):
        save_body(
            Wire(BODY),
            str(path),
            length=length,
            encoding=None,
            max_bytes=len(BODY) - 1,
        )
    assert not path.exists(), "what is not wanted is not kept"


def test_a_file_that_is_there_is_never_written_to(tmp_path: Path) -> None:
    """It may be published by now, under another name."""
    path = tmp_path / "part"
    path.write_bytes(BODY)
    with pytest.raises(LocalFault, match="File exists"):
        save_body(
            Wire(b"other"),
            str(path),
            length=None,
            encoding=None,
            max_bytes=10,
        )
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_bomb_costs_neither_memory_nor_disk(
    encoding: str, tmp_path: Path
) -> None:
    zeros = bytes(2**24)
    whole = gzip.compress(zeros) if encoding == "gzip" else brotlied(zeros)
    path = tmp_path / "part"
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            save_body(
                Wire(whole),
                str(path),
                length=None,
                encoding=encoding,
                max_bytes=2**21,
            )
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
        save_body(
            Breaking(BODY),
            str(path),
            length=None,
            encoding=None,
            max_bytes=10**6,
        )
    assert not path.exists()


def test_a_full_disk_is_this_machines_fault_not_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LocalFault) as caught:
        save_body(
            Wire(BODY),
            str(tmp_path / "part"),
            length=None,
            encoding=None,
            max_bytes=10**6,
        )
    assert caught.value.failure.kind == "disk_full"


def test_a_folder_that_is_gone_is_this_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(LocalFault):
        save_body(
            Wire(BODY),
            str(tmp_path / "no" / "part"),
            length=None,
            encoding=None,
            max_bytes=10**6,
        )


@pytest.mark.parametrize("name", ["gzip", "deflate", "none"])
def test_of_a_long_answer_the_beginning_is_read_and_no_more(name: str) -> None:
    encoding, encode = ENCODERS[name]
    wire = Wire(*cut(encode(BODY), list(range(0, len(BODY), 1_000))))
    assert read_beginning(wire, encoding, 1_500) == BODY[:1_500]
    assert wire.reads < 20
