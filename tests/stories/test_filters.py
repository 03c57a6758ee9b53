"""Pictures that are left out: nothing of them is kept, and no later night receives them again."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.config import configure
from scraper.engine import Makers
from scraper.faulty import (
    FaultyServer,
    body,
    etag,
    last_modified,
    page,
    redirect,
    status,
)
from scraper.pools import Pools, makers_with
from scraper.run_folder.verification import verify
from scraper.runner import Run
from scraper.sources.source import given_source
from scraper.storage.readers.inventory import Fault
from tests.conftest import Scrape
from tests.stories import writes
from tests.stories.runs import last_of, records_of

DATE = "Wed, 01 Jan 2020 00:00:00 GMT"
PNG = "image/png"


def _picture(width: int, height: int, sigma: int = 90) -> bytes:
    """One colour with a `sigma` of 0."""
    file = io.BytesIO()
    Image.effect_noise((width, height), sigma).save(file, "PNG")
    return file.getvalue()


ICON, PHOTO = _picture(98, 60), _picture(640, 400)


class Site:
    """A server, a run folder, and passes over a list."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server
        self.behaviours = server.behaviours

    def run(
        self, *paths: str, refresh: bool = False, retry: Any = None,
        adopt: bool = False, **keys: Any,
    ) -> scraper.Report:  # fmt: skip
        keys = {"robots": "off", "processes": 1, "dir": str(self.folder)} | keys
        urls = [self.server.url(path) for path in paths]
        how: dict[str, Any] = {"refresh": refresh, "retry": retry}
        report = scraper.run(urls, configure(**keys), adopt=adopt, **how)
        assert self.faults() == []
        return report

    def last(self, path: str) -> dict[str, Any]:
        return last_of(self.folder)[self.server.url(path)]

    def files(self) -> set[str]:
        return files_of(self.folder)

    def faults(self) -> list[Fault]:
        faults: list[Fault] = []
        verify(self.folder, faults.append)
        return faults

    def conditions(self, path: str) -> list[str | None]:
        """With what each request for this path was made conditional."""
        return [
            seen.headers.get("if-none-match")
            or seen.headers.get("if-modified-since")
            for seen in self.server.seen
            if seen.path == path
        ]


