"""Politeness is scheduling: who is asked when, by a clock that the tests hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper import errors
from scraper.config import FetchSettings, HostSettings, TrapSettings
from scraper.frontier import lanes
from scraper.frontier.frontier import MOST_UNREAD, Decision, Frontier
from scraper.frontier.lanes import MAX_LANES, REFILL, new_host_threads
from scraper.frontier.pace import MAX_PAUSE_ASKED_SECONDS, Host, Politeness
from scraper.frontier.retries import MAX_BACKOFF_SECONDS
from scraper.frontier.traps.traps import Traps
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Hop,
    HostState,
    LaneAhead,
    Moved,
    RobotsText,
    Task,
    Timings,
    Waiting,
)
from scraper.urls import Url, canonical, lane_of, parts_of

START = 1_000_000.0


class Rows:
    """The ledger's part, in memory: a row waits until it is finished, handed out or not."""

    def __init__(self) -> None:
        self.waiting_rows: dict[int, Waiting] = {}
        self.hosts: dict[int, HostState] = {}
        self.robots: dict[tuple[int, str], tuple[float, str]] = {}

    def next_lanes(self, after: int, limit: int) -> dict[int, LaneAhead]:
        lanes = Counter(
            each.task.url.lane for each in self.waiting_rows.values()
        )
        behind = sorted(lane for lane in lanes if lane > after)
        return {
            lane: LaneAhead(lane in self.hosts, lanes[lane] > REFILL)
            for lane in behind[:limit]
        }

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int],
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        found: dict[int, list[Waiting]] = {lane: [] for lane in lanes}
        for each in self.waiting_rows.values():
            is_asked_for = not asked_by or 0 < each.due <= asked_by
            if (
                each.task.url.lane in found
                and each.task.id not in without
                and is_asked_for
            ):
                found[each.task.url.lane].append(each)
        for rows in found.values():
            rows.sort(key=lambda each: (each.due, each.task.id))
        return [rows[:limit] for rows in found.values()]

    def count_lane(self, lane: int) -> int:
        rows = self.waiting_rows.values()
        return sum(each.task.url.lane == lane for each in rows)

    def requeue(self, task: Task, *, due: float, attempts: int) -> None:
        assert task.id in self.waiting_rows
        self.waiting_rows[task.id] = Waiting(
            replace(task, attempt=attempts + 1), due
        )

    def host(self, lane: int) -> HostState | None:
        return self.hosts.get(lane)

    def keep_host(self, state: HostState) -> None:
        self.hosts[state.id] = state

    def keep_robots(
        self, lane: int, name: str, scheme: str, at: float, text: str
    ) -> None:
        self.robots[lane, scheme] = at, text


class Judge:
    """The guard's part: `forbidden` hosts are refused, `private` ones are what they are."""

    def __init__(self) -> None:
        self.forbidden: set[str] = set()
        self.private: set[str] = set()

    def refusal(self, url: Url, trust: str) -> tuple[str, str] | None:
        return (
            ("host_not_allowed", "no") if url.host in self.forbidden else None
        )

    def host_class(self, host: str) -> str | None:
        return "private" if host in self.private else "public"


