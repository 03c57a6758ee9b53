"""Which places of a run a story breaks: of each kind the first and the last, and some by a seed.

`python -m tests.stories.places` tells the stories of full disks and damaged ledgers with every
place there is, which takes some minutes.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence

import pytest

from tests.conftest import PROJECT

STORIES = ("test_disk_full.py", "test_damaged_ledger.py")
SEED = 7
DRAWN = 12
_EVERY = "TEST_EVERY_PLACE"


def selected(kinds: Sequence[str]) -> list[int]:
    """The places to break, where `kinds` says of each place in turn what happens there."""
    if _EVERY in os.environ:
        return list(range(len(kinds)))
    first = {kind: place for place, kind in reversed(list(enumerate(kinds)))}
    last = {kind: place for place, kind in enumerate(kinds)}
    drawn = random.Random(SEED).sample(
        range(len(kinds)), min(DRAWN, len(kinds))
    )
    return sorted({*first.values(), *last.values(), *drawn})


def main() -> None:
    os.environ[_EVERY] = "1"
    stories = [str(PROJECT / "tests" / "stories" / name) for name in STORIES]
    sys.exit(pytest.main(["-q", *sys.argv[1:], *stories]))


if __name__ == "__main__":
    main()
