"""One request, one hop: a body streamed to disk within limits, or what robots.txt says.

Runs on the fetch threads and returns facts; it never sleeps, retries, follows or decides. The
connection is requests' own `HTTPAdapter.send` with a short way in and out of it (a plain
`Session.get` costs 0.3 ms more for each URL, twice what everything else here costs).
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import certifi
import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy, should_bypass_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, ProxyError
from urllib3.response import BaseHTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

import scraper
from scraper import errors, urls
from scraper.config import FetchSettings
from scraper.errors import UsageError
from scraper.guard.guard import Guard
from scraper.http import bodies
from scraper.http.framing import Answer, has_no_body, length_of
from scraper.http.proxies import proxies_of
from scraper.machine.files import Folder
from scraper.media_types import sniff
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Headers,
    Moved,
    RobotsText,
    Task,
    Timings,
    Trust,
)
from scraper.redaction import is_secret

MAX_POOLS = 2_048  # hosts to which connections are kept open; each is an open file
MAX_SENDS = 3  # of one request: a pool may be closed under it, and then a kept connection
SOCKS_PORT = 1080  # of a proxy that names none
MAX_DRAINED_BYTES = 65_536  # of an answer that is not kept, to keep its connection
MAX_ROBOTS_BYTES = 512_000  # RFC 9309 2.5 asks for at least 500 kibibytes
SECRET_HEADERS = frozenset({"set-cookie", "set-cookie2", "www-authenticate", "authorization"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Flight:
    """One request in the air, and where its socket is: a socket's own time-outs cannot bound a
    request, because every byte re-arms them, so the coordinator must be able to abort it."""

    __slots__ = (
        "_lock",
        "_socket",
        "abort_reason",
        "answer",
        "connected",
        "deadline",
        "is_kept",
        "needs_fresh",
        "peer",
        "request_id",
        "task",
        "trust",
    )

    def __init__(self, request_id: int, task: Task, trust: Trust, deadline: float) -> None:
        self.request_id = request_id  # late facts carry the id of a request that is over
        self.task = task
        self.trust: Trust = trust
        self.deadline = deadline  # monotonic seconds
        self.abort_reason: Failure | None = None
        self.connected: float | None = None  # seconds that connecting took; None: kept connection
        self.is_kept = False  # it was sent on a connection that had answered before
        self.needs_fresh = False  # a kept one died under it: no other may be taken
        self.peer: str | None = None
        self.answer: Answer | None = None  # what has come so far
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    @property
    def received(self) -> int:
        """Bytes of a body that have come so far, as they came."""
        return 0 if self.answer is None else self.answer.body_bytes

    @property
    def answer_has_begun(self) -> bool:
        """Has any byte of an answer come?"""
        return self.answer is not None and self.answer.has_begun

    def attach(self, sock: socket.socket) -> None:
        """From now on `abort` ends what happens on this socket."""
        with self._lock:
            self._socket = sock
            if self.abort_reason is not None:
                _shut(sock)

    def detach(self) -> None:
        """The socket is about to be another flight's."""
        with self._lock:
            self._socket = None

    def abort(self, failure: Failure) -> None:
        """End the request; its thread then sees an ordinary error, and says `failure`."""
        with self._lock:
            self.abort_reason = failure
            if self._socket is not None:
                _shut(self._socket)


def _shut(sock: socket.socket) -> None:
    try:
        # Of the plain socket, also under TLS: no alert is written, no lock of the engine taken.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # closed already, which is what was wanted


_current = threading.local()  # .flight: the request that this thread is busy with


