"""A web server that does what it is told, and remembers who asked for what, when.

One thread takes connections, one serves each of them, and all have ended when `close()` returns.
"""

from __future__ import annotations

import random
import selectors
import socket
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from types import TracebackType
from typing import TypeAlias

MAX_HEAD_BYTES = 262_144
PIECE_BYTES = 65_536
BACKLOG = 1_024


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as it came; times are `time.monotonic()` seconds.

    `until` is the moment just before the last bytes of the answer left, so that a client that asks
    again as soon as it has read them never seems to overlap; infinity while that lies ahead.
    """

    n: int  # among all requests of this server, from 1
    nth: int  # among those to the same host and path, from 1
    connection: int  # from 1
    at: float
    until: float
    method: str
    path: str  # with the query
    host: str  # the Host header: with the port
    headers: Mapping[str, str]  # lower-case names; repeated ones joined by ", "
    body: bytes = b""


class Exchange:
    """One request and the means to answer it: what a behaviour is given."""

    __slots__ = ("_closing", "_sock", "answered_at", "keep_alive", "seen")

    def __init__(
        self,
        seen: Seen,
        sock: socket.socket,
        keep_alive: bool,
        closing: threading.Event,
    ) -> None:
        self.seen = seen
        self.keep_alive = keep_alive
        self.answered_at: float | None = None
        self._sock = sock
        self._closing = closing

    def send(self, data: bytes) -> None:
        """Send bytes, whatever they are. Raises ConnectionError when the client has left."""
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            self.answered_at = time.monotonic()
            self._sock.sendall(piece)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while. Raises ConnectionError when the client or the server leaves."""
        if seconds <= 0:
            return
        end = time.monotonic() + seconds
        self._sock.settimeout(seconds)
        try:
            # the plain socket's recv: an SSLSocket refuses MSG_PEEK
            waiting = socket.socket.recv(self._sock, 1, socket.MSG_PEEK)
        except TimeoutError:
            return
        finally:
            self._sock.settimeout(None)
        if not waiting or self._closing.wait(end - time.monotonic()):
            raise ConnectionAbortedError("the client or the server has left")

    def hang(self) -> None:
        """Say nothing more; return when the client or the server leaves."""
        self.close()
        while socket.socket.recv(self._sock, PIECE_BYTES):
            pass

    def close(self) -> None:
        """End the connection after this answer."""
        self.keep_alive = False

    def reset(self) -> None:
        """End the connection after this answer, with RST in place of FIN."""
        self.keep_alive = False
        # on, 0 seconds: close() then discards what is unsent and sends RST (socket(7))
        self._sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )


Behaviour: TypeAlias = Callable[[Exchange], None]
"""Answers one request, well or badly: by what it sends, when, and how it ends."""


def _not_found(exchange: Exchange) -> None:
    length = b"" if exchange.seen.method == "HEAD" else b"not found"
    exchange.send(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
        + length
    )


