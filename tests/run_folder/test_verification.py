"""What `verify` finds in a folder, and what it leaves in peace."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.cli.scrape import main
from scraper.errors import InUse, UsageError
from scraper.faulty import FaultyServer, body, page, status
from scraper.run_folder import verification
from scraper.run_folder.verification import verify
from scraper.storage.readers.inventory import Fault
from scraper.storage.store import Store
from tests.stories.runs import last_of


def _picture(format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (900, 600), "teal").save(file, format)
    return file.getvalue()


class Site:
    """A server, and a folder with what it has brought."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder
        self.server = server

    def run(self, **how: Any) -> scraper.Report:
        config = scraper.configure(
            dir=str(self.folder), robots="off", processes=1, retries=0
        )
        paths = ("/a.jpg", "/page", "/file.zip", "/gone")
        urls = [self.server.url(path) for path in paths]
        return scraper.run(urls, config, **how)

    def path(self, path: str) -> Path:
        record = last_of(self.folder)[self.server.url(path)]
        return self.folder / record["path"]

    @property
    def made(self) -> Path:
        (made,) = self.folder.glob("processed/*/*")
        return made

    def faults(self) -> list[tuple[str, str]]:
        return [(each.fault, each.path) for each in self.all_faults()]

    def all_faults(self) -> list[Fault]:
        found: list[Fault] = []
        verified = verify(self.folder, found.append)
        assert verified.faults == len(found)
        return found

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    answers = {
        "/a.jpg": body(_picture("JPEG"), "image/jpeg"),
        "/page": page("<p>hello"),
        "/file.zip": body(b"PK\x03\x04 and more", "application/zip"),
        "/gone": status(404),
    }
    with FaultyServer(answers) as server:
        site = Site(tmp_path / "run", server)
        site.run()
        yield site