class Fetcher:
    """Fetches. One for a run, used by all its threads; raises UsageError for unusable settings."""

    def __init__(self, keys: FetchSettings, guard: Guard, parts: Path, *, per_host: int,
                 max_pause: float, folder: Folder | None = None,
                 connections: int = MAX_POOLS) -> None:  # fmt: skip
        self._keys = keys
        self._parts = parts
        self._folder = folder  # where the bodies of earlier passes stand
        self._max_pause = max_pause
        ours = {
            "User-Agent": agent_of(keys),
            "Accept": "*/*",
            "Accept-Encoding": bodies.ACCEPT_ENCODING,
        }
        headers = _headers(ours, keys.header)
        self._secrets = {name: headers.pop(name) for name in [*headers] if is_secret(name)}
        self.headers = headers  # what every request sends
        self._proxies = proxies_of(keys.proxy)
        _check_certificates(keys.ca_bundle)
        self._adapter = _SlimAdapter(guard, keys, per_host, connections)

    def close(self) -> None:
        """Close every connection that is kept."""
        self._adapter.close()

    def fetch(self, flight: Flight) -> Fact:
        """Ask `flight.task` once. Whatever happens comes back as a fact."""
        _current.flight = flight
        try:
            fact = self._fact_of(flight, time.perf_counter())
            received = flight.received
        finally:
            flight.detach()
            flight.answer = _current.flight = None
        if isinstance(fact, Fetched) or not received:
            return fact
        return replace(fact, wire_bytes=received)

    def _fact_of(self, flight: Flight, began: float) -> Fact:
        try:
            fact = self._ask(flight, began)
            if flight.abort_reason is None or not isinstance(fact, Fetched | RobotsText):
                return fact
            # A body without a length ends where its connection does: it only looks whole.
            if isinstance(fact, Fetched) and fact.part is not None:
                (self._parts / fact.part).unlink()
            return self._failed(flight, began, flight.abort_reason)
        except Exception as error:  # noqa: BLE001 - the door names it; nothing is lost
            failure = flight.abort_reason or self._failure_of(error)
            return self._failed(flight, began, failure)

    def _failure_of(self, error: Exception) -> Failure:
        if isinstance(error, bodies.TooLarge):
            return errors.new_failure("body_too_large", f"{error}: raise max_body_bytes to get it")
        if isinstance(error, bodies.Undecodable):
            return errors.new_failure("body_undecodable", str(error))
        return errors.failure_of(error)

    def _failed(self, flight: Flight, began: float, failure: Failure) -> FetchFailed:
        timings = Timings(flight.connected, None, time.perf_counter() - began)
        return FetchFailed(flight.task, failure, flight.task.url, time.time(), timings)

    def _ask(self, flight: Flight, began: float) -> Fact:
        task = flight.task
        response = self._send(flight)
        raw: BaseHTTPResponse = response.raw
        first_byte = time.perf_counter() - began
        status = raw.status
        keep = False
        try:
            if status in REDIRECTS and raw.headers.get("location") is not None:
                fact = self._moved(flight, began, raw)
            elif task.purpose == "robots" and 200 <= status < 300:
                fact = self._rules(task, raw)
            elif 200 <= status < 300:
                fact = self._fetched(flight, began, first_byte, raw)
                keep = True
            elif status == 304 and self._conditions(task):
                fact = self._unchanged(flight, began, first_byte, raw)
            else:
                fact = self._refused(flight, began, first_byte, raw)
            return fact
        finally:
            _finish(raw, keep)

    def _send(self, flight: Flight) -> requests.Response:
        url = flight.task.url.href
        headers = {**self.headers_for(flight.task), **self._conditions(flight.task)}
        request = _Request(url, headers)
        proxies = self._proxies_for(url) if self._proxies else {}
        for more in range(MAX_SENDS - 1, -1, -1):
            left = max(flight.deadline - time.monotonic(), 0.001)
            timeout = (
                min(self._keys.connect_timeout_seconds, left),
                min(self._keys.timeout_seconds, left),
            )
            try:
                return self._adapter.send(request, stream=True, timeout=timeout, proxies=proxies)
            except requests.ConnectionError as error:
                if not more or not self._may_send_again(flight, request, error):
                    raise
        raise AssertionError("the last time either returns or raises")

    def _may_send_again(
        self, flight: Flight, request: _Request, error: requests.ConnectionError
    ) -> bool:
        """Did the request come to nothing through a pool or a connection that we kept?"""
        if isinstance(error.args[0] if error.args else None, ClosedPoolError):
            # The pool was closed to make room for others' between look-up and use.
            self._adapter.forget(request.origin)
            return True
        if flight.needs_fresh or not flight.is_kept or flight.abort_reason is not None:
            return False
        if flight.answer_has_begun or not _is_connection_end(error):
            return False
        flight.needs_fresh = True  # RFC 9112 9.3.1: once, and not on one that may die as well
        return True

    @property
    def proxied(self) -> bool:
        """May requests go through a proxy?"""
        return any(self._proxies.get(scheme) for scheme in ("http", "https", "all"))

    def headers_for(self, task: Task) -> Mapping[str, str]:
        """What is sent for this task. Secrets stay in the origin that the list names: they follow
        neither a redirect nor an image to another one, and robots.txt needs none."""
        if not self._secrets or task.purpose == "robots":
            return self.headers
        home = task.parent or task.origin_url
        at_home = task.url.origin == home.origin
        return {**self.headers, **self._secrets} if at_home else self.headers

    def _proxies_for(self, url: str) -> dict[str, str]:
        if not self._keys.proxy and should_bypass_proxies(url, None):
            return {}
        return self._proxies

    def _conditions(self, task: Task) -> dict[str, str]:
        """What makes a request conditional (RFC 9110 13.1), if the body that we hold is there."""
        validators = _validators(task)
        stored = task.stored
        if not validators or stored is None or stored.path is None or self._folder is None:
            return {}
        return validators if self._folder.has_file(stored.path) else {}

    def _unchanged(
        self, flight: Flight, began: float, first_byte: float, raw: BaseHTTPResponse
    ) -> Fetched:
        """We hold it already: what was learned then is true still."""
        task, stored = flight.task, flight.task.stored
        assert stored is not None, "validators were sent"
        kind, type, charset = sniff(b"", stored.type)
        return Fetched(
            task=task,
            url=task.url,
            status=304,
            kind=kind,
            type=stored.type or type,
            charset=stored.charset or charset,
            headers=_headers_of(raw),
            part=None,
            bytes=stored.bytes or 0,
            wire_bytes=0,
            sha256=stored.sha256,
            at=time.time(),
            timings=Timings(flight.connected, first_byte, time.perf_counter() - began),
            peer=flight.peer,
        )

    def _fetched(
        self, flight: Flight, began: float, first_byte: float, raw: BaseHTTPResponse
    ) -> Fetched | FetchFailed:
        task = flight.task
        headers = raw.headers
        part = f"{task.id}-{flight.request_id}.part"
        length = _length(raw)
        if raw.status == 206 and not _is_whole(headers.get("content-range")):
            part_of_it = errors.new_failure(
                "body_short", "a part of it came, though all was asked for"
            )
            return self._failed(flight, began, part_of_it)
        if length is not None and length > self._keys.max_body_bytes:
            raise bodies.TooLarge(f"{length:,} bytes announced")
        body = bodies.save(
            raw,
            f"{self._parts}{os.sep}{part}",
            length=length,
            encoding=headers.get("content-encoding"),
            max_bytes=self._keys.max_body_bytes,
        )
        kind, type, charset = sniff(body.head, headers.get("content-type"))
        return Fetched(
            task=task,
            url=task.url,
            status=raw.status,
            kind=kind,
            type=type,
            charset=charset,
            headers=_headers_of(raw),
            part=part,
            bytes=body.bytes,
            wire_bytes=body.wire_bytes,
            sha256=body.sha256,
            at=time.time(),
            timings=Timings(flight.connected, first_byte, time.perf_counter() - began),
            peer=flight.peer,
        )

    def _moved(self, flight: Flight, began: float, raw: BaseHTTPResponse) -> Fact:
        location = raw.headers["location"]
        try:
            # http.client reads headers as latin-1; servers that do not encode mean UTF-8.
            text = location.encode("latin-1").decode("utf-8", "replace")
            target = urls.resolved(flight.task.url.href, text)
            target = urls.with_credentials_of(flight.task.url, target)
        except (urls.BadUrl, UnicodeEncodeError) as error:
            problem = errors.new_failure("bad_redirect", f"redirect to {location[:200]!r}: {error}")
            return self._failed(flight, began, problem)
        pause = self._pause(raw)
        return Moved(flight.task, target, raw.status, time.time(), pause)

    def _pause(self, raw: BaseHTTPResponse) -> float | None:
        """What the answer asks for in Retry-After, in seconds, within our limit."""
        value = raw.headers.get("retry-after")
        pause = retry_after(value, time.time()) if value else None
        return None if pause is None else min(pause, self._max_pause)

    def _rules(self, task: Task, raw: BaseHTTPResponse) -> RobotsText:
        text = bodies.beginning(raw, raw.headers.get("content-encoding"), MAX_ROBOTS_BYTES)
        return RobotsText(task, text.decode("utf-8", "replace"), time.time(), raw.status)

    def _refused(
        self, flight: Flight, began: float, first_byte: float, raw: BaseHTTPResponse
    ) -> FetchFailed:
        return FetchFailed(
            flight.task,
            errors.of_status(raw.status, raw.reason or "", self._pause(raw)),
            flight.task.url,
            time.time(),
            Timings(flight.connected, first_byte, time.perf_counter() - began),
            _headers_of(raw),
        )


