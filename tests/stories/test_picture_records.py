"""By the command line: what pictures say of themselves, what came of one, and AVIF."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from scraper.faulty import FaultyServer, body, status
from tests.conftest import Scrape


def portrait() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "Acme", "2020:01:02 03:04:05"
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)}
    )
    written = io.BytesIO()
    noise = Image.effect_noise((300, 200), 80)
    noise.save(written, "JPEG", exif=exif)
    return written.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    whole = portrait()
    site = {
        "/robots.txt": status(404),
        "/whole.jpg": body(whole, "image/jpeg"),
        "/half.jpg": body(whole[: len(whole) // 2], "image/jpeg"),
    }
    with FaultyServer(site) as server:
        yield server


def test_records_say_what_was_asked_for(
    scrape: Scrape, server: FaultyServer
) -> None:
    url = server.url("/whole.jpg")
    result = scrape.inside(
        scrape.list_of(url), "--exif", "all", "--format", "avif"
    )
    assert result.code == 0
    record = result.by_url()[url]
    assert record["exif"] == {"Make": "Acme", "DateTime": "2020-01-02T03:04:05"}
    (variant,) = record["processed"]
    assert variant["path"].endswith(".avif")
    with Image.open(result.folder / variant["path"]) as image:
        assert (image.format, image.size) == ("AVIF", (300, 200))
        assert dict(image.getexif()) == {}
    result = scrape.inside(
        scrape.list_of(url), "--exif", "gps", "--format", "avif", "--refresh"
    )
    place = {"latitude": 52.5, "longitude": 13.4}
    assert result.by_url()[url]["exif"] == place


def test_a_picture_that_ends_too_early_is_kept_if_that_is_asked_for(
    scrape: Scrape, server: FaultyServer
) -> None:
    url = server.url("/half.jpg")
    result = scrape.inside(scrape.list_of(url))
    assert result.by_url()[url]["error_kind"] == "image_truncated"
    result = scrape.inside(
        scrape.list_of(url), "--truncated", "keep", "--refresh"
    )
    assert result.code == 0
    record = result.by_url()[url]
    assert record["truncated"] is True
    assert record["processed"][0]["changes"] == ["truncated"]


def test_a_wrong_name_is_one_line_before_the_run(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/whole.jpg"))
    result = scrape.inside(urls, "--exif", "camera,dates")
    assert result.code == 2
    assert result.stderr.rstrip().endswith("did you mean date?")
    assert server.count() == 0
