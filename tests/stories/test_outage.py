"""Our own network goes, and comes back or not: no URL is the worse for it."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.engine import Makers, guard_of
from scraper.errors import LocalFault
from scraper.faulty import FaultyServer, page, reset, unaccepting
from scraper.faulty.server import Exchange
from scraper.frontier import outage, trouble
from scraper.guard.addresses import Address
from scraper.reports.summary import Report
from scraper.runner import Run
from scraper.sources.source import given_source
from tests.conftest import PROJECT
from tests.stories.runs import Names, Wire, last_of, records_of

HOSTS, URLS = 200, 2_000
LISTED = [f"http://h{n % HOSTS}.test/{n}" for n in range(URLS)]
NO_WAY = (
    errno.ENETUNREACH,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
    errno.ETIMEDOUT,
)


class Uplink:
    """The only way to everybody else, which can be cut: no name is found, nothing connects, and
    what was connected is lost."""

    def __init__(self) -> None:
        self.is_cut = False
        self.tried = 0  # in vain
        self._names = Names(
            {f"h{n}.test": f"93.184.0.{n + 1}" for n in range(HOSTS)}
        )
        self.wire: Callable[..., socket.socket]

    def answer(self, exchange: Exchange) -> None:
        (reset() if self.is_cut else page("here"))(exchange)

    def look_up(self, name: str, *more: Any) -> list[Any]:
        if self.is_cut:
            self.tried += 1
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return self._names(name, *more)

    def connect(
        self, address: Address, port: int, timeout: float | None
    ) -> socket.socket:
        if self.is_cut:
            self.tried += 1
            raise OSError(NO_WAY[self.tried % len(NO_WAY)], "no way")
        return self.wire(address, port, timeout)

    @property
    def makers(self) -> Makers:
        guard = partial(
            guard_of, getaddrinfo=self.look_up, connect=self.connect
        )
        return Makers(guard=guard)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(outage, "MAX_PROBE_SECONDS", 0.2)
    monkeypatch.setattr(trouble, "SILENCE_PAUSE_SECONDS", (0.05,))


@pytest.fixture
def uplink() -> Any:
    made = Uplink()
    with FaultyServer(lambda exchange: made.answer(exchange)) as server:
        made.wire = Wire(server.port)
        yield made


def _run_of(
    folder: Path, uplink: Uplink, urls: list[str] = LISTED, **keys: Any
) -> Run:
    usual = {"allow_hosts": ["*.test"], "retry_wait_seconds": 0.05}
    config = scraper.configure(
        dir=str(folder / "run"), save_only=True, **(usual | keys)
    )
    return Run([given_source(urls, "list")], config, makers=uplink.makers)


def _meanwhile(
    run: Run, until: Callable[[], bool], then: Callable[[], None]
) -> threading.Thread:
    """Do something as soon as it is time for it."""

    def watch() -> None:
        tick, gone = threading.Event(), time.monotonic() + 30
        while not until() and time.monotonic() < gone:
            tick.wait(0.01)
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def _finish(run: Run, uplink: Uplink, cut_after: int = sys.maxsize) -> Report:
    for number, _ in enumerate(run, 1):
        if number == cut_after:
            uplink.is_cut = True
    return run.report


def _log_of(folder: Path) -> str:
    return (folder / "run" / "run.log").read_text()


# -- for a while ------------------------------------------------------------------------------


@pytest.mark.parametrize("robots", ["on", "off"])
def test_an_outage_in_the_middle_fails_no_url(
    tmp_path: Path, uplink: Uplink, robots: str
) -> None:
    words: list[str | None] = []

    def restore() -> None:
        words.append(run.waiting)
        uplink.is_cut = False

    with _run_of(tmp_path, uplink, robots=robots) as run:
        thread = _meanwhile(run, lambda: "no network" in run.waiting, restore)
        report = _finish(run, uplink, cut_after=500)
        thread.join()
        assert "no network" not in run.waiting
    assert (report.states["failed"], report.done, report.exit_code) == (
        0,
        URLS,
        0,
    )
    assert {each["state"] for each in records_of(tmp_path / "run")} == {"done"}
    assert words[0] is not None
    assert re.fullmatch(
        r"no network since \d\d:\d\d, (next try \d\d:\d\d|trying now)",
        words[0],
    )
    log = _log_of(tmp_path)
    assert log.count("waiting: no network since") == 1
    assert log.count("the network is back: ") == 1
    # What was on its way when it went, and a few in the moment until that was seen.
    assert uplink.tried < 300


def test_one_sign_of_life_thaws_and_a_failure_counts_then(
    tmp_path: Path, uplink: Uplink
) -> None:
    """Without a try to spare: what was on its way when the network went is all that may fail."""
    with _run_of(tmp_path, uplink, robots="off", retries=0) as run:
        thread = _meanwhile(
            run,
            lambda: "no network" in run.waiting,
            lambda: setattr(uplink, "is_cut", False),
        )
        report = _finish(run, uplink, cut_after=500)
        thread.join()
    assert 0 < report.states["failed"] < URLS / 4
    assert report.total == len(last_of(tmp_path / "run")) == URLS
    assert set(report.failures) <= {"connect_failed", "connect_timeout", "dns_failed",
                                    "connection_lost", "host_down"}  # fmt: skip
    # Of a host whose last URL that was: hosts are looked up one after another, and so end.
    assert report.failures["host_down"] < report.states["failed"]


# -- for good ---------------------------------------------------------------------------------


def test_without_a_network_for_good_all_stays_pending(
    tmp_path: Path, uplink: Uplink
) -> None:
    with _run_of(
        tmp_path, uplink, robots="off", offline_wait_seconds=0.5
    ) as run:
        with pytest.raises(
            LocalFault, match="no network: no answer from anywhere for"
        ) as ended:
            _finish(run, uplink, cut_after=500)
        assert ended.value.failure.kind == "network_down"
    assert run.report.exit_code == 5
    before = run.report.total
    assert 500 <= before < URLS
    assert run.report.states["failed"] == 0

    # The folder knows that there was a network once: with none, nothing of it fails now either.
    with (
        _run_of(
            tmp_path, uplink, robots="off", offline_wait_seconds=0.5
        ) as run,
        pytest.raises(LocalFault, match="no network"),
    ):
        _finish(run, uplink)
    assert (run.report.exit_code, run.report.total) == (5, before)

    uplink.is_cut = False
    with _run_of(tmp_path, uplink, robots="off") as run:
        report = _finish(run, uplink)
    assert (report.exit_code, report.done, report.number) == (0, URLS, 1)
    assert len(records_of(tmp_path / "run")) == URLS
    assert {
        each["attempts"] for each in last_of(tmp_path / "run").values()
    } <= {1, 2}


def test_a_first_run_without_a_network_ends_like_any_other(
    tmp_path: Path, uplink: Uplink
) -> None:
    """Nothing has ever answered: it may as well be the list on which all is dead."""
    uplink.is_cut = True
    urls = [f"http://h{n % HOSTS}.test/{n}" for n in range(500)]
    with _run_of(
        tmp_path,
        uplink,
        urls,
        offline_wait_seconds=0.5,
        retry_wait_seconds=0.01,
    ) as run:
        report = _finish(run, uplink)
    assert (report.states["failed"], report.exit_code) == (500, 5)
    assert report.stopped is None
    assert "nothing ever answers: " in _log_of(tmp_path)


@pytest.mark.parametrize("named", [True, False])
def test_five_hundred_dead_hosts_end_each_for_itself(
    tmp_path: Path, uplink: Uplink, named: bool
) -> None:
    """The resolver answers, or one of them all, or none yet; the others are silent."""

    def connect(
        address: Address, port: int, timeout: float | None
    ) -> socket.socket:
        if str(address) == "93.184.0.1" and not named:
            return uplink.wire(address, port, timeout)
        raise TimeoutError("timed out")

    uplink.connect = connect  # type: ignore[method-assign]
    hosts = [f"93.184.{n // 250}.{n % 250 + 1}" for n in range(500)]
    if named:
        uplink._names = Names(
            {f"d{n}.test": each for n, each in enumerate(hosts)}
        )
        hosts = [f"d{n}.test" for n in range(500)]
    urls = [f"http://{host}/" for host in hosts]
    with _run_of(tmp_path, uplink, urls, allow_hosts=["*.test", "93.184.0.0/16"],
        offline_wait_seconds=0.3,
                 retry_wait_seconds=0.01) as run:  # fmt: skip
        report = _finish(run, uplink)
    told = last_of(tmp_path / "run")
    assert report.total == len(told) == 500
    assert report.states["failed"] == (500 if named else 499)
    assert report.stopped is None
    kinds = Counter(each["error_kind"] for each in told.values())
    assert set(kinds) <= {"connect_timeout", "host_down", None}, kinds


def test_fewer_than_four_hosts_are_judged_at_once(
    tmp_path: Path, uplink: Uplink
) -> None:
    uplink.is_cut = True
    urls = [f"http://h{n % 3}.test/{n}" for n in range(30)]
    with _run_of(tmp_path, uplink, urls, retry_wait_seconds=0.01) as run:
        report = _finish(run, uplink)
    assert report.states["failed"] == 30
    assert "no network" not in _log_of(tmp_path)


def test_a_body_that_grows_is_a_sign_of_the_network(
    tmp_path: Path, uplink: Uplink
) -> None:
    """One host takes its time over a body, the others are silent: they need not wait for it."""
    ends = threading.Event()

    def grow(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n")
        for _ in range(2_999):
            exchange.send(b".")
            if ends.wait(0.02):
                break
        exchange.send(b"." * 2_999)

    def connect(
        address: Address, port: int, timeout: float | None
    ) -> socket.socket:
        if str(address) == "93.184.0.1":
            return uplink.wire(address, port, timeout)
        raise TimeoutError("timed out")

    uplink.answer = grow  # type: ignore[method-assign]
    uplink.connect = connect  # type: ignore[method-assign]
    urls = [f"http://h{n}.test/{n}" for n in range(5)]
    with _run_of(
        tmp_path, uplink, urls, robots="off", retry_wait_seconds=0.01
    ) as run:
        ended = []
        for outcome in run:
            ended.append(outcome.task.url.host)
            if len(ended) == 4:
                ends.set()
    assert ended[4:] == ["h0.test"]
    assert "no network" not in _log_of(tmp_path)


# -- killed and interrupted meanwhile ---------------------------------------------------------

ADDRESSES = [f"127.0.0.{n}" for n in range(1, 13)]
FLAGS = ("--robots", "off", "--save-only", "--no-progress", "--connect-timeout", "200ms",
         "--retries", "0")  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8")
@pytest.mark.parametrize("manner", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_while_it_is_frozen_goes_on_later(
    tmp_path: Path, manner: signal.Signals
) -> None:
    lst = tmp_path / "urls.txt"
    command = [sys.executable, "-m", "scraper", str(lst), "-d", "run", *FLAGS]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT),
                   "SCRAPER_ALLOW_HOSTS": "127.0.0.0/8"}  # fmt: skip
    how: dict[str, Any] = {"cwd": tmp_path, "env": environment, "text": True}
    with unaccepting("0.0.0.0") as port:
        lst.write_text(
            "".join(f"http://{each}:{port}/\n" for each in ADDRESSES)
        )
        run = subprocess.Popen(command, stderr=subprocess.PIPE, **how)
        try:
            frozen = _wait_for_status(tmp_path, how)
            assert frozen["pending"] == len(ADDRESSES)
            shown = subprocess.run([*command[:3], "status", "run"], capture_output=True,
                                   check=True, **how).stdout  # fmt: skip
            assert "\nwaiting: no network since " in shown
        finally:
            run.send_signal(manner)
            said = run.communicate(timeout=30)[1]
    if manner == signal.SIGINT:
        assert run.returncode == 130
        assert "the same command continues" in said
    else:
        assert run.returncode == -signal.SIGKILL
    assert records_of(tmp_path / "run") == []
    after = subprocess.run(
        [*command[:3], "status", "run"], capture_output=True, check=True, **how
    )
    assert "no network" not in after.stdout
    with FaultyServer(page("back"), "0.0.0.0", port):
        subprocess.run(command, check=True, capture_output=True, **how)
    records = records_of(tmp_path / "run")
    assert [each["state"] for each in records] == ["done"] * len(ADDRESSES)
    assert {each["attempts"] for each in records} == {1}


def _wait_for_status(folder: Path, how: dict[str, Any]) -> dict[str, Any]:
    """What `status` says once the run waits for the network."""
    command = [sys.executable, "-m", "scraper", "status", "run", "--json"]
    gone = time.monotonic() + 30
    while time.monotonic() < gone:
        asked = subprocess.run(command, capture_output=True, check=False, **how)
        if asked.returncode == 0:
            facts: dict[str, Any] = json.loads(asked.stdout)
            if facts["no_network"]:
                return facts
    raise AssertionError("it does not wait for the network")
