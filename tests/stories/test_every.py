"""`--every`: real beats, real signals, a server that waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scraper.faulty import FaultyServer, etag, status
from scraper.storage.lock import holder_of
from tests.conftest import PROJECT, Scrape
from tests.sessions.gates import Gate, gated
from tests.stories.runs import records_of

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="has no such signals"
)
Stalled = tuple[FaultyServer, Gate]
SITE = {"/robots.txt": status(404), "/*": etag(b"<title>here</title>")}


@contextmanager
def schedule(
    scrape: Scrape, *words: str, quiet: bool = True
) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "scraper", *words, "-d", "run"]
    with subprocess.Popen(
        [*command, "--save-only", *(["-q"] if quiet else [])],
        cwd=scrape.folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def end(running: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """The exit code, and what it and its beats have said: they are all gone then."""
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    return running.returncode, said


def wait_for(server: FaultyServer, path: str, times: int = 1) -> None:
    """Until so many requests for it have come."""
    while True:
        so_far = server.count()
        if server.count(path) >= times:
            return
        server.wait_for(so_far + 1, 60)


def beat_of(folder: Path) -> int:
    """The process that holds the folder."""
    return int((folder / ".scraper" / "lock").read_text())


def test_a_beat_is_a_refresh_and_reads_the_list_again(scrape: Scrape) -> None:
    with FaultyServer(SITE) as server:
        urls = scrape.list_of(server.url("/a"))
        with schedule(scrape, urls, "--every", "0.1s", quiet=False) as running:
            wait_for(server, "/a", 2)
            scrape.list_of(server.url("/a"), server.url("/b"))
            wait_for(server, "/b")
            code, said = end(running, signal.SIGTERM)
    assert code == 143
    assert "next at " in said
    states = [
        each["state"]
        for each in records_of(scrape.folder / "run")
        if each["url"].endswith("/a")
    ]
    assert states[0] == "done"
    assert set(states[1:]) == {"unchanged"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_between_beats_ends_it(scrape: Scrape, number: int) -> None:
    with FaultyServer(SITE) as server:
        urls = scrape.list_of(server.url("/a"))
        with schedule(scrape, urls, "--every", "7d", quiet=False) as running:
            assert running.stderr is not None
            for line in running.stderr:
                if line.startswith("next at "):
                    break
            assert scrape.here(urls).code == 0, "the folder is free"
            assert end(running, number)[0] == 128 + number


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    """/slow/... waits for its gate."""
    with gated() as site:
        yield site


def test_a_signal_during_a_pass_ends_the_pass_and_then_the_schedule(
    scrape: Scrape, stalled: Stalled
) -> None:
    server, _ = stalled
    urls = scrape.list_of(server.url("/a"), server.url("/slow/1"))
    words = (urls, "--every", "0.1s", "--grace", "0s", "-j", "1")
    with schedule(scrape, *words) as running:
        wait_for(server, "/slow/1")
        code, said = end(running, signal.SIGTERM)
    assert code == 143
    assert said.count("stopped: interrupted (SIGTERM)") == 1, said
    assert [each["pass"] for each in records_of(scrape.folder / "run")] == [1]


def test_a_pass_that_is_killed_does_not_end_the_schedule(
    scrape: Scrape, stalled: Stalled
) -> None:
    server, gate = stalled
    urls = scrape.list_of(server.url("/slow/1"))
    with schedule(scrape, urls, "--every", "0.1s") as running:
        wait_for(server, "/slow/1")
        os.kill(beat_of(scrape.folder / "run"), signal.SIGKILL)
        wait_for(server, "/slow/1", 2)
        gate.open()
        wait_for(server, "/slow/1", 3)
        code, said = end(running, signal.SIGTERM)
    assert code == 143
    assert "the run was ended by SIGKILL" in said


def test_a_beat_does_not_outlive_its_schedule(
    scrape: Scrape, stalled: Stalled
) -> None:
    server, _ = stalled
    urls = scrape.list_of(server.url("/slow/1"))
    words = (urls, "--every", "6h", "--grace", "0s")
    with schedule(scrape, *words) as running:
        wait_for(server, "/slow/1")
        _, said = end(running, signal.SIGKILL)
    assert "stopped: interrupted (SIGTERM)" in said
    assert holder_of(scrape.folder / "run") is None, "the folder is free"


def test_of_two_schedules_one_has_the_folder(
    scrape: Scrape, stalled: Stalled
) -> None:
    server, _ = stalled
    urls = scrape.list_of(server.url("/slow/1"))
    words = (urls, "--every", "6h", "--grace", "0s")
    with schedule(scrape, *words) as first:
        wait_for(server, "/slow/1")
        with schedule(scrape, *words, quiet=False) as second:
            assert second.stderr is not None
            said = ""
            for line in second.stderr:
                said += line
                if line.startswith("next at "):
                    break
            assert said.count("error: ") == 1
            assert "another run" in said or "in use" in said, said
            assert end(second, signal.SIGTERM)[0] == 143
        end(first, signal.SIGTERM)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--every", "soon", "urls.txt"), "expected a duration"),
        (("--every", "0", "urls.txt"), "give a time such as 6h"),
        (("--every", "6h", "-"), "which standard input cannot be"),
        (("--every", "6h", "--demo"), "--every and --demo exclude"),
    ],
)
def test_what_cannot_be_done_is_refused(
    scrape: Scrape, words: tuple[str, ...], says: str
) -> None:
    refused = scrape.here(*words)
    assert refused.code == 2
    assert says in refused.stderr


def test_a_list_that_is_missing_ends_it_at_once(scrape: Scrape) -> None:
    ended = scrape("missing.txt", "--every", "6h")
    assert ended.code == 2
    assert ended.stderr.count("\n") == 1
