"""Animated pictures by the command line: the first frame, or all of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scraper.faulty import FaultyServer, body, page, status
from tests.conftest import Scrape, Scraped

FRAMES = ("red", "lime", "blue")
MILLISECONDS = (200, 70, 400)


def film(format: str) -> bytes:
    written = io.BytesIO()
    first, *others = (Image.new("RGB", (640, 320), name) for name in FRAMES)
    first.save(
        written,
        format,
        save_all=True,
        append_images=others,
        duration=MILLISECONDS,
        loop=0,
    )
    return written.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": status(404),
        "/film.gif": body(film("GIF"), "image/gif"),
        "/film.png": body(film("PNG"), "image/png"),
        "/half.gif": body(film("GIF")[:-800], "image/gif"),
        "/page": page("<img src=/film.gif>"),
    }
    with FaultyServer(site) as server:
        yield server


def records_of(result: Scraped) -> dict[str, dict[str, Any]]:
    return {
        url.rpartition("/")[2]: record
        for url, record in result.by_url().items()
    }


def shown(result: Scraped, record: dict[str, Any]) -> list[tuple[str, int]]:
    """The nearest name of each frame's colour, and how long it is shown."""
    found = []
    with Image.open(result.folder / record["processed"][0]["path"]) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            red, green, blue = image.convert("RGB").getpixel((9, 9))  # type: ignore[misc]
            brightest = max((red, "red"), (green, "lime"), (blue, "blue"))
            found.append((brightest[1], round(image.info.get("duration", 0))))
    return found


def test_all_frames_are_made_small_and_keep_their_times(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/film.gif"), server.url("/film.png"))
    result = scrape(urls, "--frames", "all", "--resize", "100")
    assert result.code == 0
    for record in records_of(result).values():
        assert (record["frames"], record["duration_ms"], record["loop"]) == (
            3,
            670,
            0,
        )
        (variant,) = record["processed"]
        assert variant["path"].endswith(".webp")
        assert (variant["width"], variant["height"]) == (100, 50)
        assert (variant["frames"], variant["duration_ms"]) == (3, 670)
        assert shown(result, record) == list(
            zip(FRAMES, MILLISECONDS, strict=True)
        )


def test_a_film_stays_what_it_is_by_name_or_becomes_a_still(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/page"))
    result = scrape(urls)
    record = records_of(result)["film.gif"]
    assert record["processed"][0]["changes"] == [
        "resized",
        "first_frame",
        "converted",
    ]
    assert shown(result, record) == [("red", 0)]
    options = ("--frames", "all", "--format", "gif", "--resize", "0")
    result = scrape(urls, *options)
    assert "--frames was first, now all" in result.stderr
    result = scrape(urls, *options, "--refresh")
    record = records_of(result)["film.gif"]
    (variant,) = record["processed"]
    assert (variant["format"], variant["changes"]) == ("gif", [])
    copy = (result.folder / variant["path"]).read_bytes()
    assert copy == film("GIF")
    made = filter(Path.is_file, (result.folder / "processed").rglob("*"))
    assert [path.suffix for path in made] == [".gif"]


def test_a_film_that_ends_too_early_or_is_too_large_is_said_to_be(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/half.gif"), server.url("/film.gif"))
    result = scrape(
        urls,
        "--frames",
        "all",
        environment={"SCRAPER_MAX_PIXELS": str(2 * 640 * 320)},
    )
    assert result.code == 4
    kinds = {
        name: record["error_kind"]
        for name, record in records_of(result).items()
    }
    assert kinds == {
        "film.gif": "image_too_large",
        "half.gif": "image_truncated",
    }
