"""Hosts that permit so much and no more: each class makes one `Host.answer`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from benchmarks.played.behaviours import LATENCY
from benchmarks.played.world import Answer, Asked

REFUSED = Answer(LATENCY, 429)
BASE_SECONDS = 0.01  # of an answer that waits for no other


class Limit(Protocol):
    """What one host permits."""

    permits: float  # good answers a second, in the long run

    def __call__(self, asked: Asked) -> Answer: ...


class Bucket:
    """So many tokens a second, of which so many can be saved up."""

    def __init__(self, rate: float, burst: int) -> None:
        self.permits = rate
        self._burst = burst
        self._tokens, self._at = float(burst), 0.0

    def __call__(self, asked: Asked) -> Answer:
        gained = (asked.at - self._at) * self.permits
        self._tokens = min(self._burst, self._tokens + gained)
        self._at = asked.at
        if self._tokens < 1:
            return REFUSED
        self._tokens -= 1
        return Answer(LATENCY, 200)


class FixedWindow:
    """So many requests in each window of the clock, whose first began `before` the play."""

    def __init__(self, requests: int, seconds: float, before: float) -> None:
        self.permits = requests / seconds
        self._requests, self._seconds = requests, seconds
        self._before = before
        self._window, self._count = -1, 0

    def __call__(self, asked: Asked) -> Answer:
        window = int((asked.at + self._before) // self._seconds)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self._requests:
            return REFUSED
        self._count += 1
        return Answer(LATENCY, 200)


class SlidingWindow:
    """So many requests within any so many seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.permits = requests / seconds
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=requests)

    def __call__(self, asked: Asked) -> Answer:
        times = self._times
        is_full = len(times) == times.maxlen
        if is_full and times[0] > asked.at - self._seconds:
            return REFUSED
        times.append(asked.at)
        return Answer(LATENCY, 200)


class AtOnce:
    """So many requests under way."""

    def __init__(self, requests: int) -> None:
        self.permits = requests / LATENCY
        self._requests = requests

    def __call__(self, asked: Asked) -> Answer:
        if asked.under_way >= self._requests:
            return REFUSED
        return Answer(LATENCY, 200)


class Ban:
    """After so many requests it refuses for so long, however fast they came."""

    def __init__(self, requests: int, seconds: float, at_once: int) -> None:
        self.permits = requests / (seconds + requests * LATENCY / at_once)
        self._requests, self._seconds = requests, seconds
        self._count, self._until = 0, 0.0

    def __call__(self, asked: Asked) -> Answer:
        if asked.at < self._until:
            return REFUSED
        if self._count >= self._requests:
            self._count = 0
            self._until = asked.at + self._seconds
            return REFUSED
        self._count += 1
        return Answer(LATENCY, 200)


class Overload:
    """It works off one request after another, and says 503 where too many wait."""

    def __init__(self, rate: float, queue: int) -> None:
        self.permits = rate
        self._queue = queue
        self._free_at = 0.0

    def __call__(self, asked: Asked) -> Answer:
        if asked.under_way >= self._queue:
            return Answer(BASE_SECONDS, 503)
        self._free_at = max(self._free_at, asked.at) + 1 / self.permits
        return Answer(self._free_at - asked.at + BASE_SECONDS, 200)


MakeLimit = Callable[[float], Limit]  # of a draw from 0 to 1

LIMITS: dict[str, MakeLimit] = {
    "100 in a window of 30 s": lambda draw: FixedWindow(100, 30.0, 30 * draw),
    "100 in any 30 s": lambda draw: SlidingWindow(100, 30.0),
    "0.5/s, burst 1": lambda draw: Bucket(0.5, 1),
    "0.5/s, burst 10": lambda draw: Bucket(0.5, 10),
    "2/s, burst 1": lambda draw: Bucket(2.0, 1),
    "2/s, burst 10": lambda draw: Bucket(2.0, 10),
    "10/s, burst 1": lambda draw: Bucket(10.0, 1),
    "10/s, burst 10": lambda draw: Bucket(10.0, 10),
    "50/s, burst 1": lambda draw: Bucket(50.0, 1),
    "50/s, burst 10": lambda draw: Bucket(50.0, 10),
    "one at once": lambda draw: AtOnce(1),
    "two at once": lambda draw: AtOnce(2),
    "three at once": lambda draw: AtOnce(3),
    "banned for 40 s after 100": lambda draw: Ban(100, 40.0, 4),
    "overloaded by 20/s": lambda draw: Overload(20.0, 3),
    "overloaded by 10/s": lambda draw: Overload(10.0, 8),
    "overloaded by 5/s": lambda draw: Overload(5.0, 3),
}
