"""What a fact means for its URL: it goes on to a worker, follows a redirect, is tried again, or
ends as an outcome in the journal. `Handover.hand_over` is the callback on the fetch thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from scraper.errors import failure_of, new_failure
from scraper.frontier.frontier import Frontier
from scraper.http.flight import Flight
from scraper.local.addresses import SCHEME
from scraper.machine.clock import Clock
from scraper.messages import Answered, Inbox, Processed
from scraper.model import Fact, Failure, Fetched, FetchFailed, Moved, Task
from scraper.recording.made import is_made_alike
from scraper.storage.file_names import processed_prefix
from scraper.supervision import Network
from scraper.urls import (
    canonical,
    file_path_of,
    with_credentials_of,
    without_credentials,
)

if TYPE_CHECKING:
    from scraper.recording.judging import Answer
    from scraper.recording.life import Life
    from scraper.recording.recorder import Recorder

    # A run that only saves has no workers, and does not load them.
    from scraper.workers.work import Stage, WorkItem

ABORTED = new_failure("aborted", "the script has aborted it")


class PartStore(Protocol):
    """Where bodies are kept that are not recorded yet."""

    parts: Path
    hidden: Path

    def part(self, name: str) -> str: ...


class Handover:
    """What happens to a fact on the thread that has fetched it: it is posted, and a body that is
    to be processed goes on to the worker processes. No state of its own."""

    def __init__(self, inbox: Inbox, now: Clock, journal: Recorder, store: PartStore,
                 stage: Stage | None, wanted: Callable[[str, str], bool],) -> None:  # fmt: skip
        self._inbox = inbox
        self._now = now
        self._journal = journal
        self._store = store
        self._stage = stage
        self._is_wanted = wanted  # a type and URL of kind `file`

    def hand_over(
        self,
        flight: Flight,
        future: Future[Fact],
    ) -> None:
        """Runs on the thread that finished: short, never raises, never blocks.

        The fact is posted before the body goes on, so it is known when its result comes.
        """
        if future.cancelled():
            return
        error, at = future.exception(), self._now()
        if error is None:
            fact = self._without_known(future.result())
        else:
            # Fetching raises nothing: the executor of a script has failed.
            task, failure = flight.task, failure_of(error)
            fact = FetchFailed(task, failure, task.url, at)
        self._inbox.put(Answered(flight.request_id, fact, at, flight.began))
        if isinstance(fact, Fetched) and self.needs_work(fact):
            self._submit(fact)

    def look_again(self, fetched: Fetched) -> bool:
        """The coordinator alone asks: must this page be processed though it is what it was? Then
        it goes to the process stage."""
        if self._stage is None or not self._journal.judging.looks_again(
            fetched
        ):
            return False
        self._submit(fetched)
        return True

    def _submit(self, fetched: Fetched) -> None:
        assert self._stage is not None, "there is one if there is work"
        item = self._work_item(fetched)
        self._stage.submit(fetched.task, item, fetched.bytes)

    def _without_known(self, fact: Fact) -> Fact:
        """A body that an earlier pass has brought, byte for byte, is not kept once more."""
        if not isinstance(fact, Fetched) or fact.part is None:
            return fact
        if not self._journal.publisher.keeps(fact):
            return fact
        with suppress(OSError):  # else it goes with the run
            self.drop_body(fact)
        return replace(fact, part=None, has_known_bytes=True)

    def needs_work(self, fetched: Fetched) -> bool:
        """Is there something to process? Not in most files, nor in what was processed the same
        way."""
        if self._stage is None:
            return False
        stored = fetched.task.stored if fetched.is_unchanged else None
        if stored is None or stored.process_hash is None:
            return fetched.kind != "file" or self._is_wanted(
                fetched.type, fetched.url.href
            )
        if stored.path is None:
            return False  # what was left out, and is not there
        hash = self._journal.process_hash(fetched.kind)
        if not is_made_alike(stored.process_hash, hash):
            return True
        if fetched.kind != "image":
            return False
        return not self._journal.publisher.has_variants(fetched.task)

    def drop_body(self, fetched: Fetched) -> None:
        """A body is of no use: it goes, if this request has brought it."""
        if fetched.part:
            Path(self._store.part(fetched.part)).unlink(missing_ok=True)

    def _work_item(self, fetched: Fetched) -> WorkItem:
        from scraper.workers.work import JUDGED_BY, WorkItem

        task = fetched.task
        return WorkItem(
            kind=fetched.kind,
            path=self._path_of(fetched),
            url=without_credentials(fetched.url.href),
            charset=fetched.charset,
            out=self._store.part(f"{task.id}-{task.attempt}-{len(task.hops)}"),
            final=processed_prefix(self._journal.publisher.place_of(fetched)),
            asked=without_credentials(task.origin_url.href)
            if task.hops
            else "",
            headers=tuple(
                header for header in fetched.headers if header[0] in JUDGED_BY
            ),
            type=fetched.type,
            may_send_on=fetched.url.scheme != SCHEME,
        )

    def _path_of(self, fetched: Fetched) -> str:
        """Where the body is read."""
        task = fetched.task
        if fetched.url.scheme == SCHEME:
            return file_path_of(fetched.url.href)
        if fetched.part:
            return self._store.part(fetched.part)
        assert task.stored is not None, (
            "no part was written, so there is a body from before"
        )
        assert task.stored.path is not None, "and it has a place"
        return str(self._store.hidden.parent / task.stored.path)


class Results:
    """Takes what has come of each URL, in the coordinator's thread.

    A method returns the failure if this machine is at fault: then the URL stays pending, and the
    run is to stop.
    """

    def __init__(
        self,
        frontier: Frontier,
        journal: Recorder,
        handover: Handover,
        network: Network,
        life: Life,
    ) -> None:
        self.received_bytes = 0  # of bodies in this run, recorded yet or not
        self._frontier = frontier
        self._journal = journal
        self._network = network
        self._life = life
        self._needs_work = handover.needs_work
        self._look_again = handover.look_again
        self._drop_body = handover.drop_body
        self._processing: dict[int, Fetched] = {}

    @property
    def processing(self) -> int:
        """How many bodies the worker processes have."""
        return len(self._processing)

    def take_answer(self, answered: Answered) -> Failure | None:
        """What a request has come to."""
        fact = answered.fact
        report = self._journal.report
        report.requests += 1
        self.received_bytes += fact.wire_bytes
        if not isinstance(fact, Fetched):  # its bytes count with its record
            report.wire_bytes += fact.wire_bytes
        return self.judge(self._network.sift(answered))

    def judge(self, ready: Iterable[Answered]) -> Failure | None:
        """What this means for the URLs and their hosts."""
        fault = None
        for each in ready:
            fault = self._judge(each) or fault
        return fault

    def _judge(self, answered: Answered) -> Failure | None:
        fact = answered.fact
        if fact.task.purpose == "robots":
            # The delay that it asks for counts from this answer on.
            self._frontier.robots.receive(fact, answered.at)
            self._end_request(answered)
            return _fault_in(fact)
        self._end_request(answered)
        return self._take_fact(fact, answered.at)

    def _end_request(self, answered: Answered) -> None:
        fact, at = answered.fact, answered.at
        opens = self._frontier.request_ended(fact, at, answered.began)
        if isinstance(fact, FetchFailed) and fact.failure.blame == "host":
            self._life.paused(fact, opens - at)
        outlook = self._frontier.outlook
        if outlook.news:
            for text in outlook.take_news():
                self._journal.note(text, logging.INFO)

    def _take_fact(
        self,
        fact: Fact,
        at: float,
    ) -> Failure | None:
        match fact:
            case Fetched():
                self._life.fetched(fact)
                if self._needs_work(fact) or self._look_again(fact):
                    self._life.processing(fact)
                    self._processing[fact.task.id] = fact
                else:
                    self._record_fetched(fact, None)
            case Moved():
                self._follow(fact, at)
            case FetchFailed():
                return self._take_failure(fact, at)
        return None

    def _follow(self, moved: Moved, at: float) -> None:
        problem = self._frontier.follow_redirect(moved, at)
        if problem is None:
            self._life.redirected(moved)
        else:
            self._record_failed(FetchFailed(moved.task, problem, moved.to, at))

    def _take_failure(
        self,
        failed: FetchFailed,
        at: float,
    ) -> Failure | None:
        fault = _fault_in(failed)
        if fault is not None:
            self._frontier.requeue_unattempted(failed.task)
            return fault
        end = self._frontier.take_failure(failed, at)
        if isinstance(end, FetchFailed):
            self._record_failed(end)
        else:
            self._life.retried(failed, end.due - at)
        return None

    def take_processed(self, processed: Processed) -> Failure | None:
        """What a worker process has made of a body."""
        task, failure = processed.task, processed.failure
        fetched = self._processing.get(task.id)
        if fetched is None or fetched.task != task:
            return None  # the result of a flight that was given up
        del self._processing[task.id]
        if processed.printed:
            self._journal.note_printed(task, processed.printed)
        if failure is not None and failure.blame == "here":
            self._frontier.requeue_unattempted(task)
            return failure
        moved = hop_of(fetched, processed)
        if moved is None:
            self._record_fetched(fetched, processed)
        else:
            self._drop_body(fetched)
            self._journal.report.wire_bytes += fetched.wire_bytes
            self._follow(moved, fetched.at)
        return None

    def take_back(self, task: Task) -> None:
        """A body was not processed: its URL stays pending."""
        self._processing.pop(task.id, None)
        self._frontier.requeue_unattempted(task)

    def _record_fetched(
        self,
        fetched: Fetched,
        processed: Processed | None,
    ) -> None:
        decided = self._journal.judging.decide(fetched, processed)
        if decided is not None:
            self._record_decided(decided, processed)
        self._frontier.release(fetched.task)

    def _record_decided(
        self,
        fetched: Fetched,
        processed: Processed | None,
    ) -> None:
        traps = self._frontier.traps
        if traps is not None and processed is not None:
            traps.learn(fetched, processed.sketch, processed.flags)
        self._frontier.rows_added(
            self._journal.record_fetched(fetched, processed)
        )

    def settle_found(self) -> None:
        """Let the frontier know of what pages lead to that were recorded meanwhile."""
        gaining = self._journal.settle_found()
        if gaining:
            self._frontier.rows_added(gaining)
        self._record_all(self._journal.judging.take_decided())

    def settle_rest(self) -> None:
        """Nothing else is left: what has not been decided so far is what it is."""
        self._record_all(self._journal.judging.take_rest())

    def _record_all(self, answers: Iterable[Answer]) -> None:
        for fetched, processed in answers:
            self._record_decided(fetched, processed)

    def record_refused(
        self,
        task: Task,
        refusal: Failure | FetchFailed,
    ) -> None:
        """A rule says that this URL is not to be requested, or not again."""
        if isinstance(refusal, FetchFailed):
            self._record_failed(refusal)
            return
        self._journal.record_refused(task, refusal)
        self._frontier.release(task)

    def record_aborted(self, task: Task) -> None:
        """A task that has left its lane is not to be requested any more."""
        self._journal.record_refused(task, ABORTED)
        self._frontier.withdrawals.settle(task.url.lane)

    def _record_failed(self, failed: FetchFailed) -> None:
        self._journal.record_failed(failed)
        self._frontier.release(failed.task)


def hop_of(fetched: Fetched, processed: Processed) -> Moved | None:
    """The hop that a page is which sends its reader on."""
    url = processed.sends_on
    if url is None:
        return None
    task = fetched.task
    to = with_credentials_of(task.url, canonical(url))
    return Moved(task, to, fetched.status, fetched.at, fetched.pause)


def _fault_in(fact: Fact) -> Failure | None:
    """The failure, if this machine is to blame for it."""
    if isinstance(fact, FetchFailed) and fact.failure.blame == "here":
        return fact.failure
    return None
