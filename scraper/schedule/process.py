"""One beat: a process of its own, so that nothing that ends it ends the schedule.

It has a session of its own: a Ctrl-C at the terminal comes to the schedule alone, which hands it
on, once. Its standard input is a pipe that ends with the schedule, however that ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from scraper.schedule.waiting import Waker


class Beats:
    """Starts them, one after the other, and hands signals on to the one that runs."""

    def __init__(self, waker: Waker) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        self._came: list[int] = []
        self._handed_on = 0
        waker.hand_on = self._take

    def run(self, arguments: Sequence[str]) -> int:
        """Run the command with these arguments to its end. Returns its exit code, a signal's number
        as a negative one. Raises OSError if it cannot be started."""
        command = [sys.executable, "-m", "scraper.schedule", *arguments]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            start_new_session=True,
        ) as running:
            self._running = running
            self._hand_on()  # what came before it was there
            code = running.wait()
            self._running = None
        return code

    def _take(self, number: int) -> None:
        self._came.append(number)
        self._hand_on()

    def _hand_on(self) -> None:
        """Each signal once: the second one that a run gets has it leave at once."""
        while self._running and self._handed_on < len(self._came):
            number = self._came[self._handed_on]
            self._handed_on += 1
            with suppress(ProcessLookupError):  # it has ended by now
                self._running.send_signal(number)


def name_of_end(code: int) -> str:
    """How a process ended that a signal has ended; "" if it ended by itself.

    >>> name_of_end(-9), name_of_end(3)
    ('SIGKILL', '')
    """
    if code >= 0:
        return ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
