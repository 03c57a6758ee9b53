"""Which pictures of a page are asked for."""

from __future__ import annotations

import pytest

from scraper.faulty import FaultyServer, body, page
from tests.conftest import Scrape

SHOP = """<img src=s.png srcset="s-300.png 300w, s-600.png 600w, s-900.png 900w">
    <picture><source type=image/jxl srcset=p.jxl><source srcset="p-2.png 2x">
    <img src=p.png width=300></picture>
    <img src=spacer.gif data-src=later.png>
    <img src=counter.gif width=1 height=1>"""
FIRST_SHOWN = {"/counter.gif", "/p.png", "/s.png", "/spacer.gif"}
CHOSEN = {"/later.png", "/p-2.png"}
LARGEST = "/s-900.png"


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ([], CHOSEN | {"/s-600.png"}),
        (["--facts", "basic"], CHOSEN | {"/s-600.png"}),
        (["--resize", "300"], CHOSEN | {"/s-300.png"}),
        (["--resize", "0"], CHOSEN | {LARGEST}),
        (["--image-width", "700"], CHOSEN | {LARGEST}),
        (
            ["--page-images", "all"],
            CHOSEN | {"/p.png", "/s.png", "/s-300.png", "/s-600.png", LARGEST},
        ),
        (["--page-images", "src"], FIRST_SHOWN),
        (["--page-images", "none"], set()),
        (["--no-page-images"], set()),
    ],
)
def test_the_pictures_that_are_chosen_are_asked(
    scrape: Scrape, flags: list[str], asked: set[str]
) -> None:
    with FaultyServer(
        {"/": page(SHOP), "/*": body(b"<svg/>", "image/svg+xml")}
    ) as site:
        ended = scrape.inside(
            scrape.list_of(site.url("/")), "--robots", "off", *flags
        )
        assert ended.code == 0, ended.stderr
        home = site.url("/")
        urls = {record["url"] for record in ended.records} - {home}
        assert {url.removeprefix(home[:-1]) for url in urls} == asked
        named = ended.by_url()[home]["images"]
        if asked:
            listed = [
                image if isinstance(image, str) else image["url"]
                for image in named
            ]
            assert set(listed) == urls
        else:
            assert len(named) == 3, "what would have been asked"
