"""One request comes back as one fact, whatever the server does, and no later than its deadline."""

from __future__ import annotations

import gzip
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from scraper import errors
from scraper.config import FetchSettings
from scraper.errors import UsageError
from scraper.faulty import (
    Behaviour,
    Exchange,
    FaultyServer,
    bad_chunk,
    bad_coding,
    bad_length,
    bad_status_line,
    body,
    broken_gzip,
    chunked,
    close_after,
    closed_port,
    continue_forever,
    cut_head,
    drip,
    drip_head,
    early_hints,
    empty,
    endless_chunk_size,
    endless_chunked,
    endless_extensions,
    endless_header,
    endless_trailers,
    etag,
    folded_header,
    garbage,
    gzip_body,
    gzip_bomb,
    length_and_chunked,
    long_header,
    many_headers,
    needs_login,
    no_length,
    non_latin_header,
    odd_header,
    overlong,
    page,
    redirect,
    redirect_nowhere,
    reset,
    reset_midway,
    retry_after,
    sequence,
    short,
    short_chunked,
    silent,
    status,
    too_large,
    two_lengths,
    unaccepting,
    unasked_body,
    unknown_encoding,
    upgrade,
)
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Guard
from scraper.http import fetcher
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.http.headers import retry_after as parsed_retry_after
from scraper.machine.files import open_folder
from scraper.model import Fact, Fetched, FetchFailed, Moved, RobotsText, StoredResponse, Task
from scraper.urls import canonical

PATIENCE = 10.0
BODY = b"<!doctype html><title>A page</title>" + b"<p>All is well. " * 500


class Asker:
    """Asks URLs on threads of its own, as the pipeline does."""

    def __init__(self, folder: Path, **keys: Any) -> None:
        self.folder = folder
        self.keys = FetchSettings(**{"timeout_seconds": PATIENCE, **keys})
        self.guard = Guard(AllowList(["127.0.0.1", "localhost", "*.example"]))
        self.opened = open_folder(folder)
        self.fetcher = Fetcher(self.keys, self.guard, folder, per_host=4, max_pause=3_600.0,
                               folder=self.opened)  # fmt: skip
        self.pool = ThreadPoolExecutor(4)
        self.attempts = 0

    def flight(self, url: str, seconds: float = PATIENCE, **task: Any) -> Flight:
        self.attempts += 1
        parts = canonical(url)
        asked = Task(7, parts, parts, **task)
        return Flight(self.attempts, asked, "listed", time.monotonic() + seconds)

    def ask(self, url: str, **task: Any) -> Fact:
        return self.pool.submit(self.fetcher.fetch, self.flight(url, **task)).result(PATIENCE)

    def saved(self, fact: Fact) -> bytes:
        assert isinstance(fact, Fetched), fact
        assert fact.part is not None
        return (self.folder / fact.part).read_bytes()

    def close(self) -> None:
        self.fetcher.close()
        self.pool.shutdown()


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    made = Asker(tmp_path)
    yield made
    made.close()


def kind_of(fact: Fact) -> str:
    return fact.failure.kind if isinstance(fact, FetchFailed) else type(fact).__name__


# -- what answers mean: no connection is needed for that ---------------------------------------


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_an_answer_is_on_the_disk_with_all_that_is_known_of_it(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/page?q", body=BODY, content_type="text/html; charset=latin-1",
            headers={"ETag": '"1"'})  # fmt: skip
    fact = asker.ask("https://a.example/page?q")
    assert isinstance(fact, Fetched)
    assert asker.saved(fact) == BODY
    assert (fact.status, fact.kind, fact.type, fact.charset) == (
        200, "page", "text/html", "latin-1")  # fmt: skip
    assert (fact.bytes, fact.wire_bytes) == (len(BODY), len(BODY))
    assert fact.sha256 == hashlib.sha256(BODY).hexdigest()
    assert dict(fact.headers)["etag"] == '"1"'


