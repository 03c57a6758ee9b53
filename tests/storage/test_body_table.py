"""Which URL has brought which bytes first, and the sieve that spares most look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.model import Line, Task
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow, body_hash
from scraper.storage.sets.sieve import Sieve
from scraper.storage.tables.bodies import KnownBody
from scraper.urls import parts_of

HASHES = st.integers(-(2**63), 2**63 - 1)
URL = "https://a.example/{}"


@given(st.sets(HASHES))
def test_a_sieve_holds_whatever_was_added(hashes: set[int]) -> None:
    sieve = Sieve(hashes)
    assert all(each in sieve for each in hashes)


def test_a_sieve_lets_few_others_through() -> None:
    hashes = [
        body_hash(sha256(str(number).encode()).hexdigest())
        for number in range(20_000)
    ]
    sieve = Sieve(hashes[:10_000])
    assert sum(each in sieve for each in hashes[10_000:]) < 30


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite")
    made.intake.add([Line(parts_of(URL.format(each))) for each in range(4)], 1)
    yield made
    made.close()


def _end(ledger: Ledger, id: int, sha: str | None, path: str | None) -> None:
    url = parts_of(URL.format(id - 1))
    row = FinishedRow("done", None, 1, sha256=sha, path=path)
    ledger.waiting.finish(Task(id, url, url), row, 1)


def test_the_first_one_is_found_as_long_as_it_has_these_bytes(
    ledger: Ledger,
) -> None:
    one, other = "ab" * 32, "cd" * 32
    assert ledger.bodies.find(one) is None
    for id in (1, 2):
        _end(ledger, id, one, f"pages/{id}")
    ledger.bodies.keep(one, 1)
    ledger.commit()
    assert ledger.bodies.find(one) == KnownBody(1, URL.format(0), "pages/1")
    assert ledger.bodies.find(other) is None
    assert ledger.bodies.find(one[:62] + "00") is None, "64 bits are the same"
    _end(ledger, 1, other, "pages/1")
    ledger.commit()
    assert ledger.bodies.find(one) is None
    ledger.bodies.keep(one, 2)
    ledger.commit()
    assert ledger.bodies.find(one) == KnownBody(2, URL.format(1), "pages/2")


def test_rows_that_were_made_from_records_are_known(ledger: Ledger) -> None:
    one, other = "ab" * 32, "cd" * 32
    for id, sha in ((1, other), (2, one), (3, one)):
        _end(ledger, id, sha, None if id == 1 else f"pages/{id}")
    ledger.commit()
    ledger.bodies.adopt()
    ledger.bodies.adopt()
    assert ledger.bodies.find(one) == KnownBody(2, URL.format(1), "pages/2")
    assert ledger.bodies.find(other) is None
