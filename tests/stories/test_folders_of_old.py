"""Folders that earlier versions have written go on under this one.

`tests/folders/schema-1` was written by version 0.1.0 in a folder that is no more: a finished pass
over a list (two pages, a redirect, an image that is there and one that is not, a 404, a 500, a bad
line, a path that robots.txt forbids, a host that does not give its robots.txt), and a second pass
over the grown list that was stopped by a limit after one of three URLs.

`tests/folders/schema-2` was written shortly before schema 3: a pass that was stopped by a limit
while two URLs were pending, one of them after an answer 503 of its host.

`tests/folders/schema-3` was written shortly before schema 4: a pass, a refresh, and another that
was stopped by a limit after three of six URLs. Records of what was unchanged are full there.

`tests/folders/schema-4` was written shortly before schema 5: a pass, and a refresh that was stopped
by a limit after three of eight lines. Pending are a URL that was answered 503 (its `due` was moved
into the past), a redirect, a 404, two pages and a picture of the first one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import (
    FaultyServer,
    body,
    etag,
    page,
    redirect,
    robots,
    status,
)
from scraper.run_folder.options import process_hashes
from scraper.storage.ledger import Ledger
from scraper.storage.schema import SCHEMA
from scraper.urls import lane_of
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import (
    PUBLIC,
    Names,
    Wire,
    internet,
    last_of,
    records_of,
    run_with,
)

OLD = PROJECT / "tests" / "folders"
NAMES = Names(
    {
        "shop.test": PUBLIC,
        "closed.test": "93.184.216.35",
        "busy.test": "93.184.216.36",
    }
)
HOME = b"<title>Shop</title><p>Home<img src=/a.png><img src='/none.png'>"


def _moved(name: str, to: Path) -> Path:
    """An old folder in another place, with its list."""
    shutil.copytree(OLD / name, to / "downloads" / "urls")
    shutil.copy(OLD / f"{name}.txt", to / "urls.txt")
    return to


def _as_if_made_today(folder: Path) -> None:
    """It has been made with the options of now: a 304 finds nothing to do."""
    made = process_hashes(scraper.configure())
    db = sqlite3.connect(folder / ".scraper" / "ledger.sqlite")
    with closing(db), db:
        db.execute(
            "UPDATE url SET process_hash = CASE WHEN url LIKE '%.png' THEN :image"
            " ELSE :page END WHERE process_hash IS NOT NULL",
            made,
        )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of schema 1."""
    return _moved("schema-1", tmp_path)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": robots("User-agent: *\nDisallow: /private/"),
        "/": etag(HOME, '"1"'),
        "/gone": status(404),
        "/none.png": status(404),
        "/*": page("<title>Here</title>"),
    }
    with FaultyServer(site) as server:
        yield server


def _run(project: Path, server: FaultyServer, **how: object) -> scraper.Report:
    folder = project / "downloads" / "urls"
    keys = {
        "dir": str(folder),
        "processes": 1,
        "retry_wait_seconds": 0.01,
        "allow_hosts": [],
    }
    makers = internet(NAMES, Wire(server.port))
    return run_with(
        makers, project / "urls.txt", scraper.configure(**keys), **how
    )  # type: ignore[arg-type]


def test_an_open_pass_goes_on_where_it_stopped(
    project: Path, server: FaultyServer
) -> None:
    before = records_of(project / "downloads" / "urls")
    report = _run(project, server)
    after = records_of(project / "downloads" / "urls")
    assert after[: len(before)] == before, "what was written stays"
    asked = {seen.path for seen in server.seen} - {"/robots.txt"}
    assert asked == {"/new-2", "/new-3"}
    assert [each["pass"] for each in after[len(before) :]] == [2, 2]
    assert report.totals is not None
    assert report.totals.as_dict()["done"] == 7
    assert report.exit_code == 3


