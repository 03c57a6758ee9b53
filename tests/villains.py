"""User functions that harm their worker. Workers import this module: it brings nothing along.

`--html tests.villains:act` does with a page what the first part of its path says: `/hoards/3`.
"""

from __future__ import annotations

import errno
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from processors.page import Page
    from scraper.workers.work import ProcessorResult, WorkItem


class Two(Exception):
    """Cannot be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def act(page: Page) -> Any:
    """What the page's path says."""
    return globals()[urlsplit(page.url).path.split("/")[1]](page)


def good(page: Page) -> dict[str, str]:
    """What a function should do."""
    return {"url": page.url}


def dies(page: Page) -> None:
    """Ends its process without a word."""
    os._exit(3)


def sums(page: Page) -> int:
    """One call into C that keeps the GIL for hours."""
    return sum(range(10**12))


def hoards(page: Page) -> None:
    """Takes memory without end."""
    heap = bytearray(5_000_000)
    while True:
        heap += bytes(len(heap))


def raises_two(page: Page) -> None:
    """Raises what would break a pool."""
    raise Two("one", "two")


def kills_others(page: Page) -> dict[str, str]:
    """Kills the other workers of its run, then goes on as if nothing had been."""
    for pid in siblings():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return good(page)


def siblings() -> Iterator[int]:
    """Processes with the same parent as this one (Linux)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == os.getppid() and int(stat.parent.name) != os.getpid():
                yield int(stat.parent.name)


# -- for the tests of orphans: tell the server that the work has begun, and go on for ever ---------


def idles(page: Page) -> dict[str, str]:
    """Is done at once."""
    _tell(page)
    return good(page)


def spins(page: Page) -> None:
    """Python work without end."""
    _tell(page)
    while True:
        time.monotonic()


def spins_in_c(page: Page) -> int:
    """Work without end that never lets go of the GIL."""
    _tell(page)
    return sum(range(10**12))


def _tell(page: Page) -> None:
    with urllib.request.urlopen(f"{page.url}?begun", timeout=10) as answer:
        answer.read()


# -- for the tests of a full disk: in the place of the whole processor -----------------------------


def full_disk(item: WorkItem) -> ProcessorResult:
    """The real one, on a disk that takes no variant."""
    from processors.image import derive
    from scraper.workers import work

    def write(path: str, content: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    derive._write = write
    return work.function_of(work.Processing())(item)
