"""What users read while hosts refuse, are silent or slow: the very lines of whole runs, by a clock
that is played."""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.played import behaviours as does
from benchmarks.played.folder import Folder
from benchmarks.played.limits import Bucket
from benchmarks.played.machine import NEVER, Machine
from benchmarks.played.world import START, Host, World
from scraper.cli import status
from scraper.cli.progress import Ahead, line_text
from scraper.cli.summary import summary_text
from scraper.config import configure
from scraper.messages import Message
from scraper.runner import Run
from scraper.sources.source import given_source

pytestmark = pytest.mark.usefixtures("real_pauses")


@pytest.fixture(autouse=True)
def played_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 22:13 in Greenwich when a play begins."""

    def greenwich(at: float = START) -> time.struct_time:
        return time.gmtime(at)

    monkeypatch.setattr(time, "localtime", greenwich)


class Watched(Machine):
    """Also writes down what the progress line says, each time it says something else."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 1, 0.0, NEVER)
        self.run: Run
        self.lines: list[str] = []

    def get(self, timeout: float) -> Message:
        run = self.run
        ahead = Ahead(run.known, run.waiting, run.least_seconds)
        line = line_text(run.report, ahead)
        if run.waiting and line not in self.lines[-1:]:
            self.lines.append(line)
        return super().get(timeout)


def played(
    folder: Path, hosts: dict[str, Host], urls: list[str], **options: Any
) -> tuple[list[str], list[str]]:
    """What the progress line and run.log have said."""
    machine = Watched(World(hosts, random.Random(1)))
    config = configure(
        dir=str(folder), threads=4, save_only=True, allow_hosts=("*.test",),
        robots="off", **options,
    )  # fmt: skip
    sources = [given_source(urls, "list")]
    machine.run = Run(sources, config, makers=machine.makers())
    with machine.run as run:
        for _ in run:
            pass
    log = (folder / "run.log").read_text().splitlines()
    return machine.lines, [
        line.partition("WARNING: ")[2] for line in log if "[run]" in line
    ]


def test_a_host_that_refuses_for_a_minute(tmp_path: Path) -> None:
    hosts = {"a.test": Host(does.refusing(0.2, 60, 429))}
    urls = [f"http://a.test/{number}" for number in range(40)]
    lines, log = played(tmp_path, hosts, urls)
    assert lines == [
        "17/40 URLs, ok=17, 119 B; waiting: "
        f"a.test refuses (429), next probe 22:{minute}, given up 22:28"
        for minute in (13, 14)
    ]
    assert log == [
        "a.test refuses (429): asked again at 22:13, given up at 22:28",
        "a.test answers again, after 90 s",
    ]


def test_a_host_that_is_silent(tmp_path: Path) -> None:
    hosts = {"a.test": Host(does.unreachable)}
    lines, log = played(tmp_path, hosts, ["http://a.test/1", "http://a.test/2"])
    assert lines == [
        "0/2 URLs, ok=0, 0 B; waiting: "
        f"a.test is silent (connect_timeout), probe {probe} of 3 at 22:{minute}"
        for probe, minute in ((1, 13), (2, 13), (3, 14))
    ]
    assert log == [
        "a.test is silent (connect_timeout): probe 2 of 3 at 22:13",
        "a.test was silent 4 times in a row (connect_timeout: as it was played):"
        " what waits for a.test ends as host_down, asked again from 22:15 on",
    ]


def test_a_slow_host(tmp_path: Path) -> None:
    hosts = {"a.test": Host(does.well)}
    urls = [f"http://a.test/{number}" for number in range(40)]
    lines, log = played(tmp_path, hosts, urls, delay="30s", jitter=0)
    waits = "waiting: a.test has 30 s between requests (--delay)"
    assert lines[0] == f"1/40 URLs, ok=1, 7 B, about 20 min left; {waits}"
    assert lines[-1] == f"39/40 URLs, ok=39, 273 B; {waits}"
    assert log == [
        "--delay is 30 s between requests: the 39 URLs of a.test take about 20 min"
    ]


