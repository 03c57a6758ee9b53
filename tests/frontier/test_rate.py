"""What a host's refusals teach of its limits, against played limits of many kinds."""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from benchmarks.played.behaviours import LATENCY
from benchmarks.played.limits import LIMITS, Bucket, Limit
from benchmarks.played.world import Answer, Asked
from scraper.frontier.rate import (
    BLOCK,
    FIRST_WIDTH,
    HOLD_SECONDS,
    MAX_IN_VAIN,
    QUIET_SECONDS,
    Rate,
)
from scraper.frontier.trouble import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS

PER_HOST = 4
FIRST_SECONDS = 60.0


class Lane(Struct):
    """One lane, as the frontier asks it: pauses after refusals, and one probe after each."""

    limit: Callable[[Asked], Answer]
    rate: Rate
    draw: random.Random
    now: float = 0.0
    good: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    begins: list[float] = field(default_factory=list)
    _under_way: list[tuple[float, int, float, bool]] = field(
        default_factory=list
    )
    _opens: float = 0.0
    _paused_until: float = 0.0
    _refusals: int = 0

    def ask(self, urls: int, seconds: float = 7_200.0) -> None:
        """Until so many have been answered, or so long."""
        end, wanted = self.now + seconds, len(self.good) + urls
        while len(self.good) < wanted and self.now < end:
            if self._may_begin(wanted):
                self._begin()
            else:
                self._end()

    def _may_begin(self, wanted: int) -> bool:
        if len(self._under_way) >= self._at_once():
            return False
        if len(self.good) + len(self._under_way) >= wanted:
            return False
        opens = max(self._opens, self._paused_until)
        if self._under_way and self._under_way[0][0] < opens:
            return False
        self.now = max(self.now, opens)
        return True

    def _at_once(self) -> int:
        is_new = self._refusals or not self.good
        return 1 if is_new else self.rate.at_once(PER_HOST)

    def _begin(self) -> None:
        asked = Asked(self.now, "/", len(self.begins), len(self._under_way))
        answer = self.limit(asked)
        end = self.now + answer.after * self.draw.uniform(0.9, 1.1)
        is_good = answer.status == 200
        heappush(self._under_way, (end, len(self.begins), self.now, is_good))
        self.begins.append(self.now)
        self._opens = self.now + self.rate.interval

    def _end(self) -> None:
        self.now, _, began, is_good = heappop(self._under_way)
        is_news = began >= self._paused_until
        if is_good:
            self.good.append(self.now)
            if self._refusals and is_news:
                self._refusals = 0
                self.rate.learn_recovery(began, self.now)
                self._opens = began + self.rate.interval
            if not self._refusals:
                self.rate.learn_answer(
                    self.now - began,
                    self.now,
                    is_alone=not self._under_way,
                    bound=PER_HOST,
                )
        else:
            self.refused.append(self.now)
            self.rate.learn_refusal(self.now, PER_HOST)
            if is_news:
                self._pause()

    def _pause(self) -> None:
        self._refusals += 1
        doubled = FIRST_PAUSE_SECONDS * 2.0 ** (self._refusals - 1)
        pause = min(doubled, MAX_PAUSE_SECONDS) * self.draw.uniform(1, 1.25)
        if self._refusals == 1:
            pause = max(pause, self.rate.first_pause)
        self._paused_until = self.now + pause

    def share(self, permits: float) -> float:
        """Of what is permitted, after the first minute."""
        good = sum(at > FIRST_SECONDS for at in self.good)
        return good / (permits * (self.now - FIRST_SECONDS))


def lane_of(limit: Callable[[Asked], Answer], seed: int = 0) -> Lane:
    return Lane(limit, Rate(), random.Random(seed))


def made(name: str, seed: int = 0) -> Limit:
    return LIMITS[name](random.Random(seed).random())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LIMITS)
def test_a_host_is_asked_for_what_it_permits(name: str, seed: int) -> None:
    limit = made(name, seed)
    lane = lane_of(limit, seed)
    lane.ask(max(2_000, int(limit.permits * 200)))
    assert lane.share(limit.permits) >= 0.8
    asked = len(lane.good) + len(lane.refused)
    assert len(lane.refused) <= 0.05 * asked


@settings(max_examples=20, deadline=None)
@given(
    st.floats(0.2, 30.0),
    st.integers(1, 30),
    st.integers(0, 1_000),
)
def test_any_bucket_of_tokens_is_found_out(
    rate: float, burst: int, seed: int
) -> None:
    lane = lane_of(Bucket(rate, burst), seed)
    lane.ask(max(600, int(rate * 400)))
    assert lane.share(rate) >= 0.7
    asked = len(lane.good) + len(lane.refused)
    assert len(lane.refused) <= 0.06 * asked


def test_a_host_that_never_refuses_has_no_limit() -> None:
    lane = lane_of(lambda asked: Answer(LATENCY, 200))
    lane.ask(1_000)
    assert not lane.rate.is_known
    assert lane.rate.interval == 0
    assert lane.now == pytest.approx(1_000 * LATENCY / PER_HOST, rel=0.1)


