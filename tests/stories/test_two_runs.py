"""One folder, one run: the second is refused, the next after a kill is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, page, sequence, silent
from tests.conftest import PROJECT, Scrape, Scraped

ARGUMENTS = ("--robots", "off", "--no-progress", "-j", "4", "-p", "1")
PAGES = 6


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    """Pages, and one whose first answer never comes."""
    pages = {
        f"/{number}": page(f"<title>{number}</title>")
        for number in range(PAGES)
    }
    pages["/held"] = sequence(silent(), page("<title>held</title>"))
    with FaultyServer(pages) as server:
        yield server


@pytest.fixture
def names(scrape: Scrape, server: FaultyServer) -> str:
    return scrape.list_of(
        *(server.url(f"/{n}") for n in range(PAGES)), server.url("/held")
    )


@contextmanager
def _running(
    scrape: Scrape, server: FaultyServer, names: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The first run, in the middle; killed at the latest at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "scraper", names, "--dir", "run", *ARGUMENTS],
        cwd=scrape.folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            server.wait_for(1 + PAGES, 30)
            yield process
        finally:
            process.kill()


def _status(scrape: Scrape) -> dict[str, object]:
    told: Scraped = scrape("status", "run", "--json", dir=None)
    assert told.code == 0, told.stderr
    status: dict[str, object] = json.loads(told.stdout)
    return status


def test_a_second_run_on_a_folder_is_refused_with_one_line(
    scrape: Scrape, server: FaultyServer, names: str
) -> None:
    with _running(scrape, server, names) as first:
        refused = scrape(names, *ARGUMENTS)
        assert refused.code == 6
        (line,) = refused.stderr.splitlines()
        assert "run is in use by another run" in line
        assert str(first.pid) in line
        # Nor did it touch anything: the first goes on, and asked nothing twice.
        assert first.poll() is None
        assert server.count() == 1 + PAGES
        with (
            pytest.raises(scraper.InUse),
            scraper.stream(
                [server.url("/0")],
                scraper.configure(
                    dir=str(scrape.folder / "run"), save_only=True
                ),
            ),
        ):
            pass


def test_the_next_run_after_a_kill_starts_at_once(
    scrape: Scrape, server: FaultyServer, names: str
) -> None:
    with _running(scrape, server, names) as first:
        first.send_signal(signal.SIGKILL)
        # for it, not for its workers: what is left of them is not in the way
        first.wait(10)
        done = scrape(names, *ARGUMENTS)
    assert done.code == 0, done.stderr
    assert len(done.records) == len(done.by_url()) == 1 + PAGES


def test_status_tells_of_a_run_that_goes_on_that_was_killed_and_that_is_complete(
    scrape: Scrape, server: FaultyServer, names: str
) -> None:
    with _running(scrape, server, names) as first:
        during = _status(scrape)
        assert (during["running"], during["process"]) == (True, str(first.pid))
        assert first.poll() is None
    killed = _status(scrape)
    assert (killed["running"], killed["ended"]) == (False, None)
    assert scrape(names, *ARGUMENTS).code == 0
    after = _status(scrape)
    assert (after["running"], after["pending"], after["pass"]) == (False, 0, 1)
    assert after["ended"] is not None
    assert after["counts"]["done"] == 1 + PAGES  # type: ignore[index]


def test_status_of_a_folder_without_a_run_says_so(
    scrape: Scrape, tmp_path: Path
) -> None:
    told = scrape("status", str(tmp_path), dir=None)
    assert told.code == 2
    assert len(told.stderr.splitlines()) == 1
