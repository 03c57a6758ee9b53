"""Executors that make the requests of a run, other than its own threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from scraper.errors import LocalFault, new_failure


class Borrowed(Executor):
    """An executor that belongs to the script: `shutdown` ends what we have in it, no more.

    What has come to nothing there, because it takes no more work or works elsewhere than in this
    process, fails with a LocalFault.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._changed = threading.Condition()  # guards what follows
        # what has not begun: our future, and theirs
        self._waiting: dict[Future[Any], Future[Any] | None] = {}
        self._running = 0

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """Ours, not that of the executor: what follows from it has ended when its task has."""
        future: Future[Any] = Future()
        self._waiting[future] = None
        try:
            theirs = self._executor.submit(
                self._run, future, partial(fn, *args, **kwargs)
            )
            with self._changed:
                if future in self._waiting:
                    self._waiting[future] = theirs
            theirs.add_done_callback(partial(self._check, future))
        except Exception as error:  # noqa: BLE001  it may raise anything
            self._fail(future, f"takes no work ({_words(error)})")
        return future

    def shutdown(
        self, wait: bool = True, *, cancel_futures: bool = False
    ) -> None:
        """Take back what has not begun, and wait for what has."""
        with self._changed:
            waiting, self._waiting = self._waiting, {}
        for future, theirs in waiting.items():
            future.cancel()
            future.set_running_or_notify_cancel()
            if theirs is not None:
                theirs.cancel()
        if wait:
            with self._changed:
                self._changed.wait_for(lambda: not self._running)

    def _run(self, future: Future[Any], work: Callable[[], Any]) -> None:
        """In a thread of theirs."""
        if not self._take(future, running=1):
            return
        try:
            future.set_running_or_notify_cancel()
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  as every executor does
                future.set_exception(error)
            else:
                future.set_result(result)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _check(self, future: Future[Any], theirs: Future[Any]) -> None:
        """Their future is done: then ours is, if the task ran here."""
        if theirs.cancelled():
            self._fail(future, "has cancelled a request")
        elif (error := theirs.exception()) is not None:
            self._fail(future, f"has not made a request ({_words(error)})")
        else:
            self._fail(future, "runs what it is given in another process")

    def _fail(self, future: Future[Any], fault: str) -> None:
        if not self._take(future):
            return
        message = (
            f"fetch_executor {fault}: it is to run requests in threads of this process, "
            "for as long as the run goes on"
        )
        future.set_running_or_notify_cancel()
        future.set_exception(LocalFault(new_failure("stalled", message)))

    def _take(self, future: Future[Any], running: int = 0) -> bool:
        """Of those who would end what waits, the first one may."""
        with self._changed:
            if future not in self._waiting:
                return False
            del self._waiting[future]
            self._running += running
        return True


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


class InlineExecutor(Executor):
    """Does what it is given at once, in the thread that gives it."""

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """A future that is done. What is no Exception (Ctrl-C) goes on to the caller."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  as every executor does
            future.set_exception(error)
        return future
