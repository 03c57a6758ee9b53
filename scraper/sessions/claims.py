"""Who waits for which URL: what a session was given, on its way to the frontier and back.

Any thread submits; everything else happens in the coordinator's thread. A claim is one URL with
the futures that wait for it, from its submission to its outcome.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec import Struct

from scraper.frontier.frontier import Frontier
from scraper.frontier.queued import QueuedRows
from scraper.messages import (
    Asked,
    InputExhausted,
    LinesReady,
    Message,
)
from scraper.model import Headers, Line, Task
from scraper.outcomes.outcome import Outcome
from scraper.results import ABORTED
from scraper.sessions.futures import Future, Result
from scraper.supervision import Flights

Deliver = Callable[[Sequence[Future], Result], None]
Key = str | tuple[str, Headers]


class Submission(Struct, frozen=True):
    """A URL that is given to a session, and the future that was returned for it."""

    future: Future
    line: Line
    headers: Headers = ()


class Submissions:
    """What was submitted and not taken in yet."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # of what follows
        self.is_closed = False
        self._waiting: deque[Submission] = deque()
        self._has_news = False  # the coordinator, which will take them
        self._post: Callable[[Message], None] | None = None

    def open(self, post: Callable[[Message], None]) -> None:
        """From now on the coordinator hears of them."""
        with self.lock:
            self._post = post
            is_waiting = bool(self._waiting)
        if is_waiting:
            post(LinesReady())

    def add(self, submission: Submission) -> bool:
        """One more; False if it comes too late."""
        with self.lock:
            if self.is_closed:
                return False
            self._waiting.append(submission)
            had_news, self._has_news = self._has_news, True
        if not had_news and self._post is not None:
            self._post(LinesReady())
        return True

    def take(self) -> list[Submission]:
        """Those that have come."""
        with self.lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._has_news = False
        return taken

    def futures(self) -> list[Future]:
        """Of those that wait here."""
        with self.lock:
            return [each.future for each in self._waiting]

    def close(self) -> None:
        """No more will come."""
        with self.lock:
            was_closed, self.is_closed = self.is_closed, True
        if not was_closed and self._post is not None:
            self._post(LinesReady())
            self._post(InputExhausted())


class Claim(Struct):
    """One URL that a session asks, and who waits for it."""

    key: Key
    line: Line
    futures: list[Future]
    headers: Headers = ()
    id: int = 0  # of its row
    begun: bool = False  # it is asked, or refused: it cannot be withdrawn
    found: bool = False  # a page of this session has named it, too

    def join(self, future: Future) -> None:
        """One more waits for it."""
        future.claim = self
        if not self.begun or future.begin():
            self.futures.append(future)

    def leave(self, future: Future) -> None:
        """One less."""
        self.futures = [each for each in self.futures if each is not future]

    def begin(self) -> None:
        """From now on it cannot be withdrawn."""
        self.begun = True
        self.futures = [each for each in self.futures if each.begin()]

    @property
    def is_wanted(self) -> bool:
        """Is it to be asked, or is something under way for it already?"""
        return bool(self.futures or self.begun or self.found)


class Claims:
    """Those that have not ended, by what makes two submissions one, and by row."""

    def __init__(self) -> None:
        self._by_key: dict[Key, Claim] = {}
        self._by_id: dict[int, Claim] = {}
        self._begun_unclaimed: set[int] = set()  # images of pages

    def claim(
        self,
        submission: Submission,
        key: Key,
    ) -> Claim | None:
        """Have its future wait for the URL. Returns the claim if it is a new one."""
        claim, future = self._by_key.get(key), submission.future
        if claim is not None:
            claim.join(future)
            return None
        claim = self._by_key[key] = Claim(
            key,
            submission.line,
            [future],
            submission.headers,
        )
        future.claim = claim
        return claim

    def number(
        self,
        claim: Claim,
        id: int,
    ) -> None:
        """It has this row."""
        claim.id = id
        self._by_id[id] = claim
        if id in self._begun_unclaimed:
            claim.begin()

    def of_row(self, id: int) -> Claim | None:
        """The claim on this row."""
        return self._by_id.get(id)

    def of_future(self, future: Future) -> Claim | None:
        """What it waits for, unless that has ended."""
        claim = future.claim
        if not isinstance(claim, Claim):
            return None
        return claim if self._by_key.get(claim.key) is claim else None

    def begin(self, id: int) -> Claim | None:
        """A request for this row begins, or it is refused. Returns the claim on it."""
        claim = self._by_id.get(id)
        if claim is None:
            self._begun_unclaimed.add(id)
        elif not claim.begun:
            claim.begin()
        return claim

    def end(self, id: int) -> Sequence[Future]:
        """The row has its outcome. Returns who waits for it."""
        self._begun_unclaimed.discard(id)
        claim = self._by_id.get(id)
        if claim is None:
            return ()
        self.forget(claim)
        claim.begin()
        return claim.futures

    def forget(self, claim: Claim) -> None:
        """It has ended, or was withdrawn."""
        del self._by_key[claim.key]
        self._by_id.pop(claim.id, None)
        for future in claim.futures:
            future.claim = None  # else only the garbage collector frees both

    def futures(self) -> list[Future]:
        """All that wait. Any thread may ask."""
        claims = list(self._by_key.values())
        return [each for claim in claims for each in list(claim.futures)]


