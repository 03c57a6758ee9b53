"""Functions of a script for worker processes, which import this module: it brings nothing along."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from processors.page import Page

calls: list[tuple[Any, ...]] = []  # of `initialize`, in this process
heap: list[bytes] = []


def initialize(*arguments: Any) -> None:
    """Note the call; the first argument may be a folder in which each worker leaves its number."""
    calls.append(arguments)
    if arguments:
        Path(arguments[0], str(os.getpid())).touch()


def fails() -> None:
    """What cannot work."""
    raise ValueError("no licence")


def fails_later(folder: str) -> None:
    """The first worker can work, and none after it."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        fails()


def hangs() -> None:
    """As one that waits for what never comes."""
    threading.Event().wait(60)


def act(page: Page) -> dict[str, Any]:
    """What the page's path says; where it was done, and with what before it."""
    act = urlsplit(page.url).path.split("/")[1]
    if act == "dies":
        os._exit(3)
    if act == "leaks":
        heap.append(bytes(1_000_000))
    if act == "slow":
        threading.Event().wait(2.0)
    return {"pid": os.getpid(), "calls": calls, "leaked": len(heap)}