_CONNECTION_ENDS = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def _is_connection_end(error: BaseException) -> bool:
    """Was the connection closed or reset, as far as the exception that lies deepest tells?"""
    while error.__context__ is not None:
        error = error.__context__
    return isinstance(error, _CONNECTION_ENDS)


def agent_of(keys: FetchSettings) -> str:
    """The User-Agent: who asks, and whom to write to about it."""
    if keys.user_agent:
        return keys.user_agent
    contact = f" (+{keys.contact})" if keys.contact else ""
    return f"scraper/{scraper.__version__}{contact}"


def retry_after(value: str, now: float) -> float | None:
    """Seconds from `now` that a Retry-After means (RFC 9110 10.2.3), None if it means nothing.

    Seconds, or one of the three forms of HTTP-date (RFC 9110 5.6.7).

    >>> retry_after("120", 0.0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 0.0)
    (120.0, 60.0)
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)  # asctime's form has no zone, and means GMT
        return max(date.timestamp() - now, 0.0)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None


def _validators(task: Task) -> dict[str, str]:
    stored = task.stored
    if stored is None or task.purpose != "url":
        return {}
    conditions = {"If-None-Match": stored.etag, "If-Modified-Since": stored.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _finish(raw: BaseHTTPResponse, read: bool) -> None:
    """Give the connection back if what is left of the answer is small, else close it."""
    if not read:
        length = _length(raw)
        if raw.chunked or (length is not None and length <= MAX_DRAINED_BYTES):
            try:
                rest = raw.read(MAX_DRAINED_BYTES + 1, decode_content=False)
            except Exception:  # noqa: BLE001 - the answer's head was all that mattered
                rest = bytes(MAX_DRAINED_BYTES + 1)
            if len(rest) > MAX_DRAINED_BYTES:
                raw.close()
        else:
            raw.close()
    raw.release_conn()


def _length(raw: BaseHTTPResponse) -> int | None:
    if has_no_body(raw.status):
        return 0
    if raw.headers.get("transfer-encoding") is not None:
        return None
    return length_of(raw.headers.getlist("content-length"))


def _is_whole(content_range: str | None) -> bool:
    """Is this range all of it? (RFC 9110 14.4)

    >>> _is_whole("bytes 0-99/100"), _is_whole("bytes 0-3/100"), _is_whole(None)
    (True, False, False)
    """
    match = re.fullmatch(r"bytes\s+0-(\d{1,18})/(\d{1,18})", (content_range or "").strip())
    return match is not None and int(match[1]) + 1 == int(match[2])


def _headers_of(raw: BaseHTTPResponse) -> Headers:
    """The headers that may be kept: cookies are secrets."""
    lower = ((name.lower(), value) for name, value in raw.headers.items())
    return tuple((name, value) for name, value in lower if name not in SECRET_HEADERS)


def _headers(ours: Mapping[str, str], lines: tuple[str, ...]) -> dict[str, str]:
    """Ours, with the user's in their place: names are the same in any case (RFC 9110 5.1)."""
    headers = {name.lower(): (name, value) for name, value in ours.items()}
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise UsageError("a header without a colon cannot be sent: write 'Name: value'")
        headers[name.lower()] = name, value
    for name, value in headers.values():
        if not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise UsageError(f"header {name!r} cannot be sent as it is: write 'Name: value', with "
                             "latin letters only")  # fmt: skip
    return dict(headers.values())


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5


