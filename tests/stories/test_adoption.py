"""A lost ledger costs nothing but requests: its folder's records are taken over."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import (
    FaultyServer,
    etag,
    page,
    redirect,
    sequence,
    status,
)
from scraper.run_folder import adoption
from tests.conftest import Scrape, Scraped
from tests.stories.runs import last_of

ARGUMENTS = ("--robots", "off", "--no-progress", "-j", "2")
PATHS = (
    "/page",
    "/moved",
    "/missing",
    "/with?token=secret",
    "/late",
    "/picture.png",
)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da63f8cfc0"
    "000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/page": page(
            "<title>A</title><img src=/shown.png><img src='/signed.png?sig=1'>"
        ),
        "/moved": redirect("/page"),
        "/with?token=secret": page("with"),
        "/late": sequence(status(500), status(500), status(500), page("late")),
        "/picture.png": scraper.faulty.body(PNG, "image/png"),
        "/shown.png": scraper.faulty.body(PNG, "image/png"),
        "/signed.png?sig=1": scraper.faulty.body(PNG, "image/png"),
    }
    with FaultyServer(site) as server:
        yield server


@pytest.fixture
def names(scrape: Scrape, server: FaultyServer) -> str:
    return scrape.list_of(*map(server.url, PATHS), "no url at all")


@pytest.fixture
def first(scrape: Scrape, names: str) -> Scraped:
    """A finished run, with retries spent on /late, whose ledger is lost."""
    done = scrape.inside(names, "-p", "1", *ARGUMENTS, "--retries", "0")
    assert done.code == 3, done.stderr
    shutil.rmtree(done.folder / ".scraper")
    return done


def _rows(folder: Path, *columns: str) -> dict[str, tuple[Any, ...]]:
    db = sqlite3.connect(folder / ".scraper" / "ledger.sqlite")
    try:
        return {
            url: tuple(rest)
            for url, *rest in db.execute(
                f"SELECT url, {', '.join(columns)}"
                " FROM url JOIN answer USING (id) JOIN url_hash USING (id)"
            )
        }
    finally:
        db.close()


def _links(folder: Path) -> set[tuple[str, str]]:
    db = sqlite3.connect(folder / ".scraper" / "ledger.sqlite")
    try:
        return set(
            db.execute(
                "SELECT p.url, c.url FROM link JOIN url AS p ON p.id = link.parent"
                " JOIN url AS c ON c.id = link.child"
            )
        )
    finally:
        db.close()


def test_after_an_adoption_nothing_is_asked_that_has_its_record(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    files = ("records.jsonl", "errors.jsonl", "run.log")
    before = {name: (first.folder / name).read_bytes() for name in files}
    asked = server.count()
    done = scrape.here(names, "--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert done.stderr.startswith(
        f"took over {len(first.records)} records of run\n"
    )
    assert "nothing left to do" in done.stderr
    assert server.count() == asked
    assert {
        name: (first.folder / name).read_bytes() for name in files
    } == before
    again = scrape.here(names, *ARGUMENTS)
    assert (again.code, server.count()) == (3, asked), again.stderr


def test_what_is_adopted_is_what_was_known(
    scrape: Scrape, names: str, server: FaultyServer
) -> None:
    done = scrape.inside(names, "-p", "1", *ARGUMENTS, "--retries", "0")
    columns = ("hash", "host", "state", "pass", "seq", "line", "written", "depth", "first_pass",
               "changed_pass", "attempts", "error_kind", "status", "final_url", "type", "path",
               "bytes", "wire_bytes", "sha256", '"offset"', "length")  # fmt: skip
    known = _rows(done.folder, *columns)
    shutil.rmtree(done.folder / ".scraper")
    assert scrape.here(names, "--adopt", *ARGUMENTS).code == 3
    signed = server.url("/signed.png?sig=1")
    # no list names it, and the record hides what it is called
    del known[signed]
    assert _rows(done.folder, *columns) == known


def test_short_records_are_adopted_with_their_facts(
    scrape: Scrape,
    names: str,
    server: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adoption, "BATCH", 2)
    shop = b"<title>A</title><img src=/shown.png>"
    server.behaviours |= {
        "/page": etag(shop, '"1"'),
        "/shown.png": etag(PNG, '"1"', "image/png"),
        "/with?token=secret": sequence(
            *[etag(b"with", '"1"')] * 2, *[etag(b"without", '"2"')] * 2
        ),
    }
    arguments = ("-p", "1", *ARGUMENTS, "--retries", "0")
    scrape.inside(names, *arguments)
    for _ in range(3):
        done = scrape.inside(names, "--refresh", *arguments)
    columns = ("state", "pass", "status", "type", "path", "bytes", "sha256", "changed_pass",
               "final_url", '"offset"', "length", "facts_pass", "facts_offset")  # fmt: skip
    known = _rows(done.folder, *columns)
    assert known[server.url("/page")][:2] == ("unchanged", 4)
    assert known[server.url("/page")][-2] == 1
    assert known[server.url("/with?token=secret")][-2] == 3
    links = _links(done.folder)
    assert links
    with (done.folder / "summary.json").open() as file:
        totals = json.load(file)["totals"]
    shutil.rmtree(done.folder / ".scraper")
    adopted = scrape.here(names, "--adopt", *ARGUMENTS)
    assert "nothing left to do" in adopted.stderr
    assert _rows(done.folder, *columns) == known
    assert _links(done.folder) == links
    with (done.folder / "summary.json").open() as file:
        assert json.load(file)["totals"] == totals
    config = scraper.configure(dir=str(done.folder), robots="off", processes=1)
    with scraper.stream(str(scrape.folder / names), config) as outcomes:
        told = {each.record["canonical_url"]: each.record for each in outcomes}
    assert told == last_of(done.folder)
    assert told[server.url("/page")]["title"] == "A"


def test_a_short_record_is_not_adopted_without_the_one_that_it_names(
    scrape: Scrape, server: FaultyServer
) -> None:
    server.behaviours["/page"] = etag(b"here")
    names = scrape.list_of(server.url("/page"))
    scrape.inside(names, *ARGUMENTS, "--save-only")
    done = scrape.inside(names, "--refresh", *ARGUMENTS, "--save-only")
    shutil.rmtree(done.folder / ".scraper")
    records = done.folder / "records.jsonl"
    _, short = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(short)
    refused = scrape.here(names, "--adopt", *ARGUMENTS)
    assert refused.code == 2
    assert (
        "lacks the record of pass 1 that the one at byte 0 names"
        in refused.stderr
    )
    assert records.read_bytes() == short


def test_adopted_failures_can_be_asked_again(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    asked = server.count("/page")
    server.behaviours["/late"] = page("late")
    done = scrape.here(names, "--adopt", "--retry", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert done.by_url()[server.url("/late")]["state"] == "done"
    assert done.by_url()[server.url("/late")]["pass"] == 2
    assert server.count("/page") == asked
    errors = [
        json.loads(line)
        for line in (done.folder / "errors.jsonl").read_text().splitlines()
    ]
    assert [(each["pass"], each["url"]) for each in errors] == [
        (each["pass"], each["url"])
        for each in done.records
        if each["error_kind"] is not None
    ]


def test_adopted_pages_and_their_pictures_can_be_refreshed(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    done = scrape.inside(names, "--adopt", "--refresh", "-p", "1", *ARGUMENTS)
    assert done.code == 3, done.stderr
    second = {
        each["canonical_url"]: each
        for each in done.records
        if each["pass"] == 2
    }
    assert second[server.url("/page")]["state"] == "done"
    assert second[server.url("/shown.png")]["parent"] == server.url("/page")
    assert server.count("/with?token=secret") == 2, (
        "by its own name, not by that of the record"
    )
    keys = [(each["pass"], each["key"]) for each in done.records]
    assert len(keys) == len(set(keys))


def test_of_several_passes_the_last_record_counts(
    scrape: Scrape, names: str, server: FaultyServer
) -> None:
    scrape.here(names, *ARGUMENTS, "--retries", "0")
    done = scrape.here(names, "--refresh", *ARGUMENTS, "--retries", "0")
    shutil.rmtree(done.folder / ".scraper")
    asked = server.count()
    adopted = scrape.here(names, "--adopt", *ARGUMENTS)
    assert "nothing left to do: pass 2 of run" in adopted.stderr
    assert server.count() == asked
    assert {each[0] for each in _rows(done.folder, "pass").values()} == {2}


def test_a_command_that_adopts_may_be_repeated(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    asked = server.count()
    for _ in range(2):
        assert scrape.here(names, "--adopt", *ARGUMENTS).code == 3
    assert server.count() == asked


def test_a_grown_list_is_gone_on_with(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    server.behaviours["/new"] = page("new")
    with (scrape.folder / names).open("a") as file:
        file.write(server.url("/new") + "\n")
    asked = server.count()
    done = scrape.here(names, "--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert server.count() == asked + 1
    assert done.records[-1]["url"] == server.url("/new")
    assert (first.folder / "records.jsonl").read_bytes().count(b"\n") == len(
        first.records
    ) + 1


def test_a_folder_is_adopted_without_its_list(
    scrape: Scrape, first: Scraped
) -> None:
    done = scrape.here("--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert "nothing left to do" in done.stderr


def test_a_script_adopts(tmp_path: Path, server: FaultyServer) -> None:
    config = scraper.configure(
        dir=str(tmp_path / "run"), save_only=True, robots="off"
    )
    urls = [server.url("/page"), server.url("/with?token=secret")]
    scraper.run(urls, config)
    shutil.rmtree(tmp_path / "run" / ".scraper")
    with pytest.raises(scraper.UsageError, match="--adopt"):
        scraper.run(urls, config)
    asked = server.count()
    assert scraper.run(urls, config, adopt=True).exit_code == 0
    assert server.count("/page") + server.count("/with?token=secret") == asked


def test_a_last_line_that_is_cut_off_is_put_aside_and_not_lost(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    records = first.folder / "records.jsonl"
    whole = records.read_bytes()
    cut = whole.rstrip(b"\n").rfind(b"\n") + 1
    records.write_bytes(whole[:-40])
    asked = server.count()
    done = scrape.here(names, "--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert (first.folder / "records.jsonl.torn").read_bytes() == whole[cut:-40]
    assert records.read_bytes()[:cut] == whole[:cut]
    assert len({each["key"] for each in done.records}) >= len(first.records) - 1
    assert server.count() <= asked + 3


def test_a_last_record_without_its_newline_is_adopted_and_gets_it(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    """As an editor may save it."""
    records = first.folder / "records.jsonl"
    whole = records.read_bytes()
    records.write_bytes(whole.rstrip(b"\n"))
    asked = server.count()
    done = scrape.here(names, "--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert done.stderr.startswith(
        f"took over {len(first.records)} records of run\n"
    )
    assert server.count() == asked
    assert records.read_bytes() == whole
    assert not (first.folder / "records.jsonl.torn").exists()


def test_a_byte_order_mark_before_the_records_is_no_part_of_them(
    scrape: Scrape, names: str, first: Scraped, server: FaultyServer
) -> None:
    """As an editor may put it there: everything that reads the records skips it."""
    records = first.folder / "records.jsonl"
    marked = b"\xef\xbb\xbf" + records.read_bytes()
    records.write_bytes(marked)
    asked = server.count()
    done = scrape.here(names, "--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert done.stderr.startswith(
        f"took over {len(first.records)} records of run\n"
    )
    assert server.count() == asked
    assert records.read_bytes() == marked
    assert list(scraper.records(first.folder)) == first.records
    (first.folder / "errors.jsonl").unlink()
    again = scrape.here(names, "--refresh", *ARGUMENTS, "--retries", "0")
    assert again.code == 3, again.stderr
    found = list(scraper.records(first.folder))
    assert {each["pass"] for each in found if each["parent"] is None} == {2}
    errors = (first.folder / "errors.jsonl").read_bytes().splitlines()
    assert len(errors) == len(
        [each for each in again.records if each.get("error_kind")]
    )


def _another_s(lines: list[bytes]) -> list[bytes]:
    return [b'{"my": "own"}', *lines]


def _no_json(lines: list[bytes]) -> list[bytes]:
    return [lines[0], b'"my own"', *lines[1:]]


def _half_a_record(lines: list[bytes]) -> list[bytes]:
    return [lines[0], b'{"schema": 1, "pass": 1}']


def _elsewhere(lines: list[bytes]) -> list[bytes]:
    record = json.loads(lines[0])
    return [
        json.dumps(
            record | {"path": "pages/../../mine"}, separators=(",", ":")
        ).encode()
    ]


def _newer(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"schema":2', b'"schema":99')]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_another_s, "line 1, is no record of this program"),
        (_no_json, "line 2, is no record of this program"),
        (_half_a_record, "line 2, is no record of this program"),
        (_elsewhere, "line 1, is no record of this program"),
        (_newer, "line 1, was written by a newer version"),
    ],
)
def test_lines_that_are_no_records_are_not_adopted(
    spoil: Callable[[list[bytes]], list[bytes]],
    says: str,
    scrape: Scrape,
    names: str,
    first: Scraped,
    server: FaultyServer,
) -> None:
    records = first.folder / "records.jsonl"
    spoilt = b"\n".join(spoil(records.read_bytes().splitlines())) + b"\n"
    records.write_bytes(spoilt)
    asked = server.count()
    for _ in range(2):
        refused = scrape.here(names, "--adopt", *ARGUMENTS)
        assert refused.code == 2
        (line,) = refused.stderr.splitlines()
        assert f"records.jsonl, {says}" in line
    assert server.count() == asked
    assert records.read_bytes() == spoilt


def test_errors_of_somebody_else_are_not_replaced(
    scrape: Scrape, names: str, first: Scraped
) -> None:
    errors = first.folder / "errors.jsonl"
    errors.write_text('{"my": "own"}\n')
    refused = scrape.here(names, "--adopt", *ARGUMENTS)
    assert refused.code == 2
    assert "errors.jsonl is not of this program" in refused.stderr
    assert errors.read_text() == '{"my": "own"}\n'


def test_there_must_be_something_to_adopt(scrape: Scrape, names: str) -> None:
    refused = scrape.here(names, "--adopt", *ARGUMENTS)
    assert refused.code == 2
    assert "holds no records.jsonl to take over" in refused.stderr
    assert not (scrape.folder / "run").exists()


def test_many_records_are_read_in_batches(
    scrape: Scrape, names: str, first: Scraped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "BATCH", 2)
    done = scrape.here(names, "--adopt", *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert "nothing left to do" in done.stderr


def test_what_was_unasked_is_so_after_an_adoption(scrape: Scrape) -> None:
    busy = status(503, {"Retry-After": "86400"})
    with FaultyServer({"/*": busy}) as server:
        names = scrape.list_of(server.url("/a"), server.url("/b"))
        before = scrape.inside(names, *ARGUMENTS)
        assert before.code == 5
        shutil.rmtree(before.folder / ".scraper")
        asked = len(server.seen)
        again = scrape.inside(names, "--adopt", *ARGUMENTS)
        assert (again.code, len(server.seen)) == (5, asked)
        rows = _rows(again.folder, "state", "due > 0")
        assert set(rows.values()) == {("failed", 1)}
