"""The clock of a run: one for all of it, so that a test can play a day in a second."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def steady_clock() -> Clock:
    """Unix seconds that never jump during a run, whatever is done to the system's clock."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


def used_seconds() -> float:
    """Of the processor, by all threads of this process."""
    return time.process_time()
