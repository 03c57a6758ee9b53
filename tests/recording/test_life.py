"""The steps of a URL's life, as listeners get them."""

from __future__ import annotations

import logging

import pytest

from scraper.errors import UsageError, new_failure
from scraper.model import FetchFailed, Moved, Task
from scraper.outcomes.event import Event
from scraper.recording.life import Guarded, Life, check_listener
from scraper.urls import parts_of

URL = parts_of("http://a.test/?token=s3cret")
TASK = Task(7, URL, URL, attempt=2)


def _refused() -> FetchFailed:
    return FetchFailed(
        TASK, new_failure("http_status", "503", status=503), URL, 0.0
    )


def test_each_listener_gets_the_same_frozen_step_in_its_turn() -> None:
    told: list[tuple[str, Event]] = []
    listeners = (
        lambda event: told.append(("first", event)),
        lambda event: told.append(("second", event)),
    )
    Life(listeners, lambda: 5.0).asked(TASK)
    (first, event), (second, same) = told
    assert (first, second) == ("first", "second")
    assert event is same
    with pytest.raises(AttributeError):
        event.step = "fetched"


def test_a_step_has_no_secrets_and_only_what_it_knows() -> None:
    events: list[Event] = []
    life = Life([events.append], lambda: 5.0)
    life.redirected(Moved(TASK, URL, 302, 0.0))
    life.paused(_refused(), 1.23456)
    life.retried(_refused(), -3.0)
    moved, paused, retried = events
    assert (moved.id, moved.attempt, moved.at) == (7, 2, 5.0)
    assert "s3cret" not in moved.url
    assert "s3cret" not in str(moved.to)
    assert set(moved.known) == {"status", "to"}
    assert paused.wait == 1.235
    assert retried.wait == 0.0, "what may be asked at once waits no time"


def test_robots_txt_has_no_life_and_nobody_hears_of_nothing() -> None:
    events: list[Event] = []
    Life([events.append], lambda: 0.0).asked(Task(1, URL, URL, "robots"))
    Life([], lambda: 1 / 0).asked(TASK)
    assert events == []


def test_what_ends_a_program_is_not_held_back() -> None:
    def leave(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Life([Guarded(leave)], lambda: 0.0).asked(TASK)


def test_only_the_first_of_many_errors_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[Event] = []

    def fail(event: Event) -> None:
        calls.append(event)
        raise ValueError("no such shelf")

    life = Life([Guarded(fail)], lambda: 0.0)
    with caplog.at_level(logging.WARNING, "scraper"):
        life.asked(TASK)
        life.asked(TASK)
    assert len(calls) == 2
    assert len(caplog.records) == 1


def test_a_function_of_c_without_a_signature_is_taken() -> None:
    check_listener(print)
    check_listener([].append)
    with pytest.raises(UsageError, match="is no function"):
        check_listener("print")
