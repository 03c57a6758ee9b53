"""What watches over the loop: the limits of a run, the deadlines of its requests, the watchdog.

None of them waits or acts by itself; the loop asks each of them once a turn.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

from msgspec import Struct

from scraper import errors
from scraper.config import HostSettings, RunSettings
from scraper.http.flight import Flight
from scraper.machine.clock import Clock
from scraper.model import Task, Trust
from scraper.redaction import redacted
from scraper.text import clock_text, counted

MIN_FOR_A_SHARE = (
    20  # URLs with an outcome, before a share of failures means something
)
MAX_IDLE_SECONDS = (
    3_600.0  # for which a run only waits for clocks that hosts have set
)
STILL_SECONDS = 2.0  # without an event, after which nothing seems to move
MAX_DESCRIBED = 3  # requests that a line about waiting names


class Patience(Struct, frozen=True):
    """For how many seconds the loop waits for what may never come."""

    tick: float = 1.0  # between two looks at the clocks
    stall: float = 60.0  # without any message, before the watchdog says what the run waits for
    lost: float = 5.0  # for a request whose socket was shut; after that its thread is stuck


# -- limits of the run ------------------------------------------------------------------------


class RunTotals(Struct, frozen=True):
    """What a run has come to, as its limits count it."""

    seconds: float
    received_bytes: int
    delivered: int
    recorded: int  # delivered or to be delivered with the next commit
    failed: int
    # Unix time: nothing is under way, and nothing may be asked before.
    waits_from: float = 0.0
    waits_until: float = 0.0


class RunLimits:
    """The limits that a configuration sets to a run."""

    def __init__(self, settings: RunSettings, hosts: HostSettings) -> None:
        self._settings = settings
        self._hosts = hosts
        self.grace_seconds = settings.grace_seconds

    def ends_at(self, began: float) -> float | None:
        """When the time of a run that began then is over; None if it has no limit."""
        limit = self._settings.max_time_seconds
        return began + limit if limit else None

    def urls_left(self, urls: int) -> int:
        """How many more may be handed out when so many have been; not more than 0: none."""
        limit = self._settings.max_urls
        return limit - urls if limit else sys.maxsize

    def reached(self, totals: RunTotals) -> str | None:
        """The limit that is reached, in words; None if none is."""
        limits = self._settings
        if (
            limits.max_time_seconds
            and totals.seconds >= limits.max_time_seconds
        ):
            return f"max_time of {limits.max_time_seconds:g} s is over"
        if limits.max_bytes and totals.received_bytes >= limits.max_bytes:
            return (
                f"max_bytes of {counted(limits.max_bytes, 'byte')} is reached"
            )
        if self.urls_left(totals.delivered) <= 0:
            return f"max_urls of {counted(limits.max_urls, 'URL')} is reached"
        if limits.max_failures:
            reason = self._too_many_failures(totals)
            if reason is not None:
                return reason
        return self._too_long_a_wait(totals)

    def _too_long_a_wait(self, totals: RunTotals) -> str | None:
        """A host may ask for a day between two requests; a run that only waits for that ends. What
        the user has set himself is waited for."""
        hosts = self._hosts
        if hosts.limit_rate_bytes or hosts.host_limit_rate_bytes:
            return None
        longest = max(
            MAX_IDLE_SECONDS, hosts.delay_seconds * (1 + hosts.jitter)
        )
        if totals.waits_until - totals.waits_from <= longest:
            return None
        until = clock_text(totals.waits_until)
        return f"all that is left waits for its hosts, until {until} at least"

    def _too_many_failures(self, totals: RunTotals) -> str | None:
        allowed, failed, recorded = (
            self._settings.max_failures,
            totals.failed,
            totals.recorded,
        )
        if not allowed.endswith("%"):
            if failed < int(allowed):
                return None
            return f"{counted(failed, 'URL')} failed, which max_failures does not allow"
        share = float(allowed[:-1]) / 100
        if recorded < MIN_FOR_A_SHARE or failed <= share * recorded:
            return None
        urls = counted(recorded, "URL")
        return (
            f"{failed:,} of {urls} failed, more than max_failures of {allowed}"
        )


# -- deadlines of requests --------------------------------------------------------------------


class Flights:
    """The requests in the air, in the order of their deadlines.

    A request that is overdue is aborted: its socket is shut. If even that does not end it, its
    thread is stuck for good, and is lost to the run.
    """

    def __init__(
        self, threads: int, seconds: float, patience: Patience, now: Clock
    ) -> None:
        self.seconds = seconds  # that a request may take
        self.lost = 0  # threads that will never come back
        self._threads = threads
        self._patience = patience
        self._now = now
        self._flights: dict[int, Flight] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def free_threads(self) -> int:
        return self._threads - self.lost - len(self._flights)

    @property
    def all_threads_lost(self) -> bool:
        return self.lost >= self._threads

    def add(self, task: Task, trust: Trust) -> Flight:
        """A request that begins now."""
        self._last_id += 1
        deadline = self._now() + self.seconds
        flight = Flight(self._last_id, task, trust, deadline, self._now)
        self._flights[flight.request_id] = flight
        return flight

    def remove(self, request_id: int) -> bool:
        """A request has ended. False if it was given up before."""
        return self._flights.pop(request_id, None) is not None

    def next_deadline(self) -> float | None:
        """When a request is to be aborted, or given up because that was in vain."""
        earliest = None
        for flight in self._flights.values():
            if flight.abort_reason is None:
                return (
                    flight.deadline
                    if earliest is None
                    else min(earliest, flight.deadline)
                )
            if earliest is None:
                earliest = flight.deadline + self._patience.lost
        return earliest

    def abort_overdue(self, now: float) -> list[Flight]:
        """Abort what is overdue. Returns what cannot be aborted: its threads are lost."""
        stuck = []
        for flight in self._flights.values():
            if now < flight.deadline:
                break
            if flight.abort_reason is None:
                limit = f"not finished within {self.seconds:g} s"
                flight.abort(errors.new_failure("timeout_total", limit))
            elif now >= flight.deadline + self._patience.lost:
                stuck.append(flight)
        self.lost += len(stuck)
        return stuck

    def abort_all(self) -> None:
        """End every request: the run is over."""
        for flight in self._flights.values():
            flight.abort(
                errors.new_failure("interrupted", "the run was stopped")
            )

    def describe(self, now: float) -> Iterator[str]:
        """In words, what the run waits for."""
        for flight in itertools.islice(self._flights.values(), MAX_DESCRIBED):
            left = max(flight.deadline - now, 0)
            yield f"{redacted(flight.task.url.href)} (a request, given up in {left:.0f} s)"
        if len(self._flights) > MAX_DESCRIBED:
            yield counted(len(self._flights) - MAX_DESCRIBED, "more request")


# -- the watchdog -----------------------------------------------------------------------------


class Watchdog:
    """Notices when nothing has happened for a while: no message, no request."""

    def __init__(self, seconds: float, now: Clock) -> None:
        self._seconds = seconds
        self._now = now
        self._last_at = now()

    def note_event(self) -> None:
        """Something has happened."""
        self._last_at = self._now()

    def is_still(self, now: float) -> bool:
        """Has nothing happened for a moment? What is under way may hang."""
        return now - self._last_at > STILL_SECONDS

    def stalled_seconds(self, now: float) -> float | None:
        """For how long nothing has happened, if that is too long; then it counts from now on."""
        silent = now - self._last_at
        if silent < self._seconds:
            return None
        self._last_at = now
        return silent
