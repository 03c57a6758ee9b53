"""Whole runs wait for their hosts by a real clock: in tests a fiftieth of the pauses is enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scraper.frontier import rate, trouble
from scraper.guard import lookup_rate, resolver

SHARE = 1 / 50
NAMES = {
    trouble: (
        "FIRST_PAUSE_SECONDS",
        "MAX_PAUSE_SECONDS",
        "SILENCE_PAUSE_SECONDS",
        "PATIENCE_WITH_NEW",
        "PATIENCE_WITH_FAILED",
    ),
    rate: ("SHORT_SECONDS", "MIN_STEP_SECONDS", "HOLD_SECONDS"),
    resolver: ("RETRY_SECONDS",),
    lookup_rate: ("GONE_SECONDS",),
}
REAL = [
    (module, name, getattr(module, name))
    for module, names in NAMES.items()
    for name in names
]


@pytest.fixture(scope="package", autouse=True)
def short_pauses() -> Iterator[None]:
    """Hosts in trouble are asked again soon, and given up soon if they have never answered."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in REAL:
            shorter = (
                tuple(each * SHARE for each in value)
                if isinstance(value, tuple)
                else value * SHARE
            )
            patch.setattr(module, name, shorter)
        yield


@pytest.fixture
def real_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As users have them: for runs by a played clock."""
    for module, name, value in REAL:
        monkeypatch.setattr(module, name, value)
