"""Hosts that refuse, die, lie or come back, on a played clock: every promise is kept.

`python -m benchmarks hosts` plays the same with more seeds and longer lists.
"""

from __future__ import annotations

import pytest

from benchmarks.played.scenarios import PLANS
from benchmarks.played.verdict import judge

pytestmark = pytest.mark.usefixtures("real_pauses")

URLS = 100
SEEDS = (1,)  # killed and resumed in the midst of most plays


@pytest.mark.parametrize("name", PLANS)
def test_every_promise_is_kept(name: str) -> None:
    faults = [
        f"seed {seed}: {fault}"
        for seed in SEEDS
        for fault in judge(PLANS[name], seed, URLS).faults
    ]
    assert faults == []
