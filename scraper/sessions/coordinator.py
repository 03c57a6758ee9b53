"""What works behind a session: its run, the thread that drives it, and the one that delivers."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from abc import ABC, abstractmethod
from functools import cache, partial
from queue import SimpleQueue

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import Makers
from scraper.errors import LocalFault, UsageError, new_failure
from scraper.messages import InputExhausted, Message
from scraper.runner import Run
from scraper.sessions.claims import Deliver, Submission, Submissions
from scraper.sessions.folder_desk import FolderDesk
from scraper.sessions.futures import Deliverer, Future, Owner, resolve
from scraper.sessions.memory import MemoryDesk, MemoryRun
from scraper.sources.source import SCRIPT, Source
from scraper.storage.due.ages import Ages
from scraper.storage.lock import LockKeeper
from scraper.storage.store import Store

logger = logging.getLogger("scraper.run")
# for what is under way when the interpreter ends, and for callbacks
AT_EXIT_SECONDS = 2.0
_open: set[Coordinator] = set()
_is_ending = threading.Event()  # the interpreter


class Wanted(Struct, frozen=True):
    """What a session is to be."""

    config: Config
    makers: Makers
    refresh: bool = False
    ages: Ages | None = None  # from which on what is known is asked again


class Coordinator(ABC):
    """One run after the other, each a pass of the folder if there is one. Who drives its loop, and
    who delivers, is said by those below."""

    def __init__(
        self,
        wanted: Wanted,
        owner: Owner,
        deliver: Deliver,
    ) -> None:
        if _is_ending.is_set():
            raise UsageError("the interpreter ends: no session opens any more")
        self.fault: BaseException | None = None
        self.ended_early: str | None = None  # by which limit, in words
        self.is_closed = False
        self._wanted = wanted
        self._owner = owner
        self._deliver = deliver
        self._keeper = LockKeeper()
        self._store = partial(Store, keeper=self._keeper)
        self._ending = threading.Lock()  # of the two flags of `open_run`
        self._submissions = Submissions()
        self.open_run()
        _open.add(self)
        _close_at_exit("concurrent.futures.process" in sys.modules)

    # -- its runs -----------------------------------------------------------------------------

    def open_run(self) -> None:
        """Begin a run. Raises UsageError, InUse, LocalFault."""
        inbox: SimpleQueue[Message] = SimpleQueue()
        submissions = self._submissions
        makers = replace(
            self._wanted.makers,
            inbox=lambda: inbox,
            store=self._store,
        )
        self.run, self._desk = self._make_run(makers, submissions)
        try:
            self.run.__enter__()
        finally:
            self._keeper.close()
        self._owner.post = inbox.put
        submissions.open(inbox.put)
        self._goes_on = self._has_ended = False
        self.start()

    def _make_run(
        self,
        makers: Makers,
        submissions: Submissions,
    ) -> tuple[Run | MemoryRun, FolderDesk | MemoryDesk]:
        wanted, config = self._wanted, self._wanted.config
        if not config.run.dir:
            memory = MemoryDesk(submissions, self._deliver)
            return MemoryRun(config, memory, makers), memory
        desk = FolderDesk(submissions, self._deliver, wanted.ages)
        source = Source("script", SCRIPT, lambda: iter(()), live=True)
        makers = replace(makers, desk=desk)
        run = Run([source], config, refresh=wanted.refresh, makers=makers)
        return run, desk

    def drive(self) -> None:
        """The loop, until nothing more is submitted and all has ended; then the end of the run."""
        run, desk = self.run, self._desk
        try:
            for outcome in run:
                desk.resolve(outcome)
                # It lives as long as its future, or who took it from there.
                del outcome
        except BaseException as error:  # noqa: BLE001 - every future gets it
            self.fault = error
        self.ended_early = run.report.stopped
        try:
            run.close()
        except BaseException as error:  # noqa: BLE001 - as above
            self.fault = self.fault or error
        desk.submissions.close()
        why = self.ended_early or "the session has ended"
        desk.fail(self.fault or LocalFault(new_failure("interrupted", why)))
        with self._ending:
            self._has_ended = True
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        with self._ending:
            is_over = self._has_ended and not self._goes_on
        if is_over:
            self.finish()

    def next_run(self) -> None:
        """Wait until all that was submitted has ended, and begin another run, which has what is
        submitted meanwhile. Raises what has ended the old one, or hinders the new one."""
        with self._ending:
            if self._has_ended:
                raise self._refusal()
            self._goes_on = self._keeper.keeps = True
        before, self._submissions = self._submissions, Submissions()
        before.close()
        try:
            self.wait()
            self.check_open()
            self.open_run()
        except BaseException as error:
            self._give_up(error)
            raise

    def _give_up(self, error: BaseException) -> None:
        """There is no next run; the old one may still go on, if the wait for it was interrupted."""
        self._keeper.close()
        self.close()
        if isinstance(error, Exception):
            self.fault = error
        for submission in self._submissions.take():
            if submission.future.begin():
                self._deliver(
                    [submission.future],
                    self._refusal(),
                )
        self._goes_on = False
        self._finish_if_over()

    # -- what it is given ---------------------------------------------------------------------

    def add(self, submission: Submission) -> None:
        """One more. Raises UsageError if the session is closed, or what has ended it."""
        while True:
            submissions = self._submissions
            if submissions.add(submission):
                break
            if submissions is self._submissions:
                raise self._refusal()
        self.work()

    def check_open(self) -> None:
        """Raises UsageError if the session is closed, or what has ended it."""
        if self.fault is not None or self.is_closed:
            raise self._refusal()

    def _refusal(self) -> BaseException:
        if self.fault is not None:
            return self.fault
        if self.ended_early and not self.is_closed:
            return UsageError(f"this session has ended: {self.ended_early}")
        return UsageError("this session is closed: open another one")

    def open_futures(self) -> list[Future]:
        """All that have not ended."""
        return self._desk.open_futures()

    # -- its end ------------------------------------------------------------------------------

    def close(self) -> None:
        """Take nothing more."""
        self.is_closed = True
        self._submissions.close()

    def drop(self) -> None:
        """The session is gone. Takes no lock: the thread here may have it already."""
        self._owner.post(InputExhausted())

    def close_at_exit(self) -> None:
        """Withdraw what has not begun; what is under way, and what is called back, has a moment to
        end. No callback runs here, where it might block the interpreter."""
        if not self._owner.is_here:
            return
        self.run.stop("the interpreter ends", AT_EXIT_SECONDS)
        self.close()
        self._deliver(self.open_futures(), None)
        if not self.join(AT_EXIT_SECONDS):
            logger.error("the interpreter ends while a callback still runs")

    def finish(self) -> None:
        """No run follows."""
        _open.discard(self)

    # -- who does it --------------------------------------------------------------------------

    @abstractmethod
    def start(self) -> None:
        """Have the loop driven."""

    @abstractmethod
    def wait(self) -> None:
        """Until the run is over: nothing more is submitted."""

    @abstractmethod
    def join(self, seconds: float | None = None) -> bool:
        """Until all is delivered, too. False if callbacks take longer than that."""

    @abstractmethod
    def work(self) -> None:
        """Something was submitted."""

    @abstractmethod
    def check_wait(self) -> None:
        """Raises UsageError in a thread that must not wait for the others."""


class ThreadedCoordinator(Coordinator):
    """The loop has a thread of its own, and so have deliveries."""

    def __init__(self, wanted: Wanted, owner: Owner) -> None:
        self._deliverer = Deliverer(owner, super().finish)
        if (listener := wanted.makers.on_event) is not None:
            on_event = self._deliverer.teller(listener)
            makers = replace(wanted.makers, on_event=on_event)
            wanted = replace(wanted, makers=makers)
        super().__init__(wanted, owner, self._deliverer.deliver)
        self._deliverer.start()

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self.drive, name="session-coordinator", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def join(self, seconds: float | None = None) -> bool:
        self._thread.join()
        self._deliverer.join(seconds)
        return not self._deliverer.is_alive()

    def finish(self) -> None:
        self._deliverer.stop()

    def check_wait(self) -> None:
        if threading.current_thread() is self._deliverer:
            raise UsageError(
                "a callback waits for the callbacks behind it: wait in another thread"
            )

    def work(self) -> None:
        """The coordinator's thread has heard of it."""


