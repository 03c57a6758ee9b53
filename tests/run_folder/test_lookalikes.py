"""Near hashes are found as by comparing each with each, and no chain makes a group."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.errors import UsageError
from scraper.run_folder import lookalikes
from scraper.run_folder.lookalikes import first_near, masks

if not os.environ.get("SCRAPER_READERS"):
    pytest.importorskip("numpy")

pytestmark = pytest.mark.readers


def by_comparing_all(hashes: Sequence[int], distance: int) -> list[int]:
    belongs: dict[int, int] = {}
    for place, value in enumerate(hashes):
        for other in range(place, len(hashes)):
            is_near = (value ^ hashes[other]).bit_count() <= distance
            if belongs.get(place, place) == place and is_near:
                belongs.setdefault(other, place)
    return [belongs[place] for place in range(len(hashes))]


def differing(value: int, bits: int, chance: random.Random) -> int:
    for bit in chance.sample(range(64), bits):
        value ^= 1 << bit
    return value


def families(chance: random.Random, count: int) -> list[int]:
    """Hashes of which many are a few bits from others."""
    first = [chance.getrandbits(64) for _ in range(count // 8 + 1)]
    found = [
        differing(chance.choice(first), chance.randint(0, 9), chance)
        for _ in range(count)
    ]
    return list(dict.fromkeys(found))


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(0, 16))
def test_it_is_as_comparing_each_with_each(
    chance: random.Random, distance: int
) -> None:
    hashes = families(chance, chance.randint(0, 60))
    expected = by_comparing_all(hashes, distance)
    assert first_near(hashes, distance) == expected


@pytest.mark.parametrize("crowd", [1, 2, 8])
def test_crowds_are_as_comparing_each_with_each(
    crowd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookalikes, "_CROWD", crowd)
    for seed in range(20):
        hashes = families(random.Random(seed), 120)
        assert first_near(hashes, 6) == by_comparing_all(hashes, 6)


def test_no_chain_makes_a_group() -> None:
    """A is near B, B is near C, C is not near A."""
    chain = [(1 << length) - 1 for length in range(0, 64, 4)]
    firsts = [place - place % 2 for place in range(len(chain))]
    assert first_near(chain, 6) == firsts


@pytest.mark.parametrize("count", [10, 1_000, 1_000_000])
@pytest.mark.parametrize("distance", [1, 6, 16])
def test_the_bits_that_are_compared_leave_room_for_those_that_differ(
    count: int, distance: int
) -> None:
    chosen = [*masks(count, distance)]
    chance = random.Random(count)
    for _ in range(50):
        differ = differing(0, distance, chance)
        assert any(not mask & differ for mask in chosen)
    assert all(0 < mask < 1 << 64 for mask in chosen)


def test_the_work_grows_with_the_hashes_and_not_with_their_pairs() -> None:
    """What would be 5e11 pairs are some hundred times a million."""
    compared = sum(
        10**12 / 2 / 2 ** mask.bit_count() for mask in masks(10**6, 6)
    )
    assert compared < 1_000 * 10**6
    assert len([*masks(10**6, 6)]) < 100


def test_without_numpy_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert first_near([1, 2], 0) == [0, 1]
    with pytest.raises(UsageError, match=r"pip install 'scraper\[phash\]'"):
        first_near([1, 2], 6)
