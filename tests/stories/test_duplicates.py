"""Equal bytes are stored once, and whatever happens to one URL leaves the other as it is."""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper import journal
from scraper.faulty import (
    Behaviour,
    FaultyServer,
    body,
    etag,
    last_modified,
    page,
    sequence,
    status,
)
from scraper.faulty.server import Exchange
from scraper.recording import duplicates
from scraper.run_folder.verification import verify
from scraper.storage.readers.inventory import Fault
from tests.conftest import PROJECT
from tests.stories.runs import (
    PUBLIC,
    Names,
    Wire,
    internet,
    last_of,
    records_of,
    run_with,
)
from tests.stories.simulated import CRASHED, FINISHED, START, Turn, take, url_of

DATE = "Wed, 01 Jan 2025 00:00:00 GMT"
LATER = "Thu, 02 Jan 2025 00:00:00 GMT"
ZIP = "application/zip"
ONE, OTHER = b"one body " * 50, b"one more " * 50  # of the same size


def _picture(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (700, 60), colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = _picture(), _picture("blue")


class Site:
    """A server, a run folder, and passes over a list, one URL after another."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server

    def serve(self, **answers: Behaviour) -> None:
        self.server.behaviours |= {f"/{k}": v for k, v in answers.items()}

    def run(
        self, *names: str, refresh: bool = False, retry: Any = None, **keys: Any
    ) -> scraper.Report:
        config = scraper.configure(
            **{
                "dir": str(self.folder),
                "robots": "off",
                "threads": 1,
                "processes": 1,
            }
            | keys
        )
        urls = [self.url(name) for name in names]
        report = scraper.run(urls, config, refresh=refresh, retry=retry)
        assert self.faults() == []
        return report

    def url(self, name: str) -> str:
        return self.server.url(f"/{name}")

    def last(self, name: str) -> dict[str, Any]:
        return last_of(self.folder)[self.url(name)]

    def original_of(self, name: str) -> str | None:
        """The name of the URL that this one is a duplicate of."""
        url = self.last(name)["duplicate_of"]
        return None if url is None else str(url).rpartition("/")[2]

    def file(self, name: str) -> Path:
        return self.folder / str(self.last(name)["path"])

    def variant(self, name: str) -> Path:
        (made,) = self.last(name)["processed"]
        return self.folder / str(made["path"])

    def faults(self) -> list[Fault]:
        found: list[Fault] = []
        verify(self.folder, found.append)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FaultyServer() as server:
        yield Site(tmp_path, server)


def are_one(*files: Path) -> bool:
    """Are all of them names of one file?"""
    assert len(set(files)) == len(files)
    return (
        len({(each.stat().st_dev, each.stat().st_ino) for each in files}) == 1
    )


# -- stored once ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 256], ids=["after", "in one commit"])
def test_equal_bytes_of_any_kind_are_one_file_under_their_own_names(
    batch: int, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BATCH", batch)
    site.serve(
        **dict.fromkeys(("p1", "p2"), page("<title>One</title>")),
        **dict.fromkeys(("i1", "i2", "i3"), body(RED, "image/png")),
        **dict.fromkeys(("f1", "f2"), body(ONE, ZIP)),
        f3=body(OTHER, ZIP),
    )
    report = site.run("p1", "i1", "f1", "p2", "i2", "f2", "f3", "i3")
    assert [site.original_of(n) for n in ("p1", "i1", "f1", "f3")] == [None] * 4
    assert [site.original_of(n) for n in ("p2", "i2", "f2", "i3")] == [
        "p1",
        "i1",
        "f1",
        "i1",
    ]
    assert are_one(site.file("p1"), site.file("p2"))
    assert are_one(*map(site.file, ("i1", "i2", "i3")))
    assert are_one(*map(site.variant, ("i1", "i2", "i3")))
    assert are_one(site.file("f1"), site.file("f2"))
    assert site.file("f3").stat().st_nlink == 1
    pictures = 2 * (len(RED) + site.variant("i1").stat().st_size)
    saved = pictures + site.file("p1").stat().st_size + len(ONE)
    assert (report.duplicates, report.saved_bytes) == (4, saved)
    assert "\nduplicates: 4, 1." in report.text()
    assert report.as_dict()["saved_bytes"] == saved


def test_they_may_be_copies(site: Site) -> None:
    site.serve(**dict.fromkeys("ab", body(RED, "image/png")))
    report = site.run("a", "b", duplicates="copy")
    assert site.original_of("b") == "a"
    assert site.file("b").read_bytes() == RED
    assert {
        each.stat().st_nlink
        for name in "ab"
        for each in (site.file(name), site.variant(name))
    } == {1}
    assert report.text().splitlines()[1] == "duplicates: 1"


@pytest.mark.parametrize(
    "why", [errno.EPERM, errno.EMLINK, errno.EXDEV, errno.ENOSPC]
)
def test_where_there_is_no_link_it_is_a_copy(
    why: int, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(why, os.strerror(why))

    monkeypatch.setattr(os, "link", link)
    site.serve(**dict.fromkeys("abc", body(RED, "image/png")))
    report = site.run("a", "b", "c")
    assert report.exit_code == 0
    assert [site.original_of(name) for name in "abc"] == [None, "a", "a"]
    assert {site.file(name).stat().st_nlink for name in "abc"} == {1}
    assert (report.duplicates, report.saved_bytes) == (2, 0)


def test_what_is_too_large_to_be_compared_is_a_copy(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED_BYTES", len(ONE) - 1)
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    report = site.run("a", "b")
    assert site.original_of("b") == "a"
    assert not are_one(site.file("a"), site.file("b"))
    assert (report.duplicates, report.saved_bytes) == (1, 0)


def test_a_later_run_knows_what_the_folder_has(site: Site) -> None:
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    site.run("a")
    site.run("a", "b")
    assert site.original_of("b") == "a"
    assert are_one(site.file("a"), site.file("b"))


def test_secrets_of_the_first_one_are_hidden(site: Site) -> None:
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    secret = site.url("a").replace("://", "://user:secret@")
    config = scraper.configure(dir=str(site.folder), robots="off", threads=1)
    scraper.run([secret, site.url("b")], config)
    assert site.original_of("b") == "a"
    assert b"secret" not in (site.folder / "records.jsonl").read_bytes()


def test_in_memory_nothing_is_said_of_it(site: Site) -> None:
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    with scraper.Session(robots="off") as session:
        for outcome in session.map([site.url("a"), site.url("b")]):
            assert outcome.body == ONE
            assert outcome.record["duplicate_of"] is None


# -- what happens to one of them --------------------------------------------------------------


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_changes_leaves_the_other_as_it_was(
    order: str, site: Site
) -> None:
    site.serve(
        a=sequence(body(RED, "image/png"), body(BLUE, "image/png")),
        b=etag(RED, '"1"', "image/png"),
    )
    site.run(*"ab")
    assert are_one(site.file("a"), site.file("b"))
    site.run(*order, refresh=True)
    assert site.file("a").read_bytes() == BLUE
    assert site.file("b").read_bytes() == RED
    with Image.open(site.variant("a")) as a, Image.open(site.variant("b")) as b:
        assert a.getpixel((9, 9)) == (0, 0, 255)
        assert b.getpixel((9, 9)) == (255, 0, 0)
    assert site.last("b")["state"] == "unchanged"
    assert site.original_of("b") == "a", "when it was stored it was"


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_what_comes_again_as_it_was_is_not_stored_again(
    order: str, site: Site
) -> None:
    site.serve(**dict.fromkeys("abc", body(RED, "image/png")))
    site.run(*"abc")
    before = [site.file(n).stat() for n in "abc"]
    report = site.run(*order, refresh=True)
    after = [site.file(n).stat() for n in "abc"]
    assert [each.st_ino for each in before] == [each.st_ino for each in after]
    assert [each.st_mtime_ns for each in before] == [
        each.st_mtime_ns for each in after
    ]
    assert are_one(*map(site.variant, "abc"))
    assert report.states["unchanged"] == 3
    assert [site.original_of(n) for n in "abc"] == [None, "a", "a"]


def test_who_was_first_and_has_something_else_now_is_first_no_more(
    site: Site,
) -> None:
    """Also within one commit."""
    site.serve(
        a=sequence(body(ONE, ZIP), body(OTHER, ZIP)),
        **dict.fromkeys("bc", body(ONE, ZIP)),
    )
    site.run("a")
    site.run(*"abc", refresh=True)
    assert [site.original_of(n) for n in "abc"] == [None, None, "b"]
    assert are_one(site.file("b"), site.file("c"))
    assert site.file("a").read_bytes() == OTHER


def test_what_becomes_a_link_to_itself_leaves_no_part(site: Site) -> None:
    """The URL is asked again as if it had nothing, and its file is the first one's already."""
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    site.run(*"ab")
    with sqlite3.connect(site.folder / ".scraper" / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE answer SET sha256 = NULL WHERE id = 2")
    ledger.close()
    left = []
    config = scraper.configure(dir=str(site.folder), robots="off", threads=1)
    parts = site.folder / ".scraper" / "parts"
    with scraper.stream([site.url("b")], config, refresh=True) as outcomes:
        for _ in outcomes:
            left = [*parts.rglob("*.part"), *parts.rglob("*.link")]
    assert left == []
    assert are_one(site.file("a"), site.file("b"))
    assert site.faults() == []


def _edited(file: Path) -> None:
    file.write_bytes(OTHER)


def _cut(file: Path) -> None:
    file.write_bytes(ONE[:-1])


def _replaced_by_a_link(file: Path) -> None:
    elsewhere = file.parent.parent.parent / "elsewhere"
    elsewhere.write_bytes(ONE)
    file.unlink()
    file.symlink_to(elsewhere)


def _replaced_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "change",
    [Path.unlink, _edited, _cut, _replaced_by_a_link, _replaced_by_a_folder],
)
def test_a_file_that_the_user_has_changed_is_nobodys_twin(
    change: Any, site: Site
) -> None:
    site.serve(**dict.fromkeys("abc", body(ONE, ZIP)))
    site.run("a")
    change(site.file("a"))
    config = scraper.configure(dir=str(site.folder), robots="off", threads=1)
    scraper.run([site.url(name) for name in "abc"], config)
    assert [site.original_of(n) for n in "bc"] == [None, "b"]
    assert are_one(site.file("b"), site.file("c"))
    assert site.file("c").read_bytes() == ONE
    assert {each.path for each in site.faults()} <= {
        site.last("a")["path"],
    }


@pytest.mark.parametrize("change", [Path.unlink, _edited, _cut])
def test_it_is_seen_if_the_file_changes_between_two_that_are_equal(
    change: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the third URL it was compared in this run; by the fourth it has changed."""
    monkeypatch.setattr(journal, "BATCH", 1)

    def answer(exchange: Exchange) -> None:
        change(site.file("a"))
        body(ONE, ZIP)(exchange)

    site.serve(**dict.fromkeys("abce", body(ONE, ZIP)), d=answer)
    config = scraper.configure(dir=str(site.folder), robots="off", threads=1)
    scraper.run([site.url(name) for name in "abcde"], config)
    assert [site.original_of(n) for n in "abcde"] == [None, "a", "a", None, "d"]
    assert are_one(site.file("b"), site.file("c"))
    assert are_one(site.file("d"), site.file("e"))
    assert site.file("e").read_bytes() == ONE


def test_what_goes_with_its_url_leaves_the_others(site: Site) -> None:
    """The first one is a page by now, and the second one may not be kept."""
    noindex = {"x-robots-tag": "noindex"}
    site.serve(
        a=sequence(body(RED, "image/png"), page("<p>Gone")),
        b=sequence(body(RED, "image/png"), body(RED, "image/png", noindex)),
        c=etag(RED, '"1"', "image/png"),
    )
    site.run(*"abc", expect="any", obey=("noindex",))
    files = [site.file(name) for name in "abc"]
    site.run(*"abc", refresh=True, expect="any", obey=("noindex",))
    assert [each.exists() for each in files] == [False, False, True]
    assert site.file("c").read_bytes() == RED
    site.serve(d=body(RED, "image/png"))
    site.run(*"abcd", obey=("noindex",))
    assert site.original_of("d") is None


def test_what_failed_since_has_its_file_yet(site: Site) -> None:
    site.serve(
        a=sequence(body(ONE, ZIP), status(404)),
        b=sequence(status(500), body(ONE, ZIP)),
    )
    site.run(*"ab", retries=0)
    site.run(*"ab", retry=(), retries=0)
    site.run("a", refresh=True, retries=0)
    site.serve(c=body(ONE, ZIP))
    site.run(*"abc", retries=0)
    assert site.last("a")["state"] == "failed"
    assert [site.original_of(n) for n in "bc"] == ["a", "a"]
    assert are_one(site.file("b"), site.file("c"))


# -- other options ----------------------------------------------------------------------------


def test_what_is_made_again_of_bodies_that_stay(site: Site) -> None:
    """As soon as the first one has it, it is stored once again."""
    site.serve(**dict.fromkeys("ab", etag(RED, '"1"', "image/png")))
    site.run(*"ab")
    site.run(*"ab", refresh=True, resize=300)
    assert are_one(site.file("a"), site.file("b"))
    for name in "ab":
        assert site.last(name)["width"] == 300
        with Image.open(site.variant(name)) as made:
            assert made.size == (300, 26)
    assert site.original_of("b") == "a"
    site.run(*"ab", refresh=True, format="webp")
    assert {site.variant(name).suffix for name in "ab"} == {".webp"}


@pytest.mark.parametrize("batch", [1, 256], ids=["after", "in one commit"])
@pytest.mark.parametrize("is_known", [True, False], ids=["304", "200"])
def test_what_is_made_again_is_one_file_again(
    batch: int, is_known: bool, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BATCH", batch)
    site.serve(**dict.fromkeys("abc", etag(RED, '"1"', "image/png")))
    site.run(*"abc")
    if not is_known:
        site.serve(**dict.fromkeys("abc", body(RED, "image/png")))
    site.run(*"abc", refresh=True, format="webp")
    assert are_one(*map(site.variant, "abc"))
    assert site.variant("a").suffix == ".webp"


def test_one_of_them_made_otherwise_leaves_the_other(site: Site) -> None:
    site.serve(**dict.fromkeys("ab", etag(RED, '"1"', "image/png")))
    site.run(*"ab")
    before = site.variant("a").read_bytes()
    site.run("b", refresh=True, resize=300)
    assert site.variant("a").read_bytes() == before
    assert not are_one(site.variant("a"), site.variant("b"))


def _dated(*when: str | None) -> Mapping[str, Behaviour]:
    return {
        name: body(ONE, ZIP) if date is None else last_modified(ONE, date, ZIP)
        for name, date in zip("abc", when, strict=False)
    }


@pytest.mark.parametrize(
    ("dates", "links"),
    [
        ((DATE, DATE, DATE), [3, 3, 3]),
        ((DATE, LATER, DATE), [2, 1, 2]),
        ((DATE, None, LATER), [1, 1, 1]),
    ],
)
def test_with_mtime_those_of_one_time_are_one(
    dates: tuple[str, ...], links: list[int], site: Site
) -> None:
    site.serve(**_dated(*dates))
    site.run(*"abc", mtime=True)
    stats = [site.file(name).stat() for name in "abc"]
    assert [each.st_nlink for each in stats] == links
    dated = {DATE: 1_735_689_600, LATER: 1_735_776_000}
    for date, found in zip(dates, stats, strict=True):
        if date is not None:
            assert found.st_mtime == dated[date]
    assert [site.original_of(n) for n in "abc"] == [None, "a", "a"]


def test_a_time_that_is_learned_later_is_not_that_of_the_others(
    site: Site,
) -> None:
    site.serve(
        a=body(ONE, ZIP),
        b=sequence(body(ONE, ZIP), last_modified(ONE, DATE, ZIP)),
    )
    site.run(*"ab")
    before = site.file("a").stat().st_mtime_ns
    site.run(*"ab", refresh=True, mtime=True)
    assert site.file("b").stat().st_mtime == 1_735_689_600
    assert not are_one(site.file("a"), site.file("b"))
    assert site.file("a").stat().st_mtime_ns >= before


def test_names_of_the_users_own_are_links_too(site: Site) -> None:
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    site.run(*"ab", name="{stem}-x.{ext}")
    assert site.file("b").name == "b-x.zip"
    assert are_one(site.file("a"), site.file("b"))


# -- older folders ----------------------------------------------------------------------------


def test_a_folder_from_before_is_known(tmp_path: Path) -> None:
    """Its two bodies are equal, and stay two."""
    folder = tmp_path / "run"
    shutil.copytree(PROJECT / "tests" / "folders" / "schema-11", folder)
    config = scraper.configure(
        dir=str(folder), robots="off", threads=1, allow_hosts=["shop.test"]
    )
    known = folder / "files/shop.test/a-5fcd40a469.bin"
    urls = [f"http://shop.test/{name}.bin" for name in "abc"]
    answer = body(known.read_bytes(), "application/octet-stream")
    with FaultyServer({"/c.bin": answer}) as server:
        makers = internet(Names({"shop.test": PUBLIC}), Wire(server.port))
        run_with(makers, urls, config)
    record = last_of(folder)[urls[2]]
    assert record["duplicate_of"] == urls[0]
    assert are_one(known, folder / record["path"])
    assert known.stat().st_nlink == 2


def test_a_folder_that_was_taken_over_is_known(site: Site) -> None:
    site.serve(**dict.fromkeys("abc", body(ONE, ZIP)))
    site.run(*"ab")
    shutil.rmtree(site.folder / ".scraper")
    config = scraper.configure(dir=str(site.folder), robots="off", threads=1)
    urls = [site.url(name) for name in "abc"]
    with scraper.stream(urls, config, adopt=True) as outcomes:
        assert len([*outcomes]) == 3
    assert site.faults() == []
    assert [site.original_of(n) for n in "abc"] == [None, "a", "a"]
    assert are_one(*map(site.file, "abc"))


def test_the_machine_goes_down(site: Site) -> None:
    """The disk has lost what was written last, under both of its names."""
    site.serve(**dict.fromkeys("ab", body(ONE, ZIP)))
    site.run(*"ab")
    site.file("a").write_bytes(b"")
    with sqlite3.connect(site.folder / ".scraper" / "ledger.sqlite") as ledger:
        ledger.execute("INSERT INTO meta VALUES ('boot', 'another boot')")
    ledger.close()
    site.run(*"ab")
    assert [site.file(n).read_bytes() for n in "ab"] == [ONE, ONE]
    assert are_one(site.file("a"), site.file("b"))
    assert len(records_of(site.folder)) == 2


# -- kills ------------------------------------------------------------------------------------

PATHS = ["picture/0", "file/0", "picture/2", "page/1", "file/2", "file/1",
         "picture/4", "file/4", "picture/1", "file/3", "again1/2"]  # fmt: skip
STEPS = (
    "link",
    "rename",
    "sql COMMIT",
    "sql INSERT",
    "write sink",
    "sql DELETE",
)


@pytest.mark.skipif(sys.platform == "win32", reason="a run is a fork")
@pytest.mark.usefixtures("real_pauses")
@pytest.mark.parametrize("seed", range(12))
def test_through_kills_every_file_is_what_its_record_says(
    tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    folder, noted = tmp_path / "run", tmp_path / "noted"
    codes = []
    for number in range(6):
        crash_at = (STEPS[(seed + number) % len(STEPS)], draw.randint(1, 5))
        turn = Turn(
            draw.randrange(2**32), START + 1_500 * number, well=True,
            refresh=number > 3, crash_at=("", 0) if number in (3, 5) else crash_at,
        )  # fmt: skip
        codes.append(take(turn, folder, PATHS, noted))
        if (folder / "records.jsonl").exists():
            found: list[Fault] = []
            verify(folder, found.append)
            assert found == []
    assert CRASHED in codes
    assert set(codes) <= {CRASHED, FINISHED}
    assert codes[-1] == FINISHED
    last = last_of(folder)
    for kind, number in (
        ("picture", 0),
        ("picture", 1),
        ("file", 0),
        ("file", 1),
    ):
        same = [
            folder / last[url]["path"]
            for url in last
            if f"/{kind}/" in url and int(url.rpartition("/")[2]) % 2 == number
        ]
        assert len(same) > 1
        assert are_one(*same)
    for url, record in last.items():
        first = record["duplicate_of"]
        assert first is None or last[first]["sha256"] == record["sha256"], url
    assert last[url_of("page/1")]["duplicate_of"] is None
