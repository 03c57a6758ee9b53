"""When a request is overdue, whatever it has waited for its own sake."""

from __future__ import annotations

from scraper import errors
from scraper.model import Task
from scraper.supervision import STILL_SECONDS, Flights, Intervals
from scraper.urls import canonical

SECONDS, LOST = 10.0, 5.0
TASK = Task(7, canonical("http://a.example/"), canonical("http://a.example/"))


class World:
    """Requests, one a second."""

    def __init__(self, requests: int) -> None:
        self.now = 0.0
        self.flights = Flights(
            8, SECONDS, Intervals(lost=LOST), lambda: self.now
        )
        self.added = []
        for _ in range(requests):
            self.added.append(self.flights.add(TASK, "listed"))
            self.added[-1].begin()
            self.now += 1.0

    def overdue_at(self, now: float) -> list[int]:
        """Which of them are aborted at that time, by their places."""
        self.now = now
        assert self.flights.abort_overdue(now) == []
        return [
            place
            for place, each in enumerate(self.added)
            if each.abort_reason is not None
        ]


def test_a_request_is_aborted_when_its_time_is_over() -> None:
    world = World(3)
    assert world.flights.next_deadline() == 10.0
    assert world.overdue_at(9.9) == []
    assert world.overdue_at(11.0) == [0, 1]
    assert world.flights.next_deadline() == 12.0


def test_a_pause_puts_off_that_request_alone() -> None:
    world = World(3)
    world.added[0].throttled = 100.0
    assert world.flights.next_deadline() == 11.0
    assert world.overdue_at(11.5) == [1]
    assert world.overdue_at(12.5) == [1, 2]
    for each in world.added[1:]:
        assert world.flights.remove(each.request_id)
        assert not world.flights.remove(each.request_id)
    assert world.flights.next_deadline() == 110.0
    assert list(world.flights.describe(60.0)) == [
        "http://a.example/ (a request, given up in 50 s)"
    ]
    assert world.overdue_at(110.0) == [0, 1, 2]
    assert world.added[0].began == 0.0


def test_what_an_abort_does_not_end_is_lost_after_a_while() -> None:
    world = World(1)
    world.added[0].throttled = 1.0
    assert world.overdue_at(11.0) == [0]
    assert world.flights.next_deadline() == 16.0
    assert world.flights.abort_overdue(15.9) == []
    assert world.flights.abort_overdue(16.0) == world.added
    assert world.flights.lost == 1


def test_what_waits_for_a_thread_is_never_overdue() -> None:
    world = World(1)
    waits = world.flights.add(TASK, "listed")
    assert not waits.has_begun
    assert world.overdue_at(11.0) == [0]
    assert waits.abort_reason is None
    assert world.flights.remove(world.added[0].request_id)
    assert world.flights.next_deadline() is None
    world.now = 1_000.0
    assert list(world.flights.describe(world.now)) == [
        "http://a.example/ (a request, waits for a thread)"
    ]
    waits.begin()
    assert waits.began == 1_000.0
    assert world.flights.next_deadline() == 1_000.0 + SECONDS
    assert len(world.flights) == 1


def test_the_order_is_that_of_their_beginnings() -> None:
    world = World(0)
    first, second = (world.flights.add(TASK, "listed") for _ in range(2))
    second.begin()
    world.now = 5.0
    first.begin()
    assert world.flights.abort_overdue(SECONDS) == []
    assert first.abort_reason is None
    assert second.abort_reason is not None


def test_nothing_is_handed_out_while_something_waits_for_a_thread() -> None:
    world = World(1)
    waits = world.flights.add(TASK, "listed")
    assert world.flights.free_threads == 6
    world.now += STILL_SECONDS + 0.1
    assert world.flights.free_threads == 0
    waits.begin()
    assert world.flights.free_threads == 6


def test_fewer_threads_than_said_may_all_be_lost() -> None:
    world = World(1)
    waits = world.flights.add(TASK, "listed")
    world.overdue_at(11.0)
    (stuck,) = world.flights.abort_overdue(11.0 + LOST)
    assert world.flights.remove(stuck.request_id)
    assert not world.flights.all_threads_lost, "it may be others that are busy"
    world.now = waits.began + SECONDS + 0.1
    assert world.flights.all_threads_lost


def test_a_request_that_ends_before_anybody_looks_is_gone() -> None:
    world = World(1)
    assert world.flights.remove(world.added[0].request_id)
    assert world.flights.next_deadline() is None
    assert len(world.flights) == 0


def test_all_that_is_in_the_air_is_aborted_at_the_end() -> None:
    world = World(2)
    world.flights.abort_all()
    stopped = errors.new_failure("interrupted", "the run was stopped")
    assert [each.abort_reason for each in world.added] == [stopped] * 2
