"""Each host is asked one thing: its robots.txt. The frontier, the guard and the fetcher are those
of a run, and so are delays, time-outs and threads; only the URLs themselves are never asked.

What a host says, or that it says nothing, is taken as it is: nothing is asked twice, for a plan has
no patience.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from msgspec import Struct

from scraper.cli.plan.rows import OriginRows
from scraper.config import Config
from scraper.engine import (
    fetch_threads,
    most_threads_of,
    network_fetcher,
    requests_at_once,
    wanted_share,
)
from scraper.errors import LocalFault, failure_of, new_failure
from scraper.frontier.frontier import Decision, Frontier
from scraper.guard.guard import Guard
from scraper.http.flight import Flight
from scraper.http.headers import agent_of
from scraper.http.throttle import throttle_of
from scraper.machine import descriptors
from scraper.machine.clock import steady_clock, used_seconds
from scraper.model import Fact, Failure, FetchFailed, Task
from scraper.supervision import Flights, Intervals
from scraper.urls import Url

MAX_AT_ONCE = 64  # decisions before the loop sees what has come
TICK_SECONDS = 1.0  # between two looks at the clocks
MAX_IDLE_SECONDS = 10.0  # for which nothing is done but wait for a clock


class Found(Struct, frozen=True):
    """How it stands with an origin."""

    scheme: str
    urls: int
    task: Task  # the first of its URLs
    failure: Failure | None = None  # why none of them can be asked
    is_known: bool = True  # False: it was not asked, for its clock's sake
    answer_seconds: float | None = None  # of its robots.txt
    robots_at: Url | None = None  # where that has moved to


class HostFound(Struct, frozen=True):
    """How it stands with a host: one or two origins."""

    lane: int
    origins: tuple[Found, ...]


class _Landed(Struct, frozen=True):
    """A request is over."""

    flight: Flight
    fact: Fact
    at: float  # unix time


class Asker(AbstractContextManager["Asker"]):
    """Asks the hosts of `rows`; bodies would go to the folder `place`. `found` is for one use."""

    def __init__(
        self,
        config: Config,
        rows: OriginRows,
        guard: Guard,
        place: Path,
    ) -> None:
        self._rows = rows
        self._now = steady_clock()
        self._inbox: SimpleQueue[_Landed] = SimpleQueue()
        self._origins: dict[int, list[Found]] = {}  # of hosts half settled
        self._complete: list[HostFound] = []
        share = descriptors.fit_share(wanted_share(config))
        self._frontier = Frontier(
            rows,
            guard,
            config.hosts,
            config.fetch,
            threads=share.threads,
            most_threads=most_threads_of(config, share),
            most_quiet=share.most_quiet,
            agent=agent_of(config.fetch),
            pass_began=self._now(),
        )
        self._fetcher = network_fetcher(
            config.fetch,
            guard,
            place,
            per_host=config.hosts.per_host,
            connections=share.connections,
            throttle=throttle_of(config.hosts),
        )
        at_once = requests_at_once(share)
        self._threads = fetch_threads(at_once)
        self._flights = Flights(
            at_once - share.most_quiet,
            config.fetch.request_time_seconds,
            Intervals(),
            self._now,
            most_quiet=share.most_quiet,
        )

    def __exit__(self, *_: object) -> None:
        self._flights.abort_all()
        self._threads.shutdown(wait=not self._flights.lost, cancel_futures=True)
        self._fetcher.close()

    @property
    def threads_are_back(self) -> bool:
        """Has none been lost in a request that nothing can end?"""
        return not self._flights.lost

    # -- the loop -----------------------------------------------------------------------------

    def found(self) -> Iterator[HostFound]:
        """All hosts, as soon as it is known how it stands with them. Raises LocalFault."""
        while not self._frontier.finished and not self._waits_too_long():
            may_go_on = self._hand_out()
            self._receive_landed(0.0 if may_go_on else TICK_SECONDS)
            for flight in self._flights.abort_overdue(self._now()):
                at = self._now()
                self._flights.remove(flight.request_id)
                self._receive(
                    flight,
                    flight.to_failed(at),
                    at,
                )
            yield from self._take_complete()
        for lane in self._rows.unsettled():
            for scheme in list(self._rows.origins(lane)):
                self._settle(
                    lane,
                    scheme,
                    is_known=False,
                )
            yield from self._take_complete()

    def _waits_too_long(self) -> bool:
        """Is a clock all that is waited for, and for long? Or will no thread come back?"""
        if self._flights.all_threads_lost:
            why = "every fetch thread hangs: the disk, most likely"
            raise LocalFault(new_failure("stalled", why))
        opens = self._frontier.opens_at()
        if self._flights or opens is None:
            return False
        return opens > self._now() + MAX_IDLE_SECONDS

    def _hand_out(self) -> bool:
        """Ask for what may be asked for now; True if there may be more of it."""
        self._frontier.crew.look(self._now(), used_seconds)
        for _ in range(MAX_AT_ONCE):
            if self._flights.free_threads <= 0:
                return False
            decision = self._frontier.next(self._now())
            if decision is None:
                return False
            if decision.task.purpose == "robots":
                flight = self._flights.add(decision.task, decision.trust)
                self._threads.submit(self._fetch, flight)
            else:
                self._take_url(decision)
        return True

    def _fetch(self, flight: Flight) -> None:
        """Runs on a thread: whatever happens is posted."""
        try:
            fact = self._fetcher.fetch(flight)
        except Exception as error:  # noqa: BLE001 - it becomes a fact, as in a run
            task, failure = flight.task, failure_of(error)
            fact = FetchFailed(
                task,
                failure,
                task.url,
                self._now(),
            )
        self._inbox.put(
            _Landed(
                flight,
                fact,
                self._now(),
            )
        )

    def _receive_landed(self, seconds: float) -> None:
        """What has come, after waiting for it if there is nothing else to do."""
        if self._complete or self._frontier.finished:
            seconds = 0.0
        clocks = self._frontier.opens_at(), self._flights.next_deadline()
        for at in clocks:
            if at is not None:
                seconds = min(seconds, at - self._now())
        try:
            landed = self._inbox.get(timeout=max(seconds, 0.0))
            while True:
                if self._flights.remove(landed.flight.request_id):
                    self._receive(
                        landed.flight,
                        landed.fact,
                        landed.at,
                    )
                landed = self._inbox.get_nowait()
        except Empty:
            return

    # -- what is learned ----------------------------------------------------------------------

    def _receive(
        self,
        flight: Flight,
        fact: Fact,
        at: float,
    ) -> None:
        """What came of asking for a robots.txt: the end of it, or a redirect that is followed."""
        if isinstance(fact, FetchFailed) and fact.failure.blame == "here":
            raise LocalFault(fact.failure)
        self._frontier.robots.receive(fact, at)
        self._frontier.request_ended(
            fact,
            at,
            flight.began,
        )
        asked, hops = fact.task.origin_url, fact.task.hops
        is_known, failure = self._rows.take_known(), None
        if not is_known:
            if not isinstance(fact, FetchFailed):
                return  # it goes on elsewhere
            failure = fact.failure
        seconds = at - flight.began - fact.throttled
        self._settle(
            asked.lane,
            asked.scheme,
            failure=failure,
            answer_seconds=None
            if hops or failure
            else max(seconds - (flight.connected or 0.0), 0.0),
            robots_at=fact.task.url if hops else None,
        )

    def _take_url(self, decision: Decision) -> None:
        """A URL could be asked now, or must not be: more is not to be known."""
        task, refusal = decision.task, decision.refusal
        if refusal is None:
            self._frontier.withdrawals.take_back(task)
        else:
            self._frontier.release(task)
        if isinstance(refusal, FetchFailed):
            refusal = refusal.failure
        self._settle(
            task.url.lane,
            task.url.scheme,
            failure=refusal,
        )

    def _settle(self, lane: int, scheme: str, **known: Any) -> None:
        opened = self._rows.settle(lane, scheme)
        task = opened.first.task
        self._frontier.withdrawals.withdraw(task)
        self._frontier.withdrawals.settle(lane)
        found = Found(
            scheme,
            opened.origin.urls,
            task,
            **known,
        )
        self._origins.setdefault(lane, []).append(found)
        if self._rows.is_settled(lane):
            origins = tuple(self._origins.pop(lane))
            self._complete.append(HostFound(lane, origins))

    def _take_complete(self) -> list[HostFound]:
        complete, self._complete = self._complete, []
        return complete
