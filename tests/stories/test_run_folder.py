"""What lies in a run folder and is not ours: never followed, never overwritten, never cut."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper import journal
from scraper.cli import main
from scraper.errors import LocalFault, UsageError, new_failure
from scraper.faulty import Exchange, FaultyServer, body, page, status
from scraper.sinks.summary_file import SummaryFile
from scraper.storage.ledger import Ledger
from tests.conftest import Scrape, Scraped

posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")
ARGUMENTS = ("--robots", "off", "--no-progress")
FILES = ("records.jsonl", "errors.jsonl", "run.log", "summary.json", ".scraper/lock",
         ".scraper/ledger.sqlite", ".scraper/ledger.sqlite-wal")  # fmt: skip
FOLDERS = (
    ".scraper",
    ".scraper/parts",
    "pages",
    "images",
    "files",
    "processed",
)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer({"/a": page("a"), "/b": page("b")}) as server:
        yield server


@pytest.fixture
def names(scrape: Scrape, server: FaultyServer) -> str:
    return scrape.list_of(
        server.url("/a"), server.url("/b"), server.url("/missing")
    )


def _refused(done: Scraped, path: str, server: FaultyServer) -> None:
    """One clear line, exit 2, before any request."""
    assert done.code == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert path in line, line
    assert "choose another --dir" in line
    assert server.count() == 0


# -- links and special files -------------------------------------------------------------------


def _link(path: Path) -> None:
    path.symlink_to(
        path.parents[len(path.parts) - 1 - path.parts.index("run")] / "mine"
    )


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


SPECIAL: dict[str, Callable[[Path], None]] = {
    "link": _link,
    "dangling link": _dangling,
    "named pipe": os.mkfifo,
    "folder": Path.mkdir,
}


@posix
@pytest.mark.parametrize("what", SPECIAL)
@pytest.mark.parametrize("name", FILES)
def test_what_lies_in_the_place_of_a_file_is_refused(
    name: str, what: str, scrape: Scrape, names: str, server: FaultyServer
) -> None:
    mine = scrape.folder / "mine"
    mine.write_text("{}\n")
    place = scrape.folder / "run" / name
    place.parent.mkdir(parents=True)
    SPECIAL[what](place)
    _refused(scrape.here(names, *ARGUMENTS), name, server)
    assert mine.read_text() == "{}\n"
    assert not (scrape.folder / "run" / "nowhere").exists()


@posix
@pytest.mark.parametrize(
    "what", ["link", "dangling link", "named pipe", "file"]
)
@pytest.mark.parametrize("name", FOLDERS)
def test_what_lies_in_the_place_of_a_folder_is_refused(
    name: str, what: str, scrape: Scrape, names: str, server: FaultyServer
) -> None:
    mine = scrape.folder / "mine"
    mine.mkdir()
    place = scrape.folder / "run" / name
    place.parent.mkdir(parents=True)
    (SPECIAL | {"file": Path.touch})[what](place)
    _refused(scrape.here(names, *ARGUMENTS), name, server)
    assert list(mine.iterdir()) == []


@posix
def test_the_run_folder_itself_may_be_a_link(
    scrape: Scrape, names: str
) -> None:
    (scrape.folder / "disk").mkdir()
    (scrape.folder / "run").symlink_to("disk")
    assert scrape.here(names, *ARGUMENTS).code == 3
    assert (
        len(
            (scrape.folder / "disk" / "records.jsonl").read_bytes().splitlines()
        )
        == 3
    )
    told = scrape.inside("status", "run", dir=None)
    assert told.code == 0, told.stderr


@posix
def test_a_run_folder_that_leads_nowhere_is_told(
    scrape: Scrape, names: str, server: FaultyServer
) -> None:
    (scrape.folder / "run").symlink_to("gone/disk")
    _refused(scrape.here(names, *ARGUMENTS), "run", server)


@posix
@pytest.mark.parametrize(
    "kind", ["link", "dangling link", "named pipe", "file"]
)
def test_what_appears_during_a_run_in_the_place_of_a_folder_is_not_followed(
    kind: str, scrape: Scrape
) -> None:
    """The run stops, says why, and loses nothing: once it is gone the same command goes on."""
    mine = scrape.folder / "mine"
    mine.mkdir()
    host = scrape.folder / "run" / "pages" / "127.0.0.1"

    def answer(exchange: Exchange) -> None:
        if exchange.seen.path == "/b" and not host.is_symlink():
            if host.exists():
                shutil.rmtree(host)
            host.parent.mkdir(exist_ok=True)
            (SPECIAL | {"file": Path.touch})[kind](host)
        page("text")(exchange)

    with FaultyServer(answer) as server:
        port = server.url("/").split(":")[2].strip("/")
        host = host.with_name(f"127.0.0.1_{port}")
        names = scrape.list_of(server.url("/b"))
        stopped = scrape.here(names, *ARGUMENTS)
        assert stopped.code == 5, stopped.stderr
        assert f"{host.relative_to(scrape.folder)} is a" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        assert list(mine.iterdir()) == []
        host.unlink()
        done = scrape.here(names, *ARGUMENTS)
        assert done.code == 0, done.stderr
        assert server.count("/b") == 1, (
            "what was recorded is there: it is only put in its place"
        )
    assert [each["state"] for each in done.records] == ["done"]
    assert (done.folder / done.records[0]["path"]).read_bytes() == b"text"


@posix
def test_a_body_of_an_earlier_pass_that_became_a_link_is_not_read(
    scrape: Scrape,
) -> None:
    """No condition is sent, so the page comes anew and takes the place of the link."""
    tagged = page("text", [("ETag", '"1"')])
    with FaultyServer({"/a": tagged}) as server:
        names = scrape.list_of(server.url("/a"))
        first = scrape.here(names, *ARGUMENTS)
        body = first.folder / first.records[0]["path"]
        secret = scrape.folder / "secret"
        secret.write_text("secret")
        body.unlink()
        body.symlink_to(secret)
        again = scrape.here(names, "--refresh", *ARGUMENTS)
        assert "if-none-match" not in server.seen[-1].headers
    assert again.code == 0, again.stderr
    assert again.records[-1]["state"] == "done"
    assert body.read_text() == "text"
    assert secret.read_text() == "secret"


# -- files of somebody else --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["records.jsonl", "errors.jsonl", "summary.json"]
)
def test_a_file_that_no_ledger_knows_is_refused_and_left_as_it_is(
    name: str, scrape: Scrape, names: str, server: FaultyServer
) -> None:
    own = scrape.folder / "run" / name
    own.parent.mkdir()
    own.write_text('{"my": "own"}\n')
    _refused(scrape.here(names, *ARGUMENTS), name, server)
    assert own.read_text() == '{"my": "own"}\n'
    if name != "summary.json":
        assert os.listdir(own.parent) == [name], (
            "nothing was put into somebody else's folder"
        )


def test_records_whose_ledger_is_gone_are_not_cut(
    scrape: Scrape, names: str, server: FaultyServer
) -> None:
    first = scrape.here(names, *ARGUMENTS)
    files = ("records.jsonl", "errors.jsonl", "run.log", "summary.json")
    before = {name: (first.folder / name).read_bytes() for name in files}
    asked = server.count()
    shutil.rmtree(first.folder / ".scraper")
    for _ in range(2):  # nor by trying again
        refused = scrape.here(names, *ARGUMENTS)
        assert refused.code == 2
        (line,) = refused.stderr.splitlines()
        assert "--adopt" in line
        assert "records.jsonl" in line
    assert server.count() == asked
    assert {
        name: (first.folder / name).read_bytes() for name in files
    } == before


def test_an_empty_file_is_nobodys(scrape: Scrape, names: str) -> None:
    (scrape.folder / "run").mkdir()
    for name in ("records.jsonl", "errors.jsonl", "summary.json"):
        (scrape.folder / "run" / name).touch()
    assert scrape.here(names, *ARGUMENTS).code == 3


@pytest.mark.parametrize("name", ["records.jsonl", "errors.jsonl"])
def test_lines_that_somebody_added_are_not_cut(
    name: str, scrape: Scrape, names: str
) -> None:
    first = scrape.here(names, *ARGUMENTS)
    with (first.folder / name).open("a") as file:
        file.write('{"my": "own"}\n')
    before = (first.folder / name).read_bytes()
    again = scrape.here(names, *ARGUMENTS)
    assert again.code == 2
    (line,) = again.stderr.splitlines()
    assert f"{name} is longer" in line
    assert (first.folder / name).read_bytes() == before


def test_lines_that_a_killed_run_left_behind_are_cut(
    scrape: Scrape, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were written and not committed: their URLs are asked again."""

    def dies(self: Ledger, *_: object) -> None:
        if self.position("records.jsonl") not in (None, "0"):
            raise LocalFault(new_failure("disk_error", "as a kill"))
        commit(self)

    commit = Ledger.commit
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", dies)
        killed = scrape.here(names, *ARGUMENTS)
    assert killed.code == 5
    assert killed.records, "written, but not committed"
    done = scrape.here(names, *ARGUMENTS)
    assert done.code == 3, done.stderr
    assert len(done.records) == len(done.by_url()) == 3


