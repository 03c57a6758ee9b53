"""A guard without a network: names, clock and connections of the test's own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scraper.guard.addresses import Address
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Guard, Refused
from scraper.guard.permissions import Permissions
from scraper.guard.resolver import Resolver
from scraper.model import Trust

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946"
PRIVATE = "10.1.2.3"
METADATA = "169.254.169.254"


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Names:
    """A resolver: of each name the answers, one after another; the last one stays."""

    def __init__(self, **names: Sequence[Any]) -> None:
        self.answers = {
            name.replace("_", "."): list(each) for name, each in names.items()
        }
        self.asked: list[str] = []

    def __call__(
        self, name: str, port: None, family: int, type: int
    ) -> list[Any]:
        self.asked.append(name)
        answers = self.answers.get(name.removesuffix("."))
        if answers is None:
            raise socket.gaierror(
                socket.EAI_NONAME, "Name or service not known"
            )
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return [
            info(address)
            for address in ([answer] if isinstance(answer, str) else answer)
        ]


def info(address: str) -> tuple[Any, ...]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


class Socket:
    """What the guard needs of a socket."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.closed = False
        self.timeout: float | None = -1.0

    def getpeername(self) -> tuple[str, int]:
        return self.peer, 80

    def settimeout(self, timeout: float | None) -> None:
        self.timeout = timeout

    def close(self) -> None:
        self.closed = True


class Wire:
    """A connector that only notes which address would be contacted."""

    def __init__(
        self, errors: dict[str, OSError] | None = None, peer: str | None = None
    ) -> None:
        self.errors = errors or {}
        self.peer = peer
        self.contacted: list[str] = []
        self.shares: list[float | None] = []
        self.sockets: list[Socket] = []

    def __call__(
        self, address: Address, port: int, timeout: float | None
    ) -> Any:
        self.contacted.append(str(address))
        self.shares.append(timeout)
        if str(address) in self.errors:
            raise self.errors[str(address)]
        self.sockets.append(Socket(self.peer or str(address)))
        return self.sockets[-1]


def guarded(
    names: Callable[..., Iterable[Any]], wire: Wire, **options: Any
) -> Guard:
    """A guard that looks names up there, and connects through that."""
    clock = options.pop("clock", time.monotonic)
    permissions = Permissions(
        options.pop("private", "listed"),
        deny_networks=options.pop("deny_networks", ()),
        allow_networks=options.pop("allow_networks", ()),
    )
    resolver = Resolver(
        names,
        threads=options.pop("lookup_threads", 4),
        max_stuck=options.pop("max_stuck", 16),
        timeout_seconds=options.pop("dns_timeout_seconds", 10.0),
        clock=clock,
    )
    allow = AllowList(options.pop("patterns", ()))
    return Guard(
        allow, permissions, resolver, connect=wire, clock=clock, **options
    )


def contacted(
    host: str, answer: Sequence[str], trust: Trust = "listed", **options: Any
) -> list:
    """The addresses contacted for a host whose name has this answer."""
    wire = Wire()
    judge = guarded(Names(**{host: [answer]}), wire, **options)
    if refused(judge, host, trust) is not None:
        assert wire.contacted == []
    return wire.contacted


def refused(judge: Guard, host: str, trust: Trust) -> tuple[str, str] | None:
    """Connect; kind and message if that is refused."""
    try:
        judge.connect(host, 80, 5, trust)
    except Refused as error:
        return error.kind, str(error)
    return None
