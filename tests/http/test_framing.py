"""Where an answer ends, however badly it says so."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from scraper.faulty import (
    Behaviour,
    FaultyServer,
    bad_chunk,
    bad_coding,
    bad_length,
    bad_status_line,
    body,
    broken_gzip,
    chunked,
    continue_forever,
    cut_head,
    early_hints,
    empty,
    endless_chunk_size,
    endless_chunked,
    endless_extensions,
    endless_header,
    endless_trailers,
    folded_header,
    garbage,
    gzip_body,
    gzip_bomb,
    length_and_chunked,
    long_header,
    many_headers,
    no_length,
    non_latin_header,
    odd_header,
    overlong,
    page,
    redirect_nowhere,
    reset,
    reset_midway,
    short,
    short_chunked,
    status,
    too_large,
    two_lengths,
    unasked_body,
    unknown_encoding,
    upgrade,
)
from scraper.http.framing import MAX_INTERIM_ANSWERS
from scraper.model import Fetched, FetchFailed
from tests.http.asker import BODY, Asker, kind_of


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (body(BODY), BODY),
        (chunked(BODY), BODY),
        (gzip_body(BODY), BODY),
        (early_hints(body(BODY)), BODY),
        (body(b""), b""),
        (body(gzip.compress(BODY[:900]) + gzip.compress(BODY[900:]),
              headers={"Content-Encoding": "gzip"}), BODY),
    ],
)  # fmt: skip
def test_a_body_comes_whole(
    behaviour: Behaviour, expected: bytes, asker: Asker
) -> None:
    with FaultyServer(behaviour) as server:
        fact = asker.ask(server.url())
    assert asker.saved(fact) == expected
    assert isinstance(fact, Fetched)
    assert fact.peer == "127.0.0.1"
    assert fact.timings.connect is not None


FAULTS: dict[str, tuple[Behaviour, str]] = {
    "short": (short(), "body_short"),
    "short, in chunks": (short_chunked(), "body_short"),
    "short, in a chunk": (short_chunked(end=b"20\r\nmore"), "body_short"),
    "short, behind a chunk": (
        garbage(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage"), "body_short"
    ),
    "short, in a size": (short_chunked(end=b"0"), "body_short"),
    "reset": (reset(), "connection_lost"),
    "closed": (empty(), "connection_lost"),
    "closed in the head": (cut_head(), "connection_lost"),
    "closed in a Location": (cut_head(302, {"Location": "/there"}), "connection_lost"),
    "closed behind 100": (garbage(b"HTTP/1.1 100 Continue\r\n\r\n"), "connection_lost"),
    "reset midway": (reset_midway(), "connection_lost"),
    "garbage": (garbage(), "protocol_error"),
    "no head": (garbage(BODY), "protocol_error"),
    "a TLS alert": (garbage(b"\x15\3\1\0\2\2\x46"), "protocol_error"),
    "status line": (bad_status_line(), "protocol_error"),
    "status 000": (bad_status_line(b"HTTP/1.1 000 x"), "protocol_error"),
    "headers": (many_headers(), "protocol_error"),
    "a header": (long_header(), "protocol_error"),
    "endless headers": (endless_header(), "protocol_error"),
    "endless trailers": (endless_trailers(), "protocol_error"),
    "endless chunk size": (endless_chunk_size(), "protocol_error"),
    "endless extensions": (endless_extensions(), "protocol_error"),
    "a chunk longer than its size": (bad_chunk(b"10"), "protocol_error"),
    **{f"chunk size {size!r}": (bad_chunk(size), "protocol_error")
       for size in (b"some", b"-5", b"-0", b"+5", b"0x400", b"4_00", b"", b"\xff", b"f" * 17)},
    **{f"length {length!r}": (bad_length(length, BODY), "protocol_error")
       for length in ("many", "-5", "+5", "", "5, 6", "5.0", "0x14", "1_0", "5;", "\u0661")},
    "two lengths": (two_lengths(), "protocol_error"),
    "a huge length": (bad_length("9" * 5_000), "body_too_large"),
    **{f"coding {coding!r}": (bad_coding(coding), "protocol_error")
       for coding in ("gzip", "gzip, chunked", "chunked, gzip", "chunked;q=1", "xchunked")},
    "a length behind a line that is no header": (
        odd_header(b"no colon\r\nContent-Length: 9999", BODY), "body_short"
    ),
    "endless interim answers": (continue_forever(), "protocol_error"),
    "endless hints": (continue_forever(code=103), "protocol_error"),
    "endless answers unheard of": (continue_forever(code=199), "protocol_error"),
    "a pause 10,000 times": (odd_header(b"Retry-After: 9\r\n" * 10_000), "protocol_error"),
    "damaged": (broken_gzip(), "body_undecodable"),
    "encoding": (unknown_encoding(), "body_undecodable"),
    "encoded over and over": (unknown_encoding(name=", ".join(["gzip"] * 99)), "body_undecodable"),
    "announced": (too_large(), "body_too_large"),
    "bomb": (gzip_bomb(20), "body_too_large"),
    "endless": (endless_chunked(), "body_too_large"),
    "nowhere": (redirect_nowhere(), "http_status"),
    "another protocol": (upgrade(), "http_status"),
}  # fmt: skip
RAW_WORDS = re.compile(
    r"^(invalid literal|hello|IncompleteRead|got more|Exceeds|read length)"
)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_server_has_its_name_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    behaviour, kind = FAULTS[name]
    asker = Asker(tmp_path, max_body_bytes=50_000)
    with FaultyServer(behaviour) as server:
        fact = asker.ask(server.url())
        assert isinstance(fact, FetchFailed)
        # RST may overtake what was sent before it: then the body is short, or the head is.
        assert kind_of(fact) in (
            (kind, "body_short") if "reset" in name else (kind,)
        )
        assert not RAW_WORDS.match(fact.failure.message)
        assert list(tmp_path.iterdir()) == []
    asker.close()


WHOLE: dict[str, tuple[Behaviour, bytes]] = {
    "the same length twice": (
        bad_length(f"{len(BODY)}, {len(BODY)}", BODY),
        BODY,
    ),
    "length and chunks": (length_and_chunked(BODY), BODY),
    "length and identity": (
        bad_length(f"{len(BODY)}\r\nTransfer-Encoding: identity", BODY),
        BODY,
    ),
    "chunks, padded": (bad_coding(" CHUNKED ", BODY), BODY),
    "chunks, said twice": (
        bad_coding("chunked\r\nTransfer-Encoding: chunked", BODY),
        BODY,
    ),
    "a size with an extension": (bad_chunk(b"0400 ;a=b"), b"." * 1_024),
    "chunks of a byte": (chunked(BODY, 1), BODY),
    "a NUL in a header": (odd_header(b"X-Header: a\0b", BODY), BODY),
    "a folded header": (folded_header(BODY), BODY),
    "latin-1 and worse": (non_latin_header(BODY), BODY),
    "a header without a colon": (odd_header(b"X-Header", BODY), BODY),
    "no length": (no_length(BODY), BODY),
    "more than its length": (overlong(BODY), BODY),
    "a few interim answers": (
        early_hints(early_hints(early_hints(body(BODY)))),
        BODY,
    ),
    "a hundred interim answers": (
        garbage(
            b"HTTP/1.1 103 Early Hints\r\n\r\n" * MAX_INTERIM_ANSWERS
            + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n."
        ),
        b".",
    ),
    "nothing": (status(204), b""),
    "nothing, in chunks": (status(204, {"Transfer-Encoding": "chunked"}), b""),
    "nothing, and a body": (unasked_body(204), b""),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_odd_but_clear_comes_whole(name: str, asker: Asker) -> None:
    behaviour, expected = WHOLE[name]
    with FaultyServer(behaviour) as server:
        assert asker.saved(asker.ask(server.url())) == expected


def test_an_answer_of_another_protocol_ends_its_connection(
    asker: Asker,
) -> None:
    """What follows a 101 is no HTTP, and not the answer to the next request."""

    def switching(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    with FaultyServer({"/a": switching, "/b": page("b")}) as server:
        assert kind_of(asker.ask(server.url("/a"))) == "http_status"
        assert asker.saved(asker.ask(server.url("/b"))) == b"b"
        assert server.seen[0].connection != server.seen[1].connection


def test_what_comes_behind_an_answer_is_not_the_next_one(asker: Asker) -> None:
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    longer = overlong(BODY, forged)
    with FaultyServer({"/a": longer, "/b": page("b")}) as server:
        assert asker.saved(asker.ask(server.url("/a"))) == BODY
        assert asker.saved(asker.ask(server.url("/b"))) == b"b"
        assert server.seen[0].connection != server.seen[1].connection


@pytest.mark.parametrize("purpose", ["url", "robots"])
def test_an_answer_408_ends_its_connection(purpose: str, asker: Asker) -> None:
    """A server sends it for a connection that was idle: what follows would be the answer to the
    request before, and that to each later one would be another's."""

    def timed_out(exchange: Any) -> None:
        status(408)(exchange)
        page("a, late")(exchange)

    with FaultyServer({"/a": timed_out, "/b": page("b")}) as server:
        assert (
            kind_of(asker.ask(server.url("/a"), purpose=purpose))
            == "http_status"
        )
        assert asker.saved(asker.ask(server.url("/b"))) == b"b"
        assert server.seen[0].connection != server.seen[1].connection


def test_a_408_closes_its_connection_also_where_nothing_follows(
    asker: Asker,
) -> None:
    with FaultyServer({"/a": status(408), "/b": page("b")}) as server:
        asker.ask(server.url("/a"))
        asker.ask(server.url("/b"))
        assert [seen.connection for seen in server.seen] == [1, 2]
