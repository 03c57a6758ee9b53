"""New hosts that say nothing hold up nobody: who is quiet gives its place to the next."""

from __future__ import annotations

import pytest

from scraper.frontier import lanes
from scraper.frontier.groups import MIN_QUIET_SECONDS
from scraper.frontier.lanes import (
    MAX_LANES,
    REFILL,
    new_host_threads,
)
from scraper.model import Task
from tests.frontier.test_frontier import START, World

THREADS = 8
PLACES = new_host_threads(THREADS)
QUIET = 500


def crowd(hosts: int, most_quiet: int = QUIET) -> World:
    """So many new hosts, with a URL each."""
    world = World(threads=THREADS, most_quiet=most_quiet)
    add_hosts(world, "h", hosts)
    return world


def add_hosts(world: World, name: str, hosts: int) -> list[Task]:
    """A URL of each."""
    return [world.add(f"{name}{n}.example")[0] for n in range(hosts)]


def step(world: World) -> list[Task]:
    """What may be asked after the next clock."""
    world.wait()
    return world.all_now()


def test_the_more_hosts_are_quiet_the_more_are_asked() -> None:
    world = crowd(300)
    assert len(world.all_now()) == PLACES
    asked = [len(step(world)) for _ in range(5)]
    assert asked == [2 * PLACES, 4 * PLACES, 8 * PLACES, 16 * PLACES, 83]
    assert world.now - START == pytest.approx(5 * MIN_QUIET_SECONDS)
    assert world.frontier.new_hosts.count_quiet(world.now) == 300 - 83


def test_there_is_a_most_of_quiet_ones() -> None:
    world = crowd(100, most_quiet=20)
    asked = world.all_now()
    while world.frontier.new_hosts.count_quiet(world.now) < 20:
        asked += step(world)
    assert len(asked) == PLACES + 20
    world.now += 600
    assert world.next() is None, "time changes nothing: an end does"
    assert world.frontier.opens_at() is None
    world.fail(asked[0], "connect_timeout")
    assert len(world.all_now()) == 1


def test_one_that_is_quiet_and_ends_leaves_no_debt() -> None:
    world = crowd(50, most_quiet=30)
    asked = world.all_now()
    while world.frontier.new_hosts.count_quiet(world.now) < 30:
        asked += step(world)
    for task in asked:
        world.fail(task, "timeout_read")
    assert world.frontier.new_hosts.count_quiet(world.now) == 0
    assert len(world.all_now()) == PLACES


def test_hosts_that_answer_slowly_are_not_quiet() -> None:
    """Where they take a second each, no more are asked at once than there are threads for."""
    world = crowd(400)
    asked, most = [(task, world.now) for task in world.all_now()], 0
    for n in range(250):
        task, began = asked.pop(0)
        world.now = max(began + 1.0, world.now)
        world.done(task)
        asked += [(task, world.now) for task in world.all_now()]
        most = max(most, len(asked)) if n > 200 else 0
    assert most <= 2 * PLACES


def test_each_answer_takes_back_what_a_quiet_host_has_granted() -> None:
    world = crowd(100)
    first = world.all_now()
    second = step(world)
    assert len(second) == 2 * PLACES
    for task in second:
        world.done(task)
    assert len(world.all_now()) == PLACES, "not two or three times as many"
    assert world.frontier.new_hosts.count_quiet(world.now) == len(first)


def test_a_host_for_which_much_waits_is_asked_before_those_with_little() -> (
    None
):
    world = crowd(60)
    assert len(world.all_now()) == PLACES
    world.add("large.example", REFILL + 1)
    assert next(iter(step(world))).url.host == "large.example"


def test_a_large_host_is_asked_first_once() -> None:
    """If it says nothing it waits like the others."""
    world = World(threads=2)
    world.add("large.example", REFILL + 1)
    world.add("small.example")
    large = world.next()
    assert large is not None
    assert large.url.host == "large.example"
    world.fail(large, "connect_timeout")
    world.now += 600
    small = world.next()
    assert small is not None
    assert small.url.host == "small.example"


def test_quiet_hosts_leave_room_for_those_that_come_later() -> None:
    world = crowd(MAX_LANES, most_quiet=MAX_LANES)
    asked = world.all_now()
    while len(asked) < MAX_LANES:
        asked += step(world)
    later = add_hosts(world, "later", 2 * MAX_LANES)
    asked += world.all_now()
    assert not set(later).isdisjoint(asked)
    world.now += 1
    world.all_now()
    awake = world.frontier._lanes.awake
    assert MAX_LANES < len(awake) <= 2 * MAX_LANES
    for task in asked[:MAX_LANES]:
        world.fail(task, "timeout_read")
    world.all_now()
    assert len(awake) <= 2 * MAX_LANES


def test_those_that_find_no_room_are_asked_as_soon_as_others_are_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MAX_LANES", PLACES)
    monkeypatch.setattr(lanes, "READ_AHEAD", 1)
    world = crowd(PLACES)
    assert len(world.all_now()) == PLACES
    (later,) = add_hosts(world, "later", 1)
    assert step(world) == [later]
    assert world.now - START == pytest.approx(MIN_QUIET_SECONDS)
