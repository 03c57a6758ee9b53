"""Ctrl-C, SIGTERM, SIGHUP: the first lets what is under way finish, the second leaves at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.cli.progress import Progress
    from scraper.runner import Run

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Signals:
    """Stops a run when a signal comes."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._before: dict[int, Any] = {}
        self.signal: int | None = None

    def install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has asked for that
                self._before[number] = signal.signal(number, self._stop_run)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop_run(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            os._exit(128 + number)  # everything committed is safe; the rest is asked again
        self.signal = number
        self._run.stop(f"interrupted ({signal.Signals(number).name})")
        if self._run.config.output.quiet:
            return
        grace = self._run.config.run.grace_seconds
        self._progress.say_soon(
            f"stopping: what is under way may take {grace:g} s (again: leave now)"
        )
