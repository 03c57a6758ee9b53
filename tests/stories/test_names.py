"""Names of the user's own: each belongs to one URL for good, through kills, resumes, refreshes."""

from __future__ import annotations

import io
import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.config import configure
from scraper.errors import UsageError
from scraper.faulty import FaultyServer, body, page, redirect, status
from scraper.run_folder.verification import verify
from scraper.runner import Run
from scraper.sources.source import Source
from scraper.storage.names import claim_key
from scraper.storage.readers.inventory import Fault
from tests.stories.runs import last_of
from tests.stories.simulated import CRASHED, FINISHED, START, Turn, take, url_of

MODIFIED = "Wed, 01 Jan 2020 00:00:00 GMT"
MODIFIED_UNIX = 1_577_836_800


def _picture(format: str = "JPEG", colour: str = "teal") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (600, 40), colour).save(file, format)
    return file.getvalue()


class Site:
    """A server, a folder, and runs over a list with a template."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server

    def run(self, *paths: str, name: str = "{stem}.{ext}", refresh: bool = False,
            retry: Any = None, **keys: Any) -> scraper.Report:  # fmt: skip
        config = configure(
            dir=str(self.folder),
            robots="off",
            threads=1,
            processes=1,
            name=name,
            **keys,
        )
        urls = [self.server.url(path) for path in paths]
        return scraper.run(urls, config, refresh=refresh, retry=retry)

    def last(self, path: str) -> dict[str, Any]:
        return last_of(self.folder)[self.server.url(path)]

    def path(self, path: str) -> str | None:
        found: str | None = self.last(path)["path"]
        return found

    def files(self) -> set[str]:
        return {
            each.relative_to(self.folder).as_posix()
            for name in ("pages", "images", "files", "processed")
            for each in (self.folder / name).rglob("*")
            if each.is_file()
        }

    def faults(self) -> list[Fault]:
        return _faults(self.folder)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    answers = {
        "/a/cat.jpg": body(_picture(), "image/jpeg"),
        "/b/CAT.jpg": body(_picture(colour="red"), "image/jpeg"),
        "/c/cat.png": body(_picture("PNG"), "image/png"),
        "/d/cat.html": page("<p>hello"),
        "/moved": redirect("/a/cat.jpg"),
        "/gallery": page("<img src=/a/cat.jpg>"),
    }
    with FaultyServer(answers) as server:
        yield Site(tmp_path, server)


def test_files_have_the_names_that_the_template_says(site: Site) -> None:
    site.run("/a/cat.jpg", "/d/cat.html")
    assert site.files() == {
        "images/cat.jpg", "processed/cat.jpg", "pages/cat.html"
    }  # fmt: skip
    assert site.faults() == []


def test_folders_are_made_as_the_template_says(site: Site) -> None:
    site.run("/a/cat.jpg", name="{kind}/{host}/{sha256:.2}/{seq:03}.{ext}")
    (place,) = (each for each in site.files() if each.startswith("images/"))
    assert place.startswith("images/image/127.0.0.1_")
    assert place.endswith("/001.jpg")
    assert place.replace("images/", "processed/", 1) in site.files()


@pytest.mark.parametrize("second", ["/b/CAT.jpg", "/c/cat.png", "/moved"])
def test_a_name_belongs_to_the_url_that_had_it_first(
    site: Site, second: str
) -> None:
    """Case is no difference; nor is the extension of pictures, which are made into one."""
    name = "cat.{ext}" if second == "/moved" else "{stem}.{ext}"
    site.run("/a/cat.jpg", name=name)
    before = (site.folder / "images" / "cat.jpg").read_bytes()
    for retry in (None, ()):
        site.run("/a/cat.jpg", second, name=name, retry=retry)
        failed = site.last(second)
        assert (failed["state"], failed["error_kind"], failed["path"]) == (
            "failed", "name_taken", None
        )  # fmt: skip
        assert failed["error_message"].endswith(site.server.url("/a/cat.jpg"))
        assert (site.folder / "images" / "cat.jpg").read_bytes() == before
        assert site.files() == {"images/cat.jpg", "processed/cat.jpg"}
        assert site.faults() == []


def test_a_name_stays_its_urls_when_that_fails_or_has_another(
    site: Site,
) -> None:
    site.run("/a/cat.jpg")
    site.server.behaviours["/a/cat.jpg"] = status(404)
    site.run("/a/cat.jpg", refresh=True)
    site.run("/a/cat.jpg", "/b/CAT.jpg")
    assert site.last("/b/CAT.jpg")["error_kind"] == "name_taken"
    site.server.behaviours["/a/cat.jpg"] = page("a page now")
    site.run("/a/cat.jpg", "/b/CAT.jpg", refresh=True, expect="any")
    assert site.path("/a/cat.jpg") == "pages/cat.html"
    assert site.last("/b/CAT.jpg")["error_kind"] == "name_taken"
    assert site.files() == {"pages/cat.html"}
    assert site.faults() == []


def test_what_another_name_takes_does_not_go_with_the_old_file(
    site: Site,
) -> None:
    """Its new name is another's: the body of the pass before stays."""
    site.server.behaviours["/d/cat.jpg"] = page("<p>hello")
    site.run("/a/cat.jpg", "/d/cat.jpg", expect="any")
    kept = (site.folder / "pages" / "cat.html").read_bytes()
    site.server.behaviours["/d/cat.jpg"] = body(_picture(), "image/jpeg")
    site.run("/a/cat.jpg", "/d/cat.jpg", refresh=True, expect="any")
    assert site.last("/d/cat.jpg")["error_kind"] == "name_taken"
    assert (site.folder / "pages" / "cat.html").read_bytes() == kept
    assert site.faults() == []


