"""Connections: kept, judged again, replaced when they die; TLS and proxies."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from scraper import errors
from scraper.faulty import (
    Behaviour,
    Exchange,
    FaultyServer,
    bad_chunk,
    body,
    chunked,
    close_after,
    closed_port,
    cut_head,
    early_hints,
    empty,
    garbage,
    page,
    redirect,
    reset,
    short,
    short_chunked,
    silent,
    status,
)
from scraper.model import Fetched
from tests.http.asker import BODY, PATIENCE, Asker, kind_of

# -- connections ------------------------------------------------------------------------------


def gone_in_chunks(exchange: Any) -> None:
    exchange.send(
        b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
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
    with FaultyServer(
        {"/a": body(bytes(10**6), code=404), "/b": page("b")}
    ) as server:
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
    with FaultyServer(
        AnswersOnce(dies), tls=certificate if tls else None
    ) as server:
        flights = [asker.flight(server.url(path)) for path in paths]
        facts = list(asker.pool.map(asker.fetcher.fetch, flights))
        assert [asker.saved(fact).decode() for fact in facts] == paths
        assert max(server.count(path) for path in paths) == 2
        connected = {
            path: flight.connected
            for path, flight in zip(paths, flights, strict=True)
        }
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
     (silent(), "timeout_first_byte")],
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


def test_a_request_on_a_fresh_connection_is_not_sent_again(
    asker: Asker,
) -> None:
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


def test_a_request_that_dies_on_a_kept_connection_to_a_proxy_is_sent_again(
    tmp_path: Path,
) -> None:
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
        assert [asker.saved(fact) for fact in facts] == [
            f"page {n}".encode() for n in range(40)
        ]
        assert len({seen.connection for seen in server.seen}) <= 4


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
    behaviour: Behaviour,
    kinds: set[str],
    certificate: tuple[str, str],
    tmp_path: Path,
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
        assert kind_of(asker.ask(plain)) in (
            "connection_lost",
            "protocol_error",
        )


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


def test_no_proxy_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    asker = Asker(tmp_path)
    with FaultyServer(page("direct")) as server:
        assert asker.saved(asker.ask(server.url())) == b"direct"
    asker.close()


def test_a_proxy_that_is_not_there_is_the_proxys_failure(
    tmp_path: Path,
) -> None:
    asker = Asker(tmp_path, proxy=f"http://127.0.0.1:{closed_port()}")
    assert kind_of(asker.ask("http://elsewhere.example/")) == "proxy_failed"
    asker.close()
