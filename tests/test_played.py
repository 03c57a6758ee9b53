"""The played internet sees what is not kept: promises, bounds, and the clock between them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.played import behaviours as does
from benchmarks.played.bounds import bound_of, probes_within, stretched
from benchmarks.played.folder import Folder, Hour, Ran
from benchmarks.played.promises import broken_promises, early_requests
from benchmarks.played.scenarios import PLANS
from benchmarks.played.verdict import judge
from benchmarks.played.world import START, Answer, Host, Outage, Request, World

GOOD = Answer(0.1, 200)
REFUSED = Answer(0.1, 503)
RESET = Answer(0.1, failure="connection_lost")
ONE_RUN = [Ran(1, START, START + 1e6, 0.0, {}, 0)]


def log_of(*lines: tuple[float, float | None, Answer, str]) -> list[Request]:
    """Requests of one host: (begin, end, answer, path), in the order in which they begin."""
    moments = sorted(
        {
            at
            for begin, end, *_ in lines
            for at in (begin, end)
            if at is not None
        }
    )
    order = {at: number for number, at in enumerate(moments, 1)}
    return [
        Request(
            run=1,
            host="a.test",
            path=path,
            began=START + begin,
            order=order[begin],
            answer=answer,
            ended=None if end is None else START + end,
            end_order=0 if end is None else order[end],
        )
        for begin, end, answer, path in lines
    ]


def promises(*lines: tuple[float, float | None, Answer, str]) -> list[str]:
    return [each.promise for each in broken_promises(log_of(*lines), ONE_RUN)]


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (REFUSED, 5.0),
        (Answer(0.1, 429), 5.0),
        (Answer(0.1, 503, "0"), 5.0),
        (Answer(0.1, 503, "NaN"), 5.0),
        (Answer(0.1, 503, "120"), 120.0),
        (Answer(0.1, 403, "60"), 60.0),
        (RESET, 1.0),
    ],
)
def test_a_request_before_the_pause_is_over_is_a_gap(
    answer: Answer, pause: float
) -> None:
    first = (0.0, 0.1, answer, "/0")
    assert promises(first, (0.05 + pause, 200.0, GOOD, "/1")) == ["gap"]
    assert promises(first, (0.15 + pause, 200.0, GOOD, "/1")) == []


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        Answer(0.1, 404),
        Answer(0.1, 404, "60"),
        Answer(0.1, 500),
        Answer(0.1, failure="body_short", has_begun=True),
        Answer(0.1, failure="dns_not_found"),
    ],
)
def test_an_answer_asks_for_no_pause(answer: Answer) -> None:
    assert promises((0.0, 0.1, answer, "/0"), (0.2, 0.3, GOOD, "/1")) == []


def test_each_refusal_after_a_pause_doubles_it() -> None:
    first = (0.0, 0.1, REFUSED, "/0")
    second = (6.0, 6.1, REFUSED, "/1")
    assert promises(first, second, (16.0, 17.0, GOOD, "/2")) == ["gap"]
    assert promises(first, second, (16.2, 17.0, GOOD, "/2")) == []
    # refused together with another, it says nothing new
    beside = (0.05, 0.15, REFUSED, "/1")
    assert promises(first, beside, (5.2, 6.0, GOOD, "/2")) == []


def test_a_good_answer_ends_the_doubling() -> None:
    past = [(0.0, 0.1, REFUSED, "/0"), (6.0, 6.1, GOOD, "/1")]
    again = (7.0, 7.1, REFUSED, "/2")
    assert promises(*past, again, (12.2, 13.0, GOOD, "/3")) == []


def test_nothing_is_asked_beside_a_probe() -> None:
    first = (0.0, 0.1, REFUSED, "/0")
    probe = (6.0, 6.5, GOOD, "/1")
    assert promises(first, probe, (6.2, 7.0, GOOD, "/2")) == ["probe"]
    assert promises(first, probe, (6.6, 7.0, GOOD, "/2")) == []
    after = [(6.6, 7.0, GOOD, "/2"), (6.7, 7.1, GOOD, "/3")]
    assert promises(first, probe, *after) == []


def test_a_long_pause_binds_its_url_alone_where_others_are_answered() -> None:
    past = (0.0, 0.1, GOOD, "/0")
    long = (0.2, 0.3, Answer(0.1, 503, "7200"), "/1")
    assert promises(past, long, (6.0, 7.0, GOOD, "/2")) == []
    assert promises(past, long, (6.0, 7.0, GOOD, "/1")) == ["gap"]
    assert promises(long, (6.0, 7.0, GOOD, "/2")) == ["gap"]


def test_robots_that_say_5xx_refuse() -> None:
    first = (0.0, 0.1, Answer(0.1, 500), "/robots.txt")
    assert promises(first, (1.0, 2.0, GOOD, "/0")) == ["gap"]


def test_what_a_kill_has_undone_binds_nobody() -> None:
    log = log_of((0.0, 0.1, REFUSED, "/0"), (1.0, 2.0, GOOD, "/1"))
    log[1].run = 2
    for killed_at, broken in ((0.3, 0), (0.9, 1)):
        killed = Ran(1, START, START + killed_at, 0.0, {})
        runs = [killed, Ran(2, START + 1, START + 9, 0.0, {}, 0)]
        assert len(broken_promises(log, runs)) == broken


def test_a_last_probe_comes_when_the_patience_ends_or_the_first_pause_is_over() -> (
    None
):
    """Whatever pause is due: a kill may have eaten up the time between."""
    first = (0.0, 0.1, REFUSED, "/0")
    late = (59.0, 59.6, REFUSED, "/1")
    assert promises(first, late, (64.0, 65.0, GOOD, "/2")) == ["gap"]
    assert promises(first, late, (64.7, 65.0, GOOD, "/2")) == []


@pytest.mark.parametrize(
    ("heard_at", "broken"), [(None, 0), (0.05, 0), (3.0, 1), (3.8, 0)]
)
def test_a_silence_that_may_have_been_our_own_binds_nobody_after_a_kill(
    heard_at: float | None, broken: int
) -> None:
    silent = Answer(1.0, failure="connect_timeout")
    log = log_of((0.1, 2.0, silent, "/0"), (2.5, 3.0, GOOD, "/1"))
    log[1].run = 2
    hosts = ("b.test", "c.test", "d.test")
    for host in hosts:
        log += log_of((0.0, heard_at, GOOD, "/0"))
        log[-1].host = host
    killed = Ran(1, START, START + 4, 0.0, {})
    runs = [killed, Ran(2, START + 2.5, START + 9, 0.0, {}, 0)]
    assert len(broken_promises(log, runs)) == broken


def test_a_patience_may_count_from_what_a_kill_has_undone() -> None:
    log = log_of(
        (0.0, 0.1, REFUSED, "/0"),
        (9.0, 9.1, REFUSED, "/1"),
        (40.0, 40.1, REFUSED, "/1"),
        (60.2, 61.0, GOOD, "/1"),
        (70.0, 70.1, REFUSED, "/2"),
        (128.0, 128.1, REFUSED, "/2"),
        (130.2, 131.0, GOOD, "/2"),
    )
    for request in log[1:]:
        request.run = 2
    killed = Ran(1, START, START + 0.3, 0.0, {})
    runs = [killed, Ran(2, START + 9, START + 200, 0.0, {}, 0)]
    (gap,) = broken_promises(log, runs)
    assert gap.at == pytest.approx(130.2), "it counts until an answer"


@pytest.mark.parametrize(("killed_at", "broken"), [(0.3, []), (1.0, ["gap"])])
def test_a_host_may_be_as_new_as_before_if_a_kill_has_undone_its_answers(
    killed_at: float, broken: list[str]
) -> None:
    log = log_of(
        (0.0, 0.1, GOOD, "/0"),
        (10.0, 10.1, REFUSED, "/1"),
        (65.0, 65.1, REFUSED, "/1"),
        (70.2, 71.0, GOOD, "/1"),
        (80.0, 80.1, REFUSED, "/2"),
        (86.0, 86.1, REFUSED, "/2"),
        (97.0, 97.1, REFUSED, "/2"),
        (118.0, 118.1, REFUSED, "/2"),
    )
    for request in log[1:]:
        request.run = 2
    killed = Ran(1, START, START + killed_at, 0.0, {})
    runs = [killed, Ran(2, START + 10, START + 200, 0.0, {}, 0)]
    found = [each.promise for each in broken_promises(log, runs)]
    assert found == broken


def test_one_of_two_clocks_must_say_that_the_pause_is_over() -> None:
    log = log_of((0.0, 0.1, REFUSED, "/0"), (1.0, 2.0, GOOD, "/1"))
    log[1].run = 2
    for skew, broken in ((0.0, 1), (-3_600.0, 1), (3_600.0, 0)):
        runs = [ONE_RUN[0], Ran(2, START, START + 9, skew, {}, 0)]
        assert len(broken_promises(log, runs)) == broken


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A host that refuses for ten seconds, and its three URLs."""
    host = Host(does.refusing(0.01, 10.0, 503))
    world = World({"a.test": host}, random.Random(1))
    urls = [f"http://a.test/{number}" for number in range(3)]
    return Folder(tmp_path / "run", world, urls)


