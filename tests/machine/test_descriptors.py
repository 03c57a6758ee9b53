"""A run fits into the limit on open files, or says which limit it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import UsageError
from scraper.faulty import FaultyServer, delay, page
from scraper.machine import descriptors
from scraper.machine.descriptors import (
    MAX_CONNECTIONS,
    Share,
    hanging_lookups,
    in_use,
    lookups_at_once,
    reductions_of,
    share_of,
)
from tests.conftest import PROJECT
from tests.stories.runs import records_of

WANTED = Share(threads=32, processes=2)


def test_what_fits_is_left_as_it_is() -> None:
    share = share_of(WANTED, limit=1024, used=10)
    assert (share.threads, share.processes) == (32, 2)
    assert list(reductions_of(WANTED, share)) == []


def test_threads_go_first_and_then_worker_processes() -> None:
    assert share_of(WANTED, limit=100, used=4).processes == 2
    many = share_of(Share(32, 16), limit=90, used=4)
    assert many.threads == 4
    assert 1 < many.processes < 16
    assert share_of(Share(32, 16), limit=50, used=3).processes == 1


def test_what_is_made_smaller_is_said_in_one_line() -> None:
    (line,) = reductions_of(WANTED, share_of(WANTED, limit=60, used=4))
    assert "of 32 threads and 1 of 2 worker processes" in line
    assert "ulimit -n" in line


def test_kept_connections_get_what_is_left() -> None:
    few, many = (
        share_of(Share(8, 0), limit, 4).connections for limit in (60, 1_024)
    )
    assert 0 < few < many < 1_024
    assert (
        share_of(WANTED, limit=1_000_000, used=4).connections == MAX_CONNECTIONS
    )


def test_quiet_requests_get_half_of_what_is_left_and_no_thread_for_it() -> None:
    wanted = Share(32, 2, most_quiet=1_024)
    few, many = (share_of(wanted, limit, 4) for limit in (1_024, 8_192))
    assert (few.threads, many.threads) == (32, 32)
    assert many.most_quiet == 1_024
    assert 150 < few.most_quiet < 250
    assert few.connections == pytest.approx(2 * few.most_quiet, abs=2)
    assert share_of(wanted, 100, 4).most_quiet == 0


@pytest.mark.parametrize(
    ("limit", "at_once", "lookups"),
    [(64, 4, 0), (256, 8, 2), (1_024, 32, 10), (4_096, 32, 16)],
)
def test_look_ups_that_hang_have_a_part_of_the_limit(
    limit: int, at_once: int, lookups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may hold three sockets, and keeps its thread; nobody waits for it any more."""
    monkeypatch.setattr(descriptors, "open_file_limit", lambda: limit)
    assert (lookups_at_once(), hanging_lookups()) == (at_once, lookups)
    share = share_of(Share(MAX_CONNECTIONS, 0), limit, used=0)
    of_lookups = 3 * (at_once - 4 + lookups)
    assert 16 + 2 * (2 * share.threads - 1) <= limit - of_lookups


@given(
    st.integers(1, 300),
    st.integers(0, 20),
    st.integers(1, 64),
    st.integers(0, 64),
)
def test_the_number_that_is_asked_for_is_enough(
    limit: int, used: int, threads: int, processes: int
) -> None:
    wanted = Share(threads, processes, most_quiet=1_024)
    try:
        share = share_of(wanted, limit, used)
    except UsageError as error:
        needed = re.search(r"ulimit -n (\d+)$", str(error))
        assert needed is not None
        assert share_of(wanted, int(needed[1]), used).threads == 1
    else:
        assert 1 <= share.threads <= threads
        assert min(processes, 1) <= share.processes <= processes
        requests = 2 * share.threads - 1 + share.most_quiet
        assert 2 * requests + share.connections + used <= limit


@pytest.mark.skipif(os.name == "nt", reason="no such limit")
def test_open_files_are_counted() -> None:
    before = in_use()
    with open(os.devnull), open(os.devnull):
        assert in_use() == before + 2


# -- whole runs ---------------------------------------------------------------------------------

posix = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


def _limited(
    folder: Path, files: str, *words: str
) -> subprocess.CompletedProcess[str]:
    program = f"{sys.executable} -m scraper urls.txt --dir run"
    command = f"ulimit {files} && exec {program} {' '.join(words)}"
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _list(folder: Path, server: FaultyServer, hosts: int, each: int) -> None:
    lines = [
        f"http://h{host}.localhost:{server.port}/{number}\n"
        for number in range(each)
        for host in range(hosts)
    ]
    (folder / "urls.txt").write_text("".join(lines))


