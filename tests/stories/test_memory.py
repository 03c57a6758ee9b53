"""What is held in memory follows the hosts that are busy, not the list."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Sequence
from itertools import islice

import pytest

from scraper import urls
from scraper.config import FetchSettings, HostSettings
from scraper.errors import new_failure
from scraper.frontier.frontier import Decision, Frontier
from scraper.frontier.lanes import MAX_LANES, REFILL, Lane
from scraper.model import (
    FetchFailed,
    HostState,
    LaneAhead,
    Task,
    Trust,
    Waiting,
)
from scraper.urls import lane_of, parts_of

URLS = 20_000
WINDOW = 256


class Rows:
    """A ledger that keeps a number a host: the URLs up to it are recorded."""

    def __init__(self, hosts: int) -> None:
        self.each = URLS // hosts
        self.hosts = {
            lane_of(f"h{number}.test"): number for number in range(hosts)
        }
        self.left = {lane: list(range(self.each)) for lane in self.hosts}
        self._order = sorted(self.hosts)
        self.kept: dict[int, HostState] = {}

    def next_lanes(self, after: int, limit: int) -> dict[int, LaneAhead]:
        waiting = (
            lane for lane in self._order if lane > after and self.left[lane]
        )
        return {
            lane: LaneAhead(lane in self.kept, is_large=False)
            for lane in islice(waiting, limit)
        }

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int],
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        return [self._first_of_lane(lane, limit, without) for lane in lanes]

    def _first_of_lane(
        self, lane: int, limit: int, without: Collection[int]
    ) -> list[Waiting]:
        tasks = (self.task(lane, number) for number in self.left[lane])
        waiting = (
            Waiting(task, 0.0) for task in tasks if task.id not in without
        )
        return list(islice(waiting, limit))

    def task(self, lane: int, number: int) -> Task:
        host = self.hosts[lane]
        url = parts_of(f"http://h{host}.test/{number}")
        return Task(host * self.each + number + 1, url, url)

    def recorded(self, task: Task) -> None:
        self.left[task.url.lane].remove((task.id - 1) % self.each)

    def count_lane(self, lane: int) -> int:
        raise AssertionError("no host is slow here")

    def requeue(self, task: Task, *, due: float, attempts: int) -> None:
        raise AssertionError("nothing is to be asked again here")

    def host(self, lane: int) -> HostState | None:
        return self.kept.get(lane)

    def keep_host(self, state: HostState) -> None:
        self.kept[state.id] = state

    def keep_robots(
        self, lane: int, name: str, scheme: str, at: float, text: str
    ) -> None:
        raise AssertionError("robots.txt is not asked for here")


class AllMayBeAsked:
    """A guard that lets everything pass."""

    def refusal(self, url: urls.Url, trust: Trust) -> tuple[str, str] | None:
        return None

    def host_class(self, host: str) -> str | None:
        return None


def _held(frontier: Frontier) -> int:
    """How many things lie in the frontier's containers, and in those of its lanes."""
    lanes = frontier._lanes
    ready = len(lanes._responsive.ready) + len(lanes.new_hosts.ready)
    containers = [*vars(frontier).values(), *vars(lanes).values()]
    return (
        ready
        + sum(map(_size, containers))
        + sum(map(_held_by, lanes.awake.values()))
    )


def _held_by(lane: Lane) -> int:
    return len(lane.rows) + len(lane.robots_queue) + len(lane.handed_out)


def _size(value: object) -> int:
    if isinstance(value, dict):
        return sum(1 + _size(each) for each in value.values())
    return len(value) if isinstance(value, list | deque | set) else 0


@pytest.mark.parametrize(
    "delay", [0.0, 30.0], ids=["no delay", "30 s between requests"]
)
@pytest.mark.parametrize("hosts", [1, 20, 2_000])
def test_what_the_frontier_holds_stays_bounded(
    hosts: int, delay: float
) -> None:
    rows = Rows(hosts)
    keys = HostSettings(
        robots="off", delay_seconds=delay, jitter=0.0, per_host=4
    )
    frontier = Frontier(
        rows,
        AllMayBeAsked(),
        keys,
        FetchSettings(),
        threads=32,
        draw=random.Random(1),
    )
    now, asked, most, lanes = 1e9, 0, 0, 0
    flying: deque[Decision] = deque()

    def land() -> None:
        task = flying.popleft().task
        gone = FetchFailed(
            task, new_failure("body_undecodable", "it is gone"), task.url, now
        )
        frontier.request_ended(gone, now)
        rows.recorded(task)
        frontier.release(task)

    while not frontier.finished:
        decision = frontier.next(now) if len(flying) < WINDOW else None
        if decision is not None:
            flying.append(decision)
            asked += 1
        elif flying:
            land()
        elif not frontier.finished:
            opens = frontier.opens_at()
            assert opens is not None, (
                "nothing is under way, and nothing will open"
            )
            now = max(opens, now + 0.001)
        if asked % 100 == 0:
            most = max(most, _held(frontier))
            lanes = max(lanes, len(frontier._lanes.awake))

    assert asked == URLS
    # A lane that is awake holds what it has taken from the ledger and what is out, and stands in
    # one or two queues; of any other host there are a few numbers. Nothing grows with the list.
    awake = min(hosts, MAX_LANES)
    assert lanes <= awake
    assert (
        most <= awake * (min(REFILL, rows.each) + 2) + 3 * hosts + WINDOW + 100
    )
    assert _held(frontier) <= 4 * hosts + 100
