"""The story: fetch -> callback -> process -> record.

`ThreadPoolExecutor` threads fetch; `add_done_callback` hands each result to the process stage;
this loop, in the caller's thread, owns every piece of state and yields an outcome for each URL
once it is committed. docs/architecture.md follows one URL through it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty
from typing import assert_never

from scraper import errors
from scraper.config import RunSettings
from scraper.delivery import Delivery
from scraper.errors import LocalFault
from scraper.frontier.frontier import Frontier
from scraper.frontier.lanes import new_host_threads
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.journal import Journal
from scraper.messages import (
    Answered,
    Inbox,
    InputExhausted,
    LinesReady,
    Message,
    PoolBroken,
    Processed,
    Stop,
    WorkReturned,
)
from scraper.model import Fact, Failure, Fetched, FetchFailed, Line, Moved, Outcome
from scraper.redaction import redacted
from scraper.sources.reader import Reader
from scraper.text import counted
from scraper.workers.stage import ProcessStage, WorkItem

TICK_SECONDS = 1.0
STALL_SECONDS = 60.0  # without any event, before the watchdog says what the run waits for
FEWEST_FOR_A_SHARE = 20  # URLs with an outcome, before a share of failures means something
LOST_SECONDS = 5.0  # beyond its deadline, after its socket was shut: the thread is stuck for good


class Pipeline:
    """One run of one pass. Iterate over `outcomes()` once, then `close()`."""

    def __init__(self, *, frontier: Frontier, fetcher: Fetcher, stage: ProcessStage | None,
                 journal: Journal, reader: Reader,
                 intake: Callable[[Sequence[Line]], frozenset[int]],
                 work_item: Callable[[Fetched], WorkItem], inbox: Inbox,
                 now: Callable[[], float], threads: int, window: int, item_seconds: float,
                 limits: RunSettings, delivery: Delivery | None = None) -> None:  # fmt: skip
        self._frontier = frontier
        self._fetcher = fetcher
        self._stage = stage
        self._journal = journal
        self._reader = reader
        self._intake = intake
        self._work_item = work_item
        self._inbox = inbox
        self._now = now  # unix seconds that never jump
        self._threads = threads + new_host_threads(threads)
        self._window = window
        self._item_seconds = item_seconds
        self._limits = limits
        self._delivery = delivery
        self._delivered = 0  # outcomes of this run
        self._began = time.monotonic()
        self._received = 0  # bytes of bodies in this run, recorded yet or not
        self._failed_before = journal.report.states["failed"]
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="fetch")
        self._flights: dict[int, Flight] = {}  # in the order of their deadlines
        self._processing: dict[int, Fetched] = {}
        self._requests = 0
        self._listening = True  # more URLs may come from the list
        self._list_error: BaseException | None = None
        self._stop_by: float | None = None
        self._event_at = time.monotonic()
        self.stopped: Stop | None = None
        self.lost = 0  # threads that will never come back

    def outcomes(self) -> Iterator[Outcome]:
        """Every outcome, once it is committed, or with a `delivery` what that makes of it. Ends
        when nothing is left to do."""
        self._reader.start()
        while not self._ended():
            self._fill()
            for message in self._messages():
                self._receive(message)
                self._event_at = time.monotonic()
            if self._delivery is not None:
                yield from self._delivery.from_folder()
            self._cut_overdue()
            self._watch()
            self._keep_limits()
            if self._commit_is_due():
                yield from self._committed()
        yield from self._committed()
        if self._list_error is not None:
            raise self._list_error

    def _receive(self, message: Message) -> None:
        match message:
            case Answered():
                self._answered(message)
            case Processed():
                self._processed(message)
            case LinesReady():
                self._frontier.rows_added(self._intake(self._reader.take()))
            case InputExhausted():
                self._list_ended(message)
            case WorkReturned():
                self._processing.pop(message.task.id, None)
                self._frontier.requeue_unattempted(message.task)
            case PoolBroken():
                assert self._stage is not None, "only a stage has pools"
                self._stage.recover()
            case Stop():
                self._stop(message)
            case _:
                assert_never(message)

    def _committed(self) -> Iterator[Outcome]:
        outcomes = self._journal.commit()
        self._delivered += len(outcomes)
        yield from self._delivery.of_commit(outcomes) if self._delivery else outcomes

    def close(self) -> None:
        """Give everything back; what is still under way is cut and stays pending."""
        self._reader.stop()
        for flight in self._flights.values():
            flight.abort(errors.new_failure("interrupted", "the run was stopped"))
        self._pool.shutdown(wait=not self.lost, cancel_futures=True)
        self._fetcher.close()

    @property
    def threads_are_back(self) -> bool:
        """After `close`: no thread is stuck in a request or in reading the list."""
        return not self.lost and not self._reader.is_alive()

    @property
    def list_has_ended(self) -> bool:
        """The whole list was read, without an error."""
        return not self._listening and self._list_error is None

    # -- fill the window --------------------------------------------------------------------

    def _fill(self) -> None:
        while self._has_room():
            decision = self._frontier.next(self._now())
            if decision is None:
                return
            if decision.refusal is not None:
                self._journal.record_refused(decision.task, decision.refusal)
                self._frontier.release(decision.task)
                continue
            self._requests += 1
            deadline = time.monotonic() + self._item_seconds
            flight = Flight(self._requests, decision.task, decision.trust, deadline)
            self._flights[flight.request_id] = flight
            future = self._pool.submit(self._fetcher.fetch, flight)
            future.add_done_callback(partial(self._hand_over, flight))

    def _has_room(self) -> bool:
        free = self._threads - self.lost - len(self._flights)
        out = self._out()
        if self.stopped is not None or free <= 0 or out >= self._window:
            return False
        return not self._limits.max_urls or self._delivered + out < self._limits.max_urls

    def _out(self) -> int:
        """URLs in flight: from handing out to commit, or to the return to their lane."""
        return len(self._flights) + len(self._processing) + self._journal.uncommitted

    def _hand_over(self, flight: Flight, future: Future[Fact]) -> None:
        """Runs on the thread that finished: short, never raises, never blocks.

        The fact is posted before the body goes on, so it is known when its result comes.
        """
        if future.cancelled():
            return
        fact = future.result()
        self._inbox.put(Answered(flight.request_id, fact, self._now()))
        if isinstance(fact, Fetched) and self._needs_work(fact):
            assert self._stage is not None, "there is one if there is work"
            self._stage.submit(fact.task, self._work_item(fact), fact.bytes)

    def _needs_work(self, fetched: Fetched) -> bool:
        """Is there something to process? Not in a file, nor in what was processed the same way."""
        if self._stage is None or fetched.kind == "file":
            return False
        stored = fetched.task.stored
        if fetched.status != 304 or stored is None:
            return True
        if stored.process_hash != self._journal.process_hash(fetched.kind):
            return True
        return fetched.kind == "image" and not self._journal.has_picture(fetched.task)

    # -- wait for messages ------------------------------------------------------------------

    def _messages(self) -> Iterator[Message]:
        """What has come, after waiting for it if nothing has."""
        try:
            yield self._inbox.get(timeout=self._patience())
            # Not until it is empty: while a long list is read it never is.
            for _ in range(self._inbox.qsize()):
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _patience(self) -> float:
        """How long there is nothing to do but wait, in seconds."""
        over = self.stopped or self._url_limit_reached() or self.finished
        if self._quiet() and (self._journal.uncommitted or over):
            return 0.0
        now = self._now()
        opens = self._frontier.opens_at(now) if self._has_room() else None
        due = self._journal.due_at(now)
        clocks = [TICK_SECONDS, *(at - now for at in (opens, due) if at is not None)]
        clocks += [at - time.monotonic() for at in self._deadlines()]
        if self._stop_by is not None:
            clocks.append(self._stop_by - time.monotonic())
        elif self.stopped is None and self._limits.max_time_seconds:
            clocks.append(self._began + self._limits.max_time_seconds - time.monotonic())
        return max(min(clocks), 0.0)

    def _deadlines(self) -> Iterator[float]:
        """When the next request is to be cut, or given up because cutting it was in vain."""
        for flight in self._flights.values():
            if flight.abort_reason is None:
                yield flight.deadline
                return
            yield flight.deadline + LOST_SECONDS

    def _quiet(self) -> bool:
        return not self._flights and not self._processing

    def _commit_is_due(self) -> bool:
        now = self._now()
        due = self._journal.due_at(now)
        if due is not None and due <= now:
            return True
        stuck = (self._quiet() and self._inbox.empty()) or self._out() >= self._window
        return bool(self._journal.uncommitted) and stuck

    def _ended(self) -> bool:
        if self._journal.uncommitted or not self._quiet():
            return self.stopped is not None and self._stop_by is None
        return self.stopped is not None or self.finished

    @property
    def finished(self) -> bool:
        """The pass is over: no more will come, and nothing waits or is under way."""
        if self._listening or not self._quiet():
            return False
        return self._frontier.finished or (self._url_limit_reached() and self._nothing_waits())

    @property
    def nothing_is_left(self) -> bool:
        """However it ended: the list was read, and nothing waits or is under way."""
        return self.list_has_ended and self._quiet() and self._nothing_waits()

    def _url_limit_reached(self) -> bool:
        return 0 < self._limits.max_urls <= self._delivered

    def _nothing_waits(self) -> bool:
        """By the ledger, for with max_urls reached the frontier is asked no more."""
        return not self._journal.ledger.lanes.count_pending()

    # -- what does it mean? -----------------------------------------------------------------

    def _list_ended(self, message: InputExhausted) -> None:
        self._listening = False
        if message.error is not None:
            self._list_error = message.error
            self._stop(Stop(f"reading the list failed: {message.error}", grace=0.0))

    def _answered(self, message: Answered) -> None:
        fact = message.fact
        if self._flights.pop(message.request_id, None) is None:
            return  # its flight was given up and its URL has another fate
        self._journal.report.requests += 1
        self._received += fact.wire_bytes
        if not isinstance(fact, Fetched):  # its bytes count with its record
            self._journal.report.wire_bytes += fact.wire_bytes
        if fact.task.purpose == "robots":
            if isinstance(fact, FetchFailed) and fact.failure.blame == "here":
                self._fault(fact.failure)
            self._frontier.robots_received(fact, message.at)
            self._frontier.request_ended(fact, message.at)
            return
        match fact:
            case Fetched():
                if self._needs_work(fact):
                    self._processing[fact.task.id] = fact
                else:
                    self._made(fact, None)
            case Moved():
                problem = self._frontier.follow_redirect(fact, message.at)
                if problem is not None:
                    self._conclude(FetchFailed(fact.task, problem, fact.to, time.time()))
            case FetchFailed():
                self._failed(fact, message.at)
        self._frontier.request_ended(fact, message.at)

    def _failed(self, failed: FetchFailed, at: float) -> None:
        if failed.failure.blame == "here":
            self._frontier.requeue_unattempted(failed.task)
            self._fault(failed.failure)
        elif not self._frontier.schedule_retry(failed, at):
            self._conclude(failed)

    def _conclude(self, failed: FetchFailed) -> None:
        self._journal.record_failed(failed)
        self._frontier.release(failed.task)

    def _processed(self, message: Processed) -> None:
        fetched = self._processing.get(message.task.id)
        if fetched is None or fetched.task != message.task:
            return  # the result of a flight that was given up
        del self._processing[message.task.id]
        if message.printed:
            self._journal.note_printed(message.task, message.printed)
        failure = message.failure
        if failure is not None and failure.blame == "here":
            self._frontier.requeue_unattempted(message.task)
            self._fault(failure)
            return
        self._made(fetched, message)

    def _made(self, fetched: Fetched, processed: Processed | None) -> None:
        self._processing.pop(fetched.task.id, None)
        self._frontier.rows_added(self._journal.record_fetched(fetched, processed))
        self._frontier.release(fetched.task)

    # -- the end ----------------------------------------------------------------------------

    def _fault(self, failure: Failure) -> None:
        """This machine is at fault: what is under way may finish, nothing more is begun."""
        if failure.kind != "interrupted":
            self._stop(Stop(failure.message, grace=10.0, failure=failure))

    def _stop(self, message: Stop) -> None:
        if self.stopped is None:
            self.stopped = message
            if self._stage is not None:
                self._stage.stopping = True
        by = time.monotonic() + message.grace
        self._stop_by = by if self._stop_by is None else min(by, self._stop_by)

    def _keep_limits(self) -> None:
        """A limit of the run is reached: end cleanly, to be continued."""
        if self.stopped is None:
            reason = self._limit_reached()
            if reason is not None:
                self._stop(Stop(reason, grace=self._limits.grace_seconds))

    def _limit_reached(self) -> str | None:
        limits, report = self._limits, self._journal.report
        told = self._delivered + self._journal.uncommitted
        if limits.max_time_seconds and time.monotonic() - self._began >= limits.max_time_seconds:
            return f"max_time of {limits.max_time_seconds:g} s is over"
        if limits.max_bytes and self._received >= limits.max_bytes:
            return f"max_bytes of {counted(limits.max_bytes, 'byte')} is reached"
        if self._url_limit_reached() and not self.finished:
            return f"max_urls of {counted(limits.max_urls, 'URL')} is reached"
        failed = report.states["failed"] - self._failed_before
        most = limits.max_failures
        if most.endswith("%"):
            share = float(most[:-1]) / 100
            if told >= FEWEST_FOR_A_SHARE and failed > share * told:
                return (
                    f"{failed:,} of {counted(told, 'URL')} failed, more than max_failures of {most}"
                )
        elif most and failed >= int(most):
            return f"{counted(failed, 'URL')} failed, which max_failures does not allow"
        return None

    def _cut_overdue(self) -> None:
        now = time.monotonic()
        if self._stop_by is not None and now >= self._stop_by:
            self._give_up()
        for flight in list(self._flights.values()):
            if now < flight.deadline:
                break
            if flight.abort_reason is None:
                limit = f"not finished within {self._item_seconds:g} s"
                flight.abort(errors.new_failure("timeout_total", limit))
            elif now >= flight.deadline + LOST_SECONDS:
                self.lost += 1
                late = FetchFailed(flight.task, flight.abort_reason, flight.task.url, time.time())
                self._answered(Answered(flight.request_id, late, self._now()))
        if self.lost >= self._threads:
            why = errors.new_failure("stalled", "every fetch thread hangs: the disk, most likely")
            self._stop(Stop(why.message, grace=0.0, failure=why))
        if self._stage is not None:
            self._stage.watch_workers(now)

    def _watch(self) -> None:
        """Say what the run waits for when nothing has happened for a while; end what cannot end."""
        now = time.monotonic()
        if now - self._event_at < STALL_SECONDS:
            return
        silent = now - self._event_at
        self._event_at = now
        waits = list(self._waits(now))
        self._journal.note(f"nothing for {silent:.0f} s; waiting for {'; '.join(waits) or '?'}")
        if not waits and not self._ended():
            reason = "nothing is under way and nothing will open: a fault of this program"
            raise LocalFault(errors.new_failure("stalled", reason))
        oldest = self._stage.oldest_task() if self._stage is not None else None
        if oldest is not None and oldest[1] > self._item_seconds + STALL_SECONDS:
            # Neither the worker's own alarm nor its killing has brought an answer.
            why = errors.new_failure(
                "process_timeout", f"no answer from a worker in {oldest[1]:.0f} s"
            )
            self._processed(Processed(oldest[0], b"{}", failure=why))

    def _waits(self, now: float) -> Iterator[str]:
        for flight in itertools.islice(self._flights.values(), 3):
            left = flight.deadline - now
            yield f"{redacted(flight.task.url.href)} (a request, given up in {max(left, 0):.0f} s)"
        if len(self._flights) > 3:
            yield counted(len(self._flights) - 3, "more request")
        oldest = self._stage.oldest_task() if self._stage is not None else None
        if self._processing and oldest is not None:
            yield f"{redacted(oldest[0].url.href)} (in a worker for {oldest[1]:.0f} s)"
        opens = self._frontier.opens_at(self._now())
        if opens is not None:
            yield f"a host that may be asked in {max(opens - self._now(), 0):.0f} s"
        if self._listening:
            yield "the list of URLs"

    def _give_up(self) -> None:
        """The grace is over: cut what is in the air, leave what is being processed pending."""
        self._stop_by = None
        for flight in self._flights.values():
            flight.abort(errors.new_failure("interrupted", "the run was stopped"))
