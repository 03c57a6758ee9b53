"""How many threads serve the hosts that answer."""

from __future__ import annotations

from scraper.frontier.crew import LOOK_SECONDS, Crew
from scraper.frontier.groups import Group
from scraper.frontier.lane import Lane
from scraper.frontier.pace import Host

STEP = 1.01 * LOOK_SECONDS


class Process:
    """A group of lanes, its crew, and a process that uses a share of a core."""

    def __init__(self, most: int = 100) -> None:
        self.group: Group[Lane] = Group(8)
        self.crew = Crew(self.group, most)
        self.now, self.used = 1_000.0, 0.0

    def pass_looks(self, number: int, *, share: float) -> int:
        """So many looks later. Returns the threads then."""
        for _ in range(number):
            self.now += STEP
            self.used += share * STEP
            self.crew.look(self.now, lambda: self.used)
        return self.group.threads

    def be_busy(self) -> None:
        self.group.requests = 10_000
        self.group.ready.append(Lane(Host(1)))


def test_where_all_wait_for_hosts_there_are_more_threads() -> None:
    process = Process()
    process.be_busy()
    assert process.pass_looks(1, share=0.1) == 16
    widths = [process.pass_looks(1, share=0.1) for _ in range(5)]
    assert widths == [32, 64, 100, 100, 100]


def test_no_more_where_one_is_free_or_no_lane_is_ready() -> None:
    process = Process()
    process.group.requests = 7
    process.group.ready.append(Lane(Host(1)))
    assert process.pass_looks(5, share=0.1) == 8
    process.group.ready.clear()
    process.group.requests = 8
    assert process.pass_looks(5, share=0.1) == 8


def test_no_more_where_the_processor_is_what_is_waited_for() -> None:
    process = Process()
    process.pass_looks(1, share=1.0)
    process.be_busy()
    assert process.pass_looks(5, share=1.0) == 8


def test_a_number_that_is_given_is_a_bound() -> None:
    process = Process(most=8)
    process.be_busy()
    assert process.pass_looks(5, share=0.1) == 8


def test_it_looks_twenty_times_a_second_at_most() -> None:
    process = Process()
    process.be_busy()
    process.pass_looks(1, share=0.0)
    for _ in range(5):
        process.now += LOOK_SECONDS / 10
        process.crew.look(process.now, lambda: process.used)
    assert process.group.threads == 16
