"""Real pages and pictures, from a folder beside the project; skipped where it is absent."""

import json
import warnings
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

import can_ada
import pytest
from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from PIL import Image

from processors import Unusable
from processors.image import Plan, process
from processors.image.metadata import Malformed, strip_metadata
from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from processors.page.images.elements import PLACES
from tests.conftest import PROJECT
from tests.corpus_pictures import PICTURES

CORPUS = PROJECT.parent / "shared" / "corpus"
PAGES = sorted((CORPUS / "pages").glob("*.html"))

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="no ../shared/corpus here"
)

# What these declare in a meta element is not what they are: all of them are UTF-8.
LYING = {
    "site-125.html": "windows-1251",
    "site-13.html": "gbk",
    "site-93.html": "gbk",
    "site-59.html": "windows-1252",
    "site-87.html": "windows-1252",
}

# JPEGs that can be decoded, but have markers where none may be: they are made anew.
OUT_OF_JOINT = {"images/jpeg_ff00_header.jpg", "photos/photo-01-3648x2736.jpg"}


def test_the_table_names_every_picture_of_the_corpus() -> None:
    found = {
        f"{path.parent.name}/{path.name}" for path in CORPUS.glob("images/*")
    }
    found |= {
        f"{path.parent.name}/{path.name}" for path in CORPUS.glob("photos/*")
    }
    assert found == set(PICTURES)
    assert len(PICTURES) == 77


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_the_corpus_is_what_the_table_says(
    name: str, tmp_path: Path
) -> None:
    expected = PICTURES[name]
    source, out = str(CORPUS / name), str(tmp_path / "made")
    if expected.error_kind or expected.kind != "image":
        with pytest.raises(Unusable) as caught:
            process(source, Plan(), out, "processed/x")
        # A format that is never decoded is not sent here; were it, it would be a broken picture.
        assert caught.value.kind == (expected.error_kind or "image_broken")
        assert list(tmp_path.iterdir()) == []
        return
    made = process(source, Plan(), out, "processed/x")
    told = made.facts
    size = told["original_width"], told["original_height"]
    assert (told["format"], *size, told["mode"], told["frames"]) == (
        expected.format,
        expected.width,
        expected.height,
        expected.mode,
        expected.frames,
    )
    ((temporary, final),) = made.files
    (variant,) = told["processed"]
    assert variant["path"] == final
    assert max(variant["width"], variant["height"]) == min(512, max(size))
    with Image.open(temporary) as image:
        image.load()
        assert (image.size, image.mode) == (
            (variant["width"], variant["height"]),
            variant["mode"],
        )
        assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in PICTURES
        if PICTURES[name].format in ("jpeg", "png", "webp", "mpo")
    ],
)
def test_a_picture_of_the_corpus_has_the_same_pixels_without_its_metadata(
    name: str,
) -> None:
    body, format = (
        (CORPUS / name).read_bytes(),
        PICTURES[name].format.replace("mpo", "jpeg"),
    )
    if name in OUT_OF_JOINT:
        with pytest.raises(Malformed):
            strip_metadata(body, format)
        return
    clean = strip_metadata(body, format)
    assert strip_metadata(clean, format) is clean
    for word in (
        b"Exif\0",
        b"EXIF",
        b"eXIf",
        b"xmpmeta",
        b"Photoshop 3.0",
        b"tEXt",
        b"iTXt",
    ):
        assert word not in clean
    with (
        Image.open(BytesIO(body)) as before,
        Image.open(BytesIO(clean)) as after,
    ):
        assert (after.mode, after.size) == (before.mode, before.size)
        assert after.info.get("icc_profile") == before.info.get("icc_profile")
        assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_of_the_corpus_gives_the_links_that_a_soup_finds(
    path: Path,
) -> None:
    page = Page(
        "https://example.org/where/it/was.html", path.read_bytes(), "utf-8"
    )
    told = page_facts(page, PageOptions("basic")).record
    json.dumps(told).encode()
    assert all(
        link.startswith(("http://", "https://"))
        for link in told["links"] + told["images"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(page.text, "lxml")
    base = soup.find("base", href=True)
    where = can_ada.parse(
        urljoin(page.url, str(base["href"])) if base else page.url
    )
    found = {
        _joined(where, str(a["href"]))
        for a in soup.find_all(["a", "area"], href=True)
    }
    found.discard("")
    assert bool(told["links"]) == bool(found)
    assert found == set(told["links"])


def _joined(where: can_ada.URL, href: str) -> str:
    try:
        url = str(where + href)
    except ValueError:
        return ""
    is_link = url.startswith("http") and not href.strip().startswith("#")
    return url.partition("#")[0] if is_link else ""


@pytest.mark.parametrize("name", LYING)
def test_a_page_that_lies_about_its_charset_is_read_as_http_says(
    name: str,
) -> None:
    body = (CORPUS / "pages" / name).read_bytes()
    page = Page("https://example.org/", body, "UTF-8")
    assert page.charset == "utf-8"
    assert page.text == body.removeprefix(b"\xef\xbb\xbf").decode()
    assert page_facts(page).record["links"]
    assert Page("https://example.org/", body).charset == LYING[name]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_of_the_corpus_shows_the_images_that_a_soup_finds(
    path: Path,
) -> None:
    page = Page(
        "https://example.org/where/it/was.html", path.read_bytes(), "utf-8"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(page.text, "lxml")
    base = soup.find("base", href=True)
    where = can_ada.parse(
        urljoin(page.url, str(base["href"])) if base else page.url
    )
    found: dict[str, set[str]] = {}
    for element in soup.select("img[src]:not([src=''])"):
        url = _joined(where, str(element["src"]))
        alt = " ".join(str(element.get("alt", "")).split())
        found.setdefault(url, set()).add(alt)
    found.pop("", None)
    told = page_facts(page, PageOptions(page_images="src")).record["images"]
    urls = {image["url"] for image in told}
    assert urls == found.keys()
    for image in told:
        alts = found.get(image["url"], {image["alt"]})
        assert (image["alt"] or "") in alts
        assert image["alt"] or alts == {""} or image["url"] not in found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_best_images_of_a_page_are_among_all_of_them(path: Path) -> None:
    page = Page("https://example.org/a/b.html", path.read_bytes(), "utf-8")
    urls = {}
    for which in ("best", "all"):
        told = page_facts(
            page, PageOptions(page_images=which, image_width=512)
        ).record["images"]
        json.dumps(told).encode()
        urls[which] = {image["url"] for image in told}
        assert len(urls[which]) == len(told)
        for image in told:
            assert image["url"].startswith(("http://", "https://"))
            assert image["where"] in PLACES
            assert "{{" not in image["url"]
    assert urls["best"] <= urls["all"]
