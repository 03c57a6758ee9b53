"""The life of each URL, step by step, for those who listen; without listeners no step is made."""

from __future__ import annotations

import inspect
import logging
import reprlib
from collections.abc import Callable, Sequence
from typing import Any

from scraper.errors import UsageError
from scraper.machine.clock import Clock
from scraper.model import Failure, Fetched, FetchFailed, Moved, Task
from scraper.outcomes.event import Event, Step, event_of
from scraper.outcomes.outcome import Outcome
from scraper.redaction import redacted_message
from scraper.text import printable

logger = logging.getLogger("scraper.callbacks")

Listener = Callable[[Event], object]


class Life:
    """Calls `listeners`, each in its turn, in the thread of the loop."""

    def __init__(self, listeners: Sequence[Listener], now: Clock) -> None:
        self._listeners = tuple(listeners)
        self._now = now

    def asked(self, task: Task) -> None:
        """Its request is handed out."""
        if self._listeners:
            self._tell("asked", task)

    def redirected(self, moved: Moved) -> None:
        """It is asked elsewhere next."""
        if self._listeners:
            self._tell(
                "redirected",
                moved.task,
                status=moved.status,
                to=moved.to.href,
            )

    def paused(self, failed: FetchFailed, seconds: float) -> None:
        """Its host has refused it, and is left alone for so long."""
        if self._listeners:
            self._tell_failure("paused", failed.task, failed.failure, seconds)

    def retried(self, failed: FetchFailed, seconds: float) -> None:
        """It waits for its next request, for so long at least."""
        if self._listeners:
            self._tell_failure("retried", failed.task, failed.failure, seconds)

    def fetched(self, fetched: Fetched) -> None:
        """Its body is here, or known to be the old one."""
        if self._listeners:
            self._tell(
                "fetched",
                fetched.task,
                status=fetched.status,
                kind=fetched.kind,
            )

    def processing(self, fetched: Fetched) -> None:
        """A worker has its body."""
        if self._listeners:
            self._tell("processing", fetched.task, kind=fetched.kind)

    def recorded(self, outcomes: Sequence[Outcome]) -> None:
        """What they have come to is committed."""
        if not self._listeners:
            return
        for each in outcomes:
            failure, fetched = each.failure, each.fetched
            status = fetched.status if fetched else None
            self._tell(
                "recorded",
                each.task,
                state=each.state,
                status=failure.status if failure and not fetched else status,
                kind=fetched.kind if fetched else None,
                error_kind=failure.kind if failure else None,
            )

    def _tell_failure(
        self,
        step: Step,
        task: Task,
        failure: Failure,
        seconds: float,
    ) -> None:
        self._tell(
            step,
            task,
            status=failure.status,
            error_kind=failure.kind,
            wait=seconds,
        )

    def _tell(self, step: Step, task: Task, **known: Any) -> None:
        if task.purpose == "robots":
            return  # no URL of the user's
        event = event_of(step, task, self._now(), **known)
        for listener in self._listeners:
            listener(event)


class Guarded:
    """A function of the user's: the first time that it raises is said, and harms nothing."""

    def __init__(self, function: Listener) -> None:
        self._function = function
        self._has_raised = False

    def __call__(self, event: Event) -> None:
        try:
            self._function(event)
        except Exception as error:  # noqa: BLE001 - whatever a user's function may raise
            if not self._has_raised:
                self._has_raised = True
                logger.warning(
                    "on_event raised %s at %r of %s: the run goes on, and this is said once",
                    printable(
                        redacted_message(f"{type(error).__name__}: {error}")
                    ),
                    event.step,
                    printable(event.url),
                )


def check_listener(function: object) -> None:
    """Raises UsageError if it could not take an event."""
    if not callable(function):
        raise UsageError(
            f"on_event = {reprlib.repr(function)} is no function: give one that takes an event, "
            "such as print"
        )
    if inspect.iscoroutinefunction(function):
        raise UsageError(
            "on_event is an async function, which no loop would wait for: write it with `def`"
        )
    try:
        signature = inspect.signature(function)
    except ValueError:  # one of C may have none
        return
    try:
        signature.bind("event")
    except TypeError:
        raise UsageError(
            f"on_event takes {signature}, and is called with (event): write `def on_event(event)`"
        ) from None
