"""A body that the folder of a run has stored, as the fact that says: it is what it was."""

from __future__ import annotations

import hashlib
import os
import time
from io import BufferedReader
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from scraper.errors import disk_failure, new_failure
from scraper.local.reading import OURS, UNCHANGED, Reading
from scraper.machine.files import Folder, NotPlain
from scraper.media_types import sniff
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    StoredResponse,
    Timings,
)
from scraper.urls import parts_of


class StoredFetcher:
    """Reads stored bodies. One for a run, used by all its threads."""

    proxies = ()

    def __init__(
        self,
        settings: object,
        guard: object,
        parts: Path,
        *,
        folder: Folder,
        **_: Any,
    ) -> None:
        """It takes what a fetcher of the network takes, and needs the run folder of it."""
        self._folder = folder

    def close(self) -> None:
        """Nothing is kept open."""

    def fetch(self, flight: Reading) -> Fact:
        """See that the body of `flight.task` is what was stored. Whatever happens comes back as a
        fact."""
        flight.begin()
        task = flight.task
        stored = task.stored or StoredResponse()
        why = flight.abort_reason or self._fault_of(stored)
        if why is not None:
            return FetchFailed(
                task, why, task.origin_url, time.time(), answered=True
            )
        kind, type, charset = sniff(b"", stored.type)
        return Fetched(
            # What it was processed by does not count: it is to be processed again.
            task=replace(task, stored=replace(stored, process_hash=None)),
            url=parts_of(stored.url) if stored.url else task.origin_url,
            status=UNCHANGED,
            kind=kind,
            type=stored.type or type,
            charset=stored.charset or charset,
            headers=(),
            part=None,
            bytes=stored.bytes or 0,
            wire_bytes=0,
            sha256=stored.sha256,
            at=time.time(),
            timings=Timings(),
        )

    def _fault_of(self, stored: StoredResponse) -> Failure | None:
        if stored.path is None:
            return _unusable("nothing of it", "is stored")
        try:
            with self._folder.open_reader(stored.path) as file:
                is_same = _is_same(file, stored)
        except NotPlain as error:
            return _unusable(stored.path, str(error))
        except OSError as error:
            if error.errno in OURS:
                return disk_failure(error)
            return _unusable(stored.path, os.strerror(error.errno or 0))
        return None if is_same else _unusable(stored.path, "was changed")


def _is_same(file: BufferedReader, stored: StoredResponse) -> bool:
    return hashlib.file_digest(file, "sha256").hexdigest() == stored.sha256


def _unusable(what: str, why: str) -> Failure:
    message = f"{what}: {why}; --retry file_unreadable asks for it again"
    return new_failure("file_unreadable", message)
