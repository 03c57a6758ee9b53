"""A table in, and what comes out of each of its rows."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, etag, page, status
from tests.conftest import PROJECT
from tests.stories.runs import last_of, records_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def config_of(folder: Path, **settings: Any) -> scraper.Config:
    return scraper.configure(
        dir=str(folder), robots="off", processes=1, retries=0, **settings
    )


def inputs_of(folder: Path) -> dict[str, Any]:
    return {
        record["url"].rpartition("/")[2]: record["input"]
        for record in last_of(folder).values()
    }


def test_each_record_has_the_columns_of_its_row(
    tmp_path: Path, folder: Path
) -> None:
    with FaultyServer({"/*": page("<p>One"), "/gone": status(404)}) as server:
        path = tmp_path / "articles.csv"
        rows = ["Id;Titel;Link", f"1;Eins;{server.url('/a')}"]
        rows += [f"2;Zwei;{server.url('/gone')}", f"3;;{server.url('/a')}"]
        rows += ["4;Vier;", f"5;a;{server.url('/b')};zu viel"]
        path.write_text("\r\n".join(rows), "utf-16")
        report = scraper.run(path, config_of(folder))
    assert report.states == {"done": 1, "failed": 3}
    assert report.repeated == 1
    found = {each["line"]: each for each in records_of(folder)}
    for record in found.values():
        keys = list(record)
        assert keys[keys.index("line") + 1] == "input"
    assert {
        line: (each["error_kind"], each["input"])
        for line, each in found.items()
    } == {
        2: (None, {"Id": "1", "Titel": "Eins"}),
        3: ("http_status", {"Id": "2", "Titel": "Zwei"}),
        5: ("bad_url", {"Id": "4", "Titel": "Vier"}),
        6: ("bad_row", {}),
    }


def test_a_table_that_grows_at_its_top_keeps_its_rows_apart(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "list.csv"
    behaviours = {"/a": etag(b"<p>A", '"1"'), "/b": page("<p>B")}
    with FaultyServer(behaviours) as server:
        a, b = server.url("/a"), server.url("/b")
        path.write_text(f"url,name\n{a},old\n")
        scraper.run(path, config_of(folder))
        path.write_text(f"url,name\n{b},new\n{a},changed\n")
        scraper.run(path, config_of(folder), refresh=True)
    found = [
        (each["pass"], each["line"], each["state"], each["input"]["name"])
        for each in records_of(folder)
    ]
    assert sorted(found) == [
        (1, 2, "done", "old"),
        (2, 2, "done", "new"),
        (2, 3, "unchanged", "changed"),
    ]
    assert inputs_of(folder) == {
        "a": {"name": "changed"},
        "b": {"name": "new"},
    }


def test_types_stay_what_they_are_and_retries_keep_them(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "list.jsonl.gz"
    with FaultyServer({"/a": status(503), "/b": page("<p>B")}) as server:
        rows = [
            {"page": server.url("/a"), "id": 2**53 + 1, "tags": ["x", None]},
            {"page": server.url("/b"), "id": 1.5, "ok": True},
        ]
        lines = "\n".join(map(json.dumps, rows))
        path.write_bytes(gzip.compress(lines.encode()))
        scraper.run(path, config_of(folder, columns=["id", "ok", "tags"]))
        scraper.run(path, config_of(folder), retry=())
    assert inputs_of(folder) == {
        "a": {"id": 2**53 + 1, "tags": ["x", None]},
        "b": {"id": 1.5, "ok": True},
    }


def test_a_table_on_standard_input_says_which_column_it_takes(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/*": page("<p>A")}) as server:
        done = subprocess.run(
            [sys.executable, "-m", "scraper", "-", "--input-format", "tsv",
             "--robots", "off", "-d", "run"],
            input=f"name\tlink\nA\t{server.url('/a')}\n",
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={"PYTHONPATH": str(PROJECT), "SCRAPER_ALLOW_HOSTS": "127.0.0.1"},
        )  # fmt: skip
    assert (
        "stdin is a table; its URLs stand in link (beside name)" in done.stderr
    )
    (record,) = records_of(tmp_path / "run")
    assert (record["line"], record["input"]) == (2, {"name": "A"})


def test_a_table_that_ends_in_a_damaged_row_says_so_and_keeps_the_rest(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "list.csv"
    with FaultyServer({"/*": page("<p>A")}) as server:
        good = [f"{server.url(f'/{number}')},x" for number in range(200)]
        path.write_text("\n".join(["url,name", *good, 'http://x.example/,"y']))
        with pytest.raises(scraper.UsageError, match="row 202: a quoted cell"):
            scraper.run(path, config_of(folder))
        path.write_text("\n".join(["url,name", *good]))
        report = scraper.run(path, config_of(folder))
    assert report.totals is not None
    assert report.totals.states == {"done": 200}
