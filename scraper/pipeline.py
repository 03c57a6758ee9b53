"""The story: fetch -> callback -> process -> record.

`ThreadPoolExecutor` threads fetch; `add_done_callback` hands each result to the process stage;
this loop, in the caller's thread, owns every piece of state and yields an outcome for each URL
once it is committed. docs/architecture.md follows one URL through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, assert_never

from msgspec import Struct

from scraper import errors
from scraper.desk.desk import Desk
from scraper.errors import LocalFault
from scraper.frontier.frontier import Frontier
from scraper.machine.clock import Clock
from scraper.messages import (
    Answered,
    Asked,
    Inbox,
    InputExhausted,
    LinesReady,
    Message,
    NetworkProbed,
    PoolBroken,
    Processed,
    Stop,
    WorkReturned,
    stop_for,
)
from scraper.model import Task
from scraper.outcomes.outcome import Outcome
from scraper.redaction import redacted
from scraper.results import Handover, Results
from scraper.supervision import (
    Flights,
    Intervals,
    Network,
    RunLimits,
    RunTotals,
    Watchdog,
)
from scraper.text import clock_text

if TYPE_CHECKING:
    from scraper.http.fetcher import AnyFetcher
    from scraper.recording.life import Life
    from scraper.recording.recorder import Recorder
    from scraper.workers.work import Stage

MAX_AT_ONCE = 8  # requests that begin before the loop sees what has come


class Parts(Struct, frozen=True):
    """What a run is made of, each part ready for use."""

    frontier: Frontier
    fetcher: AnyFetcher
    stage: Stage | None
    journal: Recorder
    desk: Desk
    handover: Handover
    inbox: Inbox
    threads: Executor
    flights: Flights
    network: Network
    life: Life
    now: Clock  # unix seconds that never jump
    seconds_used: Clock  # of the processor, by this process

    def oldest_work(self) -> tuple[Task, float] | None:
        """The task whose body the workers have had longest, and for how many seconds."""
        return None if self.stage is None else self.stage.oldest_task()


class Pipeline:
    """One run of one pass. Iterate over `outcomes()` once, then `close()`."""

    def __init__(
        self, parts: Parts, limits: RunLimits, window: int, intervals: Intervals
    ) -> None:
        self.stopped: Stop | None = None
        self._parts = parts
        self._limits = limits
        self._window = window
        self._intervals = intervals
        self._journal = parts.journal
        self._flights = parts.flights
        self.network = parts.network
        self._results = Results(
            parts.frontier,
            parts.journal,
            parts.handover,
            parts.network,
            parts.life,
        )
        self._watchdog = Watchdog(intervals.stall, parts.now)
        self._began = parts.now()
        self._failed_before = parts.journal.report.asked_and_failed
        self._delivered = 0  # outcomes of this run
        self._list_is_open = True  # more URLs may come from it
        self._list_error: BaseException | None = None
        self._grace_until: float | None = None
        self._may_request = False  # more, at once
        self._is_first_look = True  # at what is too old

    # -- the loop -----------------------------------------------------------------------------

    def outcomes(self) -> Iterator[Outcome]:
        """What the desk gives of the outcomes, once they are committed. Ends when nothing is left
        to do."""
        parts = self._parts
        parts.desk.start()
        while not self._has_ended():
            self._fill_window()
            parts.frontier.crew.look(parts.now(), parts.seconds_used)
            self._check_network()
            self._look_ahead()
            for message in self._messages():
                self._receive(message)
                self._watchdog.note_event()
            self._results.settle_found()
            self._take_overdue()
            yield from parts.desk.from_folder()
            self._end_overdue()
            self._check_for_stall()
            self._check_limits()
            if self._commit_is_due():
                yield from self._commit()
        yield from self._commit()
        if self.finished:
            yield from parts.desk.at_the_end()
        if self._list_error is not None:
            raise self._list_error

    def _fill_window(self) -> None:
        """Request what may be requested now; not so much that answers wait for long meanwhile."""
        room = min(self._room(), MAX_AT_ONCE)
        self._may_request = room > 0 and all(
            self._hand_out_next() for _ in range(room)
        )

    def _hand_out_next(self) -> bool:
        """Request one URL, or record why not; False if none may be requested now."""
        parts = self._parts
        decision = parts.frontier.next(parts.now())
        if decision is None:
            return False
        self._watchdog.note_event()
        if not parts.desk.begins(decision.task):
            parts.frontier.withdrawals.take_back(decision.task)
            return True
        if decision.refusal is not None:
            self._results.record_refused(decision.task, decision.refusal)
            return True
        parts.life.asked(decision.task)
        flight = self._flights.add(decision.task, decision.trust)
        future = parts.threads.submit(parts.fetcher.fetch, flight)
        future.add_done_callback(partial(parts.handover.hand_over, flight))
        return True

    def _take_overdue(self) -> None:
        """What pages lead to has ages of its own: what is too old is known when the list is read,
        and when nothing else is left."""
        is_time = self.finished or (self.list_has_ended and self._is_first_look)
        if is_time and self.stopped is None:
            self._is_first_look = False
            self._parts.frontier.rows_added(self._parts.desk.take_overdue())
        if self.finished and self.stopped is None:
            self._results.settle_rest()

    def _messages(self) -> Iterator[Message]:
        """What has come, after waiting for it if nothing has."""
        inbox = self._parts.inbox
        try:
            yield inbox.get(timeout=self._seconds_to_wait())
            # Not until it is empty: while a long list is read it never is.
            for _ in range(inbox.qsize()):
                yield inbox.get_nowait()
        except Empty:
            return

    def _receive(self, message: Message) -> None:
        parts = self._parts
        match message:
            case Answered():
                if self._flights.remove(message.request_id):
                    fault = self._results.take_answer(message)
                    self._stop(stop_for(fault))
            case Processed():
                self._stop(stop_for(self._results.take_processed(message)))
            case LinesReady():
                parts.frontier.rows_added(parts.desk.take())
            case Asked():
                aborted = parts.desk.change(message, parts.frontier)
                if aborted is not None:
                    self._results.record_aborted(aborted)
            case InputExhausted():
                self._list_is_open = False
                self._list_error = message.error
                parts.frontier.parking.end_list()
                if message.error is not None:
                    why = f"reading the list failed: {message.error}"
                    self._stop(Stop(why, grace=0.0))
            case WorkReturned():
                self._results.take_back(message.task)
            case PoolBroken():
                assert parts.stage is not None, "only a stage has pools"
                parts.stage.recover()
            case NetworkProbed():
                ready = self.network.take_probe(message)
                self._stop(stop_for(self._results.judge(ready)))
            case Stop():
                self._stop(message)
            case _:
                assert_never(message)

    def _check_network(self) -> None:
        """Judge what waited to be judged, if it is time; end if the network is gone for good."""
        ready = self.network.check(idle=not self._flights)
        fault = self._results.judge(ready) or self.network.fault
        self._stop(stop_for(fault))

    def _commit(self) -> Iterator[Outcome]:
        self._results.settle_found()
        self.network.keep_places()
        outcomes = self._journal.commit()
        self._delivered += len(outcomes)
        self._parts.life.recorded(outcomes)
        yield from self._parts.desk.of_commit(outcomes)

    def close(self) -> bool:
        """Give all back; what is under way is aborted and stays pending. False if a thread is
        stuck in a request or in reading the list."""
        is_read = self._parts.desk.stop()
        self._flights.abort_all()
        self._parts.threads.shutdown(
            wait=not self._flights.lost, cancel_futures=True
        )
        self._parts.fetcher.close()
        return not self._flights.lost and is_read

    # -- how full, how long, whether it is over -----------------------------------------------

    def _room(self) -> int:
        """How many URLs may be handed out now."""
        quiet = self._parts.frontier.new_hosts.count_quiet(self._parts.now())
        if self.stopped is not None or self.network.is_frozen:
            return 0
        in_flight = self._in_flight()
        return min(
            # What is quiet holds a thread, and nothing else.
            self._window - in_flight + quiet,
            self._flights.free_threads,
            self._limits.urls_left(self._delivered + in_flight),
        )

    def _opens_at(self) -> float | None:
        """When a clock permits more."""
        frontier = self._parts.frontier
        if self._room() > 0:
            return frontier.opens_at()
        return frontier.new_hosts.quiet_at()

    def _in_flight(self) -> int:
        """How many URLs are: from handing out to commit, or to the return to their lane."""
        return (
            len(self._flights)
            + self.network.held
            + self._results.processing
            + self._journal.uncommitted
        )

    def _is_quiet(self) -> bool:
        return self._in_flight() == self._journal.uncommitted

    def _seconds_to_wait(self) -> float:
        """How long there is nothing to do but wait for a message."""
        over = self.stopped or self._url_limit_is_reached() or self.finished
        is_over = self._is_quiet() and (self._journal.uncommitted or over)
        if is_over or self._may_request:
            return 0.0
        now = self._parts.now()
        opens = self._opens_at()
        commit_due = self._journal.due_at(now)
        ends = self._grace_until
        if self.stopped is None:
            ends = self._limits.ends_at(self._began)
        seconds = self._intervals.tick
        probe_due = self.network.next_clock()
        deadline = self._flights.next_deadline()
        for at in (opens, commit_due, probe_due, deadline, ends):
            if at is not None:
                seconds = min(seconds, at - now)
        return max(seconds, 0.0)

    def _commit_is_due(self) -> bool:
        now, journal = self._parts.now(), self._journal
        due = journal.due_at(now)
        if due is None:
            return False
        # Also without an outcome: a kill must not shorten a pause that has just begun.
        if due <= now or (self._is_quiet() and self._parts.inbox.empty()):
            return True
        full = self._in_flight() >= self._window >= 2 * self._results.processing
        return full and journal.uncommitted > 0  # who would fetch is waiting

    def _has_ended(self) -> bool:
        if self._journal.uncommitted or not self._is_quiet():
            return self.stopped is not None and self._grace_until is None
        return self.stopped is not None or self.finished

    @property
    def finished(self) -> bool:
        """The pass is over: no more will come, and nothing waits or is under way."""
        if self._list_is_open or not self._is_quiet():
            return False
        if self._parts.frontier.finished:
            return True
        # With max_urls reached the frontier is asked no more: the ledger knows.
        return (
            self._url_limit_is_reached() and not self._journal.count_pending()
        )

    @property
    def list_has_ended(self) -> bool:
        """The whole list was read, without an error."""
        return not self._list_is_open and self._list_error is None

    @property
    def nothing_is_left(self) -> bool:
        """However it ended: the list was read, and nothing waits or is under way."""
        return (
            self.list_has_ended
            and self._is_quiet()
            and not self._journal.count_pending()
        )

    def _url_limit_is_reached(self) -> bool:
        return self._limits.urls_left(self._delivered) <= 0

    # -- stopping, and what watches -----------------------------------------------------------

    def _stop(self, stop: Stop | None) -> None:
        """If that is a reason: hand out nothing more, and end when the grace is over."""
        if stop is None:
            return
        if self.stopped is None:
            self.stopped = stop
            self.network.stop()
            if self._parts.stage is not None:
                self._parts.stage.stopping = True
        until = self._parts.now() + stop.grace
        self._grace_until = min(until, self._grace_until or until)

    def _check_limits(self) -> None:
        """If a limit of the run is reached, end cleanly, to be continued."""
        if self.stopped is not None:
            return
        report, unix_now = self._journal.report, self._parts.now()
        totals = RunTotals(
            seconds=unix_now - self._began,
            received_bytes=self._results.received_bytes,
            delivered=self._delivered,
            recorded=self._delivered + self._journal.uncommitted,
            failed=report.asked_and_failed - self._failed_before,
            waits_from=unix_now,
            waits_until=self._waits_until(unix_now),
        )
        reason = self._limits.reached(totals)
        if reason is not None and not self.finished:
            self._stop(Stop(reason, grace=self._limits.grace_seconds))

    def _waits_until(self, unix_now: float) -> float:
        """When anything may happen again, where nothing is under way and the list is read."""
        if self._list_is_open or self._in_flight():
            return unix_now
        return self._parts.frontier.opens_at() or unix_now

    def _end_overdue(self) -> None:
        """Abort what takes too long; leave pending what is not done when the grace is over."""
        now = self._parts.now()
        given_up = []
        if self._grace_until is not None and now >= self._grace_until:
            self._grace_until = None
            given_up = self._flights.abort_all()
        for flight in (*given_up, *self._flights.abort_overdue(now)):
            fact = flight.to_failed(now)
            self._receive(Answered(flight.request_id, fact, now, flight.began))
        if self._flights.all_threads_lost:
            why = errors.new_failure(
                "stalled", "every fetch thread hangs: the disk, most likely"
            )
            self._stop(Stop(why.message, grace=0.0, failure=why))
        if self._parts.stage is not None:
            self._parts.stage.watch_workers()

    def _look_ahead(self) -> None:
        """See what the run waits for, and say what politeness will cost."""
        now = self._parts.now()
        for text in self._parts.frontier.outlook.look(
            now,
            nothing_moves=self._is_quiet() or self._watchdog.is_still(now),
            list_is_read=not self._list_is_open,
        ):
            self._journal.note(text)

    def _check_for_stall(self) -> None:
        """Say what the run waits for when nothing has happened for a while; end what cannot end."""
        now = self._parts.now()
        silent = self._watchdog.stalled_seconds(now)
        if silent is None:
            return
        waits = list(self._waits(now))
        if not waits and self._list_is_open:
            return  # a script submits its next URL when it likes
        self._journal.note(
            f"nothing for {silent:.0f} s; waiting for {'; '.join(waits) or '?'}"
        )
        if not waits and not self._has_ended():
            reason = "nothing is under way and nothing will open: a fault of this program"
            raise LocalFault(errors.new_failure("stalled", reason))
        oldest = self._parts.oldest_work()
        too_long = self._flights.seconds + self._intervals.stall
        if oldest is not None and oldest[1] > too_long:
            # Neither the worker's own alarm nor its killing has brought an answer.
            message = f"no answer from a worker in {oldest[1]:.0f} s"
            why = errors.new_failure("process_timeout", message)
            self._receive(Processed(oldest[0], b"{}", failure=why))

    def _waits(self, now: float) -> Iterator[str]:
        yield from self._flights.describe(now)
        oldest = self._parts.oldest_work()
        if self._results.processing and oldest is not None:
            yield f"{redacted(oldest[0].url.href)} (in a worker for {oldest[1]:.0f} s)"
        opens = self._parts.frontier.opens_at()
        if self.network.held:
            yield self.network.waiting or "a sign that the network is there"
        elif opens is not None:
            in_words = self._parts.frontier.outlook.describe(now)
            yield in_words or f"what may be asked at {clock_text(opens)}"
        if self._list_is_open and self._parts.desk.awaits:
            yield self._parts.desk.awaits
