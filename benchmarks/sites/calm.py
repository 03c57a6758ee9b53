"""A generated site that is never slow and never fails, served by as little as can be: beside those
who are measured, the server takes a share of the machine."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Thread

from benchmarks.sites.model import Page, Place, Site
from benchmarks.sites.render import body_of

BACKLOG = 1_024
HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
_END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Calm:
    """Two ports with one site, whose answers are ready before the first is asked for."""

    ports: Sequence[int]
    _answers: dict[Place, bytes] = field(default_factory=dict)
    _site: Site = field(default_factory=lambda: Site({}, {}))
    _asked: Counter[Place] = field(default_factory=Counter)

    def serve(self, site: Site) -> None:
        """These pages from now on."""
        self._site = site
        self._answers = {
            place: _answer_of(page) for place, page in site.pages.items()
        }

    def answer(self, head: bytes) -> bytes:
        """To a request with this head."""
        path = head.split(b" ", 2)[1].decode("latin-1")
        place = self._site.place_of(_authority_of(head), path)
        if path == "/robots.txt":
            rules = "" if place is None else self._site.robots_of(place.host)
            return _message(200, {"Content-Type": PLAIN}, rules.encode())
        if place is not None:
            self._asked[place] += 1
        return self._answers.get(place, _NOT_FOUND) if place else _NOT_FOUND

    def asked(self) -> Counter[Place]:
        """How often each place was asked; without robots.txt."""
        return self._asked.copy()


class _Connection(asyncio.Protocol):
    """One kept-alive connection that asks one thing after the other, without bodies."""

    def __init__(self, calm: Calm, all: set[_Connection]) -> None:
        self._calm, self._all, self._read = calm, all, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._all.discard(self)

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._read += data
        while _END_OF_HEAD in self._read:
            head, _, self._read = self._read.partition(_END_OF_HEAD)
            self._transport.write(self._calm.answer(head))


def _authority_of(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        if line[:5].lower() == b"host:":
            return line[5:].strip().decode("latin-1")
    return ""


def _answer_of(page: Page) -> bytes:
    if page.moved_to is not None:
        location = {"Location": page.moved_to.reference}
        return _message(page.status, location, b"")
    headers = {"Content-Type": page.type}
    if page.robots_header:
        headers["X-Robots-Tag"] = page.robots_header
    return _message(page.status, headers, body_of(page))


def _message(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


_NOT_FOUND = _message(404, {"Content-Type": HTML}, b"<h1>404 Not Found</h1>")


@contextmanager
def serving_calmly(host: str) -> Iterator[Calm]:
    """Both ports, with no page yet."""
    calm, is_over = Calm(()), asyncio.Event()
    loop = asyncio.new_event_loop()
    listening = [
        socket.create_server((host, 0), backlog=BACKLOG) for _ in range(2)
    ]
    calm.ports = [each.getsockname()[1] for each in listening]
    thread = Thread(
        target=loop.run_until_complete, args=[_serve(calm, listening, is_over)]
    )
    thread.start()
    try:
        yield calm
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.close()


async def _serve(
    calm: Calm, listening: Sequence[socket.socket], is_over: asyncio.Event
) -> None:
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            lambda: _Connection(calm, connections), sock=each
        )
        for each in listening
    ]
    await is_over.wait()
    for server in servers:
        server.close()
    for connection in connections:
        connection.abort()
    await asyncio.sleep(0)  # in which the connections are closed