def test_many_hosts_that_are_silent(tmp_path: Path) -> None:
    hosts = {f"{number}.test": Host(does.closed) for number in range(12)}
    urls = [f"http://{name}/{n}" for name in hosts for n in range(3)]
    lines, log = played(tmp_path, hosts, urls)
    assert lines[0] == (
        "0/36 URLs, ok=0, 0 B; waiting: 12 hosts, the first until 22:13"
    )
    assert len(log) == 2 * 12


def test_a_host_that_permits_one_request_in_three_seconds(
    tmp_path: Path,
) -> None:
    hosts = {"a.test": Host(Bucket(1 / 3, 1))}
    urls = [f"http://a.test/{number}" for number in range(400)]
    lines, log = played(tmp_path, hosts, urls)
    prices = [line for line in log if line.startswith("a.test lets ")]
    assert "requests/min through: its 3" in prices[0]
    assert any(" min left" in line for line in lines)


# -- as another process sees it ---------------------------------------------------------------


def killed(folder: Path, hosts: dict[str, Host], after: float) -> None:
    """A run of three URLs a host that is killed after so many seconds."""
    world = World(hosts, random.Random(1))
    urls = [f"http://{name}/{number}" for name in hosts for number in range(3)]
    Folder(folder, world, urls, robots="off").run(kill_after=after)


@pytest.mark.parametrize("how", [does.closed, does.status(503)])
def test_a_kill_as_soon_as_a_pause_begins(tmp_path: Path, how: Any) -> None:
    """While nothing else is under way: the next run waits for its end."""
    world = World({"a.test": Host(how)}, random.Random(1))
    urls = [f"http://a.test/{number}" for number in range(3)]
    folder = Folder(tmp_path / "run", world, urls, robots="off")
    folder.run(kill_after=0.2)
    first = [each.began for each in world.log]
    folder.run(kill_after=20.0)
    gaps = [each.began - max(first) for each in world.log[len(first) :]]
    assert gaps[0] >= 1.0
    assert gaps[1] - gaps[0] >= 4.0, "it is the second pause"


