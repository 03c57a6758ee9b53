"""Real pages and pictures, from a folder beside the project; skipped where it is absent."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from processors import Unusable
from processors.image import Plan, process
from processors.image.metadata import Malformed, strip_metadata
from processors.page import Page
from processors.page.facts import page_facts
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
    assert tuple(variant["changes"]) == expected.changes
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
