"""What is replaced of requests: a short way in, a guarded connection, a way out.

A plain `Session.get` costs 0.3 ms more for each URL, twice what everything else of a fetch costs.
`HTTPAdapter.send` itself is kept, so that `responses` replaces it in tests. Replaced are, checked
with requests 2.34 and urllib3 2.8:

    requests.PreparedRequest        filled directly: all that preparing would find out is known
    HTTPAdapter.get_connection_...  our own short way from origin to pool; one TLS context for all
    HTTPAdapter.build_response      status and raw answer: no cookie jar, no guessed charset
    urllib3's pools                 of our classes (connections.py)

Private names of urllib3 stand in these two files only. When its version changes, tests/http say
whether they still hold: they use real local servers.
"""

from __future__ import annotations

import ssl
import threading
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ClosedPoolError
from urllib3.util import Timeout

from scraper import urls
from scraper.config import FetchSettings
from scraper.guard.guard import Guard
from scraper.http.certificates import tls_context
from scraper.http.connections import MIN_TIMEOUT_SECONDS, guard_pools
from scraper.http.flight import Flight
from scraper.http.framing import Answer, has_no_body, length_of
from scraper.http.throttle import Throttle

MAX_POOLS = (
    2_048  # hosts to which connections are kept open; each is an open file
)
MAX_SENDS = 3  # of one request: a pool may be closed under it, and then a kept connection
MAX_DRAINED_BYTES = (
    65_536  # of an answer that is not wanted, to keep its connection
)
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
        self.headers: Any = {"Host": _without_last_dot(authority), **headers}
        if at:
            token = b64encode(unquote(credentials).encode()).decode()
            self.headers["Authorization"] = f"Basic {token}"
        self.body = None
        self.hooks = {}
        self._cookies = None
        self._body_position = None


def _without_last_dot(authority: str) -> str:
    """Servers know their names without it."""
    name, colon, port = authority.partition(":")
    return f"{name[:-1]}{colon}{port}" if name.endswith(".") else authority


class SlimAdapter(HTTPAdapter):
    """requests' adapter with what it calls for each request cut to what this program needs."""

    def __init__(
        self,
        guard: Guard,
        settings: FetchSettings,
        per_host: int,
        connections: int,
        throttle: Throttle | None,
    ) -> None:
        """`connections`: how many may be kept open, of all hosts together."""
        self._guard = guard
        self._settings = settings
        self._throttle = throttle
        self._timeouts = Timeout(
            connect=settings.connect_timeout_seconds,
            read=settings.timeout_seconds,
        )
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
    ) -> Answer:
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
                answer: Any = response.raw
                return answer  # type: ignore[no-any-return]  # an Answer
            except requests.ConnectionError as error:
                if not sends_left or not self._may_send_again(
                    flight, request, error
                ):
                    raise
        raise AssertionError("the last time either returns or raises")

    def _timeouts_of(self, flight: Flight) -> Any:
        """urllib3's, made once for all that have time: requests takes it as it is."""
        left = max(flight.seconds_left(), MIN_TIMEOUT_SECONDS)
        settings = self._settings
        connect, read = (
            settings.connect_timeout_seconds,
            settings.timeout_seconds,
        )
        if left >= max(connect, read):
            return self._timeouts
        return Timeout(connect=min(connect, left), read=min(read, left))

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

    def close(self) -> None:
        """Close every connection that is kept: urllib3 does so once a pool is unreferenced."""
        self._pools.clear()
        super().close()

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

    def _guard_pools(self, manager: Any) -> None:
        guard_pools(manager, self._guard, self._settings, self._throttle)

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


def body_length(raw: Answer) -> int | None:
    """Bytes of the body as announced; None if they are not. Raises BadAnswer."""
    if has_no_body(raw.status):
        return 0
    if raw.headers.get("transfer-encoding") is not None:
        return None
    return length_of(raw.headers.getlist("content-length"))


def return_connection(raw: Answer, *, body_was_read: bool) -> None:
    """Give the connection back if what is left of the answer is small, else close it."""
    if not body_was_read:
        length = body_length(raw)
        is_small = length is not None and length <= MAX_DRAINED_BYTES
        if not (is_small or raw.chunked) or not _is_drained(raw):
            raw.close()
    raw.release_conn()


def _is_drained(raw: Answer) -> bool:
    """Read what is left; was that all?"""
    try:
        rest = raw.read(MAX_DRAINED_BYTES + 1, decode_content=False)
    except Exception:  # noqa: BLE001 - the answer's head was all that mattered
        return False
    return len(rest) <= MAX_DRAINED_BYTES
