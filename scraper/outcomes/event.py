"""One step of a URL's life, as listeners get it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from scraper.model import Task
from scraper.redaction import redacted

Step = Literal[
    "asked",
    "redirected",
    "paused",
    "retried",
    "fetched",
    "processing",
    "recorded",
]


class Event(Struct, frozen=True, omit_defaults=True):
    """What a step does not know is None."""

    step: Step
    id: int  # of the URL: the same in every run of a folder
    url: str  # of the record, without secrets
    at: float  # unix time
    attempt: int
    status: int | None = None
    kind: str | None = None  # of the body: page, image, file
    error_kind: str | None = None
    state: str | None = None  # in which it is recorded
    to: str | None = None  # where it was sent on, without secrets
    wait: float | None = None  # seconds

    @property
    def known(self) -> dict[str, object]:
        """What this step knows, by name, beside what every one does."""
        values = {name: getattr(self, name) for name in _OF_SOME}
        return {
            name: value for name, value in values.items() if value is not None
        }


_OF_SOME = (
    "status",
    "kind",
    "error_kind",
    "state",
    "to",
    "wait",
)


def event_of(
    step: Step,
    task: Task,
    at: float,
    *,
    status: int | None = None,
    kind: str | None = None,
    error_kind: str | None = None,
    state: str | None = None,
    to: str | None = None,
    wait: float | None = None,
) -> Event:
    """The step that this task takes."""
    return Event(
        step,
        task.id,
        task.shown_url,
        at,
        task.attempt,
        status,
        kind,
        error_kind,
        state,
        None if to is None else redacted(to),
        None if wait is None else round(max(wait, 0.0), 3),
    )
