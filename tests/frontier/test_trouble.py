"""Hosts that refuse or are silent: how long they are left alone, who is at fault, when it ends."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper import errors
from scraper.config import FetchSettings, HostSettings
from scraper.frontier.frontier import BEHIND_FRESH
from scraper.frontier.lane import Returned
from scraper.frontier.lanes import Holds
from scraper.frontier.pace import Host
from scraper.frontier.trouble import (
    DEAD_SECONDS,
    MAX_BROKEN,
    MAX_SILENCES,
    MAX_SILENCES_OF_NEW,
    MIN_REFUSALS_OF_FAULT,
    MIN_REFUSED_BY_HOST,
    Patience,
    Trouble,
    Verdict,
    is_at_fault,
    verdict_of,
)
from scraper.model import (
    Failure,
    FetchFailed,
    HostState,
    StoredResponse,
    Task,
)
from scraper.urls import lane_of, parts_of
from tests.frontier.test_frontier import (
    START,
    World,
    decisions,
    kind_of,
    known,
    polite,
)

BUSY = errors.of_status(503, "Busy")
Fate = Callable[[World, Task], Failure | None]  # None: a good answer


def play(world: World, fate: Fate) -> tuple[list[float], Counter[str]]:
    """Answer until nothing is left. Returns when was asked, in seconds, and how the URLs ended."""
    asked: list[float] = []
    ends: Counter[str] = Counter()
    for task, refusal in decisions(world):
        if refusal is not None:
            ends[kind_of(refusal)] += 1
            world.finish(task)
            continue
        asked.append(world.now - START)
        failure = fate(world, task)
        if failure is None:
            ends["done"] += 1
            world.done(task)
        elif not world.fail(task, failure):
            ends[failure.label] += 1
    return asked, ends


def play_at_once(world: World, fate: Fate) -> Counter[str]:
    """The same, with as many requests under way as may be. Returns how the URLs ended."""
    ends: Counter[str] = Counter()
    while not world.frontier.finished:
        under_way = []
        while (decision := world.decide()) is not None:
            if decision.refusal is None:
                under_way.append(decision.task)
            else:
                ends[kind_of(decision.refusal)] += 1
                world.finish(decision.task)
        for task in under_way:
            failure = fate(world, task)
            if failure is None:
                ends["done"] += 1
                world.done(task)
            elif not world.fail(task, failure):
                ends[failure.label] += 1
        if not under_way and not world.frontier.finished:
            world.wait()
    return ends


def refusing(world: World, task: Task) -> Failure | None:
    return BUSY


def silent(world: World, task: Task) -> Failure | None:
    return errors.new_failure("connect_refused", "no")


def of_kind(kind: str, **more: Any) -> FetchFailed:
    url = parts_of("https://a.example/")
    task = Task(1, url, url, **more.pop("task", {}))
    failure = errors.new_failure(kind, "because")
    return FetchFailed(task, failure, url, START, **more)


@pytest.mark.parametrize(
    ("status", "pause", "verdict"),
    [
        (429, None, "refused"),
        (503, None, "refused"),
        (529, None, "refused"),
        (403, None, "answered"),
        (403, 5.0, "refused"),
        (500, 5.0, "refused"),
        (404, 5.0, "answered"),
        (404, None, "answered"),
        (500, None, "broken"),
        (502, None, "broken"),
        (504, None, "broken"),
        (501, None, "answered"),
    ],
)
def test_what_a_status_says_of_the_host(
    status: int, pause: float | None, verdict: Verdict
) -> None:
    failed = replace(
        of_kind("protocol_error"),
        failure=errors.of_status(status, "", pause=pause),
        answered=True,
    )
    assert verdict_of(failed) == verdict


@pytest.mark.parametrize(
    ("kind", "answered", "verdict"),
    [
        ("connect_refused", False, "silent"),
        ("connect_timeout", False, "silent"),
        ("dns_failed", False, "silent"),
        ("tls_failed", False, "silent"),
        ("connection_lost", False, "silent"),
        ("connection_lost", True, "answered"),
        ("timeout_total", False, "silent"),
        ("timeout_total", True, "answered"),
        ("tls_certificate", False, "answered"),
        ("body_short", True, "answered"),
        ("dns_not_found", False, "none"),
        ("private_address", False, "none"),
        ("disk_full", False, "none"),
    ],
)
def test_what_a_failure_without_status_says_of_the_host(
    kind: str, answered: bool, verdict: Verdict
) -> None:
    assert verdict_of(of_kind(kind, answered=answered)) == verdict


def test_a_robots_txt_that_says_500_refuses() -> None:
    failed = of_kind("protocol_error", task={"purpose": "robots"})
    failed = replace(failed, failure=errors.of_status(500, ""))
    assert verdict_of(failed) == "refused"


def test_a_host_that_has_never_answered_is_refused_for_a_minute() -> None:
    world = World()
    world.add("a.example", 20)
    asked, ends = play(world, refusing)
    assert ends == {"host_refused": 20}
    assert len(asked) == 5
    for at, least in zip(asked, (0, 5, 15, 35, 60), strict=True):
        assert least <= at <= 1.25 * least
    assert asked[-1] == 60, "the last probe comes when the patience ends"
    kept = world.rows.hosts[lane_of("a.example")]
    assert kept.not_before is not None
    assert 80 <= kept.not_before - world.now <= 100, "its next pause"


def test_one_that_has_answered_is_waited_for_a_quarter_of_an_hour() -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 20)
    asked, ends = play(world, refusing)
    assert ends == {"host_refused": 20}
    # Four were under way when it began.
    probes = sorted(set(asked))
    assert len(probes) == 9
    assert probes[-1] == 900
    assert all(b - a <= 375 for a, b in pairwise(probes))


def test_patience_stretches_while_other_hosts_have_work() -> None:
    world = World(polite(delay_seconds=0))
    known(world, "a.example")
    world.add("a.example", 5)

    def fate(world: World, task: Task) -> Failure | None:
        if task.url.host == "a.example":
            return BUSY
        if world.now < START + 7_000:
            world.now += 20
            world.add("b.example")  # it never comes to an end
        return None

    world.add("b.example")
    _, ends = play(world, fate)
    assert ends["host_refused"] == 5, ends
    kept = world.rows.hosts[lane_of("a.example")]
    assert kept.given_up == "host_refused"
    assert 3_600 <= kept.failed_at - START <= 3_600 + 375


def test_a_refusal_costs_a_url_none_of_its_tries() -> None:
    world = World(fetch=FetchSettings(retries=0))
    known(world, "a.example")
    world.add("a.example")
    refusals = 0

    def fate(world: World, task: Task) -> Failure | None:
        nonlocal refusals
        assert (task.tries, task.attempt) == (0, refusals + 1)
        refusals += 1
        return BUSY if refusals < 5 else None

    _, ends = play(world, fate)
    assert ends == {"done": 1}


def test_after_a_pause_one_request_asks_with_another_url() -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 8)
    under_way = world.all_now()
    assert len(under_way) == 4
    for task in under_way:
        assert world.fail(task, BUSY)
    world.wait()
    (probe,) = world.all_now()
    assert probe.id not in {task.id for task in under_way}
    world.fail(probe, BUSY)
    assert world.wait() >= 10, "four at one moment were one refusal"
    (probe,) = world.all_now()
    world.done(probe)


@pytest.mark.parametrize(
    "end", [None, errors.of_status(404, "Gone"), errors.of_status(403, "No")]
)
def test_any_answer_to_a_probe_ends_the_trouble(end: Failure | None) -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 10)
    pauses = []
    for _ in range(3):
        task = world.next()
        assert task is not None
        world.fail(task, BUSY)
        pauses.append(world.wait())
        task = world.next()
        assert task is not None
        if end is None:
            world.done(task)
        else:
            world.fail(task, end, answered=True)
        world.now += 60
    assert all(5 <= pause <= 6.25 for pause in pauses)


def test_a_pause_that_is_asked_for_is_never_shorter() -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 3)
    task = world.next()
    assert task is not None
    world.fail(task, errors.of_status(429, "", pause=200.0))
    assert 200 <= world.wait() <= 250


def test_a_day_ends_a_host_at_once_that_has_not_answered() -> None:
    world = World()
    world.add("a.example", 10)
    day = errors.of_status(503, "", pause=86_400.0)
    asked, ends = play(world, lambda world, task: day)
    assert asked == [0]
    assert ends == {"host_refused": 10}
    kept = world.rows.hosts[lane_of("a.example")]
    assert (kept.not_before or 0) >= START + 86_400


def test_a_day_binds_one_url_alone_and_a_second_ends_the_host() -> None:
    world = World()
    known(world, "a.example")
    tasks = world.add("a.example", 30)
    day = errors.of_status(503, "", pause=86_400.0)
    bad = {tasks[5].id, tasks[20].id}

    def fate(world: World, task: Task) -> Failure | None:
        return day if task.id in bad else None

    _, ends = play(world, fate)
    assert ends["done"] >= 15
    assert ends["host_refused"] >= 5
    assert ends.total() == 30
    one = World()
    known(one, "a.example")
    bad = {one.add("a.example", 30)[5].id}
    _, ends = play(one, fate)
    assert ends == {"done": 29, "http_503": 1}, "its record says host_refused"


def test_silence_has_its_pauses_and_its_end() -> None:
    world = World(fetch=FetchSettings(retries=9))
    known(world, "a.example")
    world.add("a.example", 30)
    asked, ends = play(world, silent)
    assert ends == {"host_down": 30}
    probes = sorted(set(asked))
    assert len(probes) == MAX_SILENCES
    for (a, b), longest in zip(
        pairwise(probes), (2, 8, 32, 120, 120), strict=True
    ):
        assert longest / 2 <= b - a <= longest


def test_a_host_that_has_never_answered_is_down_after_the_third_probe() -> None:
    world = World()
    world.add("a.example", 30)
    asked, ends = play(world, silent)
    assert (len(asked), ends) == (MAX_SILENCES_OF_NEW, {"host_down": 30})


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_silent_host_with_one_url_is_asked_as_often_as_that_may_be(
    retries: int,
) -> None:
    world = World(fetch=FetchSettings(retries=retries))
    world.add("a.example")
    asked, ends = play(world, silent)
    assert (len(asked), ends) == (retries + 1, {"host_down": 1})


def test_a_restart_loses_nothing() -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 50)

    def fate(world: World, task: Task) -> Failure | None:
        world.now += 0.5
        is_away = 5 <= world.now - START < 50
        return silent(world, task) if is_away else None

    _, ends = play(world, fate)
    assert ends == {"done": 50}


@pytest.mark.parametrize("places", [[91], [63, 64, 65], [79, 80, 81]])
def test_a_refused_url_finds_witnesses_down_to_the_end_of_its_list(
    places: list[int],
) -> None:
    """Few are left behind it: they are not asked beside it, where they would show nothing."""
    world = World(HostSettings(robots="off", jitter=0.0, per_host=4))
    known(world, "a.example")
    tasks = world.add("a.example", 100)
    bad = {tasks[place].id for place in places}
    ends = play_at_once(
        world, lambda world, task: BUSY if task.id in bad else None
    )
    assert ends == {"done": 100 - len(bad), "http_status": len(bad)}


def resumed_with_refused(number: int) -> tuple[World, set[int]]:
    """A world that goes on where another was killed: so many of its URLs were refused once, and
    forty were not asked yet."""
    world = World()
    before = START - 60
    host = HostState(
        lane_of("a.example"), "", failed_at=before, answered_at=before
    )
    world.rows.keep_host(host)
    refused = world.add("a.example", number, refusals=1)
    for task in refused:
        world.rows.requeue(task, due=BEHIND_FRESH, attempts=1)
    world.add("a.example", 40)
    return world, {task.id for task in refused}


def test_what_was_refused_before_a_kill_finds_witnesses_after_it() -> None:
    """It is not left to the end, when all others are done."""
    world, bad = resumed_with_refused(3)
    ends = play_at_once(
        world, lambda world, task: BUSY if task.id in bad else None
    )
    assert ends == {"done": 40, "http_status": 3}


def test_what_was_refused_before_a_kill_comes_between_the_others() -> None:
    world, bad = resumed_with_refused(3)
    asked: list[bool] = []
    for task, _ in decisions(world):
        asked.append(task.id in bad)
        world.done(task)
    assert asked[:13] == [*[False, False, False, True] * 3, False]


def test_after_a_kill_patience_is_that_of_a_host_with_fresh_urls() -> None:
    """Whatever comes first in its lane."""
    world, _ = resumed_with_refused(20)
    answers = iter([None, None])
    _, ends = play(world, lambda world, task: next(answers, BUSY))
    assert ends == {"done": 2, "host_refused": 58}
    assert world.now - START >= 900


def test_probes_are_seven_urls_apart_and_the_rest_keeps_its_order() -> None:
    world = World(polite(per_host=1))
    known(world, "a.example")
    places = {task.id: n for n, task in enumerate(world.add("a.example", 40))}
    asked: list[int] = []

    def fate(world: World, task: Task) -> Failure | None:
        asked.append(places[task.id])
        return BUSY if len(asked) in (1, 2, 3) else None

    play(world, fate)
    assert asked[:4] == [0, 7, 14, 21]
    fresh = list(dict.fromkeys(asked))[4:]
    assert fresh == sorted(fresh)


@pytest.mark.parametrize("retries", [1, 2])
def test_no_url_is_at_fault_where_nobody_listens(retries: int) -> None:
    """Its server is behind a door that is shut each time it is asked; others are answered."""
    world = World(fetch=FetchSettings(retries=retries))
    known(world, "a.example")
    first, *_, last = world.add("a.example", 30)

    bad = {first.id, last.id}
    _, ends = play(
        world,
        lambda world, task: silent(world, task) if task.id in bad else None,
    )
    assert ends == {"done": 28, "host_down": 2}
    kept = world.rows.hosts[lane_of("a.example")]
    assert kept.not_before is not None, "asked again by the same command"


def test_a_url_that_is_always_refused_is_at_fault_and_not_its_host() -> None:
    world = World()
    known(world, "a.example")
    tasks = world.add("a.example", 100)
    bad = {tasks[n].id for n in (20, 50, 70)}
    times: Counter[int] = Counter()

    def fate(world: World, task: Task) -> Failure | None:
        times[task.id] += 1
        return BUSY if task.id in bad else None

    asked, ends = play(world, fate)
    assert ends == {"done": 97, "http_status": 3}
    assert {times[id] for id in bad} == {MIN_REFUSALS_OF_FAULT}
    assert asked[-1] < 150


def pass_with_refused(
    unasked: int, answered: int, refused: int = 3
) -> tuple[dict[str, int], int, float]:
    """A pass in which a host refuses some of its URLs, after it has answered others: how they end,
    in how many passes they were left alone then, and how long it has taken."""
    world = World()
    for _ in range(answered):
        known(world, "a.example")
    world.add("a.example", refused, unasked=unasked)
    ends: Counter[str] = Counter()
    left = [0]
    for task, refusal in decisions(world):
        if refusal is not None:
            ends[kind_of(refusal)] += 1
            left.append(task.unasked)
            world.finish(task)
        else:
            world.fail(task, BUSY)
    return dict(ends), max(left), world.now - START


def test_refused_urls_that_are_left_are_unasked_and_at_fault_in_the_third_pass() -> (
    None
):
    unasked, ended = 0, []
    for answered in (2, 1, 1):
        ends, unasked, seconds = pass_with_refused(unasked, answered)
        assert seconds == 120
        ended.append(ends)
    assert ended == [
        {"host_refused": 3},
        {"host_refused": 3},
        {"http_status": 3},
    ]


def test_where_a_host_refuses_most_of_its_urls_that_is_not_their_fault() -> (
    None
):
    assert pass_with_refused(0, answered=1) == ({"host_refused": 3}, 0, 900)


@pytest.mark.parametrize(
    ("refused", "unasked", "seconds"),
    [
        (MIN_REFUSED_BY_HOST - 1, 1, 120),
        (MIN_REFUSED_BY_HOST, 0, 900),
    ],
)
def test_where_a_host_refuses_five_urls_in_a_row_that_is_not_their_fault(
    refused: int, unasked: int, seconds: float
) -> None:
    """Nor if it has answered many more: it may be down for most of the time."""
    left = {"host_refused": refused}
    found = pass_with_refused(0, answered=90, refused=refused)
    assert found == (left, unasked, seconds)


def test_a_good_answer_begins_the_row_of_refused_urls_anew() -> None:
    trouble = Trouble(refused={1, 2, 3, 4, 5})
    assert trouble.is_of_host
    trouble.end()
    assert not trouble.is_of_host


@pytest.mark.parametrize(("unasked", "refused"), [(0, 2), (1, 0)])
def test_a_url_speaks_of_its_host_when_it_is_refused_for_the_first_time(
    unasked: int, refused: int
) -> None:
    world = World()
    known(world, "a.example")
    bad = {task.id for task in world.add("a.example", 2, unasked=unasked)}
    world.add("a.example", 40)
    counted = set()

    def fate(world: World, task: Task) -> Failure | None:
        lane = world.frontier._lanes.find(task.url.lane)
        assert lane is not None
        counted.add((lane.host.urls_refused, lane.host.newly_refused))
        return BUSY if task.id in bad else None

    _, ends = play(world, fate)
    assert ends == {"done": 40, "http_status": 2}
    assert max(counted) == (2, refused)


def test_what_was_answered_before_a_kill_is_not_taken_for_nothing() -> None:
    """What is left is refused for the first time, by a host that has answered in this pass."""
    world = World()
    world.frontier._failures._pass_began = START - 100
    host = HostState(
        lane_of("a.example"), "", failed_at=START - 60, answered_at=START - 60
    )
    world.rows.keep_host(host)
    world.add("a.example", 3)
    _, ends = play(world, refusing)
    assert ends == {"host_refused": 3}
    assert world.now - START == 120, "no more than for refused ones alone"


def test_five_urls_in_a_row_with_500_are_a_silent_host() -> None:
    world = World(polite(per_host=1), FetchSettings(retries=0))
    known(world, "a.example")
    world.add("a.example", 40)
    oops = errors.of_status(500, "Oops")
    asked, ends = play(world, lambda world, task: oops)
    assert asked[: MAX_BROKEN - 1] == [0.0] * (MAX_BROKEN - 1)
    assert len(asked) == MAX_BROKEN + MAX_SILENCES - 1
    assert ends["host_down"] >= 40 - len(asked)
    assert ends.total() == 40


def test_a_host_that_is_given_up_in_three_passes_over_a_day_is_dead() -> None:
    kept = None
    ends = []
    for number in range(4):
        world = World()
        world.now = START + number * 0.4 * DEAD_SECONDS
        if kept is not None:
            world.rows.hosts[kept.id] = replace(
                kept, refusals=0, silences=0, given_up=None, not_before=None
            )
        world.add("a.example", 2)
        play(world, silent)
        kept = world.rows.hosts[lane_of("a.example")]
        assert kept.given_up == "host_down"
        ends.append(kept.not_before is None)
    assert ends == [False, False, False, True]
    assert kept is not None
    assert kept.given_up_passes == 4


def test_what_is_known_of_a_trouble_outlives_a_kill() -> None:
    world = World()
    world.add("a.example", 5)
    for _ in range(3):
        task = world.next()
        assert task is not None
        world.fail(task, BUSY)
        world.wait()
    kept = world.rows.hosts[lane_of("a.example")]
    again = Host(kept.id)
    again.restore(kept, world.now, "scraper")
    assert (again.trouble.refusals, again.trouble.since) == (3, START)
    following = World()
    following.now = world.now - 1
    following.rows.hosts = world.rows.hosts
    following.add("a.example", 5)
    assert following.wait() == pytest.approx(1)
    (probe,) = following.all_now()
    following.fail(probe, BUSY)
    _, ends = play(following, refusing)
    assert ends == {"host_refused": 5}, "within the patience that is left"


@given(st.integers(0, 40), st.integers(0, 1_000), st.integers(0, 1_000))
def test_more_refusals_of_a_url_never_make_it_less_at_fault(
    refusals: int, others: int, refused: int
) -> None:
    refused = min(refused, others)
    verdict = is_at_fault(refusals, others, refused)
    assert not verdict or is_at_fault(refusals + 1, others, refused)
    assert not verdict or is_at_fault(refusals, others + 1, refused)
    assert not verdict or refusals >= MIN_REFUSALS_OF_FAULT
    if refused == others:
        assert not is_at_fault(min(refusals, 9), others, refused)


def test_where_half_of_the_requests_are_refused_no_url_is_at_fault() -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 120)
    dice = world.frontier._politeness.draw

    def fate(world: World, task: Task) -> Failure | None:
        return BUSY if dice.random() < 0.5 else None

    _, ends = play(world, fate)
    assert ends["http_status"] == 0, "what is left at the end is unasked"
    assert ends["done"] >= 110


def test_a_url_that_was_refused_and_answered_is_one_url() -> None:
    """A host that refuses half of all requests has answered all of 300 URLs in the end, and has
    refused half of them at least once."""
    world = World()
    host = Host(1)
    host.answers, host.urls_refused = 300, 151
    failed = replace(of_kind("protocol_error"), failure=BUSY)
    for refusals, has_failed in ((13, False), (20, True)):
        task = replace(failed.task, refusals=refusals)
        row = Returned(task, 0.0, failed, answers=0, others=1)
        assert world.frontier._failures.is_at_fault(row, host) == has_failed


@pytest.mark.parametrize("fate", [refusing, silent])
def test_a_host_that_was_given_up_gets_one_probe_in_the_next_pass(
    fate: Fate,
) -> None:
    world = World()
    world.add("a.example", 3)
    play(world, fate)
    kept = world.rows.hosts[lane_of("a.example")]
    following = World()
    following.now = world.now + 1_000
    following.rows.hosts[kept.id] = replace(
        kept, refusals=0, silences=0, given_up=None, not_before=None
    )
    following.add("a.example", 3)
    asked, ends = play(following, fate)
    assert len(asked) == 1
    assert ends.total() == 3
    again = following.rows.hosts[kept.id]
    assert again.given_up_passes == 2
    assert again.not_before is not None
    longest = 300 if fate is refusing else 120 / 2
    assert again.not_before - following.now >= longest
    third = World()
    third.now = following.now + 1_000
    third.rows.hosts[kept.id] = replace(again, given_up=None)
    third.add("a.example", 3)
    _, ends = play(third, lambda world, task: None)
    assert ends == {"done": 3}


def test_a_good_answer_of_before_a_pause_leaves_the_probe_alone() -> None:
    """Four were under way, one was refused: after the pause one request asks, not four."""
    world = World()
    known(world, "a.example")
    world.add("a.example", 20)
    refused, *others = world.all_now()
    world.now += 0.1
    world.fail(refused, BUSY)
    world.done(*others)
    world.wait()
    assert len(world.all_now()) == 1


def test_a_failure_of_before_a_pause_is_no_news_for_what_began_after_it() -> (
    None
):
    draw = random.Random(1)
    patience = Patience(900.0, has_answered_now=True)
    trouble = Trouble(answered_at=1.0)
    lost = of_kind("connection_lost")

    def learn(began: float, at: float) -> int:
        trouble.learn(lost, "silent", began, at, patience, draw)
        return trouble.silences

    assert learn(10.0, 11.0) == 1
    assert learn(10.0, 11.5) == 1, "it was under way with the first"
    until = trouble.pause_until
    assert learn(10.0, until + 5) == 1
    assert learn(until + 1, until + 6) == 2


def test_time_in_which_nobody_could_ask_counts_against_no_patience() -> None:
    world = World()
    world.add("a.example", 5)
    task = world.next()
    assert task is not None
    world.fail(task, BUSY)
    world.now += 300  # frozen
    Holds(world.frontier._lanes).excuse(300)
    asked, ends = play(world, refusing)
    assert ends == {"host_refused": 5}
    assert asked[0] == 300
    assert asked[-1] == 360, "a minute of patience"


def test_an_answer_of_an_earlier_pass_is_none_of_this_one() -> None:
    """It gives a host the longer patience, but no reason to believe that it is there today."""
    world = World()
    world.frontier._failures._pass_began = START - 1
    world.add("a.example", 10, stored=StoredResponse())
    day = errors.of_status(503, "", pause=86_400.0)

    def fate(world: World, task: Task) -> Failure | None:
        return BUSY if world.now == START else day

    asked, ends = play(world, fate)
    assert (len(asked), ends) == (2, {"host_refused": 10})
