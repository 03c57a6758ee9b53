"""What `duplicates` finds in a folder: equal bytes, and pictures that look alike."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.cli.scrape import main
from scraper.errors import UsageError
from scraper.faulty import FaultyServer, body, page, status
from scraper.run_folder.duplicates import File, find_duplicates, group_files


def file(name: str, **facts: Any) -> File:
    known = {
        "url": f"http://a/{name}",
        "path": f"images/a/{name}",
        "bytes": 100,
        "sha256": name,
        "width": 10,
        "height": 10,
        "phash": None,
    }
    return File(**{**known, **facts})


def grouped(*given: File) -> list[str]:
    """With distance 0, for which no library is needed."""
    return [
        "".join(each.path[-1] for each in group.files)
        for group in group_files(given, 0)
    ]


# -- which are put together -------------------------------------------------------------------


def test_equal_bytes_are_a_group_whatever_they_are() -> None:
    assert grouped(file("a"), file("b"), file("c", sha256="a")) == ["ac"]
    of_pages = [
        file(name, sha256="x", width=None, height=None) for name in "abc"
    ]
    assert grouped(*of_pages) == ["abc"]
    assert grouped() == []


def test_what_has_no_sha256_is_equal_to_nothing() -> None:
    assert grouped(file("a", sha256=None), file("b", sha256=None)) == []


def test_equal_looks_are_a_group_with_all_their_copies() -> None:
    one = [file("a", phash=7), file("b", sha256="a")]
    other = [file("c", phash=7), file("d", sha256="c", phash=7)]
    assert grouped(*one, *other, file("e", phash=8)) == ["abcd"]
    (group,) = group_files([*one, *other], 0)
    distances = [group.distance_of(each) for each in group.files]
    assert distances == [0, 0, 0, 0]


# -- in a folder ------------------------------------------------------------------------------


def lake(size: tuple[int, int], format: str = "JPEG") -> bytes:
    content = files("scraper").joinpath("demo", "pictures", "lake.jpg")
    saved = io.BytesIO()
    with Image.open(io.BytesIO(content.read_bytes())) as image:
        image.resize(size).save(saved, format)
    return saved.getvalue()


def other_picture() -> bytes:
    content = files("scraper").joinpath("demo", "pictures", "dunes.jpg")
    return content.read_bytes()


LAKE = lake((800, 600))
ANSWERS = {
    "/small.png": body(lake((200, 150), "PNG"), "image/png"),
    "/large.jpg": body(LAKE, "image/jpeg"),
    "/again.jpg": body(LAKE, "image/jpeg"),
    "/dunes.jpg": body(other_picture(), "image/jpeg"),
    "/one": page("<p>the same"),
    "/two": page("<p>the same"),
    "/gone": status(404),
}


class Site:
    """A server, and a folder with what it has brought."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder
        self.server = server

    def run(self, **how: Any) -> None:
        config = scraper.configure(
            dir=str(self.folder), robots="off", processes=1, retries=0, **how
        )
        scraper.run([self.server.url(path) for path in ANSWERS], config)

    def groups(self, distance: int = 6) -> list[list[str]]:
        found = find_duplicates(self.folder, distance)
        start = len(self.server.url("/"))
        return [
            [each.url[start:] for each in group.files] for group in found.groups
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FaultyServer(ANSWERS) as server:
        yield Site(tmp_path / "run", server)


EQUAL = [["large.jpg", "again.jpg"], ["one", "two"]]


def test_without_hashes_equal_bytes_are_found(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.run()
    kept = sorted(site.folder.rglob("*"))
    assert [sorted(each) for each in site.groups()] == [
        sorted(each) for each in EQUAL
    ]
    assert main(["duplicates", str(site.folder)]) == 0
    said = capsys.readouterr()
    assert "6 files, 2 groups; 2 files beside the best ones" in said.out
    assert "run with --phash" in said.err
    assert sorted(site.folder.rglob("*")) == kept, "nothing is written"


def test_what_is_not_there_any_more_is_no_duplicate(site: Site) -> None:
    site.run()
    for path in site.folder.glob("images/*/again*"):
        path.unlink()
    (one, two) = sorted(site.folder.glob("pages/*/*"))
    one.unlink()
    one.symlink_to(two)
    assert site.groups() == []


@pytest.mark.readers
def test_what_looks_alike_is_found(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    if not os.environ.get("SCRAPER_READERS"):
        pytest.importorskip("imagehash")
    site.run(phash=True)
    pictures, pages = site.groups()
    assert {*pictures[:2]} == {"large.jpg", "again.jpg"}
    assert pictures[2:] == ["small.png"]
    assert {*pages} == {"one", "two"}
    assert main(["duplicates", str(site.folder), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    first, second = map(json.loads, said.out.splitlines())
    assert len(second["files"]) == 2
    best, _, small = first["files"]
    assert best.keys() == {
        *("url", "path", "bytes", "sha256", "width", "height", "phash"),
        "distance",
    }
    assert (best["width"], best["height"], best["distance"]) == (800, 600, 0)
    assert (site.folder / best["path"]).read_bytes() == LAKE
    differ = int(best["phash"], 16) ^ int(small["phash"], 16)
    assert small["distance"] == differ.bit_count() <= 6
    assert main(["duplicates", str(site.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = [line.split()[0] for line in lines[:4]]
    assert words == ["3", "best", "equal", "near"]


def test_a_folder_without_a_run_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main(["duplicates", str(folder)]) == 2
        assert "no run in" in capsys.readouterr().err
        with pytest.raises(UsageError, match="no "):
            find_duplicates(folder)


@pytest.mark.parametrize("wrong", ["-1", "17", "much"])
def test_a_wrong_distance_is_one_line(
    wrong: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["duplicates", str(site.folder), f"--distance={wrong}"]) == 2
    assert "distance" in capsys.readouterr().err
