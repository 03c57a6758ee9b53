"""How long a plan says that a run takes: never longer than the run, by a clock that is played."""

from __future__ import annotations

import heapq
import itertools
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.cli.plan.bound import Course, Pace
from scraper.config import HostSettings
from scraper.frontier.lanes import new_host_threads
from scraper.model import RobotsText, Task
from tests.frontier.test_frontier import START, World


class Played(NamedTuple):
    """A host of a played run."""

    urls: int
    crawl_delay: float  # seconds
    answer: float  # seconds that each one takes

    def rules(self) -> str:
        return f"User-agent: *\nCrawl-delay: {self.crawl_delay}\n"


HOSTS = st.builds(
    Played,
    st.integers(1, 15),
    st.sampled_from([0.0, 0.0, 0.5, 3.0]),
    st.sampled_from([0.01, 0.2, 4.0]),
)


def seconds_of_run(
    hosts: dict[str, Played], keys: HostSettings, threads: int
) -> float:
    """How long the frontier takes for all of them."""
    world = World(keys, threads=threads)
    for name, host in hosts.items():
        world.add(name, host.urls)
    under_way: list[tuple[float, int, Task]] = []
    numbers, ended = itertools.count(), START
    while not world.frontier.finished:
        for task in world.all_now()[: 2 * threads - len(under_way)]:
            ends = world.now + hosts[task.url.host].answer
            heapq.heappush(under_way, (ends, next(numbers), task))
        opens = world.frontier.opens_at()
        if under_way and (opens is None or under_way[0][0] <= opens):
            world.now, _, task = heapq.heappop(under_way)
            if task.purpose == "robots":
                rules = hosts[task.url.host].rules()
                world.robots(RobotsText(task, rules, world.now, 200))
            else:
                world.done(task)
                ended = world.now
        elif opens is not None:
            world.now = max(world.now, opens)
    return ended - START


def plan_of(
    hosts: dict[str, Played], keys: HostSettings, threads: int
) -> Course:
    course = Course(threads + new_host_threads(threads))
    for host in hosts.values():
        delay = keys.delay_seconds
        if keys.robots == "on":
            delay = max(delay, host.crawl_delay)
        at_once = 1 if delay else keys.per_host
        course.add(Pace(delay, 0.0, host.answer, at_once), host.urls)
    return course


@settings(max_examples=60)
@given(
    hosts=st.lists(HOSTS, min_size=1, max_size=6),
    per_host=st.integers(1, 8),
    delay=st.sampled_from([0.0, 0.0, 1.0]),
    jitter=st.sampled_from([0.0, 0.25]),
    robots=st.sampled_from(["on", "off"]),
    threads=st.integers(2, 8),
)
def test_no_run_is_quicker_than_its_plan(
    hosts: list[Played],
    per_host: int,
    delay: float,
    jitter: float,
    robots: str,
    threads: int,
) -> None:
    named = {f"h{n}.example": each for n, each in enumerate(hosts)}
    keys = HostSettings(
        per_host=per_host, delay_seconds=delay, jitter=jitter, robots=robots
    )
    took = seconds_of_run(named, keys, threads)
    course = plan_of(named, keys, threads)
    assert course.least <= took + 1e-6
    assert course.likely <= took + 1e-6


def test_a_delay_bounds_and_not_the_answers() -> None:
    pace = Pace(delay=10, answer=0.5)
    assert pace.least(4_000) == 39_990
    assert pace.likely(4_000) == 41_990
    assert Pace(delay=10).least(1) == 0
    assert Pace(delay=10).least(0) == 0


def test_what_was_learned_is_likely_and_not_certain() -> None:
    pace = Pace(interval=2.0, answer=0.1, at_once=8)
    assert pace.is_learned
    assert pace.least(11) == 0
    assert pace.likely(11) == 20


def test_many_hosts_are_bound_by_the_threads() -> None:
    course = Course(threads=4)
    for _ in range(100):
        course.add(Pace(answer=1.0, at_once=8), 8)
    assert course.likely == 200
    assert course.is_bound_by_threads
