"""`process`: the process stage over files of this machine, in whole runs."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, redirect, status
from scraper.local.addresses import address_of
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import filled_of, last_of, records_of

PICTURES = 120


def _draw(path: Path, seed: int, size: tuple[int, int] = (600, 400)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = Image.frombytes("L", (60, 40), random.Random(seed).randbytes(2_400))
    noise.resize(size).save(path, "JPEG")


@pytest.fixture
def pictures(scrape: Scrape) -> Path:
    """A folder with what a folder may hold."""
    folder = scrape.folder / "pictures"
    for number in range(3):
        _draw(folder / "a b" / f"{number}?.jpg", number)
    (folder / "notes.json").write_text('{"a": 1}')
    (folder / "page.html").write_text(
        "<title>Here</title><img src='http://127.0.0.1:9/a.png'>"
        "<meta http-equiv=refresh content='0; url=http://127.0.0.1:9/'>"
    )
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    (folder / "link.jpg").symlink_to("a b/0?.jpg")
    os.mkfifo(folder / "pipe.jpg")
    return folder


def _by_name(folder: Path) -> dict[str, dict[str, object]]:
    return {
        str(each["url"]).rpartition("/")[2]: each
        for each in last_of(folder).values()
    }


def test_files_become_what_bodies_become(
    scrape: Scrape, pictures: Path
) -> None:
    done = scrape.inside(
        "process", "pictures", "--resize", "90", "--parse-json", dir=None
    )
    assert done.code == 3
    folder = scrape.folder / "downloads" / "pictures"
    found = _by_name(folder)
    picture = found["1?.jpg"]
    original = pictures / "a b" / "1?.jpg"
    assert picture["path"] == str(original), "where it is"
    assert picture["url"] == "pictures/a b/1?.jpg"
    assert (
        picture["sha256"] == hashlib.sha256(original.read_bytes()).hexdigest()
    )
    (made,) = picture["processed"]  # type: ignore[misc]
    with Image.open(folder / made["path"]) as small:
        assert small.size == (90, 60)
    assert found["notes.json"]["data"] == {"a": 1}
    assert found["page.html"]["title"] == "Here", "and nothing is asked for it"
    assert {name: each["error_kind"] for name, each in found.items()} == {
        "0?.jpg": None,
        "1?.jpg": None,
        "2?.jpg": None,
        "notes.json": None,
        "page.html": None,
        "broken.jpg": "image_broken",
        "link.jpg": "file_unreadable",
        "pipe.jpg": "file_unreadable",
    }
    kept = {each.parts[len(folder.parts)] for each in folder.rglob("*.jpg")}
    assert kept == {"processed"}, "no original is copied"
    assert scrape.inside("verify", str(folder), dir=None).code == 0


def test_a_refresh_makes_again_what_has_changed(
    scrape: Scrape, pictures: Path
) -> None:
    (pictures / "broken.jpg").unlink()
    how = ("process", "pictures", "-p", "1")
    scrape.inside(*how)
    again = scrape.inside(*how)
    assert len(again.records) == 7, "nothing is due"
    _draw(pictures / "a b" / "1?.jpg", 7, (300, 500))
    _draw(pictures / "new.jpg", 9)
    (pictures / "a b" / "2?.jpg").unlink()
    folder = scrape.inside(*how, "--refresh").folder
    states = {
        Path(each["url"]).name: each["state"] for each in records_of(folder)[7:]
    }
    assert states == {
        "0?.jpg": "unchanged",
        "1?.jpg": "done",
        "new.jpg": "done",
        "notes.json": "unchanged",
        "page.html": "unchanged",
        "link.jpg": "failed",
        "pipe.jpg": "failed",
    }
    changed = _by_name(folder)["1?.jpg"]
    assert (changed["original_width"], changed["original_height"]) == (300, 500)
    before = _by_name(folder)["0?.jpg"]
    smaller = scrape.inside("process", "--refresh", "--resize", "60", "-p", "1")
    assert _by_name(smaller.folder)["0?.jpg"]["width"] == 60 != before["width"]


def test_no_door_of_the_network_opens_a_file(scrape: Scrape) -> None:
    secret = scrape.folder / "secret.txt"
    secret.write_text("a secret")
    address = address_of(str(secret)).href
    site = {
        "/robots.txt": status(404),
        "/moved": redirect(address),
        "/page": body(
            f"<img src='{address}'><img src='file://{secret}'>".encode(),
            "text/html",
        ),
    }
    with FaultyServer(site) as server:
        urls = scrape.list_of(
            address,
            f"file://{secret}",
            server.url("/moved"),
            server.url("/page"),
        )
        done = scrape.inside(urls)
        listed = scrape.list_of(server.url("/page"), name="more.txt")
        assert scrape.inside("process", listed, dir="local").code == 0
        told = scrape.inside(listed, dir="local")
        assert told.code == 2
        assert "holds what was made of files of this machine" in told.stderr
        assert scrape.inside(dir="local").code == 2
        told = scrape.inside("process", listed)
        assert told.code == 2
        assert "belongs to a list of URLs" in told.stderr
    kinds = {each["error_kind"] for each in done.records}
    assert kinds == {"bad_scheme", "bad_redirect", None}
    assert len(done.records) == 4, "the page names no picture"
    kept = filter(Path.is_file, done.folder.rglob("*"))
    assert not any(b"a secret" in each.read_bytes() for each in kept)


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_cost_nothing_and_repeat_nothing(
    seed: int, tmp_path: Path
) -> None:
    for number in range(PICTURES):
        _draw(tmp_path / "in" / f"{number % 7}" / f"{number}.jpg", number)
    draw = random.Random(seed)
    folder, starts, code = tmp_path / "run", 0, -9
    while code == -9:
        starts += 1
        code = _killed_after(tmp_path, draw.randint(2, 25) if starts < 5 else 0)
    assert code == 0
    assert starts > 1
    records = filled_of(folder)
    assert sorted(each["index"] for each in records) == [
        *range(1, PICTURES + 1)
    ]
    for each in records:
        (made,) = each["processed"]
        content = (folder / made["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == made["sha256"]
    assert _count(folder / "processed") == PICTURES, (
        "and nothing else lies there"
    )


def _killed_after(folder: Path, more: int) -> int:
    """Run, and kill the whole group once so many more results are there; 0: let it end."""
    before = _count(folder / "run" / "processed")
    process = subprocess.Popen(
        [sys.executable, "-m", "scraper", "process", "in", "-d", "run", "-p", "2",
         "-q", "--resize", "100"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        start_new_session=True,
    )  # fmt: skip
    pause = threading.Event()
    while more and process.poll() is None:
        if _made(folder / "run") >= before + more:
            os.killpg(process.pid, signal.SIGKILL)
            break
        pause.wait(0.01)
    return process.wait(60)


def _made(run: Path) -> int:
    """How many results lie there, committed or not."""
    parts = (run / ".scraper" / "parts").rglob("*.v0")
    return len(list(parts)) + _count(run / "processed")


def _count(folder: Path) -> int:
    return len(list(filter(Path.is_file, folder.rglob("*"))))


def test_a_script_has_the_files_as_outcomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _draw(tmp_path / "in" / "a.jpg", 1)
    (tmp_path / "in" / "b.txt").write_text("b")
    config = scraper.configure(dir=tmp_path / "run", processes=1, resize="60")
    for is_stored in (False, True):
        with scraper.process(tmp_path / "in", config) as run:
            outcomes = {Path(each.record["path"]).name: each for each in run}
        assert set(outcomes) == {"a.jpg", "b.txt"}
        assert {each.stored for each in outcomes.values()} == {is_stored}
        assert outcomes["b.txt"].body == b"b"
        original, small = outcomes["a.jpg"].files
        assert original == tmp_path / "in" / "a.jpg"
        assert small.is_file()
    with pytest.raises(scraper.UsageError, match="no such file or folder"):
        scraper.process(["in/*.jpg", "nowhere"], config)


@pytest.mark.parametrize("paths", [7, None, ["in", 7], [None]])
def test_what_is_no_path_is_refused_in_a_sentence(paths: Any) -> None:
    with pytest.raises(
        scraper.UsageError, match=r"takes paths, and .* is none"
    ):
        scraper.process(paths)


@pytest.mark.skipif(sys.platform == "darwin", reason="names there are UTF-8")
def test_a_name_that_is_no_text_is_that_of_a_file_like_any_other(
    scrape: Scrape,
) -> None:
    folder = scrape.folder / "in"
    picture = folder / os.fsdecode(b"caf\xe9.jpg")
    _draw(picture, 1)
    done = scrape.inside("process", "in", "--resize", "60")
    assert done.code == 0
    (record,) = done.records
    assert record["path"] == f"{folder}/caf\\xe9.jpg"
    assert scrape.inside("verify", "run", dir=None).code == 0
    config = scraper.configure(dir=done.folder, resize="60", save_only=True)
    with scraper.process(folder, config) as run:
        (outcome,) = run
    assert outcome.stored
    assert outcome.body == picture.read_bytes()
    assert outcome.files[0] == picture
    picture.write_bytes(b"another")
    told = scrape.inside("verify", "run", dir=None)
    assert told.code == 3
    assert "size" in told.stdout + told.stderr
