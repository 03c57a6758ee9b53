"""A page of the ledger is damaged: whichever statement meets it, one clear line, nothing lost."""

from __future__ import annotations

import re
import shutil
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from scraper.faulty import FaultyServer, page, status
from tests.conftest import Scrape, Scraped
from tests.stories import places

ARGUMENTS = ("--robots", "off", "--no-progress", "-j", "1")
DAMAGED = "database disk image is malformed"


class Damage(sqlite3.Connection):
    """Every statement from the one at place `at` on meets the damage; None for no damage."""

    at: int | None = None
    met: ClassVar[list[str]] = []  # the first word of each statement

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        Damage.met.append(sql.split(None, 1)[0])
        if Damage.at is not None and len(Damage.met) > Damage.at:
            raise sqlite3.DatabaseError(DAMAGED)
        return super().execute(sql, *parameters)


def _run_into_damage(
    at: int | None, scrape: Scrape, names: str, dir: str
) -> Scraped:
    connect = partial(sqlite3.connect, factory=Damage)
    Damage.at, Damage.met = at, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sqlite3,
            "connect",
            lambda path, **keys: connect(path, **keys, factory=Damage),
        )
        return scrape.here(names, *ARGUMENTS, dir=dir)


def test_whichever_statement_meets_it_one_line_says_what_to_do(
    scrape: Scrape,
) -> None:
    with FaultyServer(
        {"/a": page("a"), "/b": page("b"), "/gone": status(404)}
    ) as server:
        names = scrape.list_of(
            server.url("/a"), server.url("/b"), server.url("/gone")
        )
        _run_into_damage(None, scrape, names, "whole")
        statements = Damage.met
        codes = set()
        for at in places.selected(statements):
            done = _run_into_damage(at, scrape, names, f"run{at}")
            assert "Traceback" not in done.stderr
            if Damage.met[at:] in ([], ["ROLLBACK"]):
                assert done.code == 3, (
                    "it came to its end before, and only closes the ledger"
                )
                continue
            if "could not write the summary" in done.stderr and done.code == 3:
                continue  # all that counts was committed
            codes.add(done.code)
            assert done.code in (2, 5), (
                f"statement {at}, {statements[at]}: {done.stderr}"
            )
            told = [
                line
                for line in done.stderr.splitlines()
                if "is damaged" in line
            ]
            assert len(told) == 1, f"statement {at}: {done.stderr}"
            assert re.search(r"ledger\.sqlite is damaged .*--adopt", told[0])
            assert "the same command continues" not in told[0]
    assert codes == {2, 5}


def _spoil_pages(ledger: Path) -> None:
    """Every page but the first ones, as a disk may do it."""
    content = bytearray(ledger.read_bytes())
    for place in range(8 * 4096, len(content), 4096):
        content[place : place + 16] = b"\xff" * 16
    ledger.write_bytes(content)


@pytest.mark.parametrize("wish", ["", "--retry", "--refresh"])
def test_a_damaged_file_costs_nothing_but_requests(
    wish: str, scrape: Scrape
) -> None:
    with FaultyServer({"/*": page("a")}) as server:
        urls = [server.url(f"/{number}") for number in range(400)]
        names = scrape.list_of(*urls)
        first = scrape.here(names, *ARGUMENTS)
        _spoil_pages(first.folder / ".scraper" / "ledger.sqlite")
        before = (first.folder / "records.jsonl").read_bytes()
        told = scrape.here(names, *filter(None, [wish]), *ARGUMENTS)
        assert told.code in (2, 5), told.stderr
        assert "is damaged" in told.stderr
        assert "Traceback" not in told.stderr
        assert (first.folder / "records.jsonl").read_bytes().startswith(before)

        shutil.rmtree(first.folder / ".scraper")
        asked = server.count()
        done = scrape.here(names, "--adopt", *ARGUMENTS)
        assert done.code == 0, done.stderr
        assert server.count() == asked