def test_what_is_not_kept_takes_nothing_of_the_others(site: Site) -> None:
    """An answer that forbids itself, and would have come to the name of another URL."""
    site.run("/a/cat.jpg")
    forbidden = body(_picture(), "image/jpeg", {"X-Robots-Tag": "noindex"})
    site.server.behaviours["/b/CAT.jpg"] = forbidden
    site.run("/a/cat.jpg", "/b/CAT.jpg", obey=("noindex",))
    assert site.last("/b/CAT.jpg")["error_kind"] == "robots_directive"
    assert site.files() == {"images/cat.jpg", "processed/cat.jpg"}


@pytest.mark.parametrize(
    "place", ["images/cat.jpg", "processed/cat.png", "images"]
)
def test_a_file_of_the_users_is_not_written_over(
    site: Site, place: str
) -> None:
    name = "cat.jpg/{stem}.{ext}" if place == "images" else "{stem}.{ext}"
    users = site.folder / ("images/cat.jpg" if place == "images" else place)
    users.parent.mkdir(parents=True)
    users.write_text("mine")
    site.run("/a/cat.jpg", name=name)
    failed = site.last("/a/cat.jpg")
    assert failed["error_kind"] == "name_taken"
    assert "no URL is known by" in failed["error_message"]
    assert users.read_text() == "mine"
    users.unlink()
    site.run("/a/cat.jpg", name=name, retry=())
    assert site.last("/a/cat.jpg")["state"] == "done"


def test_a_refresh_brings_files_under_another_template(site: Site) -> None:
    usual = site.run("/a/cat.jpg", "/d/cat.html", name="")
    assert usual.exit_code == 0
    site.run("/a/cat.jpg", "/d/cat.html", refresh=True)
    assert site.files() == {
        "images/cat.jpg", "processed/cat.jpg", "pages/cat.html"
    }  # fmt: skip
    site.run("/a/cat.jpg", "/d/cat.html", refresh=True, name="{kind}.{ext}")
    assert site.files() == {
        "images/image.jpg", "processed/image.jpg", "pages/page.html"
    }  # fmt: skip
    assert site.faults() == []


def test_a_taken_over_folder_knows_whose_its_files_are(site: Site) -> None:
    """Names are not in the records; what lies there is no other URL's."""
    site.run("/a/cat.jpg", name="{host}/x/{stem}.{ext}")
    (site.folder / ".scraper").rename(site.folder / "gone")
    config = configure(
        dir=str(site.folder),
        robots="off",
        processes=1,
        name="{host}/x/{stem}.{ext}",
    )
    urls = [site.server.url(each) for each in ("/a/cat.jpg", "/b/CAT.jpg")]
    with Run([_list(urls)], config, adopt=True) as run:
        assert run.adopted == 1
        for outcome in run:
            assert outcome.record["error_kind"] == "name_taken"
    assert site.faults() == []
    site.run("/a/cat.jpg", refresh=True, name="{host}/x/{stem}.{ext}")
    assert site.last("/a/cat.jpg")["state"] == "done"


def _list(urls: list[str]) -> Source:
    return Source("list", "list", lambda: iter(urls))


# -- tables -----------------------------------------------------------------------------------


def _table(site: Site, *rows: str) -> Path:
    path = site.folder.parent / "products.csv"
    lines = (row.replace("@", site.server.url("")) for row in rows)
    path.write_text("\n".join(["id,url,class,note", *lines]) + "\n")
    return path