def test_a_redirect_is_told_not_followed(asker: Asker, web: responses.RequestsMock) -> None:
    web.get("https://a.example/a/", status=301, headers={"Location": "../b#c"})
    fact = asker.ask("https://a.example/a/")
    assert isinstance(fact, Moved)
    assert (fact.to.href, fact.status) == ("https://a.example/b", 301)


def test_a_location_may_hold_anything(asker: Asker, web: responses.RequestsMock) -> None:
    """UTF-8 as it is, which http.client reads as latin-1."""
    web.get("https://a.example/", status=302,
            headers={"Location": "/übergröße".encode().decode("latin-1")})  # fmt: skip
    fact = asker.ask("https://a.example/")
    assert isinstance(fact, Moved)
    assert fact.to.href == "https://a.example/%C3%BCbergr%C3%B6%C3%9Fe"


@pytest.mark.parametrize("to", ["javascript:alert(1)", "http://[", "file:///etc/passwd"])
def test_a_redirect_to_what_is_no_page_is_a_bad_one(
    to: str, asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", status=302, headers={"Location": to})
    fact = asker.ask("https://a.example/")
    assert isinstance(fact, FetchFailed)
    assert fact.failure.kind == "bad_redirect"
    assert to in fact.failure.message


@pytest.mark.parametrize("code", [400, 404, 410, 429, 500, 503, 599, 304])
def test_a_status_that_brings_nothing_is_a_failure_of_its_own(
    code: int, asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", status=code, body="no")
    fact = asker.ask("https://a.example/")
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.failure.label) == ("http_status", f"http_{code}")
    assert list(asker.folder.iterdir()) == []


def test_credentials_go_into_a_header_and_out_of_the_url(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/x", body=b"in")
    asker.ask("https://me:p%40ss@a.example/x")
    asked = web.calls[0].request
    assert asked.url == "https://a.example/x"
    assert asked.headers["Authorization"] == requests.auth._basic_auth_str("me", "p@ss")


def test_every_request_says_who_asks(tmp_path: Path, web: responses.RequestsMock) -> None:
    web.get("https://a.example/", body=b"in")
    asker = Asker(tmp_path, header=("X-One: 1", "user-agent: mine/1.0"))
    asker.ask("https://a.example/")
    asker.close()
    sent = web.calls[0].request.headers
    assert sent["X-One"] == "1"
    agents = [value for name, value in sent.items() if name.lower() == "user-agent"]
    assert agents == ["mine/1.0"], "a header of the user's takes the place of ours"


@pytest.mark.parametrize(
    "line", ["no colon", ": value", "Name: a\r\nX: b", "Na me: a", "Name: 富士山", "Name: a\0"]
)
def test_a_header_that_is_none_is_refused_before_the_first_request(
    line: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="write 'Name: value'"):
        Asker(tmp_path, header=(line,))


def test_robots_txt_comes_as_text(asker: Asker, web: responses.RequestsMock) -> None:
    web.get("https://a.example/robots.txt", body="User-agent: *\nDisallow: /ü".encode())
    fact = asker.ask("https://a.example/robots.txt", purpose="robots")
    assert isinstance(fact, RobotsText)
    assert fact.text == "User-agent: *\nDisallow: /ü"
    assert list(asker.folder.iterdir()) == []


def test_what_is_held_is_asked_for_conditionally(asker: Asker, web: responses.RequestsMock) -> None:
    web.get("https://a.example/", status=304)
    (asker.folder / "held.html").write_bytes(BODY)
    stored = StoredResponse("held.html", "text/html", "utf-8", len(BODY), "ab" * 32, etag='"1"',
                            last_modified="Wed, 01 Jan 2025 00:00:00 GMT")  # fmt: skip
    fact = asker.ask("https://a.example/", stored=stored)
    assert isinstance(fact, Fetched)
    assert (fact.status, fact.part, fact.sha256) == (304, None, "ab" * 32)
    sent = web.calls[0].request.headers
    assert sent["If-None-Match"] == '"1"'
    assert sent["If-Modified-Since"] == "Wed, 01 Jan 2025 00:00:00 GMT"


def test_what_was_held_and_is_gone_is_asked_for_anew(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", body=BODY)
    asker.ask("https://a.example/", stored=StoredResponse("gone.html", "text/html", etag='"1"'))
    assert "If-None-Match" not in web.calls[0].request.headers


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 0.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 0.0),
     ("Thu, 01 Jan 1970 00:05:00 GMT", 200.0), ("Thu Jan  1 00:05:00 1970", 200.0),
     ("-5", None), ("soon", None), ("", None), ("1.5", None),
     ("Fri, 31 Dec 99999 23:59:59 GMT", None), ("Thu, 01 Jan 1970 00:00:00 +9999999999", None),
     (f"Thu, 01 Jan {9**40} 00:00:00 GMT", None), (f"Thu, 01 Jan 1970 {9**40}:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert parsed_retry_after(value, 100.0) == seconds


# -- what servers do: connections are needed for that ------------------------------------------


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
def test_a_body_comes_whole(behaviour: Behaviour, expected: bytes, asker: Asker) -> None:
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
    "damaged": (broken_gzip(), "body_undecodable"),
    "encoding": (unknown_encoding(), "body_undecodable"),
    "encoded over and over": (unknown_encoding(name=", ".join(["gzip"] * 99)), "body_undecodable"),
    "announced": (too_large(), "body_too_large"),
    "bomb": (gzip_bomb(20), "body_too_large"),
    "endless": (endless_chunked(), "body_too_large"),
    "nowhere": (redirect_nowhere(), "http_status"),
    "another protocol": (upgrade(), "http_status"),
}  # fmt: skip
RAW_WORDS = re.compile(r"^(invalid literal|hello|IncompleteRead|got more|Exceeds|read length)")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_server_has_its_name_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    behaviour, kind = FAULTS[name]
    asker = Asker(tmp_path, max_body_bytes=50_000)
    with FaultyServer(behaviour) as server:
        fact = asker.ask(server.url())
        assert isinstance(fact, FetchFailed)
        # RST may overtake what was sent before it: then the body is short, or the head is.
        assert kind_of(fact) in ((kind, "body_short") if "reset" in name else (kind,))
        assert not RAW_WORDS.match(fact.failure.message)
        assert list(tmp_path.iterdir()) == []
    asker.close()


WHOLE: dict[str, tuple[Behaviour, bytes]] = {
    "the same length twice": (bad_length(f"{len(BODY)}, {len(BODY)}", BODY), BODY),
    "length and chunks": (length_and_chunked(BODY), BODY),
    "length and identity": (bad_length(f"{len(BODY)}\r\nTransfer-Encoding: identity", BODY), BODY),
    "chunks, padded": (bad_coding(" CHUNKED ", BODY), BODY),
    "chunks, said twice": (bad_coding("chunked\r\nTransfer-Encoding: chunked", BODY), BODY),
    "a size with an extension": (bad_chunk(b"0400 ;a=b"), b"." * 1_024),
    "chunks of a byte": (chunked(BODY, 1), BODY),
    "a NUL in a header": (odd_header(b"X-Header: a\0b", BODY), BODY),
    "a folded header": (folded_header(BODY), BODY),
    "latin-1 and worse": (non_latin_header(BODY), BODY),
    "a header without a colon": (odd_header(b"X-Header", BODY), BODY),
    "no length": (no_length(BODY), BODY),
    "more than its length": (overlong(BODY), BODY),
    "a few interim answers": (early_hints(early_hints(early_hints(body(BODY)))), BODY),
    "nothing": (status(204), b""),
    "nothing, in chunks": (status(204, {"Transfer-Encoding": "chunked"}), b""),
    "nothing, and a body": (unasked_body(204), b""),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_odd_but_clear_comes_whole(name: str, asker: Asker) -> None:
    behaviour, expected = WHOLE[name]
    with FaultyServer(behaviour) as server:
        assert asker.saved(asker.ask(server.url())) == expected


def test_an_answer_of_another_protocol_ends_its_connection(asker: Asker) -> None:
    """What follows a 101 is no HTTP, and not the answer to the next request."""

    def switching(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    with FaultyServer({"/a": switching, "/b": page("b")}) as server:
        assert kind_of(asker.ask(server.url("/a"))) == "http_status"
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
        assert kind_of(asker.ask(server.url("/a"), purpose=purpose)) == "http_status"
        assert asker.saved(asker.ask(server.url("/b"))) == b"b"
        assert server.seen[0].connection != server.seen[1].connection


def test_a_408_closes_its_connection_also_where_nothing_follows(asker: Asker) -> None:
    with FaultyServer({"/a": status(408), "/b": page("b")}) as server:
        asker.ask(server.url("/a"))
        asker.ask(server.url("/b"))
        assert [seen.connection for seen in server.seen] == [1, 2]


def gone_slowly(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.hang()


def moved_slowly(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 9\r\n\r\n")
    exchange.hang()


@pytest.mark.parametrize(
    ("behaviour", "kind"), [(gone_slowly, "http_status"), (moved_slowly, "Moved")]
)
def test_an_answer_counts_though_its_body_had_to_be_cut(
    behaviour: Behaviour, kind: str, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wanted the body: the head had said all."""
    with FaultyServer(behaviour) as server:
        flight = asker.flight(server.url())
        return_connection = fetcher.return_connection

        def cut_first(raw: Any, *, body_was_read: bool) -> None:
            flight.abort(errors.new_failure("timeout_total", "not finished within 5 s"))
            return_connection(raw, body_was_read=body_was_read)

        monkeypatch.setattr(fetcher, "return_connection", cut_first)
        assert kind_of(asker.fetcher.fetch(flight)) == kind


def test_silence_ends_with_the_time_out(tmp_path: Path) -> None:
    asker = Asker(tmp_path, timeout_seconds=0.1)
    with FaultyServer(silent()) as server:
        assert kind_of(asker.ask(server.url())) == "timeout_read"
    asker.close()


def test_a_port_that_nobody_listens_on_refuses(asker: Asker) -> None:
    assert kind_of(asker.ask(f"http://127.0.0.1:{closed_port()}/")) == "connect_refused"


def test_a_port_that_never_accepts_ends_with_the_time_out(tmp_path: Path) -> None:
    asker = Asker(tmp_path, connect_timeout_seconds=0.1)
    with unaccepting() as port:
        assert kind_of(asker.ask(f"http://127.0.0.1:{port}/")) == "connect_timeout"
    asker.close()


def test_what_the_guard_refuses_is_never_connected_to(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    with FaultyServer(page("in")) as server:
        flight = asker.flight(server.url())
        flight.trust = "public"  # as if a public page had named it
        fact = asker.fetcher.fetch(flight)
        assert kind_of(fact) == "private_address"
        assert server.count() == 0
    asker.close()


def test_a_pause_until_an_absurd_date_is_no_pause_and_the_answer_counts(asker: Asker) -> None:
    with FaultyServer(retry_after(f"Thu, 01 Jan 1970 {9**40}:00:00 GMT", 503)) as server:
        fact = asker.ask(server.url())
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.label, fact.failure.retryable, fact.failure.pause) == (
        "http_503", True, None)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind"),
    [(f"bytes 0-{len(BODY) - 1}/{len(BODY)}", "Fetched"),
     (f"bytes 0-{len(BODY) - 1}/{len(BODY) + 1}", "body_short"),
     (f"bytes 10-{len(BODY) + 9}/{len(BODY) + 10}", "body_short"),
     (f"bytes 0-{len(BODY) - 1}/*", "body_short"), ("lines 1-2/2", "body_short"),
     (None, "body_short")],
)  # fmt: skip
def test_a_part_is_not_taken_for_the_whole(said: str | None, kind: str, asker: Asker) -> None:
    headers = {"Content-Range": said} if said else {}
    with FaultyServer(body(BODY, headers=headers, code=206)) as server:
        assert kind_of(asker.ask(server.url())) == kind


def test_a_redirect_to_more_than_a_url_can_be_is_a_bad_one(asker: Asker) -> None:
    """The header is short; what is no UTF-8 becomes nine times as long."""

    def answer(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /")
        exchange.send(b"\xff" * 8_000 + b"\r\n\r\n")

    with FaultyServer(answer) as server:
        for purpose in ("url", "robots"):
            assert kind_of(asker.ask(server.url(), purpose=purpose)) == "bad_redirect"


# -- what came, though nothing came of it ------------------------------------------------------


def stops_midway(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + bytes(5_000))
    exchange.hang()


def stops_in_a_chunk(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.send(b"2000\r\n" + bytes(4_994))
    exchange.hang()


@pytest.mark.parametrize(
    ("behaviour", "purpose", "kind", "received"),
    [
        (body(bytes(5_000), code=404), "url", "http_status", 5_000),
        (body(bytes(5_000), code=503), "url", "http_status", 5_000),
        (body(bytes(5_000), headers={"Location": "/b"}, code=302), "url", "Moved", 5_000),
        (body(b"#" * 5_000), "robots", "RobotsText", 5_000),
        (body(b"#" * 5_000, code=404), "robots", "http_status", 5_000),
        (short(bytes(5_000)), "url", "body_short", 5_000),
        (body(bytes(5_000), headers={"Content-Encoding": "gzip"}), "url", "body_undecodable",
         5_000),
        (stops_midway, "url", "timeout_read", 5_000),
        (stops_in_a_chunk, "url", "timeout_read", 5_000),
        (status(404, html=""), "url", "http_status", 0),
        (redirect("/b", 308), "url", "Moved", len("<h1>308 Permanent Redirect</h1>")),
    ],
    ids=["404", "503", "redirect", "robots", "no robots", "short", "encoded", "cut", "cut in chunk",
         "empty", "small redirect"],
)  # fmt: skip
def test_what_came_is_counted_though_nothing_came_of_it(
    behaviour: Behaviour, purpose: str, kind: str, received: int, tmp_path: Path
) -> None:
    asker = Asker(tmp_path, timeout_seconds=0.3)
    with FaultyServer({"/*": page("x" * 777), "/": behaviour}) as server:
        assert isinstance(asker.ask(server.url("/before")), Fetched)
        fact = asker.ask(server.url(), purpose=purpose)
        assert (kind_of(fact), fact.wire_bytes) == (kind, received)
    asker.close()


def test_what_is_too_large_counts_as_far_as_it_came(tmp_path: Path) -> None:
    asker = Asker(tmp_path, max_body_bytes=100_000)
    with FaultyServer(endless_chunked()) as server:
        fact = asker.ask(server.url())
    assert kind_of(fact) == "body_too_large"
    assert 100_000 < fact.wire_bytes < 1_000_000
    asker.close()


# -- TLS --------------------------------------------------------------------------------------


def damaged(exchange: Any) -> None:
    """Half a body, and then bytes that are no TLS."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<p>half")
    socket.socket.sendall(exchange._sock, b"220 this is no record of TLS\r\n")
    exchange.hang()


@pytest.mark.parametrize(
    ("behaviour", "kinds"),
    [(body(BODY), {"Fetched"}), (short(), {"body_short"}), (short_chunked(), {"body_short"}),
     (reset(), {"connection_lost"}), (bad_chunk(b"-5"), {"protocol_error"}),
     (damaged, {"tls_failed", "connection_lost"})],
    ids=["page", "short", "short_chunked", "reset", "bad_chunk", "damaged"],
)  # fmt: skip
def test_behind_tls_a_fault_has_the_same_name(
    behaviour: Behaviour, kinds: set[str], certificate: tuple[str, str], tmp_path: Path
) -> None:
    asker = Asker(tmp_path, ca_bundle=certificate[0])
    with FaultyServer(behaviour, tls=certificate) as server:
        assert kind_of(asker.ask(server.url())) in kinds
    asker.close()


def test_what_speaks_tls_is_no_answer_to_plain_http(
    certificate: tuple[str, str], asker: Asker
) -> None:
    with FaultyServer(page("secret"), tls=certificate) as server:
        plain = server.url().replace("https:", "http:")
        assert kind_of(asker.ask(plain)) in ("connection_lost", "protocol_error")


# -- deadlines --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [silent(), drip(0.01), drip_head(0.01), continue_forever(0.01), continue_forever(),
     continue_forever(code=103), continue_forever(code=199)],
    ids=["silent", "drip", "drip_head", "continue_forever", "at full speed", "hints", "unheard of"],
)  # fmt: skip
def test_a_cut_ends_a_request_however_busy_it_looks(behaviour: Behaviour, asker: Asker) -> None:
    """Every byte re-arms a socket's time-out; the coordinator's does not care."""
    with FaultyServer(behaviour) as server:
        flight = asker.flight(server.url())
        future = asker.pool.submit(asker.fetcher.fetch, flight)
        server.wait_for(1)
        assert not future.done()
        flight.abort(errors.new_failure("timeout_total", "not finished within 5 s"))
        fact = future.result(PATIENCE)
    assert kind_of(fact) == "timeout_total"
    assert list(asker.folder.iterdir()) == []


def test_a_cut_that_comes_before_the_connection_is_not_lost(asker: Asker) -> None:
    with FaultyServer(silent()) as server:
        flight = asker.flight(server.url())
        flight.abort(errors.new_failure("interrupted", "the run was stopped"))
        assert kind_of(asker.pool.submit(asker.fetcher.fetch, flight).result(PATIENCE)) == (
            "interrupted"
        )


def test_a_cut_that_comes_late_hurts_nobody(asker: Asker) -> None:
    """The connection is another flight's by then."""
    release = threading.Event()

    def waits(exchange: Any) -> None:
        release.wait(PATIENCE)
        body(BODY)(exchange)

    with FaultyServer({"/first": page("first"), "/second": waits}) as server:
        first = asker.flight(server.url("/first"))
        assert isinstance(asker.fetcher.fetch(first), Fetched)
        second = asker.flight(server.url("/second"))
        future = asker.pool.submit(asker.fetcher.fetch, second)
        server.wait_for(2)
        first.abort(errors.new_failure("timeout_total", "late"))
        release.set()
        assert asker.saved(future.result(PATIENCE)) == BODY
        assert server.seen[0].connection == server.seen[1].connection


def test_no_more_time_is_left_than_the_deadline(asker: Asker) -> None:
    with FaultyServer(silent()) as server:
        fact = asker.fetcher.fetch(asker.flight(server.url(), seconds=0.1))
    assert kind_of(fact) == "timeout_read"


# -- connections ------------------------------------------------------------------------------


def gone_in_chunks(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.send(b"4\r\ngone\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "first",
    [page("a"), status(404), status(503), redirect("/b"), chunked(BODY), early_hints(page("a")),
     status(204), status(204, {"Content-Length": "5"}), status(304),
     status(304, {"Content-Length": "999999"}), gone_in_chunks],
    ids=["page", "404", "503", "redirect", "chunked", "early_hints", "204", "204 with a length",
         "304", "304 with a length", "404 in chunks"],
)  # fmt: skip
def test_a_connection_is_used_again(first: Behaviour, asker: Asker) -> None:
    with FaultyServer({"/a": first, "/b": page("b")}) as server:
        asker.ask(server.url("/a"))
        fact = asker.ask(server.url("/b"))
        assert {seen.connection for seen in server.seen} == {1}
        assert isinstance(fact, Fetched)
        assert fact.timings.connect is None, "a kept connection took no time"


def test_a_long_answer_that_is_not_wanted_costs_its_connection_not_its_bytes(
    asker: Asker,
) -> None:
    with FaultyServer({"/a": body(bytes(10**6), code=404), "/b": page("b")}) as server:
        asker.ask(server.url("/a"))
        asker.ask(server.url("/b"))
        assert [seen.connection for seen in server.seen] == [1, 2]


def test_a_connection_that_the_server_closed_is_replaced(asker: Asker) -> None:
    """Or the request fails in a way that is asked again: the race that every pool knows."""
    with FaultyServer({"/a": close_after(), "/b": page("b")}) as server:
        asker.ask(server.url("/a"))
        fact = asker.ask(server.url("/b"))
        assert isinstance(fact, Fetched) or fact.failure.retryable  # type: ignore[union-attr]


class AnswersOnce:
    """A server whose connections answer one request and die at the next, as one does that closes
    them the moment it is asked again."""

    def __init__(self, dies: Behaviour) -> None:
        self.dies = dies
        self.used: set[int] = set()

    def __call__(self, exchange: Exchange) -> None:
        if exchange.seen.connection in self.used:
            self.dies(exchange)
        else:
            self.used.add(exchange.seen.connection)
            page(exchange.seen.path)(exchange)


@pytest.mark.parametrize("dies", [empty(), reset()], ids=["closed", "reset"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_request_that_dies_on_a_kept_connection_is_sent_again_on_a_fresh_one(
    dies: Behaviour, tls: bool, certificate: tuple[str, str], tmp_path: Path
) -> None:
    """RFC 9112 9.3.1. Fresh means new: the pool holds others that would die as well."""
    asker = Asker(tmp_path, ca_bundle=certificate[0] if tls else "")
    paths = [f"/{n}" for n in range(60)]
    with FaultyServer(AnswersOnce(dies), tls=certificate if tls else None) as server:
        flights = [asker.flight(server.url(path)) for path in paths]
        facts = list(asker.pool.map(asker.fetcher.fetch, flights))
        assert [asker.saved(fact).decode() for fact in facts] == paths
        assert max(server.count(path) for path in paths) == 2
        connected = {path: flight.connected for path, flight in zip(paths, flights, strict=True)}
        sent_again = [path for path in paths if server.count(path) == 2]
        assert sent_again
        assert None not in [connected[path] for path in sent_again]
    asker.close()


def test_a_request_is_sent_again_but_once(asker: Asker) -> None:
    with FaultyServer({"/a": page("a"), "/b": empty()}) as server:
        asker.ask(server.url("/a"))
        assert kind_of(asker.ask(server.url("/b"))) == "connection_lost"
        assert [seen.connection for seen in server.seen] == [1, 1, 2]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [(garbage(b"HTTP"), "protocol_error"), (cut_head(), "connection_lost"),
     (silent(), "timeout_read")],
)  # fmt: skip
def test_a_request_that_was_answered_in_part_or_timed_out_is_not_sent_again(
    behaviour: Behaviour, kind: str, tmp_path: Path
) -> None:
    asker = Asker(tmp_path, timeout_seconds=0.3)
    with FaultyServer({"/a": page("a"), "/b": behaviour}) as server:
        asker.ask(server.url("/a"))
        assert kind_of(asker.ask(server.url("/b"))) == kind
        assert [seen.connection for seen in server.seen] == [1, 1]
    asker.close()


def test_a_request_on_a_fresh_connection_is_not_sent_again(asker: Asker) -> None:
    with FaultyServer(empty()) as server:
        assert kind_of(asker.ask(server.url())) == "connection_lost"
        assert server.count() == 1


def test_an_aborted_request_is_not_sent_again(asker: Asker) -> None:
    with FaultyServer({"/a": page("a"), "/b": silent()}) as server:
        asker.ask(server.url("/a"))
        flight = asker.flight(server.url("/b"))
        future = asker.pool.submit(asker.fetcher.fetch, flight)
        server.wait_for(2)
        flight.abort(errors.new_failure("interrupted", "the run was stopped"))
        assert kind_of(future.result(PATIENCE)) == "interrupted"
        assert server.count("/b") == 1


def test_a_request_that_dies_on_a_kept_connection_to_a_proxy_is_sent_again(tmp_path: Path) -> None:
    with FaultyServer(AnswersOnce(empty())) as proxy:
        asker = Asker(tmp_path, proxy=f"http://127.0.0.1:{proxy.port}")
        for n in range(3):
            asker.saved(asker.ask(f"http://elsewhere.example/{n}"))
        assert [seen.connection for seen in proxy.seen] == [1, 1, 2, 2, 3]
        asker.close()


def test_answers_do_not_mix_on_many_threads(asker: Asker) -> None:
    paths = {f"/{n}": page(f"page {n}") for n in range(40)}
    with FaultyServer(paths) as server:
        flights = [asker.flight(server.url(path)) for path in paths]
        facts = list(asker.pool.map(asker.fetcher.fetch, flights))
        assert [asker.saved(fact) for fact in facts] == [f"page {n}".encode() for n in range(40)]
        assert len({seen.connection for seen in server.seen}) <= 4


def test_a_pause_that_the_answer_asks_for_is_told_within_our_limit(asker: Asker) -> None:
    with FaultyServer({"/a": retry_after(7), "/b": retry_after(10**9)}) as server:
        pauses = [asker.ask(server.url(path)) for path in ("/a", "/b")]
    assert [fact.failure.pause for fact in pauses if isinstance(fact, FetchFailed)] == [
        7.0,
        3_600.0,
    ]


def test_a_login_is_answered_with_the_credentials_of_the_url(asker: Asker) -> None:
    with FaultyServer(needs_login("Basic bWU6c2VjcmV0", page("in"))) as server:
        url = server.url("/").replace("://", "://me:secret@")
        assert asker.saved(asker.ask(url)) == b"in"


def test_an_answer_that_was_not_modified_needs_no_body(asker: Asker) -> None:
    with FaultyServer(sequence(etag(BODY))) as server:
        first = asker.ask(server.url())
        assert isinstance(first, Fetched)
        stored = StoredResponse(first.part, first.type, None, first.bytes, first.sha256,
                                etag=dict(first.headers)["etag"])  # fmt: skip
        again = asker.ask(server.url(), stored=stored)
        assert isinstance(again, Fetched)
        assert (again.status, again.wire_bytes, again.sha256) == (304, 0, first.sha256)
        asker.ask(server.url())
        assert {seen.connection for seen in server.seen} == {1}


# -- proxies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["configured", "environment"])
def test_a_proxy_is_asked_in_the_hosts_place(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(page("by proxy")) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        if way == "environment":
            monkeypatch.setenv("http_proxy", address)
        asker = Asker(tmp_path, proxy=address if way == "configured" else "")
        fact = asker.ask("http://elsewhere.example/x")
        assert asker.saved(fact) == b"by proxy"
        assert proxy.seen[0].path == "http://elsewhere.example/x"
        asker.close()


def test_no_proxy_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    asker = Asker(tmp_path)
    with FaultyServer(page("direct")) as server:
        assert asker.saved(asker.ask(server.url())) == b"direct"
    asker.close()


def test_a_proxy_that_is_not_there_is_the_proxys_failure(tmp_path: Path) -> None:
    asker = Asker(tmp_path, proxy=f"http://127.0.0.1:{closed_port()}")
    assert kind_of(asker.ask("http://elsewhere.example/")) == "proxy_failed"
    asker.close()


def test_flights_are_told_apart_by_their_number(asker: Asker) -> None:
    """Two attempts at one task write two parts: a late one never overwrites the other."""
    with FaultyServer(page("a")) as server:
        facts = [asker.ask(server.url()) for _ in range(2)]
    assert len({fact.part for fact in facts if isinstance(fact, Fetched)}) == 2
