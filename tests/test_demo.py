"""The demo site serves what its note says."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files

import pytest
import requests
from bs4 import BeautifulSoup
from PIL import Image, ImageOps

from processors.page import Page
from scraper import demo
from scraper.demo import Demo, product, serve


@pytest.fixture
def shop() -> Iterator[Demo]:
    with serve() as served:
        yield served


def get(shop: Demo, path: str) -> requests.Response:
    return requests.get(
        shop.server.url(path), timeout=10, allow_redirects=False
    )


def picture(shop: Demo, name: str) -> Image.Image:
    return Image.open(io.BytesIO(get(shop, f"/pictures/{name}").content))


def test_it_serves_on_loopback_only(shop: Demo) -> None:
    assert shop.server.host == "127.0.0.1"
    assert {url.rpartition(":")[0] for url in shop.urls} == {"http://127.0.0.1"}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", 200),
        ("/lake", 200),
        ("/catalogue.json", 200),
        ("/private/prices", 200),
        ("/poster-of-the-month", 301),
        ("/sold-out", 404),
        ("/city", 503),
    ],
)
def test_status_of(shop: Demo, path: str, code: int) -> None:
    assert shop.server.url(path) in shop.urls
    assert get(shop, path).status_code == code


def test_every_listed_url_is_linked_from_the_index_and_known_to_the_note(
    shop: Demo,
) -> None:
    index = BeautifulSoup(get(shop, "/").text, "html.parser")
    linked = {shop.server.url(str(link["href"])) for link in index.select("a")}
    assert linked | {shop.server.url("/")} == set(shop.urls)
    assert len(shop.urls) == len(set(shop.urls))
    for path in demo.OTHERS:
        assert path in shop.note


def test_the_overloaded_page_recovers(shop: Demo) -> None:
    first, second = get(shop, "/city"), get(shop, "/city")
    assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
    assert second.status_code == 200
    assert "City at night" in second.text


def test_the_slow_page_is_slow(shop: Demo) -> None:
    assert get(shop, "/aurora").elapsed.total_seconds() >= demo.SLOW_SECONDS


def test_the_redirect_leads_to_a_page(shop: Demo) -> None:
    assert get(shop, "/poster-of-the-month").headers["Location"] == "/dunes"


def test_robots_txt_forbids_the_private_page_and_nothing_else(
    shop: Demo,
) -> None:
    rules = [
        line
        for line in get(shop, "/robots.txt").text.splitlines()
        if ":" in line
    ]
    assert rules == ["User-agent: *", "Disallow: /private/"]


def test_the_catalogue_is_json(shop: Demo) -> None:
    answer = get(shop, "/catalogue.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["balloon"] == 19.0


def test_the_japanese_page_says_its_charset_in_http_only(shop: Demo) -> None:
    answer = get(shop, "/fuji")
    assert answer.headers["Content-Type"] == "text/html; charset=Shift_JIS"
    assert b"charset" not in answer.content
    assert "富士山" in answer.content.decode("shift_jis")


@pytest.mark.parametrize("poster", demo.POSTERS, ids=lambda poster: poster.slug)
def test_product_reads_name_and_price(shop: Demo, poster: demo.Poster) -> None:
    path = f"/{poster.slug}"
    if poster.slug == "city":
        get(shop, path)
    charset = "shift_jis" if poster.slug == "fuji" else "utf-8"
    page = Page(shop.server.url(path), get(shop, path).content, charset)
    assert product(page) == {"name": poster.name, "price": float(poster.price)}


def test_product_is_silent_about_other_pages(shop: Demo) -> None:
    assert product(Page(shop.server.url("/"), get(shop, "/").content)) == {}


@pytest.mark.parametrize("poster", demo.POSTERS, ids=lambda poster: poster.slug)
def test_the_picture_of_a_page_is_there_with_its_true_type(
    shop: Demo, poster: demo.Poster
) -> None:
    if poster.slug == "city":
        get(shop, "/city")
    page = BeautifulSoup(get(shop, f"/{poster.slug}").content, "html.parser")
    (source,) = [str(image["src"]) for image in page.select("img")]
    assert source == f"/pictures/{poster.picture}"
    answer = get(shop, source)
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.get_format_mimetype() == answer.headers["Content-Type"]


def test_the_lighthouse_lies_on_its_side_until_its_orientation_is_heeded(
    shop: Demo,
) -> None:
    with picture(shop, "lighthouse.jpg") as image:
        assert image.getexif()[0x0112] == 6
        assert image.size == (960, 720)
        assert ImageOps.exif_transpose(image).size == (720, 960)


def test_the_lake_is_big(shop: Demo) -> None:
    with picture(shop, "lake.jpg") as image:
        assert image.size == (1600, 1200)


def test_the_balloon_has_alpha(shop: Demo) -> None:
    with picture(shop, "balloon.png") as image:
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize("poster", demo.POSTERS, ids=lambda poster: poster.slug)
def test_all_pictures_but_the_harbour_can_be_decoded(
    shop: Demo, poster: demo.Poster
) -> None:
    with picture(shop, poster.picture) as image:
        if poster.slug == "harbour":
            with pytest.raises(OSError, match="truncated"):
                image.load()
        else:
            image.load()


def test_the_pictures_are_small_enough_for_a_package() -> None:
    sizes = {
        file.name: len(file.read_bytes())
        for file in files("scraper").joinpath("demo_site").iterdir()
    }
    assert sizes.keys() == {poster.picture for poster in demo.POSTERS}
    assert max(sizes.values()) < 30_000
    assert sum(sizes.values()) < 200_000


def test_a_worker_that_imports_product_imports_no_server() -> None:
    code = "import sys, scraper.demo; print('scraper.faulty' in sys.modules, 'PIL' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "False"]