class _Request(requests.PreparedRequest):
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


class _SlimAdapter(HTTPAdapter):
    """requests' adapter, whose `send` is kept (so that `responses` replaces it in tests) while
    what it calls for each request is cut to what this program needs."""

    def __init__(self, guard: Guard, keys: FetchSettings, per_host: int, connections: int) -> None:
        """`connections`: how many may be kept open, of all hosts together."""
        self._guard = guard
        self._keys = keys
        self._tls: ssl.SSLContext | None = None
        self._tls_lock = threading.Lock()
        self._pools: dict[str, HTTPConnectionPool] = {}
        of_a_host = min(per_host, connections)
        self._max_pools = min(connections // of_a_host, MAX_POOLS)
        super().__init__(pool_connections=self._max_pools, pool_maxsize=of_a_host)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._guarded(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        return manager if known else self._guarded(manager)

    def _guarded(self, manager: Any) -> Any:
        by_socks = "_socks_options" in manager.connection_pool_kw
        plain_bases, tls_bases = _connection_classes(by_socks)
        plain = type("Connection", plain_bases, {"guard": self._guard})
        secure = type("TlsConnection", tls_bases, {"guard": self._guard})
        manager.pool_classes_by_scheme = {
            "http": type("Pool", (_Pool, HTTPConnectionPool), {"ConnectionCls": plain}),
            "https": type("TlsPool", (_Pool, HTTPSConnectionPool), {"ConnectionCls": secure}),
        }
        return manager

    def forget(self, origin: str) -> None:
        """This origin's pool is closed: make a new one when it is asked next."""
        self._pools.pop(origin, None)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None,
                                        cert: Any = None) -> Any:  # fmt: skip
        pool = self._pools.get(request.origin)
        if pool is not None and not proxies:
            return pool
        parts = urls.canonical(request.url)
        keywords: dict[str, Any] = {}
        if parts.scheme == "https":
            keywords = {"ssl_context": self._context()}
        proxy = select_proxy(request.url, proxies)
        manager = self.proxy_manager_for(proxy) if proxy else self.poolmanager
        pool = manager.connection_from_url(request.url, pool_kwargs=keywords)
        if not proxy:
            if len(self._pools) >= self._max_pools:
                self._pools.clear()  # the manager keeps them; this is only the short way
            self._pools[request.origin] = pool
        return pool

    def _context(self) -> ssl.SSLContext:
        """One context for all: loading the certificates costs more than a request."""
        with self._tls_lock:
            if self._tls is None:
                self._tls = create_urllib3_context()
                if self._keys.verify_tls:
                    self._tls.verify_mode = ssl.CERT_REQUIRED
                    self._tls.check_hostname = True
                    self._tls.load_verify_locations(**_trusted(self._keys.ca_bundle))
                else:
                    self._tls.check_hostname = False
                    self._tls.verify_mode = ssl.CERT_NONE
            return self._tls

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: verification is a matter of the context, set when the pool was made."""

    def request_url(self, request: Any, proxies: Any) -> str:
        return super().request_url(request, proxies) if proxies else request.target

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Status and raw answer: no cookie jar, no second set of headers, no guessed charset."""
        response = requests.Response.__new__(requests.Response)
        response.status_code = resp.status
        response.raw = resp
        response.headers = resp.headers
        response.url = req.url
        response.request = req
        return response


def _check_certificates(bundle: str) -> None:
    """Raises UsageError for a file of the user's that holds none: no URL could be asked."""
    trusted = _trusted(bundle)
    if certifi.where() in trusted.values():
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**trusted)
    except OSError as error:  # ssl.SSLError is one
        where = next(iter(trusted.values()))
        raise UsageError(f"{where} holds no certificates that can be read: {error}") from error


