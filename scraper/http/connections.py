"""Pools and connections: what is replaced of urllib3, checked with its version 2.8.

    HTTPConnectionPool.urlopen      one request, one answer; urllib3's own where a proxy is asked
    HTTPConnectionPool.QueueCls     a lock and a list: none of our threads waits at it
    HTTPConnectionPool._get_conn    gives the flight its socket; judges a kept connection again
    HTTPConnectionPool._put_conn    takes the socket from the flight
    HTTPConnection._new_conn        connects by the guard, to an address that it has checked
    HTTPConnection.is_connected     asked by one object that lasts as long as the connection
    HTTPConnection.request          a GET in one piece: its fields are known to be fit to be sent
    HTTPConnection.getresponse      our strict reader (framing.py) for http.client's and urllib3's

A request through urllib3 and http.client costs 0.5 ms, 0.3 of them for reading some fifteen header
fields; this way it costs 0.2.
"""

from __future__ import annotations

import errno
import queue
import select
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    InvalidHeader,
    ProxyError,
    ReadTimeoutError,
)
from urllib3.util import Timeout

from scraper.config import FetchSettings
from scraper.guard.guard import Guard
from scraper.http.flight import Flight, current
from scraper.http.framing import Answer
from scraper.http.proxies import SOCKS_PORT
from scraper.http.speed import MinSpeed, Receive
from scraper.http.throttle import Throttle
from scraper.model import Trust

MIN_TIMEOUT_SECONDS = 0.001

_HAS_POLL = hasattr(select, "poll")  # not on Windows
# Of a server that has said what it had to say; what that was can still be read.
_PEER_CLOSED = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE})


def guard_pools(
    manager: Any,
    guard: Guard,
    settings: FetchSettings,
    throttle: Throttle | None,
) -> None:
    """Make the pools of this manager of our classes, whose connections the guard makes."""
    shared = {"guard": guard, "settings": settings, "throttle": throttle}
    plain_bases, tls_bases = _connection_bases(
        "_socks_options" in manager.connection_pool_kw
    )
    plain = type("Connection", plain_bases, shared)
    secure = type("TlsConnection", tls_bases, shared)
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


class _Shelf:
    """What a pool keeps, the last one first: queue.LifoQueue without its waiting."""

    def __init__(self, maxsize: int) -> None:
        self._room = maxsize
        self._kept: list[Any] = []
        self._lock = threading.Lock()  # guards _kept

    def get(self, block: bool = False, timeout: float | None = None) -> Any:
        try:
            return self._kept.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, conn: Any, block: bool = False) -> None:
        with self._lock:
            if len(self._kept) >= self._room:
                raise queue.Full
            self._kept.append(conn)

    def qsize(self) -> int:
        return len(self._kept)


class _Pool:
    """A connection pool that names its socket to the flight."""

    QueueCls = _Shelf

    def urlopen(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: Timeout,
        **options: Any,
    ) -> Answer:
        """One request, sent once, and its answer, read as far as its head."""
        this: Any = self
        if this.proxy is not None:  # tunnels, and whose fault it is
            return super().urlopen(  # type: ignore[misc,no-any-return]  # of HTTPConnectionPool
                method, url, headers=headers, timeout=timeout, **options
            )
        conn = self._get_conn()
        try:
            if conn.sock is None:
                conn.timeout = timeout.connect_timeout
                conn.connect()
            conn.timeout = timeout.read_timeout
            conn.request(method, url, headers=headers)
            return conn.getresponse(self)  # type: ignore[no-any-return]  # ours
        except BaseException as error:
            conn.close()
            self._put_conn(None)
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(this, url, "timed out") from error
            raise

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
    settings: FetchSettings
    throttle: Throttle | None
    peer: str | None = None
    _poll: Any  # of the socket, since it is connected
    trust: Trust  # of the task for which the connection was made

    def _new_conn(self) -> socket.socket:
        flight: Flight = current.flight
        began = time.perf_counter()
        this: Any = self
        trust: Trust = "proxy" if this.proxy is not None else flight.trust
        sock = self._guarded_socket(trust)
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

    @property
    def is_connected(self) -> bool:
        """Is it open, and has nothing come that was not asked for?"""
        this: Any = self
        if this.sock is None:
            return False
        if not _HAS_POLL:
            return bool(super().is_connected)  # type: ignore[misc]  # of HTTPConnection
        return not self._poll.poll(0)

    def request(
        self,
        method: str,
        url: str,
        body: None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> None:
        """Send a request that has no body."""
        this: Any = self
        if this.sock is None:
            this.connect()
        lines = [f"{method} {url} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1:
            raise InvalidHeader("what is to be sent holds the end of a line")
        self._set_timeout(this.timeout)
        try:
            this.sock.sendall(f"{text}\r\n\r\n".encode("latin-1"))
        except OSError as error:
            if error.errno not in _PEER_CLOSED:
                raise

    def getresponse(self, pool: Any = None) -> Answer:
        """Read an answer as far as its head."""
        this: Any = self
        flight: Flight = current.flight
        answer = Answer(self, pool, self._receiver(flight))
        flight.answer = answer
        patience = self.settings.first_byte_timeout_seconds
        if patience:
            left = max(flight.seconds_left(), MIN_TIMEOUT_SECONDS)
            self._set_timeout(min(patience, left))
            answer.wait_for_byte()
        self._set_timeout(this.timeout)
        answer.begin()
        return answer

    def _receiver(self, flight: Flight) -> Receive:
        """What takes bytes off the socket, neither too slowly nor too fast."""
        this: Any = self
        receive: Receive = this.sock.recv
        if self.settings.min_speed_bytes:
            receive = MinSpeed(self.settings.min_speed_bytes).watch(receive)
        if self.throttle is not None:
            receive = self.throttle.watch(receive, flight)
        return receive

    def _set_timeout(self, seconds: float) -> None:
        this: Any = self
        if this.sock.gettimeout() != seconds:
            this.sock.settimeout(seconds)

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
        this: Any = self
        try:
            super().connect()  # type: ignore[misc]  # of HTTPConnection
        except TimeoutError as error:  # while connecting or agreeing on TLS
            raise ConnectTimeoutError(
                this, f"no connection within {this.timeout} s"
            ) from error
        flight: Flight = current.flight
        flight.attach(this.sock)
        if _HAS_POLL:
            self._poll = select.poll()
            self._poll.register(this.sock, select.POLLIN)


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
