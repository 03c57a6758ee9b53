"""Hosts that refuse, die, lie or come back, on a played clock: every promise is kept.

`python -m benchmarks hosts` plays the same with more seeds and longer lists.
"""

from __future__ import annotations

import pytest

from benchmarks.played.scenarios import PLANS
from benchmarks.played.verdict import judge

pytestmark = pytest.mark.usefixtures("real_pauses")

URLS = 100
# Of the hosts that permit so much and no more; tests/frontier/test_rate.py
# has all of them, without the frontier around what is learned.
LIMITED = {"permits 2/s, burst 10"}
PLAYED = [
    name for name in PLANS if name in LIMITED or not name.startswith("permits")
]
SEEDS = (1,)  # killed and resumed in the midst of most plays


def test_the_limited_hosts_are_played() -> None:
    assert set(PLAYED) > LIMITED


@pytest.mark.parametrize("name", PLAYED)
def test_every_promise_is_kept(name: str) -> None:
    faults = [
        f"seed {seed}: {fault}"
        for seed in SEEDS
        for fault in judge(PLANS[name], seed, URLS).faults
    ]
    assert faults == []
