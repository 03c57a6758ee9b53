"""Bandwidth, by a clock that the tests hold, and what of a request it is not held against."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from scraper import errors
from scraper.config import HostSettings
from scraper.faulty import FaultyServer, body
from scraper.http import throttle
from scraper.http.flight import Flight
from scraper.http.throttle import (
    PIECES_A_SECOND,
    SLACK_SECONDS,
    Bucket,
    Throttle,
    throttle_of,
)
from scraper.model import Fetched
from tests.http.asker import PATIENCE, Asker, kind_of

RATE = 200_000  # bytes a second
PIECE = RATE // PIECES_A_SECOND


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


# -- how long to wait -------------------------------------------------------------------------


def test_what_is_taken_flows_in_before_more_is_taken() -> None:
    bucket, now = Bucket(RATE, 5.0), 5.0
    for _ in range(100):
        now += bucket.take(PIECE, now)
    assert now == pytest.approx(5.0 + 100 * PIECE / RATE)


def test_who_comes_later_waits_for_those_before() -> None:
    bucket = Bucket(RATE, 5.0)
    waits = [bucket.take(RATE, 5.0) for _ in range(3)]
    assert waits == pytest.approx([1.0, 2.0, 3.0])


def test_bandwidth_that_was_left_unused_is_lost_but_for_a_moment() -> None:
    bucket = Bucket(RATE, 0.0)
    assert bucket.take(RATE, 60.0) == pytest.approx(1.0 - SLACK_SECONDS)


def test_a_server_that_takes_its_time_does_not_slow_the_rest() -> None:
    """What it takes for a piece is less than the piece's own share of time."""
    bucket, now = Bucket(RATE, 0.0), 0.0
    for _ in range(100):
        now += 0.05
        now += bucket.take(PIECE, now)
    assert now == pytest.approx(100 * PIECE / RATE, rel=0.01)


# -- several at once --------------------------------------------------------------------------


def play(
    bandwidth: Throttle, clock: Clock, bodies: Mapping[str, int], size: int
) -> dict[str, float]:
    """So many bodies of each host come at once, in pieces; when the last one of each host has."""
    began = clock.now
    turns = [
        (began, number, host, size)
        for number, host in enumerate(Counter(bodies).elements())
    ]
    ended: dict[str, float] = {}
    while turns:
        clock.now, number, host, left = heapq.heappop(turns)
        if not left:
            ended[f"{host}{number}"] = clock.now - began
            continue
        piece = min(left, PIECE)
        at = clock.now + bandwidth.take(host, piece)
        heapq.heappush(turns, (at, number, host, left - piece))
    return ended


def test_bodies_at_once_have_equal_shares() -> None:
    clock = Clock()
    ended = play(Throttle(RATE, 0, clock), clock, {"a": 2, "b": 2}, RATE)
    assert max(ended.values()) == pytest.approx(4.0)
    assert min(ended.values()) > 4.0 - 4 / PIECES_A_SECOND


def test_a_host_has_its_own_limit_beside_that_of_all() -> None:
    clock = Clock()
    bandwidth = Throttle(RATE, RATE // 10, clock)
    ended = play(bandwidth, clock, {"a": 1, "b": 2}, RATE // 10)
    assert ended["a0"] == pytest.approx(1.0)
    assert ended["b2"] == pytest.approx(2.0)
    crowd = play(bandwidth, clock, {f"h{n}-": 1 for n in range(30)}, RATE // 10)
    assert max(crowd.values()) == pytest.approx(3.0, rel=0.05)


def test_a_host_that_owes_is_remembered_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttle, "MAX_HOSTS", 10)
    clock = Clock()
    bandwidth = Throttle(0, RATE, clock)
    assert bandwidth.take("owes", 100 * RATE) == pytest.approx(100.0)
    for n in range(50):
        bandwidth.take(f"h{n}", 1)
        clock.now += 1.0
        assert len(bandwidth._hosts) <= 10
    assert bandwidth.take("owes", RATE) == pytest.approx(51.0)


def test_without_a_limit_there_is_nothing_to_wait_for() -> None:
    assert throttle_of(HostSettings()) is None
    assert throttle_of(HostSettings(limit_rate_bytes=1)) is not None
    assert throttle_of(HostSettings(host_limit_rate_bytes=1)) is not None


# -- a request that waits ---------------------------------------------------------------------


class Noted(Flight):
    """Notes how long it would have waited."""

    pauses: list[float]

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def noted(asker: Asker) -> Noted:
    made = asker.flight("http://a.example/")
    flight = Noted(1, made.task, "listed", PATIENCE, time.monotonic)
    flight.pauses = []
    return flight


@pytest.mark.parametrize(
    ("total", "per_host", "most"),
    [
        (RATE, 0, RATE // PIECES_A_SECOND),
        (0, RATE, RATE // PIECES_A_SECOND),
        (RATE, 50, 5),
        (1, 0, 1),
        (2**40, 0, 65_536),
    ],
)
def test_no_piece_is_larger_than_its_share_of_a_second(
    total: int, per_host: int, most: int, asker: Asker
) -> None:
    flight = noted(asker)
    receive = Throttle(total, per_host, Clock()).watch(bytes, flight)
    assert len(receive(65_536)) == most
    rate = min(filter(None, (total, per_host)))
    assert flight.pauses == pytest.approx([most / rate])


def test_the_end_of_a_connection_costs_nothing(asker: Asker) -> None:
    flight = noted(asker)
    assert Throttle(1, 0, Clock()).watch(lambda _: b"", flight)(10) == b""
    assert flight.pauses == []


SIZE = 40_000


@pytest.fixture
def slow(tmp_path: Path) -> Asker:
    """Asks for bodies of `SIZE` bytes that take 0.4 s."""
    return Asker(tmp_path, Throttle(100_000, 0), min_speed_bytes=10**9)


def test_our_own_waiting_is_in_no_limit_and_no_timing(slow: Asker) -> None:
    with FaultyServer(body(bytes(SIZE))) as server:
        began = time.monotonic()
        fact = slow.fetcher.fetch(slow.flight(server.url(), seconds=0.15))
        took = time.monotonic() - began
    assert isinstance(fact, Fetched), fact
    assert took >= 0.4 - SLACK_SECONDS
    assert 0 < fact.timings.fetch < 0.15
    assert took - 0.15 < fact.throttled <= took
    assert fact.timings.first_byte is not None
    assert 0 < fact.timings.first_byte < 0.15
    slow.close()


def test_an_abort_ends_the_wait(tmp_path: Path) -> None:
    asker = Asker(tmp_path, Throttle(10, 0))
    with FaultyServer(body(bytes(SIZE))) as server:
        flight = asker.flight(server.url())
        future = asker.pool.submit(asker.fetcher.fetch, flight)
        until = time.monotonic() + PATIENCE
        while not flight.throttled:
            assert time.monotonic() < until, "it does not wait"
            time.sleep(0.001)
        assert flight.seconds_left() > PATIENCE - 1
        flight.abort(errors.new_failure("interrupted", "the run was stopped"))
        assert kind_of(future.result(PATIENCE)) == "interrupted"
    asker.close()


def test_what_is_aborted_does_not_begin_to_wait(asker: Asker) -> None:
    flight = asker.flight("http://a.example/")
    flight.abort(errors.new_failure("interrupted", "the run was stopped"))
    flight.pause(threading.TIMEOUT_MAX)
    assert flight.throttled == 0.0
