"""Our own outage: whether a failure without a word from anywhere may be held against its host.

A request that is *silent* has failed before one byte came back. It is judged only if something was
received from any host after it began; until then it is held. Many that are held, of several
addresses, look as if our own network were gone: then the run freezes, the network is probed, and
what answers first thaws it. What was held is judged in the order in which it came.

    listening, silent, heard since it began      judge it
    listening, silent, nothing heard since       hold it
    listening, heard                             judge what is held and began before
    listening, 8 held of 4 addresses             freeze, at most once a minute
    listening, nothing under way                 held of 4 addresses: freeze; of fewer: judge them
    frozen, silent                               hold it
    frozen, heard                                thaw, judge all
    frozen, a probe came to nothing              probe again after 1, 2, 4 ... 60 s
    frozen for `wait_seconds`                    heard before: the run ends; never: judge all, and
                                                 hold nothing until something is heard

Pure: the time (unix seconds) is handed in.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from scraper.errors import KINDS
from scraper.messages import Answered
from scraper.model import Fact, FetchFailed

SUSPICIOUS_FAILURES = 8
SUSPICIOUS_ADDRESSES = 4
FREEZE_INTERVAL_SECONDS = 60.0  # from one freeze to the next
FIRST_PROBE_SECONDS = 1.0
MAX_PROBE_SECONDS = 60.0  # between two probes
LATE_PROBE_SECONDS = 30.0  # after which a probe is not waited for

# They say that a packet came back. What a resolver says counts where it is
# received, because its answers are kept: see `Guard.heard_at`.
_HEARD = frozenset({"connect_refused", "tls_certificate"})
_NEITHER = frozenset({"dns_not_found"})

Meaning = Literal["heard", "silent", "neither"]


def meaning_of(fact: Fact) -> Meaning:
    """What a fact says of our own network."""
    # not isinstance: where it says no to a Struct it costs 0.2 us
    if type(fact) is not FetchFailed:
        return "heard"
    failure = fact.failure
    kind = KINDS[failure.kind]
    if kind.branch in ("here", "rule", "bug") or kind.name in _NEITHER:
        return "neither"
    if fact.answered or kind.branch != "network" or kind.name in _HEARD:
        return "heard"
    return "silent"


def waiting_text(
    since: float, next_try: float | None, *, utc: bool = False
) -> str:
    """What a run waits for that has no network. Times of the day are local, or UTC."""
    again = "trying now"
    if next_try is not None:
        again = f"next try {_time_of_day(next_try, utc=utc)}"
    return f"no network since {_time_of_day(since, utc=utc)}, {again}"


def _time_of_day(at: float, *, utc: bool) -> str:
    if utc:
        return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"
    return f"{datetime.fromtimestamp(at):%H:%M}"


class _Held(Struct, frozen=True):
    """A silent failure that is not judged yet."""

    answered: Answered
    began: float
    address: str


class Outage:
    """Listens, or is frozen. Each failure that `hold` takes comes back once, from `hear` or
    `check`, unless the run ends before."""

    def __init__(
        self,
        wait_seconds: float,
        *,
        has_heard: bool,
        addresses: int = SUSPICIOUS_ADDRESSES,
    ) -> None:
        self.frozen_since: float | None = None
        self._froze_at: float | None = None  # of the freeze that has just ended
        self.silent_since = 0.0  # of a freeze: when its first request began
        self.probe_at: float | None = None  # None: under way, or not needed
        self.failed_probes = 0  # of this freeze
        self._wait_seconds = wait_seconds
        self._has_heard = has_heard  # in this folder, of any run
        self._addresses = addresses
        self._heard_at = float("-inf")
        self._no_freeze_until = float("-inf")
        self._holds = True
        self._ends = False
        self._held: list[_Held] = []

    @property
    def held(self) -> int:
        """How many failures are held."""
        return len(self._held)

    # -- what comes ---------------------------------------------------------------------------

    def hear(self, at: float) -> list[Answered]:
        """Something was received at this time. Returns what is to be judged now."""
        if at <= self._heard_at:
            return []
        self._heard_at = at
        self._has_heard = self._holds = True
        if self.frozen_since is not None:
            # What was received before may have been the last.
            return self._thaw() if at > self.frozen_since else []
        judged = [each.answered for each in self._held if each.began < at]
        if judged:
            self._held = [each for each in self._held if each.began >= at]
        return judged

    def hold(self, answered: Answered, began: float, address: str) -> bool:
        """A request that began then was silent. False if it is to be judged now."""
        is_cleared = began < self._heard_at or not self._holds
        if is_cleared and self.frozen_since is None:
            return False
        if not self._ends:
            self._held.append(_Held(answered, began, address))
        return True

    def drop(self) -> None:
        """The run ends: what is held stays pending, and so does what would be."""
        self._ends = True
        self._held.clear()
        self.frozen_since = self.probe_at = None

    # -- clocks -------------------------------------------------------------------------------

    def check(self, now: float, *, idle: bool) -> list[Answered]:
        """See whether it is time to freeze, or to wait no longer; `idle` if no request is under
        way. Returns what is to be judged now."""
        if self.frozen_since is not None:
            return self._give_up(now)
        if not idle and len(self._held) < SUSPICIOUS_FAILURES:
            return []
        if len({each.address for each in self._held}) < self._addresses:
            return self._release() if idle else []
        # While nothing is under way, a freeze costs nothing.
        if idle or now >= self._no_freeze_until:
            self._freeze(now)
        return []

    def is_over(self, now: float) -> bool:
        """Is the network gone for so long that the run is to end?"""
        return self._has_heard and self._has_waited(now)

    def next_clock(self) -> float | None:
        """When `check` or a probe has something to do; None if only what comes can change that."""
        if self.frozen_since is not None:
            ends = self.frozen_since + self._wait_seconds
            return ends if self.probe_at is None else min(ends, self.probe_at)
        if len(self._held) >= SUSPICIOUS_FAILURES:
            return self._no_freeze_until
        return None

    def _has_waited(self, now: float) -> bool:
        """Is the time over, and has at least one probe come to nothing?"""
        if self.frozen_since is None:
            return False
        late = 0.0 if self.failed_probes else LATE_PROBE_SECONDS
        return now >= self.frozen_since + self._wait_seconds + late

    # -- probes -------------------------------------------------------------------------------

    def begin_probe(self, now: float) -> bool:
        """True if the network is to be probed now."""
        if self.probe_at is None or now < self.probe_at:
            return False
        self.probe_at = None
        return True

    def note_silent_probe(self, now: float) -> None:
        """A probe came to nothing."""
        if self.frozen_since is None:
            return
        self.failed_probes += 1
        pause = FIRST_PROBE_SECONDS * 2.0 ** min(self.failed_probes, 32)
        self.probe_at = now + min(pause, MAX_PROBE_SECONDS)

    def _give_up(self, now: float) -> list[Answered]:
        """Judge all if nothing was ever heard, and there is nothing to wait for."""
        if self._has_heard or not self._has_waited(now):
            return []
        self._holds = False
        return self._thaw()

    def take_freeze(self) -> float | None:
        """When the freeze began that has ended since this was asked last; None without one."""
        froze_at, self._froze_at = self._froze_at, None
        return froze_at

    # -- the two states -----------------------------------------------------------------------

    def _freeze(self, now: float) -> None:
        self.frozen_since = now
        self.silent_since = self._held[0].began
        self._no_freeze_until = now + FREEZE_INTERVAL_SECONDS
        self.failed_probes = 0
        self.probe_at = now + FIRST_PROBE_SECONDS

    def _thaw(self) -> list[Answered]:
        self._froze_at = self.frozen_since
        self.frozen_since = self.probe_at = None
        return self._release()

    def _release(self) -> list[Answered]:
        released = [each.answered for each in self._held]
        self._held.clear()
        return released
