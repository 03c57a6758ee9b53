"""The clock of a schedule; signals, and the wait that they end."""

from __future__ import annotations

import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from scraper.cli.signals import NAMES

# A machine that sleeps in between wakes up in the middle of a wait, which knows nothing of that.
_LONGEST_WAIT = 60.0


def schedule_clock() -> float:
    """Seconds that pass while the machine sleeps, too, whatever its wall clock is set to.

    A day is 24 hours of it: summer time, and a system's clock that is set, change nothing.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        if hasattr(time, name):
            return time.clock_gettime(getattr(time, name))
    return time.monotonic()


class Waker:
    """Notes signals, has them handed on, and ends the wait that goes on."""

    def __init__(self) -> None:
        self.signal: int | None = None  # the first one
        self.hand_on: Callable[[int], object] = lambda number: None
        self._before: dict[int, Any] = {}
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def __enter__(self) -> Waker:
        if threading.current_thread() is threading.main_thread():
            for name in filter(lambda each: hasattr(signal, each), NAMES):
                number = getattr(signal, name)
                # nohup has asked for that
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        self.hand_on(number)
        with suppress(BlockingIOError):  # it is full of earlier ones
            self._writer.send(b"!")

    def wait_until(self, at: float, clock: Callable[[], float]) -> bool:
        """Wait until the clock says so. False if a signal came, now or before."""
        while self.signal is None and (left := at - clock()) > 0:
            select.select([self._reader], [], [], min(left, _LONGEST_WAIT))
        return self.signal is None