class SessionDesk(ABC):
    """Brings what was submitted, and hands outcomes over to `deliver` with their futures."""

    awaits = ""
    rows: QueuedRows
    flights: Flights

    def __init__(
        self,
        submissions: Submissions,
        deliver: Deliver,
    ) -> None:
        self.submissions = submissions
        self.claims = Claims()
        self._deliver = deliver

    # -- what comes ---------------------------------------------------------------------------

    def start(self) -> None:  # noqa: B027 - what is submitted comes by itself
        """Nothing has to be read."""

    def stop(self) -> bool:
        self.submissions.close()
        return True

    def take(self) -> frozenset[int]:
        taken = [
            self.claims.claim(each, self.key_of(each))
            for each in self.submissions.take()
            if not each.future.cancelled()
        ]
        new = [each for each in taken if each is not None]
        gain = self.enter(new) if new else frozenset()
        self._end_if_over()
        return gain

    def take_overdue(self) -> frozenset[int]:
        """Nothing: a session asks what it is given, and what that leads to."""
        return frozenset()

    def _end_if_over(self) -> None:
        """Where nothing more comes, and nothing waits, a robots.txt is of no use any more."""
        if self.submissions.is_closed and not len(self.rows):
            self.flights.abort_all()

    def key_of(self, submission: Submission) -> Key:
        """By which two submissions are one."""
        return submission.line.url.href

    @abstractmethod
    def enter(self, claims: Sequence[Claim]) -> frozenset[int]:
        """Give each of them a row. Returns the lanes that gain."""

    # -- what becomes of it -------------------------------------------------------------------

    def begins(self, task: Task) -> bool:
        if task.id < 0:  # a robots.txt
            return True
        claim = self.claims.begin(task.id)
        if claim is None or claim.futures or claim.found:
            return True
        self._drop(claim, task)
        return False

    def change(
        self,
        asked: Asked,
        frontier: Frontier,
    ) -> Task | None:
        future = asked.future
        assert isinstance(future, Future), "a session asks"
        claim = self.claims.of_future(future)
        if claim is None:
            return None
        if asked.what == "aborted":
            task = self._abort(claim, frontier)
            if task is None:
                # Its request may have ended just now, to be made again.
                again = partial(future.owner.post, asked)
                self.rows.when_back[claim.id] = again
            return task
        claim.leave(future)
        if not claim.is_wanted:
            self._withdraw(claim, frontier)
            self._end_if_over()
        return None

    def _withdraw(
        self,
        claim: Claim,
        frontier: Frontier,
    ) -> None:
        task = self.rows.find(claim.id, claim.line.url.lane)
        if task is not None and frontier.withdrawals.withdraw(task):
            self._drop(claim, task)
            frontier.withdrawals.settle(task.url.lane)

    def _drop(
        self,
        claim: Claim,
        task: Task,
    ) -> None:
        self.claims.forget(claim)
        self.rows.remove(task)
        self.take_out(claim)

    @abstractmethod
    def take_out(self, claim: Claim) -> None:
        """It was withdrawn before anything was asked."""

    def _abort(
        self,
        claim: Claim,
        frontier: Frontier,
    ) -> Task | None:
        """End its request, if one is under way. Returns the task if it waits."""
        if self.flights.abort_task(claim.id, ABORTED):
            return None
        task = self.rows.find(claim.id, claim.line.url.lane)
        if task is None or not frontier.withdrawals.withdraw(task):
            return None  # its body is being processed
        return task

    # -- what is given ------------------------------------------------------------------------

    def from_folder(self) -> Iterable[Outcome]:
        return ()

    def of_commit(self, outcomes: Sequence[Outcome]) -> Iterable[Outcome]:
        return outcomes

    def at_the_end(self) -> Iterable[Outcome]:
        return ()

    def resolve(self, outcome: Outcome) -> None:
        """Hand it over to those who wait for it."""
        futures = self.claims.end(outcome.task.id)
        if futures:
            self._deliver(futures, outcome)

    def fail(self, error: BaseException) -> None:
        """Nothing will come any more."""
        for future in self.open_futures():
            if future.begin():
                self._deliver([future], error)

    def open_futures(self) -> list[Future]:
        """All that wait. Any thread may ask."""
        return [*self.submissions.futures(), *self.claims.futures()]
