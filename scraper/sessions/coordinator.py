"""What works behind a session: its run, the thread that drives it, and the one that delivers."""

from __future__ import annotations

import threading
from functools import partial
from queue import SimpleQueue

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import Makers
from scraper.errors import LocalFault, UsageError, new_failure
from scraper.messages import Message
from scraper.runner import Run
from scraper.sessions.claims import Deliver, Submissions
from scraper.sessions.folder_desk import FolderDesk
from scraper.sessions.futures import Deliverer, Owner, resolve
from scraper.sessions.memory import MemoryDesk, MemoryRun
from scraper.sources.source import SCRIPT, Source
from scraper.storage.lock import LockKeeper
from scraper.storage.store import Store


class Wanted(Struct, frozen=True):
    """What a session is to be."""

    config: Config
    makers: Makers
    refresh: bool = False
    max_age: float | None = None  # seconds


class Coordinator:
    """One run after the other, each a pass of the folder if there is one. Who drives its loop, and
    who delivers, is said by those below."""

    def __init__(self, wanted: Wanted, deliver: Deliver) -> None:
        self.fault: BaseException | None = None
        self.ended_early: str | None = None  # by which limit, in words
        self._wanted = wanted
        self._deliver = deliver
        self._keeper = LockKeeper()
        self._store = partial(Store, keeper=self._keeper)
        self.open_run()

    def open_run(self) -> None:
        """Begin a run. Raises UsageError, InUse, LocalFault."""
        inbox: SimpleQueue[Message] = SimpleQueue()
        self.submissions = submissions = Submissions()
        makers = replace(
            self._wanted.makers,
            inbox=lambda: inbox,
            store=self._store,
        )
        self.run, self.desk = self._make_run(makers, submissions)
        try:
            self.run.__enter__()
        finally:
            self._keeper.close()
        self.post = inbox.put
        submissions.open(inbox.put)
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
        desk = FolderDesk(submissions, self._deliver, wanted.max_age)
        source = Source("script", SCRIPT, lambda: iter(()), live=True)
        makers = replace(makers, desk=desk)
        run = Run([source], config, refresh=wanted.refresh, makers=makers)
        return run, desk

    def drive(self) -> None:
        """The loop, until nothing more is submitted and all has ended; then the end of the run."""
        run, desk = self.run, self.desk
        try:
            for outcome in run:
                desk.resolve(outcome)
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

    def next_run(self) -> None:
        """Take nothing more, wait until all has ended, and begin another run. Raises what has ended
        the run."""
        self._keeper.keeps = True
        self.submissions.close()
        self.wait()
        if self.fault is not None:
            self._keeper.close()
            raise self.fault
        self.open_run()

    def start(self) -> None:
        """Have the loop driven."""
        raise NotImplementedError

    def wait(self) -> None:
        """Until the run is over: nothing more is submitted."""
        raise NotImplementedError

    def join(self) -> None:
        """Until all is delivered, too."""
        raise NotImplementedError

    def work(self) -> None:
        """Something was submitted."""

    def check_wait(self) -> None:
        """Raises UsageError in a thread that must not wait for the others."""


class ThreadedCoordinator(Coordinator):
    """The loop has a thread of its own, and so have deliveries."""

    def __init__(self, wanted: Wanted, owner: Owner) -> None:
        self._deliverer = Deliverer(owner)
        super().__init__(wanted, self._deliverer.deliver)
        self._deliverer.start()

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self.drive, name="session-coordinator", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def join(self) -> None:
        self._thread.join()
        self._deliverer.stop()
        self._deliverer.join()

    def check_wait(self) -> None:
        if threading.current_thread() is self._deliverer:
            raise UsageError(
                "a callback waits for the callbacks behind it: wait in another thread"
            )


class InlineCoordinator(Coordinator):
    """Everything happens in the thread that submits: what it gets back has ended."""

    def __init__(self, wanted: Wanted, owner: Owner) -> None:
        self._is_working = False
        super().__init__(wanted, resolve)

    def start(self) -> None:
        """Nothing was submitted yet."""

    def work(self) -> None:
        """Until all has ended that was submitted, also by callbacks meanwhile."""
        if self._is_working:
            return
        self._is_working = True
        try:
            while self.desk.open_futures():
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
        self.desk.resolve(outcome)

    def wait(self) -> None:
        self.drive()

    def join(self) -> None:
        self.drive()
