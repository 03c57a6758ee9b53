"""How many names a second the resolver takes, learned as the rate of a host is.

The first failure that may be an overload divides the rate by ten, each further one takes three
tenths of it; good answers raise it, slowly where it has failed last. A name that fails each time,
while others are answered, is at fault itself: what its failures have taken is given back. A
resolver that has answered no look-up for some seconds is gone, not overloaded: nothing is learned.

Pure: the time is handed in.
"""

from __future__ import annotations

import math

FIRST_RATE = 500.0  # look-ups a second, which is also the most
RATE_AFTER_FAILURE = 50.0  # the first one
MIN_RATE = 5.0
LEFT_AFTER_FAILURE = 0.7
FAILURE_INTERVAL_SECONDS = 1.0  # a resolver may count over a second
RISE = 0.2  # look-ups a second, for each good answer
SLOW_RISE = 0.02  # the same, within a tenth of the rate that has failed
NEAR = 0.1
LAST_RESULTS = 50  # over which the share that was answered is averaged
GONE_SECONDS = 5.0  # without an answer, since the first failure
MOST = 0.5  # of them, below which no name is at fault itself


class LookupRate:
    """When the next look-up may begin. Its owner has the lock."""

    def __init__(self) -> None:
        self.rate = FIRST_RATE
        self._failed_rate = math.inf
        self._next_at = -math.inf
        self._cut_at = -math.inf
        self._answered = 1.0  # share of the last results
        self._silent_since = math.inf  # the first failure since an answer

    def reserve(self, now: float) -> float:
        """Take the next place. Returns for how many seconds to wait until it comes."""
        begin = max(self._next_at, now)
        self._next_at = begin + 1 / self.rate
        return begin - now

    def seconds_for(self, lookups: int) -> float:
        """How long so many look-ups take to begin."""
        return lookups / self.rate

    def learn_answer(self) -> None:
        """The resolver has answered, if only that there is no such name."""
        self._answered += (1.0 - self._answered) / LAST_RESULTS
        self._silent_since = math.inf
        is_near = abs(self.rate / self._failed_rate - 1) < NEAR
        rise = SLOW_RISE if is_near else RISE
        self.rate = min(self.rate + rise, FIRST_RATE)

    def learn_failure(self, began: float, now: float) -> float:
        """What began then has failed. Returns by how much that divides the rate; 1: no news."""
        self._answered -= self._answered / LAST_RESULTS
        self._silent_since = min(self._silent_since, now)
        if self.is_gone(now):
            self.rate = max(self.rate, RATE_AFTER_FAILURE)
            return 1.0
        if began < self._cut_at + FAILURE_INTERVAL_SECONDS:
            return 1.0
        before = self.rate
        is_first = self._failed_rate == math.inf
        self.rate = (
            RATE_AFTER_FAILURE
            if is_first
            else max(before * LEFT_AFTER_FAILURE, MIN_RATE)
        )
        self._failed_rate, self._cut_at = before, now
        return before / self.rate

    def is_gone(self, now: float) -> bool:
        """Has no look-up been answered for so long that it is no overload?"""
        return now - self._silent_since > GONE_SECONDS

    def give_back(self, factor: float) -> None:
        """A name has failed to the end, and its failures have divided the rate by so much: it is at
        fault itself, if most others are answered."""
        if self._answered > MOST:
            self.rate = min(self.rate * factor, FIRST_RATE)