def _run_table(site: Site, table: Path, **keys: Any) -> scraper.Report:
    name = "{input.class}/{input.id:04}.{ext}"
    how = {key: keys.pop(key) for key in ("refresh", "retry") if key in keys}
    config = configure(
        dir=str(site.folder),
        robots="off",
        threads=1,
        processes=1,
        name=name,
        **keys,
    )
    return scraper.run(table, config, **how)


@pytest.mark.parametrize("is_folder_first", [True, False])
def test_no_name_is_that_of_a_folder_too(
    site: Site, is_folder_first: bool
) -> None:
    """Both come at once, so that neither lies there when the other gets its name."""
    site.server.behaviours["/e"] = page("another")
    host = site.server.url("").removeprefix("http://").replace(":", "_")
    rows = [",@/d/cat.html", f"{host},@/e"][:: 1 if is_folder_first else -1]
    config = configure(dir=str(site.folder), robots="off", name="{input.id}")
    scraper.run(_table(site, *rows), config)
    ended = map(site.last, ("/d/cat.html", "/e"))
    assert {each["error_kind"] for each in ended} == {None, "name_taken"}
    assert len(site.files()) == 1
    assert site.faults() == []


def test_files_are_called_after_the_columns_of_a_table(site: Site) -> None:
    table = _table(
        site,
        "12,@/a/cat.jpg,cats,first",
        "007,@/c/cat.png,cats/big,second",
        "12,@/d/cat.html,Cats,another kind of file",
        "12,@/b/CAT.jpg,CATS,taken",
        ",@/moved,cats,no id",
    )
    _run_table(site, table)
    assert site.last("/b/CAT.jpg")["error_kind"] == "name_taken"
    usual = site.path("/moved")
    assert usual is not None
    assert usual.startswith("images/127.0.0.1_")
    assert {each for each in site.files() if "127.0.0.1" not in each} == {
        "images/cats/0012.jpg", "processed/cats/0012.jpg",
        "images/cats-big/0007.png", "processed/cats-big/0007.png",
        "pages/Cats/0012.html",
    }  # fmt: skip
    assert site.faults() == []
    log = (site.folder / "run.log").read_text()
    assert log.count("says nothing for {input.id}") == 1
    assert "products.csv:6 says nothing for {input.id}" in log


def test_a_column_that_was_corrected_moves_the_file(site: Site) -> None:
    _run_table(site, _table(site, "1,@/a/cat.jpg,cats,", "2,@/b/CAT.jpg,cats,"))
    table = _table(site, "1,@/a/cat.jpg,dogs,", "2,@/b/CAT.jpg,cats,")
    _run_table(site, table, refresh=True)
    assert {each for each in site.files() if each.startswith("images")} == {
        "images/dogs/0001.jpg", "images/cats/0002.jpg"
    }  # fmt: skip
    assert site.faults() == []


def test_the_pictures_of_a_page_in_a_table_have_their_usual_names(
    site: Site,
) -> None:
    _run_table(site, _table(site, "1,@/gallery,pages,"))
    assert "pages/pages/0001.html" in site.files()
    found = site.path("/a/cat.jpg")
    assert found is not None
    assert found.startswith("images/127.0.0.1_")
    assert "says nothing" not in (site.folder / "run.log").read_text()


def test_columns_that_a_table_lacks_are_said_before_anything_is_asked(
    site: Site,
) -> None:
    table = _table(site, "1,@/a/cat.jpg,cats,")
    table.write_text(table.read_text().replace("id,", "ID,", 1))
    with pytest.raises(
        UsageError, match=r"products\.csv has no such column; did you mean ID"
    ):
        _run_table(site, table)
    assert site.server.count() == 0
    table.write_text(table.read_text().replace("ID,", "id,", 1))
    assert _run_table(site, table).exit_code == 0
    config = configure(dir=str(site.folder), robots="off", name="{input.ids}")
    with (
        pytest.raises(UsageError, match="did you mean id"),
        Run([], config, ()),
    ):
        pytest.fail("without a list the folder knows its columns")


def test_a_list_without_the_columns_is_refused_before_anything_is_asked(
    site: Site,
) -> None:
    with pytest.raises(UsageError, match="is no table with columns"):
        site.run("/a/cat.jpg", name="{input.id}.{ext}")
    with pytest.raises(UsageError, match="did you mean stem"):
        site.run("/a/cat.jpg", name="{stm}.{ext}")
    assert site.server.count() == 0


