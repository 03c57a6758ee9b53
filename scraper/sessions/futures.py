"""The futures of a session, and the thread that resolves them.

They are the standard library's own: what waits for those waits for these. A callback runs on the
one delivery thread, so that one which blocks delays deliveries and nothing else.
"""

from __future__ import annotations

import concurrent.futures
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from scraper.errors import UsageError
from scraper.messages import Asked, Message
from scraper.outcomes.outcome import Outcome
from scraper.recording.life import Listener
from scraper.redaction import redacted_line
from scraper.text import printable

logger = logging.getLogger("scraper.callbacks")

Callback = Callable[["Future"], object]


class Future(concurrent.futures.Future[Outcome]):
    """Resolves to the `Outcome` of `url`, also where that has failed. `cancel` is true until its
    request begins."""

    def __init__(
        self,
        url: str,
        owner: Owner,
    ) -> None:
        super().__init__()
        self.url = url
        self.claim: object = None  # once the coordinator has it
        self.owner = owner
        self._waiters_know = False  # that it was cancelled

    def cancel(self) -> bool:
        """Withdraw the URL, unless its request has begun or another future waits for it."""
        if not super().cancel():
            return False
        with self.owner.lock:
            is_news = not self._waiters_know
            if is_news:
                self._tell_waiters()
        if is_news:
            self.owner.post(Asked(self, "withdrawn"))
        return True

    def begin(self) -> bool:
        """From now on it cannot be cancelled. False if it was."""
        with self.owner.lock:
            if self._waiters_know:
                return False
            return self.running() or self._tell_waiters()

    def _tell_waiters(self) -> bool:
        is_running = self.set_running_or_notify_cancel()
        self._waiters_know = not is_running
        return is_running

    def result(self, timeout: float | None = None) -> Outcome:
        """The outcome. Raises TimeoutError, which harms nothing; CancelledError; LocalFault if the
        session could not go on."""
        self.owner.check_wait(self, timeout)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Why there is no outcome; None if there is one. Raises as `result` does."""
        self.owner.check_wait(self, timeout)
        return super().exception(timeout)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call `fn(future)` when it is done, on the delivery thread; at once, on this one, if it is
        done already. What it raises is logged with the URL and counted."""
        super().add_done_callback(self.owner.guarded(fn))  # type: ignore[arg-type]  # it is called with this one


class Owner:
    """What the futures of one session share: its lock, the counter of what callbacks have raised,
    the way to its coordinator. It does not hold the session: one that is dropped ends."""

    post: Callable[[Message], None]  # once a run is open

    def __init__(self) -> None:
        self.lock = threading.RLock()  # of the step from waiting to running
        self.callback_errors = 0
        self.delivery_thread: threading.Thread | None = None
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Is this the process that has opened the session?"""
        return os.getpid() == self._pid

    def check_process(self) -> None:
        """Raises UsageError in a child that was forked off: the threads are its parent's."""
        if not self.is_here:
            raise UsageError(
                "this session belongs to the process that was forked: open another one here"
            )

    def check_wait(
        self,
        future: Future,
        timeout: float | None,
    ) -> None:
        """Raises UsageError where a wait would never end."""
        if not future.done():
            self.check_process()
        waits_for_itself = threading.current_thread() is self.delivery_thread
        if waits_for_itself and timeout is None and not future.done():
            raise UsageError(
                f"a callback waits for {shown(future)}, which is delivered after it: give that"
                " future a callback of its own"
            )

    def guarded(self, callback: Callback) -> Callback:
        """The callback, whose errors are logged."""

        def call(future: Future) -> None:
            try:
                callback(future)
            except BaseException as error:
                is_ours = threading.current_thread() is self.delivery_thread
                if isinstance(error, KeyboardInterrupt) and not is_ours:
                    raise
                self.note_callback_error(future)

        return call

    def note_callback_error(self, future: Future) -> None:
        """To be called where a callback has raised."""
        with self.lock:
            self.callback_errors += 1
        logger.exception("a callback of %s has raised", shown(future))


def shown(future: Future) -> str:
    """Its URL, fit to be printed."""
    return printable(redacted_line(future.url))


Result = Outcome | BaseException | None


class Deliverer(threading.Thread):
    """Resolves futures, one after the other; then it calls `at_end`."""

    def __init__(
        self,
        owner: Owner,
        at_end: Callable[[], object],
    ) -> None:
        super().__init__(name="session-delivery", daemon=True)
        self._queue: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._at_end = at_end
        owner.delivery_thread = self

    def deliver(
        self,
        futures: Sequence[Future],
        result: Result,
    ) -> None:
        """These have begun, and are over; or, with None, they are not to begin."""
        self._queue.put(partial(resolve, futures, result))

    def teller(self, listener: Listener) -> Listener:
        """What has this called in this thread, in its turn."""
        return lambda event: self._queue.put(partial(listener, event))

    def stop(self) -> None:
        """End, once all that was given is delivered."""
        self._queue.put(None)

    def run(self) -> None:
        while (delivery := self._queue.get()) is not None:
            delivery()
            del delivery  # an outcome lives as long as it is held
        self._at_end()


def resolve(
    futures: Iterable[Future],
    result: Result,
) -> None:
    """Give each of them its result."""
    for future in futures:
        if result is None:
            future.cancel()
        elif isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
