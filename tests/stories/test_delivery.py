"""An outcome is told soon after it is there, however long the next one takes."""

from __future__ import annotations

import random
from pathlib import Path
from queue import Empty

import pytest

from scraper.config import configure
from scraper.journal import BATCH_SECONDS
from scraper.runner import Run
from scraper.sources.source import given_source
from tests.stories.simulated import HOSTS, Deck, makers_of, url_of

LAG_SECONDS = 0.01  # of the played clock


class Trickle(Deck):
    """Something is finished only each `seconds`; notes when an answer has come."""

    def __init__(self, seconds: float) -> None:
        super().__init__(random.Random(7))
        self._seconds = seconds
        self._next = self.now()
        self.answered_at: list[float] = []

    def put(self, message: object) -> None:
        if type(message).__name__ == "Answered":
            self.answered_at.append(self.now())
        super().put(message)

    def get(self, timeout: float) -> object:
        if not self.empty():
            return self.get_nowait()
        if self._jobs and self._next <= self.now() + timeout:
            self._at = max(self._next, self.now())
            self._next += self._seconds
            self._finish_one()
            return self.get(0.0)
        self._at += timeout
        raise Empty


@pytest.mark.parametrize("seconds", [0.3, 0.7, 10.0])
def test_an_outcome_is_told_within_half_a_second(
    seconds: float, tmp_path: Path
) -> None:
    deck = Trickle(seconds)
    config = configure(
        dir=str(tmp_path / "run"),
        robots="off",
        allow_hosts=HOSTS,
        save_only=True,
    )
    urls = [url_of(f"gone/{number}") for number in range(12)]

    told_at = []
    sources = [given_source(urls, "list")]
    with Run(sources, config, makers=makers_of(deck)) as run:
        for _ in run:
            told_at.append(deck.now())

    waited = [
        told - answered
        for answered, told in zip(deck.answered_at, told_at, strict=True)
    ]
    assert max(waited) <= BATCH_SECONDS + LAG_SECONDS
