"""What is replaced of requests and urllib3: a short way in, a guarded connection, a way out.

A plain `Session.get` costs 0.3 ms more for each URL, twice what everything else of a fetch costs.
`HTTPAdapter.send` itself is kept, so that `responses` replaces it in tests. Replaced are, checked
with requests 2.34 and urllib3 2.8:

    requests.PreparedRequest        filled directly: all that preparing would find out is known
    HTTPAdapter.get_connection_...  our own short way from origin to pool; one TLS context for all
    HTTPAdapter.build_response      status and raw answer: no cookie jar, no guessed charset
    HTTPConnectionPool._get_conn    gives the flight its socket; judges a kept connection again
    HTTPConnectionPool._put_conn    takes the socket from the flight
    HTTPConnection._new_conn        connects by the guard, to an address that it has checked
    HTTPConnection.response_class   our strict reader (framing.py)

Private names of urllib3 stand in this file only. When its version changes, tests/http say whether
they still hold: they use real local servers.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, ProxyError
from urllib3.response import BaseHTTPResponse

from scraper import urls
from scraper.config import FetchSettings
from scraper.guard.guard import Guard
from scraper.http.certificates import tls_context
from scraper.http.flight import Flight, current
from scraper.http.framing import Answer, has_no_body, length_of
from scraper.model import Trust

MAX_POOLS = (
    2_048  # hosts to which connections are kept open; each is an open file
)
MAX_SENDS = 3  # of one request: a pool may be closed under it, and then a kept connection
MAX_DRAINED_BYTES = (
    65_536  # of an answer that is not wanted, to keep its connection
)
MIN_TIMEOUT_SECONDS = 0.001
SOCKS_PORT = 1080  # of a proxy that names none

_CONNECTION_ENDS = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Request(requests.PreparedRequest):
    """A GET with its fields set directly: everything that preparing would find out is known."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        credentials, at, authority = authority.rpartition("@")
        self.method = "GET"
        self.origin = f"{scheme}://{authority}"
        self.url = f"{self.origin}{slash}{path}" if at else url
        self.target = f"/{path}"
        self.headers: Any = headers
        if at:
            token = b64encode(unquote(credentials).encode()).decode()
            self.headers = {**headers, "Authorization": f"Basic {token}"}
        self.body = None
        self.hooks = {}
        self._cookies = None
        self._body_position = None