@dataclass
class World:
    """A frontier, its clock, and what is under way."""

    hosts: HostSettings = field(
        default_factory=lambda: HostSettings(robots="off", jitter=0.0)
    )
    fetch: FetchSettings = field(default_factory=FetchSettings)
    threads: int = 8
    most_quiet: int = 0
    traps: Traps | None = None

    def __post_init__(self) -> None:
        self.now = START
        self.rows, self.judge = Rows(), Judge()
        self.frontier = Frontier(self.rows, self.judge, self.hosts, self.fetch,
                                 threads=self.threads, most_quiet=self.most_quiet,
                                 traps=self.traps, draw=random.Random(1))  # fmt: skip
        self.added = 0

    def add(self, host: str, number: int = 1, **task: Any) -> list[Task]:
        """More URLs of a host."""
        tasks = []
        for _ in range(number):
            self.added += 1
            url = f"https://{host}/{self.added}"
            made = Task(self.added, parts_of(url), parts_of(url), **task)
            self.rows.waiting_rows[made.id] = Waiting(made, 0.0)
            tasks.append(made)
        self.frontier.rows_added([lane_of(host)])
        return tasks

    def next(self) -> Task | None:
        """What may be asked now."""
        decision = self.decide()
        assert decision is None or decision.refusal is None, decision
        return decision.task if decision else None

    def decide(self) -> Decision | None:
        return self.frontier.next(self.now)

    def all_now(self) -> list[Task]:
        """Everything that may be asked now, by as many threads as there are."""
        tasks = []
        most = self.threads + new_host_threads(self.threads) + self.most_quiet
        while len(tasks) < most and (task := self.next()) is not None:
            tasks.append(task)
        return tasks

    def answer(self, fact: Fact) -> None:
        self.frontier.request_ended(fact, self.now)

    def robots(self, fact: Fact) -> None:
        """What came of a robots.txt."""
        self.frontier.robots.receive(fact, self.now)
        self.answer(fact)

    def done(self, *tasks: Task) -> None:
        """It came out, and is recorded."""
        for task in tasks:
            self.answer(fetched(task))
            self.finish(task)

    def finish(self, task: Task) -> None:
        del self.rows.waiting_rows[task.id]
        self.frontier.release(task)

    def fail(
        self, task: Task, failure: Failure | str, *, answered: bool = False
    ) -> bool:
        """It failed; as in the pipeline it is tried again or recorded. Was it given back?"""
        problem = (
            errors.new_failure(failure, "because")
            if isinstance(failure, str)
            else failure
        )
        fact = FetchFailed(task, problem, task.url, self.now, answered=answered)
        self.answer(fact)
        ended = self.frontier.take_failure(fact, self.now)
        if isinstance(ended, FetchFailed):
            self.finish(task)
            return False
        return True

    def move(self, task: Task, to: str, status: int = 302) -> Failure | None:
        fact = Moved(task, parts_of(to), status, self.now)
        self.answer(fact)
        problem = self.frontier.follow_redirect(fact, self.now)
        if problem is not None:
            self.finish(task)
        return problem

    def wait(self) -> float:
        """Let time pass until something opens; the seconds that it took."""
        assert self.decide() is None, "something may be asked now"
        opens = self.frontier.opens_at()
        assert opens is not None, "nothing waits for a clock"
        before, self.now = self.now, max(opens, self.now)
        return self.now - before


def decisions(
    world: World,
) -> Iterator[tuple[Task, Failure | FetchFailed | None]]:
    """The task and the refusal of all of them, one after the other, with as much waiting as it
    takes."""
    while True:
        decision = world.decide()
        if decision is not None:
            yield decision.task, decision.refusal
        elif world.frontier.finished:
            return
        else:
            world.wait()


def fetched(task: Task, wire_bytes: int = 0) -> Fetched:
    return Fetched(task, task.url, 200, "page", "text/html", None, (), "1.part", wire_bytes,
                   wire_bytes, "00", 0.0, Timings())  # fmt: skip


def kind_of(refusal: Failure | FetchFailed) -> str:
    return (
        refusal.failure.kind
        if isinstance(refusal, FetchFailed)
        else refusal.kind
    )


def polite(**keys: Any) -> HostSettings:
    return HostSettings(**{"robots": "off", "jitter": 0.0, **keys})


def known(world: World, host: str) -> None:
    """Have a host answer once, so that it is not new."""
    world.add(host)
    task = world.next()
    assert task is not None
    world.done(task)


# -- hosts and their clocks -------------------------------------------------------------------


def test_a_new_host_is_asked_one_thing_at_a_time() -> None:
    world = World()
    world.add("a.example", 5)
    first = world.all_now()
    assert len(first) == 1
    world.done(*first)
    assert len(world.all_now()) == 4, (
        "and as much as is allowed once it has answered"
    )


def test_a_host_is_never_asked_more_at_once_than_allowed() -> None:
    world = World(polite(per_host=3))
    known(world, "a.example")
    world.add("a.example", 10)
    under_way = world.all_now()
    assert len(under_way) == 3
    world.done(under_way.pop())
    assert len(world.all_now()) == 1


def test_a_delay_counts_from_the_answer_on() -> None:
    world = World(polite(delay_seconds=10))
    world.add("a.example", 2)
    first = world.next()
    assert first is not None
    world.now += 7
    assert world.next() is None, "one at a time, though more were allowed"
    world.done(first)
    assert world.next() is None
    assert world.wait() == 10
    assert world.next() is not None


def test_a_lane_keeps_its_delay_while_empty() -> None:
    world = World(polite(delay_seconds=10))
    known(world, "a.example")
    assert world.next() is None
    world.now += 4
    world.add("a.example")
    assert world.next() is None
    assert world.wait() == 6
    assert world.next() is not None


def test_what_our_own_limits_took_does_not_make_a_host_slow() -> None:
    """Four bodies at once that share a bandwidth come four times as slowly."""
    host, draw = Host(1), random.Random(1)
    politeness = Politeness(polite(per_host=4), FetchSettings(), draw)
    task = Task(1, parts_of("https://a.example/"), parts_of("https://a.example/"))  # fmt: skip
    for at_once in (False, True):
        for n in range(20):
            fact = replace(fetched(task), throttled=12.0 if at_once else 3.0)
            at = n + fact.throttled + 0.2
            host.learn_answer(fact, n, at, politeness, is_alone=not at_once)
    assert host.rate.width == 4
    assert host.rate.latency == pytest.approx(0.2)


