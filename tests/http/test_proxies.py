"""A proxy that cannot work is refused before the first request; a SOCKS proxy works."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from scraper.errors import UsageError
from scraper.faulty import FaultyServer, closed_port, page
from scraper.http.proxies import SCHEMES, proxies_of
from scraper.model import FetchFailed
from tests.conftest import Scrape
from tests.http.asker import Asker

# -- what is refused --------------------------------------------------------------------------


def refusal(proxy: str) -> str:
    with pytest.raises(UsageError) as caught:
        proxies_of(proxy)
    return str(caught.value)


@pytest.fixture
def without_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_proxy_of_each_scheme_may_be_set(scheme: str) -> None:
    proxy = f"{scheme}://127.0.0.1:3128"
    assert proxies_of(proxy) == {"http": proxy, "https": proxy}


@pytest.mark.parametrize(
    "proxy",
    [
        "127.0.0.1:3128",
        "me:pw@127.0.0.1:3128",
        "[::1]:3128",
        "proxy:8080",
        "127.0.0.1:1/",
    ],
)
def test_a_proxy_without_a_scheme_is_an_http_proxy(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proxies_of(proxy) == {
        "http": f"http://{proxy}",
        "https": f"http://{proxy}",
    }
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert proxies_of("") == {
        "https": f"http://{proxy}",
        "all": f"http://{proxy}",
    }


@pytest.mark.usefixtures("without_socks")
@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "SOCKS5h"])
def test_socks_without_its_package_is_refused(scheme: str) -> None:
    assert refusal(f"{scheme}://me:pw@127.0.0.1:9050") == (
        f"{scheme}://***@127.0.0.1:9050 of the key proxy needs a package that is not installed: "
        'pip install "requests[socks]"'
    )


@pytest.mark.usefixtures("without_socks")
@pytest.mark.parametrize("name", ["all_proxy", "HTTPS_PROXY", "http_proxy"])
def test_socks_from_the_environment_is_refused_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "socks5://127.0.0.1:9050")
    assert f"of the environment's {name.lower()} needs a package" in refusal("")
    assert proxies_of("http://127.0.0.1:1")  # which is set has the last word
    monkeypatch.setenv("no_proxy", "*")
    assert proxies_of("")["no"] == "*"  # it is never asked


def test_other_peoples_variables_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("rsync_proxy", "rsync://nowhere")
    assert proxies_of("") == {"rsync": "rsync://nowhere"}


@pytest.mark.parametrize(
    ("proxy", "because"),
    [
        ("ftp://127.0.0.1", "one begins with http://, https://, socks4://"),
        (
            "socks://127.0.0.1:1080",
            "one begins with http://, https://, socks4://",
        ),
        ("none", "write http://proxy.example:3128"),
        ("proxy.example", "write http://proxy.example:3128"),
        ("127.0.0.1", "write http://proxy.example:3128"),
        ("127.0.0.1:port", "write http://proxy.example:3128"),
        (":3128", "write http://proxy.example:3128"),
        ("a b:3128", "write http://proxy.example:3128"),
        ("127.0.0.1:99999", "Port out of range"),
        ("http://", "it has no host"),
        ("http://:3128", "it has no host"),
        ("http://127.0.0.1:port", "Port could not be cast"),
        ("http://127.0.0.1:99999", "Port out of range"),
        ("http://[::1", "Invalid IPv6 URL"),
    ],
)
def test_what_is_no_proxy_is_refused(proxy: str, because: str) -> None:
    assert because in refusal(proxy)


def test_a_run_with_such_a_proxy_asks_nothing(scrape: Scrape) -> None:
    with FaultyServer(page("here")) as server:
        ended = scrape.here(
            scrape.list_of(server.url()), "--proxy", "gopher://127.0.0.1"
        )
        assert (ended.code, ended.records, server.seen) == (2, [], [])
    assert ended.stderr.startswith(
        "error: gopher://127.0.0.1 of the key proxy is no proxy"
    )


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_what_the_environment_names_is_refused_too(
    name: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "none")
    with FaultyServer(page("here")) as server:
        ended = scrape.here(scrape.list_of(server.url()))
        assert (ended.code, ended.records, server.seen) == (2, [], [])
    assert ended.stderr.startswith(
        f"error: none of the environment's {name} is no proxy"
    )


@pytest.mark.parametrize("way", ["configured", "environment"])
def test_a_run_goes_through_a_proxy_without_a_scheme(
    way: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(page("by proxy")) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        if way == "environment":
            monkeypatch.setenv("http_proxy", address)
        flags = ("--proxy", address) if way == "configured" else ()
        url = "http://elsewhere.localhost/x"
        ended = scrape.here(scrape.list_of(url), "--robots", "off", *flags)
        assert (ended.code, [seen.path for seen in proxy.seen]) == (0, [url])


# -- a SOCKS proxy ----------------------------------------------------------------------------


class SocksProxy:
    """Speaks just enough of SOCKS5 (RFC 1928), and leads every host to one server."""

    def __init__(self, target: int) -> None:
        self.asked: list[str] = []
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return  # closed
            with client, client.makefile("rb") as reader:
                # else the guard, who only looks whether it may
                if reader.read(1) == b"\x05":
                    self._relay(client, reader)

    def _relay(self, client: socket.socket, reader: BinaryIO) -> None:
        reader.read(reader.read(1)[0])
        client.sendall(b"\x05\x00")
        assert reader.read(4) == b"\x05\x01\x00\x03", "a connection to a name"
        self.asked.append(reader.read(reader.read(1)[0]).decode())
        reader.read(2)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        request = b"".join(iter(reader.readline, b"\r\n")) + b"\r\n"
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            server.sendall(
                request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            )
            while piece := server.recv(65_536):
                client.sendall(piece)


@pytest.fixture
def proxy() -> Iterator[SocksProxy]:
    pytest.importorskip("socks")
    with FaultyServer(page("by socks")) as server:
        proxy = SocksProxy(server.port)
        yield proxy
        proxy.close()


def test_a_socks_proxy_is_asked_in_the_hosts_place(
    proxy: SocksProxy, tmp_path: Path
) -> None:
    asker = Asker(tmp_path, proxy=f"socks5h://localhost:{proxy.port}")
    for _ in range(2):
        assert (
            asker.saved(asker.ask("http://elsewhere.example/x")) == b"by socks"
        )
    assert proxy.asked == ["elsewhere.example"] * 2
    asker.close()


def test_a_socks_proxy_that_is_not_there_is_the_proxys_failure(
    tmp_path: Path,
) -> None:
    pytest.importorskip("socks")
    asker = Asker(tmp_path, proxy=f"socks5h://127.0.0.1:{closed_port()}")
    fact = asker.ask("http://elsewhere.example/")
    assert isinstance(fact, FetchFailed)
    assert fact.failure.kind == "proxy_failed"
    asker.close()


def test_a_socks_proxy_must_be_on_the_allow_list_too(tmp_path: Path) -> None:
    pytest.importorskip("socks")
    asker = Asker(tmp_path, proxy="socks5h://proxy.elsewhere:1080")
    fact = asker.ask("http://one.example/")
    assert isinstance(fact, FetchFailed)
    assert fact.failure.kind == "host_not_allowed"
    asker.close()
