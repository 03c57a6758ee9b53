"""Where what the URLs have brought is kept, and what is said when it is not there."""

from __future__ import annotations

import io
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, etag, page, status
from scraper.model import Task
from scraper.outcomes.outcome import Outcome
from scraper.outcomes.places import InFolder
from scraper.urls import canonical

SHOP = b"<title>Shop</title><img src=/a.png>"


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


PICTURE = _picture()
SITE = {
    "/robots.txt": status(404),
    "/shop": etag(SHOP),
    "/a.png": body(PICTURE, "image/png"),
    "/gone": status(404),
    "/hidden": page("<meta name=robots content=noindex>"),
}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(SITE) as running:
        yield running


def outcomes_of(
    server: FaultyServer, folder: Path, **how: Any
) -> dict[str, Outcome]:
    urls = [server.url(path) for path in ("/shop", "/gone", "/hidden")]
    config = scraper.configure(dir=str(folder), processes=1, obey=("noindex",))
    with scraper.stream(urls, config, **how) as outcomes:
        return {
            each.url.removeprefix(server.url("")): each for each in outcomes
        }


def test_every_outcome_with_a_body_knows_where_it_is_kept(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for how in ({}, {}, {"refresh": True}):
        outcomes = outcomes_of(server, Path("run"), **how)
        assert set(outcomes) == {"/shop", "/a.png", "/gone", "/hidden"}
        assert outcomes["/gone"].place is outcomes["/hidden"].place is None
        shop, picture = outcomes["/shop"], outcomes["/a.png"]
        assert shop.place is not None
        assert picture.place is not None
        monkeypatch.chdir("/")  # the folder was named from another one
        assert shop.place.body_of(shop) == SHOP
        assert picture.place.body_of(picture) == PICTURE
        (kept,) = shop.place.files_of(shop)
        assert kept.read_bytes() == SHOP
        original, made = picture.place.files_of(picture)
        assert original.read_bytes() == PICTURE
        assert made.parts[-3] == "processed"
        assert pickle.loads(pickle.dumps(shop)).place == shop.place
        monkeypatch.chdir(tmp_path)
    assert shop.state == "unchanged"


# -- what is not there -------------------------------------------------------------------------


def outcome_of(folder: Path, path: str) -> Outcome:
    url = canonical("https://example.com/a")
    line = orjson.dumps({"path": path})
    return Outcome(Task(1, url, url), "done", line, place=InFolder(folder))


def complaints_of(folder: Path, path: str) -> set[str]:
    """What is said of a body and of its files."""
    said = set()
    outcome = outcome_of(folder, path)
    assert outcome.place is not None
    for ask in (outcome.place.body_of, outcome.place.files_of):
        with pytest.raises(scraper.UsageError) as caught:
            ask(outcome)
        said.add(str(caught.value))
    return said


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    (said,) = complaints_of(tmp_path / "run", "pages/a.html")
    assert said.startswith(f"the run folder {tmp_path / 'run'} is gone; ")


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    said = f"{tmp_path / 'pages/h/a.html'} is gone: "
    assert all(
        each.startswith(said)
        for each in complaints_of(tmp_path, "pages/h/a.html")
    )
    (tmp_path / "pages" / "h").mkdir(parents=True)
    assert all(
        each.startswith(said)
        for each in complaints_of(tmp_path, "pages/h/a.html")
    )


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "pages/../../secret",
        "{tmp}/secret",
        "link",
        "to/secret",
        "pages",
    ],
)
def test_nothing_is_read_but_files_of_the_folder(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "secret").write_bytes(b"mine")
    folder = tmp_path / "run"
    (folder / "pages").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "to").symlink_to(tmp_path)
    complaints_of(folder, path.replace("{tmp}", str(tmp_path)))


def test_a_picture_that_was_made_is_gone(
    server: FaultyServer, tmp_path: Path
) -> None:
    picture = outcomes_of(server, tmp_path)["/a.png"]
    assert picture.place is not None
    shutil.rmtree(tmp_path / "processed")
    with pytest.raises(scraper.UsageError, match="is gone"):
        picture.place.files_of(picture)
    assert picture.place.body_of(picture) == PICTURE
