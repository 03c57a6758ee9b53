"""What is parked waits in no lane, and comes back to the one where it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from scraper.model import Hop, Line, Task
from scraper.storage.follow.parked import FOR_LINKS, FOR_LIST
from scraper.storage.ledger import Ledger
from scraper.urls import canonical, lane_of

HOME, AWAY = "https://a.example/1", "https://b.example/"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    opened.intake.add([Line(canonical(HOME), source=1, line=1)], 1)
    yield opened
    opened.close()


def task_of(ledger: Ledger) -> Task:
    (waiting,) = ledger.waiting.of_ids([1])
    return waiting.task


def lanes_of(ledger: Ledger) -> set[int]:
    return set(ledger.waiting.next_lanes(-1, 9))


def test_it_comes_back_to_its_lane(ledger: Ledger) -> None:
    ledger.parked.park_for_list(1)
    assert not lanes_of(ledger)
    assert ledger.waiting.count_pending() == 1
    assert not ledger.parked.release(FOR_LINKS)
    assert not ledger.parked.release_for_list([7])
    home = {lane_of("a.example")}
    assert ledger.parked.release_for_list([1, 7]) == home == lanes_of(ledger)


def test_what_was_redirected_comes_back_to_the_lane_where_it_was_sent(
    ledger: Ledger,
) -> None:
    task = task_of(ledger)
    sent = replace(task, url=canonical(AWAY), hops=(Hop(task.origin_url, 302),))
    ledger.waiting.requeue(sent, due=0.0, attempts=0)
    ledger.parked.park_for_list(1)
    away = {lane_of("b.example")}
    assert ledger.parked.release(FOR_LIST) == away == lanes_of(ledger)
    assert task_of(ledger).url == canonical(AWAY)


@pytest.mark.parametrize("place", [FOR_LIST, FOR_LINKS])
def test_the_next_run_takes_it_up(ledger: Ledger, place: int) -> None:
    ledger.parked.park(1, place)
    ledger.commit()
    ledger.parked.release_all()
    assert lanes_of(ledger) == {lane_of("a.example")}


def test_what_has_ended_does_not_come_back(ledger: Ledger) -> None:
    ledger.parked.park_for_list(1)
    ledger.flush()
    ledger.execute("UPDATE url SET outcome = 'skipped'")
    assert not ledger.parked.release_for_list()
