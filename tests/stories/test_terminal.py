"""Whole runs on a terminal: what is seen in the end, line by line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable

from scraper.faulty import FaultyServer, page, silent, status
from tests.conftest import PROJECT, Scrape

NO_RULES = {"/robots.txt": status(404)}


def screen_of(output: str) -> list[str]:
    """The lines that a terminal shows after this output; what is overwritten is gone."""
    lines = []
    for line in output.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def on_a_terminal(
    scrape: Scrape,
    *arguments: str,
    columns: int,
    at_a_bar: Callable[[int], object] | None = None,
) -> tuple[int, str]:
    """Run the command line on a terminal of this width; its exit code, and all that it wrote.

    `at_a_bar` is called with the process once a bar is drawn.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(
        theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0)
    )
    path = f"{scrape.folder}:{PROJECT}"
    process = subprocess.Popen(
        [sys.executable, "-m", "scraper", *arguments],
        cwd=scrape.folder, env={**os.environ, "PYTHONPATH": path, "COLUMNS": ""},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    try:
        while select.select([ours], [], [], 60)[0]:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other end is closed, as Linux says it
                break
            if not piece:
                break
            written += piece
            if at_a_bar is not None and b"ok=" in written:
                at_a_bar(process.pid)
                at_a_bar = None
        _, code = process.communicate(timeout=60), process.returncode
    finally:
        os.close(ours)
    return code, written.decode()


def frames_of(output: str) -> list[str]:
    """Every bar that was drawn."""
    return [
        each.strip() for each in re.split(r"[\r\n]", output) if "ok=" in each
    ]


def test_at_60_columns_no_count_is_cut(scrape: Scrape) -> None:
    site = {"/robots.txt": page("User-agent: *\nDisallow: /no"), "/": page("a")}
    with FaultyServer(site) as server:
        urls = scrape.list_of(
            server.url(), server.url("/missing"), server.url("/no")
        )
        code, written = on_a_terminal(
            scrape, urls, "--save-only", "-d", "run", columns=60
        )
    assert code == 3
    last = frames_of(written)[-1]
    assert "ok=1 failed=1 skipped=1" in last
    assert "3/3" in last
    assert max(map(len, frames_of(written))) < 60


def test_each_line_of_a_verbose_run_stands_whole_above_the_bar(
    scrape: Scrape,
) -> None:
    with FaultyServer(
        NO_RULES | {f"/{n}": page("a") for n in range(30)}
    ) as server:
        listed = [server.url(f"/{n}") for n in range(30)]
        _, written = on_a_terminal(
            scrape,
            scrape.list_of(*listed),
            "-v",
            "--save-only",
            "-d",
            "run",
            columns=100,
        )
    lines = screen_of(written)
    told = [line for line in lines if line.startswith("done ")]
    assert sorted(told) == sorted(f"done {url}" for url in listed)
    assert len([line for line in lines if "ok=" in line]) == 1, (
        "and there is one bar, at the end"
    )


def test_what_a_signal_says_does_not_tear_the_bar(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": silent()}) as server:
        code, written = on_a_terminal(
            scrape, scrape.list_of(server.url()), "--save-only", "--grace", "0.3", "-d", "run",
            columns=100, at_a_bar=lambda process: os.kill(process, signal.SIGINT),
        )  # fmt: skip
    lines = screen_of(written)
    assert code == 130
    assert (
        "stopping: what is under way may take 0.3 s (again: leave now)" in lines
    )
    assert len([line for line in lines if "ok=" in line]) == 1


def test_what_python_warns_of_stands_above_the_bar(scrape: Scrape) -> None:
    """Also in threads, where libraries do."""
    (scrape.folder / "sitecustomize.py").write_text(
        "import threading, warnings\n"
        "run = threading.Thread.run\n"
        "def warn(self):\n"
        "    if self.name.startswith('fetch'):\n"
        "        threading.Event().wait(0.6)\n"  # until a bar has been drawn
        "        warnings.warn('a library warns', stacklevel=1)\n"
        "    run(self)\n"
        "threading.Thread.run = warn\n"
    )
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        urls = scrape.list_of(server.url())
        _, written = on_a_terminal(
            scrape, urls, "--save-only", "-d", "run", columns=100
        )
    lines = screen_of(written)
    warned = [line for line in lines if "a library warns" in line]
    assert warned
    assert all("ok=" not in line for line in warned)
    assert len([line for line in lines if "ok=" in line]) == 1
