"""A site whose answers wait until the test lets them go, and sessions that are quick to open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scraper import Session
from scraper.faulty import Behaviour, FaultyServer, page
from scraper.faulty.server import Exchange

PATIENCE = 15.0  # seconds; what takes longer hangs


class Gate:
    """A behaviour that answers once it is opened, with a page unless told otherwise."""

    def __init__(self, answer: Behaviour | None = None) -> None:
        self._opened = threading.Event()
        self._answer = answer or page("<title>fine</title>")

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.clear()

    def __call__(self, exchange: Exchange) -> None:
        while not self._opened.is_set():
            exchange.wait(0.01)
        self._answer(exchange)


@contextmanager
def gated() -> Iterator[tuple[FaultyServer, Gate]]:
    """A site of which /slow/... waits for its gate; all else is a page."""
    gate = Gate()
    behaviours = {"/slow/*": gate, "/*": page("<title>quick</title>")}
    with FaultyServer(behaviours) as server:
        try:
            yield server, gate
        finally:
            gate.open()


def session(**settings: Any) -> Session:
    """One without worker processes, robots.txt and jitter."""
    usual = {
        "threads": 4,
        "save_only": True,
        "robots": "off",
        "jitter": 0,
    }
    return Session(**{**usual, **settings})


def known(opened: Session, server: FaultyServer) -> None:
    """Have the host answer once: a new one is asked one thing at a time."""
    opened.submit(server.url("/known")).result(PATIENCE)
