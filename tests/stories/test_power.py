"""The machine goes down under a run: what the disk lost is asked again, the rest is kept."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, etag, page
from tests.stories.runs import last_of


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
        # the one that failed has no file, and stands anywhere
        lost = next(n for n in range(10, 30) if first[n]["path"])
        empty = folder / str(first[lost]["path"])
        empty.write_bytes(b"")  # as after a delayed allocation
        records = folder / "records.jsonl"
        records.write_bytes(records.read_bytes()[:-40])
        with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
            ledger.execute("INSERT INTO meta VALUES ('boot', 'another boot')")
        ledger.close()
        before = server.count()

        report = scraper.run(urls, config)

        again = _records(folder)
        assert [record["url"] for record in again[:lost]] == [
            record["url"] for record in first[:lost]
        ]
        assert sorted(str(record["url"]) for record in again) == sorted(urls)
        assert server.count() - before == 30 - lost
        assert empty.stat().st_size > 0
        assert (report.done, report.states["failed"]) == (29, 1)
        assert len((folder / "errors.jsonl").read_bytes().splitlines()) == 1


@pytest.mark.parametrize("loss", ["cut", "hole"])
def test_a_full_record_that_is_lost_leaves_no_short_one_that_names_it(
    loss: str, tmp_path: Path
) -> None:
    """A refresh follows so soon that the disk has lost records of the pass before it, too."""
    paths = [f"/{number}" for number in range(20)]
    with FaultyServer(
        {path: etag(f"<title>{path}</title>".encode()) for path in paths}
    ) as server:
        folder = tmp_path / "run"
        keys = {
            "dir": str(folder),
            "threads": 1,
            "allow_hosts": ["127.0.0.1"],
            "save_only": True,
        }
        urls = [server.url(path) for path in paths]
        scraper.run(urls, scraper.configure(**keys))
        half = scraper.configure(**keys, max_urls=10)
        assert scraper.run(urls, half, refresh=True).states["unchanged"] == 10
        records = folder / "records.jsonl"
        lines = records.read_bytes().splitlines(keepends=True)
        assert len(lines) == 30
        # The sixth URL of the first pass: five are whole, and ten of the second name them all.
        start = sum(map(len, lines[:5]))
        whole = b"".join(lines)
        lost = b"\0" * len(lines[5]) + whole[start + len(lines[5]) :]
        records.write_bytes(whole[:start] + (lost if loss == "hole" else b""))
        with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
            ledger.execute(
                "INSERT OR REPLACE INTO meta VALUES ('boot', 'another boot')"
            )
        ledger.close()
        before = server.count()

        scraper.run(urls, scraper.configure(**keys))

        assert records.read_bytes().startswith(whole[:start])
        assert last_of(folder).keys() == set(urls), (
            "each short one is filled in"
        )
        assert [each["pass"] for each in _records(folder)] == [1] * 5 + [2] * 20
        asked = server.seen[before:]
        conditional = [
            seen.path
            for seen in asked
            if "if-none-match" in seen.headers and seen.path != "/robots.txt"
        ]
        assert conditional == []


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
