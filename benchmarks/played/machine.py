"""What a real run has under it, played: its clock, its inbox, its threads, its fetcher, its list.

Time passes only where the coordinator waits for it, and then as far as the next answer or to the
end of its waiting. So a run of an hour takes as long as its decisions do.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from queue import Empty
from typing import Any, cast
from urllib.parse import urlsplit

from benchmarks.played.world import Request, World, is_endless
from scraper import errors
from scraper.config import FetchSettings
from scraper.engine import Makers
from scraper.frontier.frontier import Frontier
from scraper.guard.guard import Guard, Place
from scraper.guard.network_probe import NetworkProbe
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.http.headers import retry_after
from scraper.messages import (
    Inbox,
    InputExhausted,
    LinesReady,
    Message,
    NetworkProbed,
)
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Line,
    RobotsText,
    Timings,
)
from scraper.sources.reader import Reader
from scraper.sources.source import Source
from scraper.sources.text import parse_line

TURN_SECONDS = 0.001  # what a turn of the loop takes in which nothing happens
THREAD_SECONDS = 1e-5  # from handing out to the thread's first step
MAX_TURNS = 10_000  # of them in a row; then it spins
BODY = b"a body\n"
ADDRESS = "93.184.216.34"
NEVER = math.inf


class Killed(BaseException):
    """The run has been killed: nothing of it may go on."""


class Machine:
    """One run's threads, inbox and clock. Its wall clock is `skew` seconds before the world's."""

    def __init__(
        self, world: World, run: int, skew: float, kill_at: float
    ) -> None:
        self.world = world
        self._run = run
        self._skew = skew
        self._kill_at = kill_at
        self._messages: deque[Message] = deque()
        self._ends: list[tuple[float, int, Flight]] = []
        self._flights: dict[
            int, tuple[Flight, Request, Callable[[], None]]
        ] = {}
        self._turns = 0

    def makers(self) -> Makers:
        """For a run on this machine."""
        return Makers(
            inbox=lambda: cast("Inbox", self),
            clock=lambda: self.now,
            threads=lambda _: cast("Executor", self),
            fetcher=partial(PlayedFetcher, machine=self),
            frontier=partial(Frontier, draw=self.world.draw),
            reader=lambda sources, post: cast(
                "Reader", PlayedReader(sources, post)
            ),
            probe=lambda *_: cast("NetworkProbe", PlayedProbe(self)),
        )

    # -- as the clock -------------------------------------------------------------------------

    def now(self) -> float:
        """Unix seconds."""
        return self.world.time + self._skew

    def _pass_to(self, at: float) -> None:
        if at >= self._kill_at:
            self.world.time = self._kill_at
            raise Killed
        self.world.time = at

    # -- as the inbox -------------------------------------------------------------------------

    def put(self, message: Message) -> None:
        self._messages.append(message)

    def empty(self) -> bool:
        return not self._messages

    def qsize(self) -> int:
        return len(self._messages)

    def get_nowait(self) -> Message:
        if not self._messages:
            raise Empty
        return self._messages.popleft()

    def get(self, timeout: float) -> Message:
        """The next message, as soon as it comes."""
        until = self.world.time + max(timeout, TURN_SECONDS)
        self._end_aborted()
        while not self._messages and self._ends and self._ends[0][0] <= until:
            at, _, flight = heappop(self._ends)
            if flight.request_id in self._flights:
                self._pass_to(max(at, self.world.time))
                self._end(flight)
        self._turns = 0 if self._messages or timeout > 0 else self._turns + 1
        assert self._turns < MAX_TURNS, "the loop turns and turns for nothing"
        if not self._messages:
            self._pass_to(until)
        return self.get_nowait()

    # -- as the pool of threads ---------------------------------------------------------------

    def submit(
        self, fetch: Callable[[Flight], Fact], flight: Flight
    ) -> Future[Fact]:
        """A request begins; it ends when the world says so, or when it is aborted."""
        flight.begin()
        future: Future[Fact] = Future()
        url = urlsplit(flight.task.url.href)
        request = self.world.ask(self._run, url.hostname or "", url.path)
        self._flights[flight.request_id] = (
            flight,
            request,
            lambda: future.set_result(fetch(flight)),
        )
        if not is_endless(request.answer):
            at = self.world.time + request.answer.after
            heappush(self._ends, (at, request.order, flight))
        return future

    def shutdown(self, wait: bool, cancel_futures: bool) -> None:
        """What is under way comes to nothing."""
        self._flights.clear()
        self.world.forget()

    def request_of(self, flight: Flight) -> Request:
        """What the world's log says of it."""
        return self._flights[flight.request_id][1]

    def _end(self, flight: Flight) -> None:
        _, request, finish = self._flights[flight.request_id]
        self.world.end(request)
        finish()
        del self._flights[flight.request_id]

    def _end_aborted(self) -> None:
        overdue = [
            flight
            for flight, _, _ in self._flights.values()
            if flight.abort_reason is not None
        ]
        for flight in overdue:
            self._end(flight)