def test_the_next_run_begins_at_the_learned_rate() -> None:
    limit = made("10/s, burst 10")
    lane = lane_of(limit)
    lane.ask(500)
    known = lane.rate
    later = Lane(
        limit,
        Rate(rate=known.rate, floor=known.floor, ceiling=known.ceiling),
        random.Random(1),
        now=lane.now,
    )
    later.ask(500)
    assert len(later.refused) <= 5
    assert later.now - lane.now < 65


def test_refusals_and_slow_answers_never_raise_a_rate() -> None:
    rate = Rate(rate=5.0, floor=4.0, ceiling=6.0)
    for second in range(1, 100):
        rate.learn_refusal(float(second), PER_HOST)
    assert rate.rate == 5.0
    rate.learn_recovery(200.0, 200.1)
    assert rate.rate == 5.0  # no good answer came before: nothing is learned


def test_a_rate_is_raised_only_by_answers_that_use_it() -> None:
    rate = Rate(rate=10.0, floor=9.9, ceiling=11.0)
    at = 0.0
    while at < 4 * HOLD_SECONDS:  # one a second where ten are known
        at += 1.0
        rate.learn_answer(0.05, at, is_alone=True, bound=PER_HOST)
    assert rate.rate == 10.0
    while rate.rate == 10.0:
        at += 0.1
        rate.learn_answer(0.05, at, is_alone=True, bound=PER_HOST)
        assert at < 8 * HOLD_SECONDS
    assert 10.0 < rate.rate < 11.0


def test_slowness_that_does_not_help_is_given_up() -> None:
    """Some refuse at random, however slowly they are asked."""
    draw = random.Random(3)
    lane = lane_of(
        lambda asked: Answer(LATENCY, 503 if draw.random() < 0.3 else 200)
    )
    lane.ask(400)
    paused = sum(lane.refused) and len(lane.refused) * 20.0
    assert lane.now < paused + 400 * 10
    assert len(lane.refused) > MAX_IN_VAIN


def test_a_ban_is_waited_for_as_long_as_it_took() -> None:
    lane = lane_of(made("banned for 40 s after 100"))
    lane.ask(1_000)
    assert lane.rate.is_sure_of_quota
    assert lane.rate.quota == pytest.approx(100, abs=4)
    assert 39 < lane.rate.recovery < 50
    assert lane.rate.interval == 0  # asking more slowly does not help


def test_one_long_trouble_is_no_quota() -> None:
    rate = Rate()
    for number in range(1, 101):
        rate.learn_answer(0.05, number * 0.1, is_alone=True, bound=PER_HOST)
    rate.learn_refusal(10.1, PER_HOST)
    rate.learn_recovery(100.0, 100.1)
    assert not rate.is_known
    for number in range(1, 300):
        rate.learn_answer(
            0.05, 100.1 + number * 0.1, is_alone=True, bound=PER_HOST
        )
    rate.learn_refusal(131.0, PER_HOST)
    assert rate.first_pause == 0


def test_with_each_quiet_day_a_rate_doubles_until_it_is_forgotten() -> None:
    rate = Rate(rate=2.0, floor=2.0, ceiling=2.5)
    rate.grow_older(QUIET_SECONDS)
    assert (rate.rate, rate.ceiling) == (4.0, 5.0)
    rate.grow_older(30 * QUIET_SECONDS)
    assert not rate.is_known
    rate = Rate(rate=2.0)
    rate.grow_older(-5.0)  # a clock that was set back
    assert rate.rate == 2.0


def test_answers_that_become_slow_together_take_one_step_down() -> None:
    rate = Rate()
    rate.learn_answer(0.1, 1.0, is_alone=True, bound=PER_HOST)
    assert rate.at_once(PER_HOST) == FIRST_WIDTH
    for number in range(BLOCK):
        rate.learn_answer(0.4, 2.0 + number, is_alone=False, bound=PER_HOST)
    assert rate.at_once(PER_HOST) == FIRST_WIDTH - 1
    for number in range(BLOCK):
        rate.learn_answer(0.1, 20.0 + number, is_alone=False, bound=PER_HOST)
    assert rate.at_once(PER_HOST) == FIRST_WIDTH
    assert rate.at_once(2) == 2


def answered_at_once(rate: Rate, answers: int, bound: int) -> None:
    for number in range(answers):
        rate.learn_answer(0.1, 2.0 + number, is_alone=False, bound=bound)


def test_a_quick_host_that_refuses_nothing_is_asked_for_more_at_once() -> None:
    rate = Rate()
    rate.learn_answer(0.1, 1.0, is_alone=True, bound=16)
    widths = []
    for _ in range(9):
        widths.append(rate.at_once(16))
        answered_at_once(rate, BLOCK, 16)
    assert widths == [4, 5, 6, 7, 8, 10, 12, 15, 16]
    rate.learn_refusal(100.0, 16)
    assert rate.at_once(16) == FIRST_WIDTH
    rate.learn_recovery(106.0, 106.1)
    rate.forget()
    answered_at_once(rate, 4 * BLOCK, 16)
    assert rate.at_once(16) == FIRST_WIDTH


def test_quick_answers_are_no_sign_of_load() -> None:
    rate = Rate()
    rate.learn_answer(0.001, 1.0, is_alone=True, bound=PER_HOST)
    for number in range(4 * BLOCK):
        rate.learn_answer(0.02, 2.0 + number, is_alone=False, bound=PER_HOST)
    assert rate.at_once(PER_HOST) == FIRST_WIDTH
