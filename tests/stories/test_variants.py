"""Several results of each picture: all of them or none, through refreshes, repairs and other
options."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from scraper.faulty import FaultyServer, body, etag, page, status
from scraper.run_folder.verification import verify
from scraper.storage.readers.inventory import Fault
from tests.conftest import Scrape
from tests.stories.runs import last_of

TWO = ("--variant", "thumb=64x64,cover,webp", "--variant", "gray=200,gray")


def _picture(size: tuple[int, int] = (900, 600), colour: str = "teal") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": status(404),
        "/a.jpg": etag(_picture(), '"1"', "image/jpeg"),
        "/wide.jpg": body(_picture((20_000, 4)), "image/jpeg"),
    }
    with FaultyServer(site) as server:
        yield server


def _made(folder: Path) -> dict[str, Path]:
    """The files below `processed`, by what follows the digits of their URL."""
    files = filter(Path.is_file, folder.rglob("processed/**/*"))
    return {_ending(each): each for each in files}


def _ending(path: Path) -> str:
    return path.name.rpartition("-")[2][10:]


def _well(folder: Path) -> bool:
    faults: list[Fault] = []
    verify(folder, faults.append)
    return not faults


def test_a_record_names_each_variant_and_its_file(
    scrape: Scrape, server: FaultyServer
) -> None:
    folder = scrape.inside(scrape.list_of(server.url("/a.jpg")), *TWO).folder

    (record,) = last_of(folder).values()
    thumb, gray = record["processed"]
    assert (thumb["variant"], thumb["width"], thumb["height"]) == (
        "thumb",
        64,
        64,
    )
    assert (gray["variant"], gray["width"], gray["format"]) == (
        "gray",
        200,
        "jpeg",
    )
    assert (record["width"], record["height"]) == (64, 64), "those of the first"
    files = _made(folder)
    assert set(files) == {"@thumb.webp", "@gray.jpg"}
    with Image.open(files["@gray.jpg"]) as picture:
        assert picture.mode == "L"
    assert _well(folder)


def test_what_a_table_does_not_say_is_as_for_all(
    scrape: Scrape, server: FaultyServer
) -> None:
    (scrape.folder / "scraper.toml").write_text(
        '[image]\nformat = "png"\n[[variant]]\nname = "small"\nresize = "40"\n'
        '[[variant]]\nname = "default"\nformat = "webp"\n'
    )
    folder = scrape.inside(
        scrape.list_of(server.url("/a.jpg")), "--resize", "90"
    ).folder

    files = _made(folder)
    assert set(files) == {"@small.png", ".webp"}
    with Image.open(files[".webp"]) as picture:
        assert picture.width == 90


def test_of_a_picture_whose_variants_cannot_all_be_made_there_is_none(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/wide.jpg"))
    told = scrape.inside(
        urls, "--variant", "small=64", "--variant", "whole=0,webp"
    )

    (record,) = last_of(told.folder).values()
    assert record["error_kind"] == "image_too_large"
    assert _made(told.folder) == {}
    assert (told.folder / record["path"]).is_file(), "the original stays"
    assert _well(told.folder)


@pytest.mark.parametrize("kept", [True, False], ids=["304", "200"])
def test_a_refresh_with_other_variants_leaves_none_of_the_earlier(
    scrape: Scrape, server: FaultyServer, kept: bool
) -> None:
    urls = scrape.list_of(server.url("/a.jpg"))
    folder = scrape.inside(urls).folder
    assert set(_made(folder)) == {".jpg"}
    if not kept:
        server.behaviours["/a.jpg"] = body(_picture(), "image/jpeg")
    scrape.inside(urls, "--refresh", *TWO)
    assert set(_made(folder)) == {"@thumb.webp", "@gray.jpg"}
    told = scrape.inside(urls, "--refresh", "--variant", "thumb=32")
    assert set(_made(folder)) == {"@thumb.jpg"}
    assert _well(folder)
    assert "variants have changed" not in told.stderr
    told = scrape.inside(urls)
    assert "variants have changed: thumb" in told.stderr
    scrape.inside(urls, "--refresh")
    assert set(_made(folder)) == {".jpg"}


def test_a_variant_that_was_removed_is_made_again(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/a.jpg"))
    folder = scrape.inside(urls, *TWO).folder
    _made(folder)["@gray.jpg"].unlink()
    assert not _well(folder)

    scrape.inside(urls, "--refresh", *TWO)

    assert server.seen[-1].headers["if-none-match"] == '"1"'
    assert set(_made(folder)) == {"@thumb.webp", "@gray.jpg"}
    assert _well(folder)


def test_a_picture_that_becomes_a_page_leaves_no_variant(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/a.jpg"))
    folder = scrape.inside(urls, *TWO).folder
    server.behaviours["/a.jpg"] = page("no picture any more")

    scrape.inside(urls, "--refresh")

    assert _made(folder) == {}
    assert _well(folder)


def test_a_folder_without_its_ledger_knows_the_names_of_its_variants(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/a.jpg"))
    folder = scrape.inside(urls, *TWO).folder
    shutil.rmtree(folder / ".scraper")
    scrape.inside(urls, "--adopt", *TWO)

    scrape.inside(urls, "--refresh", "--variant", "other=50")

    assert set(_made(folder)) == {"@other.jpg"}
    assert _well(folder)
