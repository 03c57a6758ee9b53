"""Below a folder only regular files and real folders are opened, and no link is followed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scraper.errors import LocalFault, UsageError
from scraper.machine import files
from scraper.machine.files import Folder, NotPlain, open_folder, opening

posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")


@pytest.fixture(params=["by descriptor", "by name"])
def folder(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Folder]:
    """An open folder, also where the system opens nothing by descriptor."""
    if request.param == "by name":
        monkeypatch.setattr(files, "BY_DESCRIPTOR", False)
    (tmp_path / "run").mkdir()
    with open_folder(tmp_path / "run") as opened:
        yield opened


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(path.parent)  # its whole path may be too long for a socket
        try:
            listener.bind(path.name)
        finally:
            os.chdir(before)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a link": lambda path: path.symlink_to(path.parent.parent / "target"),
    "a named pipe": os.mkfifo,
    "a socket": _socket,
}


@posix
@pytest.mark.parametrize("word", SPECIAL)
def test_what_is_no_file_is_not_opened_as_one(
    word: str, folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "target").write_text("mine")
    SPECIAL[word](folder.path / "x")
    for use in (folder.open_file, folder.open_reader, folder.check_file):
        with pytest.raises(
            NotPlain, match=rf"run/x is {word} where this program keeps a file"
        ):
            use("x")
    with pytest.raises(OSError, match="x"):
        folder.create_file("x")
    assert not folder.has_file("x")
    assert (tmp_path / "target").read_text() == "mine"


@posix
@pytest.mark.parametrize("word", SPECIAL)
def test_what_is_no_folder_is_not_entered(
    word: str, folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "target").mkdir()
    SPECIAL[word](folder.path / "x")
    for path in ("x", "x/y"):
        with pytest.raises(
            NotPlain,
            match=rf"run/x is {word} where this program keeps a folder",
        ):
            folder.open_below(path, create=True)
    assert list((tmp_path / "target").iterdir()) == []
    assert folder.folder_names() == []


def test_a_folder_is_no_file_and_a_file_no_folder(folder: Folder) -> None:
    (folder.path / "d").mkdir()
    (folder.path / "f").write_text("")
    with pytest.raises(NotPlain, match="d is a folder where"):
        folder.open_file("d")
    with pytest.raises(NotPlain, match="f is a file where"):
        folder.open_below("f", create=True)


def test_a_folder_is_made_where_it_is_missing_and_only_if_asked(
    folder: Folder,
) -> None:
    with pytest.raises(FileNotFoundError):
        folder.open_below("a/b")
    with (
        folder.open_below("a/b", create=True) as made,
        made.open_file("x") as file,
    ):
        file.write(b"1")
    with folder.open_below("a/b") as again, again.open_file("x") as file:
        file.write(b"2")
    assert (folder.path / "a/b/x").read_bytes() == b"12"
    assert folder.folder_names() == ["a"]


@posix
def test_a_file_takes_the_place_of_a_link_and_not_of_its_target(
    folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "target").write_text("mine")
    (folder.path / "x").symlink_to(tmp_path / "target")
    with folder.open_below("parts", create=True) as parts:
        parts.create_file("1").close()
        folder.move_in(parts, "1", "x")
    assert (folder.path / "x").read_text() == ""
    assert not (folder.path / "x").is_symlink()
    assert (tmp_path / "target").read_text() == "mine"


def test_a_file_that_cannot_take_its_place_names_that_place(
    folder: Folder,
) -> None:
    (folder.path / "x").mkdir()
    with folder.open_below("parts", create=True) as parts:
        parts.create_file("1").close()
        with pytest.raises(NotPlain, match="run/x is a folder"):
            folder.move_in(parts, "1", "x")
        with pytest.raises(FileNotFoundError) as caught:
            folder.move_in(parts, "2", "y")
    assert caught.value.filename == str(folder.path / "parts" / "2")


@posix
def test_a_link_is_the_very_file_that_was_found_or_none(
    folder: Folder, tmp_path: Path
) -> None:
    with folder.open_below("a/b", create=True) as inner:
        inner.create_file("x").close()
    found = os.stat(folder.path / "a/b/x")
    with folder.open_below("parts", create=True) as parts:
        for name in ("1", "2"):
            parts.create_file(name).close()
        parts.link_in(folder, "a/b/x", found, "1")
        assert os.path.samestat(os.stat(parts.path / "1"), found)
        # Another one lies there by now, behind a link to a folder.
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "x").write_text("mine")
        (folder.path / "a" / "b").rename(tmp_path / "moved")
        (folder.path / "a" / "b").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileNotFoundError, match="another file by now"):
            parts.link_in(folder, "a/b/x", found, "2")
        assert sorted(os.listdir(parts.path)) == ["1", "2"]
        assert (parts.path / "2").stat().st_nlink == 1
    assert (tmp_path / "elsewhere" / "x").stat().st_nlink == 1


def test_removing_is_done_when_it_is_gone(folder: Folder) -> None:
    (folder.path / "x").write_text("")
    folder.remove_file("x")
    folder.remove_file("x")
    with folder.open_below("a/b", create=True):
        pass
    folder.remove_tree("a")
    assert list(folder.path.iterdir()) == []


def test_a_folder_is_removed_if_nothing_lies_in_it(folder: Folder) -> None:
    with folder.open_below("a/b", create=True):
        folder.remove_empty("a")
    with folder.open_below("a") as inner:
        inner.remove_empty("b")
    folder.remove_empty("a")
    folder.remove_empty("a")
    assert list(folder.path.iterdir()) == []


@posix
def test_a_file_is_there_if_it_is_regular_and_no_link_leads_to_it(
    folder: Folder, tmp_path: Path
) -> None:
    (folder.path / "pages" / "host").mkdir(parents=True)
    (folder.path / "pages" / "host" / "a.html").write_text("a")
    (folder.path / "linked").symlink_to(folder.path / "pages")
    (tmp_path / "outside").write_text("mine")
    places = ("pages/host/a.html", "pages/host/b.html", "pages/host", "pages/none/a.html",
              "linked/host/a.html", "pages/../pages/host/a.html", "../outside",
              "pages//host/a.html", "pages/host/a.html/b", "")  # fmt: skip
    assert [place for place in places if folder.has_file(place)] == [places[0]]


@posix
def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to("real")
    with open_folder(tmp_path / "run") as opened, opened.open_file("x") as file:
        file.write(b"1")
    assert (tmp_path / "real" / "x").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (PermissionError(13, "Permission denied", "run/x"), UsageError),
        (NotPlain("run/x is a link"), UsageError),
        (OSError(28, "No space left on device"), LocalFault),
        (OSError(122, "Disk quota exceeded"), LocalFault),
        (OSError(24, "Too many open files"), LocalFault),
    ],
)
def test_what_is_met_at_the_opening_is_a_matter_of_use_or_of_this_machine(
    error: OSError, raised: type[Exception]
) -> None:
    with pytest.raises(raised) as caught, opening("run"):
        raise error
    assert "\n" not in str(caught.value)
    assert error.filename is None or error.filename in str(caught.value)
