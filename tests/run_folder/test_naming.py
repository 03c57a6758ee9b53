"""Which folder a run gets if nobody names one, and that a temporary one does not stay."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.errors import LocalFault, UsageError
from scraper.faulty import FaultyServer, page, status
from scraper.run_folder.naming import (
    TEMPORARY,
    folder_named_after,
    temporary_folder,
)
from scraper.runner import Run
from scraper.sources.source import (
    Pipe,
    Source,
    file_source,
    given_source,
    script_source,
)
from scraper.urls import digest
from tests.conftest import PROJECT, Scrape

SITE = {"/robots.txt": status(404), "/*": page("here")}
PATIENCE = 30.0


def name_of(source: Source) -> str:
    folder = folder_named_after(source)
    assert folder is not None
    assert folder.parent == Path("downloads")
    return folder.name


def piped(*lines: str) -> Source:
    pipe = Pipe(lambda: iter(lines))
    return Source("stdin", "stdin", pipe.lines, live=True, ahead=pipe.ahead)


def ten_of(*urls: str) -> str:
    return digest("\n".join(urls)).hex()[:10]


# -- names ------------------------------------------------------------------------------------


def test_a_file_names_its_folder(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("example.com\n")
    assert name_of(file_source(str(tmp_path / "urls.txt"))) == "urls"


def test_urls_of_the_command_line_name_it_by_the_first_host_and_all_urls() -> (
    None
):
    one, other = "https://example.com/a", "https://example.org/b"
    assert name_of(given_source([one])) == f"example.com-{ten_of(one)}"
    assert (
        name_of(given_source([one, other]))
        == f"example.com-{ten_of(one, other)}"
    )
    assert name_of(given_source(["HTTPS://Example.com:443/a#b"])) == name_of(
        given_source([one])
    )
    assert name_of(given_source(["https://[::1]:8080/a"])).startswith(
        "___1__8080-"
    )


def test_what_is_no_url_still_names_a_folder() -> None:
    assert re.fullmatch(
        r"command-line-[0-9a-f]{10}", name_of(given_source(["ftp://x"]))
    )
    assert re.fullmatch(r"stdin-[0-9a-f]{10}", name_of(piped()))


def test_standard_input_names_it_by_its_first_url() -> None:
    first = f"stdin-{ten_of('https://example.com/a')}"
    assert (
        name_of(
            piped("# a comment\n", "\n", "example.com/a\n", "example.com/b\n")
        )
        == first
    )
    assert name_of(piped("https://example.com/a\n", "example.com/c\n")) == first
    assert name_of(piped("https://example.com/b\n")) != first


def test_a_pipe_with_a_number_for_a_name_is_called_a_pipe() -> None:
    pipe = Pipe(lambda: iter(["https://example.com/a"]))
    source = Source("/dev/fd/63", "file:/proc/7/fd/pipe:[8]", pipe.lines, live=True,
                    ahead=pipe.ahead)  # fmt: skip
    assert name_of(source) == f"pipe-{ten_of('https://example.com/a')}"


def test_urls_of_a_script_name_no_folder() -> None:
    def never() -> Iterator[str]:
        raise AssertionError("the next may wait for what came of the last")
        yield ""

    assert folder_named_after(script_source(never())) is None


# -- the command line -------------------------------------------------------------------------


def folders(scrape: Scrape) -> list[Path]:
    return sorted((scrape.folder / "downloads").iterdir())


def test_two_commands_with_urls_have_two_folders(scrape: Scrape) -> None:
    with FaultyServer(SITE | {"/bad": status(404)}) as server:
        assert scrape.here(server.url("/a"), dir=None).code == 0
        assert scrape.here(server.url("/bad"), dir=None).code == 4
        assert scrape.here(server.url("/a"), dir=None).code == 0, (
            "of its own URL"
        )
        assert server.count("/a") == 1, (
            "the same command goes on where it stopped"
        )
    assert len(folders(scrape)) == 2


def test_two_lists_on_standard_input_have_two_folders(scrape: Scrape) -> None:
    with FaultyServer(SITE) as server:
        for path in ("/a", "/b", "/a"):
            lines = f"{server.url(path)}\n{server.url('/c')}\n"
            assert scrape("-", "--save-only", dir=None, stdin=lines).code == 0
        assert (server.count("/a"), server.count("/b"), server.count("/c")) == (
            1,
            1,
            2,
        )
    assert len(folders(scrape)) == 2


def test_of_standard_input_only_the_first_url_is_waited_for(
    scrape: Scrape,
) -> None:
    """The second line is written when the first is recorded, in a folder that has its name."""
    with FaultyServer(SITE) as server:
        url = server.url("/a")
        process = subprocess.Popen(
            [sys.executable, "-m", "scraper", "-", "-o", "-", "-q", "--save-only"],
            cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            process.stdin.write(f"{url}\n".encode())
            process.stdin.flush()
            assert url.encode() in process.stdout.readline()
            assert [each.name for each in folders(scrape)] == [
                f"stdin-{ten_of(url)}"
            ]
            process.stdin.write(f"{server.url('/b')}\n".encode())
            process.stdin.close()
            assert b"/b" in process.stdout.readline()
            assert process.wait(PATIENCE) == 0


# -- scripts ----------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def left_in(folder: Path) -> list[str]:
    return [
        each.name
        for each in folder.iterdir()
        if each.name.startswith(TEMPORARY)
    ]


def test_a_stream_of_urls_has_a_folder_for_as_long_as_it_goes_on(
    temporary: Path,
) -> None:
    with FaultyServer(SITE) as server:
        for _ in range(2):
            with scraper.stream(
                [server.url("/a")], scraper.configure(save_only=True)
            ) as run:
                for outcome in run:
                    assert (run.folder / outcome.record["path"]).exists()
            assert run.report.done == 1
            assert left_in(temporary) == []
        assert server.count("/a") == 2, "nothing is kept of it"
    assert not Path("downloads").exists()


def _fail_within(run: Run) -> None:
    with run:
        next(run)
        raise ZeroDivisionError


def test_a_stream_that_is_left_early_leaves_nothing(temporary: Path) -> None:
    with FaultyServer(SITE) as server:
        urls = [server.url(f"/{number}") for number in range(20)]
        with scraper.stream(urls, scraper.configure(save_only=True)) as run:
            next(run)
        assert left_in(temporary) == []
        with pytest.raises(ZeroDivisionError):
            _fail_within(
                scraper.stream(urls, scraper.configure(save_only=True))
            )
    assert left_in(temporary) == []


def test_a_stream_that_cannot_begin_leaves_nothing(temporary: Path) -> None:
    config = scraper.configure(html="no_such_module:f")
    with (
        pytest.raises(UsageError, match="no_such_module"),
        scraper.stream(["a.test"], config),
    ):
        pass
    assert left_in(temporary) == []


def test_run_without_a_folder_says_what_to_do() -> None:
    with pytest.raises(
        UsageError, match=r'configure\(dir="downloads/shop"\).*scraper\.stream'
    ):
        scraper.run(["http://localhost/"])
    assert not Path("downloads/script").exists()


KILLED = """
import os, signal, scraper
with scraper.stream(["http://localhost:1/"], scraper.configure(save_only=True)) as run:
    print(run.folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_stream_has_left_goes_with_the_next_one(
    temporary: Path,
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=PROJECT, capture_output=True,
                            text=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = Path(killed.stdout.strip())
    assert left.parent == temporary
    assert (left / ".scraper").exists()
    mine = temporary_folder()
    assert not left.exists()
    mine.remove()


def test_a_folder_that_is_in_use_is_nobody_elses_to_remove(
    temporary: Path,
) -> None:
    one = temporary_folder()
    other = temporary_folder()
    assert one.path != other.path
    assert one.path.exists()
    other.remove()
    assert one.path.exists()
    one.remove()
    assert left_in(temporary) == []


def test_a_link_in_its_place_is_not_followed(
    temporary: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (temporary / f"{TEMPORARY}x").symlink_to(tmp_path / "mine")
    temporary_folder().remove()
    assert (tmp_path / "mine").exists()


def test_without_a_place_for_temporary_folders_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with (
        pytest.raises(UsageError, match="set TMPDIR, or name a folder"),
        scraper.stream(["a.b"]),
    ):
        pass


def test_a_full_disk_under_the_temporary_folder_is_a_fault_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with (
        pytest.raises(LocalFault, match="no space left"),
        scraper.stream(["a.b"]),
    ):
        pass