def test_a_folder_as_a_run_has_left_it_has_no_fault(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [each for each in site.folder.rglob("*/*/*") if each.is_file()]
    assert main(["verify", str(site.folder)]) == 0
    said = capsys.readouterr().out
    assert "4 files" in said
    assert "all well" in said
    assert [each for each in site.folder.rglob("*/*/*") if each.is_file()] == (
        kept
    ), "nothing is written"


@pytest.mark.parametrize("which", ["/a.jpg", "/page", "/file.zip", "made"])
@pytest.mark.parametrize("as_a_whole", [0, 2**20])
def test_each_file_is_compared(
    site: Site, which: str, as_a_whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_AS_A_WHOLE", as_a_whole)
    path = site.made if which == "made" else site.path(which)
    name, content = site.name_of(path), path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    (fault,) = site.all_faults()
    assert (fault.fault, fault.path) == ("sha256", name)
    asked = "/a.jpg" if which == "made" else which
    assert fault.url == site.server.url(asked)
    path.write_bytes(content[:-1])
    assert site.faults() == [("size", name)]
    path.unlink()
    assert site.faults() == [("missing", name)]
    path.symlink_to(site.folder / "records.jsonl")
    assert site.faults() == [("missing", name)]
    path.unlink()
    path.write_bytes(content)
    assert site.faults() == []


def test_what_no_record_names_is_a_stray(site: Site) -> None:
    strays = [
        "pages/x.html",
        "images/a/b/c.jpg",
        "files/.hidden",
        "processed/y",
    ]
    for stray in strays:
        (site.folder / stray).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / stray).write_text("")
    (site.folder / "files" / "link").symlink_to(site.folder)
    (site.folder / "pages" / "empty").mkdir()
    (site.folder / "notes.txt").write_text("outside of the four folders")
    found = site.faults()
    expected = {("stray", each) for each in [*strays, "files/link"]}
    assert set(found) == expected
    assert len(found) == len(expected)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there")
def test_a_stray_may_have_any_name(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = os.fsencode(site.folder / "pages")
    for name in (b"\xff\xfe", b"a\x1b[31m\nb"):
        with open(os.path.join(folder, name), "wb"):
            pass
    assert main(["verify", str(site.folder)]) == 3
    shown = capsys.readouterr().out
    assert "stray      pages/\\udcff\\udcfe" in shown
    assert "stray      pages/a\\x1b[31m\\nb" in shown
    assert main(["verify", "--json", str(site.folder)]) == 3
    *faults, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert {each["fault"] for each in faults} == {"stray"}
    assert end["faults"] == len(faults) == 2


def test_what_came_before_a_later_failure_is_none(site: Site) -> None:
    """It stays, for the URL may come back, and no record is wrong if somebody removes it."""
    for path in ("/a.jpg", "/page"):
        site.server.behaviours[path] = status(404)
    page = site.path("/page")
    site.run(refresh=True)
    assert site.faults() == []
    page.write_bytes(b"something else")
    assert site.faults() == [("sha256", site.name_of(page))]
    page.unlink()
    assert site.faults() == []


def test_what_was_unchanged_is_compared_with_the_record_of_its_facts(
    site: Site,
) -> None:
    site.server.behaviours["/page"] = status(304)
    ledger = site.folder / ".scraper" / "ledger.sqlite"
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE answer SET etag = '\"1\"'")
    site.run(refresh=True)
    assert (
        last_of(site.folder)[site.server.url("/page")]["state"] == "unchanged"
    )
    assert site.faults() == []
    site.path("/page").unlink()
    assert [fault for fault, _ in site.faults()] == ["missing"]


def test_a_record_that_is_gone_is_a_fault(site: Site) -> None:
    records = site.folder / "records.jsonl"
    lines = records.read_bytes()
    records.write_bytes(b" " * len(lines))
    assert {fault for fault, _ in site.faults()} == {"record"}
    records.unlink()
    with pytest.raises(UsageError, match=r"records\.jsonl"):
        site.faults()


# -- after a kill -----------------------------------------------------------------------------


def _as_if_killed(site: Site, path: Path, part: str) -> Path:
    """Between the commit and the rename of one file."""
    name = site.name_of(path)
    place = site.folder / ".scraper" / "parts" / "0123456789ab"
    place.mkdir(parents=True)
    path.rename(place / part)
    promised = json.dumps([[part, name], [None, "pages/gone/x.html"]])
    with sqlite3.connect(site.folder / ".scraper" / "ledger.sqlite") as db:
        db.execute("INSERT INTO meta VALUES ('publish', ?)", (promised,))
    (site.folder / "pages" / "gone").mkdir()
    (site.folder / "pages" / "gone" / "x.html").write_text("to be removed")
    return place / part


@pytest.mark.parametrize("which", ["/a.jpg", "/page", "made"])
def test_what_recovery_will_rename_is_compared_where_it_lies(
    site: Site, which: str
) -> None:
    path = site.made if which == "made" else site.path(which)
    part = _as_if_killed(site, path, "7-1.part")
    assert site.faults() == []
    content = part.read_bytes()
    part.write_bytes(b"!" * len(content))
    assert site.faults() == [("sha256", site.name_of(path))]
    part.unlink()
    assert site.faults() == [("missing", site.name_of(path))]


# -- whose folder it is -----------------------------------------------------------------------


def test_a_run_that_goes_on_is_not_disturbed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(site.folder)
    store.open()
    try:
        assert main(["verify", str(site.folder)]) == 6
        assert f"run (process {os.getpid()})" in capsys.readouterr().err
    finally:
        store.close()


def test_a_run_that_begins_meanwhile_is_noticed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.path("/page").unlink()
    holders = iter([None, "4711"])
    monkeypatch.setattr(
        "scraper.run_folder.verification.holder_of", lambda _: next(holders)
    )
    with pytest.raises(InUse, match="4711"):
        verify(site.folder, pytest.fail)


def test_without_a_run_there_is_nothing_to_verify(
    tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "no run in" in capsys.readouterr().err
    shutil.rmtree(site.folder / ".scraper")
    assert main(["verify", str(site.folder)]) == 2


def test_a_ledger_of_an_earlier_version_is_brought_up_to_date_first(
    site: Site,
) -> None:
    with sqlite3.connect(site.folder / ".scraper" / "ledger.sqlite") as db:
        db.execute("PRAGMA user_version = 5")
    with pytest.raises(UsageError, match="python -m scraper -d"):
        site.faults()
