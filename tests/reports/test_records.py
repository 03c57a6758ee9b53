"""`scraper.records`: of each URL the last record, from a folder, a copy, or while a run goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import scraper
from scraper.errors import UsageError
from scraper.faulty import FaultyServer, etag, page, sequence, status
from scraper.model import Fetched, Task, Timings
from scraper.record import of_fetched, of_unchanged
from scraper.urls import digest, parts_of
from tests.conftest import PROJECT
from tests.stories.runs import last_of


def line_of(number: int, url: str, **more: Any) -> bytes:
    task = Task(1, parts_of(url), parts_of(url), seq=1)
    fetched = Fetched(task, task.url, 200, "page", "text/html", None, (), None, 1, 1, "", 0.0,
                      Timings())  # fmt: skip
    record = orjson.loads(of_fetched(number, fetched, path=None)) | more
    return orjson.dumps(record) + b"\n"


def written(folder: Path, *lines: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "records.jsonl").write_bytes(b"".join(lines))
    return folder


def passes_of(folder: Path) -> list[tuple[str, int]]:
    return [
        (each["canonical_url"], each["pass"])
        for each in scraper.records(folder)
    ]


A, B, C = (f"https://example.com/{name}" for name in "abc")


def test_of_each_url_the_last_record_counts(tmp_path: Path) -> None:
    passes = [(1, A), (1, B), (2, B), (2, C), (3, B), (3, A)]
    written(tmp_path, *(line_of(number, url) for number, url in passes))
    assert passes_of(tmp_path) == [(C, 2), (B, 3), (A, 3)]
    assert passes_of(Path(str(tmp_path))) == passes_of(tmp_path)


def test_records_are_whole_and_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path, line_of(1, A, title="Ein Häuschen", data={"price": 3.5}))
    (record,) = scraper.records(str(tmp_path))
    assert (record["title"], record["data"]) == ("Ein Häuschen", {"price": 3.5})
    assert record["key"] == digest(A)[:8].hex()


def short_line_of(number: int, url: str, same_as: int) -> bytes:
    task = Task(1, parts_of(url), parts_of(url), seq=1)
    fetched = Fetched(task, task.url, 304, "page", "text/html", None, (), None, 1, 0, "", 0.0,
                      Timings())  # fmt: skip
    return of_unchanged(number, fetched, same_as) + b"\n"


def sorted_keys(line: bytes) -> bytes:
    return orjson.dumps(dict(sorted(orjson.loads(line).items()))) + b"\n"


@pytest.mark.parametrize("written_as", [bytes, sorted_keys])
def test_what_was_unchanged_has_the_facts_of_the_record_that_it_names(
    written_as: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    lines = [
        line_of(1, A, title="old"),
        line_of(1, B, title="b"),
        short_line_of(2, A, 1),
        line_of(3, A, title="new"),
        line_of(3, C, title="c"),
        short_line_of(4, C, 3),
        short_line_of(4, A, 3),
        short_line_of(5, A, 3),
    ]
    written(tmp_path, *map(written_as, lines))
    found = list(scraper.records(tmp_path))
    told = [
        (each["canonical_url"], each["title"], each["state"], each["pass"])
        for each in found
    ]
    assert told == [
        (B, "b", "done", 1),
        (C, "c", "unchanged", 4),
        (A, "new", "unchanged", 5),
    ]
    assert found[0].keys() == found[1].keys() - {"same_as"}
    assert found[0]["seconds"].keys() == found[1]["seconds"].keys()
    assert (found[2]["status"], found[2]["same_as"]) == (304, 3)


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_the_recipe_for_jq_comes_to_the_same(tmp_path: Path) -> None:
    cookbook = (PROJECT / "docs" / "cookbook.md").read_text()
    recipe = cookbook.partition("\njq -nc '")[2].partition("'")[0]
    lines = [
        line_of(1, A, title="old"),
        line_of(1, B, title="b"),
        line_of(2, A, title="new"),
        short_line_of(3, A, 2),
        short_line_of(4, A, 2),
    ]
    file = written(tmp_path, *lines) / "records.jsonl"
    done = subprocess.run(
        ["jq", "-nc", recipe, str(file)], capture_output=True, check=True
    )
    told = {
        each["key"]: each
        for each in map(orjson.loads, done.stdout.splitlines())
    }
    expected = {each["key"]: each for each in scraper.records(tmp_path)}
    for record in expected.values():
        if "same_as" in record:
            record["seconds"] = {"fetch": 0.0}
    assert told == expected


@pytest.mark.parametrize("named", [1, 2])
def test_a_record_that_is_missing_is_said_to_be(
    named: int, tmp_path: Path
) -> None:
    there = [line_of(2, A)] if named == 1 else []
    written(tmp_path, *there, short_line_of(3, A, named))
    with pytest.raises(
        UsageError, match=rf"lacks the record of pass {named} that the one at"
    ):
        list(scraper.records(tmp_path))


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    written(tmp_path, line_of(1, A), line_of(1, B), line_of(2, A)[:-1])
    assert passes_of(tmp_path) == [(A, 1), (B, 1)]


def test_what_is_written_while_they_are_read_changes_nothing(
    tmp_path: Path,
) -> None:
    written(tmp_path, line_of(1, A), line_of(1, B))
    reading = scraper.records(tmp_path)
    assert next(reading)["canonical_url"] == A
    with (tmp_path / "records.jsonl").open("ab") as file:
        file.write(line_of(2, B) + line_of(2, C))
    assert [(each["canonical_url"], each["pass"]) for each in reading] == [
        (B, 1)
    ]


def test_a_record_that_begins_otherwise_is_read_too(tmp_path: Path) -> None:
    """As another program, or a version to come, may write it."""
    record = orjson.loads(line_of(2, A))
    sorted_keys = orjson.dumps(dict(sorted(record.items()))) + b"\n"
    written(tmp_path, line_of(1, A), sorted_keys)
    assert passes_of(tmp_path) == [(A, 2)]


def test_a_run_without_any_record_yet_has_none(tmp_path: Path) -> None:
    assert passes_of(written(tmp_path)) == []


def test_a_folder_without_records_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no records in .*nowhere: name a run folder"
    ):
        scraper.records(tmp_path / "nowhere")
    (tmp_path / "urls.txt").write_text("example.com\n")
    with pytest.raises(UsageError, match="no records in"):
        scraper.records(tmp_path / "urls.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_pipe_in_their_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "records.jsonl")
    with pytest.raises(UsageError, match="no records in"):
        scraper.records(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_records_that_may_not_be_read_say_so(tmp_path: Path) -> None:
    (written(tmp_path, line_of(1, A)) / "records.jsonl").chmod(0)
    with pytest.raises(
        UsageError, match=r"cannot read .*records\.jsonl: Permission denied"
    ):
        next(scraper.records(tmp_path))


@pytest.mark.parametrize(
    "foreign", [b"name,price\n", b"\0\0\0\n", b"[1]\n", b'{"a": 1}\n']
)
def test_what_is_no_record_is_named_by_its_place(
    foreign: bytes, tmp_path: Path
) -> None:
    written(tmp_path, line_of(1, A), foreign)
    with pytest.raises(
        UsageError, match=rf"no record, at byte {len(line_of(1, A))}"
    ):
        list(scraper.records(tmp_path))


# -- whole runs -------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": status(404),
        "/*": page("here"),
        "/recovers": sequence(status(410), page("b")),
        "/same": etag(b"the same"),
    }
    with FaultyServer(site) as running:
        yield running


def test_they_are_those_of_the_last_passes_also_of_a_copy(
    server: FaultyServer, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    config = scraper.configure(dir=str(folder), save_only=True)
    urls = [server.url(path) for path in ("/recovers", "/same", "/a")] + [
        "ftp://nonsense"
    ]
    scraper.run(urls, config)
    scraper.run(urls, config, retry=["http_410"])
    scraper.run(urls[:2], config, refresh=True)
    found = list(scraper.records(folder))
    assert {each["canonical_url"]: each for each in found} == last_of(folder)
    assert len(found) == 4
    states = {each["url"]: (each["pass"], each["state"]) for each in found}
    assert states[server.url("/same")] == (3, "unchanged")
    assert states[server.url("/recovers")][0] == 3
    copy = shutil.copytree(
        folder, tmp_path / "copy", ignore=shutil.ignore_patterns(".scraper")
    )
    assert list(scraper.records(copy)) == found


def test_they_can_be_read_while_the_run_goes_on(
    server: FaultyServer, tmp_path: Path
) -> None:
    config = scraper.configure(dir=str(tmp_path / "run"), save_only=True)
    with scraper.stream(
        [server.url(f"/{number}") for number in range(3)], config
    ) as run:
        for outcome in run:
            assert outcome.record in list(scraper.records(run.folder))
