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

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupted(KeyboardInterrupt):
    """A signal came before there was a run that could be stopped."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number

    def __str__(self) -> str:
        return describe_signal(self.args[0])


def describe_signal(number: int) -> str:
    return f"interrupted ({signal.Signals(number).name})"


class Signals:
    """Stops a run when a signal comes; until there is one, ends the command."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._progress: Progress | None = None
        self._before: dict[int, Any] = {}
        self.signal: int | None = None

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._install()
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _install(self) -> None:
        for number in (
            getattr(signal, name) for name in NAMES if hasattr(signal, name)
        ):
            # nohup has asked for that
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._interrupt)

    def attach(self, run: Run, progress: Progress) -> None:
        """From now on a signal stops this run, which is open."""
        self._progress = progress
        self._run = run

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            # everything committed is safe; the rest is asked again
            os._exit(128 + number)
        self.signal = number
        if self._run is None:
            raise Interrupted(number)
        self._run.stop(describe_signal(number))
        if self._run.config.output.quiet or self._progress is None:
            return
        grace = self._run.config.run.grace_seconds
        self._progress.say_soon(
            f"stopping: what is under way may take {grace:g} s (again: leave now)"
        )
