"""`reprocess`: what is made of stored bodies is made anew, and nobody is asked."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.config import configure
from scraper.faulty import (
    FaultyServer,
    body,
    etag,
    redirect,
    sequence,
    status,
)
from scraper.pools import Pools, makers_with
from scraper.run_folder.reprocessing import stored_config, stored_makers
from scraper.run_folder.stored_bodies import parse_where
from scraper.run_folder.verification import verify
from scraper.runner import Run
from scraper.storage.readers.inventory import Fault
from tests.conftest import Scrape
from tests.stories import writes
from tests.stories.runs import last_of, records_of

PNG = "image/png"
OF_ASKING = ("status", "fetched_at", "attempts", "final_url", "path", "sha256")


def _picture(seed: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), (seed, 90, 60)).save(file, "PNG")
    return file.getvalue()


class Site:
    """A server that is asked once, and the folder of that run."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server
        self.asked = 0

    def run(self, *paths: str, **keys: Any) -> None:
        config = configure(
            dir=str(self.folder), robots="off", processes=1, **keys
        )
        scraper.run([self.server.url(path) for path in paths], config)
        self.asked = self.server.count()

    def reprocess(self, **given: Any) -> scraper.Report:
        report = scraper.reprocess(self.folder, processes=1, **given)
        assert self.server.count() == self.asked, "nobody is asked"
        return report

    def last(self, path: str) -> dict[str, Any]:
        return last_of(self.folder)[self.server.url(path)]

    def size_of(self, path: str) -> tuple[int, int]:
        (made,) = self.last(path)["processed"]
        with Image.open(self.folder / made["path"]) as picture:
            return picture.size


def _faults(folder: Path) -> list[Fault]:
    faults: list[Fault] = []
    verify(folder, faults.append)
    return faults


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    text = "<title>Tea</title><h1>12</h1><a href='next'>on</a>"
    answers = {
        "/robots.txt": status(404),
        "/shop/tea": etag(text.encode(), '"t"', "text/html"),
        "/old": redirect("/shop/tea"),
        "/a.png": etag(_picture(10), '"a"', PNG),
        "/b.png": etag(_picture(20), '"b"', PNG),
        "/cut.png": body(_picture(30)[:150], PNG),
        "/notes.pdf": body(b"%PDF-1.4 notes", "application/pdf"),
        "/gone": status(404),
    }
    with FaultyServer(answers) as server:
        yield Site(tmp_path, server)


ALL = ("/shop/tea", "/old", "/a.png", "/b.png", "/cut.png", "/gone")


def test_pictures_and_fields_are_made_anew_and_the_rest_stays(
    site: Site,
) -> None:
    site.run(*ALL, "/notes.pdf", resize="100", select=["name=title"])
    before = {path: site.last(path) for path in ALL}
    report = site.reprocess(
        where="kind=page,image", resize="60", select=["price=h1"]
    )
    assert report.done == 4
    changes = records_of(site.folder, "changes.jsonl")
    assert {each["pass"] for each in changes} <= {1}, "nothing has changed"
    assert site.size_of("/a.png") == (60, 40)
    assert site.last("/old")["fields"] == {"price": "12"}
    assert site.last("/old")["links"] == before["/old"]["links"], "its base"
    for path in ALL:
        now = site.last(path)
        assert [now[name] for name in OF_ASKING] == [
            before[path][name] for name in OF_ASKING
        ]
    assert site.last("/cut.png")["error_kind"] == "image_truncated"
    assert site.last("/gone")["pass"] == site.last("/notes.pdf")["pass"] == 1
    assert _faults(site.folder) == []


def test_what_is_not_said_is_as_the_folder_was_made(site: Site) -> None:
    site.run("/a.png", "/shop/tea", resize="100", grayscale=True, format="jpeg")
    site.reprocess(resize="60")
    (made,) = site.last("/a.png")["processed"]
    assert (made["mode"], made["format"], made["width"]) == ("L", "jpeg", 60)


def test_the_next_night_finds_its_validators_and_nothing_changed(
    site: Site,
) -> None:
    site.run("/a.png", "/shop/tea", "/old", resize="100")
    site.reprocess(resize="60")
    config = configure(
        dir=str(site.folder), robots="off", processes=1, resize="60"
    )
    paths = ("/a.png", "/shop/tea", "/old")
    urls = [site.server.url(path) for path in paths]
    report = scraper.run(urls, config, refresh=True)
    assert report.states["unchanged"] >= 1
    fetched = site.server.seen[site.asked :]
    asked = [each for each in fetched if each.path in ("/a.png", "/shop/tea")]
    assert all("if-none-match" in each.headers for each in asked)
    assert site.last("/a.png")["state"] == "unchanged"


def test_bodies_that_were_only_saved_are_processed(site: Site) -> None:
    site.run("/a.png", "/shop/tea", save_only=True)
    report = site.reprocess(resize="50x50")
    assert report.done == 2
    assert site.size_of("/a.png") == (50, 33)
    assert site.last("/shop/tea")["title"] == "Tea"


def test_pictures_that_pages_name_by_now_come_with_the_next_refresh(
    site: Site,
) -> None:
    images = "<img src=/a.png><img src=/b.png>"
    site.server.behaviours["/"] = etag(images.encode(), '"i"', "text/html")
    site.run("/", page_images="none")
    site.reprocess(page_images="all")
    config = configure(
        dir=str(site.folder), robots="off", processes=1, page_images="all"
    )
    scraper.run([site.server.url("/")], config, refresh=True)
    assert site.last("/b.png")["state"] == "done"


def test_a_host_that_is_not_to_be_asked_any_more_does_not_matter(
    site: Site,
) -> None:
    site.run("/a.png", resize="100")
    report = site.reprocess(
        resize="60", allow_hosts=["else.test"], delay_seconds=3_600
    )
    assert (report.done, site.size_of("/a.png")) == (1, (60, 40))


