"""The process stage without processes: what workers do is done in the calling thread, at once.

For tests and debuggers: an item has as long as it takes, and all the memory there is; what it
prints is printed, and what ends it (Ctrl-C) ends the run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from scraper.errors import UsageError, new_failure
from scraper.messages import Message, Processed
from scraper.model import Publication, Task
from scraper.workers import work
from scraper.workers.work import Limits, Processing, Processor, WorkItem


class InlineStage:
    """Answers each item before `submit` returns."""

    _function: Processor  # once it is started

    has_initializer = False  # that would have to be waited for

    def __init__(
        self,
        processing: Processing,
        post: Callable[[Message], None],
        initialize: Callable[[], object] | None = None,
    ) -> None:
        self.stopping = False
        self._processing = processing
        self._post = post
        self._initialize = initialize
        self._scratch = Path()

    def start(self, scratch: Path) -> None:
        """Import what items need, and call the initializer. Raises UsageError if that fails."""
        scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = scratch
        try:
            self._function = work.function_of(self._processing)
        except Exception as error:
            why = work.describe_error(error)
            raise UsageError(f"nothing can be processed: {why}") from error
        try:
            work.initialize(self._processing)
            if self._initialize is not None:
                self._initialize()
        except Exception as error:
            why = work.describe_error(error)
            raise UsageError(f"initializer fails: {why}") from error

    def submit(self, task: Task, item: WorkItem, size: int) -> None:
        """Process it now."""
        began = time.perf_counter()
        made, failure = work.NOTHING, None
        try:
            made = work.apply(self._function, item)
            failure = made.failure
        except MemoryError:
            message = work.memory_message(Limits(0.0))
            failure = new_failure("process_memory", message)
        except (Exception, SystemExit) as error:  # noqa: BLE001  it may be any function
            failure = work.failure_of(error)
        files = tuple(
            Publication(os.path.relpath(part, self._scratch), final)
            for part, final in made.files
        )
        seconds = time.perf_counter() - began
        self._post(
            Processed(
                task,
                made.facts,
                made.found,
                files,
                failure,
                seconds,
                flags=made.flags,
                fill=made.fill,
                leads=made.leads,
                sketch=made.sketch,
            )
        )

    def check_start(self) -> None:
        """It could be started, so it can work."""

    def oldest_task(self) -> None:
        """Nothing is inside."""

    def recover(self) -> None:
        """Nothing breaks."""

    def watch_workers(self) -> None:
        """There are none."""

    def close(self, now: bool = False) -> None:
        """There is nothing to give back."""