def files_of(folder: Path) -> set[str]:
    """The kinds of files below a run folder that came of URLs, and how many of each."""
    return {
        each.relative_to(folder).as_posix()
        for name in ("pages", "images", "files", "processed")
        for each in (folder / name).rglob("*")
        if each.is_file()
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    answers = {
        "/robots.txt": status(404),
        "/icon.png": etag(ICON, '"i"', PNG),
        "/photo.png": etag(PHOTO, '"p"', PNG),
    }
    with FaultyServer(answers) as server:
        yield Site(tmp_path, server)


# -- one pass ----------------------------------------------------------------------------------


def test_icons_of_a_page_are_skipped_with_their_reasons(site: Site) -> None:
    named = {
        "/thin.png": _picture(900, 210),
        "/small.png": _picture(120, 120),
        "/white.png": _picture(300, 300, sigma=0),
        "/large.png": _picture(700, 700),
    }
    site.behaviours |= {path: body(each, PNG) for path, each in named.items()}
    images = "".join(f"<img src={path}>" for path in (*named, "/photo.png"))
    site.behaviours["/"] = page(images)
    report = site.run(
        "/", min_size="200", max_size="1000x600", max_aspect_ratio=3,
        skip_blank=True,
    )  # fmt: skip
    assert {path: site.last(path)["error_message"] for path in named} == {
        "/thin.png": "900 x 210 pixels, 4.286 to 1: "
        "--max-aspect-ratio permits 3",
        "/small.png": "120 x 120 pixels: --min-size asks for 200 x 200",
        "/white.png": "all of it is of one colour, L 128: --skip-blank",
        "/large.png": "700 x 700 pixels: --max-size permits 1000 x 600",
    }
    small = site.last("/small.png")
    assert (small["state"], small["error_kind"], small["path"]) == (
        "skipped", "filtered_size", None
    )  # fmt: skip
    assert (small["original_width"], small["original_height"]) == (120, 120)
    assert (small["format"], small["bytes"]) == (
        "png",
        len(named["/small.png"]),
    )
    assert "processed" not in small
    assert report.exit_code == 0
    assert report.skips == {
        "filtered_size": 2,
        "filtered_ratio": 1,
        "filtered_blank": 1,
    }
    kinds = [each.partition("/")[0] for each in site.files()]
    assert sorted(kinds) == ["images", "pages", "processed"]
    errors = records_of(site.folder, "errors.jsonl")
    assert {each["state"] for each in errors} == {"skipped"}


def test_a_session_without_a_folder_says_the_same(site: Site) -> None:
    config = configure(robots="off", processes=1, min_filesize_bytes="1M")
    with scraper.Session(config) as session:
        outcome = session.submit(site.server.url("/icon.png")).result()
    assert outcome.state == "skipped"
    assert outcome.reason.startswith("filtered_bytes: ")
    assert outcome.record["original_width"] == 98
    assert outcome.files == ()
    with pytest.raises(scraper.UsageError, match="has no body: filtered_bytes"):
        _ = outcome.body


def test_what_is_left_out_claims_no_name(site: Site) -> None:
    site.behaviours["/b/icon.png"] = body(PHOTO, PNG)
    for refresh in (False, True):
        site.run(
            "/icon.png", "/b/icon.png", refresh=refresh,
            name="{stem}.{ext}", threads=1, min_size="100",
        )  # fmt: skip
        assert site.last("/b/icon.png")["error_kind"] is None
        assert site.files() == {"images/icon.png", "processed/icon.png"}


def test_what_looks_the_same_is_seen_where_it_is_left_out(site: Site) -> None:
    paths = [f"/gone/{number}.png" for number in range(6)]
    site.behaviours["/gone/*"] = etag(_picture(98, 60), '"g"', PNG)
    keys = {"min_size": "100", "threads": 1, "per_host": 1}
    report = site.run(*paths, "/photo.png", **keys, fail_flags=["looks_same"])
    assert report.flags == {"looks_same": 2}
    assert report.skips == {"filtered_size": 6}
    assert (
        "under 5 URLs or more" in site.last(paths[-1])["flags"][0]["evidence"]
    )
    again = site.run(*paths, "/photo.png", **keys, refresh=True)
    assert again.flags == {"looks_same": 6}, "by now all of them do"
    assert again.skips == {"filtered_size": 6}


# -- later nights ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [etag(ICON, '"i"', PNG), last_modified(ICON, DATE, PNG)]
)
def test_no_later_night_receives_it_again(site: Site, answer: Any) -> None:
    site.behaviours["/icon.png"] = answer
    site.run("/icon.png", "/photo.png", min_size="200")
    first = site.last("/icon.png")
    nights: tuple[Mapping[str, Any], ...] = (
        {"refresh": True},
        {"refresh": True, "resize": "64", "quality": 50},
        {"retry": ["filtered"]},
        {"refresh": True},
    )
    for night in nights:
        report = site.run("/icon.png", "/photo.png", min_size="200", **night)
        record = site.last("/icon.png")
        assert (record["state"], record["status"]) == ("skipped", 304)
        for name in (
            "error_kind",
            "error_message",
            "original_width",
            "bytes",
            "sha256",
        ):
            assert record[name] == first[name]
        assert record["path"] is None
        assert report.skips == {"filtered_size": 1}
        assert report.wire_bytes == 0
    assert all(site.conditions("/icon.png")[1:])
    assert len(site.conditions("/icon.png")) == 5
    assert site.run("/icon.png", "/photo.png", min_size="200").nothing_due
    site.run("/icon.png", "/photo.png", min_size="200", retry=())
    assert len(site.conditions("/icon.png")) == 5