def _trusted(bundle: str) -> dict[str, str]:
    path = (
        bundle
        or os.environ.get("REQUESTS_CA_BUNDLE")
        or os.environ.get("SSL_CERT_FILE")
        or certifi.where()
    )
    if not os.path.exists(path):
        raise UsageError(f"no such file or folder of certificates: {path}")
    return {"capath": path} if os.path.isdir(path) else {"cafile": path}


class _Pool:
    """A connection pool that tells the flight which socket it is on."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn = super()._get_conn(timeout)  # type: ignore[misc]
        flight: Flight = _current.flight
        if conn.sock is not None and flight.needs_fresh:
            conn.close()  # as urllib3 does with one that it sees to be dropped
        flight.is_kept = conn.sock is not None
        if flight.is_kept:
            flight.peer = conn.peer
            try:
                conn.admit(flight)
            except BaseException:
                conn.close()
                raise
            flight.attach(conn.sock)
        return conn

    def _put_conn(self, conn: Any) -> None:
        flight: Flight | None = getattr(_current, "flight", None)
        if flight is not None:
            flight.detach()
        super()._put_conn(conn)  # type: ignore[misc]


class _Guarded:
    """A connection that is made by the guard, to an address that it has checked."""

    guard: Guard
    peer: str | None = None
    trust: Trust  # of the task for which the connection was made

    def _new_conn(self) -> socket.socket:
        flight: Flight = _current.flight
        began = time.perf_counter()
        this: Any = self
        trust: Trust = "proxy" if this.proxy is not None else flight.trust
        try:
            sock = self._connected(trust)
        except TimeoutError as error:
            raise ConnectTimeoutError(this, f"no connection within {this.timeout} s") from error
        flight.connected = time.perf_counter() - began
        flight.peer = this.peer = str(sock.getpeername()[0])
        self.trust = trust
        flight.attach(sock)
        return sock

    def _connected(self, trust: Trust) -> socket.socket:
        this: Any = self
        return self.guard.connect(this._dns_host, this.port, this.timeout, trust)

    def response_class(self, *args: Any, **keywords: Any) -> Answer:
        """Called by http.client when the request is sent."""
        answer = _current.flight.answer = Answer(*args, **keywords)
        return answer

    def admit(self, flight: Flight) -> None:
        """A kept connection is no way around the guard: where the list may lead, a public page
        may not."""
        this: Any = self
        if this.proxy is None and flight.trust != self.trust:
            self.guard.recheck(this._dns_host, this.port, this.peer, flight.trust)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        this: Any = self
        flight: Flight = _current.flight
        flight.attach(this.sock)


class _GuardedTls(_Guarded):
    """The same for TLS, which takes the descriptor out of the socket object that it wraps: for
    the length of the handshake the flight holds a second one."""

    _spare: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._spare = sock.dup()
        _current.flight.attach(self._spare)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        except BaseException:
            _current.flight.detach()
            raise
        finally:
            if self._spare is not None:
                self._spare.close()


class _BySocks(_Guarded):
    """A connection through a SOCKS proxy: the guard judges the way to the proxy, as with any."""

    def _connected(self, trust: Trust) -> socket.socket:
        this: Any = self
        options = this._socks_options
        host, port = options["proxy_host"], int(options["proxy_port"] or SOCKS_PORT)
        try:
            with self.guard.connect(host, port, this.timeout, "proxy") as tried:
                checked = tried.getpeername()[0]
        except OSError as error:
            raise ProxyError(f"no connection to the proxy {host}:{port}", error) from error
        this._socks_options = {**options, "proxy_host": checked, "proxy_port": port}
        try:
            # Past the guard's own way, to that of urllib3's SOCKSConnection.
            sock: socket.socket = super(_Guarded, this)._new_conn()  # type: ignore[misc]
        finally:
            this._socks_options = options  # its name, for the next time
        return sock

    def admit(self, flight: Flight) -> None:
        """Whom the proxy connects to is the proxy's business, on a kept connection too."""


class _BySocksTls(_GuardedTls, _BySocks):
    """The same for TLS."""


def _connection_classes(by_socks: bool) -> tuple[tuple[type, ...], tuple[type, ...]]:
    """What plain and TLS connections are made of."""
    if not by_socks:
        return (_Guarded, HTTPConnection), (_GuardedTls, HTTPSConnection)
    from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection

    return (_BySocks, SOCKSConnection), (_BySocksTls, SOCKSHTTPSConnection)
