"""The pure schedule: a function of clock readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.schedule.beats import JITTER, MAX_LATE, Beat, Grid

INTERVALS = st.floats(1.0, 90_000.0)
SHARES = st.floats(0.0, 1.0)
# What each beat takes, as a share of the interval; how late it begins; what is drawn.
TURNS = st.lists(st.tuples(st.floats(0.0, 5.0), SHARES, SHARES), max_size=20)


@given(st.floats(0.0, 1e7), INTERVALS, TURNS)
def test_beats_keep_their_distance_and_never_lie_in_the_past(
    first: float, interval: float, turns: list[tuple[float, float, float]]
) -> None:
    grid, rounding = Grid(first, interval), 1e-3
    beat, places = Beat(0, first), 1
    for takes, late, drawn in turns:
        began = beat.at + late * MAX_LATE * interval
        assert not grid.is_late(beat, began - rounding)
        now = began + takes * interval
        following = grid.next_after(beat.number, now, lambda share=drawn: share)  # type: ignore[misc]
        assert following.at >= now - rounding
        assert following.at - began >= (1 - JITTER - MAX_LATE) * interval - (
            rounding
        )
        ahead = following.at - (first + following.number * interval)
        assert -rounding <= ahead <= JITTER * interval + rounding, "no drift"
        places += 1 + following.left_out
        assert places == following.number + 1, "each is taken or left out"
        beat = following


@pytest.mark.parametrize(
    ("now", "number", "left_out"),
    [
        (100.0, 1, 0),
        (159.9, 1, 0),
        (160.0, 1, 0),
        (160.1, 2, 1),
        (1_000.0, 15, 14),
        (50.0, 1, 0),
    ],
)
def test_what_is_over_is_left_out_and_never_piles_up(
    now: float, number: int, left_out: int
) -> None:
    beat = Grid(100.0, 60.0).next_after(0, now, lambda: 0.0)
    assert (beat.number, beat.left_out) == (number, left_out)


def test_a_machine_that_slept_wakes_up_too_late() -> None:
    grid = Grid(0.0, 3_600.0)
    beat = grid.next_after(0, 10.0, lambda: 0.0)
    assert not grid.is_late(beat, 3_700.0)
    assert grid.is_late(beat, 7_000.0)
    assert grid.next_after(beat.number, 7_000.0, lambda: 0.0).number == 2
