"""Whether and when a failed request is made again. Pure: the time and the dice are handed in."""

from __future__ import annotations

import random

from msgspec.structs import replace

from scraper.config import FetchSettings
from scraper.model import FetchFailed, Task

MAX_BACKOFF_SECONDS = 300.0


def after_try(failed: FetchFailed) -> Task:
    """The task with one more of its tries spent."""
    return replace(_started(failed), tries=failed.task.tries + 1)


def after_refusal(failed: FetchFailed, *, counts: bool) -> Task:
    """The task as it was: its host has refused it, which `counts` if others were answered since
    the last time."""
    task = _started(failed)
    return replace(task, refusals=task.refusals + 1) if counts else task


def after_unasked(task: Task) -> Task:
    """The task in one more pass that its host would not have it, though it answered others."""
    return replace(task, unasked=task.unasked + 1)


def _started(failed: FetchFailed) -> Task:
    task = failed.task
    if task.started:
        return task
    return replace(task, started=failed.at - failed.timings.fetch)


def has_try_left(task: Task, fetch: FetchSettings) -> bool:
    """May it be requested once more?"""
    return task.tries <= fetch.retries


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