def test_a_url_is_not_asked_before_its_hour(folder: Folder) -> None:
    folder.run()
    hour = START + 3_600
    folder.runs[0].not_before = {"http://a.test/1": Hour(hour, hour)}
    early = list(early_requests(folder))
    assert early
    assert all("/1" in each.words for each in early)
    folder.runs[0].not_before = dict.fromkeys(folder.urls, Hour(hour, hour))
    assert any("/robots.txt" in each.words for each in early_requests(folder))


def test_a_played_run_is_a_real_one(folder: Folder) -> None:
    ran = folder.run()
    assert (ran.exit_code, folder.count_pending()) == (0, 0)
    assert {each["state"] for each in folder.records()} == {"done"}
    assert 10.0 < ran.ended - ran.began < 60.0
    bound = bound_of(folder, folder.runs)
    assert len(folder.world.log) <= bound.requests
    assert ran.ended - ran.began <= bound.seconds


def test_a_killed_run_leaves_what_it_has_committed(folder: Folder) -> None:
    folder.world.hosts["a.test"].answer = does.silent
    assert folder.run(kill_after=5.0).killed
    assert folder.world.time == START + 5.0
    assert folder.count_pending() == 3
    assert not folder.records()
    assert folder.world.log[-1].ended is None
    folder.world.hosts["a.test"].answer = does.well
    assert folder.run().exit_code == 0
    assert len(folder.records()) == 3