def test_a_log_that_was_there_before_is_appended_to(
    scrape: Scrape, names: str
) -> None:
    log = scrape.folder / "run" / "run.log"
    log.parent.mkdir()
    log.write_text("a line of my own\nand one that is cut o")
    assert scrape.here(names, *ARGUMENTS).code == 3
    lines = log.read_text().splitlines()
    assert lines[:2] == ["a line of my own", "and one that is cut o"]
    assert len(lines) == 5


# -- logs that are rotated ---------------------------------------------------------------------


def _gone(path: Path) -> None:
    path.unlink()


def _rotated(path: Path) -> None:
    path.rename(path.with_name("old"))


def _cut(path: Path) -> None:
    path.write_bytes(b"")


ROTATIONS = {"removed": _gone, "renamed": _rotated, "copytruncate": _cut}


@pytest.mark.parametrize("how", ROTATIONS)
def test_a_log_that_was_rotated_between_runs_begins_anew(
    how: str, scrape: Scrape, names: str
) -> None:
    first = scrape.here(names, *ARGUMENTS)
    ROTATIONS[how](first.folder / "run.log")
    again = scrape.here(names, "--retry", *ARGUMENTS)
    assert again.code in (3, 4), again.stderr
    (line,) = (first.folder / "run.log").read_text().splitlines()
    assert "/missing" in line


