"""Spoiled pictures in one run: each ends in time, as a picture does, and says nothing aloud."""

from __future__ import annotations

import pytest

from benchmarks.mutations import PICTURE_KINDS
from benchmarks.pictures import EXPECTED, try_pictures

SEED = 30


def test_a_thousand_spoiled_pictures_are_borne(
    capfd: pytest.CaptureFixture[str],
) -> None:
    counts, broken = try_pictures(1_000, SEED)
    assert counts.total() == 1_001
    assert {kind for kind, _ in counts} == {*PICTURE_KINDS, "whole"}
    assert {result for _, result in counts} == EXPECTED
    assert broken == 0, "no worker has died of a picture"
    assert counts["whole", "done"] == 1, "the pool goes on"
    assert capfd.readouterr() == ("", "")