def test_other_filters_have_it_asked_for_as_a_new_one(site: Site) -> None:
    site.run("/icon.png", "/photo.png", min_size="200")
    report = site.run("/icon.png", "/photo.png", min_size="90x50", refresh=True)
    assert report.states == {"done": 2}  # that of the photo by other options
    assert site.last("/icon.png")["status"] == 200
    assert len(site.files()) == 4
    # and back: what is kept is judged from the disk
    report = site.run("/icon.png", "/photo.png", min_size="200", refresh=True)
    record = site.last("/icon.png")
    assert (record["state"], record["status"], record["path"]) == (
        "skipped", 304, None
    )  # fmt: skip
    assert (
        record["error_message"]
        == "98 x 60 pixels: --min-size asks for 200 x 200"
    )
    assert "processed" not in record
    assert report.wire_bytes == 0
    assert not [each for each in site.files() if "icon" in each]
    report = site.run("/icon.png", "/photo.png", min_size="200", refresh=True)
    assert report.states == {"skipped": 1, "unchanged": 1}
    # without any filter
    report = site.run("/icon.png", "/photo.png", retry=["filtered_size"])
    assert site.last("/icon.png")["state"] == "done"
    assert site.conditions("/icon.png") == [
        None, None, '"i"', '"i"', None
    ]  # fmt: skip


def test_a_picture_that_becomes_too_small_takes_its_files_along(
    site: Site,
) -> None:
    site.behaviours["/photo.png"] = body(PHOTO, PNG)
    site.run("/photo.png", min_size="200")
    assert len(site.files()) == 2
    site.behaviours["/photo.png"] = etag(ICON, '"2"', PNG)
    site.run("/photo.png", min_size="200", refresh=True)
    assert site.files() == set()
    assert site.last("/photo.png")["error_kind"] == "filtered_size"
    site.behaviours["/photo.png"] = etag(PHOTO, '"3"', PNG)
    site.run("/photo.png", min_size="200", refresh=True)
    assert site.last("/photo.png")["state"] == "done"
    assert len(site.files()) == 2
    assert site.conditions("/photo.png") == [None, None, '"2"']


@pytest.mark.parametrize(
    "between", ["failed", "saved", "moves", "without ledger"]
)
def test_where_a_304_would_answer_nothing_it_is_had_again(
    site: Site, between: str
) -> None:
    site.run("/icon.png", min_size="200")
    night: dict[str, Any] = {"min_size": "200", "refresh": True}
    match between:
        case "failed":
            site.behaviours["/icon.png"] = status(404)
            site.run("/icon.png", **night)
            assert site.last("/icon.png")["path"] is None
            site.behaviours["/icon.png"] = etag(ICON, '"i"', PNG)
        case "saved":
            site.run("/icon.png", **night, save_only=True)
            assert site.last("/icon.png")["state"] == "done"
            assert len(site.files()) == 1
        case "moves":
            night["frames"] = "all"
        case _:
            (site.folder / ".scraper" / "ledger.sqlite").unlink()
            night["adopt"] = True
    known = between == "saved"  # and judged from the disk
    site.run("/icon.png", **night)
    assert site.last("/icon.png")["error_kind"] == "filtered_size"
    assert site.last("/icon.png")["status"] == (304 if known else 200)
    assert site.files() == set()


def test_what_was_kept_and_left_out_is_known_so_without_its_ledger(
    site: Site,
) -> None:
    site.run("/icon.png")
    site.run("/icon.png", refresh=True, min_size="200")
    (site.folder / ".scraper" / "ledger.sqlite").unlink()
    report = site.run("/icon.png", adopt=True, min_size="200")
    assert report.totals is not None
    assert report.totals.skips == {"filtered_size": 1}


