"""What watches over the loop: the limits of a run, the deadlines of its requests, the watchdog,
and whether our own network is there.

None of them waits or acts by itself; the loop asks each of them once a turn.
"""

from __future__ import annotations

import itertools
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import orjson
from msgspec import Struct
from msgspec.structs import replace

from scraper import errors
from scraper.config import HostSettings, RunSettings
from scraper.frontier.lanes import Holds
from scraper.frontier.outage import (
    SUSPICIOUS_ADDRESSES,
    Outage,
    meaning_of,
    waiting_text,
)
from scraper.guard.guard import Guard, Place
from scraper.guard.network_probe import NetworkProbe
from scraper.http.flight import Flight
from scraper.machine.clock import Clock
from scraper.messages import Answered, NetworkProbed
from scraper.model import Failure, Task, Trust
from scraper.redaction import redacted
from scraper.text import clock_text, counted

if TYPE_CHECKING:
    from scraper.recording.recorder import Recorder

MIN_FOR_A_SHARE = (
    20  # URLs with an outcome, before a share of failures means something
)
MAX_IDLE_SECONDS = (
    3_600.0  # for which a run only waits for clocks that hosts have set
)
STILL_SECONDS = 2.0  # without an event, after which nothing seems to move
MAX_DESCRIBED = 3  # requests that a line about waiting names
MIN_HOSTS = 4  # with fewer, no failure may be that of our own network
PLACES = "places"  # the fact that names where connections were made to
NO_NETWORK = "no_network"  # since when, and when it is tried next


class Intervals(Struct, frozen=True):
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
    """The requests in the air: those that wait for a thread, and those begun, in the order of their
    deadlines, which pauses of their own put off.

    A request that waits is never overdue: the executor may have much else to do. One that is
    overdue is aborted: its socket is shut. If even that does not end it, its thread is stuck for
    good, and is lost to the run.
    """

    def __init__(
        self,
        threads: int,
        seconds: float,
        intervals: Intervals,
        now: Clock,
        most_quiet: int = 0,
    ) -> None:
        self.seconds = seconds  # that a request may take
        self.lost = 0  # threads that will never come back
        self._threads = threads
        self._most_quiet = most_quiet  # threads beside these
        self._intervals = intervals
        self._now = now
        self._waiting: dict[int, Flight] = {}  # for a thread, oldest first
        self._begun: dict[int, Flight] = {}  # oldest first
        self._beginnings: deque[Flight] = deque()  # which threads append to
        self._sizes: dict[int, int] = {}  # of their bodies, at the last look
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._begun)

    @property
    def free_threads(self) -> int:
        """None if what was handed out a while ago still waits for one: politeness counts from the
        hour at which a request is handed out."""
        waiting = self._waiting
        if waiting and self._waits_longer_than(STILL_SECONDS):
            return 0
        in_the_air = len(waiting) + len(self._begun)
        return self._threads + self._most_quiet - self.lost - in_the_air

    @property
    def all_threads_lost(self) -> bool:
        """Does none come back? With threads of others how many there are shows in that nothing has
        begun for as long as a request may take."""
        if not self.lost or self.lost >= self._threads:
            return self.lost > 0
        return self._waits_longer_than(self.seconds) and not self._begun

    def add(self, task: Task, trust: Trust) -> Flight:
        """A request that begins as soon as a thread takes it up."""
        self._last_id += 1
        flight = Flight(
            self._last_id,
            task,
            trust,
            self.seconds,
            self._now,
            self._beginnings.append,
        )
        self._waiting[flight.request_id] = flight
        return flight

    def remove(self, request_id: int) -> bool:
        """A request has ended; False if it was given up before."""
        flight = self._begun.pop(request_id, None)
        flight = flight or self._waiting.pop(request_id, None)
        return flight is not None

    def _sort(self) -> None:
        """Note which have begun since this was called last."""
        beginnings = self._beginnings
        while beginnings:
            flight = beginnings.popleft()
            # Else it has ended already.
            if self._waiting.pop(flight.request_id, None) is not None:
                self._begun[flight.request_id] = flight

    def _waits_longer_than(self, seconds: float) -> bool:
        """Does something wait for a thread, for so long?"""
        self._sort()
        oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and self._now() - oldest.began > seconds

    def note_sizes(self) -> bool:
        """Has more of any body come since this was called last?"""
        sizes = {
            each.request_id: each.received_bytes
            for each in self._begun.values()
        }
        before, self._sizes = self._sizes, sizes
        return any(size > before.get(id, 0) for id, size in sizes.items())

    def next_deadline(self) -> float | None:
        """When a request is to be aborted, or given up because that was in vain."""
        if self._waiting:
            self._sort()
        earliest = None
        for flight in self._begun.values():
            if earliest is not None and earliest <= flight.deadline:
                break
            at = flight.overdue_at
            if flight.abort_reason is not None:
                at += self._intervals.lost
            earliest = at if earliest is None else min(earliest, at)
        return earliest

    def abort_overdue(self, now: float) -> list[Flight]:
        """Abort what is overdue. Returns what cannot be aborted: its threads are lost."""
        if self._waiting:
            self._sort()
        stuck = []
        for flight in self._begun.values():
            if now < flight.deadline:
                break
            if now < flight.overdue_at:
                continue
            if flight.abort_reason is None:
                limit = f"not finished within {self.seconds:g} s"
                flight.abort(errors.new_failure("timeout_total", limit))
            elif now >= flight.overdue_at + self._intervals.lost:
                stuck.append(flight)
        self.lost += len(stuck)
        return stuck

    def abort_task(self, task_id: int, failure: Failure) -> bool:
        """End the request of this task, if there is one."""
        for flight in (*self._waiting.values(), *self._begun.values()):
            if flight.task.id == task_id:
                flight.abort(failure)
                return True
        return False

    def abort_all(self) -> list[Flight]:
        """End every request: the run is over. Returns those that no thread has taken up, which need
        not be waited for."""
        self._sort()
        for flight in (*self._waiting.values(), *self._begun.values()):
            flight.abort(
                errors.new_failure("interrupted", "the run was stopped")
            )
        return list(self._waiting.values())

    def describe(self, now: float) -> Iterator[str]:
        """In words, what the run waits for."""
        self._sort()
        flights = itertools.chain(self._begun.values(), self._waiting.values())
        for flight in itertools.islice(flights, MAX_DESCRIBED):
            if flight.has_begun:
                left = max(flight.overdue_at - now, 0)
                fate = f"a request, given up in {left:.0f} s"
            else:
                fate = "a request, waits for a thread"
            yield f"{redacted(flight.task.url.href)} ({fate})"
        if len(self) > MAX_DESCRIBED:
            yield counted(len(self) - MAX_DESCRIBED, "more request")


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


