"""How fast an answer comes, and when that is too slow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 30.0  # over which the speed is averaged
STEP_SECONDS = 1.0  # to which the beginning of that window is exact

Receive = Callable[[int], bytes]


class TooSlow(Exception):
    """The answer comes more slowly than is permitted; the message is for the user."""

    kind = "too_slow"


class MinSpeed:
    """Counts what comes off a socket, and how long was waited for it.

    Only time in which the server is waited for counts: not what our own disk takes, and not the
    wait for the first byte, which has a limit of its own.
    """

    def __init__(
        self, bytes_a_second: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = bytes_a_second
        self._now = now
        self._waited = 0.0
        self._received = 0
        # What had come after so many seconds, from the beginning of the window on.
        self._marks = deque([(0.0, 0)])

    def watch(self, receive: Receive) -> Receive:
        """The same function, which from now on raises TooSlow instead of waiting on."""

        def receive_in_time(most: int) -> bytes:
            self._check()
            began = self._now()
            piece = receive(most)
            if self._received:
                self._waited += self._now() - began
            self._received += len(piece)
            self._mark()
            return piece

        return receive_in_time

    def _check(self) -> None:
        if self._waited < WINDOW_SECONDS:
            return
        received = self._received - self._marks[0][1]
        if received < self._limit * WINDOW_SECONDS:
            raise TooSlow(
                f"{received / WINDOW_SECONDS:,.0f} bytes a second, over "
                f"{WINDOW_SECONDS:g} s; min_speed is {self._limit:,}"
            )

    def _mark(self) -> None:
        """Keep what had come by now, at most two of it in a second."""
        marks, waited = self._marks, self._waited
        if len(marks) > 1 and waited - marks[-2][0] < STEP_SECONDS:
            marks.pop()
        marks.append((waited, self._received))
        while waited - marks[1][0] >= WINDOW_SECONDS:
            marks.popleft()
