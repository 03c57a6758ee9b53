"""Proxies that pass on bytes: CONNECT for TLS, and SOCKS5."""

from __future__ import annotations

import importlib.util
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scraper.faulty import FaultyServer, page
from scraper.model import FetchFailed
from tests.http.asker import PATIENCE, Asker

Greeting = Callable[["Tunnel"], bool]  # is a tunnel opened?


class Tunnel(socketserver.StreamRequestHandler):
    """Hears where the client wants to go, answers, and connects the two."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Proxy)
        if not server.greeting(self):
            return
        server.opened += 1
        with socket.create_connection(("127.0.0.1", server.target)) as far:
            back = threading.Thread(target=_pump, args=(far, self.connection))
            back.start()
            _pump(self.connection, far)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the other side has gone


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy on a port of its own, whose every way leads to `target`."""

    daemon_threads = True

    def __init__(self, greeting: Greeting, target: int) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.greeting = greeting
        self.target = target
        self.opened = 0
        self.port = self.server_address[1]


@contextmanager
def proxy(greeting: Greeting, target: int) -> Iterator[Proxy]:
    with Proxy(greeting, target) as made:
        serving = threading.Thread(target=made.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield made
        finally:
            made.shutdown()
            serving.join()


def connect(tunnel: Tunnel) -> bool:
    assert tunnel.rfile.readline().startswith(b"CONNECT ")
    while tunnel.rfile.readline().strip():
        pass
    tunnel.wfile.write(b"HTTP/1.1 200 Established\r\nVia: us\r\n\r\n")
    return True


def refuse(tunnel: Tunnel) -> bool:
    tunnel.wfile.write(b"HTTP/1.1 407 Who are you?\r\n\r\n")
    return False


def socks5(tunnel: Tunnel) -> bool:
    greeting = tunnel.rfile.read(2)
    if not greeting:
        return False  # the guard has tried whether it can be reached
    tunnel.rfile.read(greeting[1])
    tunnel.wfile.write(b"\x05\x00")
    *_, kind = tunnel.rfile.read(4)
    tunnel.rfile.read(4 if kind == 1 else tunnel.rfile.read(1)[0])
    tunnel.rfile.read(2)
    tunnel.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01")
    return True


needs_socks = pytest.mark.skipif(
    importlib.util.find_spec("socks") is None, reason="PySocks is not installed"
)


@pytest.mark.parametrize(
    ("scheme", "greeting", "tls"),
    [
        ("http", connect, True),
        pytest.param("socks5h", socks5, True, marks=needs_socks),
        pytest.param("socks5h", socks5, False, marks=needs_socks),
    ],
)
def test_answers_come_through_a_tunnel_that_is_kept(
    scheme: str,
    greeting: Greeting,
    tls: bool,
    certificate: tuple[str, str],
    tmp_path: Path,
) -> None:
    site = FaultyServer(
        {"/a": page("a"), "/b": page("b")}, tls=certificate if tls else None
    )
    with site, proxy(greeting, site.port) as way:
        asker = Asker(
            tmp_path,
            proxy=f"{scheme}://127.0.0.1:{way.port}",
            ca_bundle=certificate[0],
        )
        for path, expected in (("/a", b"a"), ("/b", b"b")):
            assert asker.saved(asker.ask(site.url(path))) == expected
        asker.close()
        assert way.opened == len({seen.connection for seen in site.seen}) == 1
        assert {seen.host for seen in site.seen} == {site.url("").split("/")[2]}


def test_a_proxy_that_opens_no_tunnel_has_failed(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    with proxy(refuse, 1) as way:
        asker = Asker(tmp_path, proxy=f"http://127.0.0.1:{way.port}")
        fact = asker.ask("https://elsewhere.example/")
        asker.close()
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == ("proxy_failed", False), (
        "what the proxy says is no answer of the host"
    )


def test_a_tunnel_that_is_long_in_opening_is_no_connection(
    tmp_path: Path,
) -> None:
    given_up = threading.Event()

    def wait(tunnel: Tunnel) -> bool:
        given_up.wait(PATIENCE)
        return False

    with proxy(wait, 1) as way:
        asker = Asker(
            tmp_path,
            proxy=f"http://127.0.0.1:{way.port}",
            connect_timeout_seconds=0.2,
        )
        fact = asker.ask("https://elsewhere.example/")
        asker.close()
        given_up.set()
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == ("connect_timeout", False)