def test_records_of_both_schemas_stand_in_one_file(
    project: Path, server: FaultyServer
) -> None:
    """What is written anew is of schema 2; all that reads records takes both."""
    folder = project / "downloads" / "urls"
    server.behaviours["/*"] = etag(b"<a href=/x>there</a>", '"2"')
    _run(project, server)
    _assert_both(scraper.records(folder))
    with scraper.stream(
        project / "urls.txt",
        scraper.configure(dir=str(folder), allow_hosts=[], processes=1),
    ) as streamed:
        _assert_both(outcome.record for outcome in streamed)
    _run(project, server, refresh=True)
    (page,) = [
        each
        for each in scraper.records(folder)
        if each["url"] == "http://shop.test/"
    ]
    assert (page["schema"], page["status"]) == (2, 304), "processed again"


def _assert_both(records: Iterable[dict[str, Any]]) -> None:
    last = {each["url"].rpartition("/")[2]: each for each in records}
    assert last["lake"]["schema"] == last["new-1"]["schema"] == 1
    assert last["new-1"]["links"] == []
    assert last["new-2"]["schema"] == 2
    assert last["new-2"]["links"] == [
        {"url": "http://shop.test/x", "text": "there", "rel": []}
    ]


def test_a_folder_with_both_schemas_is_adopted(
    project: Path, server: FaultyServer
) -> None:
    folder = project / "downloads" / "urls"
    server.behaviours["/new-2"] = page("<img src=/b.svg>")
    server.behaviours["/b.svg"] = body(b"<svg/>", "image/svg+xml")
    _run(project, server)
    shutil.rmtree(folder / ".scraper")
    asked = server.count()
    report = _run(project, server, adopt=True)
    assert server.count() == asked
    assert report.totals is not None
    assert report.totals.as_dict()["done"] == 8
    _run(project, server, refresh=True)
    images = {
        each["url"]
        for each in records_of(folder)
        if each["pass"] == 3 and each["parent"]
    }
    assert images == {
        f"http://shop.test/{name}" for name in ("a.png", "b.svg", "none.png")
    }


def test_a_host_without_its_robots_txt_counts_as_failed_now(
    project: Path, server: FaultyServer
) -> None:
    report = _run(project, server)
    assert report.totals is not None
    assert report.totals.failures["robots_unreachable"] == 1
    assert report.totals.skips == {"robots_disallowed": 1}


def test_its_failures_are_asked_again(
    project: Path, server: FaultyServer
) -> None:
    _run(project, server)
    _run(project, server, retry=())
    last = last_of(project / "downloads" / "urls")
    states = {
        url: (each["state"], each["pass"]) for url, each in last.items() if url
    }
    assert states["http://closed.test/a"] == ("done", 3)
    assert states["http://shop.test/broken"] == ("done", 3)
    assert states["http://shop.test/gone"] == ("failed", 3)
    assert states["http://shop.test/lake"] == ("done", 1)


def test_a_refresh_sends_its_validators(
    project: Path, server: FaultyServer
) -> None:
    _run(project, server)
    _run(project, server, refresh=True)
    (seen,) = server.seen_of("/")
    assert seen.headers["if-none-match"] == '"1"'
    record = last_of(project / "downloads" / "urls")["http://shop.test/"]
    assert (record["status"], record["title"]) == (304, "Shop")
    assert record["state"] == "done", "processed again, by another version"


def test_its_ledger_is_migrated_by_a_run_and_only_read_by_status(
    project: Path, server: FaultyServer, scrape: Scrape
) -> None:
    ledger = project / "downloads" / "urls" / ".scraper" / "ledger.sqlite"
    bytes_before = ledger.read_bytes()
    told = scrape("status", "downloads/urls", dir=None)
    _, headline, *_ = told.stdout.splitlines()
    assert (
        headline == "5 done · 4 failed · 2 skipped · 4 pages · 1 image · 248 B"
    )
    assert ledger.read_bytes() == bytes_before
    _run(project, server)
    assert _schema_of(ledger) == SCHEMA


def test_a_folder_of_schema_2_keeps_what_it_knows_of_hosts_and_goes_on(
    tmp_path: Path, server: FaultyServer
) -> None:
    project = _moved("schema-2", tmp_path)
    path = project / "downloads" / "urls" / ".scraper" / "ledger.sqlite"
    ledger = Ledger(path)
    kept = ledger.hosts.get(lane_of("busy.test"))
    ledger.commit()
    ledger.close()
    assert kept is not None
    assert kept.silences == 1
    assert _schema_of(path) == SCHEMA

    report = _run(project, server)
    asked = {seen.path for seen in server.seen} - {"/robots.txt"}
    assert asked == {"/busy", "/new-2"}
    assert report.totals is not None
    assert report.totals.as_dict()["done"] == 4
    assert report.exit_code == 3