class InlineCoordinator(Coordinator):
    """Everything happens in the thread that submits: what it gets back has ended."""

    def __init__(self, wanted: Wanted, owner: Owner) -> None:
        self._is_working = False
        super().__init__(wanted, owner, resolve)

    def start(self) -> None:
        """Nothing was submitted yet."""

    def work(self) -> None:
        """Until all has ended that was submitted, also by callbacks meanwhile."""
        if self._is_working:
            return
        self._is_working = True
        try:
            while self.open_futures():
                self._resolve_next()
        finally:
            self._is_working = False

    def _resolve_next(self) -> None:
        try:
            outcome = next(self.run)
        except StopIteration:
            self.drive()  # a limit was reached: it ends at once
            return
        except BaseException as error:
            self.fault = error
            self.drive()
            raise
        self._desk.resolve(outcome)

    def check_wait(self) -> None:
        """There are no others."""

    def wait(self) -> None:
        self.drive()

    def join(self, seconds: float | None = None) -> bool:
        self.drive()
        return True

    def drop(self) -> None:
        if self._owner.is_here:
            self.drive()


@cache
def _close_at_exit(with_processes: bool) -> None:
    """Have the interpreter close what is open when it ends.

    `atexit` comes too late, after all threads were waited for; so the standard executors do the
    same (python/cpython#83993). What is registered last is called first: before them, one of which
    is imported with the first worker processes.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(_close_all)


def _close_all() -> None:
    _is_ending.set()
    for coordinator in list(_open):
        coordinator.close_at_exit()
