"""Files of this machine: their addresses, which ones are meant, and how one is read."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper.errors import UsageError
from scraper.local.addresses import address_of
from scraper.local.listing import check_words, paths_meant
from scraper.local.reading import LocalFetcher
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    StoredResponse,
    Task,
)
from scraper.urls import BadUrl, canonical, file_path_of, parts_of, resolved

names = st.binary(min_size=1, max_size=30).filter(
    lambda name: b"\0" not in name
)


@given(st.lists(names, min_size=1))
def test_an_address_names_every_path_byte_for_byte(parts: list[bytes]) -> None:
    path = os.fsdecode(b"/" + b"/".join(parts))
    address = address_of(path)
    assert file_path_of(address.href) == path
    assert address.href.isascii()
    assert parts_of(address.href) == address
    assert (address.scheme, address.host) == ("file", "localhost")


def test_no_text_and_no_reference_comes_to_an_address() -> None:
    address = address_of("/etc/passwd").href
    for text in (address, "file:///etc/passwd", f" <{address}> "):
        with pytest.raises(BadUrl):
            canonical(text.strip(" <>"))
        with pytest.raises(BadUrl):
            resolved("https://example.org/", text.strip(" <>"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With what a folder may hold."""
    for name in ("b.jpg", "a.jpg", "sub/c.jpg", "sub/deep/d.txt", ".hidden.jpg",
                 ".git/e.jpg", "run/records.jsonl", "run/.scraper/ledger.sqlite"):  # fmt: skip
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "in" / "link.jpg").symlink_to("/etc/hosts")
    (tmp_path / "in" / "round").symlink_to(".")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (
            ["in"],
            [
                "a.jpg",
                "b.jpg",
                "link.jpg",
                "round",
                "sub/c.jpg",
                "sub/deep/d.txt",
            ],
        ),
        (["in/sub", "in/a.jpg"], ["sub/c.jpg", "sub/deep/d.txt", "a.jpg"]),
        (["in/**/*.jpg"], ["a.jpg", "b.jpg", "link.jpg", "sub/c.jpg"]),
        (["in/.hidden.jpg"], [".hidden.jpg"]),
        (["in/run"], []),
    ],
)
def test_what_words_mean(
    words: list[str], meant: list[str], folder: Path
) -> None:
    check_words(words)
    found = [os.path.relpath(each, "in") for each in paths_meant(words)]
    if "**" in words[0]:  # `**` goes through the link to the folder itself
        found = [each for each in found if not each.startswith("round")]
    assert found == meant


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named_itself(folder: Path) -> None:
    (folder / "sub").chmod(0)
    assert "in/sub" in list(paths_meant(["in"]))
    (folder / "sub").chmod(0o755)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no files are given"),
        (["nowhere"], "no such file or folder: nowhere"),
        (["*.none"], r"no such file or folder: \*.none"),
        (["https://example.org/a.jpg"], "leave out `process`"),
    ],
)
def test_words_that_mean_nothing(
    words: list[str], says: str, folder: Path
) -> None:
    with pytest.raises(UsageError, match=says):
        check_words(words)


class Under:
    """As much of a flight as reading takes."""

    def __init__(
        self, path: Path, stored: StoredResponse | None = None
    ) -> None:
        url = address_of(str(path))
        self.task = Task(1, url, url, stored=stored)
        self.abort_reason: Failure | None = None
        self.has_begun = False

    def begin(self) -> None:
        self.has_begun = True


def _read(path: Path, stored: StoredResponse | None = None) -> Fact:
    flight = Under(path, stored)
    fact = LocalFetcher(None, None, Path()).fetch(flight)
    assert flight.has_begun
    return fact


def test_a_file_is_what_a_request_would_have_brought(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_bytes(b'{"lamp": 34}')
    fact = _read(path)
    assert isinstance(fact, Fetched)
    assert (fact.kind, fact.type, fact.status, fact.part, fact.bytes) == (
        "file",
        "application/json",
        200,
        None,
        12,
    )
    assert fact.sha256 == hashlib.sha256(b'{"lamp": 34}').hexdigest()


def test_its_content_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "not-a-picture.txt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    fact = _read(path)
    assert isinstance(fact, Fetched)
    assert (fact.kind, fact.type) == ("image", "image/png")


def test_what_has_not_changed_is_known_by_size_and_time_or_hash(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    first = _read(path)
    assert isinstance(first, Fetched)
    etag = dict(first.headers)["etag"]
    stored = StoredResponse(sha256=first.sha256, etag=etag)
    assert _status(path, stored) == 304
    os.utime(path, (1, 1))
    assert _status(path, stored) == 304, "written anew, and what it was"
    assert _status(path, replace(stored, etag=None)) == 200, "it has failed"
    path.write_text("two")
    assert _status(path, stored) == 200


def _status(path: Path, stored: StoredResponse) -> int:
    fact = _read(path, stored)
    assert isinstance(fact, Fetched)
    return fact.status


def test_only_files_are_read_and_nothing_hangs(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for name, says in {
        "pipe": "a named pipe, and only files are read",
        "link.jpg": "a link, and only files are read",
        "sub": "a folder, and only files are read",
        "gone.jpg": "No such file or directory",
    }.items():
        fact = _read(folder / name)
        assert isinstance(fact, FetchFailed)
        assert fact.failure.kind == "file_unreadable"
        assert fact.failure.message == f"{folder / name}: {says}"
        assert fact.answered, "it says nothing about any network"
    fact = _read(Path("/dev/zero"))
    assert isinstance(fact, FetchFailed)
    assert "a device" in fact.failure.message


def test_reading_ends_when_the_run_says_so(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(bytes(3_000_000))
    flight = Under(path)
    flight.abort_reason = Failure("timeout_total", "fetch", "too long")
    fact = LocalFetcher(None, None, Path()).fetch(flight)
    assert isinstance(fact, FetchFailed)
    assert fact.failure.kind == "timeout_total"


def test_files_are_read_without_the_libraries_of_the_network() -> None:
    program = "import sys, scraper.cli.running; print('urllib3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