def test_a_folder_of_schema_3_goes_on_with_records_that_name_its_full_ones(
    tmp_path: Path, server: FaultyServer
) -> None:
    """The pass of a full record is read back once, where the ledger does not know it yet."""
    project = _moved("schema-3", tmp_path)
    folder = project / "downloads" / "urls"
    _as_if_made_today(folder)
    server.behaviours |= {
        f"/{name}": etag(f"<title>Shop {name}</title>".encode(), f'"{name}1"')
        for name in ("", "a", "b", "c")
    } | {"/moved": redirect("/")}
    before = records_of(folder)
    report = _run(project, server)
    assert (report.number, report.states["unchanged"]) == (3, 5)
    assert _schema_of(folder / ".scraper" / "ledger.sqlite") == SCHEMA
    for number in (4, 5):
        report = _run(project, server, refresh=True)
        assert (report.number, report.states["unchanged"]) == (number, 5)
        last = {
            each["url"].removeprefix("http://shop.test/"): each
            for each in scraper.records(folder)
        }
        named = {name: each.get("same_as") for name, each in last.items()}
        # those of the open pass had been written full before it was stopped
        assert named == {
            "": 3,
            "a": 3,
            "b": 3,
            "c": 2,
            "moved": 2,
            "gone": None,
        }
        assert last["moved"]["title"] == "Shop"
        assert last["c"]["title"] == "Shop c"
    assert records_of(folder)[: len(before)] == before
    assert last_of(folder) == {
        each["canonical_url"]: each for each in scraper.records(folder)
    }


def test_a_folder_of_schema_4_keeps_what_its_one_table_knew(
    tmp_path: Path, server: FaultyServer
) -> None:
    """Facts, tries, places in the list, the refused line: all of it stood in one row."""
    project = _moved("schema-4", tmp_path)
    folder = project / "downloads" / "urls"
    _as_if_made_today(folder)
    server.behaviours |= {
        f"/{name}": etag(f"<title>Shop {name}</title>".encode(), f'"{name}1"')
        for name in ("b", "c")
    } | {"/a.png": etag(b"", '"p1"'), "/moved": redirect("/")}
    before = records_of(folder)
    report = _run(project, server)
    assert (report.number, report.states["unchanged"]) == (2, 6)
    asked = {seen.path for seen in server.seen} - {"/robots.txt"}
    assert asked == {"/busy", "/moved", "/", "/gone", "/b", "/c", "/a.png"}
    last = last_of(folder)
    told = {
        url.partition(".test/")[2]: (
            each["index"],
            each["line"],
            each["attempts"],
            each["status"],
        )
        for url, each in last.items()
        if url
    }
    assert told == {
        "": (1, 1, 1, 304),
        "a": (2, 2, 1, 304),
        "busy": (4, 5, 2, 200),
        "moved": (5, 6, 1, 304),
        "gone": (6, 7, 1, 404),
        "b": (7, 8, 1, 304),
        "c": (8, 9, 1, 304),
        "a.png": (None, None, 1, 304),
    }
    assert last["http://shop.test/a.png"]["parent"] == "http://shop.test/"
    assert records_of(folder)[: len(before)] == before

    assert _run(project, server, retry=()).number == 3
    (refused,) = [each for each in records_of(folder) if each["pass"] == 3 and
                  each["canonical_url"] is None]  # fmt: skip
    assert (refused["url"], refused["error_kind"]) == ("http://", "bad_url")
    (project / "urls.txt").write_text(
        "http://shop.test/c\nhttp://shop.test/new\n"
    )
    report = _run(project, server)
    assert (report.number, report.total) == (4, 1), "what is known is found"


def _schema_of(ledger: Path) -> int:
    db = sqlite3.connect(ledger)
    try:
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
    finally:
        db.close()
    return version
