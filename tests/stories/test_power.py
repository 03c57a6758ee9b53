"""The machine goes down under a run: what the disk lost is asked again, the rest is kept."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, page


def _records(folder: Path) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for line in (folder / "records.jsonl").read_bytes().splitlines()
    ]


def test_lost_files_and_a_short_record_file_are_asked_again(
    tmp_path: Path,
) -> None:
    paths = [f"/{number}" for number in range(30)]
    with FaultyServer(
        {path: page(f"<title>{path}</title>") for path in paths[:29]}
    ) as server:
        folder = tmp_path / "run"
        config = scraper.configure(
            dir=str(folder), threads=1, allow_hosts=["127.0.0.1"]
        )
        urls = [server.url(path) for path in paths]
        scraper.run(urls, config)

        first = _records(folder)
        empty = folder / str(first[10]["path"])
        empty.write_bytes(b"")  # as after a delayed allocation
        records = folder / "records.jsonl"
        records.write_bytes(records.read_bytes()[:-40])
        with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
            ledger.execute("INSERT INTO meta VALUES ('boot', 'another boot')")
        ledger.close()
        before = server.count()

        report = scraper.run(urls, config)

        again = _records(folder)
        assert [record["url"] for record in again[:10]] == [
            record["url"] for record in first[:10]
        ]
        assert sorted(str(record["url"]) for record in again) == sorted(urls)
        assert server.count() - before == 20
        assert empty.stat().st_size > 0
        assert (report.done, report.states["failed"]) == (29, 1)
        assert len((folder / "errors.jsonl").read_bytes().splitlines()) == 1


def test_a_shortened_record_file_is_refused_without_a_restart(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/": page("hello")}) as server:
        config = scraper.configure(
            dir=str(tmp_path / "run"), allow_hosts=["127.0.0.1"]
        )
        scraper.run([server.url("/")], config)
        (tmp_path / "run" / "records.jsonl").write_bytes(b"")
        with pytest.raises(scraper.UsageError, match="shorter"):
            scraper.run([server.url("/")], config)
