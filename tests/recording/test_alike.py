"""What many URLs of a host come to is known, within bounds, and over runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.model import Fetched, Hop, Task, Timings
from scraper.recording import alike
from scraper.recording.alike import MANY, SLOTS, Alike
from scraper.storage.ledger import Ledger
from scraper.urls import parts_of


def _fetched(url: str, body: str, ended: str = "") -> Fetched:
    asked = parts_of(url)
    hops = (Hop(asked, 302),) if ended else ()
    task = Task(1, parts_of(ended or url), asked, hops=hops)
    digest = hashlib.sha256(body.encode()).hexdigest()
    return Fetched(task, task.url, 200, "page", "text/html", None, (), "1.part", len(body),
                   len(body), digest, 0.0, Timings())  # fmt: skip


def _look(looking: Alike, number: int, body: str, host: str = "a") -> bool:
    url = f"http://{host}.test/{number}"
    return looking.look(_fetched(url, body)) is not None


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield ledger
    ledger.close()


def test_the_fifth_url_with_one_body_is_flagged_and_all_behind_it() -> None:
    looking = Alike()
    seen = [_look(looking, number, "same") for number in range(8)]
    assert seen == [False] * (MANY - 1) + [True] * 4
    assert not _look(looking, 9, "other")
    assert not _look(looking, 9, "same", host="b"), "of another host"


def test_one_url_counts_once_and_an_empty_body_is_none() -> None:
    looking = Alike()
    assert not any(_look(looking, 1, "same") for _ in range(2 * MANY))
    assert not any(_look(looking, number, "") for number in range(2 * MANY))


def test_where_redirects_led_counts_without_where_they_came_from() -> None:
    looking = Alike()
    flags = [
        looking.look(
            _fetched(
                f"http://a.test/{number}",
                f"body {number}",
                f"http://a.test/login?from=%2F{number}",
            )
        )
        for number in range(MANY)
    ]
    assert flags[-2] is None
    assert flags[-1] == (
        "looks_same",
        f"http://a.test/login in the place of {MANY} URLs or more of a.test",
    )


def test_what_came_up_twice_outlasts_what_did_not() -> None:
    looking = Alike()
    _look(looking, 0, "once")
    for number in range(MANY - 1):
        _look(looking, number, "same")
    for number in range(3 * SLOTS):
        _look(looking, number, f"body {number}")
    assert _look(looking, 10_000, "same")
    for number in range(1, MANY):
        assert not _look(looking, number, "once"), "the first is forgotten"


def test_a_host_keeps_no_more_than_its_slots(ledger: Ledger) -> None:
    looking = Alike(ledger.alike)
    for number in range(3 * SLOTS):
        for again in (0, 1):
            _look(looking, 2 * number + again, f"body {number}")
    ledger.flush()
    count = "SELECT count(*) FROM alike"
    assert ledger.value_of(count) == SLOTS


def test_the_next_run_knows_what_the_last_commit_held(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    looking = Alike(ledger.alike)
    for number in range(MANY - 2):
        _look(looking, number, "same")
    ledger.commit()
    _look(looking, 99, "same")
    ledger.rollback()
    ledger.close()
    again = Ledger(ledger.path)
    looking = Alike(again.alike)
    assert not _look(looking, 98, "same")
    assert _look(looking, 97, "same")
    again.close()


@pytest.mark.parametrize("is_kept", [True, False])
def test_hosts_are_forgotten_but_for_the_ledger(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, is_kept: bool
) -> None:
    monkeypatch.setattr(alike, "MAX_SLOTS", 4)
    looking = Alike(ledger.alike if is_kept else None)
    for number in range(MANY - 1):
        _look(looking, number, "same")
        for host in ("b", "c", "d", "e", "f"):
            _look(looking, number, f"{number} of {host}", host)
    assert _look(looking, MANY, "same") is is_kept