# -- the network ------------------------------------------------------------------------------


class Facts(Protocol):
    """What is kept for the next run, by name."""

    def meta(self, name: str) -> str | None: ...
    def set_meta(self, name: str, value: str | None) -> None: ...


class Network:
    """Holds what may be the fault of our own network, freezes the run while that is gone, and says
    so. What decides is `Outage`; this is where it gets its facts, and what follows from it."""

    def __init__(
        self,
        guard: Guard,
        probe: NetworkProbe,
        holds: Holds,
        flights: Flights,
        journal: Recorder,
        facts: Facts,
        now: Clock,
        wait_seconds: float,
    ) -> None:
        self._guard = guard
        self._probe = probe
        self._requests = holds
        self._flights = flights
        self._journal = journal
        self._facts = facts
        self._now = now
        places = orjson.loads(self._facts.meta(PLACES) or "[]")
        guard.learn_places(Place(*each) for each in places)
        self._facts.set_meta(NO_NETWORK, None)
        self._outage = Outage(
            wait_seconds,
            has_heard=bool(places),
            addresses=1 if probe.by_proxy else SUSPICIOUS_ADDRESSES,
        )
        self._hosts: list[str] = []  # of what is held
        self._looked_at = 0.0  # unix time
        self._saved_places: tuple[Place, ...] | None = None
        self._is_noted = False  # that there is no network

    # -- what the loop asks -------------------------------------------------------------------

    @property
    def held(self) -> int:
        """How many requests are over, and wait to be judged."""
        return self._outage.held

    @property
    def is_frozen(self) -> bool:
        """Is nothing to be requested?"""
        return self._outage.frozen_since is not None

    @property
    def waiting(self) -> str | None:
        """What the run waits for, in words, if it waits for the network. Any thread may ask."""
        outage = self._outage
        if outage.frozen_since is None or not outage.failed_probes:
            return None
        return waiting_text(outage.silent_since, outage.probe_at)

    @property
    def fault(self) -> Failure | None:
        """That the network is gone for good, if it is."""
        outage, now = self._outage, self._now()
        if outage.frozen_since is None or not outage.is_over(now):
            return None
        seconds = now - outage.silent_since
        return errors.new_failure(
            "network_down",
            f"no network: no answer from anywhere for {seconds:.0f} s",
        )

    def next_clock(self) -> float | None:
        """When `check` has something to do."""
        return self._outage.next_clock()

    def sift(self, answered: Answered) -> Sequence[Answered]:
        """A request is over. Returns what is to be judged now, in order."""
        match meaning_of(answered.fact):
            case "heard":
                ready = self._outage.hear(answered.at)
            case "neither":
                ready = []
            case "silent":
                ready = self._listen()
                if self._holds(answered):
                    return self._released(ready)
        return (*self._released(ready), answered)

    def check(self, *, idle: bool) -> Sequence[Answered]:
        """Once a turn of the loop; `idle` if no request is under way. Returns what is to be judged
        now, in order."""
        outage = self._outage
        if not outage.held:
            return ()
        heard = self._listen()
        if heard:
            return self._released(heard)
        now = self._now()
        given_up = outage.check(now, idle=idle)
        if outage.begin_probe(now):
            self._probe.start(tuple(self._hosts))
        return self._released(given_up, "nothing ever answers")

    def take_probe(self, probed: NetworkProbed) -> Sequence[Answered]:
        """The network was probed. Returns what is to be judged now, in order."""
        now, outage = self._now(), self._outage
        if probed.heard:
            self._guard.resolver.forget_failures()
            return self._released(outage.hear(now))
        outage.note_silent_probe(now)
        if outage.frozen_since is not None:
            self._note_outage()
        return ()

    def stop(self) -> None:
        """The run ends: what is held stays pending."""
        self._outage.drop()
        self._forget_outage()

    def keep_places(self) -> None:
        """Write down where connections were made to, if that is not known of any."""
        if not self._saved_places and self._guard.places:
            self.save_places()

    def save_places(self) -> None:
        """Write down where connections were made to."""
        places = self._guard.places
        if places != self._saved_places:
            self._saved_places = places
            value = orjson.dumps([list(each) for each in places]).decode()
            self._facts.set_meta(PLACES, value)

    # -- its parts ----------------------------------------------------------------------------

    def _listen(self) -> list[Answered]:
        """Has anything come that is no answer to a request? Returns what is to be judged."""
        looked_at, self._looked_at = self._looked_at, self._now()
        if self._flights.note_sizes() and self._outage.held:
            return self._outage.hear(looked_at)
        seconds = self._guard.seconds_since_heard
        if seconds is None:
            return []
        return self._outage.hear(self._looked_at - seconds)

    def _holds(self, answered: Answered) -> bool:
        task = answered.fact.task
        if not self.is_frozen and not self._requests.has_hosts(MIN_HOSTS):
            return False
        address = self._guard.address_of(task.url.host)
        if not self._outage.hold(answered, answered.began, address):
            return False
        self._hosts.append(task.url.host)
        self._requests.add(task)
        return True

    def _released(
        self, ready: Sequence[Answered], why: str = "the network is back"
    ) -> Sequence[Answered]:
        """What was held, to be judged as if it had come just now."""
        if not ready:
            return ()
        now = self._now()
        froze_at = self._outage.take_freeze()
        if froze_at is not None:
            self._requests.excuse(now - froze_at)
        self._hosts = self._hosts[len(ready) :]
        for each in ready:
            self._requests.remove(each.fact.task)
        if self._is_noted:
            self._guard.resolver.forget_failures()
            count = counted(len(ready), "request")
            self._journal.note(f"{why}: {count} without an answer count now")
            self._forget_outage()
        return [replace(each, at=now) for each in ready]

    def _note_outage(self) -> None:
        """Let the log say what the run waits for, and `status` while it does."""
        outage = self._outage
        since, next_try = outage.silent_since, outage.probe_at
        if not self._is_noted:
            self._is_noted = True
            text = waiting_text(since, next_try, utc=True)
            self._journal.note(f"waiting: {text}")
        value = orjson.dumps((since, next_try)).decode()
        self._facts.set_meta(NO_NETWORK, value)

    def _forget_outage(self) -> None:
        if self._is_noted:
            self._is_noted = False
            self._facts.set_meta(NO_NETWORK, None)
