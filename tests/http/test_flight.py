"""A request can be aborted at any time, and ends no later than its deadline."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from scraper import errors
from scraper.faulty import (
    Behaviour,
    FaultyServer,
    body,
    continue_forever,
    drip,
    drip_head,
    page,
    silent,
)
from scraper.model import Fetched, FetchFailed
from tests.http.asker import BODY, PATIENCE, Asker, kind_of


@pytest.mark.parametrize(
    "behaviour",
    [silent(), drip(0.01), drip_head(0.01), continue_forever(0.1)],
    ids=["silent", "drip", "drip_head", "continue_forever"],
)  # fmt: skip
def test_an_abort_ends_a_request_however_busy_it_looks(
    behaviour: Behaviour, asker: Asker
) -> None:
    """Every byte re-arms a socket's time-out; the coordinator's does not care."""
    with FaultyServer(behaviour) as server:
        flight = asker.flight(server.url())
        future = asker.pool.submit(asker.fetcher.fetch, flight)
        server.wait_for(1)
        assert not future.done()
        flight.abort(
            errors.new_failure("timeout_total", "not finished within 5 s")
        )
        fact = future.result(PATIENCE)
    assert kind_of(fact) == "timeout_total"
    assert list(asker.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("behaviour", "answered"),
    [(silent(), False), (drip_head(0.01), True), (continue_forever(0.1), True)],
    ids=["silent", "a head that drips", "interim answers"],
)  # fmt: skip
def test_what_is_given_up_tells_whether_it_was_being_answered(
    behaviour: Behaviour, answered: bool, asker: Asker
) -> None:
    with FaultyServer(behaviour) as server:
        flight = asker.flight(server.url())
        future = asker.pool.submit(asker.fetcher.fetch, flight)
        server.wait_for(1)
        until = time.monotonic() + PATIENCE
        while flight.answer_has_begun != answered:
            assert time.monotonic() < until, "no byte has come"
            time.sleep(0.001)
        limit = errors.new_failure("timeout_total", "not finished within 5 s")
        flight.abort(limit)
        lost = flight.to_failed(7.0)
        assert (lost.failure, lost.answered, lost.at) == (limit, answered, 7.0)
        fact = future.result(PATIENCE)
        assert isinstance(fact, FetchFailed)
        assert fact.answered == answered


def test_an_abort_that_comes_before_the_connection_is_not_lost(
    asker: Asker,
) -> None:
    with FaultyServer(silent()) as server:
        flight = asker.flight(server.url())
        flight.abort(errors.new_failure("interrupted", "the run was stopped"))
        assert kind_of(
            asker.pool.submit(asker.fetcher.fetch, flight).result(PATIENCE)
        ) == ("interrupted")


def test_an_abort_that_comes_late_hurts_no_other_request(asker: Asker) -> None:
    """The connection is another flight's by then."""
    release = threading.Event()

    def waits(exchange: Any) -> None:
        release.wait(PATIENCE)
        body(BODY)(exchange)

    with FaultyServer({"/first": page("first"), "/second": waits}) as server:
        first = asker.flight(server.url("/first"))
        assert isinstance(asker.fetcher.fetch(first), Fetched)
        second = asker.flight(server.url("/second"))
        future = asker.pool.submit(asker.fetcher.fetch, second)
        server.wait_for(2)
        first.abort(errors.new_failure("timeout_total", "late"))
        release.set()
        assert asker.saved(future.result(PATIENCE)) == BODY
        assert server.seen[0].connection == server.seen[1].connection


def test_no_more_time_is_left_than_the_deadline(asker: Asker) -> None:
    with FaultyServer(silent()) as server:
        fact = asker.fetcher.fetch(asker.flight(server.url(), seconds=0.1))
    assert kind_of(fact) == "timeout_first_byte"