class FaultyServer:
    """An HTTP/1.1 server on a loopback address, serving from construction to `close()`.

    `behaviours` is either one behaviour for every request, or a mapping. Its keys are paths:
    `/a?b=1` goes before `/a`, which takes any query; `/a/*` takes what lies below `/a/`; and
    `//name/a` is for requests whose Host header says `name`. The mapping is copied to the attribute
    `behaviours`, which may be changed while serving. Other paths are answered 404.

    `on_request` is called with each request before it is answered, in the connection's own thread;
    set it at any time. What it, or a behaviour, raises reaches `threading.excepthook`.

    `tls` is a pair of files, certificate and key. `port=0` takes a free one. Every request stays
    in the log: not for runs of millions.
    """

    def __init__(
        self,
        behaviours: Mapping[str, Behaviour] | Behaviour | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: tuple[str, str] | None = None,
        on_request: Callable[[Seen], None] | None = None,
    ) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self._only: Behaviour | None = None
        if callable(behaviours):
            self._only = behaviours
        elif behaviours is not None:
            self.behaviours.update(behaviours)
        self.on_request = on_request
        self._tls: ssl.SSLContext | None = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        self._log: list[Seen] = []
        self._times_asked: Counter[tuple[str, str]] = Counter()
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._connections: dict[
            int, tuple[socket.socket, threading.Thread]
        ] = {}
        self._finished: deque[threading.Thread] = deque()
        self._accepted = 0
        self._listener = socket.create_server((host, port), backlog=BACKLOG)
        self._alarm, self._alarmed = socket.socketpair()
        self.host: str = host
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(
            target=self._accept, name=f"faulty-{self.port}", daemon=True
        )
        self._accepting.start()

    def __enter__(self) -> FaultyServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, cut every connection, end every thread. May be called twice."""
        self._closing.set()
        with suppress(OSError):  # closed by an earlier call
            self._alarm.send(b"!")
        self._join(self._accepting)
        for end in (self._listener, self._alarm, self._alarmed):
            end.close()
        with self._arrived:
            connections = list(self._connections.values())
            for sock, _ in connections:
                with suppress(OSError):  # the client has left already
                    # not SSLSocket's own, which takes the TLS state away from the thread in it
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for _, thread in connections:
            self._join(thread)
        while self._finished:
            self._join(self._finished.popleft())

    @staticmethod
    def _join(thread: threading.Thread) -> None:
        # on_request may close the server
        if thread is not threading.current_thread():
            thread.join()

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The absolute URL of a path; `host` is another name for the same address."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host or self.host}:{self.port}{path}"

    # -- what was asked -----------------------------------------------------------------------

    @property
    def seen(self) -> list[Seen]:
        """All requests so far, in the order of their arrival."""
        with self._arrived:
            return list(self._log)

    def seen_of(self, path: str) -> list[Seen]:
        """The requests for exactly this path and query."""
        return [seen for seen in self.seen if seen.path == path]

    def count(self, path: str | None = None) -> int:
        """How many requests came, for exactly this path and query or in all."""
        return len(self.seen if path is None else self.seen_of(path))

    def max_concurrent(self, host: str | None = None) -> int:
        """The greatest number of requests under way at once, to a host (a Host header) or in all.

        A client that gives up is counted until the server notices.
        """
        edges = []
        for seen in self.seen:
            if host in (None, seen.host, _name_of(seen.host)):
                edges += [(seen.at, 1), (seen.until, -1)]
        greatest = now = 0
        # at the same moment an end comes before a beginning
        for _, step in sorted(edges):
            now += step
            greatest = max(greatest, now)
        return greatest

    def gaps(self, host: str | None = None) -> list[float]:
        """Seconds from the end of each answer to the next request; negative where they overlap."""
        asked = [
            seen
            for seen in self.seen
            if host in (None, seen.host, _name_of(seen.host))
        ]
        return [later.at - earlier.until for earlier, later in pairwise(asked)]

    def wait_for(self, n: int, timeout_seconds: float = 10.0) -> Seen:
        """The n-th request (from 1), once it has arrived. Raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(
                lambda: len(self._log) >= n, timeout_seconds
            ):
                raise TimeoutError(
                    f"{len(self._log)} of {n} requests in {timeout_seconds} s"
                )
            return self._log[n - 1]

    # -- serving ------------------------------------------------------------------------------

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._alarmed, selectors.EVENT_READ)
            while True:
                selector.select()
                if self._closing.is_set():
                    return
                try:
                    sock, _ = self._listener.accept()
                except ConnectionAbortedError:  # it left while it was queued
                    continue
                self._open(sock)

    def _open(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
        except OSError:  # it left while it was queued
            sock.close()
            return
        while self._finished:
            self._join(self._finished.popleft())
        self._accepted += 1
        thread = threading.Thread(
            target=self._serve,
            args=(sock, self._accepted),
            name=f"faulty-{self.port}-{self._accepted}",
            daemon=True,
        )
        with self._arrived:
            self._connections[self._accepted] = sock, thread
        thread.start()

    def _serve(self, sock: socket.socket, connection: int) -> None:
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            received = bytearray()
            while self._serve_one(sock, connection, received):
                pass
        except (ConnectionError, ssl.SSLError):
            pass  # the client left, as the clients of such a server do
        finally:
            with self._arrived:
                del self._connections[connection]
                self._finished.append(threading.current_thread())
                sock.close()

    def _serve_one(
        self, sock: socket.socket, connection: int, received: bytearray
    ) -> bool:
        """Read one request, have it answered; whether another may follow."""
        head = _read_head(sock, received)
        if head is None:
            return False
        request = _parsed(head)
        if request is None:
            sock.sendall(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
            )
            return False
        method, path, version, headers = request
        body = _read_body(sock, received, int(headers.get("content-length", 0)))
        at = time.monotonic()
        host = headers.get("host", "")
        with self._arrived:
            self._times_asked[host, path] += 1
            nth = self._times_asked[host, path]
            number = len(self._log) + 1
            seen = Seen(
                number,
                nth,
                connection,
                at,
                inf,
                method,
                path,
                host,
                headers,
                body,
            )
            self._log.append(seen)
            self._arrived.notify_all()
        keep_alive = (
            version != "HTTP/1.0"
            and headers.get("connection", "").lower() != "close"
        )
        exchange = Exchange(seen, sock, keep_alive, self._closing)
        try:
            if self.on_request is not None:
                self.on_request(seen)
            self._behaviour_of(seen)(exchange)
        finally:
            until = exchange.answered_at or time.monotonic()
            with self._arrived:
                self._log[number - 1] = replace(seen, until=until)
        return exchange.keep_alive

    def _behaviour_of(self, seen: Seen) -> Behaviour:
        if self._only is not None:
            return self._only
        bare = seen.path.partition("?")[0]
        for root in (f"//{_name_of(seen.host)}", ""):
            for path in (seen.path, bare, *_folders_of(bare)):
                behaviour = self.behaviours.get(root + path)
                if behaviour is not None:
                    return behaviour
        return _not_found


def _name_of(host: str) -> str:
    return host.rpartition(":")[0] or host


def _folders_of(path: str) -> Iterator[str]:
    """`/a/b` -> `/a/*`, `/*`."""
    while path:
        path = path.rpartition("/")[0]
        yield path + "/*"


def _read_head(sock: socket.socket, received: bytearray) -> str | None:
    """The next request's head, taken out of `received`; None at the end of the connection."""
    while (end := received.find(b"\r\n\r\n")) < 0:
        piece = sock.recv(PIECE_BYTES)
        if not piece or len(received) > MAX_HEAD_BYTES:
            return None
        received += piece
    head = received[:end].decode("latin-1")
    del received[: end + 4]
    return head


def _read_body(sock: socket.socket, received: bytearray, length: int) -> bytes:
    while len(received) < length:
        piece = sock.recv(PIECE_BYTES)
        if not piece:
            raise ConnectionAbortedError(
                "the client left in the middle of a request"
            )
        received += piece
    body = bytes(received[:length])
    del received[:length]
    return body


def _parsed(head: str) -> tuple[str, str, str, dict[str, str]] | None:
    """Method, path, version, headers; None if it is not HTTP/1."""
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        value = value.strip()
        headers[name] = (
            f"{headers[name]}, {value}" if name in headers else value
        )
    if not headers.get("content-length", "0").isdecimal():
        return None
    return words[0], words[1], words[2], headers


# -- addresses that do not answer -------------------------------------------------------------


def closed_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens: connections are refused.

    Taken from below the range that systems hand out by themselves (Linux from 32768, others from
    49152), so that neither a server on port 0 nor an outgoing connection gets it meanwhile.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:  # in use
                continue
            return port


@contextmanager
def unaccepting(host: str = "127.0.0.1") -> Iterator[int]:
    """A port whose queue of connections is full: connecting to it neither succeeds nor fails."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting: list[socket.socket] = []
        try:
            reachable = "127.0.0.1" if host == "0.0.0.0" else host
            while _connects(port, reachable, waiting):
                pass
            yield port
        finally:
            for sock in waiting:
                sock.close()


def _connects(port: int, host: str, waiting: list[socket.socket]) -> bool:
    sock = socket.socket()
    waiting.append(sock)
    sock.settimeout(0.1)
    try:
        sock.connect((host, port))
    except TimeoutError:
        return False
    return True
