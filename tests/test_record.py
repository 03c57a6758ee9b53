"""The record says what happened, in keys that the documentation names."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace
from PIL import Image

from scraper.errors import new_failure, of_status
from scraper.faulty import FaultyServer, body, page, redirect
from scraper.messages import Processed
from scraper.model import Fetched, FetchFailed, Hop, Task, Timings
from scraper.outcomes.outcome import Outcome
from scraper.record import (
    SCHEMA,
    SHORT_KEYS,
    fill_in,
    of_failed,
    of_fetched,
    of_refused,
    of_reprocessed,
    of_unchanged,
)
from scraper.sinks.error_log import error_line
from scraper.urls import Url, parts_of
from tests.conftest import PROJECT, Scrape, Scraped

URL = parts_of("https://example.com/a")
TASK = Task(7, URL, URL, attempt=2, seq=3, source="urls.txt", line=9)
FETCHED = Fetched(TASK, URL, 200, "page", "text/html", "utf-8", (), "7-1.part", 10, 8, "ab" * 32,
                  1_700_000_000.25, Timings(0.1, 0.2, 0.3))  # fmt: skip


# -- one record -------------------------------------------------------------------------------


def decoded(line: bytes) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(line)
    return values


def test_what_came_out_says_where_it_is() -> None:
    processed = Processed(TASK, b'{"title":"A"}')
    line = of_fetched(1, FETCHED, processed, path="pages/example.com/a.html")
    found = decoded(line)
    assert (found["state"], found["status"], found["path"]) == (
        "done", 200, "pages/example.com/a.html")  # fmt: skip
    assert (found["index"], found["source"], found["line"]) == (
        3,
        "urls.txt",
        9,
    )
    assert (found["attempts"], found["bytes"], found["wire_bytes"]) == (
        2,
        10,
        8,
    )
    assert found["fetched_at"] == "2023-11-14T22:13:20.250+00:00"
    assert found["title"] == "A"
    assert found["error_kind"] is None


def test_a_line_takes_no_more_memory_than_it_holds() -> None:
    tracemalloc.start()
    try:
        lines = [of_fetched(1, FETCHED, path=None) for _ in range(100)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * sum(map(len, lines))


def test_what_failed_says_why() -> None:
    problem = of_status(404, "Not Found")
    found = decoded(of_failed(1, FetchFailed(TASK, problem, URL, 0.0)))
    assert (found["error_kind"], found["error_stage"], found["status"]) == (
        "http_status", "fetch", 404)  # fmt: skip
    assert (found["retryable"], found["attempts"], found["path"]) == (
        False,
        2,
        None,
    )


def test_what_was_never_asked_has_no_attempt() -> None:
    task = Task(7, URL, URL, attempt=0)
    found = decoded(of_refused(1, task, new_failure("host_not_allowed", "no")))
    assert (found["attempts"], found["fetched_at"], found["seconds"]) == (
        0,
        None,
        None,
    )


def test_a_line_that_is_no_url_has_no_canonical_form() -> None:
    task = Task(
        7,
        Url("ftp://x", "", ""),
        Url("ftp://x", "", ""),
        refusal="bad_scheme",
        line=2,
        attempt=0,
    )
    found = decoded(of_refused(1, task, new_failure("bad_scheme", "only http")))
    assert (found["url"], found["canonical_url"], found["final_url"]) == (
        "ftp://x",
        None,
        None,
    )
    assert found["attempts"] == 0


def test_the_repr_of_an_outcome_shows_no_password() -> None:
    url = parts_of("https://me:pw@example.com/a")
    line = Url("http://me:se/cret@", "", "")
    listed = Outcome(Task(1, url, url), "done", b"{}")
    refused = Outcome(Task(2, line, line, refusal="bad_url"), "failed", b"{}")
    assert repr(listed) == "<Outcome done https://***@example.com/a>"
    assert repr(refused) == "<Outcome failed http://***@>"


def test_a_record_belongs_to_the_url_that_was_listed() -> None:
    task = Task(7, parts_of("https://example.com/new"), parts_of("https://example.com/old"),
                written="example.com/old",
                hops=(Hop(parts_of("https://example.com/old"), 301),))  # fmt: skip
    found = decoded(of_fetched(1, replace(FETCHED, task=task), path=None))
    assert found["url"] == "example.com/old"
    assert found["canonical_url"] == "https://example.com/old"
    assert found["redirects"] == [
        {"url": "https://example.com/old", "status": 301}
    ]


def test_passwords_do_not_travel_into_records() -> None:
    url = "https://me:secret@example.com/?api_key=hidden"
    task = Task(
        7,
        parts_of(url),
        parts_of(url),
        written=url,
        hops=(Hop(parts_of(url), 302),),
        parent=parts_of(url),
    )
    problem = new_failure("connection_lost", f"lost {url}")
    line = of_failed(1, FetchFailed(task, problem, parts_of(url), 0.0))
    assert b"secret" not in line
    assert b"hidden" not in line


# -- the documentation ------------------------------------------------------------------------


def documented(heading: str) -> set[str]:
    """The keys in the table below a heading of docs/records.md."""
    text = (PROJECT / "docs" / "records.md").read_text()
    section = text.partition(f"# {heading}\n")[2]
    assert section, f"docs/records.md has no heading {heading!r}"
    table = re.split(r"^#+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `([a-z0-9_]+)` \|", table, re.MULTILINE))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A page with a picture and a user's function, a file, a redirect, a failure: real records."""
    file = io.BytesIO()
    Image.new("RGB", (700, 300), (40, 90, 160)).save(file, "PNG")
    folder = tmp_path_factory.mktemp("records")
    (folder / "mysite.py").write_text(
        "def article(page):\n    return {'n': len(page.text)}\n"
    )
    with FaultyServer({
        "/": page("<title>A</title><meta name=robots content=noai><img src=/a.png><p>text"),
        "/a.png": body(file.getvalue(), "image/png"),
        "/a.zip": body(b"PK\3\4", "application/zip"),
        "/old": redirect("/"),
    }) as server:  # fmt: skip
        scrape = Scrape(folder, pytest.MonkeyPatch(), None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SCRAPER_ALLOW_HOSTS", "127.0.0.1")
            urls = [
                server.url(path) for path in ("/", "/a.zip", "/old", "/missing")
            ]
            done = scrape(
                scrape.list_of(*urls), "--html", "mysite:article", "-p", "1"
            )
    assert done.code == 3, done.stderr
    return {"scraped": done, "url": server.url}


def of_kind(scraped: Scraped, kind: str | None) -> list[dict[str, Any]]:
    return [each for each in scraped.records if each["kind"] == kind]


def test_the_documentation_names_every_key_of_every_record(
    real: dict[str, Any],
) -> None:
    scraped: Scraped = real["scraped"]
    every = documented("Every record")
    assert of_kind(scraped, "file")
    for record in [*of_kind(scraped, "file"), *of_kind(scraped, None)]:
        assert set(record) == every
    for record in of_kind(scraped, "page"):
        asked = {
            "article",
            "watched",
            "fields",
            "items",
        }  # only there if asked for
        assert set(record) == (every | documented("Pages")) - asked
    for record in of_kind(scraped, "image"):
        asked = {"exif", "truncated", "phash"}
        assert set(record) == (every | documented("Pictures")) - asked
        assert set(record["processed"][0]) == documented("Of `processed`")
        assert set(record["seconds"]) == documented("Of `seconds`")
    summary = json.loads((scraped.folder / "summary.json").read_text())
    assert set(summary) == documented("summary.json")


def test_the_documentation_names_every_key_of_a_short_record() -> None:
    text = (PROJECT / "docs" / "records.md").read_text()
    section = text.partition("## What was unchanged\n")[2].partition("\n## ")[0]
    table, _, _ = section.partition("\n\n`redirects`")
    rows = [line.split("|")[1] for line in table.splitlines() if "|" in line]
    named = re.findall(r"`([a-z_]+)`", " ".join(rows))
    task = replace(TASK, hops=(Hop(URL, 302),), robots="disallowed")
    short = decoded(of_unchanged(2, replace(FETCHED, task=TASK), 1))
    longer = decoded(of_unchanged(2, replace(FETCHED, task=task), 1))
    assert sorted(short) == sorted(named) == sorted(SHORT_KEYS)
    assert longer.keys() - short.keys() == {"redirects", "robots"}


def test_what_a_short_record_leaves_out_is_filled_in() -> None:
    full = decoded(of_fetched(1, FETCHED, path="pages/a.html"))
    later = replace(FETCHED, status=304, timings=Timings(None, 0.2, 0.3))
    filled = fill_in(decoded(of_unchanged(2, later, 1)), full)
    said = {"pass": 2, "same_as": 1, "state": "unchanged", "status": 304}
    assert filled == full | said | {
        "seconds": {
            "connect": None,
            "first_byte": 0.2,
            "fetch": 0.3,
            "process": None,
        }
    }


def test_what_is_filled_in_has_the_schema_of_its_facts() -> None:
    full = decoded(of_fetched(1, FETCHED, path="pages/a.html"))
    short = decoded(of_unchanged(2, FETCHED, 1))
    assert short["schema"] == 2
    assert fill_in(short, full | {"schema": 1})["schema"] == 1


def test_facts_that_are_made_anew_leave_none_of_the_old() -> None:
    earlier = decoded(of_fetched(1, FETCHED, path="pages/a.html")) | {
        "schema": 1,
        "title": "A",
        "data": {"n": 1},
    }
    processed = Processed(TASK, b'{"title":"B"}')
    again = decoded(of_reprocessed(earlier, 2, FETCHED, processed, None, ()))
    assert again["schema"] == 2
    assert again["title"] == "B"
    assert "data" not in again
    assert again["path"] == "pages/a.html"


def test_the_documentation_names_every_key_of_an_error(
    real: dict[str, Any],
) -> None:
    text = (PROJECT / "docs" / "records.md").read_text()
    section = text.partition("## errors.jsonl\n")[2].partition("\n## ")[0]
    named = re.findall(r"`([a-z_]+)`", section.partition("only:")[2])
    scraped: Scraped = real["scraped"]
    lines = (scraped.folder / "errors.jsonl").read_text().splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [sorted(named)]


def test_a_real_run_says_what_really_happened(real: dict[str, Any]) -> None:
    scraped: Scraped = real["scraped"]
    url = real["url"]
    found = scraped.by_url()
    assert len(scraped.records) == len(found) == 5, (
        "each URL once, the picture of the page too"
    )
    assert found[url("/")]["title"] == "A"
    assert found[url("/")]["data"]["n"] > 0
    assert found[url("/a.png")]["parent"] == url("/")
    assert found[url("/a.png")]["processed"][0]["width"] == 512
    assert found[url("/old")]["final_url"] == url("/")
    assert found[url("/old")]["redirects"] == [
        {"url": url("/old"), "status": 302}
    ]
    assert found[url("/missing")]["status"] == 404
    for record in scraped.records:
        paths = [
            record["path"],
            *(each["path"] for each in record.get("processed", ())),
        ]
        for path in filter(None, paths):
            assert (scraped.folder / path).is_file()


def test_errors_and_log_follow_from_the_records(real: dict[str, Any]) -> None:
    """The log and the errors are made of the same records: one line each."""
    scraped: Scraped = real["scraped"]
    lines = (scraped.folder / "records.jsonl").read_bytes().splitlines()
    assert all(orjson.loads(line)["schema"] == SCHEMA for line in lines)
    errors = Path(scraped.folder / "errors.jsonl").read_bytes().splitlines()
    failed = [
        orjson.loads(line) for line in lines if orjson.loads(line)["error_kind"]
    ]
    assert errors == [error_line(each) for each in failed]
    assert len((scraped.folder / "run.log").read_text().splitlines()) == len(
        lines
    )
