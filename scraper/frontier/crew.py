"""How many threads serve the hosts that answer: as many as wait for hosts, while the processor has
time left.

A thread that waits costs next to nothing; one that works takes the interpreter from all others. So
where every thread is at work, lanes are ready, and this process does not use up a core, there are
twice as many from then on. Pure: unix seconds and the seconds that this process has used are handed
in.
"""

from __future__ import annotations

from collections.abc import Callable

from scraper.frontier.groups import Group
from scraper.frontier.lane import Lane

LOOK_SECONDS = 0.05  # from one look to the next
ROOM = 0.9  # of a core that is used, below which there is time for more threads


class Crew:
    """Sees to the threads of a group of lanes: never more than so many."""

    def __init__(self, group: Group[Lane], most: int) -> None:
        self._group = group
        self._most = most
        self._looked_at = 0.0
        self._used = 0.0  # seconds of the processor, then

    def look(self, now: float, seconds_used: Callable[[], float]) -> None:
        """See whether more threads would help, unless that was just done."""
        group, seconds = self._group, now - self._looked_at
        if seconds < LOOK_SECONDS or group.threads >= self._most:
            return
        used = seconds_used()
        share = (used - self._used) / seconds
        self._looked_at, self._used = now, used
        if group.ready and group.requests >= group.threads and share < ROOM:
            group.threads = min(group.threads * 2, self._most)