class SlimAdapter(HTTPAdapter):
    """requests' adapter with what it calls for each request cut to what this program needs."""

    def __init__(
        self,
        guard: Guard,
        settings: FetchSettings,
        per_host: int,
        connections: int,
    ) -> None:
        """`connections`: how many may be kept open, of all hosts together."""
        self._guard = guard
        self._settings = settings
        self._tls: ssl.SSLContext | None = None
        self._tls_lock = threading.Lock()
        self._pools: dict[str, HTTPConnectionPool] = {}
        kept_per_host = min(per_host, connections)
        self._max_pools = min(connections // kept_per_host, MAX_POOLS)
        super().__init__(
            pool_connections=self._max_pools, pool_maxsize=kept_per_host
        )

    def send_flight(
        self,
        request: Request,
        flight: Flight,
        proxies: Mapping[str, str],
    ) -> BaseHTTPResponse:
        """The answer, read as far as its head. Raises what requests raises.

        A request that comes to nothing through a pool or a connection that we kept is sent again.
        """
        for sends_left in range(MAX_SENDS - 1, -1, -1):
            timeouts = self._timeouts_of(flight)
            try:
                response = self.send(
                    request,
                    stream=True,
                    timeout=timeouts,
                    proxies=proxies,
                )
                raw: BaseHTTPResponse = response.raw
                return raw
            except requests.ConnectionError as error:
                if not sends_left or not self._may_send_again(
                    flight, request, error
                ):
                    raise
        raise AssertionError("the last time either returns or raises")

    def _timeouts_of(self, flight: Flight) -> tuple[float, float]:
        left = max(flight.deadline - time.monotonic(), MIN_TIMEOUT_SECONDS)
        settings = self._settings
        return min(settings.connect_timeout_seconds, left), min(
            settings.timeout_seconds, left
        )

    def _may_send_again(
        self, flight: Flight, request: Request, error: requests.ConnectionError
    ) -> bool:
        if isinstance(error.args[0] if error.args else None, ClosedPoolError):
            # The pool was closed to make room for others' between look-up and use.
            self._pools.pop(request.origin, None)
            return True
        if (
            flight.needs_fresh
            or not flight.is_kept
            or flight.abort_reason is not None
        ):
            return False
        if flight.answer_has_begun or not _is_connection_end(error):
            return False
        flight.needs_fresh = (
            True  # RFC 9112 9.3.1: once, and not on one that may die as well
        )
        return True

    # -- called by HTTPAdapter -----------------------------------------------------------------

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._guard_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        is_known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not is_known:
            self._guard_pools(manager)
        return manager

    def get_connection_with_tls_context(
        self,
        request: Any,
        verify: Any,
        proxies: Any = None,
        cert: Any = None,
    ) -> Any:
        pool = self._pools.get(request.origin)
        if pool is not None and not proxies:
            return pool
        keywords: dict[str, Any] = {}
        if urls.canonical(request.url).scheme == "https":
            keywords["ssl_context"] = self._shared_tls_context()
        proxy = select_proxy(request.url, proxies)
        manager = self.proxy_manager_for(proxy) if proxy else self.poolmanager
        pool = manager.connection_from_url(request.url, pool_kwargs=keywords)
        if not proxy:
            if len(self._pools) >= self._max_pools:
                self._pools.clear()  # the manager keeps them; this is only the short way
            self._pools[request.origin] = pool
        return pool

    def cert_verify(
        self,
        conn: Any,
        url: Any,
        verify: Any,
        cert: Any,
    ) -> None:
        """Nothing: verification is a matter of the context, set when the pool was made."""

    def request_url(self, request: Any, proxies: Any) -> str:
        return (
            super().request_url(request, proxies) if proxies else request.target
        )

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        response = requests.Response.__new__(requests.Response)
        response.status_code = resp.status
        response.raw = resp
        response.headers = resp.headers
        response.url = req.url
        response.request = req
        return response

    # -- pools and contexts --------------------------------------------------------------------

    def _guard_pools(self, manager: Any) -> None:
        """Make the pools of this manager of our classes, whose connections the guard makes."""
        plain_bases, tls_bases = _connection_bases(
            "_socks_options" in manager.connection_pool_kw
        )
        plain = type("Connection", plain_bases, {"guard": self._guard})
        secure = type("TlsConnection", tls_bases, {"guard": self._guard})
        manager.pool_classes_by_scheme = {
            "http": type(
                "Pool", (_Pool, HTTPConnectionPool), {"ConnectionCls": plain}
            ),
            "https": type(
                "TlsPool",
                (_Pool, HTTPSConnectionPool),
                {"ConnectionCls": secure},
            ),
        }

    def _shared_tls_context(self) -> ssl.SSLContext:
        with self._tls_lock:
            if self._tls is None:
                self._tls = tls_context(
                    self._settings.ca_bundle, verify=self._settings.verify_tls
                )
            return self._tls


def _is_connection_end(error: BaseException) -> bool:
    """Was the connection closed or reset, by the exception that lies deepest?"""
    while error.__context__ is not None:
        error = error.__context__
    return isinstance(error, _CONNECTION_ENDS)


def body_length(raw: BaseHTTPResponse) -> int | None:
    """Bytes of the body as announced; None if they are not. Raises BadAnswer."""
    if has_no_body(raw.status):
        return 0
    if raw.headers.get("transfer-encoding") is not None:
        return None
    return length_of(raw.headers.getlist("content-length"))


def return_connection(raw: BaseHTTPResponse, *, body_was_read: bool) -> None:
    """Give the connection back if what is left of the answer is small, else close it."""
    if not body_was_read:
        length = body_length(raw)
        is_small = length is not None and length <= MAX_DRAINED_BYTES
        if not (is_small or raw.chunked) or not _is_drained(raw):
            raw.close()
    raw.release_conn()


def _is_drained(raw: BaseHTTPResponse) -> bool:
    """Read what is left; was that all?"""
    try:
        rest = raw.read(MAX_DRAINED_BYTES + 1, decode_content=False)
    except Exception:  # noqa: BLE001 - the answer's head was all that mattered
        return False
    return len(rest) <= MAX_DRAINED_BYTES


# -- pools and connections: what urllib3 makes, with these mixed in ---------------------------


class _Pool:
    """A connection pool that names its socket to the flight."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn = super()._get_conn(timeout)  # type: ignore[misc]  # of HTTPConnectionPool
        flight: Flight = current.flight
        if conn.sock is not None and flight.needs_fresh:
            conn.close()  # as urllib3 does with one that it sees to be dropped
        flight.is_kept = conn.sock is not None
        if flight.is_kept:
            flight.peer = conn.peer
            try:
                conn.recheck(flight)
            except BaseException:
                conn.close()
                raise
            flight.attach(conn.sock)
        return conn

    def _put_conn(self, conn: Any) -> None:
        flight: Flight | None = getattr(current, "flight", None)
        if flight is not None:
            flight.detach()
        super()._put_conn(conn)  # type: ignore[misc]  # of HTTPConnectionPool


class _Guarded:
    """A connection that is made by the guard, to an address that it has checked."""

    guard: Guard
    peer: str | None = None
    trust: Trust  # of the task for which the connection was made

    def _new_conn(self) -> socket.socket:
        flight: Flight = current.flight
        began = time.perf_counter()
        this: Any = self
        trust: Trust = "proxy" if this.proxy is not None else flight.trust
        try:
            sock = self._guarded_socket(trust)
        except TimeoutError as error:
            raise ConnectTimeoutError(
                this, f"no connection within {this.timeout} s"
            ) from error
        flight.connected = time.perf_counter() - began
        flight.peer = this.peer = str(sock.getpeername()[0])
        self.trust = trust
        flight.attach(sock)
        return sock

    def _guarded_socket(self, trust: Trust) -> socket.socket:
        this: Any = self
        return self.guard.connect(
            this._dns_host,
            this.port,
            this.timeout,
            trust,
        )

    def response_class(self, *args: Any, **keywords: Any) -> Answer:
        """Called by http.client when the request is sent."""
        answer = current.flight.answer = Answer(*args, **keywords)
        return answer

    def recheck(self, flight: Flight) -> None:
        """A kept connection is no way around the guard: where the list may lead, a public page
        may not. Raises Refused."""
        this: Any = self
        if this.proxy is None and flight.trust != self.trust:
            self.guard.recheck(
                this._dns_host,
                this.port,
                this.peer,
                flight.trust,
            )

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of HTTPConnection
        this: Any = self
        flight: Flight = current.flight
        flight.attach(this.sock)


class _GuardedTls(_Guarded):
    """The same for TLS, which takes the descriptor out of the socket object that it wraps: for
    the length of the handshake the flight has a second one."""

    _spare: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._spare = sock.dup()
        current.flight.attach(self._spare)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        except BaseException:
            current.flight.detach()
            raise
        finally:
            if self._spare is not None:
                self._spare.close()


class _BySocks(_Guarded):
    """A connection through a SOCKS proxy: the guard judges the way to the proxy, as with any."""

    def _guarded_socket(self, trust: Trust) -> socket.socket:
        this: Any = self
        options = this._socks_options
        host, port = (
            options["proxy_host"],
            int(options["proxy_port"] or SOCKS_PORT),
        )
        try:
            with self.guard.connect(
                host,
                port,
                this.timeout,
                "proxy",
            ) as tried:
                checked = tried.getpeername()[0]
        except OSError as error:
            raise ProxyError(
                f"no connection to the proxy {host}:{port}", error
            ) from error
        this._socks_options = {
            **options,
            "proxy_host": checked,
            "proxy_port": port,
        }
        try:
            # Past the guard's own way, to that of urllib3's SOCKSConnection.
            sock: socket.socket = super(_Guarded, this)._new_conn()  # type: ignore[misc]  # as said
        finally:
            this._socks_options = options  # its name, for the next time
        return sock

    def recheck(self, flight: Flight) -> None:
        """Where the proxy connects to is the proxy's business, on a kept connection too."""


class _BySocksTls(_GuardedTls, _BySocks):
    """The same for TLS."""


def _connection_bases(
    by_socks: bool,
) -> tuple[tuple[type, ...], tuple[type, ...]]:
    """What plain and TLS connections are made of."""
    if not by_socks:
        return (_Guarded, HTTPConnection), (_GuardedTls, HTTPSConnection)
    from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection

    return (_BySocks, SOCKSConnection), (_BySocksTls, SOCKSHTTPSConnection)
