"""Files that know how far they are whole; a kill costs them nothing and doubles nothing."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scraper.errors import LocalFault, UsageError, new_failure
from scraper.faulty import FaultyServer, page
from scraper.machine.files import Folder, open_folder
from scraper.model import Task
from scraper.outcomes.outcome import Outcome
from scraper.sinks import sink as sink_module
from scraper.sinks.error_log import ErrorLog
from scraper.sinks.line_file import LineFile
from scraper.sinks.record_log import RecordLog
from scraper.sinks.run_log import json_line, text_line
from scraper.sinks.stdout import StandardOutput
from scraper.storage.store import Store
from scraper.urls import parts_of
from tests.conftest import Scrape


def outcome(
    url: str = "https://example.com/", kind: str | None = None, note: str = ""
) -> Outcome:
    task = Task(7, parts_of(url), parts_of(url))
    problem = new_failure(kind, note or "it went wrong") if kind else None
    line = json.dumps(
        {"canonical_url": url, "error_kind": kind, "note": note}
    ).encode()
    return Outcome(task, "failed" if kind else "done", line, failure=problem)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_folder(tmp_path) as folder:
        yield folder


def opened(folder: Folder, position: str | None = None) -> RecordLog:
    sink = RecordLog(folder)
    sink.resume(position)
    return sink


def test_what_is_flushed_is_in_the_file_and_the_position_is_its_size(
    folder: Folder, tmp_path: Path
) -> None:
    sink = opened(folder)
    sink.add(outcome("https://a/"))
    assert (tmp_path / "records.jsonl").read_bytes() == b"", (
        "nothing before the commit"
    )
    assert sink.flush(durable=False) == str(
        (tmp_path / "records.jsonl").stat().st_size
    )
    sink.close()


def test_a_file_is_cut_back_to_its_last_commit(
    folder: Folder, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    sink = opened(folder)
    sink.add(outcome("https://a/"))
    committed = sink.flush(durable=False)
    sink.add(outcome("https://b/"))
    sink.flush(durable=False)
    sink.close()
    with path.open("ab") as file:
        file.write(b'{"torn')

    again = opened(folder, committed)
    again.add(outcome("https://c/"))
    again.flush(durable=False)
    again.close()
    urls = [
        json.loads(line)["canonical_url"]
        for line in path.read_text().splitlines()
    ]
    assert urls == ["https://a/", "https://c/"]


@given(steps=st.lists(st.sampled_from(["add", "flush", "kill"]), max_size=20))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50
)
def test_whenever_it_is_killed_a_file_holds_what_was_committed_and_no_more(
    steps: list[str], folder: Folder, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    path.unlink(missing_ok=True)
    sink, position = opened(folder), "0"
    added, committed = [], []
    for number, step in enumerate(steps):
        if step == "add":
            added.append(f"https://{number}/")
            sink.add(outcome(added[-1]))
        elif step == "flush":
            position = sink.flush(durable=False)
            committed, added = committed + added, []
        else:
            # written, and then the kill came before the ledger knew
            sink.flush(durable=False)
            sink.close()
            sink, added = opened(folder, position), []
    sink.close()
    last = opened(folder, position)
    last.close()
    urls = [
        json.loads(line)["canonical_url"]
        for line in path.read_text().splitlines()
    ]
    assert urls == committed


def test_a_file_that_lost_something_is_refused_with_one_message(
    folder: Folder, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"{}\n")
    with pytest.raises(
        UsageError, match=r"is shorter \(3 bytes\) than this run left it \(100"
    ):
        opened(folder, "100")
    path.unlink()
    with pytest.raises(UsageError, match="is shorter"):
        opened(folder, "100")


@pytest.mark.parametrize(
    "there", [b"{]", b"7", b"{}", b"", b'{"key":"0000000000000000"}']
)
def test_what_is_no_record_of_its_url_is_not_read_back(
    there: bytes, folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "records.jsonl").write_bytes(there + b"\n")
    sink = opened(folder, str(len(there) + 1))
    with pytest.raises(
        LocalFault, match=r"records\.jsonl was changed: at byte 0 .*--adopt"
    ):
        sink.read(0, "https://a/")
    sink.close()


def test_a_file_that_cannot_be_written_is_told(
    folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "records.jsonl").mkdir()
    with pytest.raises(UsageError, match="is a folder where"):
        opened(folder)


class Disk(io.FileIO):
    """A disk that takes a few bytes at a time, and in all no more than there is room for."""

    room = 10**6

    def write(self, data: object) -> int:
        taken = bytes(data)[: min(self.room, 5)]  # type: ignore[call-overload]
        if not taken:
            raise OSError(28, "No space left on device")
        self.room -= len(taken)
        return super().write(taken)

    def getvalue(self) -> bytes:
        return Path(str(self.name)).read_bytes()


@pytest.fixture
def disk(folder: Folder) -> Iterator[tuple[RecordLog, Disk]]:
    sink = opened(folder)
    sink.close()
    disk = Disk(sink.path, "r+")
    sink.file._file = disk
    yield sink, disk
    sink.close()


def test_a_disk_that_takes_a_little_at_a_time_gets_all_of_it(
    disk: tuple[RecordLog, Disk],
) -> None:
    sink, written = disk
    sink.add(outcome("https://a/"))
    sink.flush(durable=False)
    assert written.getvalue() == outcome("https://a/").line + b"\n"


def test_a_full_disk_is_a_local_fault_and_leaves_no_half_line(
    disk: tuple[RecordLog, Disk],
) -> None:
    sink, written = disk
    sink.add(outcome("https://a/"))
    sink.flush(durable=False)
    written.room = 12
    sink.add(outcome("https://b/"))
    with pytest.raises(LocalFault) as caught:
        sink.flush(durable=False)
    assert caught.value.failure.kind == "disk_full"
    assert written.getvalue() == outcome("https://a/").line + b"\n"


@pytest.mark.parametrize("name", ["records.jsonl", "errors.jsonl", "run.log"])
def test_after_a_full_disk_every_url_still_gets_its_one_record(
    name: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit that failed must leave no trace in the ledger: the URLs are asked again."""
    flush = LineFile.flush

    def fails_once(self: LineFile, *, durable: bool = False) -> str:
        if self.name == name and self.waiting:
            monkeypatch.setattr(LineFile, "flush", flush)
            raise LocalFault(
                new_failure("disk_full", "no space left on the disk")
            )
        return flush(self, durable=durable)

    with FaultyServer(
        {"/robots.txt": page("", code=404), "/a": page("a")}
    ) as server:
        urls = scrape.list_of(server.url("/a"), server.url("/missing"))
        monkeypatch.setattr(LineFile, "flush", fails_once)
        stopped = scrape.here(urls)
        assert stopped.code == 5
        assert "no space left" in stopped.stderr
        finished = scrape.here(urls)
    assert finished.code == 3
    assert sorted(each["canonical_url"] for each in finished.records) == sorted(
        [server.url("/a"), server.url("/missing")]
    )
    kept = finished.by_url()[server.url("/a")]["path"]
    assert (finished.folder / kept).read_bytes() == b"a"
    summary = json.loads((finished.folder / "summary.json").read_text())
    assert (summary["urls"], summary["done"], summary["failed"]) == (2, 1, 1)


