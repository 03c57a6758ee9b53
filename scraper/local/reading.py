"""One file as the fact that a request would have come to, without a network."""

from __future__ import annotations

import errno
import hashlib
import mimetypes
import os
import time
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol

from scraper.errors import disk_failure, new_failure
from scraper.local.addresses import text_of_path
from scraper.machine.files import NotPlain, open_plain
from scraper.media_types import HEAD_BYTES, sniff
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Task,
    Timings,
)
from scraper.urls import file_path_of

READ, UNCHANGED = 200, 304  # as a server would have said it
_PIECE_BYTES = 1 << 20
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Reading(Protocol):
    """What is known of a file that is under way."""

    @property
    def task(self) -> Task: ...

    @property
    def abort_reason(self) -> Failure | None: ...

    def begin(self) -> None:
        """Its time runs from now on."""


class LocalFetcher:
    """Reads files. One for a run, used by all its threads."""

    proxies = ()

    def __init__(
        self, settings: object, guard: object, parts: Path, **_: Any
    ) -> None:
        """It takes what a fetcher of the network takes, and needs nothing of it."""

    def close(self) -> None:
        """Nothing is kept open."""

    def fetch(self, flight: Reading) -> Fact:
        """Read the file of `flight.task` once. Whatever happens comes back as a fact."""
        flight.begin()
        task, began = flight.task, time.perf_counter()
        path = file_path_of(task.url.href)
        try:
            with open_plain(path) as file:
                return _fact_of(flight, path, file, began)
        except OSError as error:
            failure = _failure_of(error, path)
        return FetchFailed(
            task,
            failure,
            task.url,
            time.time(),
            Timings(fetch=time.perf_counter() - began),
            answered=True,
        )


def _fact_of(
    flight: Reading, path: str, file: BufferedReader, began: float
) -> Fact:
    task, stored = flight.task, flight.task.stored
    state = os.fstat(file.fileno())
    etag = f'"{state.st_size:x}-{state.st_mtime_ns:x}"'
    named, _ = mimetypes.guess_type(path)
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    known_by = stored.etag if stored else None
    sha256 = stored.sha256 if stored and known_by == etag else None
    is_known = sha256 is not None
    if sha256 is None:
        sha256 = _sha256_of(file, flight)
        # written again with what it was; what failed has no etag
        is_known = (
            stored is not None
            and known_by is not None
            and stored.sha256 == sha256
        )
    if flight.abort_reason is not None:
        return FetchFailed(
            task, flight.abort_reason, task.url, time.time(), answered=True
        )
    kind, type, charset = sniff(head, named)
    return Fetched(
        task=task,
        url=task.url,
        status=UNCHANGED if is_known else READ,
        kind=kind,
        type=type,
        charset=charset,
        headers=(("etag", etag),),
        part=None,
        bytes=state.st_size,
        wire_bytes=0,
        sha256=sha256,
        at=time.time(),
        timings=Timings(fetch=time.perf_counter() - began),
    )


def _sha256_of(file: BufferedReader, flight: Reading) -> str:
    found = hashlib.sha256()
    while flight.abort_reason is None and (piece := file.read(_PIECE_BYTES)):
        found.update(piece)
    return found.hexdigest()


def _failure_of(error: OSError, path: str) -> Failure:
    if error.errno in OURS:
        return disk_failure(error)
    why = str(error) if isinstance(error, NotPlain) else error.strerror
    return new_failure("file_unreadable", f"{text_of_path(path)}: {why}")
