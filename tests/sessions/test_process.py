"""`Session.process`: a file of this machine beside URLs."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, page, redirect, robots
from scraper.run_folder.verification import verify


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    answers = {
        "/robots.txt": robots("User-agent: *\nDisallow: /home\n"),
        "/": page("<title>Out there</title>"),
        "/go": redirect("file:///etc/hostname"),
        "/names": page("<img src=file:///etc/hostname.png>"),
        "/*": body(b"plain", "text/plain"),
    }
    with FaultyServer(answers) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, server: FaultyServer) -> Path:
    """A folder of the user's, with files that name what is out there."""
    home = tmp_path / "home"
    home.mkdir()
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "PNG")
    (home / "a b?.png").write_bytes(picture.getvalue())
    far = server.url("/far.png")
    (home / "page.html").write_text(
        f"<title>Here</title><img src='{far}'>"
        f"<meta http-equiv=refresh content='0; url={far}'>"
    )
    (home / "link.png").symlink_to("a b?.png")
    return home


def _session(tmp_path: Path, *, dir: bool, inline: bool) -> scraper.Session:
    return scraper.Session(
        dir=str(tmp_path / "run") if dir else "",
        processes=1,
        inline=inline,
        resize="90",
        page_images="all",
        meta_refresh=True,
    )


def _bytes_of(home: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in home.iterdir()}


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("dir", [True, False])
def test_files_and_urls_are_processed_side_by_side(
    server: FaultyServer,
    home: Path,
    tmp_path: Path,
    *,
    dir: bool,
    inline: bool,
) -> None:
    before = _bytes_of(home)
    with _session(tmp_path, dir=dir, inline=inline) as session:
        futures = {
            "there": session.submit(server.url("/")),
            "picture": session.process(home / "a b?.png"),
            "page": session.process(str(home / "page.html")),
            "link": session.process(home / "link.png"),
            "nowhere": session.process(home / "none.png"),
            "folder": session.process(home),
        }
        done = {name: each.result(30) for name, each in futures.items()}
        picture = done["picture"]
        original, small = picture.files
        with Image.open(small) as made:
            assert made.size == (90, 60)
        assert original == home / "a b?.png"
        assert picture.body == before["a b?.png"]
        assert picture.record["path"] == str(home / "a b?.png")
    assert done["there"].record["title"] == "Out there"
    assert done["page"].record["title"] == "Here"
    kinds = {
        name: each.failure.kind for name, each in done.items() if each.failure
    }
    assert kinds == dict.fromkeys(
        ("link", "nowhere", "folder"), "file_unreadable"
    )
    paths = {each.path for each in server.seen}
    assert paths == {"/robots.txt", "/"}, "no file has a host asked"
    assert _bytes_of(home) == before
    if dir:
        faults: list[object] = []
        verify(tmp_path / "run", faults.append)
        assert faults == []


def test_what_a_folder_knows_is_not_read_again_but_changes_are(
    home: Path, tmp_path: Path
) -> None:
    path = home / "a b?.png"

    def take(*, refresh: bool) -> scraper.Outcome:
        with scraper.Session(
            dir=str(tmp_path / "run"), resize="90", refresh=refresh
        ) as session:
            return session.process(path).result(30)

    assert take(refresh=False).state == "done"
    again = take(refresh=False)
    assert (again.state, again.stored) == ("done", True)
    assert take(refresh=True).state == "unchanged"
    Image.new("RGB", (300, 100), "red").save(path)
    changed = take(refresh=True)
    assert (changed.state, changed.record["height"]) == ("done", 30)


@pytest.mark.parametrize("dir", [True, False])
def test_nobody_but_who_has_the_path_can_name_a_file(
    server: FaultyServer, tmp_path: Path, *, dir: bool
) -> None:
    with _session(tmp_path, dir=dir, inline=False) as session:
        asked = session.submit("file:///etc/hostname").result(30)
        sent_on = session.submit(server.url("/go")).result(30)
        named = session.submit(server.url("/names")).result(30)
    assert asked.failure is not None
    assert asked.failure.kind == "bad_scheme"
    assert sent_on.failure is not None
    assert sent_on.failure.kind == "bad_redirect"
    assert named.state == "done"
    if dir:
        records = list(scraper.records(tmp_path / "run"))
        assert not [each for each in records if "hostname" in str(each["path"])]


def test_one_path_is_read_once_however_it_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    with scraper.Session(save_only=True) as session:
        futures = [
            session.process(path)
            for path in ("page.html", "./page.html", home / "page.html")
        ]
        states = {future.result(30).state for future in futures}
    assert states == {"done"}


@pytest.mark.skipif(
    os.name != "posix", reason="names of files are bytes only there"
)
def test_a_name_may_be_no_text(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.txt")
    with open(name, "wb") as file:
        file.write(b"tea")
    with scraper.Session() as session:
        outcome = session.process(os.fsdecode(name)).result(30)
        assert outcome.body == b"tea"


@pytest.mark.parametrize("wrong", [7, None, "", "a\0b"])
def test_what_is_no_path_is_refused(wrong: object) -> None:
    with (
        scraper.Session(save_only=True) as session,
        pytest.raises(scraper.UsageError, match=r"process\("),
    ):
        session.process(wrong)  # type: ignore[arg-type]  # what a script may give


def test_a_closed_session_takes_no_file(home: Path) -> None:
    with scraper.Session(save_only=True) as session:
        pass
    with pytest.raises(scraper.UsageError, match="closed"):
        session.process(home / "page.html")
