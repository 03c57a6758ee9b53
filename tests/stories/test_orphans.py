"""The parent is killed: its workers do not outlive it, whatever they are at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.faulty import Exchange, FaultyServer, page
from tests.conftest import PROJECT
from tests.stories import kills

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="looks into /proc"
)

PATIENCE_SECONDS = 5.0  # issue "Unkillable", 3
BUDGET_SECONDS = 2.0


def _of_session(leader: int) -> Iterator[int]:
    """The living processes of a session: coordinator, fork server, workers."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session, *_ = (
                stat.read_text().rpartition(")")[2].split()
            )
        except OSError:  # gone in between
            continue
        if int(session) == leader and state not in "ZX":
            yield int(stat.parent.name)


def _killed_at(what: str, folder: Path, budget: float) -> tuple[int, int]:
    """Have two workers do this, kill their parent; its process number, and how many there were."""

    def answer(exchange: Exchange) -> None:
        path = exchange.seen.path
        if path == "/held":
            exchange.hang()
        else:
            page(f"<title>{path}</title>")(exchange)

    with FaultyServer(answer) as server:
        lst = folder / "urls.txt"
        urls = [f"/{what}/1", f"/{what}/2", "/held"]
        lst.write_text("".join(server.url(path) + "\n" for path in urls))
        with subprocess.Popen(
            [sys.executable, "-m", "scraper", lst, "--dir", folder / "run", "-p", "2", "-j", "4",
             "--robots", "off", "--no-progress", "--html", "tests.villains:act",
             "--process-time", f"{budget}s"],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                # The three requests, and what each of the two workers says when it begins.
                server.wait_for(5, 30)
                there = len(list(_of_session(process.pid)))
            finally:
                process.send_signal(signal.SIGKILL)
    return process.pid, there


def _gone(leader: int, folder: Path, seconds: float) -> bool:
    """Is nothing left of this session after so many seconds, at the latest?"""
    end, pause = time.monotonic() + seconds, threading.Event()
    while list(_of_session(leader)) or kills.processes_of(folder):
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    return True


@pytest.mark.parametrize("what", ["idles", "spins"])
def test_workers_are_gone_soon_after_their_parent(
    what: str, tmp_path: Path
) -> None:
    leader, there = _killed_at(what, tmp_path, budget=600)
    assert there >= 3 + 2  # with fork server and its tracker
    assert _gone(leader, tmp_path, PATIENCE_SECONDS)


def test_workers_that_hold_the_gil_are_gone_with_their_budget(
    tmp_path: Path,
) -> None:
    leader, there = _killed_at("spins_in_c", tmp_path, BUDGET_SECONDS)
    assert there >= 3 + 2  # with fork server and its tracker
    assert _gone(leader, tmp_path, BUDGET_SECONDS + PATIENCE_SECONDS)
