"""Columns are said once: a ledger of any age comes to the same tables, and holds every column."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from scraper.model import Line
from scraper.storage import schema
from scraper.storage.ledger import Ledger
from scraper.storage.readers.status import read_status
from scraper.storage.schema import SCHEMA, FinishedRow
from scraper.urls import parts_of
from tests.conftest import PROJECT

BOTH = "url JOIN answer USING (id)"
A = Line(parts_of("https://a.example/"))


def columns_of(path: Path) -> dict[str, set[str]]:
    """The columns of each table."""
    with closing(sqlite3.connect(path)) as db:
        tables = [
            name
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type='table'"
            )
        ]
        return {
            table: {
                name
                for _, name, *_ in db.execute(f"PRAGMA table_xinfo({table})")
            }
            for table in tables
        }


def opened(path: Path) -> None:
    ledger = Ledger(path)
    ledger.commit()
    ledger.close()


@pytest.mark.parametrize("version", range(1, SCHEMA))
def test_an_older_ledger_comes_to_the_tables_of_a_new_one(
    version: int, tmp_path: Path
) -> None:
    older, new = tmp_path / "older.sqlite", tmp_path / "new.sqlite"
    shutil.copy(
        PROJECT / f"tests/folders/schema-{version}/.scraper/ledger.sqlite",
        older,
    )
    opened(older)
    opened(new)
    assert columns_of(older) == columns_of(new)


@pytest.mark.parametrize("version", range(1, 9))
def test_a_ledger_from_before_recipes_is_read_as_it_stands(
    version: int, tmp_path: Path
) -> None:
    older = tmp_path / "older.sqlite"
    shutil.copy(
        PROJECT / f"tests/folders/schema-{version}/.scraper/ledger.sqlite",
        older,
    )
    before = older.read_bytes()
    seen = read_status(older)
    assert sum(end.urls for end in seen.ends if end.state != "pending") > 0
    assert [end.fills for end in seen.ends if end.fills] == []
    assert older.read_bytes() == before


@pytest.mark.parametrize(
    ("table", "column"),
    [("answer", "peer"), ("requeued", "hops"), ("host", "host_class")],
)
def test_a_column_that_an_older_ledger_lacks_is_added(
    table: str, column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever adds a column adds a step, which may be empty."""
    path = tmp_path / "ledger.sqlite"
    opened(path)
    columns = columns_of(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f'ALTER TABLE {table} DROP COLUMN "{column}"')
    monkeypatch.setattr(schema, "_MIGRATIONS", {SCHEMA: ()})
    monkeypatch.setattr(schema, "SCHEMA", SCHEMA + 1)
    opened(path)
    assert columns_of(path) == columns


def test_an_older_ledger_that_lacks_a_fact_of_an_answer_is_led_to_ours(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(PROJECT / "tests/folders/schema-4/.scraper/ledger.sqlite", path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE url DROP COLUMN peer")
    opened(path)
    assert "peer" in columns_of(path)["answer"]


def test_every_column_of_a_finished_row_is_kept(tmp_path: Path) -> None:
    row = FinishedRow(
        state="done", error_kind="k", attempts=2, status=200, final_url="https://b.example/",
        type="text/html", charset="utf-8", headers=(("etag", '"ä"'),), peer="127.0.0.1",
        fetched_at=1.5, seconds_connect=0.1, seconds_fetch=0.2, seconds_process=0.3,
        path="pages/a", bytes=5, wire_bytes=4, sha256="00", process_hash="p", offset=7, length=9,
        fill="[]", facts_pass=3, facts_offset=5, etag='"ä"', last_modified="then", validators_url="https://b.example/",
    )  # fmt: skip
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.intake.add([A], 1)
    ledger.waiting.finish(
        ledger.waiting.first_of_lanes([A.url.lane], 1)[0][0].task, row, 1
    )
    ledger.commit()
    ledger.close()
    names = ", ".join(f'"{name}"' for name in FinishedRow._fields)
    with closing(sqlite3.connect(path)) as db:
        kept = FinishedRow(
            *db.execute(f"SELECT {names} FROM {BOTH}").fetchone()
        )
    assert kept == row._replace(headers=orjson.dumps(row.headers).decode())


def test_a_final_url_that_is_the_url_and_no_headers_are_not_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.intake.add([A], 1)
    task = ledger.waiting.first_of_lanes([A.url.lane], 1)[0][0].task
    ledger.waiting.finish(
        task, FinishedRow("done", None, 1, final_url=A.url.href), 1
    )
    ledger.commit()
    ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(
            "SELECT final_url, headers FROM answer"
        ).fetchone() == (
            None,
            None,
        )
