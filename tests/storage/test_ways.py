"""How far pages are from the list does not depend on what is found first."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scraper.model import Line
from scraper.storage.follow.ways import Limits, line_of
from scraper.storage.ledger import Ledger
from scraper.urls import canonical

Graph = dict[int, list[tuple[int, str]]]
SITES = st.dictionaries(
    st.integers(0, 7),
    st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(["link", "next", "page"])),
        max_size=4,
        unique_by=lambda lead: lead[0],
    ),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def url_of(number: int) -> str:
    return f"https://a.example/{number}"


def truth(site: Graph, limits: Limits) -> set[int]:
    """By rounds: the least level and the least chain of each page, until none changes."""
    known = {0: (0, 0)}
    queue = deque([0])
    while queue:
        page = queue.popleft()
        level, chain = known[page]
        for target, how in site.get(page, ()):
            if how == "next":
                onward = level, chain + 1
                is_far = chain + 1 >= limits.chain_pages
            else:
                onward = level + 1, 0
                is_far = how == "link" and level >= limits.last_level
            if is_far or target == 0:
                continue
            before = known.get(target, onward)
            best = min(before[0], onward[0]), min(before[1], onward[1])
            if known.get(target) != best:
                known[target] = best
                queue.append(target)
    return set(known)


def crawl(
    ledger: Ledger, site: Graph, limits: Limits, draw: random.Random
) -> list[int]:
    """Pages answer in any order."""
    for table in ("url", "url_hash", "link", "beyond"):
        ledger.execute(f"DELETE FROM {table}")
    ledger.intake.reload()
    ledger.intake.add([Line(canonical(url_of(0)), source=1, line=1)], 1)
    asked: list[int] = []
    while True:
        rows = ledger.execute("SELECT id, url FROM url WHERE outcome IS NULL")
        waiting = rows.fetchall()
        if not waiting:
            return asked
        id, url = draw.choice(waiting)
        ledger.execute("UPDATE url SET outcome = 'done' WHERE id = ?", (id,))
        number = int(url.rpartition("/")[2])
        asked.append(number)
        way = ledger.ways.of([id])[id]
        leads = [(url_of(n), how) for n, how in site.get(number, ())]
        beyond = [lead for lead in leads if limits.excludes(way, lead[1])]
        ledger.ways.keep_beyond({id: beyond})
        lines = [
            line_of(id, way, canonical(to), how)
            for to, how in leads
            if not limits.excludes(way, how)
        ]
        added = ledger.intake.add(lines, 1, listed=False)
        ledger.ways.spread(added.nearer, 1, limits)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    SITES,
    st.builds(Limits, st.integers(0, 3), st.integers(1, 4)),
    st.randoms(use_true_random=False),
)
def test_in_any_order_the_same_pages_are_asked_once(
    ledger: Ledger, site: Graph, limits: Limits, draw: random.Random
) -> None:
    asked = crawl(ledger, site, limits, draw)
    assert sorted(asked) == sorted(truth(site, limits))