# -- kills ------------------------------------------------------------------------------------

PATHS = ["page/1", "again1/1", "picture/1", "hops/1", "file/1", "page/2", "picture/2",
         "broken/2", "moved/2", "page/3"]  # fmt: skip
NAMED = ("sql INSERT", "sql COMMIT", "rename", "write sink", "sql DELETE")


@pytest.mark.skipif(sys.platform == "win32", reason="a run is a fork")
@pytest.mark.usefixtures("real_pauses")
@pytest.mark.parametrize("seed", range(12))
def test_through_kills_a_name_has_one_owner(tmp_path: Path, seed: int) -> None:
    """`page/1` and `again1/1` come to the same name, and so do others: whoever was published
    first has it from then on, wherever the run dies."""
    draw = random.Random(seed)
    folder, noted = tmp_path / "run", tmp_path / "noted"
    owners: dict[str, str] = {}
    codes = []
    for number in range(6):
        crash_at = (draw.choice(NAMED), draw.randint(1, 6))
        turn = Turn(
            draw.randrange(2**32), START + 1_500 * number, well=True, name="{stem}.{ext}",
            refresh=number > 3, crash_at=("", 0) if number in (3, 5) else crash_at,
        )  # fmt: skip
        codes.append(take(turn, folder, PATHS, noted))
        for key, url in _owners(folder):
            assert owners.setdefault(key, url) == url
        if owners:
            assert _faults(folder) == [], "also where a kill came between"
    assert set(codes) <= {CRASHED, FINISHED}
    assert codes[-1] == FINISHED
    last = last_of(folder)
    for name in ("1", "2"):
        pages = [url_of(p) for p in PATHS if p.endswith(f"/{name}")]
        states = [last[url]["error_kind"] for url in pages]
        assert "name_taken" in states
    assert owners.keys() == {
        claim_key(each["path"]) for each in last.values() if each["path"]
    }


def _owners(folder: Path) -> list[tuple[str, str]]:
    """The names that are committed, and whose they are."""
    ledger = folder / ".scraper" / "ledger.sqlite"
    if not ledger.exists():
        return []
    with closing(sqlite3.connect(ledger)) as db:
        try:
            return db.execute(
                "SELECT key, url.url FROM name JOIN url ON url.id = name.url"
            ).fetchall()
        except sqlite3.OperationalError:
            return []  # it has no tables yet


def _faults(folder: Path) -> list[Fault]:
    found: list[Fault] = []
    verify(folder, found.append)
    return found


# -- times ------------------------------------------------------------------------------------


def _times(site: Site) -> set[float]:
    return {os.stat(site.folder / each).st_mtime for each in site.files()}


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [
        (MODIFIED, True),
        ("Wednesday, 01-Jan-20 00:00:00 GMT", True),
        ("Fri, 01 Jan 2999 00:00:00 GMT", False),
        ("Wed, 31 Dec 1969 00:00:00 GMT", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_files_have_the_time_of_last_modified(
    site: Site, value: str, is_taken: bool
) -> None:
    for path, type in (
        ("/a/cat.jpg", "image/jpeg"),
        ("/d/cat.html", "text/html"),
    ):
        payload = _picture() if "image" in type else b"<p>hello"
        site.server.behaviours[path] = body(
            payload, type, {"Last-Modified": value}
        )
    site.run("/a/cat.jpg", "/d/cat.html", mtime=True)
    assert len(site.files()) == 3
    assert (_times(site) == {MODIFIED_UNIX}) is is_taken
    if not is_taken:
        assert min(_times(site)) > MODIFIED_UNIX


def test_without_mtime_files_have_their_own_time(site: Site) -> None:
    site.server.behaviours["/d/cat.html"] = body(
        b"<p>hello", "text/html", {"Last-Modified": MODIFIED}
    )
    site.run("/d/cat.html")
    assert min(_times(site)) > MODIFIED_UNIX


def test_what_is_made_again_of_a_body_that_stays_has_its_time(
    site: Site,
) -> None:
    def answer(exchange: Any) -> None:
        known = "if-modified-since" in exchange.seen.headers
        headers = {"Last-Modified": MODIFIED}
        reply = body(_picture(), "image/jpeg", headers)
        (status(304) if known else reply)(exchange)

    site.server.behaviours["/a/cat.jpg"] = answer
    site.run("/a/cat.jpg", mtime=True)
    site.run("/a/cat.jpg", refresh=True, mtime=True, format="webp")
    assert "processed/cat.webp" in site.files()
    assert _times(site) == {MODIFIED_UNIX}
