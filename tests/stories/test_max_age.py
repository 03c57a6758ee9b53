"""`--max-age` asks again what was asked last longer ago, as of the beginning of the pass."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import Behaviour, FaultyServer, etag, status
from scraper.run_folder.reprocessing import stored_makers
from scraper.run_folder.stored_bodies import parse_where
from tests.conftest import Scrape
from tests.stories.aging import HOUR, Folder, aging
from tests.stories.runs import records_of

SITE = {
    "/robots.txt": status(404),
    "/gone": status(404),
    "/*": etag(b"<title>here</title>"),
}


@pytest.fixture
def site() -> dict[str, Behaviour]:
    return SITE


@pytest.fixture
def folder(tmp_path: Path, site: dict[str, Behaviour]) -> Iterator[Folder]:
    with aging(tmp_path, site) as folder:
        yield folder


def test_only_what_is_older_is_asked(folder: Folder) -> None:
    folder.run("/a", "/gone")
    folder.run("/a", "/gone", "/b", at=5)
    assert folder.asked() == ["/a", "/b", "/gone"]
    report = folder.run("/a", "/gone", "/b", at=8, max_age="6h")
    assert folder.asked() == ["/a", "/gone"], (
        "a failed URL counts from when it was asked"
    )
    assert report.states == {"unchanged": 1, "failed": 1}
    folder.run("/a", "/gone", "/b", at=12, max_age="6h")
    assert folder.asked() == ["/b"], "a 304 is an answer"


def test_without_a_list_what_lists_have_named_is_due(folder: Folder) -> None:
    folder.run("/a")
    folder.run("/a", "/b", at=5)
    folder.asked()
    folder.run(at=8, max_age=6 * HOUR)
    assert folder.asked() == ["/a"]
    folder.run(at=8.5, max_age=0)
    assert folder.asked() == ["/a", "/b"], "0: everything"


def test_where_nothing_is_due_there_is_no_pass(folder: Folder) -> None:
    folder.run("/a")
    for paths in (("/a",), ()):
        report = folder.run(*paths, at=5, max_age="6h")
        assert report.nothing_due
        assert (report.number, report.exit_code) == (1, 0)
        assert report.next_due is not None
        due_in = report.next_due - time.time()
        assert due_in == pytest.approx(6 * HOUR, abs=120)
    assert folder.passes() == [1]


def test_a_pass_that_was_left_goes_on_with_its_beginning(
    folder: Folder,
) -> None:
    paths = ("/a", "/b", "/c")
    folder.run(*paths)
    folder.run(*paths, "/young", at=5.5)
    folder.asked()
    left = folder.run(*paths, "/young", at=7, max_age="6h", max_urls=1)
    assert left.stopped
    folder.run(*paths, "/young", at=20)
    assert folder.asked() == ["/a", "/b", "/c"], "/young was not due at 7"
    folder.run(*paths, "/young", at=20.1, max_age="6h")
    assert folder.asked() == ["/a", "/young"], "/a was asked at 7 already"


def test_an_answer_from_the_future_is_due(folder: Folder) -> None:
    folder.run("/a", at=48)
    folder.asked()
    folder.run("/a", at=0, max_age="30d")
    assert folder.asked() == ["/a"], "the clock was set back"
    assert folder.run("/a", at=0.1, max_age="30d").nothing_due


TAGS = b"<title>two</title><img src=/1.png><img src=/2.png>"


@pytest.mark.parametrize(
    "site",
    [
        {
            "/p": etag(TAGS),
            "/p2": etag(TAGS),
            "/*": etag(b"\x89PNG\r\n\x1a\n..", '"2"', "image/png"),
        }
    ],
)
def test_pictures_are_due_with_their_page(folder: Folder) -> None:
    folder.run("/p")
    assert folder.asked() == ["/1.png", "/2.png", "/p"]
    folder.run("/p", "/p2", at=5)
    assert folder.asked() == ["/p2"], "its pictures are known"
    folder.run("/p", "/p2", at=8, max_age="6h")
    assert folder.asked() == ["/1.png", "/2.png", "/p"]
    folder.run("/p", "/p2", at=12, max_age="6h")
    assert folder.asked() == ["/p2"], "they were asked four hours before"


@pytest.mark.parametrize(
    "site",
    [
        {
            "/p": etag(TAGS),
            "/*": etag(b"\x89PNG\r\n\x1a\n..", '"2"', "image/png"),
        }
    ],
)
@pytest.mark.parametrize("spoilt", ["nothing", "a page", "a picture"])
def test_what_is_made_again_is_as_old_as_before(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    """Also where the stored body turns out not to be what it was."""
    folder.run("/p")
    asked = folder.asked()
    folder.ahead = 5 * HOUR
    paths = {
        "a page": folder.path.glob("pages/*/*"),
        "a picture": folder.path.glob("images/*/1*"),
    }
    for path in paths.get(spoilt, ()):
        path.write_bytes(b"mine")
    monkeypatch.setattr("scraper.local.stored.time", folder)
    report = folder.run(at=5, reprocess=parse_where([]), makes=stored_makers())
    assert ("file_unreadable" in report.failures) is (spoilt != "nothing")
    assert folder.asked() == []
    folder.run("/p", at=7, max_age="6h")
    assert folder.asked() == asked


def test_a_recipe_may_say_an_age_alone(folder: Folder) -> None:
    recipe = {"match": "*/news/*", "max_age": "1h"}
    folder.run("/news/1", "/book", recipe=[recipe])
    folder.asked()
    folder.run("/news/1", "/book", at=2, recipe=[recipe])
    assert folder.asked() == ["/news/1"]
    (first, *_) = records_of(folder.path)
    assert "data" not in first, "it finds nothing"
    with pytest.raises(scraper.UsageError, match="fits no URL; write"):
        folder.run("/book", at=3, recipe=[{"match": "/n", "max_age": "1h"}])


def test_a_recipe_has_an_age_of_its_own(folder: Folder) -> None:
    recipe = {"match": "*/news/*", "fields": {"h": "h1"}, "max_age": "1h"}
    paths = ("/news/1", "/book")
    folder.run(*paths, recipe=[recipe])
    folder.asked()
    folder.run(*paths, at=2, recipe=[recipe])
    assert folder.asked() == ["/news/1"], "it implies a refresh"
    folder.run(at=30, recipe=[recipe], max_age="1d")
    assert folder.asked() == ["/book", "/news/1"]
    folder.run(at=30.5, recipe=[recipe], max_age=0)
    assert folder.asked() == ["/book"], "that of the recipe counts for its own"
    folder.run(*paths, at=30.6, recipe=[recipe], refresh=True)
    assert folder.asked() == ["/book", "/news/1"], "--refresh is everything"


def test_what_is_no_url_is_not_asked_each_time(scrape: Scrape) -> None:
    with FaultyServer(SITE) as server:
        urls = scrape.list_of(server.url("/a"), "http://[", name="some.txt")
        scrape.here(urls)
        again = scrape.here(urls, "--max-age", "7d")
    assert again.code == 3, "as the folder stands"
    first = again.stderr.splitlines()[0]
    assert first.startswith("nothing of run is old enough: the next URL is due")
    assert len(again.records) == 2


def test_a_changed_option_is_said_until_all_is_made_again(
    scrape: Scrape,
) -> None:
    with FaultyServer(SITE) as server:
        urls = scrape.list_of(server.url("/a"))
        scrape.here(urls)
        part = scrape.here(urls, "--max-age", "7d", "--resize", "99")
        assert "was made with other options" in part.stderr
        whole = scrape.here(urls, "--refresh", "--resize", "99")
        assert "was made with other options" not in whole.stderr


@pytest.mark.parametrize("other", ["--refresh", "--retry"])
def test_flags_that_say_what_is_asked_exclude_each_other(
    scrape: Scrape, other: str
) -> None:
    refused = scrape.here("urls.txt", "--max-age", "7d", other)
    assert refused.code == 2
    assert "exclude each other" in refused.stderr


def test_the_key_counts_for_nothing_beside_these_flags(scrape: Scrape) -> None:
    with FaultyServer(SITE) as server:
        urls = scrape.list_of(server.url("/a"))
        (scrape.folder / "scraper.toml").write_text('[run]\nmax_age = "7d"\n')
        scrape.here(urls)
        assert scrape.here(urls, "--refresh").records[-1]["pass"] == 2
        assert "old enough" in scrape.here(urls).stderr


@pytest.mark.parametrize("wrong", ["soon", "-1", "7w", "1e400"])
def test_a_wrong_age_is_said(scrape: Scrape, wrong: str) -> None:
    refused = scrape.here("urls.txt", f"--max-age={wrong}")
    assert refused.code == 2
    assert "expected 30m or 6h or 7d" in refused.stderr


def test_scripts_say_one_of_them() -> None:
    config = scraper.configure(dir="run")
    for how in ({"refresh": True}, {"retry": ()}):
        with pytest.raises(scraper.UsageError, match="give one of them"):
            scraper.stream([], config, max_age="7d", **how)
    with pytest.raises(scraper.UsageError, match="expected a duration"):
        scraper.stream([], config, max_age="soon")


def test_a_session_has_the_ages_of_its_configuration(tmp_path: Path) -> None:
    with FaultyServer(SITE) as server:
        url = server.url("/a")
        for age, is_stored in (("", False), ("1d", True), ("0", False)):
            with scraper.Session(
                dir=str(tmp_path / "run"), max_age=age or None
            ) as session:
                assert session.submit(url).result(30).stored is is_stored
        recipe = {"match": "*/a", "fields": {"h": "h1"}, "max_age": "0s"}
        config = scraper.configure(dir=str(tmp_path / "run"), recipe=[recipe])
        with scraper.Session(config) as session:
            assert not session.submit(url).result(30).stored


def test_the_ages_stand_with_the_pass(folder: Folder) -> None:
    import sqlite3

    folder.run("/a")
    folder.run("/a", at=9, max_age="6h")
    with sqlite3.connect(folder.path / ".scraper" / "ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT arguments FROM pass ORDER BY number")
        ages = [json.loads(text)["ages"] for (text,) in rows]
    assert ages == [None, {"of_all": 6 * HOUR, "of_patterns": []}]
