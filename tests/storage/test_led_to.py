"""What is due by its own age behind young pages is what a plain walk over the links finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scraper.storage.due.ages import Ages
from scraper.storage.due.led_to import Follows, LedTo
from scraper.storage.due.overdue import Overdue
from scraper.storage.follow.ways import Limits, Way
from scraper.storage.ledger import Ledger

BEGAN, AGE = 1_000_000.0, 600.0


class Row(NamedTuple):
    """A URL: asked so many seconds before the pass, or never."""

    listed: bool = False
    ended: bool = True
    number: int = 1
    asked: float | None = None
    level: int | None = 1
    chain: int = 0

    @property
    def is_old(self) -> bool:
        """Is it found, ended, and too old?"""
        was_asked = self.asked is not None and self.asked > AGE
        return not self.listed and self.ended and self.number == 1 and was_asked


Links = set[tuple[int, int, str | None]]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def fill(ledger: Ledger, rows: list[Row], links: Links) -> None:
    for table in ("url", "answer", "link"):
        ledger.execute(f"DELETE FROM {table}")
    for id, row in enumerate(rows, 1):
        ledger.execute(
            "INSERT INTO url (id, url, host, outcome, pass, seq_ahead, parent, level, chain)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                id,
                f"http://a/{id}",
                id % 3,
                "done" if row.ended else None,
                row.number,
                0 if row.listed else None,
                None if row.listed else 1,
                None if row.listed else row.level,
                row.chain or None,
            ),
        )
        at = None if row.asked is None else BEGAN - row.asked
        ledger.execute(
            "INSERT INTO answer (id, attempts, fetched_at) VALUES (?, 1, ?)",
            (id, at),
        )
    for each in links:
        ledger.execute("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", each)


def plain_walk(rows: list[Row], links: Links, follows: Follows) -> set[int]:
    """What is too old, and is led to over pages that neither wait nor are too old."""
    known = dict(enumerate(rows, 1))
    led_to: set[int] = set()
    ahead = [id for id, row in known.items() if row.listed]
    been: set[int] = set()
    left_out = {
        id for id, row in known.items() if is_left_out(id, row, follows)
    }
    while ahead:
        page = ahead.pop()
        row = known[page]
        if page in been or row.is_old or not row.ended or page in left_out:
            continue
        been.add(page)
        way = Way(0, 0 if row.listed else row.level or 0, row.chain)
        for parent, child, how in links:
            if parent != page:
                continue
            if how is None:
                is_asked = follows.images
            else:
                is_asked = follows.pages and not follows.limits.excludes(
                    way, how
                )
            if is_asked:
                led_to.add(child)
                ahead.append(child)
    return {id for id in led_to - left_out if known[id].is_old}


def is_left_out(id: int, row: Row, follows: Follows) -> bool:
    """Is it a page that links lead to, and that is not taken?"""
    is_page = not row.listed and row.level is not None
    takes = follows.takes
    return is_page and takes is not None and not takes(f"http://a/{id}")


def is_odd(url: str) -> bool:
    """One of two URLs."""
    return int(url[-1]) % 2 == 1


IDS = st.integers(1, 8)
ROWS = st.lists(
    st.builds(
        Row,
        st.booleans(),
        st.sampled_from([True, True, True, False]),
        st.integers(1, 2),
        st.sampled_from([None, 10.0, 5_000.0]),
        st.sampled_from([None, 0, 1, 2]),
        st.integers(0, 2),
    ),
    min_size=8,
    max_size=8,
)
# of two pages one link
LINKS = st.dictionaries(
    st.tuples(IDS, IDS), st.sampled_from([None, "link", "page", "next"])
).map(lambda found: {(*pair, how) for pair, how in found.items()})
FOLLOWS = st.builds(
    Follows,
    st.booleans(),
    st.booleans(),
    st.builds(Limits, st.integers(0, 3), st.integers(1, 3)),
    st.sampled_from([None, is_odd]),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ROWS, LINKS, FOLLOWS)
def test_what_is_reopened_is_what_a_plain_walk_finds(
    ledger: Ledger, rows: list[Row], links: Links, follows: Follows
) -> None:
    fill(ledger, rows, links)
    expected = plain_walk(rows, links, follows)
    led_to = LedTo(ledger, Overdue(ledger, Ages(AGE), BEGAN), follows)
    reopened = led_to.reopen(2)
    assert reopened.urls == len(expected)
    assert reopened.lanes == {id % 3 for id in expected}
    due = ledger.execute(
        "SELECT id FROM url WHERE state = 'pending' AND pass = 2"
    )
    waited = {
        id
        for id, row in enumerate(rows, 1)
        if not row.ended and row.number == 2
    }
    assert {id for (id,) in due} == expected | waited
    assert led_to.reopen(2).urls == 0, "what waits is not reopened"
