"""`bench`: the same URLs one by one and concurrently, and what has bounded the latter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from scraper.cli import main
from scraper.cli.bench.bound import Bound, Course, find_bound
from scraper.cli.bench.words import advice_of, bound_text
from scraper.config import configure
from scraper.faulty import FaultyServer, closed_port, delay, page, robots
from scraper.outcomes.event import Event, Step
from tests.conftest import PROJECT, Scrape

PAGE = page("<title>Here</title>")
Bench = Callable[..., dict[str, Any]]


@pytest.fixture
def bench(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Bench:
    """`bench --json` of these URLs, without workers."""
    monkeypatch.chdir(tmp_path)

    def run(urls: Sequence[str], *flags: str) -> dict[str, Any]:
        Path("urls.txt").write_text("\n".join(urls))
        arguments = ["bench", "urls.txt", "--json", "--save-only", *flags]
        assert main(arguments) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert os.listdir() == ["urls.txt"], "nothing is kept"
        return found

    return run


def test_a_slow_server_bounds_by_the_network(bench: Bench) -> None:
    with FaultyServer({"/*": delay(0.1, PAGE)}) as server:
        urls = [server.url(f"/{number}") for number in range(16)]
        found = bench(urls)
        assert server.count() == 2 * len(urls) + 1, "and robots.txt"
    assert found["bounded_by"]["cause"] == "network"
    assert "waited for its answers" in found["bounded_by"]["text"]
    assert found["one_by_one_seconds"] >= 1.6
    assert found["speed_up"] > 1.5


def test_a_crawl_delay_bounds_by_politeness_in_both_ways(bench: Bench) -> None:
    rules = robots("User-agent: *\nCrawl-delay: 0.2\n")
    with FaultyServer({"/robots.txt": rules, "/*": PAGE}) as server:
        found = bench([server.url(f"/{number}") for number in range(5)])
        assert min(server.gaps()) >= 0.19, "also from one way to the other"
    assert found["bounded_by"]["cause"] == "politeness"
    assert server.host in found["bounded_by"]["host"]
    assert "Crawl-delay" in found["bounded_by"]["text"]


def test_many_hosts_are_asked_at_once(bench: Bench) -> None:
    with FaultyServer({"/*": delay(0.1, PAGE)}) as server:
        names = [f"h{number}.localhost" for number in range(12)]
        urls = [server.url("/a", host=name) for name in names]
        found = bench(urls)
        assert server.max_concurrent() > 1
    assert found["hosts"] == 12
    assert found["speed_up"] > 2


def test_few_threads_are_what_bounds(bench: Bench) -> None:
    with FaultyServer({"/*": delay(0.05, PAGE)}) as server:
        urls = [
            server.url(f"/{number}", host=f"h{number % 4}.localhost")
            for number in range(16)
        ]
        found = bench(urls, "--threads", "1")
    assert found["bounded_by"]["cause"] == "threads"
    assert found["bounded_by"]["advice"] == "--threads 2"


def test_only_the_first_urls_that_differ_are_asked(bench: Bench) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        urls = [server.url(f"/{number}") for number in range(9)]
        found = bench(["# list", urls[0], "no url", *urls], "--urls", "4")
        assert server.count(urls[3].removeprefix(server.url().rstrip("/"))) == 2
        assert server.count() == 9
    assert found["urls"] == 4


def test_what_does_not_answer_counts_in_neither_way(bench: Bench) -> None:
    rules = robots("User-agent: *\nDisallow: /no\n")
    with FaultyServer({"/robots.txt": rules, "/a": PAGE}) as server:
        found = bench([server.url(each) for each in ("/a", "/gone", "/no")])
    assert found["urls"] == 2, "404 is an answer"
    (left_out,) = found["not_measured"]
    assert left_out["reason"].startswith("robots_disallowed")


def test_the_table_says_it_in_words(scrape: Scrape) -> None:
    with FaultyServer({"/*": delay(0.05, PAGE)}) as server:
        urls = scrape.list_of(*(server.url(f"/{n}") for n in range(8)))
        done = scrape("bench", urls, dir=None)
    assert done.code == 0
    assert "8 URLs, each asked twice" in done.stderr
    alone, together, faster, _, bound, advice = done.stdout.splitlines()
    assert alone.startswith("one by one ")
    assert alone.endswith("URLs/s")
    assert together.startswith("concurrently ")
    assert faster.startswith("speed-up ")
    assert faster.endswith(" x")
    assert bound.startswith("bounded by the ")
    assert advice.startswith("to change that: ")
    assert os.listdir(scrape.folder) == [urls]


@pytest.mark.parametrize(
    ("lines", "flags", "code", "said"),
    [
        ([], [], 2, "no URL in urls.txt"),
        (["http://127.0.0.1/"], [], 2, "one URL alone cannot be"),
        (["http://127.0.0.1/"], ["--urls", "1"], 2, "--urls 1 is invalid"),
        (["http://127.0.0.1/"], ["--refresh"], 2, "--refresh is about runs"),
        (["http://127.0.0.1/"], ["--every", "1h"], 2, "--every is about"),
        (
            ["http://elsewhere.example/", "http://elsewhere.example/b"],
            [],
            4,
            "fewer than two of 2 URLs were answered: 2 host_not_allowed",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(
    lines: list[str],
    flags: list[str],
    code: int,
    said: str,
    scrape: Scrape,
) -> None:
    urls = scrape.list_of(*lines)
    done = scrape.here("bench", urls, *flags, dir=None)
    assert done.code == code
    *_, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert said in last
    assert "Traceback" not in done.stderr


def test_a_host_that_is_down_is_waited_for_once(bench: Bench) -> None:
    port = closed_port()
    with FaultyServer({"/*": PAGE}) as server:
        down = [f"http://127.0.0.1:{port}/{number}" for number in range(4)]
        found = bench([server.url("/a"), *down, server.url("/b")])
    assert found["urls"] == 2
    assert len(found["not_measured"]) == len(down)
    assert "host_down" in found["not_measured"][0]["reason"]


def test_an_interruption_is_one_sentence(tmp_path: Path) -> None:
    with FaultyServer({"/*": delay(60, PAGE)}) as server:
        command = [sys.executable, "-m", "scraper", "bench", "--save-only"]
        process = subprocess.Popen(
            [*command, server.url("/a"), server.url("/b")],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        server.wait_for(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[1:] == [
        "stopped: interrupted, and nothing was measured or kept; --urls 20 asks fewer URLs"
    ]
    assert os.listdir(tmp_path) == []


# -- what bounds, from steps ----------------------------------------------------------------------


def _course(*steps: tuple[float, Step, int], **known: Any) -> Course:
    events = [
        Event(step, id, f"http://a/{id}", at, attempt=0)
        for at, step, id in steps
    ]
    given: dict[str, Any] = {
        "hosts": {event.url: "a" for event in events},
        "began": 0.0,
        "ended": events[-1].at,
        "cpu_seconds": 0.0,
        "threads": 8,
    }
    return Course(events=events, **given | known)


def test_time_after_the_last_answer_is_that_of_workers() -> None:
    bound = find_bound(
        _course((0, "asked", 1), (1, "fetched", 1), (5, "recorded", 1))
    )
    assert (bound.cause, bound.share) == ("workers", 0.8)


def test_a_busy_core_bounds_whatever_else_was_waited_for() -> None:
    steps: list[tuple[float, Step, int]] = [
        (0, "asked", 1),
        (1, "fetched", 1),
        (1, "recorded", 1),
    ]
    assert find_bound(_course(*steps, cpu_seconds=0.9)).cause == "cpu"
    assert find_bound(_course(*steps, cpu_seconds=0.5)).cause == "network"


def test_a_refusal_is_politeness_and_counted() -> None:
    bound = find_bound(
        _course(
            (0.0, "asked", 1),
            (0.1, "fetched", 1),
            (0.1, "recorded", 1),
            (0.1, "asked", 2),
            (0.2, "paused", 2),
            (5.2, "asked", 2),
            (5.3, "fetched", 2),
            (5.3, "recorded", 2),
        )
    )
    assert (bound.cause, bound.refusals) == ("politeness", 1)
    assert "which has refused 1 time" in bound_text(bound, configure())


def test_the_last_host_counts_and_not_the_others() -> None:
    course = _course(
        (0.0, "asked", 1),
        (0.0, "asked", 2),
        (0.1, "fetched", 1),
        (0.1, "recorded", 1),
        (3.0, "fetched", 2),
        (3.0, "recorded", 2),
        hosts={"http://a/1": "quick", "http://a/2": "slow"},
    )
    bound = find_bound(course)
    assert (bound.host, bound.cause) == ("slow", "network")
    assert bound.answer_seconds == 3.0
    assert not bound.has_queue


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        ("threads", "--threads 8"),
        ("workers", "--save-only"),
        ("cpu", "a faster core"),
        ("network", "--per-host 16"),
        ("politeness", "a shorter --delay"),
    ],
)
def test_each_cause_has_its_advice(cause: Any, advice: str) -> None:
    bound = Bound(cause, 0.9, "a", 0.1, 1.0, 8, True, 0)
    config = configure(threads=4, delay=1)
    assert advice in advice_of(bound, config)
    assert "90%" in bound_text(bound, config)