@posix
@pytest.mark.parametrize("files", ["-n 64", "-Sn 48", "-n 56"])
@pytest.mark.parametrize("more", ["", "--save-only"])
def test_many_slow_hosts_are_all_asked_with_few_open_files(
    files: str, more: str, tmp_path: Path
) -> None:
    with FaultyServer({"/*": delay(0.02, page("<p>Slow."))}) as server:
        _list(tmp_path, server, hosts=70, each=2)
        done = _limited(tmp_path, files, "--robots off", more)
    assert done.returncode == 0, done.stderr
    assert len(records_of(tmp_path / "run")) == 140
    assert done.stderr.count("(ulimit -n)") == (0 if "S" in files else 1)


@posix
@pytest.mark.parametrize("more", ["", "--save-only", "--per-host 1 -p 8"])
def test_more_threads_than_fit_are_made_fewer_with_one_word(
    more: str, tmp_path: Path
) -> None:
    with FaultyServer({"/*": delay(0.01, page("<p>Slow."))}) as server:
        _list(tmp_path, server, hosts=60, each=5)
        done = _limited(tmp_path, "-n 64", "-j 64", more)
    assert done.returncode == 0, done.stderr
    states = [each["state"] for each in records_of(tmp_path / "run")]
    assert states == ["done"] * 300
    (line,) = [line for line in done.stderr.splitlines() if "ulimit -n" in line]
    assert re.search(r"enough for \d+ of 64 threads", line)


HANGING = """
import pathlib, socket, threading, scraper
from tests.stories.runs import Wire, internet, records_of, run_with

def look_up(name, *_):
    kept = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(3)]
    threading.Event().wait(30)

if __name__ == "__main__":
    config = scraper.configure(dir="run", threads=64, processes=1, robots="off", retries=0,
                               dns_timeout_seconds=0.1, offline_wait_seconds=0,
                               allow_hosts=["*.test"])
    with open("urls.txt", "w") as lst:
        lst.writelines(f"http://h{n}.test/\\n" for n in range(60))
    report = run_with(internet(look_up, Wire(0)), "urls.txt", config)
    why = {each["error_message"].count("(dns_timeout: ")
           for each in records_of(pathlib.Path("run"))}
    print(report.exit_code, dict(report.failures), why)
"""


@posix
def test_look_ups_that_hang_leave_files_enough_to_end(tmp_path: Path) -> None:
    """A name server that is gone is no fault of this machine: hosts are down, the run goes on."""
    (tmp_path / "hanging.py").write_text(HANGING)
    done = subprocess.run(
        ["bash", "-c", f"ulimit -n 64 && exec {sys.executable} hanging.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "5 {'host_down': 60} {1}\n", done.stderr


@posix
@pytest.mark.parametrize("more", ["", "--save-only", "--html mine:f"])
@pytest.mark.parametrize("files", [16, 20, 30, 44])
def test_a_limit_that_is_too_low_is_one_line_with_the_number_that_is_enough(
    files: int, more: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("def f(page):\n    return 1\n")
    with FaultyServer({"/*": page("<p>Fine.")}) as server:
        _list(tmp_path, server, hosts=3, each=2)
        done = _limited(tmp_path, f"-n {files}", "--robots off", more)
        if done.returncode:
            assert done.returncode == 2, done.stderr
            assert len(done.stderr.splitlines()) == 1
            needed = re.search(r"a run needs (\d+)", done.stderr)
            assert needed is not None
            assert int(needed[1]) <= 60
            done = _limited(tmp_path, f"-n {needed[1]}", "--robots off", more)
    assert done.returncode == 0, done.stderr
    assert len(records_of(tmp_path / "run")) == 6


@posix
def test_a_worker_that_dies_is_replaced_with_few_open_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(
        "import os\ndef f(page):\n    if page.url.endswith('/1'):\n        os._exit(3)\n"
    )
    with FaultyServer({"/*": page("<p>Fine.")}) as server:
        _list(tmp_path, server, hosts=4, each=3)
        done = _limited(tmp_path, "-n 60", "--robots off --html mine:f -p 2")
    assert done.returncode == 3, done.stderr
    kinds = [each["error_kind"] for each in records_of(tmp_path / "run")]
    assert (kinds.count("process_died"), kinds.count(None)) == (4, 8)
