"""Fetches on threads of its own, as the pipeline does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scraper.config import FetchSettings
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Guard
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.http.throttle import Throttle
from scraper.machine.files import open_folder
from scraper.model import Fact, Fetched, FetchFailed, Task
from scraper.urls import canonical

PATIENCE = 10.0
BODY = b"<!doctype html><title>A page</title>" + b"<p>All is well. " * 500


class Asker:
    """Asks URLs on threads of its own, as the pipeline does."""

    def __init__(
        self, folder: Path, throttle: Throttle | None = None, **keys: Any
    ) -> None:
        self.folder = folder
        self.keys = FetchSettings(**{"timeout_seconds": PATIENCE, **keys})
        self.guard = Guard(AllowList(["127.0.0.1", "localhost", "*.example"]))
        self.opened = open_folder(folder)
        self.fetcher = Fetcher(self.keys, self.guard, folder, per_host=4,
                               folder=self.opened, throttle=throttle)  # fmt: skip
        self.pool = ThreadPoolExecutor(4)
        self.attempts = 0

    def flight(
        self, url: str, seconds: float = PATIENCE, **task: Any
    ) -> Flight:
        self.attempts += 1
        parts = canonical(url)
        asked = Task(7, parts, parts, **task)
        return Flight(self.attempts, asked, "listed", seconds, time.monotonic)

    def ask(self, url: str, **task: Any) -> Fact:
        return self.pool.submit(
            self.fetcher.fetch, self.flight(url, **task)
        ).result(PATIENCE)

    def saved(self, fact: Fact) -> bytes:
        assert isinstance(fact, Fetched), fact
        assert fact.part is not None
        return (self.folder / fact.part).read_bytes()

    def close(self) -> None:
        self.fetcher.close()
        self.pool.shutdown()


def kind_of(fact: Fact) -> str:
    return (
        fact.failure.kind
        if isinstance(fact, FetchFailed)
        else type(fact).__name__
    )