def test_what_a_host_has_taught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In `status`, as JSON, and in `explain`; and the next run begins with it."""
    hosts = {"a.test": Host(Bucket(10.0, 10)), "b.test": Host(does.well)}
    world = World(hosts, random.Random(1))
    urls = [f"http://a.test/{number}" for number in range(2_000)]
    folder = Folder(tmp_path / "run", world, urls, robots="off")
    folder.run(kill_after=70.0)
    status.main([str(folder.path)], argparse.ArgumentParser)
    said = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"learned: a\.test: (9|10)[.\d]* requests/s"
        r" \(refused above 1[.\d]+ requests/s, \d+ days ago\)",
        said,
    )
    status.main([str(folder.path), "--json"], argparse.ArgumentParser)
    facts = json.loads(capsys.readouterr().out)
    (learned,) = facts["learned"]
    assert learned["host"] == "a.test"
    assert learned["rate"] < learned["refused_above"]
    asked = len(world.log)
    folder.run(kill_after=20.0)
    statuses = [each.answer.status for each in world.log[asked:]]
    assert statuses.count(429) <= 2
    assert len(statuses) > 120


def status_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """What `status` says of hosts, in words and as JSON."""
    status.main([str(folder)], argparse.ArgumentParser)
    lines = capsys.readouterr().out.splitlines()
    status.main([str(folder), "--json"], argparse.ArgumentParser)
    facts = json.loads(capsys.readouterr().out)
    waits = [line for line in lines if line.startswith("waiting: ")]
    return waits, facts["waiting_hosts"]


def test_status_of_a_host_that_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(tmp_path / "run", {"a.test": Host(does.status(503))}, 40)
    lines, hosts = status_of(tmp_path / "run", capsys)
    assert lines == [
        "waiting: a.test refuses (503) since 22:13, next probe 22:14,"
        " given up 22:14; 3 URLs wait"
    ]
    (host,) = hosts
    assert host["text"] == lines[0].removeprefix("waiting: ")
    assert host["next_probe"].startswith("2023-11-14T22:14")
    assert host["gives_up_at"].startswith("2023-11-14T22:14")
    assert {k: host[k] for k in ("host", "rule", "last_failure", "urls")} == {
        "host": "a.test",
        "rule": "refuses",
        "last_failure": "http_503",
        "urls": 3,
    }


def test_status_of_a_host_that_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(tmp_path / "run", {"a.test": Host(does.closed)}, 5)
    lines, _ = status_of(tmp_path / "run", capsys)
    assert lines == [
        "waiting: a.test is silent (connect_refused) since 22:13,"
        " probe 2 of 3 at 22:13; 3 URLs wait"
    ]


def test_status_of_a_host_that_was_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(tmp_path / "run", {"a.test": Host(does.status(503))}, NEVER)
    lines, hosts = status_of(tmp_path / "run", capsys)
    assert lines == [
        "waiting: a.test has refused for 60 s (the server answered 503 as it was"
        " played), given up 22:14; 3 URLs wait, asked from 22:15 on"
    ]
    assert hosts[0]["given_up"] == "host_refused"
    assert hosts[0]["not_before"].startswith("2023-11-14T22:15")
    assert hosts[0]["next_probe"] is None


def test_status_of_a_host_that_refuses_its_robots_txt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = {"a.test": Host(does.for_robots(does.status(503)))}
    world = World(hosts, random.Random(1))
    folder = Folder(tmp_path / "run", world, ["http://a.test/1"])
    assert folder.run().exit_code == 5
    lines, facts = status_of(tmp_path / "run", capsys)
    assert lines == ["waiting: a.test: 1 URL left unasked, asked from 22:15 on"]
    assert facts[0]["not_before"].startswith("2023-11-14T22:15")


def test_status_of_a_host_that_answers_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(tmp_path / "run", {"a.test": Host(does.refusing(0, 9, 503))}, NEVER)
    assert status_of(tmp_path / "run", capsys) == ([], [])


def test_status_shows_the_hosts_for_which_most_urls_wait(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status, "MAX_HOSTS", 2)
    hosts = {f"{number}.test": Host(does.closed) for number in range(5)}
    killed(tmp_path / "run", hosts, 5)
    lines, facts = status_of(tmp_path / "run", capsys)
    assert len(lines) == 3
    assert lines[-1] == "waiting: 3 more hosts"
    assert len(facts) == 5


# -- a run for which nothing may be asked yet --------------------------------------------------


def test_a_run_that_may_ask_nothing_yet_says_when(tmp_path: Path) -> None:
    hosts = {f"{name}.test": Host(does.closed) for name in "abc"}
    world = World(hosts, random.Random(1))
    urls = [f"http://{name}/{number}" for name in hosts for number in range(3)]
    folder = Folder(tmp_path / "run", world, urls, robots="off")
    assert folder.run().exit_code == 5
    asked = len(world.log)

    machine = Machine(world, 2, 0.0, NEVER)
    sources = [given_source(urls, "list")]
    with Run(sources, folder.config, makers=machine.makers()) as run:
        assert list(run) == []
    assert summary_text(run).splitlines()[0] == (
        "nothing may be asked yet: 9 URLs of 3 hosts wait,"
        " the first may be asked at 22:15"
    )
    assert run.report.exit_code == 5
    assert len(world.log) == asked


def test_a_run_for_which_nothing_is_left_says_so(tmp_path: Path) -> None:
    world = World({"a.test": Host(does.well)}, random.Random(1))
    folder = Folder(tmp_path / "run", world, ["http://a.test/1"], robots="off")
    folder.run()
    machine = Machine(world, 2, 0.0, NEVER)
    sources = [given_source(folder.urls, "list")]
    with Run(sources, folder.config, makers=machine.makers()) as run:
        assert list(run) == []
    assert summary_text(run).startswith("nothing left to do: pass 1 of ")
