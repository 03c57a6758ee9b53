"""Small forms of `python -m benchmarks futures --stress` and `--sessions`."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from benchmarks import leaks, stress
from benchmarks.server import serving


@pytest.mark.parametrize("with_folder", [False, True])
@pytest.mark.parametrize(("seed", "in_the_middle"), [(1, False), (2, True)])
def test_every_future_ends_once(
    seed: int, in_the_middle: bool, with_folder: bool
) -> None:
    played, ends, _ = stress.play(
        seed, 50, with_folder=with_folder, close_in_the_middle=in_the_middle
    )
    assert not played.problems
    if not in_the_middle:
        assert len(played.futures) == 50 * stress.THREADS
        assert played.raised
        assert min(ends[each] for each in ("done", "cancelled")) > 0


def test_nothing_is_left_of_sessions(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()  # a descriptor is closed, not found by the collector
    try:
        with serving(body="good") as site:
            left = leaks.open_and_close(10, f"{site.url}/page", tmp_path)
    finally:
        gc.enable()
    assert not left
