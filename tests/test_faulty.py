"""The misbehaving server misbehaves as promised. Raw sockets: no client's opinion in between."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from scraper import faulty
from scraper.faulty import (
    Behaviour,
    Exchange,
    FaultyServer,
    Seen,
    behaviours,
    closed_port,
    page,
    status,
    unaccepting,
)
from scraper.faulty.zoo import FAMILIES, zoo

PAYLOAD = b"".join(b"line %d\n" % n for n in range(200))


@contextmanager
def connected(server: FaultyServer) -> Iterator[socket.socket]:
    with socket.create_connection(
        (server.host, server.port), timeout=10
    ) as sock:
        yield sock


def request(
    path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> bytes:
    lines = "".join(
        f"{name}: {value}\r\n" for name, value in (headers or {}).items()
    )
    return f"{method} {path} HTTP/1.1\r\nHost: test\r\n{lines}\r\n".encode()


def read_to_end(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65_536), b""))


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    received = b""
    while mark not in received:
        piece = sock.recv(65_536)
        assert piece, f"{received!r} ends without {mark!r}"
        received += piece
    return received


def ask(
    server: FaultyServer,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> tuple[bytes, bytes]:
    """Head and body of the answer, as they were sent, on a connection of its own."""
    with connected(server) as sock:
        sock.sendall(request(path, {"Connection": "close", **(headers or {})}))
        head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
    return head, body


def answer_of(
    behaviour: Behaviour, headers: Mapping[str, str] | None = None
) -> tuple[bytes, bytes]:
    with FaultyServer(behaviour) as server:
        return ask(server, headers=headers)


def threads_of(server: FaultyServer) -> list[threading.Thread]:
    name = f"faulty-{server.port}"
    return [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith(name)
    ]


# -- the server -------------------------------------------------------------------------------


def test_a_connection_is_kept_for_further_requests() -> None:
    with FaultyServer({"/a": page("A"), "/b": page("B")}) as server:
        client = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=10
        )
        bodies = []
        for path in ("/a", "/b", "/c"):
            client.request("GET", path)
            bodies.append(client.getresponse().read())
        client.close()
    assert bodies == [b"A", b"B", b"not found"]
    assert [seen.connection for seen in server.seen] == [1, 1, 1]


def test_it_listens_on_loopback_only() -> None:
    with FaultyServer() as server:
        assert server.url("/x") == f"http://127.0.0.1:{server.port}/x"
        assert (
            server.url("/x", "localhost") == f"http://localhost:{server.port}/x"
        )
        assert server._listener.getsockname()[0] == "127.0.0.1"


def test_the_log_says_who_asked_for_what_and_when() -> None:
    before = time.monotonic()
    with FaultyServer(page("")) as server:
        ask(server, "/a?b=1", {"X-Twice": "1", "x-twice": "2", "Cookie": "c=1"})
        ask(server, "/a?b=1")
    first, second = server.seen_of("/a?b=1")
    assert (first.n, first.nth, first.connection) == (1, 1, 1)
    assert (second.n, second.nth, second.connection) == (2, 2, 2)
    assert (first.method, first.path, first.host) == ("GET", "/a?b=1", "test")
    assert first.headers["cookie"] == "c=1"
    assert first.headers["x-twice"] == "1, 2"
    assert before < first.at <= first.until <= second.at < time.monotonic()
    assert server.count("/a?b=1") == server.count() == 2
    assert server.count("/a") == 0


def test_a_request_keeps_its_body() -> None:
    with FaultyServer(page("")) as server:
        client = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=10
        )
        client.request("POST", "/", body=b"x" * 200_000)
        client.getresponse().read()
        client.close()
    assert server.seen[0].body == b"x" * 200_000


def test_requests_sent_together_are_answered_in_order() -> None:
    with (
        FaultyServer(behaviours.changing("{n};")) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/") * 2 + request("/", {"Connection": "close"}))
        bodies = [
            part.partition(b"\r\n\r\n")[2]
            for part in read_to_end(sock).split(b"HTTP/1.1 ")
        ]
    assert bodies == [b"", b"1;", b"2;", b"3;"]


def test_paths_are_found_from_the_most_particular_to_the_widest() -> None:
    table = {
        "/a?b=1": page("query"),
        "/a": page("path"),
        "/a/*": page("folder"),
        "/*": page("rest"),
        "//test/named": page("host"),
        "/named": page("not for this host"),
    }
    paths = ["/a?b=1", "/a?b=2", "/a/b/c?d", "/", "/else", "/named"]
    with FaultyServer(table) as server:
        found = [ask(server, path)[1].decode() for path in paths]
    assert found == ["query", "path", "folder", "rest", "rest", "host"]


def test_behaviours_may_change_while_it_serves() -> None:
    with FaultyServer() as server:
        assert ask(server)[0].startswith(b"HTTP/1.1 404 ")
        server.behaviours["/"] = status(410)
        assert ask(server)[0].startswith(b"HTTP/1.1 410 ")


def test_head_is_answered_without_a_body() -> None:
    with FaultyServer(page("12345")) as server, connected(server) as sock:
        sock.sendall(request("/", {"Connection": "close"}, "HEAD"))
        answer = read_to_end(sock)
    assert b"Content-Length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n"])
def test_what_is_no_request_is_refused_and_not_logged(sent: bytes) -> None:
    with FaultyServer(page("")) as server, connected(server) as sock:
        sock.sendall(sent)
        assert read_to_end(sock).startswith(b"HTTP/1.1 400 ")
    assert server.seen == []


def test_wait_for_returns_the_nth_request() -> None:
    with FaultyServer(page("")) as server, ThreadPoolExecutor(1) as pool:
        waited = pool.submit(server.wait_for, 2)
        ask(server, "/one")
        ask(server, "/two")
        assert waited.result(10).path == "/two"


def test_wait_for_gives_up() -> None:
    with (
        FaultyServer(page("")) as server,
        pytest.raises(TimeoutError, match="0 of 1 requests"),
    ):
        server.wait_for(1, timeout_seconds=0.01)


def test_on_request_is_called_before_the_answer() -> None:
    told: list[Seen] = []
    with FaultyServer(page("")) as server:
        server.on_request = told.append
        ask(server, "/a")
        assert [seen.path for seen in told] == ["/a"]
        assert told[0].until == float("inf")
    assert server.seen[0].until < float("inf")


def test_on_request_may_close_the_server() -> None:
    server = FaultyServer(page(""))
    server.on_request = lambda _: server.close()
    with connected(server) as sock:
        sock.sendall(request("/"))
        with suppress(ConnectionResetError):
            assert read_to_end(sock) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=10)


def test_max_concurrent_counts_overlapping_requests_of_a_host() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(exchange: Exchange) -> None:
        both.wait()
        page("")(exchange)

    with FaultyServer({"/meet": meet, "/alone": page("")}) as server:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: ask(server, "/meet"), range(2)))
        ask(server, "/alone", {"X-Other": "1"})
    assert server.max_concurrent() == server.max_concurrent("test") == 2
    assert server.max_concurrent("elsewhere") == 0


def test_requests_one_after_the_other_never_seem_to_overlap() -> None:
    with FaultyServer(page("")) as server:
        # a new connection each, hence another thread of the server
        for _ in range(50):
            ask(server)
    assert server.max_concurrent() == 1
    assert min(server.gaps()) > 0
    assert len(server.gaps("test")) == 49


def test_close_ends_every_thread_and_connection() -> None:
    server = FaultyServer(zoo())
    with ThreadPoolExecutor(8) as pool:
        paths = [
            "/silent",
            "/delay/10",
            "/drip",
            "/drip-head",
            "/too-large",
            "/endless-chunked",
        ]
        asked = [pool.submit(ask, server, path) for path in paths]
        server.wait_for(len(paths))
        with connected(server):  # one that never asks
            server.close()
        for answer in asked:
            assert answer.exception(10) is None or isinstance(
                answer.exception(), ConnectionError
            )
    assert threads_of(server) == []
    server.close()


def test_a_finished_connection_leaves_no_thread() -> None:
    with FaultyServer(page("")) as server:
        for _ in range(20):
            ask(server)
    assert threads_of(server) == []


def test_a_port_can_be_served_again_at_once() -> None:
    with FaultyServer(page("first")) as server:
        ask(server)
    with FaultyServer(page("second"), port=server.port) as again:
        assert ask(again)[1] == b"second"


def test_it_answers_faster_than_a_scraper_asks() -> None:
    with FaultyServer(page("x" * 1_000)) as server, connected(server) as sock:
        began = time.monotonic()
        for _ in range(300):
            sock.sendall(request("/"))
            read_until(sock, b"x" * 1_000)
        # 6,000 alone, on an idle machine
        assert 300 / (time.monotonic() - began) > 150


def test_https_with_a_certificate(certificate: tuple[str, str]) -> None:
    trusting = ssl.create_default_context(cafile=certificate[0])
    with FaultyServer(
        behaviours.delay(0.01, page("secret")), tls=certificate
    ) as server:
        assert server.url().startswith("https://127.0.0.1:")
        client = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=10, context=trusting
        )
        client.request("GET", "/")
        assert client.getresponse().read() == b"secret"
        client.close()


def test_close_ends_tls_connections_too(certificate: tuple[str, str]) -> None:
    trusting = ssl.create_default_context(cafile=certificate[0])
    server = FaultyServer(behaviours.silent(), tls=certificate)
    with (
        connected(server),  # never shakes hands
        connected(server) as plain,
        trusting.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        sock.sendall(request("/"))
        server.wait_for(1)
        server.close()
    assert threads_of(server) == []


# -- addresses that do not answer -------------------------------------------------------------


def test_a_closed_port_refuses() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port()), timeout=10)


def test_unaccepting_lets_connections_time_out() -> None:
    with unaccepting() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.1)


# -- as it should be --------------------------------------------------------------------------


def test_body_sends_type_length_headers_and_payload() -> None:
    head, body = answer_of(
        behaviours.body(PAYLOAD, "image/png", {"X-A": "b"}, 203)
    )
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 203 Non-Authoritative Information",
        b"Content-Type: image/png",
        b"Content-Length: %d" % len(PAYLOAD),
        b"X-A: b",
    ]
    assert body == PAYLOAD


def test_body_without_a_type() -> None:
    assert b"Content-Type" not in answer_of(behaviours.body(PAYLOAD, None))[0]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (404, b"404 Not Found"),
        (999, b"999 Unheard Of"),
        (204, b"204 No Content"),
    ],
)
def test_status(code: int, line: bytes) -> None:
    head, body = answer_of(status(code))
    assert head.startswith(b"HTTP/1.1 " + line)
    assert (body == b"") == (b"Content-Length" not in head) == (code == 204)


def test_chunked_is_understood() -> None:
    with FaultyServer(behaviours.chunked(PAYLOAD, 100)) as server:
        client = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=10
        )
        for _ in range(2):
            client.request("GET", "/")
            assert client.getresponse().read() == PAYLOAD
        client.close()


def test_gzip_body_is_compressed() -> None:
    head, body = answer_of(behaviours.gzip_body(PAYLOAD))
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body) == PAYLOAD


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ('"1"', 304),
        ('W/"1"', 304),
        ('"0", "1"', 304),
        ("*", 304),
        ('"2"', 200),
        ("", 200),
    ],
)
def test_etag(known: str, code: int) -> None:
    headers = {"If-None-Match": known} if known else None
    head, body = answer_of(behaviours.etag(PAYLOAD, '"1"'), headers)
    assert head.startswith(b"HTTP/1.1 %d " % code)
    assert b'ETag: "1"' in head
    assert body == (PAYLOAD if code == 200 else b"")


@pytest.mark.parametrize(
    ("year", "code"), [(2023, 200), (2024, 304), (2025, 304), (None, 200)]
)
def test_last_modified(year: int | None, code: int) -> None:
    date = "01 Jan {} 00:00:00 GMT"
    headers = {"If-Modified-Since": date.format(year)} if year else None
    head, _ = answer_of(
        behaviours.last_modified(PAYLOAD, date.format(2024)), headers
    )
    assert head.startswith(b"HTTP/1.1 %d " % code)
    assert b"Last-Modified: 01 Jan 2024" in head


@pytest.mark.parametrize(
    ("headers", "code", "body"),
    [
        ({}, 200, b"0123456789"),
        ({"Range": "bytes=4-"}, 206, b"456789"),
        ({"Range": "bytes=4-5"}, 206, b"45"),
        ({"Range": "bytes=4-", "If-Range": '"1"'}, 206, b"456789"),
        ({"Range": "bytes=4-", "If-Range": '"0"'}, 200, b"0123456789"),
    ],
)
def test_ranges(headers: dict[str, str], code: int, body: bytes) -> None:
    head, got = answer_of(behaviours.ranges(b"0123456789"), headers)
    assert head.startswith(b"HTTP/1.1 %d " % code)
    assert got == body
    assert (b"Content-Range: bytes 4-" in head) == (code == 206)


def test_ranges_beyond_the_end_cannot_be_satisfied() -> None:
    head, _ = answer_of(
        behaviours.ranges(b"0123456789"), {"Range": "bytes=10-"}
    )
    assert head.startswith(b"HTTP/1.1 416 ")
    assert b"Content-Range: bytes */10" in head


# -- one after the other ----------------------------------------------------------------------


def test_sequence_counts_the_requests_of_each_path() -> None:
    act = behaviours.sequence(status(503), status(500), page("well"))
    with FaultyServer({"/a": act, "/b": act}) as server:
        paths = ["/a", "/b", "/a", "/a", "/a", "/b"]
        codes = [int(ask(server, path)[0].split()[1]) for path in paths]
    assert codes == [503, 503, 500, 200, 200, 500]


def test_sequence_gives_each_step_once_to_many_at_once() -> None:
    steps = [page(str(n)) for n in range(40)]
    with (
        FaultyServer(behaviours.sequence(*steps)) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        got = {body for _, body in pool.map(lambda _: ask(server), range(40))}
    assert len(got) == 40


def test_alternate_begins_again() -> None:
    with FaultyServer(behaviours.alternate(page("a"), page("b"))) as server:
        assert [ask(server)[1] for _ in range(4)] == [b"a", b"b", b"a", b"b"]


def test_retry_after_refuses_once() -> None:
    with FaultyServer(behaviours.retry_after(7, then=page("well"))) as server:
        head, _ = ask(server)
        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After: 7" in head
        assert ask(server)[1] == b"well"


def test_retry_after_alone_refuses_always() -> None:
    with FaultyServer(
        behaviours.retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 503)
    ) as server:
        assert {ask(server)[0].split()[1] for _ in range(3)} == {b"503"}


def test_changing_differs_each_time() -> None:
    with FaultyServer(behaviours.changing()) as server:
        assert ask(server)[1] != ask(server)[1]


# -- elsewhere --------------------------------------------------------------------------------


def location(head: bytes) -> str:
    return head.partition(b"Location: ")[2].partition(b"\r\n")[0].decode()


def test_redirect_sends_the_place_as_it_is() -> None:
    head, _ = answer_of(behaviours.redirect("http://[", 308))
    assert head.startswith(b"HTTP/1.1 308 ")
    assert location(head) == "http://["


def test_redirect_nowhere_has_no_location() -> None:
    head, _ = answer_of(behaviours.redirect_nowhere())
    assert head.startswith(b"HTTP/1.1 302 ")
    assert location(head) == ""


def test_redirect_loop_names_itself() -> None:
    with FaultyServer(behaviours.redirect_loop()) as server:
        assert location(ask(server, "/a?b")[0]) == "/a?b"


def test_redirect_chain_has_its_number_of_hops() -> None:
    with FaultyServer(behaviours.redirect_chain(3, page("there"))) as server:
        path, hops = "/a", 0
        while path:
            head, body = ask(server, path)
            path = location(head)
            hops += bool(path)
    assert (hops, body) == (3, b"there")


def test_cookie_wall_opens_for_those_who_bring_the_cookie() -> None:
    with FaultyServer(
        behaviours.cookie_wall("c=1; Path=/", page("in"))
    ) as server:
        head, _ = ask(server, "/a")
        assert location(head) == "/a"
        assert b"Set-Cookie: c=1; Path=/" in head
        assert ask(server, "/a", {"Cookie": "b=2; c=1"})[1] == b"in"


def test_set_cookie_knows_it_again() -> None:
    with FaultyServer(behaviours.set_cookie("c=1", page("again"))) as server:
        assert b"Set-Cookie: c=1" in ask(server)[0]
        assert ask(server, headers={"Cookie": "c=1"})[1] == b"again"


def test_needs_login() -> None:
    with FaultyServer(behaviours.needs_login("Bearer x", page("in"))) as server:
        assert ask(server)[0].startswith(b"HTTP/1.1 401 ")
        assert ask(server, headers={"Authorization": "Bearer x"})[1] == b"in"


# -- slow -------------------------------------------------------------------------------------


def test_delay_delays_the_head() -> None:
    began = time.monotonic()
    assert answer_of(behaviours.delay(0.1, page("late")))[1] == b"late"
    assert time.monotonic() - began >= 0.1


def test_a_delay_ends_when_the_client_leaves() -> None:
    with FaultyServer(behaviours.delay(60)) as server:
        with connected(server) as sock:
            sock.sendall(request("/"))
            server.wait_for(1)
            _, answering = threads_of(server)
        answering.join(10)
        assert not answering.is_alive()


def test_slowly_is_slow_but_whole() -> None:
    began = time.monotonic()
    head, body = answer_of(behaviours.slowly(PAYLOAD, 0.1))
    assert time.monotonic() - began >= 0.1
    assert b"Content-Length: %d" % len(PAYLOAD) in head
    assert body == PAYLOAD


def test_silent_sends_nothing() -> None:
    with FaultyServer(behaviours.silent()) as server, connected(server) as sock:
        sock.sendall(request("/"))
        server.wait_for(1)
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_drip_sends_the_head_and_then_bytes_for_ever() -> None:
    with (
        FaultyServer(behaviours.drip(0.001, b"ab")) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/"))
        assert read_until(sock, b"\r\n\r\nababab").startswith(
            b"HTTP/1.1 200 OK\r\n"
        )


def test_drip_comes_byte_by_byte() -> None:
    with (
        FaultyServer(behaviours.drip(0.05)) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/"))
        began = time.monotonic()
        read_until(sock, b"\r\n\r\n...")
        assert time.monotonic() - began >= 0.1


def test_drip_head_never_ends_its_head() -> None:
    with (
        FaultyServer(behaviours.drip_head(0.0005)) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/"))
        received = read_until(sock, b"X-Drip: drip\r\nX-Drip: drip\r\nX-Drip")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in received


# -- without end ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "first", "again"),
    [
        (behaviours.continue_forever(), b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 "),
        (behaviours.endless_chunked(b"abc"), b"HTTP/1.1 200 OK\r\n", b"3\r\nabc\r\n"),
        (behaviours.continue_forever(code=103), b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 1"),
        (behaviours.endless_header(), b"HTTP/1.1 200 OK\r\nX-Endless: ", b"X-Endless: "),
        (behaviours.endless_chunk_size(), b"HTTP/1.1 200 OK\r\n", b"0" * 1_024),
        (behaviours.endless_extensions(b".", 500), b"HTTP/1.1 200 OK\r\n", b"\r\n1;eee"),
        (behaviours.endless_trailers(), b"HTTP/1.1 200 OK\r\n", b"X-Trailer: more\r\n"),
    ],
    ids=["continue_forever", "endless_chunked", "endless_hints", "endless_header",
         "endless_chunk_size", "endless_extensions", "endless_trailers"],
)  # fmt: skip
def test_endless_answers_go_on_until_the_client_leaves(
    behaviour: Behaviour, first: bytes, again: bytes
) -> None:
    with FaultyServer(behaviour) as server, connected(server) as sock:
        sock.sendall(request("/"))
        received = b""
        while len(received) < 1_000_000:
            received += sock.recv(65_536)
    assert received.startswith(first)
    assert received.count(again) > 900


def test_too_large_declares_and_falls_silent() -> None:
    with (
        FaultyServer(behaviours.too_large(10**15)) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/"))
        assert b"Content-Length: 1000000000000000\r\n" in read_until(
            sock, b"...."
        )
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            read_to_end(sock)


def test_gzip_bomb_is_a_thousand_times_its_size() -> None:
    head, body = answer_of(behaviours.gzip_bomb(3))
    assert b"Content-Encoding: gzip" in head
    assert len(body) < 4_000
    assert len(gzip.decompress(body)) == 3 * 1_048_576


# -- cut off ----------------------------------------------------------------------------------


def test_empty_closes_without_a_byte() -> None:
    assert answer_of(behaviours.empty()) == (b"", b"")


def test_reset_is_a_reset() -> None:
    with pytest.raises(ConnectionResetError):
        answer_of(behaviours.reset())


def test_reset_midway_sends_half() -> None:
    with (
        FaultyServer(behaviours.reset_midway(b"x" * 10)) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/"))
        assert b"Content-Length: 10" in read_until(sock, b"xxxxx")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_short_declares_more_than_it_sends() -> None:
    head, body = answer_of(behaviours.short(PAYLOAD, 10))
    assert body == PAYLOAD
    assert b"Content-Length: %d" % (len(PAYLOAD) + 10) in head


def test_short_chunked_ends_without_the_last_chunk() -> None:
    _, body = answer_of(behaviours.short_chunked(b"abc"))
    assert body == b"3\r\nabc\r\n"


def test_short_chunked_may_end_within_a_size() -> None:
    _, body = answer_of(behaviours.short_chunked(b"abc", end=b"1f"))
    assert body == b"3\r\nabc\r\n1f"


def test_cut_head_ends_within_a_header() -> None:
    with FaultyServer(
        behaviours.cut_head(302, {"Location": "/there"})
    ) as server:
        head, body = ask(server)
    assert head.endswith(b"\r\nLocation: /th")
    assert body == b""


def test_close_after_breaks_its_promise() -> None:
    with (
        FaultyServer(behaviours.close_after(page("ok"))) as server,
        connected(server) as sock,
    ):
        sock.sendall(request("/"))
        answer = read_to_end(sock)
    assert answer.endswith(b"ok")
    assert b"Connection: close" not in answer


# -- lengths and encodings --------------------------------------------------------------------


def test_no_length_ends_with_the_connection() -> None:
    head, body = answer_of(behaviours.no_length(PAYLOAD))
    assert head.startswith(b"HTTP/1.0 200 OK")
    assert b"Content-Length" not in head
    assert body == PAYLOAD


def test_overlong_sends_more_than_it_declares() -> None:
    head, body = answer_of(behaviours.overlong(b"abc", b"HTTP/1.1 200 OK"))
    assert b"Content-Length: 3\r\n" in head + b"\r\n"
    assert body == b"abcHTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("behaviour", "line"),
    [
        (behaviours.bad_length(), b"Content-Length: many"),
        (behaviours.bad_length("-1"), b"Content-Length: -1"),
        (
            behaviours.two_lengths(b"abc"),
            b"Content-Length: 3\r\nContent-Length: 13",
        ),
        (behaviours.odd_header(b"no colon"), b"no colon"),
        (behaviours.folded_header(), b"X-Folded: one\r\n  two"),
        (behaviours.non_latin_header(), b"X-Bytes: \x80\xfe\xff"),
        (
            behaviours.unknown_encoding(name="x-none"),
            b"Content-Encoding: x-none",
        ),
        (behaviours.long_header(100_000), b"X-Long: " + b"x" * 100_000),
        (behaviours.upgrade(), b"Upgrade: websocket"),
    ],
    ids=lambda value: (
        value[:20].decode("latin-1") if isinstance(value, bytes) else ""
    ),
)
def test_headers_are_as_odd_as_promised(
    behaviour: Behaviour, line: bytes
) -> None:
    with FaultyServer(behaviour) as server, connected(server) as sock:
        sock.sendall(request("/"))
        assert b"\r\n" + line + b"\r\n" in read_until(sock, b"\r\n\r\n")


def test_many_headers() -> None:
    head, _ = answer_of(behaviours.many_headers(500))
    assert head.count(b"\r\nX-Header-") == 500


def test_length_and_chunked_disagree() -> None:
    head, body = answer_of(behaviours.length_and_chunked(b"0123456789"))
    assert b"Content-Length: 5" in head
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"a\r\n0123456789\r\n0\r\n\r\n"


def test_unasked_body_stands_behind_a_204() -> None:
    head, body = answer_of(behaviours.unasked_body(204, b"abc"))
    assert head.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nContent-Length: 3" in head
    assert body == b"abc"


def test_bad_chunk_has_the_size_that_it_is_told() -> None:
    assert answer_of(behaviours.bad_chunk(b"-5"))[1].startswith(b"-5\r\n....")


def test_bad_coding_names_a_coding_that_is_none() -> None:
    head, body = answer_of(behaviours.bad_coding("rot13", b"abc"))
    assert b"\r\nTransfer-Encoding: rot13" in head
    assert body == b"3\r\nabc\r\n0\r\n\r\n"


def test_bad_chunk_has_no_size() -> None:
    with FaultyServer(behaviours.bad_chunk()) as server:
        client = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=10
        )
        client.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()
        client.close()


@pytest.mark.parametrize(
    "make", [behaviours.broken_gzip, behaviours.cut_gzip, behaviours.not_gzip]
)
def test_gzip_that_cannot_be_undone(make: Callable[[], Behaviour]) -> None:
    head, body = answer_of(make())
    assert b"Content-Encoding: gzip" in head
    assert b"Content-Length: %d" % len(body) in head
    with pytest.raises((zlib.error, EOFError, gzip.BadGzipFile)):
        gzip.decompress(body)


# -- hardly HTTP ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [behaviours.garbage, behaviours.bad_status_line]
)
def test_no_client_takes_it_for_http(make: Callable[[], Behaviour]) -> None:
    with FaultyServer(make()) as server:
        client = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=10
        )
        client.request("GET", "/")
        with pytest.raises(http.client.BadStatusLine):
            client.getresponse()
        client.close()


def test_early_hints_come_before_the_answer() -> None:
    head, rest = answer_of(behaviours.early_hints(page("ok")))
    assert head.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b"ok")


# -- the zoo ----------------------------------------------------------------------------------


def test_the_index_of_the_zoo_names_every_path() -> None:
    with FaultyServer(zoo()) as server:
        index = ask(server)[1].decode()
        assert b"Disallow: /private/" in ask(server, "/robots.txt")[1]
    for family in FAMILIES.values():
        for path, _, _ in family:
            assert f'href="{path}"' in index


def test_no_animal_of_the_zoo_hurts_the_server() -> None:
    with FaultyServer(zoo()) as server:
        for n, path in enumerate(zoo(), 1):
            with (
                connected(server) as sock,
                suppress(TimeoutError, ConnectionResetError),
            ):
                sock.settimeout(0.02)
                sock.sendall(request(path))
                server.wait_for(n)
                sock.recv(65_536)
    # an error in one of them fails this test: filterwarnings
    assert threads_of(server) == []


def test_the_zoo_keeps_one_of_each_kind() -> None:
    source = Path(faulty.__file__).with_name("zoo.py").read_text()
    missing = [
        name for name in behaviours.__all__ if f"b.{name}(" not in source
    ]
    assert missing == []


def test_the_zoo_is_a_command() -> None:
    command = [sys.executable, "-m", "scraper.faulty", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[0]
            client = http.client.HTTPConnection(url.split("/")[2], timeout=10)
            client.request("GET", "/")
            assert b"The zoo" in client.getresponse().read()
            client.close()
            assert process.stdout.readline().split() == [
                "1",
                "connection",
                "1",
                "GET",
                "/",
            ]
        finally:
            process.terminate()


def test_an_error_of_a_behaviour_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    with FaultyServer(lambda _: 1 / 0) as server:  # type: ignore[arg-type]
        assert ask(server) == (b"", b"")
    assert [error.exc_type for error in raised] == [ZeroDivisionError]


def test_the_package_names_every_behaviour() -> None:
    functions = {
        name
        for name, value in vars(behaviours).items()
        if getattr(value, "__module__", "") == behaviours.__name__
        and callable(value)
        and not name.startswith("_")
    }
    assert functions == set(behaviours.__all__) <= set(faulty.__all__)
