"""When the next beat is: a function of clock readings.

Beats have places on a grid, an interval apart, counted from the first, so that they do not drift. A
beat comes a little after its place, by chance: machines that were started at the same minute do not
all ask the same host at once. A place that is over when it could be taken is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from msgspec import Struct

JITTER = 0.05  # of the interval: a beat comes at most so much after its place
MAX_LATE = 0.05  # ... and may begin so much later than that


class Beat(Struct, frozen=True):
    """`at` is by the clock of the schedule, in seconds."""

    number: int
    at: float
    left_out: int = 0  # places before it that were over


class Grid(Struct, frozen=True):
    """The places of all beats: `first` is that of beat 0."""

    first: float
    interval: float

    def next_after(
        self, last: int, now: float, draw: Callable[[], float]
    ) -> Beat:
        """The beat after number `last`, which is over; `draw` gives a number from 0 to 1.

        >>> Grid(100.0, 60.0).next_after(0, 130.0, lambda: 0.0)
        Beat(number=1, at=160.0, left_out=0)
        >>> Grid(100.0, 60.0).next_after(0, 250.0, lambda: 1.0)
        Beat(number=3, at=283.0, left_out=2)
        """
        reached = math.ceil((now - self.first) / self.interval)
        number = max(last + 1, reached)
        place = self.first + number * self.interval
        at = place + JITTER * self.interval * draw()
        return Beat(number, at, number - last - 1)

    def is_late(self, beat: Beat, now: float) -> bool:
        """Is it too late for this beat? So a machine has slept that wakes up an hour after it."""
        return now > beat.at + MAX_LATE * self.interval