@pytest.mark.parametrize("how", ROTATIONS)
def test_errors_that_were_rotated_between_runs_are_made_again(
    how: str, scrape: Scrape, names: str
) -> None:
    first = scrape.here(names, *ARGUMENTS)
    before = (first.folder / "errors.jsonl").read_bytes()
    assert before
    ROTATIONS[how](first.folder / "errors.jsonl")
    assert scrape.here(names, *ARGUMENTS).stderr.count("shorter") == 0
    assert (first.folder / "errors.jsonl").read_bytes() == before


def _during(
    scrape: Scrape, act: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> Scraped:
    """A run of three URLs, a commit each; `act` is done to its folder before the last answer."""
    monkeypatch.setattr(journal, "BATCH", 1)
    folder = scrape.folder / "run"

    def answer(exchange: Exchange) -> None:
        if exchange.seen.path == "/last":
            # No answer of before is under way any more: with one thread they are all recorded.
            act(folder)
        status(404)(exchange)

    with FaultyServer(answer) as server:
        names = scrape.list_of(
            *(server.url(path) for path in ("/1", "/2", "/last"))
        )
        return scrape.here(names, *ARGUMENTS, "-j", "1")


@posix
@pytest.mark.parametrize("how", ROTATIONS)
def test_a_log_that_is_rotated_during_a_run_is_reopened(
    how: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _during(
        scrape, lambda folder: ROTATIONS[how](folder / "run.log"), monkeypatch
    )
    assert done.code == 4, done.stderr
    last = (done.folder / "run.log").read_text()
    assert "/last" in last
    assert last.endswith("\n")
    assert "\0" not in last
    if how == "renamed":
        assert "/last" not in (done.folder / "old").read_text()


@posix
@pytest.mark.parametrize("how", ROTATIONS)
def test_errors_that_are_rotated_during_a_run_are_made_again(
    how: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _during(
        scrape,
        lambda folder: ROTATIONS[how](folder / "errors.jsonl"),
        monkeypatch,
    )
    assert done.code == 4, done.stderr
    errors = (done.folder / "errors.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["url"] for line in errors] == [
        each["url"] for each in done.records
    ]
    assert len(errors) == 3


@posix
@pytest.mark.parametrize("how", ROTATIONS)
def test_records_that_are_taken_away_during_a_run_stop_it(
    how: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _during(
        scrape,
        lambda folder: ROTATIONS[how](folder / "records.jsonl"),
        monkeypatch,
    )
    assert done.code == 5
    assert "records.jsonl was" in done.stderr
    assert "put it back" in done.stderr
    assert "Traceback" not in done.stderr


@posix
@pytest.mark.parametrize("name", ["records.jsonl", "errors.jsonl", "run.log"])
def test_a_link_that_takes_the_place_of_a_file_during_a_run_is_not_followed(
    name: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = scrape.folder / "mine"
    mine.write_text("{}\n")

    def swap(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(mine)

    done = _during(scrape, swap, monkeypatch)
    assert done.code == 5, done.stderr
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert mine.read_text() == "{}\n"


@pytest.mark.parametrize("how", ["removed", "copytruncate"])
def test_records_that_lost_something_are_worth_a_stop_that_says_how_to_go_on(
    how: str, scrape: Scrape, names: str
) -> None:
    first = scrape.here(names, *ARGUMENTS)
    ROTATIONS[how](first.folder / "records.jsonl")
    again = scrape.here(names, *ARGUMENTS)
    assert again.code == 2
    (line,) = again.stderr.splitlines()
    assert "put it back" in line
    assert "--adopt" in line
    assert "another --dir" in line


# -- rights and room ---------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_all_files_have_the_rights_that_the_umask_leaves(
    umask: int, scrape: Scrape
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (600, 10)).save(picture, "PNG")
    site = {
        "/a": page("<title>a</title>"),
        "/b": body(picture.getvalue(), "image/png"),
    }
    before = os.umask(umask)
    try:
        with FaultyServer(site) as server:
            names = scrape.list_of(server.url("/a"), server.url("/b"))
            done = scrape(names, "-p", "1", *ARGUMENTS)
    finally:
        os.umask(before)
    assert done.code == 0, done.stderr
    ours = [
        path for path in done.folder.rglob("*") if ".scraper" not in path.parts
    ]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in ours}
    assert {path.parts[-3] for path in modes if path.is_file()} >= {
        "pages",
        "images",
        "processed",
    }
    for path, mode in modes.items():
        assert mode == (0o777 if path.is_dir() else 0o666) & ~umask, path
    assert (
        stat.S_IMODE((done.folder / ".scraper").stat().st_mode)
        == 0o700 & ~umask
    )


@pytest.mark.parametrize("call", ["replace", "mkdir"])
def test_a_right_that_is_missing_names_what_it_is_missing_for(
    call: str, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root has every right, so the system is played."""
    real = getattr(os, call)

    def refuse(path: Any, *rest: Any, **keys: Any) -> Any:
        if path == "pages" or str(path).endswith(".part"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *rest, **keys)

    with FaultyServer({"/a": page("a")}) as server:
        names = scrape.list_of(server.url("/a"))
        monkeypatch.setattr(os, call, refuse)
        done = scrape.here(names, *ARGUMENTS)
    assert done.code == 5
    assert "Permission denied" in done.stderr
    assert f"run{os.sep}pages" in done.stderr
    assert ".part" not in done.stderr


FULL = (errno.ENOSPC, errno.EDQUOT)


@pytest.mark.parametrize("number", FULL)
@pytest.mark.parametrize(
    "name", ["run", ".scraper", "lock", "ledger.sqlite", "records.jsonl"]
)
def test_a_disk_that_is_full_from_the_start_is_a_fault_of_this_machine(
    name: str,
    number: int,
    scrape: Scrape,
    names: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the moment at which `name` is made nothing can be made any more."""
    room = [True]

    def scarce(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **keys: Any) -> Any:
            makes = real is os.mkdir or (rest and rest[0] & os.O_CREAT)
            inside = (
                str(scrape.folder) in os.path.abspath(path)
                or keys.get("dir_fd") is not None
            )
            room[0] = room[0] and not (makes and os.path.basename(path) == name)
            if makes and inside and not room[0]:
                raise OSError(number, os.strerror(number), path)
            return real(path, *rest, **keys)

        return call

    def connect(path: Any, **keys: Any) -> Any:
        room[0] = room[0] and name != "ledger.sqlite"
        if not room[0]:
            raise sqlite3.OperationalError("unable to open database file")
        return real_connect(path, **keys)

    real_connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect)
    monkeypatch.setattr(os, "open", scarce(os.open))
    monkeypatch.setattr(os, "mkdir", scarce(os.mkdir))
    done = scrape.here(names, *ARGUMENTS)
    assert done.code == 5, done.stderr
    (line,) = done.stderr.splitlines()
    assert "no space left on the disk" in line


# -- temporary folders -------------------------------------------------------------------------


@pytest.fixture
def no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """None can be made anywhere."""

    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError(
            errno.ENOENT, "No usable temporary directory found in ['/tmp']"
        )

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    monkeypatch.setattr(tempfile, "gettempdir", refuse)


def test_explain_without_a_temporary_folder_says_what_to_do(
    scrape: Scrape,
    no_temporary_folder: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "http://127.0.0.1:8000/"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "No usable temporary directory" in line
    assert "set TMPDIR" in line


@posix
def test_a_long_name_of_the_temporary_folder_is_no_hindrance(
    scrape: Scrape, server: FaultyServer
) -> None:
    """A socket's path may have some 100 bytes."""
    names = scrape.list_of(server.url("/a"))
    long = scrape.folder / ("x" * 120)
    long.mkdir()
    done = scrape(
        names, "-p", "1", *ARGUMENTS, environment={"TMPDIR": str(long)}
    )
    assert done.code == 0, done.stderr
    assert done.records[0]["text"] == "a"


@posix
def test_a_temporary_folder_that_does_not_exist_is_no_hindrance(
    scrape: Scrape, server: FaultyServer
) -> None:
    names = scrape.list_of(server.url("/a"))
    done = scrape(
        names, "-p", "1", *ARGUMENTS, environment={"TMPDIR": "/nowhere"}
    )
    assert done.code == 0, done.stderr


# -- summary.json -----------------------------------------------------------------------------


def test_a_folder_into_which_nothing_can_be_put_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = scraper.configure(
        dir=str(tmp_path / "run"), robots="off", save_only=True
    )
    with FaultyServer({"/": page("x"), "/b": page("y")}) as server:
        assert scraper.run([server.url("/")], config).done == 1
        before = (tmp_path / "run" / "summary.json").read_bytes()
        real = os.access

        # root may write everywhere
        def access(path: Any, mode: int, **keys: Any) -> bool:
            return Path(path) != tmp_path / "run" and real(path, mode, **keys)

        monkeypatch.setattr(os, "access", access)
        with pytest.raises(
            UsageError, match=r"summary\.json could not be renewed"
        ):
            scraper.run([server.url("/b")], config)
        assert len(server.seen) == 1
    assert (tmp_path / "run" / "summary.json").read_bytes() == before


def test_a_summary_that_cannot_be_renewed_is_called_an_old_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = scraper.configure(
        dir=str(tmp_path / "run"), robots="off", save_only=True
    )

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with FaultyServer({"/": page("x"), "/b": page("y")}) as server:
        with monkeypatch.context() as patch:
            patch.setattr(SummaryFile, "write", full)
            scraper.run([server.url("/")], config)
        scraper.run([server.url("/")], config)
        with monkeypatch.context() as patch:
            patch.setattr(SummaryFile, "write", full)
            scraper.run([server.url("/b")], config)
    first, second = [
        each.getMessage()
        for each in caplog.records
        if "summary" in each.message
    ]
    assert "an earlier run" not in first
    assert second.endswith("summary.json is that of an earlier run")
