"""Whether and when a failed request is made again. Pure: the time and the dice are handed in."""

from __future__ import annotations

import random

from msgspec.structs import replace

from scraper.config import FetchSettings
from scraper.model import FetchFailed, Waiting

MAX_BACKOFF_SECONDS = 300.0


def next_try(
    failed: FetchFailed,
    now: float,
    fetch: FetchSettings,
    patience: float,
    draw: random.Random,
) -> Waiting | None:
    """The task and when it is due again; None if its failure is its last word.

    A failure is final if it would not pass, if no retry is left, or if the answer asks for a pause
    that is longer than `patience`.
    """
    task, failure = failed.task, failed.failure
    if not failure.retryable or task.attempt > fetch.retries:
        return None
    pause = failure.pause or 0.0
    if pause > patience:
        return None
    started = task.started or failed.at - failed.timings.fetch
    due = now + max(backoff(task.attempt, fetch, draw), pause)
    return Waiting(replace(task, started=started), due)


def backoff(
    failures: int,
    fetch: FetchSettings,
    draw: random.Random,
) -> float:
    """Seconds to pause after so many failures: exponential, with jitter in the upper half."""
    ceiling = backoff_ceiling(failures, fetch)
    return ceiling / 2 + draw.uniform(0, ceiling / 2)


def backoff_ceiling(failures: int, fetch: FetchSettings) -> float:
    """The longest pause after so many failures, in seconds."""
    doubled = 2.0 ** min(max(failures - 1, 0), 32)
    return min(fetch.retry_wait_seconds * doubled, MAX_BACKOFF_SECONDS)
