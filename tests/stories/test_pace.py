"""Pace, proved by the server's own log: who was asked when, how much at once, and what came."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import scraper
from benchmarks.played.limits import Bucket
from benchmarks.played.world import Asked
from scraper.engine import Makers
from scraper.faulty import (
    FaultyServer,
    Seen,
    body,
    delay,
    page,
    reset,
    robots,
    sequence,
    status,
)
from scraper.faulty.server import Exchange
from scraper.frontier import trouble
from tests.conftest import PROJECT
from tests.stories.runs import (
    PUBLIC,
    Names,
    Wire,
    internet,
    last_of,
    records_of,
    run_with,
)

HOSTS, URLS, PER_HOST = 100, 50, 2
CRAWL_DELAY = 0.05
RETRY_WAIT = 0.05


def _run(folder: Path, urls: list[str], **keys: Any) -> scraper.Report:
    makers = keys.pop("makers", Makers())
    keys = {"save_only": True, "retry_wait_seconds": RETRY_WAIT} | keys
    return run_with(
        makers, urls, scraper.configure(dir=str(folder / "run"), **keys)
    )


def _by_host(server: FaultyServer) -> dict[str, list[Seen]]:
    seen = defaultdict(list)
    for each in server.seen:
        seen[each.host.partition(".")[0]].append(each)
    return seen


# -- a hundred hosts --------------------------------------------------------------------------


def _forms(at: float) -> list[str]:
    """The moment in the three forms of an HTTP date (RFC 9110 5.6.7)."""
    date = datetime.fromtimestamp(at, UTC)
    return [f"{date:%a, %d %b %Y %H:%M:%S} GMT", f"{date:%A, %d-%b-%y %H:%M:%S} GMT",
            f"{date:%a %b} {date.day:2} {date:%H:%M:%S %Y}"]  # fmt: skip


class Crowd:
    """Hosts of all characters behind one address; remembers the pauses that it asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        # host -> from when to when, monotonic
        self.pauses: dict[str, tuple[float, float]] = {}

    def __call__(self, exchange: Exchange) -> None:
        seen = exchange.seen
        name = seen.host.partition(".")[0]
        character, _, number = name.partition("-")
        self.asked[name] += 1
        if seen.path == "/robots.txt":
            delaying = robots(f"User-agent: *\nCrawl-delay: {CRAWL_DELAY}")
            (delaying if character == "delaying" else status(404))(exchange)
        elif character == "limiting" and seen.path == "/3" and seen.nth == 1:
            self._pause(exchange, name, int(number))
        elif character == "flapping" and self.asked[name] % 6 == 0:
            status(503)(exchange)
        elif (
            character == "resetting"
            and seen.nth <= 2
            and int(seen.path[1:]) % 4 == 0
        ):
            reset()(exchange)
        else:
            delay(0.004 * (int(number) % 3), page("here"))(exchange)

    def _pause(self, exchange: Exchange, name: str, number: int) -> None:
        now, ticks = time.time(), time.monotonic()
        at = math.ceil(now) + 1
        value = ["1", *_forms(at)][number // 10 % 4]
        until = ticks + (1.0 if value == "1" else at - now)
        status(429, {"Retry-After": value})(exchange)
        self.pauses[name] = exchange.answered_at or ticks, until


def test_a_crowd_of_hosts_is_asked_politely(tmp_path: Path) -> None:
    crowd = Crowd()
    characters = ["good"] * 6 + [
        "delaying",
        "limiting",
        "flapping",
        "resetting",
    ]
    names = [f"{characters[n % 10]}-{n}" for n in range(HOSTS - 5)]
    dead = [f"dead-{n}" for n in range(5)]
    with FaultyServer(crowd) as server:
        every = [
            f"http://{name}.localhost:{server.port}/{n}"
            for n in range(URLS)
            for name in names
        ]
        every += [
            f"http://{name}.localhost:1/{n}"
            for n in range(URLS)
            for name in dead
        ]
        report = _run(tmp_path, every, threads=32, per_host=PER_HOST, retries=4)
        seen = _by_host(server)

    told = last_of(tmp_path / "run")
    assert report.total == len(told) == HOSTS * URLS
    assert len(records_of(tmp_path / "run")) == HOSTS * URLS
    good = {url: each for url, each in told.items() if "dead-" not in url}
    assert {each["state"] for each in good.values()} == {"done"}, Counter(
        (each["error_kind"], each["error_message"]) for each in good.values()
    )
    assert set(seen) == set(names)
    for name, asked in seen.items():
        assert sum(each.path == "/robots.txt" for each in asked) == 1, name
        assert asked[0].path == "/robots.txt"
        host = f"{name}.localhost"
        assert server.max_concurrent(host) <= PER_HOST, name
        if name.startswith("delaying"):
            assert min(server.gaps(host)) >= CRAWL_DELAY, name
        _no_early_retry(asked)
    assert (
        max(server.max_concurrent(f"{name}.localhost") for name in names)
        == PER_HOST
    )

    assert len(crowd.pauses) == sum(
        name.startswith("limiting") for name in names
    )
    for name, (answered, until) in crowd.pauses.items():
        early = [each for each in seen[name] if answered < each.at < until]
        # One may have been on its way while the answer was.
        assert len(early) <= PER_HOST - 1, (
            name,
            [each.at - answered for each in early],
        )
        assert [each for each in seen[name] if each.at >= until], name


def _no_early_retry(asked: list[Seen]) -> None:
    connections: set[int] = set()
    tries: dict[str, list[Seen]] = defaultdict(list)
    died_when_kept: set[int] = set()  # by their numbers
    for each in asked:
        if each.connection in connections and each.host.startswith("resetting"):
            died_when_kept.add(each.n)
        connections.add(each.connection)
        tries[each.path].append(each)
    for of_one in tries.values():
        number = 0
        for earlier, later in pairwise(of_one):
            if earlier.n in died_when_kept:
                continue  # sent again at once on a new connection: the same try
            assert later.at - earlier.until >= RETRY_WAIT * 2**number / 2
            number += 1


def test_our_own_delay_counts_from_the_answer_and_has_jitter(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/*": delay(0.05, page("here"))}) as server:
        urls = [
            server.url(f"/{n}", f"{h}.localhost")
            for n in range(6)
            for h in "ab"
        ]
        _run(
            tmp_path,
            urls,
            delay_seconds=0.1,
            jitter=0.5,
            per_host=4,
            robots="off",
        )
        for host in ("a.localhost", "b.localhost"):
            gaps = server.gaps(host)
            assert min(gaps) >= 0.1
            assert max(gaps) - min(gaps) > 0.001
        # the hosts do not wait for each other
        assert server.max_concurrent() == 2


# -- pauses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [503, 302])
def test_retry_after_is_honoured_on_503_and_redirects_too(
    tmp_path: Path, code: int
) -> None:
    first = status(code, {"Retry-After": "1", "Location": "/there"})
    with FaultyServer(
        {"/0": sequence(first, page("0")), "/*": page("x")}
    ) as server:
        _run(
            tmp_path,
            [server.url(f"/{n}") for n in range(3)],
            robots="off",
            threads=1,
        )
        assert server.gaps()[0] >= 1.0
        assert {each["state"] for each in records_of(tmp_path / "run")} == {
            "done"
        }


def test_a_day_of_retry_after_is_not_waited_for(tmp_path: Path) -> None:
    day = status(429, {"Retry-After": "86400"})
    with FaultyServer({"/": sequence(day, page("x"))}) as server:
        report = _run(tmp_path, [server.url("/")], robots="off")
        assert len(server.seen) == 1
    (record,) = records_of(tmp_path / "run")
    assert (record["state"], record["error_kind"]) == ("failed", "host_refused")
    later = datetime.fromisoformat(record["not_before"]).timestamp()
    assert later >= time.time() + 86_000
    assert (report.unasked, report.exit_code) == (1, 5)


def test_a_host_that_permits_so_much_is_asked_for_that(tmp_path: Path) -> None:
    """Thirty a second, three at once: asked as fast as it answers it would refuse each second
    request."""
    bucket, lock = Bucket(30.0, 3), threading.Lock()
    refused = []

    def answer(exchange: Exchange) -> None:
        with lock:
            asked = Asked(exchange.seen.at, exchange.seen.path, 0)
            is_good = bucket(asked).status == 200
        if not is_good:
            refused.append(exchange.seen.path)
        (page("x") if is_good else status(429))(exchange)

    with FaultyServer(answer) as server:
        urls = [server.url(f"/{n}") for n in range(100)]
        report = _run(tmp_path, urls, robots="off")
    assert (report.done, report.total) == (100, 100)
    assert 1 <= len(refused) <= 15


def _start(folder: Path, lst: Path, *flags: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "scraper", str(lst), "--dir", str(folder / "run"),
               "--save-only", "--no-progress", *flags]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def test_a_pause_holds_across_a_kill(tmp_path: Path) -> None:
    pause, before_the_kill = 4.0, 1.2  # commits are at most half a second apart
    limited: list[float] = []
    runs: list[subprocess.Popen[bytes]] = []

    def answer(exchange: Exchange) -> None:
        seen = exchange.seen
        if seen.path == "/robots.txt":
            status(404)(exchange)
        elif seen.host.startswith("limiting"):
            if limited:
                page("fine")(exchange)
            else:
                status(429, {"Retry-After": f"{pause:g}"})(exchange)
                limited.append(exchange.answered_at or 0.0)
        else:
            if (
                limited
                and time.monotonic() - limited[0] > before_the_kill
                and len(runs) == 1
            ):
                os.kill(runs[0].pid, signal.SIGKILL)
            delay(0.05, page("x"))(exchange)

    with FaultyServer(answer) as server:
        lst = tmp_path / "urls.txt"
        urls = [server.url(f"/{n}", "limiting.localhost") for n in range(3)]
        urls += [server.url(f"/{n}", "good.localhost") for n in range(60)]
        lst.write_text("\n".join(urls))
        runs.append(_start(tmp_path, lst, "--per-host", "1"))
        assert runs[0].wait(30) == -signal.SIGKILL
        runs.append(_start(tmp_path, lst, "--per-host", "1"))
        assert runs[1].wait(60) == 0
        asked = [
            each
            for each in _by_host(server)["limiting"]
            if each.path != "/robots.txt"
        ]
        assert len(asked) == 4
        assert asked[1].at - asked[0].until >= pause
        # neither was asked again after the kill
        assert server.count("/robots.txt") == 2
    told = records_of(tmp_path / "run")
    assert len(told) == len({each["url"] for each in told}) == len(urls)
    assert {each["state"] for each in told} == {"done"}


# -- bandwidth --------------------------------------------------------------------------------

SIZE = 50_000


def _run_noting_ends(
    folder: Path, urls: list[str], **keys: Any
) -> dict[str, float]:
    """For each host, how long after the start its last outcome came."""
    config = scraper.configure(
        dir=str(folder / "run"), save_only=True, robots="off", **keys
    )
    began = time.monotonic()
    with scraper.stream(urls, config) as outcomes:
        return {
            each.url.split("//")[1].partition(".")[0]: time.monotonic() - began
            for each in outcomes
        }


def test_bodies_that_come_at_once_share_the_bandwidth(tmp_path: Path) -> None:
    with FaultyServer({"/*": body(b"x" * SIZE, "text/plain")}) as server:
        urls = [server.url("/", f"h{n}.localhost") for n in range(4)]
        ended = _run_noting_ends(tmp_path, urls, limit_rate_bytes=400_000)
    assert len(ended) == 4
    assert min(ended.values()) > 0.8 * 4 * SIZE / 400_000
    assert max(ended.values()) < 4 * SIZE / 400_000 + 2


def test_the_bandwidth_of_one_host_slows_only_that_host(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/*": body(b"x" * SIZE, "text/plain")}) as server:
        urls = [server.url(f"/{n}", "big.localhost") for n in range(4)]
        urls.append(server.url("/", "small.localhost"))
        ended = _run_noting_ends(
            tmp_path,
            urls,
            host_limit_rate_bytes=200_000,
            limit_rate_bytes=10**9,
        )
    least = 4 * SIZE / 200_000
    assert ended["small"] < ended["big"]
    assert least <= ended["big"] < least + 10


# -- a dead host ------------------------------------------------------------------------------


@pytest.mark.parametrize("robots_txt", ["on", "off"])
def test_a_dead_host_costs_few_connections_and_one_line(
    tmp_path: Path, robots_txt: str
) -> None:
    wire = Wire(0, {PUBLIC: ConnectionRefusedError(111, "Connection refused")})
    urls = [f"http://dead.test/{n}" for n in range(300)]
    makers = internet(Names({"dead.test": PUBLIC}), wire)
    report = _run(tmp_path, urls, makers=makers, allow_hosts=["*.test"], robots=robots_txt,
                  retry_wait_seconds=0.01)  # fmt: skip
    assert len(wire.contacted) <= trouble.MAX_SILENCES_OF_NEW
    assert report.failures.total() == report.total == 300
    assert report.failures["host_down"] >= 299
    log = (tmp_path / "run" / "run.log").read_text().splitlines()
    assert len([line for line in log if "host_down" in line]) == 1
    assert len(log) <= 2, log
    told = records_of(tmp_path / "run")
    assert {each["retryable"] for each in told} == {True}


def test_a_dead_host_has_another_chance_with_retry(tmp_path: Path) -> None:
    with FaultyServer({"/*": page("back")}) as server:
        port = server.port
    urls = [f"http://a.localhost:{port}/{n}" for n in range(20)]
    first = _run(tmp_path, urls, robots="off", retry_wait_seconds=0.01)
    assert first.failures.total() == 20
    with FaultyServer({"/*": page("back")}, port=port):
        config = scraper.configure(
            dir=str(tmp_path / "run"), save_only=True, robots="off"
        )
        again = scraper.run(urls, config, retry=())
    assert (again.number, again.done) == (2, 20)


def test_a_summary_counts_what_was_given_up(tmp_path: Path) -> None:
    wire = Wire(0, {PUBLIC: ConnectionRefusedError(111, "Connection refused")})
    makers = internet(Names({"dead.test": PUBLIC}), wire)
    _run(tmp_path, [f"http://dead.test/{n}" for n in range(20)], makers=makers,
         allow_hosts=["*.test"], robots="off", retry_wait_seconds=0.01)  # fmt: skip
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert sum(summary["failures"].values()) == summary["failed"] == 20
    assert summary["unasked"] == 20
    assert summary["exit_code"] == 5