def test_another_host_does_not_wait_for_a_slow_one() -> None:
    world = World(polite(delay_seconds=10))
    known(world, "a.example")
    world.add("a.example")
    world.add("b.example")
    task = world.next()
    assert task is not None
    assert task.url.host == "b.example"


def test_new_hosts_have_threads_of_their_own_and_no_more() -> None:
    world = World(threads=8)
    for n in range(20):
        world.add(f"dead-{n}.example")
    under_way = world.all_now()
    assert len(under_way) == new_host_threads(8)
    world.now += 60
    assert world.next() is None, "time changes nothing: an answer does"
    world.done(under_way[0])
    assert len(world.all_now()) == 1


def test_hosts_that_answer_do_not_wait_for_those_that_never_do() -> None:
    world = World(threads=8)
    world.add("alive.example", 6)
    first = world.next()
    assert first is not None
    world.done(first)
    for n in range(20):
        world.add(f"dead-{n}.example")
    hosts = Counter(task.url.host for task in world.all_now())
    assert hosts.pop("alive.example") == 4
    assert hosts.total() == new_host_threads(8)


def test_a_host_that_has_answered_is_not_new_after_a_rest() -> None:
    """The host of the pictures has nothing to do between two pages; then it must not queue up."""
    world = World(threads=8)
    known(world, "alive.example")
    for n in range(20):
        world.add(f"dead-{n}.example")
    assert len(world.all_now()) == new_host_threads(8)
    world.add("alive.example", 4)
    assert [task.url.host for task in world.all_now()] == ["alive.example"] * 4


def test_a_host_that_has_answered_leaves_the_queue_of_new_hosts() -> None:
    world = World(threads=2)
    for number, host in enumerate(
        ("alive.example", "dead-1.example", "dead-2.example"), 1
    ):
        world.add(host, 2)
        task = world.next()
        assert task is not None
        world.fail(
            task, errors.new_failure("timeout_read", "", pause=100.0 * number)
        )
        assert world.next() is None
    world.add("x.example")
    unanswered = world.next()
    world.now += 600
    assert world.next() is None, (
        "all three may be asked, but there is one thread for new hosts"
    )
    assert unanswered is not None
    world.done(unanswered)
    alive = world.next()
    assert alive is not None
    assert alive.url.host == "alive.example"
    world.done(alive)
    assert {task.url.host for task in world.all_now()} == {
        "alive.example",
        "dead-1.example",
    }


def test_who_was_held_back_is_never_forgotten() -> None:
    """A lane that was noticed while it was held back must not take another's turn later."""
    world = World(polite(per_host=1), threads=2)
    world.add("x.example")
    unanswered = world.next()
    assert unanswered is not None
    for host in (
        "a.example",
        "b.example",
        "a.example",
        "a.example",
        "c.example",
    ):
        world.add(host)
        assert world.next() is None, "one new host at a time"
    world.done(unanswered)
    (first,) = world.all_now()
    world.done(first)
    under_way = {task.url.host: task for task in world.all_now()}
    assert set(under_way) == {"a.example", "b.example"}
    assert world.next() is None
    world.done(under_way["b.example"])
    task = world.next()
    assert task is not None, (
        "it is the turn of the third, not of the first again"
    )
    assert task.url.host == "c.example"


# -- failures ---------------------------------------------------------------------------------


def test_a_retry_goes_before_what_was_never_asked_once_it_is_due() -> None:
    """At the end of a long lane it would meet its host's next trouble, and not its own luck."""
    world = World()
    tasks = world.add("a.example", 4)
    task = world.next()
    assert task == tasks[0]
    assert world.fail(task, "protocol_error")
    order = []
    for following, _ in decisions(world):
        order.append((following.id, following.attempt))
        world.now += 0.6
        world.done(following)
    assert order == [(2, 1), (3, 1), (1, 2), (4, 1)]


def test_tries_end() -> None:
    world = World(fetch=FetchSettings(retries=2))
    world.add("a.example")
    attempts = []
    for task, _ in decisions(world):
        attempts.append(task.attempt)
        world.fail(task, "protocol_error")
    assert attempts == [1, 2, 3]


def test_each_pause_before_a_retry_is_longer_within_a_limit() -> None:
    world = World(fetch=FetchSettings(retries=20, retry_wait_seconds=1))
    world.add("a.example")
    pauses = []
    while (task := world.next()) is not None:
        if not world.fail(task, "protocol_error"):
            break
        assert world.next() is None
        pauses.append(world.wait())
    assert len(pauses) == 20
    for number, pause in enumerate(pauses):
        ceiling = min(2.0**number, MAX_BACKOFF_SECONDS)
        assert ceiling / 2 <= pause <= ceiling


