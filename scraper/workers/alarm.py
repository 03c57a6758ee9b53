"""Ends a worker that takes too long over an item, even one that holds the GIL in C code.

By the system's timer, whose signal faulthandler answers in C: it writes where each thread stands,
and lets the signal end the process. A thread of faulthandler's own would do the same, but to start
and join one costs 64 us an item, a timer 2 us. Where a user's function takes the timer for itself,
the parent's look at the clock is left (`WorkerPool.kill_overdue`).
"""

from __future__ import annotations

import faulthandler
import signal
from io import FileIO

_HAS_TIMER = hasattr(signal, "setitimer")  # Windows has none


class Alarm:
    """One for a process; `dump` is where its threads' stacks are written."""

    def __init__(self, seconds: float, dump: FileIO) -> None:
        self._seconds = seconds
        self._dump = dump
        if _HAS_TIMER:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            faulthandler.register(signal.SIGALRM, dump, chain=True)

    def set(self) -> None:
        """From now on, the process has its seconds."""
        if _HAS_TIMER:
            signal.setitimer(signal.ITIMER_REAL, self._seconds)
        else:
            faulthandler.dump_traceback_later(
                self._seconds, exit=True, file=self._dump
            )

    def clear(self) -> None:
        """It was in time."""
        if _HAS_TIMER:
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            faulthandler.cancel_dump_traceback_later()
