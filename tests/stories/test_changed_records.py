"""records.jsonl was changed by hand, and its size was not: no record of one URL for another."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, etag
from scraper.run_folder import recovery
from tests.conftest import Scrape
from tests.stories.runs import last_of

ARGUMENTS = ("--robots", "off", "--no-progress")
PATHS = [f"/{number}" for number in range(40)]
SAYS = r"records\.jsonl was changed.* move the folder \.scraper away .*--adopt"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(
        {path: etag(f"<title>{path}".encode()) for path in PATHS}
    ) as server:
        yield server


@pytest.fixture
def folder(scrape: Scrape, server: FaultyServer) -> Path:
    names = scrape.list_of(*map(server.url, PATHS))
    done = scrape.here(names, *ARGUMENTS)
    assert done.code == 0, done.stderr
    return done.folder


def _sort(lines: list[bytes]) -> list[bytes]:
    return sorted(lines, key=lambda line: line[::-1])


def _exchange_two(lines: list[bytes]) -> list[bytes]:
    return [lines[1], lines[0], *lines[2:]]


def _change_a_value(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"key":"', b'"kex":"'), *lines[1:]]


def _edit(folder: Path, edit: Callable[[list[bytes]], list[bytes]]) -> bytes:
    records = folder / "records.jsonl"
    before = records.read_bytes()
    edited = b"".join(line + b"\n" for line in edit(before.splitlines()))
    assert len(edited) == len(before)
    assert edited != before
    records.write_bytes(edited)
    return edited


@pytest.mark.parametrize("edit", [_sort, _exchange_two, _change_a_value])
def test_a_run_does_not_begin_with_records_that_were_changed(
    edit: Callable[[list[bytes]], list[bytes]],
    folder: Path,
    scrape: Scrape,
    server: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "SAMPLED_RECORDS", len(PATHS))
    edited = _edit(folder, edit)
    asked = server.count()
    refused = scrape.here("urls.txt", "--refresh", *ARGUMENTS)
    assert refused.code == 2
    (line,) = refused.stderr.splitlines()
    assert _says(line)
    assert server.count() == asked
    assert (folder / "records.jsonl").read_bytes() == edited


def _says(text: str) -> bool:
    return re.search(SAYS, text) is not None


def test_a_few_places_are_enough_to_see_that_they_were_sorted(
    folder: Path, scrape: Scrape
) -> None:
    _edit(folder, _sort)
    refused = scrape.here("urls.txt", *ARGUMENTS)
    assert refused.code == 2
    assert _says(refused.stderr)


def test_what_the_beginning_did_not_see_ends_a_refresh_before_it_is_written(
    folder: Path, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SAMPLED_RECORDS", 0)
    before = last_of(folder)
    edited = _edit(folder, _exchange_two)
    # whoever reads the output is to have the facts: they are read back
    stopped = scrape.here("urls.txt", "--refresh", "-o", "-", *ARGUMENTS)
    assert stopped.code == 5
    assert _says(stopped.stderr)
    assert "Traceback" not in stopped.stderr
    after = (folder / "records.jsonl").read_bytes()
    assert after.startswith(edited)
    for each in stopped.records[len(PATHS) :]:
        assert each["sha256"] == before[each["canonical_url"]]["sha256"]


def test_a_refresh_that_reads_none_of_them_mixes_none_of_them(
    folder: Path, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short record names another by key and pass, not by its place."""
    monkeypatch.setattr(recovery, "SAMPLED_RECORDS", 0)
    before = last_of(folder)
    _edit(folder, _exchange_two)
    done = scrape.here("urls.txt", "--refresh", *ARGUMENTS)
    assert done.code == 0, done.stderr
    found = list(scraper.records(folder))
    assert {each["pass"] for each in found} == {2}
    for each in found:
        assert each["sha256"] == before[each["canonical_url"]]["sha256"]


def test_a_script_is_given_no_record_of_another_url(
    folder: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = list(map(server.url, PATHS))
    config = scraper.configure(dir=str(folder), robots="off", save_only=True)
    _edit(folder, _exchange_two)
    monkeypatch.setattr(recovery, "SAMPLED_RECORDS", 0)
    with pytest.raises(scraper.LocalFault, match=SAYS):
        _check_all(scraper.stream(urls, config, add_list=True))


def _check_all(run: scraper.Run) -> None:
    with run as outcomes:
        for outcome in outcomes:
            assert outcome.record["canonical_url"] == outcome.url


def test_the_advice_is_good(
    folder: Path, scrape: Scrape, server: FaultyServer
) -> None:
    edited = _edit(folder, _sort)
    asked = server.count()
    shutil.move(folder / ".scraper", folder.parent / "away")
    done = scrape.here("urls.txt", "--adopt", *ARGUMENTS)
    assert done.code == 0, done.stderr
    assert server.count() == asked
    assert (folder / "records.jsonl").read_bytes() == edited