def test_behind_a_redirect_it_is_known_where_it_lies(site: Site) -> None:
    site.behaviours["/moved.png"] = redirect("/icon.png")
    site.run("/moved.png", min_size="200")
    site.run("/moved.png", min_size="200", refresh=True)
    assert site.conditions("/moved.png") == [None, None]
    assert site.conditions("/icon.png") == [None, '"i"']
    record = site.last("/moved.png")
    assert (record["status"], record["error_kind"]) == (304, "filtered_size")
    assert len(record["redirects"]) == 1


# -- what is said ------------------------------------------------------------------------------


def test_filters_that_nothing_passes_are_one_line(scrape: Scrape) -> None:
    told = scrape.here(
        "http://127.0.0.1:9/", "--min-size", "300", "--max-size", "200x400"
    )
    assert told.code == 2
    assert told.stderr.splitlines() == [
        "error: min_size = '300' and max_size = '200x400' let no picture "
        "through: change one"
    ]
    told = scrape.here("http://127.0.0.1:9/", "--max-aspect-ratio", "0.5")
    assert "max_aspect_ratio = 0.5 lets no picture through" in told.stderr
    told = scrape.here("http://127.0.0.1:9/", "--min-size", "200x")
    assert "expected PX or WxH" in told.stderr


def test_the_words_of_other_programs(scrape: Scrape, site: Site) -> None:
    urls = scrape.list_of(
        site.server.url("/icon.png"), site.server.url("/photo.png")
    )
    words = ("--min-image-size", "61", "--max-image-area", "900000",
             "--filesize-min", "1", "--filesize-max", "1G")  # fmt: skip
    told = scrape.inside(urls, *words)
    assert told.code == 0
    assert "skipped: 1 filtered_size" in told.stderr


# -- kill it anywhere --------------------------------------------------------------------------

INLINE = makers_with(Pools(inline=True), Makers())


def _take(folder: Path, urls: list[str], die_at: int, **keys: Any) -> int:
    """A refresh in a process of its own that dies before the n-th write; 0: it does not."""

    def refresh() -> bool:
        config = configure(dir=str(folder), robots="off", **keys)
        sources = [given_source(urls, "list")]
        with Run(sources, config, refresh=True, makers=INLINE) as run:
            for _ in run:
                pass
        return run.complete

    return writes.die_before(die_at, folder, refresh)


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="a run is a fork of this process"
)
@pytest.mark.usefixtures("real_pauses")
def test_a_kill_at_any_commit_leaves_nothing_of_what_is_left_out(
    site: Site, tmp_path: Path
) -> None:
    """One is kept, and goes; one was left out, and comes; one stays out."""
    site.behaviours["/tiny.png"] = etag(_picture(9, 9), '"t"', PNG)
    paths = ("/photo.png", "/icon.png", "/tiny.png")
    urls = [site.server.url(path) for path in paths]
    site.run(*paths, min_size="200")
    now = {"min_size": "50", "max_size": "300"}
    died = 0
    for write in range(1, 200):
        folder = tmp_path / f"copy-{write}"
        shutil.copytree(site.folder, folder)
        code = _take(folder, urls, write, **now)
        assert code in (writes.KILLED, 0)
        if code == writes.KILLED:
            died += 1
            assert _faults(folder) == []
            assert _take(folder, urls, 0, **now) == 0
        last = last_of(folder)
        assert [last[url]["state"] for url in urls] in (
            ["skipped", "done", "skipped"],
            ["skipped", "unchanged", "skipped"],  # the pass was over by then
        )
        found = [(each["key"], each["pass"]) for each in records_of(folder)]
        assert len(set(found)) == len(found)
        kept = sorted(each.partition("-")[0] for each in files_of(folder))
        assert [each.rpartition("/")[2] for each in kept] == ["icon", "icon"]
        assert _faults(folder) == []
        shutil.rmtree(folder)
        if code == 0:
            break
    assert code == 0
    assert died >= 10


def _faults(folder: Path) -> list[Fault]:
    faults: list[Fault] = []
    verify(folder, faults.append)
    return faults
