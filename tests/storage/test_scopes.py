"""How many places the list has ever named."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from scraper.frontier.follow.scope import Scope
from scraper.storage.ledger import Ledger
from scraper.urls import canonical

A, A_TOO, B = map(
    canonical,
    ("https://a.example/", "https://a.example/1", "https://b.example/"),
)


def test_each_place_counts_once_over_all_runs(tmp_path: Path) -> None:
    for size in (2, 2):
        with closing(Ledger(tmp_path / "ledger.sqlite")) as ledger:
            scope = Scope("path", ledger.scopes)
            scope.note_listed([A, A_TOO])
            scope.note_listed([B, A])
            assert scope.size == size == ledger.scopes.count()
            ledger.commit()
