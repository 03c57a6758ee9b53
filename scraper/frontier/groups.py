"""Which lanes are served next, by how many threads: hosts that answer, and hosts that are new.

A host that never answers holds its thread for a whole time-out, which costs nothing else. So a
request to a new host that is *quiet*, for longer than those take that do answer, counts no more:
the next new host takes its place. Hosts that say nothing hold up no others.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, Literal, Protocol, TypeVar

MIN_QUIET_SECONDS = 0.1  # the least before a request is quiet
QUIET_SHARE = 2.0  # of the time that new hosts take that do answer
SMOOTHING = 1 / 8  # of that time: RFC 6298 has the same problem


Place = Literal["ready", "timer", "busy", "taken"]


class _Queued(Protocol):
    place: Place


L = TypeVar("L", bound=_Queued)


class Group(Generic[L]):
    """The ready lanes of hosts of one kind, and the threads that may serve them."""

    __slots__ = ("ready", "requests", "threads")

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.requests = 0  # under way
        self.ready: deque[L] = deque()

    def take_ready(self) -> L:
        """The next of the lanes that are ready."""
        lane = self.ready.popleft()
        lane.place = "taken"
        return lane

    def begin(self, lane_id: int, now: float) -> None:
        """One more request of this lane is under way."""
        self.requests += 1

    def end(self, lane_id: int) -> None:
        """One less."""
        self.requests -= 1


class NewHosts(Group[L]):
    """Hosts that have not answered yet, each with one request at a time.

    Beside `threads` of them that may soon answer there are up to `most_quiet` that are quiet. The
    more of these, the more may begin at once, as long as none answers: so a thousand silent hosts
    are all asked within five or six turns.
    """

    __slots__ = (
        "_begun",
        "_in_vain",
        "_most_quiet",
        "_quiet",
        "_usual",
        "large",
    )

    def __init__(self, threads: int, most_quiet: int) -> None:
        super().__init__(threads)
        # For whom most waits go first, once: the run ends with the last of it.
        self.large: deque[L] = deque()
        self._most_quiet = most_quiet
        # lane -> unix time of a request that is not quiet yet; oldest first
        self._begun: dict[int, float] = {}
        self._quiet: set[int] = set()
        self._in_vain = 0  # quiet ones, less those that were answered since
        self._usual = 0.0  # seconds that an answer takes

    @property
    def quiet(self) -> int:
        """How many were quiet when that was last counted."""
        return len(self._quiet)

    @property
    def has_ready(self) -> bool:
        """Does any of them wait for nothing but a thread?"""
        return bool(self.large or self.ready)

    def take_ready(self) -> L:
        """The next of the lanes that are ready."""
        lane = (self.large or self.ready).popleft()
        lane.place = "taken"
        return lane

    def has_room(self, now: float) -> bool:
        """Is there a thread for one more?"""
        quiet, begun = self.count_quiet(now), len(self._begun)
        if begun + quiet >= self.threads + self._most_quiet:
            return False
        return begun < self.threads + self._in_vain

    def begin(self, lane_id: int, now: float) -> None:
        """One more request of this lane is under way."""
        self._begun[lane_id] = now

    def end(self, lane_id: int) -> None:
        """One less."""
        if self._begun.pop(lane_id, None) is None:
            self._quiet.remove(lane_id)
            self._in_vain = min(self._in_vain, len(self._quiet))

    def learn_answer(self, seconds: float) -> None:
        """A new host has answered, after so long."""
        self._usual += (seconds - self._usual) * SMOOTHING
        self._in_vain = max(self._in_vain - 1, 0)

    def count_quiet(self, now: float) -> int:
        """How many requests wait for hosts that may never answer, by now."""
        while (at := self.quiet_at()) is not None and at <= now:
            lane_id = next(iter(self._begun))
            del self._begun[lane_id]
            self._quiet.add(lane_id)
            self._in_vain += 1
        return len(self._quiet)

    def quiet_at(self) -> float | None:
        """When the next request is quiet; None if none is to be."""
        if not self._begun or len(self._quiet) >= self._most_quiet:
            return None
        wait = max(self._usual * QUIET_SHARE, MIN_QUIET_SECONDS)
        return next(iter(self._begun.values())) + wait