@pytest.mark.parametrize(
    "kind", ["dns_not_found", "body_too_large", "tls_certificate"]
)
def test_what_will_not_change_is_not_asked_again(kind: str) -> None:
    world = World()
    world.add("a.example")
    task = world.next()
    assert task is not None
    assert not world.fail(task, kind)


def test_a_pause_that_the_answer_asks_for_holds_for_the_whole_host() -> None:
    world = World()
    known(world, "a.example")
    world.add("a.example", 2)
    task = world.next()
    assert task is not None
    world.fail(task, errors.of_status(429, "Too Many Requests", pause=30.0))
    assert world.next() is None
    assert world.wait() >= 30


def test_a_failure_of_a_url_does_not_pause_its_host() -> None:
    world = World()
    world.add("a.example", 2)
    task = world.next()
    assert task is not None
    world.fail(task, errors.of_status(500, "Oops"))
    assert world.next() is not None


def test_what_was_cut_short_goes_back_as_if_it_had_not_been_asked() -> None:
    world = World()
    world.add("a.example")
    task = world.next()
    assert task is not None
    world.answer(
        FetchFailed(
            task, errors.new_failure("interrupted", ""), task.url, world.now
        )
    )
    world.frontier.requeue_unattempted(task)
    again = world.next()
    assert again is not None
    assert (again.id, again.attempt) == (task.id, 1)


# -- redirects --------------------------------------------------------------------------------


def test_a_redirect_is_asked_in_the_lane_of_its_target() -> None:
    world = World(polite(delay_seconds=10))
    known(world, "b.example")
    world.add("a.example")
    task = world.next()
    assert task is not None
    assert world.move(task, "https://b.example/x") is None
    assert world.next() is None, "the target's delay holds for a redirect too"
    assert world.wait() == 10
    onward = world.next()
    assert onward is not None
    assert (onward.url.href, onward.url.host, onward.origin_url) == (
        "https://b.example/x", "b.example", task.url)  # fmt: skip
    assert onward.hops == (Hop(task.url, 302),)
    assert onward.attempt == 1, "a hop is no retry"
    world.done(onward)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_of_redirects_is_found_out(length: int) -> None:
    world = World()
    world.add("a.example")
    task = world.next()
    problem = None
    for number in range(1, length + 1):
        assert task is not None
        assert problem is None
        to = (
            task.origin_url.href
            if number == length
            else f"https://a.example/hop/{number}"
        )
        problem = world.move(task, to)
        task = world.next()
    assert problem is not None
    assert problem.kind == "too_many_redirects"
    assert world.frontier.finished


def test_redirects_end() -> None:
    world = World(fetch=FetchSettings(max_redirects=3))
    world.add("a.example")
    for number in range(4):
        task = world.next()
        assert task is not None
        problem = world.move(task, f"https://a.example/hop/{number}")
        assert (problem is not None) == (number == 3)


def test_a_hop_is_judged_like_any_other_url() -> None:
    world = World()
    world.judge.forbidden.add("b.example")
    world.add("a.example")
    task = world.next()
    assert task is not None
    world.move(task, "https://b.example/")
    decision = world.decide()
    assert decision is not None
    assert isinstance(decision.refusal, Failure)
    assert (decision.refusal.kind, decision.trust) == (
        "host_not_allowed",
        "public",
    )


@pytest.mark.parametrize(
    ("task", "private", "trust"),
    [
        ({}, (), "listed"),
        ({"parent": parts_of("https://p.example/")}, (), "public"),
        ({"parent": parts_of("https://p.example/")}, ("p.example",), "private"),
        ({"hops": (Hop(parts_of("https://h.example/"), 302),)}, (), "public"),
        ({"parent": parts_of("https://p.example/"),
          "hops": (Hop(parts_of("https://h.example/"), 302),)},
         ("p.example",), "public"),
    ],
)  # fmt: skip
def test_who_named_a_url_decides_what_it_may_reach(
    task: dict[str, Any], private: Iterable[str], trust: str
) -> None:
    world = World()
    world.judge.private.update(private)
    world.add("a.example", **task)
    decision = world.decide()
    assert decision is not None
    assert decision.trust == trust


@pytest.mark.parametrize(
    ("line", "refusal"),
    [("ftp://x", "bad_scheme"), ("http://exa mple", "bad_url"), ("\\xff", "bad_encoding"),
     ("x" * 2_000, "bad_url")],
)  # fmt: skip
def test_a_line_that_is_no_url_is_refused_without_asking(
    line: str, refusal: str
) -> None:
    world = World()
    world.rows.waiting_rows[1] = Waiting(
        Task(1, Url(line, "", ""), Url(line, "", ""), refusal=refusal), 0.0
    )
    decision = world.decide()
    assert decision is not None
    assert isinstance(decision.refusal, Failure)
    assert (decision.refusal.kind, bool(decision.refusal.message)) == (
        refusal,
        True,
    )


