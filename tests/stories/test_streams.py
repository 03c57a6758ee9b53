"""Standard input, output and error may be closed, or lose their readers; signals may be ignored."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

import scraper
from scraper.faulty import Exchange, FaultyServer, page, status
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import records_of

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="shells and signals of POSIX"
)

PAGES = 12
LINES = {"page": page("<title>A page</title><p>Some words.")}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    with FaultyServer({"/*": LINES["page"]}) as server:
        yield server


def _list(folder: Path, server: FaultyServer, pages: int = PAGES) -> None:
    lines = [server.url(f"/{number}") + "\n" for number in range(pages)]
    (folder / "urls.txt").write_text("".join(lines))


def _shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell; `scraper` in it is the command line, with two workers."""
    return subprocess.run(
        [
            "bash",
            "-c",
            line.replace("scraper", f"{sys.executable} -m scraper", 1),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "SCRAPER_PROCESSES": "2",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# -- closed ------------------------------------------------------------------------------------

CLOSED = [
    "<&-",
    ">&-",
    "2>&-",
    "<&- >&-",
    "<&- 2>&-",
    ">&- 2>&-",
    "<&- >&- 2>&-",
]


@pytest.mark.parametrize("closed", CLOSED)
def test_a_run_needs_no_standard_stream(
    closed: str, tmp_path: Path, site: FaultyServer
) -> None:
    _list(tmp_path, site)
    done = _shell(tmp_path, f"scraper urls.txt --dir run --robots off {closed}")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    records = records_of(tmp_path / "run")
    assert [each["state"] for each in records] == ["done"] * PAGES
    assert records[0]["title"] == "A page"
    assert ("Traceback" in done.stderr, bool(done.stderr)) == (
        False,
        "2>" not in closed,
    )


def test_messages_never_land_among_the_records(
    tmp_path: Path, site: FaultyServer
) -> None:
    _list(tmp_path, site)
    done = _shell(
        tmp_path, "scraper urls.txt --dir run --robots off -v -o - 2>&-"
    )
    assert done.returncode == 0
    assert [
        json.loads(line) for line in done.stdout.splitlines()
    ] == records_of(tmp_path / "run")


def test_messages_never_land_in_a_file_of_the_run(
    tmp_path: Path, site: FaultyServer
) -> None:
    """A file that is opened gets the lowest number that is free: 2, where messages go."""
    _list(tmp_path, site)
    (tmp_path / "mine.py").write_text("import os\ndef f(page):\n    os.write(1, b'one')\n"
                                      "    os.write(2, b'two')\n")  # fmt: skip
    done = _shell(
        tmp_path,
        "scraper urls.txt --dir run --robots off --html mine:f <&- >&- 2>&-",
    )
    assert done.returncode == 0
    assert len(records_of(tmp_path / "run")) == PAGES
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file() and path.name != "run.log":
            assert b"onetwo" not in path.read_bytes(), path


SCRIPT = """
import os
os.close(0), os.close(1), os.close(2)
import scraper

if __name__ == "__main__":
    report = scraper.run("urls.txt", scraper.configure(dir="run", robots="off"))
    os._exit(report.exit_code)
"""


def test_a_script_with_closed_streams_has_workers_that_work(
    tmp_path: Path, site: FaultyServer
) -> None:
    _list(tmp_path, site)
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert [each["state"] for each in records_of(tmp_path / "run")] == [
        "done"
    ] * PAGES


# -- readers that go away ----------------------------------------------------------------------


def test_records_go_on_when_their_reader_has_gone(
    tmp_path: Path, site: FaultyServer
) -> None:
    pages = 300  # more than a commit
    _list(tmp_path, site, pages)
    done = _shell(
        tmp_path,
        "set -o pipefail; scraper urls.txt --dir run --robots off --per-host 8 -o - | head -1",
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert len(records_of(tmp_path / "run")) == pages
    note = "standard output has no reader any more: the records go on in run/records.jsonl"
    assert done.stderr.count(note) == 1


def test_a_run_goes_on_when_nobody_reads_its_messages(
    tmp_path: Path, site: FaultyServer
) -> None:
    _list(tmp_path, site)
    line = "set -o pipefail; scraper urls.txt -v --dir run --robots off 2>&1 | head -1"
    assert _shell(tmp_path, line).returncode == 0
    assert len(records_of(tmp_path / "run")) == PAGES


def _read_by_nobody(
    folder: Path, command: str
) -> subprocess.CompletedProcess[str]:
    """Standard output is a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-m", "scraper", *command.split()],
            cwd=folder, env=ENVIRONMENT, stdout=writing, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    "command", ["status run", "status --json run", "explain http://127.0.0.1:9/", "--help",
                "--version", "--show-config", "status --help"],
)  # fmt: skip
def test_a_command_whose_reader_has_gone_says_nothing_of_it(
    command: str, scrape: Scrape, site: FaultyServer
) -> None:
    scrape.here(scrape.list_of(site.url("/a")), "--robots", "off")
    done = _read_by_nobody(scrape.folder, command)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_under_standard_output_is_said(scrape: Scrape) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    done = _shell(scrape.folder, "scraper --show-config > /dev/full")
    assert done.returncode == 5
    assert done.stderr.startswith("stopped: ")
    assert len(done.stderr.splitlines()) == 1


# -- a terminal that is closed; nohup ----------------------------------------------------------


@contextmanager
def _held(
    folder: Path, ignored: tuple[int, ...], **more: object
) -> Iterator[Story]:
    """A run in which one request is held until the story says go on."""
    story = Story()
    with FaultyServer(story.answer) as server:
        _list(folder, server)

        def ignore() -> None:
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        with subprocess.Popen(
            [sys.executable, "-m", "scraper", "urls.txt", "--dir", "run", "--robots", "off",
             "-p", "2"],
            cwd=folder, env=ENVIRONMENT, text=True,
            start_new_session=True, preexec_fn=ignore, **more,
        ) as story.process:  # type: ignore[call-overload]  # fmt: skip
            server.wait_for(PAGES // 2, 30)
            try:
                yield story
            finally:
                story.go_on.set()
                story.process.kill()


class Story:
    process: subprocess.Popen[str]

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def answer(self, exchange: Exchange) -> None:
        if exchange.seen.n >= PAGES // 2:
            self.go_on.wait(20)
        LINES["page"](exchange)

    def ended(self) -> int:
        self.go_on.set()
        return self.process.wait(30)


Send = Callable[[int, int], None]


@pytest.mark.parametrize("send", [os.kill, os.killpg])
@pytest.mark.parametrize(
    "number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]
)
def test_a_signal_that_is_ignored_at_the_start_stays_ignored(
    number: signal.Signals, send: Send, tmp_path: Path
) -> None:
    with _held(tmp_path, (number,), stderr=subprocess.PIPE) as story:
        send(story.process.pid, number)
        code = story.ended()
        assert story.process.stderr is not None
        said = story.process.stderr.read()
    assert code == 0, said
    assert "stopping" not in said
    assert len(records_of(tmp_path / "run")) == PAGES


def test_a_terminal_that_is_closed_ends_the_run_cleanly(tmp_path: Path) -> None:
    master, slave = os.openpty()
    with _held(tmp_path, (), stdin=slave, stdout=slave, stderr=slave) as story:
        os.close(slave)
        os.close(master)  # from now on writing to it fails
        story.process.send_signal(signal.SIGHUP)
        assert story.ended() == 128 + signal.SIGHUP
    assert len(records_of(tmp_path / "run")) >= PAGES // 2 - 1


def test_under_nohup_a_closed_terminal_ends_nothing(tmp_path: Path) -> None:
    master, slave = os.openpty()
    with _held(
        tmp_path, (signal.SIGHUP,), stdin=slave, stdout=slave, stderr=slave
    ) as story:
        os.close(slave)
        os.close(master)
        story.process.send_signal(signal.SIGHUP)
        assert story.ended() == 0
    assert len(records_of(tmp_path / "run")) == PAGES


def test_a_standard_output_of_text_alone_gets_the_records_as_text(
    tmp_path: Path,
) -> None:
    """In a notebook, or where a script has redirected it, there are no bytes below it."""
    text = io.StringIO()
    with FaultyServer({"/robots.txt": status(404), "/": page("a")}) as server:
        config = scraper.configure(
            dir=tmp_path / "run", output="-", save_only=True
        )
        with redirect_stdout(text):
            report = scraper.run([server.url()], config)
    assert report.done == 1
    assert (
        text.getvalue().encode()
        == (tmp_path / "run" / "records.jsonl").read_bytes()
    )