def test_after_a_rename_that_failed_the_next_run_finds_the_files(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger knew of the files already: nothing is asked twice, nothing is missing."""

    def fails(self: Store, files: object) -> None:
        raise OSError(5, "Input/output error")

    with FaultyServer(
        {"/robots.txt": page("", code=404), "/a": page("a")}
    ) as server:
        urls = scrape.list_of(server.url("/a"))
        with monkeypatch.context() as patch:
            patch.setattr(Store, "publish", fails)
            assert scrape.here(urls).code == 5
        finished = scrape.here(urls)
        assert server.count("/a") == 1
    assert [each["state"] for each in finished.records] == ["done"]
    assert (finished.folder / finished.records[0]["path"]).read_bytes() == b"a"


# -- what lines say ---------------------------------------------------------------------------


def test_errors_are_those_that_have_a_reason(folder: Folder) -> None:
    errors = ErrorLog(folder, opened(folder))
    errors.resume(None)
    errors.add(outcome())
    assert errors.file.waiting == []
    errors.add(outcome(kind="timeout_read"))
    (line, _) = errors.file.waiting
    errors.close()
    kept = json.loads(line)
    assert kept["error_kind"] == "timeout_read"
    assert "note" not in kept, "the page's data stays in records.jsonl"


def test_a_log_line_is_one_line_whatever_the_message() -> None:
    line = text_line(outcome(kind="protocol_error", note="a\r\nb"))
    assert b"\n" not in line
    assert b"\r" not in line
    assert b"code=protocol_error" in line
    kept = json.loads(json_line(outcome(kind="protocol_error", note="a\nb")))
    assert kept["code"] == "protocol_error"


def test_standard_output_gets_records_at_the_commit(
    monkeypatch: pytest.MonkeyPatch, folder: Folder
) -> None:
    taken = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", taken)
    sink = StandardOutput(RecordLog(folder))
    sink.resume(None)
    sink.add(outcome("https://a/"))
    sink.flush(durable=False)
    sink.flush(durable=False)
    assert taken.buffer.getvalue() == outcome("https://a/").line + b"\n"  # type: ignore[attr-defined]
    assert not StandardOutput.exactly_once


# -- the table of their kinds -----------------------------------------------------------------


class Counting:
    """A sink that remembers what was done with it."""

    name = "counts"
    exactly_once = False

    def __init__(self) -> None:
        self.done: list[str] = []
        self.urls: list[str] = []

    def recover(self, position: str | None) -> None:
        self.done.append(f"recover {position}")

    def resume(self, position: str | None) -> None:
        self.done.append(f"resume {position}")

    def add(self, outcome: Outcome) -> None:
        self.urls.append(outcome.url)

    def flush(self, *, durable: bool) -> str:
        return str(len(self.urls))

    def close(self) -> None:
        self.done.append("close")


def test_a_sink_of_another_kind_is_one_more_line_in_the_table(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Counting(), Counting()
    with FaultyServer({"/a": page("a")}) as server:
        names = scrape.list_of(server.url("/a"), server.url("/missing"))
        monkeypatch.setattr(
            sink_module, "KINDS", (*sink_module.KINDS, lambda *_: first)
        )
        assert scrape.here(names).code == 3
        # the machine goes down
        (scrape.folder / "run" / "records.jsonl").write_bytes(b"")
        with sqlite3.connect(
            scrape.folder / "run" / ".scraper" / "ledger.sqlite"
        ) as ledger:
            ledger.execute("INSERT INTO meta VALUES ('boot', 'another boot')")
        ledger.close()
        monkeypatch.setattr(
            sink_module, "KINDS", (*sink_module.KINDS[:-1], lambda *_: second)
        )
        assert scrape.here(names).code == 3
    both = sorted([server.url("/a"), server.url("/missing")])
    assert first.done == ["resume None", "close"]
    assert second.done == ["recover 2", "resume 2", "close"]
    assert sorted(first.urls) == sorted(second.urls) == both