class PlayedFetcher(Fetcher):
    """Makes of the world's answers the facts that the real one would."""

    def __init__(
        self,
        settings: FetchSettings,
        guard: Guard,
        parts: Path,
        *,
        machine: Machine,
        **more: Any,
    ) -> None:
        super().__init__(settings, guard, parts, **more)
        self._guard = guard
        self._place = parts
        self._machine = machine

    def fetch(self, flight: Flight) -> Fact:
        """What asking this has come to."""
        request = self._machine.request_of(flight)
        answer, task, now = request.answer, flight.task, self._machine.now()
        pause = retry_after([answer.retry_after or ""], now)
        if answer.failure is None:
            # As a connection would: a later run then knows that there was one.
            host = flight.task.url.host
            self._guard.learn_places([Place(host, 80, ADDRESS, "listed")])
        if flight.abort_reason is not None:
            return self._failed(flight, request, flight.abort_reason)
        if answer.failure is not None:
            why = errors.new_failure(answer.failure, "as it was played")
            return self._failed(flight, request, why)
        if answer.status == 206:
            why = errors.new_failure("body_short", "a part of it came")
            return self._failed(flight, request, why)
        if answer.status != 200:
            why = errors.of_status(answer.status, "as it was played", pause)
            return self._failed(flight, request, why)
        if task.purpose == "robots":
            return RobotsText(task, "", now, 200)
        part = f"{task.id}-{flight.request_id}.part"
        (self._place / part).write_bytes(BODY)
        return Fetched(
            task=task,
            url=task.url,
            status=200,
            kind="file",
            type="application/octet-stream",
            charset=None,
            headers=(),
            part=part,
            bytes=len(BODY),
            wire_bytes=len(BODY),
            sha256="0" * 64,
            at=now,
            timings=_timings(request),
            pause=pause,
        )

    def _failed(
        self, flight: Flight, request: Request, failure: Failure
    ) -> FetchFailed:
        answer = request.answer
        return FetchFailed(
            flight.task,
            failure,
            flight.task.url,
            self._machine.now(),
            _timings(request),
            answered=answer.failure is None or answer.has_begun,
        )


def _timings(request: Request) -> Timings:
    assert request.ended is not None, "it has just ended"
    return Timings(fetch=request.ended - request.began - THREAD_SECONDS)


class PlayedProbe:
    """Knows at once whether the network is there."""

    by_proxy = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def start(self, hosts: Sequence[str]) -> None:
        """Say so."""
        self._machine.put(NetworkProbed(self._machine.world.is_online()))


class PlayedReader:
    """Has read the whole list before anybody asks."""

    def __init__(
        self,
        sources: Iterable[tuple[int, Source]],
        post: Callable[[Message], None],
    ) -> None:
        self._post = post
        self._lines = [
            line
            for id, source in sources
            for number, raw in enumerate(source.lines(), 1)
            if (line := parse_line(raw, id, number)) is not None
        ]

    def start(self) -> None:
        """All lines are there at once."""
        self._post(LinesReady())

    def take(self) -> list[Line]:
        """All of them."""
        self._post(InputExhausted())
        return self._lines

    def stop(self) -> None:
        """There is nothing to stop."""

    def is_alive(self) -> bool:
        """It has ended already."""
        return False
