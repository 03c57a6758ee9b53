"""A page that is named as a picture, too, by a page that is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.model import Line
from scraper.storage.due.overdue import WhichAreDue
from scraper.storage.ledger import Ledger
from scraper.urls import canonical

LISTED, BOTH = map(canonical, ("https://a.example/", "https://a.example/b"))
PICTURE = Line(BOTH, depth=1, parent=1)
LINK = Line(BOTH, depth=1, parent=1, level=1, how="link")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    opened.intake.add([Line(LISTED, source=1, line=1)], 1)
    yield opened
    opened.close()


def add(
    ledger: Ledger, line: Line, number: int, again: bool | WhichAreDue
) -> None:
    ledger.intake.add([line], number, listed=False, again=again)


def level_of(ledger: Ledger) -> int | None:
    level: int | None = ledger.value_of("SELECT level FROM url WHERE id = 2")
    return level


@pytest.mark.parametrize(("again", "level"), [(frozenset, 1), (True, None)])
def test_a_page_stays_one_where_its_links_are_not_read_anew(
    again: bool | WhichAreDue, level: int | None, ledger: Ledger
) -> None:
    add(ledger, LINK, 1, again=False)
    ledger.execute("UPDATE url SET outcome = 'done'")
    add(ledger, PICTURE, 2, again=again)
    assert level_of(ledger) == level
    add(ledger, LINK, 2, again=again)
    assert level_of(ledger) == 1


@pytest.mark.parametrize("lines", [(PICTURE, LINK), (LINK, PICTURE)])
def test_in_any_order_it_is_a_page(
    lines: tuple[Line, ...], ledger: Ledger
) -> None:
    for line in lines:
        add(ledger, line, 1, again=False)
    assert level_of(ledger) == 1
