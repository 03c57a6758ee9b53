"""A folder that was made with other options: the run says which, and what makes it anew."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from scraper.faulty import FaultyServer, body, etag, page, status
from scraper.run_folder.options import describe_changes
from tests.conftest import Scrape

ANEW = "--refresh makes everything again"


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (900, 600), "teal").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": status(404),
        "/a.jpg": body(_picture(), "image/jpeg"),
        "/page": page("<img src=/a.jpg>"),
        "/gone": status(404),
    }
    with FaultyServer(site) as server:
        yield server


def _widths(folder: Path) -> set[int]:
    return {_width(each) for each in folder.rglob("processed/**/*.jpg")}


def _width(path: Path) -> int:
    with Image.open(path) as picture:
        return picture.width


def test_a_finished_folder_says_what_its_pictures_were_made_with(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/a.jpg"))
    scrape.inside(urls)
    told = scrape.inside(urls, "--resize", "300", "--grayscale")
    assert (
        "(--resize was 512, now 300, --grayscale was not given, now given)"
        in told.stderr
    )
    assert ANEW in told.stderr
    assert ANEW in (told.folder / "run.log").read_text()
    assert _widths(told.folder) == {512}
    told = scrape.inside(urls, "--resize", "300", "--grayscale", "--refresh")
    assert ANEW not in told.stderr, "that is what it is doing"
    assert _widths(told.folder) == {300}
    assert (
        ANEW not in scrape.inside(urls, "--resize", "300", "--grayscale").stderr
    )
    assert "(--resize was 300, now 512" in scrape.inside(urls).stderr


def _made(folder: Path) -> set[str]:
    files = filter(Path.is_file, folder.rglob("processed/**/*"))
    return {each.suffix for each in files}


def test_what_a_refresh_makes_in_another_format_replaces_the_old_one(
    scrape: Scrape, server: FaultyServer
) -> None:
    """Whether the picture is transferred again, or processed from the disk."""
    urls = scrape.list_of(server.url("/a.jpg"))
    folder = scrape.inside(urls).folder
    assert _made(folder) == {".jpg"}
    scrape.inside(urls, "--refresh", "--format", "webp")
    assert _made(folder) == {".webp"}
    server.behaviours["/a.jpg"] = etag(_picture(), '"1"', "image/jpeg")
    scrape.inside(urls, "--refresh", "--format", "webp")
    scrape.inside(urls, "--refresh", "--format", "png")
    assert server.seen[-1].headers["if-none-match"] == '"1"'
    assert _made(folder) == {".png"}
    server.behaviours["/a.jpg"] = body(b"\xff\xd8\xff no more", "image/jpeg")
    scrape.inside(urls, "--refresh")
    assert _made(folder) == set()


def test_the_same_options_say_nothing(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/gone"))
    scrape.here(urls, "-j", "4")
    told = scrape.here(urls, "-j", "8", "--per-host", "2", "--delay", "1ms")
    assert ANEW not in told.stderr


def test_what_joins_a_folder_with_other_options_is_mixed_from_then_on(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(scrape.list_of(server.url("/page")), "--resize", "100")
    grown = scrape.list_of(server.url("/page"), server.url("/gone"))
    assert (
        "(--resize was 100, now 200)"
        in scrape.here(grown, "--resize", "200").stderr
    )
    assert (
        "(--resize was 200, now 100)"
        in scrape.here(grown, "--resize", "100").stderr
    )
    assert (
        "(--resize was 200 or 100, now 300)"
        in scrape.here(grown, "--resize", "300").stderr
    )


def test_a_retry_says_that_its_options_are_not_those_of_what_it_mends(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/page"), server.url("/gone"))
    scrape.here(urls, "--no-page-images")
    told = scrape.here(urls, "--retry")
    assert "(--page-images was none, now best)" in told.stderr


def test_a_pass_that_goes_on_with_other_options_says_so(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/page"), server.url("/gone"))
    assert scrape.here(urls, "--max-urls", "1").code == 5
    told = scrape.here(urls, "--obey", "noai")
    assert "(--obey was not given, now noai)" in told.stderr


def test_a_function_that_was_edited_is_another(
    scrape: Scrape, server: FaultyServer
) -> None:
    (scrape.folder / "mine.py").write_text("def f(page):\n    return 1\n")
    urls = scrape.list_of(server.url("/page"))
    scrape(urls, "--html", "mine:f")
    (scrape.folder / "mine.py").write_text("def f(page):\n    return 22\n")
    told = scrape(urls, "--html", "mine:f")
    assert "(the file of the function for pages has changed)" in told.stderr


def test_a_function_for_pictures_that_was_edited_makes_them_anew(
    scrape: Scrape, server: FaultyServer
) -> None:
    """The picture is not transferred again, but processed from the disk."""
    function = "def f(picture):\n    return picture.resize(({}, 5))\n"
    mine = scrape.folder / "mine.py"
    mine.write_text(function.format(7))
    server.behaviours["/a.jpg"] = etag(_picture(), '"1"', "image/jpeg")
    urls = scrape.list_of(server.url("/a.jpg"))
    folder = scrape(urls, "--op", "mine:f").folder
    assert _widths(folder) == {7}
    mine.write_text(function.format(11))
    told = scrape(urls, "--op", "mine:f")
    assert "(the file of a function for pictures has changed)" in told.stderr
    scrape(urls, "--op", "mine:f", "--refresh")
    assert server.seen[-1].headers["if-none-match"] == '"1"'
    assert _widths(folder) == {11}


@pytest.mark.parametrize(
    ("earlier", "now", "told"),
    [
        ([], {"resize": "1"}, ""),
        ([{"resize": 512}], {"resize": "512"}, ""),
        ([{"unknown": 1}], {"resize": "1"}, ""),
        (
            [{"save_only": True}],
            {"save_only": False},
            "--save-only was given, now not given",
        ),
        (
            [{"format": ""}],
            {"format": "webp"},
            "--format was keep, now webp",
        ),
        ([{"format": ""}], {"format": "keep"}, ""),
        ([{"page_images": True}], {"page_images": "best"}, ""),
        (
            [{"page_images": False}],
            {"page_images": "best"},
            "--page-images was none, now best",
        ),
        ([{"max_pixels": 9}], {"max_pixels": 8}, "max_pixels was 9, now 8"),
    ],
)
def test_changes_in_words(
    earlier: list[dict[str, object]], now: dict[str, object], told: str
) -> None:
    assert describe_changes(earlier, now) == told
