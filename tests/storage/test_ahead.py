"""What waits in a ledger, host by host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from scraper.model import Hop
from scraper.sources.text import parse_line
from scraper.storage.due.ahead import Ahead, Origin
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.storage.sets.bitmap import Bitmap
from scraper.urls import canonical, lane_of


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def add(ledger: Ledger, *texts: str) -> Bitmap:
    """Name these in a list; returns the rows that it has named."""
    seen = Bitmap()
    lines = [parse_line(text, 0, n) for n, text in enumerate(texts, 1)]
    ledger.intake.add([e for e in lines if e is not None], 1, seen=seen)
    return seen


def test_a_host_has_an_origin_for_each_scheme(ledger: Ledger) -> None:
    http, https = "http://a.example/", "https://a.example/"
    add(ledger, f"{http}1", f"{https}2", f"{http}3", "https://b.example/")
    ahead, lane = Ahead(ledger), lane_of("a.example")
    assert list(ahead.lanes()) == sorted([lane, lane_of("b.example")])
    assert ahead.origins_of(lane) == [
        Origin("http", 1, 2),
        Origin("https", 2, 1),
    ]
    assert list(ahead.urls_of(lane, "http")) == [f"{http}1", f"{http}3"]
    assert list(ahead.urls_of(lane, "https")) == [f"{https}2"]
    assert ahead.count() == 4
    assert ahead.count(after=3) == 1
    assert ahead.last_row() == 4


def test_what_has_ended_does_not_wait(ledger: Ledger) -> None:
    add(ledger, "http://a.example/1", "http://a.example/2")
    ahead, lane = Ahead(ledger), lane_of("a.example")
    (first,) = ledger.waiting.of_ids([1])
    ledger.waiting.finish(first.task, FinishedRow("done", None, 1), 1)
    ledger.flush()
    assert ahead.origins_of(lane) == [Origin("http", 2, 1)]


def test_on_its_way_through_redirects_a_url_waits_where_it_leads(
    ledger: Ledger,
) -> None:
    add(ledger, "http://a.example/1")
    (row,) = ledger.waiting.of_ids([1])
    onward = replace(
        row.task,
        url=canonical("https://b.example/2"),
        hops=(Hop(row.task.url, 301),),
    )
    ledger.waiting.requeue(onward, due=0.0, attempts=0)
    ledger.flush()
    ahead, lane = Ahead(ledger), lane_of("b.example")
    assert list(ahead.lanes()) == [lane]
    assert ahead.origins_of(lane) == [Origin("https", 1, 1)]
    assert list(ahead.urls_of(lane, "https")) == ["https://b.example/2"]


def test_lines_that_are_no_urls_are_counted_apart(ledger: Ledger) -> None:
    add(ledger, "of an earlier list")
    seen = add(ledger, "no url", "no url", "mailto:a@b", "http://a.example/")
    ahead = Ahead(ledger)
    assert ahead.refused_lines(seen) == {"bad_url": 1, "bad_scheme": 1}
    assert ahead.count() == 1
    assert len(ahead.lanes()) == 1


def test_an_empty_ledger_has_nothing_ahead(ledger: Ledger) -> None:
    ahead = Ahead(ledger)
    assert (ahead.count(), ahead.last_row()) == (0, 0)
    assert not ahead.lanes()
    assert ahead.refused_lines(Bitmap()) == {}
