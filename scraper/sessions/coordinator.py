"""What works behind a session: its run, the thread that drives it, and the one that delivers."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import Makers
from scraper.errors import LocalFault, new_failure
from scraper.messages import Message
from scraper.runner import Run
from scraper.sessions.claims import Submissions
from scraper.sessions.folder_desk import FolderDesk
from scraper.sessions.futures import Deliverer, Owner
from scraper.sessions.memory import MemoryDesk, MemoryRun
from scraper.sources.source import SCRIPT, Source


class Coordinator:
    """One run after the other, each a pass of the folder if there is one; its loop goes on in a
    thread until nothing more is submitted and all has ended."""

    def __init__(
        self,
        config: Config,
        makers: Makers,
        owner: Owner,
        *,
        refresh: bool,
        max_age: float | None,
    ) -> None:
        self.fault: BaseException | None = None
        self._config = config
        self._makers = makers
        self._refresh = refresh
        self._max_age = max_age
        self.deliverer = Deliverer(owner)
        self.open_run()
        self.deliverer.start()

    def open_run(self) -> None:
        """Begin a run. Raises UsageError, InUse, LocalFault."""
        inbox: SimpleQueue[Message] = SimpleQueue()
        self.submissions = submissions = Submissions()
        makers = replace(self._makers, inbox=lambda: inbox)
        self.run, self.desk = self._make_run(makers, submissions)
        self.run.__enter__()
        self.post = inbox.put
        submissions.open(inbox.put)
        self._thread = threading.Thread(
            target=self._drive,
            name="session-coordinator",
            daemon=True,
        )
        self._thread.start()

    def _make_run(
        self,
        makers: Makers,
        submissions: Submissions,
    ) -> tuple[Run | MemoryRun, FolderDesk | MemoryDesk]:
        config, deliver = self._config, self.deliverer.deliver
        if not config.run.dir:
            memory = MemoryDesk(submissions, deliver)
            return MemoryRun(
                config,
                memory,
                makers,
            ), memory
        desk = FolderDesk(
            submissions,
            deliver,
            self._max_age,
        )
        source = Source(
            "script",
            SCRIPT,
            lambda: iter(()),
            live=True,
        )
        makers = replace(makers, desk=desk)
        return Run(
            [source],
            config,
            refresh=self._refresh,
            makers=makers,
        ), desk

    def _drive(self) -> None:
        """The loop."""
        run, desk = self.run, self.desk
        try:
            for outcome in run:
                desk.resolve(outcome)
        except BaseException as error:  # noqa: BLE001 - every future gets it
            self.fault = error
        try:
            run.close()
        except BaseException as error:  # noqa: BLE001 - as above
            self.fault = self.fault or error
        desk.submissions.close()
        stopped = run.report.stopped or "the session has ended"
        end = self.fault or LocalFault(new_failure("interrupted", stopped))
        desk.fail(end)

    def finish_run(self) -> None:
        """Take nothing more, and wait until all has ended. Raises what has ended the run."""
        self.submissions.close()
        self._thread.join()
        if self.fault is not None:
            raise self.fault

    def join(self) -> None:
        """Wait until all has ended and is delivered; nothing more is submitted."""
        self._thread.join()
        self.deliverer.stop()
        self.deliverer.join()
