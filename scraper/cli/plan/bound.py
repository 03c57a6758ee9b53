"""How long the URLs of a host take at least, and all hosts together. Pure.

Two figures. A delay that the host or the user asks for is certain: no run is quicker. The other one
takes it that pages are answered as quickly as robots.txt was, and that the host lets through what
it has let through so far; nothing in it is for pictures of pages, retries or redirects.
"""

from __future__ import annotations

from msgspec import Struct


class Pace(Struct, frozen=True):
    """How fast a host may be asked, in seconds."""

    delay: float = 0.0  # from an answer to the next request
    interval: float = 0.0  # from a request to the next one, as it has taught us
    answer: float = 0.0  # that one takes
    at_once: int = 1  # requests under way together, at most

    @property
    def is_learned(self) -> bool:
        """Is it what the host has let through that sets the pace?"""
        return self.interval > self.delay

    def least(self, urls: int) -> float:
        """Seconds that so many URLs take, whatever else is the case."""
        return max(urls - 1, 0) * self.delay

    def likely(self, urls: int) -> float:
        """Seconds that they take if answers come as quickly as the first one."""
        if self.delay:
            seconds = self.least(urls) + urls * self.answer
        else:
            seconds = -(-urls // self.at_once) * self.answer
        return max(seconds, max(urls - 1, 0) * self.interval)


class Course(Struct):
    """All hosts together: they are asked side by side, by so many threads."""

    threads: int
    least: float = 0.0  # seconds
    likely_of_one: float = 0.0  # seconds, of the host that takes longest
    _answers: float = 0.0  # seconds of all of them, one after the other

    def add(
        self,
        pace: Pace,
        urls: int,
    ) -> None:
        """One more host."""
        self.least = max(self.least, pace.least(urls))
        self.likely_of_one = max(self.likely_of_one, pace.likely(urls))
        self._answers += urls * pace.answer

    @property
    def likely(self) -> float:
        """Seconds that all of it takes, if answers come as quickly as the first ones."""
        return max(self.likely_of_one, self._answers / self.threads)

    @property
    def is_bound_by_threads(self) -> bool:
        """Would more threads be quicker?"""
        return self._answers / self.threads > self.likely_of_one
