"""A month of nights: what is told of each URL is what is true of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.stories.year import Year, nights


def test_a_month_is_told_as_it_was(tmp_path: Path) -> None:
    total: Counter[str] = Counter()
    kills = 0
    for _, told, killed in nights(Year(urls=100, nights=30, seed=3), tmp_path):
        total += told
        kills += killed
    words = {"new", "changed", "moved", "back", "gone", "unknown"}
    assert set(total) == words, "each of them came"
    assert kills > 0
