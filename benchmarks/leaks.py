"""Sessions that are opened and closed in one process: what is left of them?"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import table
from benchmarks.server import serving
from scraper import Session

SETTLED_SECONDS = 10.0  # within which what is left has to be gone
WORKERS_EVERY = 10  # sessions, of which one has a worker process
FOLDER_EVERY = 3


def open_and_close(sessions: int, page: str, home: Path) -> Mapping[str, int]:
    """Open so many sessions, ask one URL of each, close them. Returns what there is more of than
    before, by what it is; the first of each kind is not counted, for it loads modules and starts
    the fork server."""
    for number in range(WORKERS_EVERY + 1):
        _open_and_close(number, page, home)
    with _own_temporary_folder():
        before = left = _held()
        for number in range(sessions):
            _open_and_close(number, page, home)
        deadline = time.monotonic() + SETTLED_SECONDS
        while (left := _held()) - before and time.monotonic() < deadline:
            time.sleep(0.05)
    return left - before


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """Temporary files go where no other process has any."""
    usual = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="leaks-") as tempfile.tempdir:
        try:
            yield
        finally:
            tempfile.tempdir = usual


def _open_and_close(number: int, page: str, home: Path) -> None:
    settings: dict[str, Any] = {"save_only": True}
    if number % WORKERS_EVERY == 0:
        settings = {"processes": 1}
    if number % FOLDER_EVERY == 0:
        settings["dir"] = str(home / f"{number}")
    with Session(jitter=0, robots="off", **settings) as session:
        session.submit(f"{page}?{number}").result().raise_for_failure()


def _held() -> Counter[str]:
    """What this process holds of what runs out."""
    maps = Path("/proc/self/maps").read_text()
    return Counter(
        {
            "threads": threading.active_count(),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "children": _children(),
            "temporary names": len(os.listdir(tempfile.gettempdir())),
            "shared memory": maps.count("/dev/shm/"),
        }
    )


def _children() -> int:
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return len(task.read_text().split())


def measure(sessions: int) -> None:
    """Open and close them, and print what is left."""
    with (
        tempfile.TemporaryDirectory(prefix="leaks-") as home,
        serving(body="good") as site,
    ):
        began = time.perf_counter()
        left = open_and_close(sessions, f"{site.url}/page", Path(home))
        seconds = time.perf_counter() - began
    print(
        f"{sessions} sessions in {seconds:.0f} s; more of afterwards: {dict(left) or 'nothing'}"
    )
    print(table.repeat())
    if left:
        raise SystemExit(1)
