"""The demo site serves what its note says."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import urljoin

import pytest
import requests
from bs4 import BeautifulSoup
from PIL import Image, ImageOps

from processors.page import Page
from scraper import demo
from scraper.cli.arguments import build_parser
from scraper.demo import Demo, drawing, maps, posters, product, serve
from scraper.demo import shop as shop_site
from scraper.faulty import FaultyServer
from tests.conftest import Scrape


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
    for path in posters.OTHERS:
        assert path in shop.note


def test_the_overloaded_page_recovers(shop: Demo) -> None:
    first, second = get(shop, "/city"), get(shop, "/city")
    assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
    assert second.status_code == 200
    assert "City at night" in second.text


def test_the_slow_page_is_slow(shop: Demo) -> None:
    assert get(shop, "/aurora").elapsed.total_seconds() >= posters.SLOW_SECONDS


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


@pytest.mark.parametrize(
    "poster", posters.POSTERS, ids=lambda poster: poster.slug
)
def test_product_reads_name_and_price(
    shop: Demo, poster: posters.Poster
) -> None:
    path = f"/{poster.slug}"
    if poster.slug == "city":
        get(shop, path)
    charset = "shift_jis" if poster.slug == "fuji" else "utf-8"
    page = Page(shop.server.url(path), get(shop, path).content, charset)
    assert product(page) == {"name": poster.name, "price": float(poster.price)}


def test_product_is_silent_about_other_pages(shop: Demo) -> None:
    assert product(Page(shop.server.url("/"), get(shop, "/").content)) == {}


@pytest.mark.parametrize(
    "poster", posters.POSTERS, ids=lambda poster: poster.slug
)
def test_the_picture_of_a_page_is_there_with_its_true_type(
    shop: Demo, poster: posters.Poster
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


@pytest.mark.parametrize(
    "poster", posters.POSTERS, ids=lambda poster: poster.slug
)
def test_all_pictures_but_the_harbour_can_be_decoded(
    shop: Demo, poster: posters.Poster
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
        for file in files("scraper").joinpath("demo", "pictures").iterdir()
    }
    assert sizes.keys() == {poster.picture for poster in posters.POSTERS}
    assert max(sizes.values()) < 30_000
    assert sum(sizes.values()) < 200_000


def test_a_worker_that_imports_product_imports_no_server() -> None:
    code = "import sys, scraper.demo; print('scraper.faulty' in sys.modules, 'PIL' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "False"]


# -- the sites for recipes ----------------------------------------------------------------------

WELL_BEHAVED = [name for name in demo.SITES if name != demo.POSTERS]


@pytest.fixture(scope="module")
def sites() -> Iterator[FaultyServer]:
    with FaultyServer(demo.site()) as server:
        yield server


def soup_of(server: FaultyServer, path: str) -> BeautifulSoup:
    answer = requests.get(server.url(path), timeout=10)
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def texts(soup: BeautifulSoup, selector: str) -> list[str]:
    return [each.get_text(strip=True) for each in soup.select(selector)]


@pytest.mark.parametrize("name", WELL_BEHAVED)
def test_everything_that_a_page_names_is_there(
    name: str, sites: FaultyServer
) -> None:
    for url in demo.urls(sites, name):
        page = Page(url, requests.get(url, timeout=10).content)
        named = {
            urljoin(url, str(each[attribute]))
            for attribute in ("href", "src")
            for each in page.soup.select(f"[{attribute}]")
        }
        for each in {url, *named}:
            assert each.startswith(sites.url("/"))
            assert requests.get(each, timeout=10).status_code == 200


@pytest.mark.parametrize("name", WELL_BEHAVED)
def test_a_list_names_each_url_once(name: str, sites: FaultyServer) -> None:
    urls = demo.urls(sites, name)
    assert urls
    assert len(urls) == len(set(urls))


def test_the_catalogue_shows_each_ink_once(sites: FaultyServer) -> None:
    pages = [
        soup_of(sites, path)
        for path in ("/shop/", "/shop/page-2", "/shop/page-3")
    ]
    names = [each for page in pages for each in texts(page, ".product h3")]
    assert names == [ink.name for ink in shop_site.INKS]
    assert len(names) == 24
    prices = [each for page in pages for each in texts(page, ".price")]
    assert prices[0] == "£6.50"
    assert prices[-1] == "£1,240.00"


@pytest.mark.parametrize("ink", shop_site.INKS, ids=lambda ink: ink.slug)
def test_the_page_of_an_ink_its_json_ld_and_the_api_agree(
    ink: shop_site.Ink, sites: FaultyServer
) -> None:
    page = soup_of(sites, ink.path)
    node = json.loads(page.select("script")[0].get_text())
    assert texts(page, "h1") == [node["name"]] == [ink.name]
    assert texts(page, ".price") == [f"£{ink.price}"]
    assert float(node["offers"]["price"]) == ink.pounds
    sold_out = texts(page, ".stock") == ["Sold out"]
    assert sold_out is (ink.stock == 0)
    assert node["offers"]["availability"].endswith("OutOfStock") is sold_out
    assert texts(page, ".stars")[0].count("★") == ink.stars
    body = requests.get(sites.url("/api/products.json"), timeout=10).json()
    assert {
        "sku": ink.sku,
        "name": ink.name,
        "price": ink.pounds,
        "stock": ink.stock,
    } in body["products"]


def test_a_swatch_is_a_picture_that_runs_out_to_the_right() -> None:
    with Image.open(io.BytesIO(drawing.swatch("#1f4e79"))) as image:
        assert image.size == (drawing.SWATCH_WIDTH, drawing.SWATCH_HEIGHT)
        left, right = image.getpixel((0, 80)), image.getpixel((239, 80))
        lights = list(image.getchannel("R").crop((0, 80, 240, 81)).tobytes())
    assert left == (0x1F, 0x4E, 0x79)
    assert right != left
    assert lights == sorted(lights)


def test_one_article_is_french(sites: FaultyServer) -> None:
    pages = [
        BeautifulSoup(requests.get(url, timeout=10).content, "html.parser")
        for url in demo.urls(sites, "news")
    ]
    languages = [page.select("html")[0]["lang"] for page in pages]
    assert sorted(languages) == ["en"] * 5 + ["fr"]
    assert all(
        texts(page, ".author") and texts(page, ".date") for page in pages
    )


@pytest.mark.filterwarnings("ignore::bs4.XMLParsedAsHTMLWarning")
def test_the_sitemap_and_the_feed_name_the_articles_with_their_days(
    sites: FaultyServer,
) -> None:
    sitemap = soup_of(sites, maps.SITEMAP)
    assert texts(sitemap, "loc") == [
        sites.url("/news/"),
        *demo.urls(sites, "news"),
    ]
    days = texts(sitemap, "lastmod")
    feed = soup_of(sites, maps.FEED)
    links = [sites.url(str(each["href"])) for each in feed.select("link")]
    assert links == demo.urls(sites, "news")
    assert texts(feed, "updated") == [f"{day}T06:00:00Z" for day in days]
    for url, day in zip(links, days, strict=True):
        (shown,) = texts(
            soup_of(sites, url.removeprefix(sites.url(""))), ".date"
        )
        assert day[:4] in shown
        assert str(int(day[8:])) in shown


def test_the_sitemap_of_the_demo_is_a_list(
    sites: FaultyServer, scrape: Scrape
) -> None:
    ended = scrape.here("--sitemap", sites.url("/"), "--page-images", "none")
    assert ended.code == 0, ended.stderr
    assert {each["url"] for each in ended.records} == {
        sites.url("/news/"),
        *demo.urls(sites, "news"),
    }


# -- the command --------------------------------------------------------------------------------


def test_a_site_is_scraped_by_its_name(scrape: Scrape) -> None:
    ended = scrape.here("--demo", "api", dir=None)
    assert ended.code == 0
    assert "1 done" in ended.stderr
    assert (scrape.folder / "downloads" / "demo-api" / "records.jsonl").exists()


def test_a_site_that_there_is_not(scrape: Scrape) -> None:
    ended = scrape.here("--demo", "urls.txt", dir=None)
    assert ended.code == 2
    assert ended.stderr.strip() == (
        "error: no demo site is called urls.txt: there are posters, shop, catalogue, inks, "
        "news, timetable, gallery, programme, events, api; a list of yours goes without --demo"
    )


def test_the_help_names_all_sites() -> None:
    (action,) = (
        each for each in build_parser()._actions if each.dest == "demo"
    )
    named = str(action.help).partition(": ")[2].partition(" (")[0]
    assert tuple(named.split(", ")) == demo.SITES
