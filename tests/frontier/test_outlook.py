"""What users read of hosts that are left alone: the very lines, by a clock that the tests hold."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from scraper import errors
from scraper.config import HostSettings
from scraper.frontier import lanes, outlook
from scraper.frontier.trouble import GivenUp
from scraper.frontier.waits import standing_of
from scraper.model import Failure, HostState, RobotsText, Task
from scraper.text import clock_text
from scraper.urls import lane_of
from tests.frontier.test_frontier import START, World, fetched, known, polite

BUSY = errors.of_status(429, "Too Many Requests")
A, B = "a.example", "b.example"


def clock(seconds: float) -> str:
    return clock_text(START + seconds)


def fail(world: World, failure: Failure | str) -> Task:
    """Ask what may be asked, in vain."""
    task = world.next()
    assert task is not None
    assert world.next() is None, "no other host has work"
    world.fail(task, failure)
    assert world.next() is None
    return task


def waiting(world: World) -> str:
    return world.frontier.outlook.describe(world.now)


def opens(world: World) -> str:
    at = world.frontier.opens_at()
    assert at is not None
    return clock_text(at)


def look(world: World, **more: bool) -> list[str]:
    facts = {"nothing_moves": True, "list_is_read": True, **more}
    return world.frontier.outlook.look(world.now, **facts)


# -- what a run waits for ---------------------------------------------------------------------


def test_a_host_that_refuses() -> None:
    world = World()
    world.add(A, 9)
    fail(world, BUSY)
    assert waiting(world) == (
        f"{A} refuses (429), next probe {opens(world)}, given up {clock(60)}"
    )


def test_a_host_that_refuses_and_has_answered_before_has_more_patience() -> (
    None
):
    world = World(polite(per_host=1))
    known(world, A)
    world.add(A, 9)
    fail(world, BUSY)
    wait = world.frontier.outlook.waits(world.now)[0]
    assert wait.gives_up_at == START + world.hosts.patience_seconds


def test_a_host_that_is_silent() -> None:
    world = World()
    world.add(A, 9)
    fail(world, "connect_timeout")
    world.wait()
    fail(world, "connect_timeout")
    assert waiting(world) == (
        f"{A} is silent (connect_timeout), probe 2 of 3 at {opens(world)}"
    )
    for _ in range(2):
        world.wait()
        last = world.next()
        assert last is not None
        world.fail(last, "connect_timeout")
    decision = world.decide()
    assert decision is not None
    assert decision.refusal is not None, "given up"
    assert waiting(world) == ""


def test_a_host_that_is_broken() -> None:
    world = World(threads=8)
    tasks = world.add(A, 9)
    for _ in tasks[:5]:
        task = world.next()
        assert task is not None
        world.fail(task, errors.of_status(502, "Bad Gateway"), answered=True)
    assert world.next() is None
    assert waiting(world) == f"{A} fails (502), probe 1 of 3 at {opens(world)}"


def test_only_urls_that_were_refused_are_left() -> None:
    """The clock ends that, not the number of probes."""
    world = World()
    good, _ = world.add(A, 2)
    assert world.next() == good
    world.done(good)
    fail(world, "timeout_first_byte")
    wait = world.frontier.outlook.waits(world.now)[0]
    assert wait.text.startswith(
        f"{A} is silent (timeout_first_byte), next probe {opens(world)}, given up "
    )


def test_a_host_with_a_crawl_delay() -> None:
    world = World(HostSettings(jitter=0.0))
    world.add(A, 3)
    robots = world.next()
    assert robots is not None
    text = "User-agent: *\nCrawl-delay: 30"
    world.robots(RobotsText(robots, text, world.now, 200))
    assert world.next() is None
    assert waiting(world) == f"{A} asks for 30 s between requests"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30.0, f"{A} has 30 s between requests (--delay)"), (4.0, "")],
)
def test_a_delay_of_the_users_own(seconds: float, text: str) -> None:
    world = World(polite(delay_seconds=seconds))
    first, *_ = world.add(A, 3)
    assert world.next() == first
    world.done(first)
    assert world.next() is None
    assert waiting(world) == text


def test_a_host_that_answers_again_after_refusals() -> None:
    world = World()
    world.rows.hosts[lane_of(A)] = HostState(
        lane_of(A),
        A,
        learned_rate=1 / 30,
        refused_rate=1.0,
        rate_learned_at=world.now,
    )
    first, *_ = world.add(A, 9)
    assert world.next() == first
    world.done(first)
    assert world.next() is None
    assert waiting(world) == f"{A} has refused, so 30 s between requests"


def test_a_good_answer_with_a_retry_after() -> None:
    world = World()
    first, *_ = world.add(A, 9)
    assert world.next() == first
    world.answer(replace(fetched(first), pause=90.0))
    world.finish(first)
    assert world.next() is None
    assert waiting(world) == f"{A} is left alone until {clock(90)}"


def test_a_url_that_waits_for_its_next_try() -> None:
    world = World()
    world.add(A)
    fail(world, errors.of_status(500, "Oops"))
    assert waiting(world) == f"{A} has failed, next try {opens(world)}"


def test_several_hosts_are_counted() -> None:
    world = World()
    for host in (A, B):
        world.add(host, 2)
    for task in world.all_now():
        world.fail(task, BUSY)
    assert world.next() is None
    assert waiting(world) == f"2 hosts, the first until {opens(world)}"


def test_hosts_that_sleep_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_LANES", 2)
    monkeypatch.setattr(lanes, "READ_AHEAD", 1)
    world = World()
    for host in (A, B, "c.example"):
        world.add(host, 2)
    for _ in range(3):
        task = world.next()
        assert task is not None
        world.fail(task, "connect_refused")
    assert world.next() is None
    assert waiting(world) == f"3 hosts, the first until {opens(world)}"


def test_it_is_seen_once_a_second_and_only_where_nothing_moves() -> None:
    world = World()
    world.add(A, 2)
    seen = world.frontier.outlook
    fail(world, BUSY)
    look(world)
    assert seen.waiting.startswith(f"{A} refuses")
    look(world, nothing_moves=False)
    assert seen.waiting == ""
    world.now += 0.5
    look(world)
    assert seen.waiting == "", "half a second ago"
    world.now += 0.5
    look(world)
    assert seen.waiting.startswith(f"{A} refuses")


def test_a_host_with_an_open_clock_stands_alone() -> None:
    host = HostState(1, A, pause_until=START + 60)
    assert standing_of(host, 1, 0, None) == (
        f"{A} is left alone until {clock(60)}; 1 URL waits"
    )


def test_a_dead_host_is_not_asked_again() -> None:
    host = HostState(
        1, A, failed_at=START, given_up="host_down", given_up_why="it is dead"
    )
    assert (
        standing_of(host, 2, 0, None)
        == f"it is dead, given up {clock(0)}; 2 URLs wait"
    )


# -- what politeness costs --------------------------------------------------------------------


def with_crawl_delay(world: World, host: str, urls: int, delay: int) -> None:
    world.add(host, urls)
    robots = world.next()
    assert robots is not None
    assert robots.purpose == "robots"
    text = f"User-agent: *\nCrawl-delay: {delay}"
    world.robots(RobotsText(robots, text, world.now, 200))


def test_the_price_of_a_crawl_delay_is_named_once() -> None:
    world = World(HostSettings(jitter=0.0))
    with_crawl_delay(world, A, 400, 30)
    assert look(world, list_is_read=False) == [], "more may come"
    world.now += 1
    assert look(world) == [
        f"{A} asks for 30 s between requests: its 400 URLs take about 3 h"
    ]
    assert world.frontier.outlook.ends_at == world.now + 12_000
    world.now += 1
    assert look(world) == []
    assert world.frontier.outlook.ends_at == world.now - 1 + 12_000


def test_ten_minutes_are_not_worth_a_line() -> None:
    world = World(HostSettings(jitter=0.0))
    with_crawl_delay(world, A, 20, 30)
    assert look(world) == []
    assert world.frontier.outlook.ends_at == 0.0


def test_the_price_of_the_users_own_delay_is_named_of_the_slowest_host() -> (
    None
):
    world = World(polite(delay_seconds=5.0, jitter=0.5))
    world.add(A, 200)
    world.add(B, 500)
    for task in world.all_now():
        world.done(task)
    assert look(world) == [
        f"--delay is 5 s between requests: the 499 URLs of {B} take about 52 min"
    ]


def test_of_many_slow_hosts_only_slower_ones_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outlook, "MAX_PRICES", 2)
    world = World(HostSettings(jitter=0.0))
    shown = []
    for host, urls in (
        (A, 100),
        (B, 90),
        ("c.example", 80),
        ("d.example", 101),
    ):
        with_crawl_delay(world, host, urls, 10)
        shown += look(world)
        world.now += 1
        assert world.next() is None
    assert [text.partition(" ")[0] for text in shown] == [A, B, "d.example"]


def test_a_slow_host_that_is_given_up_is_not_waited_for() -> None:
    world = World(polite(delay_seconds=10.0))
    world.add(A, 100)
    world.next()
    look(world)
    assert world.frontier.outlook.ends_at == START + 1_000
    lane = world.frontier._lanes.find(lane_of(A))
    assert lane is not None
    lane.host.trouble.given_up = GivenUp("host_down", "it is gone", None)
    world.now += 1
    look(world)
    assert world.frontier.outlook.ends_at == 0.0


# -- what run.log says ------------------------------------------------------------------------


def test_a_trouble_has_one_line_where_it_begins_and_one_where_it_ends() -> None:
    world = World(polite(per_host=1))
    known(world, A)
    world.add(A, 9)
    news = world.frontier.outlook.take_news
    fail(world, BUSY)
    ends = clock(world.hosts.patience_seconds)
    assert news() == [
        f"{A} refuses (429): asked again at {opens(world)}, given up at {ends}"
    ]
    world.wait()
    fail(world, BUSY)
    assert news() == []
    world.wait()
    probe = world.next()
    assert probe is not None
    world.done(probe)
    (line,) = news()
    assert re.fullmatch(rf"{A} answers again, after 1\d s", line)
    assert not world.rows.hosts[lane_of(A)].refusals, "status reads it there"


def test_one_lost_connection_is_no_trouble_two_are() -> None:
    world = World()
    world.add(A, 9)
    fail(world, "connection_lost")
    assert world.frontier.outlook.take_news() == []
    world.wait()
    fail(world, "connection_lost")
    assert world.frontier.outlook.take_news() == [
        f"{A} is silent (connection_lost): probe 2 of 3 at {opens(world)}"
    ]


def test_a_host_that_refuses_now_and_then_has_few_lines() -> None:
    """One in ten minutes, however many troubles it has; and short ones end without a word."""
    world = World(polite(per_host=1))
    known(world, A)
    for _ in range(20):
        world.add(A)
        fail(world, BUSY)
        world.wait()
        probe = world.next()
        assert probe is not None
        world.done(probe)
        world.now += 90
    lines = world.frontier.outlook.take_news()
    begun = [line for line in lines if "asked again" in line]
    assert 1 < len(begun) <= 1 + (world.now - START) / 600 < 20
    assert len(lines) <= 2 * len(begun)