def test_a_body_that_is_not_what_was_stored_costs_only_itself(
    site: Site,
) -> None:
    site.run("/a.png", "/b.png", "/shop/tea", resize="100")
    (site.folder / site.last("/a.png")["path"]).unlink()
    page_file = site.folder / site.last("/shop/tea")["path"]
    page_file.write_bytes(page_file.read_bytes() + b"!")
    report = site.reprocess(resize="60")
    assert (report.done, report.states["failed"]) == (1, 2)
    for path, why in (("/a.png", "No such file"), ("/shop/tea", "was changed")):
        assert site.last(path)["error_kind"] == "file_unreadable"
        assert why in site.last(path)["error_message"]
    config = configure(
        dir=str(site.folder), robots="off", processes=1, resize="60"
    )
    report = scraper.run(
        [site.server.url("/a.png"), site.server.url("/shop/tea")],
        config,
        retry=["file_unreadable"],
    )
    assert report.done == 2
    assert _faults(site.folder) == []


def test_what_a_function_has_found_is_not_lost_unasked(
    site: Site, scrape: Scrape
) -> None:
    (scrape.folder / "shop.py").write_text(
        "def read(page):\n    return {'name': page.soup.title.get_text()}\n"
    )
    urls = scrape.list_of(site.server.url("/shop/tea"))
    assert scrape(urls, "--html", "shop:read", "--robots", "off").code == 0
    refused = scrape("reprocess", "run", dir=None)
    assert refused.code == 2
    assert "give --html again" in refused.stderr
    again = scrape("reprocess", "run", "--html", "shop:read", dir=None)
    assert again.code == 0
    assert again.stderr.count("Traceback") == 0
    (last,) = last_of(scrape.folder / "run").values()
    assert last["data"] == {"name": "Tea"}
    pictures = scrape("reprocess", "run", "--where", "kind=image", dir=None)
    assert pictures.code == 0, "pages are not concerned"


def test_a_pass_that_is_not_over_comes_first(site: Site) -> None:
    site.server.behaviours["/b.png"] = sequence(status(404), body(b""))
    site.run("/a.png", "/b.png", max_urls=1)
    with pytest.raises(scraper.UsageError, match="pass 1 is not over"):
        site.reprocess(resize="60")


def test_reprocess_asks_for_a_run_folder_of_urls(
    site: Site, scrape: Scrape
) -> None:
    (scrape.folder / "a.png").write_bytes(_picture(1))
    assert scrape("process", "a.png").code == 0
    refused = scrape("reprocess", "run", dir=None)
    assert (refused.code, "process -d" in refused.stderr) == (2, True)
    nowhere = scrape("reprocess", "nowhere", dir=None)
    assert (nowhere.code, "no run in nowhere" in nowhere.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--refresh"], "--refresh is for runs that ask hosts"),
        (["--save-only"], "--save-only is for runs"),
        (["--where", "kin=image"], "did you mean kind?"),
        (["--where", "kind=picture"], "there are page, image, file"),
        (["--where", "error=http_404"], "there is no such error"),
        (["--where", "kind="], "is no condition"),
        (["--where", "kind=page", "--where", "kind=file"], "given twice"),
        (["more"], "takes one run folder"),
    ],
)
def test_a_wrong_word_is_said_in_one_line(
    site: Site, scrape: Scrape, words: list[str], message: str
) -> None:
    from scraper.cli import main

    site.run("/a.png", save_only=True)
    assert main(["reprocess", str(site.folder), *words]) == 2
    assert message in scrape._captured.readouterr().err


# -- kill it anywhere --------------------------------------------------------------------------


def _take(folder: Path, die_at: int) -> int:
    """Reprocess in a process of its own that dies before the n-th write; 0: it does not."""

    def work() -> bool:
        config = stored_config(
            configure(resize="60", allow_hosts=[]), str(folder)
        )
        run = Run(
            [],
            config,
            reprocess=parse_where([]),
            makers=makers_with(Pools(inline=True), stored_makers()),
        )
        with run:
            for _ in run:
                pass
        return run.complete

    return writes.die_before(die_at, folder, work)


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="a run is a fork of this process"
)
@pytest.mark.usefixtures("real_pauses")
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_kill_at_any_write_loses_nothing(
    site: Site, tmp_path: Path, *, goes_on: bool
) -> None:
    paths = ("/a.png", "/b.png", "/shop/tea")
    site.run(*paths, resize="100")
    died = 0
    for write in range(1, 200):
        folder = tmp_path / f"copy-{write}"
        shutil.copytree(site.folder, folder)
        code = _take(folder, write)
        assert code in (writes.KILLED, 0)
        if code == writes.KILLED and goes_on:
            died += 1
            assert _take(folder, 0) == 0
            last = last_of(folder)
            # if the pass was over by then, it was the next one
            assert len({each["pass"] for each in last.values()}) == 1
            assert {
                each["width"]
                for each in last.values()
                if each["kind"] == "image"
            } == {60}
        elif code == writes.KILLED:
            died += 1
            # another run leaves the rest as it was
            config = configure(dir=str(folder), robots="off", processes=1)
            urls = [site.server.url(path) for path in paths]
            report = scraper.run(urls, config)
            assert report.nothing_due
            assert site.server.count() == site.asked
        found = [(each["key"], each["pass"]) for each in records_of(folder)]
        assert len(set(found)) == len(found)
        assert {each["state"] for each in last_of(folder).values()} == {"done"}
        assert _faults(folder) == []
        shutil.rmtree(folder)
        if code == 0:
            break
    assert code == 0
    assert died >= 5
