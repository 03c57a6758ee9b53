from typing import Any, cast

import pytest

from scraper.workers.backlog import Backlog
from scraper.workers.triage import Pending

BUSY = 2  # submissions to two workers


def backlog_of(count: int) -> Backlog:
    backlog = Backlog(processes=2)
    for number in range(count):
        nothing = cast("Any", None)
        backlog.add(Pending(number, nothing, nothing))
    return backlog


@pytest.mark.parametrize(
    ("seconds", "most"),
    [(0.0, 8), (0.014, 8), (0.02, 8), (0.04, 4), (0.1, 1), (3.0, 1)],
)
def test_a_submission_takes_as_long_as_a_few_short_items(
    seconds: float, most: int
) -> None:
    backlog = backlog_of(20)
    backlog.note_duration(seconds)

    assert len(backlog.take_batch(BUSY)) == most


def test_nothing_is_gathered_before_it_is_known_how_long_items_take() -> None:
    backlog = backlog_of(20)

    assert len(backlog.take_batch(BUSY)) == 1


def test_idle_workers_share_what_waits() -> None:
    backlog = backlog_of(5)
    backlog.note_duration(0.01)

    assert len(backlog.take_batch(0)) == 3
    assert len(backlog.take_batch(1)) == 2


def test_the_average_follows_items_that_become_slower() -> None:
    backlog = backlog_of(20)
    backlog.note_duration(0.01)
    for _ in range(30):
        backlog.note_duration(1.0)

    assert len(backlog.take_batch(BUSY)) == 1
