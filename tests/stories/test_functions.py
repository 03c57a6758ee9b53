"""Functions of the user's for every kind of body, in whole runs: what they get, what it becomes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, etag, page, status
from tests.conftest import Scrape
from tests.stories.runs import last_of

PRICES = b'{"lamp": 34, "at": "https://api.test/?token=s3cret"}'
PDF = b"%PDF-1.7 nothing in it"
CSV = "name;price\nstuhl;£12\n".encode("latin-1")

MINE = dedent('''
    """What I want."""
    import os

    ready = []


    def prepare():
        ready.append(os.getpid())


    def article(page):
        return {"title": page.tree.css_first("title").text(), "ready": len(ready)}


    def tag(picture, facts):
        if facts["format"] == "gif":
            raise ValueError("no gif")
        facts = dict(facts, url=facts["url"].rpartition("/")[2])
        return [picture.mode, picture.size, facts["url"], facts["original_width"],
                [each["width"] for each in facts["processed"]], picture.getpixel((0, 0))[0]]


    def table(file):
        if file.type == "application/json":
            return file.json()["lamp"]
        if file.type == "application/pdf":
            return len(file.body)
        return [file.type, file.charset, file.text.splitlines()[1], file.url[:5]]


    def strange(file):
        return {1, 2} if "prices" in file.url else object


    def early():
        raise OSError("no model")
''')


def _picture(format: str) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (900, 600), "teal")
    picture.save(file, format, exif=exif)
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": status(404),
        "/page": page("<title>Lake</title>"),
        "/a.jpg": etag(_picture("JPEG"), '"1"', "image/jpeg"),
        "/a.gif": body(_picture("GIF"), "image/gif"),
        "/prices": etag(PRICES, '"1"', "application/json"),
        "/leaflet.pdf": body(PDF, "application/pdf"),
        "/table.csv": body(CSV, "text/csv; charset=iso-8859-1"),
        "/raw.json": body(b"[1, 2]", "text/plain"),
        "/broken.json": body(b"[1, 2", "text/plain"),
        "/wrong": body(b"nothing", "application/json"),
    }
    with FaultyServer(site) as server:
        yield server


def _data(
    folder: Path, server: FaultyServer
) -> dict[str, tuple[str | None, Any]]:
    """By path, the kind of its failure and its data."""
    return {
        url.removeprefix(server.url("/")): (
            each["error_kind"],
            each.get("data", "nothing"),
        )
        for url, each in last_of(folder).items()
    }


def test_each_kind_of_body_has_a_function_and_none_costs_another(
    scrape: Scrape, server: FaultyServer
) -> None:
    (scrape.folder / "mine.py").write_text(MINE)
    paths = (
        "/page",
        "/a.jpg",
        "/a.gif",
        "/prices",
        "/leaflet.pdf",
        "/table.csv",
    )
    urls = scrape.list_of(*map(server.url, paths))
    done = scrape(urls, "--html", "mine:article", "--image", "mine:tag",
                  "--file", "mine:table", "--initializer", "mine:prepare",
                  "--resize", "90")  # fmt: skip
    assert done.code == 3
    assert _data(done.folder, server) == {
        "page": (None, {"title": "Lake", "ready": 1}),
        "a.jpg": (
            None,
            ["RGB", [600, 900], "a.jpg", 600, [60], 0],
        ),
        "a.gif": ("function_failed", "nothing"),
        "prices": (None, 34),
        "leaflet.pdf": (None, len(PDF)),
        "table.csv": (None, ["text/csv", "windows-1252", "stuhl;£12", "http:"]),
    }
    (gif,) = [each for each in done.records if each["url"].endswith("gif")]
    assert (
        "mine:tag raised ValueError: no gif (mine.py, line"
        in (gif["error_message"])
    )
    made = filter(Path.is_file, (done.folder / "processed").rglob("*"))
    assert [each.suffix for each in made] == [".jpg"], "nothing half done stays"
    assert not list((done.folder / ".scraper" / "parts").iterdir())


def test_json_is_parsed_into_data(scrape: Scrape, server: FaultyServer) -> None:
    paths = ("/prices", "/leaflet.pdf", "/raw.json", "/broken.json", "/wrong")
    urls = scrape.list_of(*map(server.url, paths))
    done = scrape(urls, "--parse-json", "-p", "1")
    assert done.code == 3
    data = _data(done.folder, server)
    shown = data.pop("prices")[1]
    assert shown["lamp"] == 34
    assert "s3cret" not in json.dumps(shown), "as in recipes"
    assert data == {
        "leaflet.pdf": (None, "nothing"),
        "raw.json": (None, [1, 2]),
        "broken.json": ("json_broken", "nothing"),
        "wrong": ("json_broken", "nothing"),
    }
    again = scrape(urls, "--parse-json", "--retry", "json_broken")
    assert again.code == 3
    assert (
        done.folder / again.by_url()[server.url("/wrong")]["path"]
    ).is_file()


def test_what_is_no_plain_data_is_a_failure_of_its_url(
    scrape: Scrape, server: FaultyServer
) -> None:
    (scrape.folder / "mine.py").write_text(MINE)
    urls = scrape.list_of(server.url("/prices"), server.url("/leaflet.pdf"))
    done = scrape(urls, "--file", "mine:strange", "-p", "1")
    assert done.code == 4
    for each in done.records:
        assert each["error_kind"] == "function_failed"
        assert (
            "mine:strange returned what is not plain data: Type is not JSON"
            in (each["error_message"])
        )
        assert (done.folder / each["path"]).is_file()


def test_a_refresh_applies_a_function_that_was_edited_to_its_kind_alone(
    scrape: Scrape, server: FaultyServer
) -> None:
    (scrape.folder / "mine.py").write_text(MINE)
    (scrape.folder / "other.py").write_text(
        "def tag(picture, facts):\n    return picture.width\n"
    )
    urls = scrape.list_of(server.url("/a.jpg"), server.url("/prices"))
    how = ("--image", "other:tag", "--file", "mine:table", "-p", "1")
    scrape(urls, *how)
    (scrape.folder / "other.py").write_text(
        "def tag(picture, facts):\n    return picture.height\n"
    )
    told = scrape(urls, *how)
    assert "the file of the function for pictures has changed" in told.stderr
    told = scrape(urls, *how, "--refresh")
    assert _data(told.folder, server) == {
        "a.jpg": (None, 900),
        "prices": (None, 34),
    }
    states = [(each["state"], each["status"]) for each in told.records[2:]]
    assert sorted(states) == [("done", 304), ("unchanged", 304)]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (
            ("--initializer", "mine:early"),
            "initializer fails: OSError: no model",
        ),
        (
            ("--initializer", "mine:table"),
            "is called with (): write `def table()`",
        ),
        (("--image", "mine:article"), "(picture, facts): write `def article("),
        (("--file", "mine:missing"), "file: mine has no 'missing'"),
        (("--file", "mine:table", "--parse-json"), "leave out one of them"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_is_asked(
    flags: tuple[str, ...], says: str, scrape: Scrape, server: FaultyServer
) -> None:
    (scrape.folder / "mine.py").write_text(MINE)
    done = scrape(scrape.list_of(server.url("/prices")), *flags)
    assert done.code == 2
    (line,) = done.stderr.splitlines()
    assert says in line
    assert server.count() == 0


def upper(file: Any) -> str:
    """What a script hands over."""
    text: str = file.text
    return text.upper()


def test_a_session_takes_the_function_itself(
    tmp_path: Path, server: FaultyServer
) -> None:
    with scraper.Session(file=upper, processes=1) as session:
        outcome = session.submit(server.url("/raw.json")).result()
    assert outcome.record["data"] == "[1, 2]"
    config = scraper.configure(
        file=upper, dir=tmp_path / "run", processes=1, expect="any"
    )
    with scraper.stream([server.url("/table.csv")], config) as outcomes:
        (streamed,) = outcomes
    assert streamed.record["data"] == "NAME;PRICE\nSTUHL;£12\n"


def test_inline_calls_the_configured_initializer_too(
    server: FaultyServer,
) -> None:
    settings = {
        "initializer": "tests.stories.test_functions:note",
        "file": "tests.stories.test_functions:noted",
    }
    config = scraper.configure(**settings)
    with scraper.Session(
        config, inline=True, initializer=notes.append, initargs=("script",)
    ) as session:
        outcome = session.submit(server.url("/raw.json")).result()
    assert outcome.record["data"] == ["configured", "script"]
    notes.clear()


notes: list[str] = []


def note() -> None:
    """As a script's own initializer does."""
    notes.append("configured")


def noted(file: Any) -> list[str]:
    """What was called before."""
    return list(notes)
