"""When an answer comes too slowly, by a clock that the tests hold."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from scraper.http.speed import WINDOW_SECONDS, MinSpeed, TooSlow

LIMIT = 1_000  # bytes a second


class Server:
    """Sends what it is given: after so many seconds so many bytes."""

    def __init__(self, sent: Iterable[tuple[float, int]]) -> None:
        self.now = 0.0
        self._sent = iter(sent)
        self.receive = MinSpeed(LIMIT, lambda: self.now).watch(self._send)

    def _send(self, most: int) -> bytes:
        seconds, size = next(self._sent, (0.0, 0))
        self.now += seconds
        return bytes(size)

    def receive_all(self, own_seconds: float = 0.0) -> int:
        received = 0
        while piece := self.receive(65_536):
            received += len(piece)
            self.now += own_seconds
        return received


FIRST = (0.0, 1)


@pytest.mark.parametrize("size", [1, 100, LIMIT - 1])
def test_an_answer_below_the_limit_is_given_up_after_the_window(
    size: int,
) -> None:
    server = Server([FIRST, *[(1.0, size)] * 1_000])
    with pytest.raises(TooSlow) as caught:
        server.receive_all()
    assert server.now == WINDOW_SECONDS
    assert str(caught.value) == (
        f"{size:,} bytes a second, over 30 s; min_speed is 1,000"
    )


@pytest.mark.parametrize("seconds", [0.001, 1.0, 29.0, 120.0])
def test_an_answer_at_the_limit_goes_on(seconds: float) -> None:
    pieces = [(seconds, round(LIMIT * seconds))] * 1_000
    assert Server([FIRST, *pieces]).receive_all() == 1 + sum(
        size for _, size in pieces
    )


def test_what_came_before_the_window_does_not_count() -> None:
    fast, slow = [(1.0, 10**9)] * 100, [(1.0, 10)] * 100
    server = Server([FIRST, *fast, *slow])
    with pytest.raises(TooSlow):
        server.receive_all()
    assert server.now == 100 + WINDOW_SECONDS


def test_a_pause_within_the_window_is_made_good_by_what_follows() -> None:
    pieces = [(29.0, 1), (0.5, 40 * LIMIT)] * 20
    server = Server([FIRST, *pieces, (30.0, 1), (30.0, 1)])
    with pytest.raises(TooSlow):
        server.receive_all()
    assert server.now == 20 * 29.5 + 30.0


def test_the_last_byte_is_never_too_slow() -> None:
    """It is there: nothing would be gained."""
    server = Server([FIRST, (1_000.0, 10)])
    server.receive(1)
    assert server.receive(10) == bytes(10)


def test_neither_our_own_time_nor_the_wait_for_the_first_byte_counts() -> None:
    server = Server([(500.0, 1), *[(0.01, 100)] * 1_000])
    assert server.receive_all(own_seconds=60.0) == 1 + 100 * 1_000