def test_nothing_comes_while_the_network_is_away() -> None:
    outage = Outage(1.0, 3.0, "connect_failed", 0.1)
    world = World({"a.test": Host(does.well)}, random.Random(1), [outage])
    world.time = START + 0.99
    assert not world.ask(1, "a.test", "/0").returned
    world.time = START + 2.0
    lost = world.ask(1, "a.test", "/1")
    assert (lost.arrived, lost.answer.failure) == (False, "connect_failed")
    assert not world.is_online()
    world.time = START + 3.0
    assert world.ask(1, "a.test", "/2").answer.status == 200


def test_what_a_killed_run_had_not_committed_is_not_known_to_the_next() -> None:
    """Seed 7 is killed before its first commit: the run that follows has never heard anything."""
    verdict = judge(PLANS["own outage, no end"], 7, 100)
    assert list(verdict.faults) == []
    assert verdict.unasked == 200


def test_a_pause_that_began_while_others_had_work_may_end_after_that() -> None:
    assert stretched(0.0) == 5.0 * 1.25
    assert stretched(35.0) == 35.0 + 40.0 * 1.25
    assert stretched(2_000.0) == 2_000.0 + 300.0 * 1.25


def test_probes_are_those_that_fit_into_the_patience() -> None:
    # at 5, 15, 35, 60; at 5, 15, 35, 75, 155, 315, 615, 900
    assert probes_within(60.0) == 4
    assert probes_within(900.0) == 8
