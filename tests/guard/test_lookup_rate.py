"""How fast names are looked up, by a played clock: threads that ask a resolver with a limit."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from scraper.guard.lookup_rate import (
    FAILURE_INTERVAL_SECONDS,
    FIRST_RATE,
    GONE_SECONDS,
    LEFT_AFTER_FAILURE,
    MIN_RATE,
    RATE_AFTER_FAILURE,
    LookupRate,
)
from scraper.guard.resolver import RETRY_SECONDS

THREADS = 32
LATENCY = 0.05

pytestmark = pytest.mark.usefixtures("real_pauses")


# -- one step at a time -----------------------------------------------------------------------


def test_look_ups_begin_one_after_another() -> None:
    rate = LookupRate()
    waits = [rate.reserve(5.0) for _ in range(3)]
    assert waits == pytest.approx([0.0, 1 / FIRST_RATE, 2 / FIRST_RATE])
    assert rate.reserve(60.0) == 0.0, "nothing is owed for a while of silence"
    assert rate.seconds_for(100) == 100 / FIRST_RATE


def test_the_first_failure_counts_most_and_a_second_one_at_once_not_at_all() -> None:  # fmt: skip
    rate = LookupRate()
    assert rate.learn_failure(0.0, 1.0) == FIRST_RATE / RATE_AFTER_FAILURE
    assert rate.rate == RATE_AFTER_FAILURE
    soon = 1.0 + FAILURE_INTERVAL_SECONDS
    assert rate.learn_failure(soon - 0.001, soon) == 1.0
    assert rate.rate == RATE_AFTER_FAILURE
    assert rate.learn_failure(soon, soon + 0.1) == 1 / LEFT_AFTER_FAILURE
    assert rate.rate == RATE_AFTER_FAILURE * LEFT_AFTER_FAILURE


def test_the_rate_has_a_floor_and_a_ceiling() -> None:
    rate = LookupRate()
    for second in range(0, 100, 2):
        rate.learn_answer()
        rate.learn_failure(float(second), second + 0.1)
    assert rate.rate == MIN_RATE
    for _ in range(10_000):
        rate.learn_answer()
    assert rate.rate == FIRST_RATE


def test_the_rate_rises_slowly_where_it_has_failed() -> None:
    rate = LookupRate()
    rate.learn_failure(0.0, 0.1)
    answers = 0
    while rate.rate < 100.0:
        rate.learn_answer()
        answers += 1
    rate.learn_failure(2.0, 2.1)
    again, near = 0, 0
    while rate.rate < 120.0:
        near += 90.0 < rate.rate < 110.0
        again += 1
        rate.learn_answer()
    assert answers == pytest.approx(250, abs=1)
    assert near == pytest.approx(1_000, abs=10), "a fiftieth for each answer"
    assert again == pytest.approx(100 + 1_000 + 50, abs=15)


def test_what_a_name_at_fault_has_taken_is_given_back() -> None:
    rate = LookupRate()
    factor = rate.learn_failure(0.0, 0.1)
    rate.give_back(factor)
    assert rate.rate == FIRST_RATE


def test_nothing_is_given_back_where_many_fail() -> None:
    rate = LookupRate()
    factor = rate.learn_failure(0.0, 0.1)
    for _ in range(50):
        rate.learn_failure(0.0, 0.1)
    rate.give_back(factor)
    assert rate.rate == RATE_AFTER_FAILURE


# -- many threads -----------------------------------------------------------------------------


class Limited:
    """A resolver that fails where more than so many have asked within a second."""

    def __init__(self, limit: float, draw: random.Random) -> None:
        self.limit = limit
        self._draw = draw
        self._asked: deque[float] = deque()

    def __call__(self, name: int, now: float) -> bool:
        while self._asked and self._asked[0] <= now - 1.0:
            self._asked.popleft()
        self._asked.append(now)
        return len(self._asked) <= self.limit

    def latency(self) -> float:
        return LATENCY * self._draw.uniform(0.5, 1.5)


class Play:
    """Threads that look up one name after another, as those of the resolver do."""

    def __init__(
        self,
        answers: Callable[[int, float], bool],
        latency: Callable[[], float],
    ) -> None:
        self.rate = LookupRate()
        self.lost: list[int] = []
        self.answered: Counter[int] = Counter()  # by the second
        self.refused = 0
        self.now = 0.0
        self._answers, self._latency = answers, latency

    def run(self, names: int) -> float:
        """Look up so many names. Returns the seconds that took."""
        left, number = iter(range(names)), count()
        sleeping = [
            (0.0, next(number), self._thread(left)) for _ in range(THREADS)
        ]
        in_line: deque[Iterator[float | None]] = deque()
        first: Iterator[float | None] | None = None  # who has the next place
        while sleeping:
            self.now, _, thread = heapq.heappop(sleeping)
            if thread is first:
                first = None
            try:
                seconds = next(thread)
            except StopIteration:
                continue
            if seconds is None:
                in_line.append(thread)
            else:
                at = self.now + seconds
                heapq.heappush(sleeping, (at, next(number), thread))
            if first is None and in_line:
                first = in_line.popleft()
                at = self.now + self.rate.reserve(self.now)
                heapq.heappush(sleeping, (at, next(number), first))
        return self.now

    def _thread(self, names: Iterator[int]) -> Iterator[float | None]:
        """Yields how long it sleeps; None: until it is its turn to ask."""
        for name in names:
            divided = 1.0
            for pause in (0.0, *RETRY_SECONDS):
                yield pause
                yield None
                began, found = self.now, self._answers(name, self.now)
                yield self._latency()
                if found:
                    self.rate.learn_answer()
                    self.answered[int(self.now)] += 1
                    break
                self.refused += 1
                divided *= self.rate.learn_failure(began, self.now)
                if self.rate.is_gone(self.now):
                    self.lost.append(name)
                    break
            else:
                self.rate.give_back(divided)
                self.lost.append(name)


SEEDS = range(5)


def test_a_resolver_without_a_limit_is_asked_as_fast_as_it_is_permitted() -> None:  # fmt: skip
    play = Play(lambda *_: True, lambda: LATENCY)
    assert 20_000 / play.run(20_000) == pytest.approx(FIRST_RATE, rel=0.02)


@pytest.mark.parametrize("limit", [30, 100, 300])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_is_found_within_ten_seconds_and_no_name_is_lost(
    limit: int, seed: int
) -> None:
    resolver = Limited(limit, random.Random(seed))
    play = Play(resolver, resolver.latency)
    names = limit * 40
    seconds = play.run(names)
    assert play.lost == []
    found = [play.answered[second] for second in range(10, int(seconds))]
    assert sum(found) / len(found) > 0.85 * limit
    assert min(found) > 0.4 * limit
    assert play.refused < 0.12 * names


@pytest.mark.parametrize(("share", "least"), [(0.01, 140), (0.05, 60)])
@pytest.mark.parametrize("seed", SEEDS)
def test_names_whose_own_servers_fail_do_not_slow_the_others_for_good(
    share: float, least: float, seed: int
) -> None:
    """They hold their threads longer: with one in twenty of them, 32 threads look up 140 names a
    second at most."""
    draw = random.Random(seed)
    broken = {name for name in range(5_000) if draw.random() < share}
    play = Play(lambda name, _: name not in broken, lambda: LATENCY)
    play.run(5_000)
    assert set(play.lost) == broken
    found = [play.answered[second] for second in range(15)]
    assert sum(found) / len(found) > least


def test_a_resolver_that_is_gone_is_not_asked_ever_more_slowly() -> None:
    """That is an outage, or a list of dead names: the one and the other are to end."""
    play = Play(lambda *_: False, lambda: LATENCY)
    play.run(1_000)
    assert len(play.lost) == 1_000
    assert play.rate.rate == RATE_AFTER_FAILURE
    assert not play.rate.is_gone(GONE_SECONDS)
    assert play.rate.is_gone(play.now)
    play.rate.learn_answer()
    assert not play.rate.is_gone(play.now)
