"""A session without a folder: of a URL that has ended nothing is remembered, and nothing left."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import orjson
from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import (
    Engine,
    Makers,
    Surroundings,
    check_workers,
    open_engine,
)
from scraper.errors import LocalFault, failure_of, is_out_of_threads
from scraper.frontier.queued import QueuedRows
from scraper.messages import Stop
from scraper.model import HostState, Task, Waiting
from scraper.outcomes.outcome import Outcome
from scraper.recording.honesty import honesty_of
from scraper.recording.obedience import obedience_of
from scraper.reports.summary import Report
from scraper.runner import prepare_process
from scraper.sessions.bodies import BodyFolder
from scraper.sessions.claims import (
    Claim,
    Deliver,
    Key,
    SessionDesk,
    Submission,
    Submissions,
)
from scraper.sessions.memory_journal import MemoryJournal
from scraper.storage.faults import local_errors
from scraper.supervision import Flights

MAX_HOSTS = 10_000  # that are remembered
MAX_ROBOTS_CHARS = 32 * 2**20  # of all their robots.txt
PATIENCE_SECONDS = 30.0  # with a host that refuses


class MemoryHosts:
    """What is remembered of hosts, for as long as the session is open."""

    def __init__(self) -> None:
        self._states: dict[int, HostState] = {}  # kept last, last
        self._robots: dict[int, dict[str, tuple[float, str]]] = {}
        self._robots_chars = 0

    def host(self, lane: int) -> HostState | None:
        """What is remembered of a lane's host; None if it is new."""
        state, robots = self._states.get(lane), self._robots.get(lane)
        if robots is None:
            return state
        text = orjson.dumps(robots).decode()
        return replace(state or HostState(lane, ""), robots=text)

    def keep_host(self, state: HostState) -> None:
        """Remember a host's pace and failures."""
        self._states.pop(state.id, None)
        self._states[state.id] = state
        if len(self._states) > MAX_HOSTS:
            del self._states[next(iter(self._states))]

    def keep_robots(
        self,
        lane: int,
        name: str,
        scheme: str,
        at: float,
        text: str,
    ) -> None:
        """Remember one origin's robots.txt."""
        of_host = self._robots.pop(lane, {})
        self._robots_chars += len(text) - len(of_host.get(scheme, (0, ""))[1])
        self._robots[lane] = {**of_host, scheme: (at, text)}
        while (
            len(self._robots) > MAX_HOSTS
            or self._robots_chars > MAX_ROBOTS_CHARS
        ):
            oldest = self._robots.pop(next(iter(self._robots)))
            self._robots_chars -= sum(len(text) for _, text in oldest.values())

    def requeue(
        self,
        task: Task,
        *,
        due: float,
        attempts: int,
    ) -> None:
        """It waits again: nothing outlives the session."""


class MemoryFacts:
    """Facts by name, for as long as the session is open."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def meta(self, name: str) -> str | None:
        return self._values.get(name)

    def set_meta(
        self,
        name: str,
        value: str | None,
    ) -> None:
        self._values.pop(name, None)
        if value is not None:
            self._values[name] = value


class MemoryDesk(SessionDesk):
    """Of a session without a folder: what is in flight is joined, what has ended is asked again."""

    def __init__(self, submissions: Submissions, deliver: Deliver) -> None:
        super().__init__(submissions, deliver)
        self.rows = QueuedRows(MemoryHosts())
        self._numbers = itertools.count(1)

    def key_of(self, submission: Submission) -> Key:
        href = submission.line.url.href
        return (href, submission.headers) if submission.headers else href

    def enter(self, claims: Sequence[Claim]) -> frozenset[int]:
        lanes = set()
        for claim in claims:
            line, id = claim.line, next(self._numbers)
            task = Task(
                id,
                line.url,
                line.url,
                written=line.written,
                refusal=line.refusal,
                headers=claim.headers,
                seq=id,
            )
            self.claims.number(claim, id)
            self.rows.add(Waiting(task, 0.0))
            lanes.add(line.url.lane)
        return frozenset(lanes)

    def take_out(self, claim: Claim) -> None:
        """Nothing else knows of it."""


class MemoryRun:
    """A run that writes nothing: a context manager, and an iterator over its outcomes."""

    def __init__(
        self,
        config: Config,
        desk: MemoryDesk,
        makers: Makers,
    ) -> None:
        self.report = Report()
        self._config = config
        self._desk = desk
        self._makers = makers
        self._inbox = makers.inbox()
        self._now = makers.clock()
        self.report.take_time(self._now())
        self._resources = ExitStack()
        self._engine: Engine | None = None
        self._outcomes: Iterator[Outcome] = iter(())

    def __enter__(self) -> MemoryRun:
        try:
            with local_errors():
                self._open()
        except BaseException:
            self.close()
            raise
        return self

    def _open(self) -> None:
        config, makers, resources = self._config, self._makers, self._resources
        share = prepare_process(config)
        stage = (
            makers.stage(config, share.processes, self._inbox.put)
            if share.processes
            else None
        )
        bodies = BodyFolder()
        resources.callback(bodies.close)
        if stage is not None:
            resources.callback(stage.close, now=True)
            stage.start(bodies.parts)
        journal = MemoryJournal(
            self._desk.rows,
            bodies,
            self.report,
            obedience_of(config),
            honesty_of(config),
        )
        around = Surroundings(
            rows=self._desk.rows,
            journal=journal,
            facts=MemoryFacts(),
            store=bodies,
            folder=None,
            stage=stage,
            guard=makers.guard(config),
            inbox=self._inbox,
            now=self._now,
            pass_began=self._now(),
            log_step=journal.note_event,
            one_patience=True,
        )
        self._engine = open_engine(
            config,
            share,
            makers,
            around,
            self._take_flights,
        )
        resources.callback(self._engine.pipeline.close)
        check_workers(config, stage)
        self._outcomes = self._engine.pipeline.outcomes()

    def _take_flights(self, flights: Flights) -> MemoryDesk:
        self._desk.flights = flights
        return self._desk

    def __iter__(self) -> Iterator[Outcome]:
        return self

    def __next__(self) -> Outcome:
        try:
            outcome = next(self._outcomes)
            self.report.take_time(self._now())
            return outcome
        except RuntimeError as error:
            if not is_out_of_threads(error):
                raise
            raise LocalFault(failure_of(error)) from error
        except StopIteration:
            assert self._engine is not None, "it was entered"
            stopped = self._engine.pipeline.stopped
            if stopped is not None:
                self.report.stopped = stopped.reason
                if stopped.failure is not None:
                    raise LocalFault(stopped.failure) from None
            raise

    def stop(
        self,
        reason: str,
        grace: float,
    ) -> None:
        """End early, from any thread."""
        self._inbox.put(Stop(reason, grace))

    def close(self) -> None:
        """Give everything back. Safe to call twice."""
        self._outcomes = iter(())
        self._resources.close()