# -- robots.txt -------------------------------------------------------------------------------


def obedient(**keys: Any) -> World:
    return World(
        HostSettings(jitter=0.0, **keys), FetchSettings(retry_wait_seconds=1.0)
    )


def rules(world: World, task: Task, text: str) -> None:
    fact = RobotsText(task, text, world.now, 200)
    world.robots(fact)


def test_robots_txt_is_asked_for_first_and_once() -> None:
    world = obedient()
    world.add("a.example", 3)
    robots = world.next()
    assert robots is not None
    assert (robots.url.href, robots.purpose) == (
        "https://a.example/robots.txt",
        "robots",
    )
    assert world.next() is None, "nothing is asked before the answer"
    rules(world, robots, "User-agent: *\nDisallow: /2\nCrawl-delay: 5\n")
    assert world.wait() == 5, "the file itself was a request"
    first = world.next()
    assert first is not None
    assert first.id == 1
    world.done(first)
    world.wait()
    forbidden = world.decide()
    assert forbidden is not None
    assert isinstance(forbidden.refusal, Failure)
    assert forbidden.refusal.kind == "robots_disallowed"
    world.finish(forbidden.task)
    assert world.next() is not None
    assert (lane_of("a.example"), "https") in world.rows.robots, (
        "and kept for tomorrow"
    )


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (404, None),
        (403, None),
        (429, "robots_unreachable"),
        (500, "robots_unreachable"),
        (503, "robots_unreachable"),
    ],
)
def test_without_robots_txt_its_status_decides(
    status: int, refusal: str | None
) -> None:
    """404 is permission; 5xx and 429 refuse, for as long as there is patience."""
    world = obedient()
    world.add("a.example")
    asked = []
    for task, refused in decisions(world):
        if task.purpose != "robots":
            assert (kind_of(refused) if refused else None) == refusal
            break
        asked.append(world.now)
        world.robots(
            FetchFailed(task, errors.of_status(status, ""), task.url, world.now)
        )
    assert len(asked) == (1 if refusal is None else 5)
    assert asked[-1] - asked[0] == (0 if refusal is None else 60)


def test_a_robots_txt_that_moved_is_followed_with_the_trust_of_who_moved_it() -> (
    None
):
    """Within a private network it stays in it, without becoming suspicious."""
    world = obedient()
    world.judge.private.add("a.example")
    world.add("a.example")
    robots = world.next()
    assert robots is not None
    fact = Moved(
        robots, parts_of("https://a.example/robots.txt/"), 301, world.now
    )
    world.robots(fact)
    onward = world.decide()
    assert onward is not None
    assert (onward.task.url.href, onward.trust) == (
        "https://a.example/robots.txt/",
        "private",
    )
    rules(world, onward.task, "")
    assert world.next() is not None


def test_a_crowd_of_hosts_without_rules_comes_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lanes fall asleep when there are many; the tries at a robots.txt must not be forgotten."""
    monkeypatch.setattr(lanes, "MAX_LANES", 8)
    monkeypatch.setattr(lanes, "READ_AHEAD", 2)
    world = obedient()
    for n in range(8):
        world.add(f"host-{n}.example")
    asked, ended = 0, 0
    for task, refusal in islice(decisions(world), 400):
        if refusal is not None:
            ended += 1
            world.finish(task)
        else:
            asked += 1
            fact = FetchFailed(
                task, errors.of_status(500, ""), task.url, world.now
            )
            world.robots(fact)
    assert ended == 8
    assert 8 * 5 <= asked <= 8 * 12, "patience stretches while others work"


# -- all of it --------------------------------------------------------------------------------


def test_one_host_with_nine_tenths_of_the_list_does_not_starve_the_others() -> (
    None
):
    world = World(threads=4)
    known(world, "big.example")
    world.add("big.example", 900)
    for n in range(10):
        world.add(f"small-{n}.example", 10)
    finished_at: dict[str, int] = {}
    turn = 0
    while not world.frontier.finished:
        for task in world.all_now():
            turn += 1
            finished_at[task.url.host] = turn
            world.done(task)
    last_of_small = max(
        at for host, at in finished_at.items() if host != "big.example"
    )
    assert turn == 1_000
    assert last_of_small < 350, "they are through when a third is done"


def test_memory_follows_the_hosts_that_are_busy_not_the_list() -> None:
    world = World()
    for n in range(MAX_LANES + 500):
        world.rows.waiting_rows[n] = Waiting(
            Task(n, parts_of(f"https://h{n}.example/"), parts_of("http://x/")),
            0.0,
        )
    lanes = sorted(
        each.task.url.lane for each in world.rows.waiting_rows.values()
    )
    world.rows.next_lanes = (
        lambda after, limit: dict.fromkeys(  # type: ignore[method-assign]
            [lane for lane in lanes if lane > after][:limit],
            LaneAhead(is_known=False, is_large=False),
        )
    )
    by_lane = {
        each.task.url.lane: each for each in world.rows.waiting_rows.values()
    }
    world.rows.first_of_lanes = lambda lanes, most, without: [  # type: ignore[method-assign]
        [each]
        if each.task.id in world.rows.waiting_rows.keys() - without
        else []
        for each in map(by_lane.__getitem__, lanes)
    ]
    world.all_now()
    assert len(world.frontier._lanes.awake) <= MAX_LANES


def test_a_lane_holds_a_handful_of_its_urls() -> None:
    world = World()
    world.add("a.example", 1_000)
    task = world.next()
    assert task is not None
    lane = world.frontier._lanes.awake[lane_of("a.example")]
    assert len(lane.rows) < REFILL
    world.done(task)
    while (task := world.next()) is not None:
        assert len(lane.rows) <= REFILL + len(lane.handed_out)
        world.done(task)
    assert world.frontier._lanes.awake == {}
    assert world.frontier.finished


def test_what_a_host_has_taught_outlives_its_lane() -> None:
    world = World(fetch=FetchSettings(retries=0))
    known(world, "a.example")
    world.add("a.example")
    task = world.next()
    assert task is not None
    world.fail(task, errors.of_status(503, "", pause=100.0))
    assert world.next() is None
    world.frontier.keep_hosts()
    kept = world.rows.hosts[lane_of("a.example")]
    assert kept.pause_until >= START + 100
    following = World()
    following.rows.hosts = world.rows.hosts
    following.add("a.example")
    assert following.next() is None
    assert following.wait() >= 100


def test_each_step_of_a_learned_rate_outlives_a_kill() -> None:
    world = World(polite(per_host=1))
    lane = lane_of("a.example")
    world.rows.hosts[lane] = HostState(
        lane, "a.example", learned_rate=2.0, sure_rate=1.0, refused_rate=8.0,
        rate_learned_at=START, rate_hold=480.0,
    )  # fmt: skip
    world.add("a.example", 60)
    raised = []
    while (kept := world.rows.hosts[lane]).learned_rate < 6:
        task = world.next()
        if task is None:
            world.wait()
            continue
        world.done(task)
        if world.rows.hosts[lane] is not kept:
            raised.append(world.rows.hosts[lane].learned_rate)
    assert raised == sorted(set(raised))
    assert len(raised) > 2
    assert world.rows.hosts[lane].rate_hold == 480


def test_a_pause_that_a_clock_has_written_that_was_ahead_holds_as_long() -> (
    None
):
    world = World()
    lane = lane_of("a.example")
    future = START + 10**10
    world.rows.hosts[lane] = HostState(
        lane, "a.example", pause_until=future + 5, failed_at=future
    )
    world.add("a.example")
    assert world.wait() == 5
    assert world.next() is not None


def test_a_pause_is_no_longer_than_an_answer_can_ask_for() -> None:
    world = World()
    lane = lane_of("a.example")
    world.rows.hosts[lane] = HostState(
        lane, "a.example", pause_until=START + 10**10
    )
    world.add("a.example")
    assert world.next() is None
    assert world.wait() == MAX_PAUSE_ASKED_SECONDS
    assert world.next() is not None


@pytest.mark.parametrize("purpose", ["url", "robots"])
def test_a_good_answer_may_ask_for_a_pause(purpose: str) -> None:
    world = obedient() if purpose == "robots" else World()
    task, _ = world.add("a.example", 2)
    asked = world.next()
    assert asked is not None
    if purpose == "robots":
        rules = RobotsText(asked, "", world.now, 200, pause=7.0)
        world.frontier.robots.receive(rules, world.now)
        world.answer(rules)
    else:
        world.answer(replace(fetched(asked), pause=7.0))
        world.finish(task)
    assert world.next() is None
    assert world.wait() == 7.0


# Hosts in the order in which a round comes to them.
FIRST, SECOND, THIRD = sorted(
    ["a.example", "b.example", "c.example"], key=lane_of
)


def test_what_a_host_teaches_in_a_lane_that_is_read_again_is_not_forgotten() -> (
    None
):
    world = World(fetch=FetchSettings(retries=0))
    world.add(SECOND)
    task = world.next()
    assert task is not None
    first, following = world.add(FIRST, 2)
    assert world.next() == first
    world.answer(replace(fetched(task), pause=100.0))
    world.finish(task)
    world.done(first)
    assert world.next() == following
    assert world.frontier._lanes.find(lane_of(SECOND)) is None
    world.add(SECOND)
    assert world.next() is None, "its pause outlives its lane"
    assert world.wait() >= 100
    assert world.next() is not None


def test_a_host_is_looked_up_only_if_something_may_be_remembered() -> None:
    world = World()
    looked_up: list[int] = []
    known = lane_of(SECOND)
    world.rows.hosts[known] = HostState(known, SECOND)
    world.rows.host = looked_up.append  # type: ignore[method-assign,assignment]
    for host in (FIRST, SECOND, THIRD):
        world.add(host)
    assert len(world.all_now()) == 3
    assert looked_up == [known]


def test_lanes_that_come_next_are_filled_together() -> None:
    """Each with what is not out already, though another lane asked for it."""
    world = World()
    known(world, FIRST)
    world.add(FIRST, 2)
    world.add(SECOND, 2)
    (under_way,) = world.add(THIRD)
    reads: list[list[int]] = []
    first_of_lanes = world.rows.first_of_lanes

    def reading(
        lanes: Sequence[int], limit: int, without: Collection[int]
    ) -> list[list[Waiting]]:
        reads.append(list(lanes))
        return first_of_lanes(lanes, limit, without)

    world.rows.first_of_lanes = reading  # type: ignore[method-assign]
    asked = world.all_now()
    assert len({task.id for task in asked}) == len(asked) == 4
    assert under_way in asked
    assert reads[0] == [lane_of(FIRST)], "the others are not awake"
    assert sorted(reads[1]) == sorted(map(lane_of, (SECOND, THIRD)))


def test_a_host_that_comes_among_those_read_ahead_is_met_in_the_next_round() -> (
    None
):
    world = World()
    first, third = world.add(FIRST) + world.add(THIRD)
    assert world.next() == first
    (second,) = world.add(SECOND)
    assert world.all_now() == [third, second]


class Chaos:
    """A pipeline that answers in any order, moves, fails, and adds as it goes."""

    def __init__(
        self, seed: int, threads: int, hosts: int, urls: int, keys: HostSettings
    ) -> None:
        self.draw = random.Random(seed)
        self.world = World(
            keys, FetchSettings(retries=2, max_redirects=3), threads
        )
        self.names = [f"h{n}.example" for n in range(hosts)]
        self.left = urls
        self.air: list[Task] = []
        self.processing: list[Task] = []
        self.outcomes: Counter[int] = Counter()
        self.answered: set[str] = set()

    def run(self) -> None:
        for _ in range(self.left // 2):
            self.intake()
        idle = 0
        while not self.over():
            if not self.step():
                idle += 1
                assert idle < 3, "it stands still, and nothing will ever open"
                continue
            idle = 0
        assert self.outcomes == Counter(range(1, self.world.added + 1))
        assert self.world.frontier._lanes.awake == {}

    def over(self) -> bool:
        busy = self.air or self.processing or self.left
        return not busy and self.world.frontier.finished

    def step(self) -> bool:
        """One thing that may happen; False if only time could pass, and there is none to wait."""
        ways = []
        if len(self.air) < self.world.threads + new_host_threads(
            self.world.threads
        ):
            ways += [self.hand_out] * 3
        if self.air:
            ways += [self.land] * 2
        if self.processing:
            ways.append(self.record)
        if self.left:
            ways.append(self.intake)
        if self.draw.choice(ways)() if ways else False:
            return True
        if self.air or self.processing or self.left:
            return True
        if self.hand_out():
            return True
        opens = self.world.frontier.opens_at()
        if opens is not None:
            self.world.now = max(self.world.now, opens)
        return opens is not None or self.world.frontier.finished

    def intake(self) -> bool:
        self.left -= 1
        self.world.add(self.draw.choice(self.names))
        return True

    def hand_out(self) -> bool:
        decision = self.world.decide()
        if decision is None:
            return False
        task = decision.task
        if decision.refusal is not None:
            self.end(task)
            return True
        assert task.id not in [
            each.id for each in (*self.air, *self.processing)
        ], "twice at once"
        here = [each for each in self.air if each.url.host == task.url.host]
        assert len(here) < self.world.hosts.per_host
        new_hosts = {
            each.url.host for each in (*self.air, task)
        } - self.answered
        assert len(new_hosts) <= max(new_host_threads(self.world.threads), 1)
        self.air.append(task)
        return True

    def land(self) -> bool:
        task = self.air.pop(self.draw.randrange(len(self.air)))
        fate = self.draw.random()
        if fate < 0.5:
            self.answered.add(task.url.host)
            self.world.answer(fetched(task))
            self.processing.append(task)
        elif fate < 0.7:
            self.answered.add(task.url.host)
            to = f"https://{self.draw.choice(self.names)}/hop/{self.draw.randrange(5)}"
            if self.world.move(task, to) is not None:
                self.outcomes[task.id] += 1
        else:
            kind = self.draw.choice(["connect_refused", "connection_lost", "timeout_read",
                                     "dns_not_found", "protocol_error"])  # fmt: skip
            if kind == "protocol_error":
                self.answered.add(task.url.host)
            if not self.world.fail(task, kind):
                self.outcomes[task.id] += 1
        return True

    def record(self) -> bool:
        task = self.processing.pop(self.draw.randrange(len(self.processing)))
        if self.draw.random() < 0.1:
            # Its worker died while the run was stopping.
            self.world.frontier.requeue_unattempted(task)
        else:
            self.end(task)
        return True

    def end(self, task: Task) -> None:
        self.outcomes[task.id] += 1
        self.world.finish(task)


@given(
    seed=st.integers(0, 2**32),
    threads=st.integers(1, 6),
    hosts=st.integers(1, 8),
    urls=st.integers(0, 60),
    per_host=st.integers(1, 4),
    delay=st.sampled_from([0.0, 0.5, 30.0]),
)
@example(seed=1, threads=2, hosts=8, urls=60, per_host=4, delay=0.0)
@settings(max_examples=120, deadline=None)
def test_whatever_happens_every_url_has_its_end_and_is_never_asked_twice_at_once(
    seed: int, threads: int, hosts: int, urls: int, per_host: int, delay: float
) -> None:
    Chaos(
        seed,
        threads,
        hosts,
        urls,
        polite(per_host=per_host, delay_seconds=delay),
    ).run()


@given(seed=st.integers(0, 2**32), read_ahead=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_so_it_is_where_lanes_must_sleep(seed: int, read_ahead: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "MAX_LANES", 4)
        patch.setattr(lanes, "READ_AHEAD", read_ahead)
        Chaos(seed, 4, 12, 60, polite(delay_seconds=30.0)).run()


def test_canonical_hosts_are_lanes() -> None:
    assert lane_of(canonical("HTTP://A.example:80/").host) == lane_of(
        "a.example"
    )


def test_what_needs_no_request_does_not_wait_for_the_pause_of_its_host() -> (
    None
):
    """A host that refuses its robots.txt has a pause ahead when its URLs end."""
    world = obedient()
    world.add("a.example", 3)
    ended = []
    for task, refusal in decisions(world):
        if refusal is None:
            failure = errors.of_status(503, "")
            world.robots(FetchFailed(task, failure, task.url, world.now))
        else:
            ended.append((kind_of(refusal), world.now - START))
            world.finish(task)
    assert ended == [("robots_unreachable", 60.0)] * 3


def test_a_list_that_goes_on_sets_no_second_alarm_for_a_lane() -> None:
    """Each slice of a long list names the same hosts, which wait."""
    world = World(polite(delay_seconds=100))
    for number in range(3):
        known(world, f"{number}.example")
    for _ in range(50):
        for number in range(3):
            world.add(f"{number}.example")
        assert world.decide() is None
    assert len(world.frontier._lanes._timers.heap) <= 3


def test_lanes_that_wait_for_their_hosts_are_left_alone_by_new_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scraper.frontier.lanes.MAX_LANES", 4)
    monkeypatch.setattr("scraper.frontier.lanes.READ_AHEAD", 1)
    world = World(polite(delay_seconds=100))
    hosts = [f"{number}.example" for number in range(4)]
    for host in hosts:
        world.add(host, 2)
    while (task := world.next()) is not None:
        world.done(task)
    read: list[int] = []
    ask = world.rows.first_of_lanes

    def counted(lanes: Sequence[int], *rest: Any) -> list[list[Waiting]]:
        read.extend(lanes)
        return ask(lanes, *rest)

    monkeypatch.setattr(world.rows, "first_of_lanes", counted)
    assert world.frontier._lanes.asleep
    assert world.frontier._lanes.awake
    for host in hosts * 3:
        world.add(host)
        assert world.decide() is None
    assert read == []
    left = [task for task, _ in decisions(world) if world.done(task) is None]
    assert len(left) == 4 + 12


@pytest.mark.parametrize("follows", [False, True])
def test_where_links_lead_waits_for_what_the_last_pages_say(
    follows: bool,
) -> None:
    traps = Traps(TrapSettings(), {}) if follows else None
    world = World(traps=traps)
    world.add("a.example", 3 * MOST_UNREAD)
    unread: list[Task] = []
    while len(unread) < 2 * MOST_UNREAD and (task := world.next()) is not None:
        world.answer(fetched(task))  # it came, and waits to be read
        unread.append(task)
    assert len(unread) == (MOST_UNREAD if follows else 2 * MOST_UNREAD)
    if follows:
        world.add("b.example")
        assert world.next() is not None  # another host waits for nothing
        world.finish(unread[0])
        again = world.next()
        assert again is not None
        world.answer(fetched(again))
        assert world.next() is None
