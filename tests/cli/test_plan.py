"""`plan`: what a run would have before it, without saving anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper.cli import main
from scraper.cli.plan import asking
from scraper.config import configure
from scraper.faulty import (
    FaultyServer,
    body,
    closed_port,
    delay,
    page,
    redirect,
    robots,
    status,
)
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.model import Fact, HostState
from scraper.runner import Run
from scraper.sources.source import file_source
from scraper.sources.text import parse_line
from scraper.storage.ledger import Ledger
from scraper.supervision import Intervals
from scraper.urls import canonical
from tests.conftest import PROJECT, Scrape

PAGE = page("<title>Here</title>")
PLANNED = "User-agent: *\nDisallow: /no\n"
Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def plan(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Plan:
    """`plan --json` of these lines, with the exit code."""
    monkeypatch.chdir(tmp_path)

    def run(lines: list[str], *flags: str) -> dict[str, Any]:
        Path("urls.txt").write_text("\n".join(lines))
        before = sorted(map(str, Path().rglob("*")))
        capsys.readouterr()
        code = main(["plan", "--json", "urls.txt", *flags])
        assert sorted(map(str, Path().rglob("*"))) == before, "nothing is saved"
        return {"code": code, **json.loads(capsys.readouterr().out)}

    return run


def by_host(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["host"]: each for each in found["largest"]}


# -- what is asked --------------------------------------------------------------------------------


def test_each_host_is_asked_for_its_robots_and_for_nothing_else(
    plan: Plan,
) -> None:
    with FaultyServer({"/robots.txt": robots(PLANNED), "/*": PAGE}) as server:
        hosts = [f"h{number}.localhost" for number in range(3)]
        urls = [server.url(f"/{n}", host=h) for h in hosts for n in range(5)]
        urls += [server.url("/no/1", host=hosts[0])]
        found = plan(urls)
        assert server.count("/robots.txt") == 3
        assert server.count() == 3
    assert found["code"] == 0
    assert found["urls"] == 16
    assert (found["hosts"], found["permitted"]) == (3, 15)
    assert found["forbidden"] == 1
    assert found["at_least_seconds"] == 0
    assert found["likely_seconds"] > 0
    (first,) = [e for e in found["largest"] if e["urls"] == 6]
    assert (first["permitted"], first["forbidden"]) == (5, 1)


def test_a_crawl_delay_says_how_long_it_takes_at_least(plan: Plan) -> None:
    rules = robots("User-agent: *\nCrawl-delay: 10\n")
    with (
        FaultyServer({"/robots.txt": rules, "/*": PAGE}) as slow,
        FaultyServer({"/*": PAGE}) as quick,
    ):
        urls = [slow.url(f"/{n}") for n in range(40)]
        found = plan([*urls, *(quick.url(f"/{n}") for n in range(90))])
    assert found["at_least_seconds"] == 390
    assert found["slowest"].endswith(f":{slow.port}")
    host = by_host(found)[found["slowest"]]
    assert host["delay_seconds"] == 10
    assert host["delay_by"] == "crawl_delay"


def test_a_run_takes_no_less_than_its_plan(plan: Plan, scrape: Scrape) -> None:
    rules = robots("User-agent: *\nCrawl-delay: 0.2\n")
    with FaultyServer({"/robots.txt": rules, "/*": PAGE}) as server:
        urls = [server.url(f"/{n}") for n in range(5)]
        found = plan(urls)
        done = scrape.here(scrape.list_of(*urls))
    assert done.code == 0
    summary = json.loads((scrape.folder / "run/summary.json").read_text())
    assert found["at_least_seconds"] == 0.8
    assert summary["seconds"] >= found["at_least_seconds"]


def test_hosts_that_are_dead_are_named_with_their_reasons(plan: Plan) -> None:
    refuses = f"127.0.0.1:{closed_port()}"
    with (
        FaultyServer({"/*": delay(30, PAGE)}) as silent,
        FaultyServer({"/robots.txt": status(503), "/*": PAGE}) as busy,
        FaultyServer({"/*": PAGE}) as good,
    ):
        found = plan(
            [
                f"http://{refuses}/a",
                f"http://{refuses}/b",
                silent.url("/a"),
                busy.url("/a"),
                good.url("/a").replace("http:", "https:"),
                good.url("/a", host="localhost"),
            ],
            "--timeout=1",
            "--connect-timeout=1",
        )
        assert busy.count() == 1, "a plan has no patience"
    assert found["code"] == 3
    assert found["failing"] == 5
    assert found["failing_kinds"] == {
        "connect_refused": 2,
        "timeout_first_byte": 1,
        "http_503": 1,
        "connect_timeout": 1,
    }
    dead = [each["host"] for each in found["unanswered"]]
    assert dead[0] == refuses
    assert len(dead) == 4
    assert found["permitted"] == 1


def test_both_schemes_of_a_host_are_asked(plan: Plan) -> None:
    with FaultyServer({"/robots.txt": robots(PLANNED), "/*": PAGE}) as server:
        plain = server.url("/a")
        urls = [plain, plain.replace("http:", "https:"), f"{plain}2"]
        found = plan(urls, "--connect-timeout=1")
    (host,) = found["largest"]
    assert (host["permitted"], host["failing"]) == (2, 1)
    assert host["failing_kind"] == "connect_timeout"


def test_what_a_rule_of_ours_forbids_is_not_asked(plan: Plan) -> None:
    found = plan(["http://elsewhere.example/a", "http://127.0.0.1:1/"])
    assert found["code"] == 4, "as a run that skips all"
    assert found["refused_kinds"] == {
        "host_not_allowed": 1,
        "port_not_allowed": 1,
    }


def test_a_robots_that_has_moved_is_followed(plan: Plan) -> None:
    with FaultyServer({"/robots.txt": robots(PLANNED)}) as home:
        moved = redirect(home.url("/robots.txt", host="www.localhost"))
        with FaultyServer({"/robots.txt": moved}) as server:
            found = plan([server.url("/a"), server.url("/no")])
    (host,) = found["largest"]
    assert host["forbidden"] == 1
    assert host["robots_at"].startswith("www.localhost")
    assert host["answer_seconds"] is None, "it was another host's"


def test_without_robots_nothing_is_asked(plan: Plan) -> None:
    with FaultyServer({"/robots.txt": robots(PLANNED)}) as server:
        found = plan([server.url("/a"), server.url("/no")], "--robots", "off")
        assert server.count() == 0
    assert found["permitted"] == 2
    assert found["likely_seconds"] == 0


def test_what_is_only_reported_is_asked_all_the_same(plan: Plan) -> None:
    with FaultyServer({"/robots.txt": robots(PLANNED)}) as server:
        found = plan([server.url("/a"), server.url("/no")], "--robots=report")
    assert (found["permitted"], found["forbidden"]) == (2, 1)


def test_a_host_is_not_waited_for_that_wants_a_day(plan: Plan) -> None:
    rules = robots("User-agent: *\nCrawl-delay: 86400\n")
    with FaultyServer({"/robots.txt": rules}) as server:
        plain = server.url("/a")
        found = plan([plain, plain.replace("http:", "https:")])
    assert (found["permitted"], found["unknown"]) == (1, 1)
    assert found["code"] == 0


def test_a_thread_that_nothing_ends_costs_one_answer(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    fetch, left = Fetcher.fetch, []

    def hang(fetcher: Fetcher, flight: Flight) -> Fact:
        if flight.task.url.host.startswith("stuck"):
            flight.begin()
            held.wait()
        return fetch(fetcher, flight)

    monkeypatch.setattr(Fetcher, "fetch", hang)
    monkeypatch.setattr(asking, "Intervals", lambda: Intervals(lost=0.1))
    monkeypatch.setattr(os, "_exit", lambda code: left.append(code))
    try:
        with FaultyServer({"/*": PAGE}) as server:
            urls = [server.url("/", host=h + ".localhost") for h in "ab"]
            stuck = server.url("/", host="stuck.localhost")
            found = plan([stuck, *urls], "--request-time", "1s")
    finally:
        held.set()
    assert found["failing_kinds"] == {"timeout_total": 1}
    assert found["permitted"] == 2
    assert left == [3]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["{url}a"], 0),
        (["{url}a", "{url}no"], 0),
        (["{url}a", "no url"], 3),
        (["{url}a", "http://h.invalid/"], 0),
        (["{url}no", "http://h.invalid/"], 4),
        (["no url"], 4),
        (["# nothing"], 0),
    ],
)
def test_a_plan_ends_as_its_run(
    lines: list[str], code: int, plan: Plan, scrape: Scrape
) -> None:
    """A rule of ours keeps h.invalid from being looked up."""
    with FaultyServer({"/robots.txt": robots(PLANNED), "/*": PAGE}) as server:
        written = [each.format(url=server.url("/")) for each in lines]
        found = plan(written)
        done = scrape.here(scrape.list_of(*written))
    assert (found["code"], done.code) == (code, code)


# -- lists ----------------------------------------------------------------------------------------


def test_lines_are_counted_by_what_they_are(plan: Plan) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        url = server.url("/a")
        lines = ["# a list", url, url, "no url", "no url", "mailto:a@b", ""]
        found = plan([*lines, server.url("/b")])
    assert found["code"] == 3, "as a run to which these lines are failures"
    assert (found["lines"], found["urls"]) == (6, 2)
    assert found["repeated"] == 2
    assert found["no_url"] == {"bad_url": 1, "bad_scheme": 1}


def test_a_long_list_is_summed(plan: Plan) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        urls = [
            server.url(f"/{n}", host=f"h{n % 30}.localhost")
            for n in range(3_000)
        ]
        found = plan(
            [*urls, server.url("/x", host="h7.localhost")], "--hosts=2"
        )
    assert found["urls"] == 3_001
    assert len(found["largest"]) == 2
    assert found["largest"][0]["urls"] == 101
    assert found["others"]["hosts"] == 28
    assert (
        found["others"]["urls"] + sum(each["urls"] for each in found["largest"])
        == found["permitted"]
    )


def test_all_forms_of_lists_are_read(plan: Plan, tmp_path: Path) -> None:
    listed = body(
        b"https://127.0.0.1:1/a\nhttps://127.0.0.1:1/b\n", "text/plain"
    )
    with FaultyServer({"/list": listed, "/*": PAGE}) as server:
        rows = f"name,url\na,{server.url('/1')}\nb,{server.url('/2')}\n"
        (tmp_path / "more.csv").write_text(rows)
        found = plan([server.url("/1"), server.url("/3")], "more.csv")
        fetched = plan([], "--list-url", server.url("/list"))
    assert (found["urls"], found["repeated"]) == (3, 1)
    assert fetched["lines"] == 2, "and no line of urls.txt"


def test_a_list_on_standard_input(scrape: Scrape) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        done = scrape(
            "plan", "-", "--json", dir=None, stdin=f"{server.url('/a')}\n"
        )
    assert done.code == 0
    assert json.loads(done.stdout)["urls"] == 1
    assert os.listdir(scrape.folder) == []


@pytest.mark.parametrize(
    ("lines", "flags", "said"),
    [
        (["<!doctype html>", "<html><body>"], [], "urls.txt"),
        (["http://127.0.0.1/"], ["--every", "1h"], "--every is about runs"),
        (["http://127.0.0.1/"], ["--adopt"], "--adopt is about runs"),
        (["http://127.0.0.1/"], ["--hosts", "0"], "--hosts 0 is invalid"),
        (["http://127.0.0.1/"], ["--retry", "no_kind"], "no_kind"),
        (["http://127.0.0.1/"], ["--retry", "--refresh"], "exclude"),
        (["http://127.0.0.1/"], ["missing.txt"], "no such file: missing.txt"),
    ],
)
def test_what_a_run_refuses_is_refused(
    lines: list[str], flags: list[str], said: str, scrape: Scrape
) -> None:
    done = scrape.here("plan", scrape.list_of(*lines), *flags, dir=None)
    assert done.code == 2
    *_, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert said in last
    assert os.listdir(scrape.folder) == ["urls.txt"]


def test_an_empty_list_is_nothing_to_ask(plan: Plan) -> None:
    found = plan(["# nothing"])
    assert (found["code"], found["urls"], found["hosts"]) == (0, 0, 0)


# -- folders --------------------------------------------------------------------------------------


def test_of_a_folder_only_what_is_due_counts(
    plan: Plan, scrape: Scrape
) -> None:
    with FaultyServer({"/gone": status(404), "/*": PAGE}) as server:
        first = [server.url("/a"), server.url("/gone"), "no url"]
        scrape.here(scrape.list_of(*first))
        urls = [*first, server.url("/new")]
        asked = server.count()
        found = plan(urls, "-d", "run")
        again = plan(urls, "-d", "run", "--refresh")
        retried = plan(urls, "-d", "run", "--retry")
        aged = plan(urls, "-d", "run", "--max-age", "1h")
        assert server.count() == asked, "robots.txt is known for a day"
    assert found["due"] == {"new": 1, "left": 0, "again": 0, "all": 1}
    assert (found["folder"], found["known"]) == ("run", 2)
    assert found["no_url"] == {"bad_url": 1}
    assert again["due"] == {"new": 1, "left": 0, "again": 2, "all": 3}
    assert retried["due"] == {"new": 1, "left": 0, "again": 1, "all": 2}
    assert aged["due"]["all"] == 1


def test_what_pages_led_to_and_waits_is_not_taken_from_what_has_ended(
    plan: Plan, scrape: Scrape
) -> None:
    leads = page('<a href="/a">a</a> <a href="/b">b</a>')
    with FaultyServer({"/": leads, "/*": PAGE}) as server:
        urls = [server.url("/")]
        flags = ("--depth", "1")
        first = scrape.inside(scrape.list_of(*urls), *flags, "--max-urls", "1")
        assert first.code == 5, first.stderr
        found = plan(urls, "-d", "run", *flags)
    assert found["due"] == {"new": 0, "left": 2, "again": 0, "all": 2}
    assert found["known"] == 1


def test_what_an_earlier_run_has_left_is_due(
    plan: Plan, scrape: Scrape
) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        urls = [server.url(f"/{n}") for n in range(4)]
        scrape.here(scrape.list_of(*urls), "--max-urls", "1")
        found = plan(urls, "-d", "run")
        (scrape.folder / "urls.txt").unlink()
        without = scrape.here("plan", "--json")
    assert found["due"] == {"new": 0, "left": 3, "again": 0, "all": 3}
    assert json.loads(without.stdout)["due"]["all"] == 3


def test_the_folder_of_a_list_is_found(plan: Plan, scrape: Scrape) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        urls = [server.url("/a"), server.url("/b")]
        scrape.here(scrape.list_of(*urls), dir=None)
        found = plan(urls)
    assert found["folder"] == "downloads/urls"
    assert found["due"]["all"] == 0
    assert found["code"] == 0


def test_a_folder_of_another_list_is_refused(
    plan: Plan, scrape: Scrape
) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        scrape.here(scrape.list_of(server.url("/a"), name="others.txt"))
        urls = scrape.list_of(server.url("/b"))
        done = scrape.here("plan", urls)
        joined = plan([server.url("/b")], "-d", "run", "--add-list")
    assert done.code == 2
    assert "belongs to another list" in done.stderr
    assert joined["due"]["new"] == 1


def test_what_a_host_has_taught_sets_the_pace(
    plan: Plan, scrape: Scrape
) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        scrape.here(scrape.list_of(server.url("/a")))
        ledger = Ledger(scrape.folder / "run/.scraper/ledger.sqlite")
        url = canonical(server.url("/a"))
        ledger.hosts.keep(
            HostState(
                url.lane,
                url.host,
                learned_rate=2.0,
                sure_rate=2.0,
                refused_rate=4.0,
                rate_refused_at=2e9,
                rate_learned_at=2e9,
            )
        )
        ledger.commit()
        ledger.close()
        urls = [server.url("/a"), *(server.url(f"/{n}") for n in range(21))]
        found = plan(urls, "-d", "run")
    (host,) = found["largest"]
    assert host["learned_seconds"] == pytest.approx(0.5)
    assert found["likely_seconds"] == pytest.approx(10)
    assert found["at_least_seconds"] == 0


def test_a_plan_is_made_beside_a_run(scrape: Scrape) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        urls = [server.url("/a"), server.url("/b")]
        config = configure(dir=str(scrape.folder / "run"), save_only=True)
        source = file_source(str(scrape.folder / scrape.list_of(*urls)))
        with Run([source], config) as run:
            next(run)
            before = sorted(os.listdir(scrape.folder / "run/.scraper"))
            done = scrape.here("plan", "--json", "urls.txt")
            after = sorted(os.listdir(scrape.folder / "run/.scraper"))
            assert len(list(run)) == 1
    assert json.loads(done.stdout)["due"]["all"] <= 1
    assert before == after


@pytest.mark.parametrize("content", [b"no ledger", b""])
def test_a_ledger_that_is_none_is_one_sentence(
    content: bytes, scrape: Scrape
) -> None:
    hidden = scrape.folder / "run/.scraper"
    hidden.mkdir(parents=True)
    (hidden / "ledger.sqlite").write_bytes(content)
    done = scrape.here("plan", scrape.list_of("http://127.0.0.1:1/"))
    assert "Traceback" not in done.stderr
    if content:
        assert done.code == 2
        assert "run/.scraper/ledger.sqlite" in done.stderr
    assert (hidden / "ledger.sqlite").read_bytes() == content
    assert os.listdir(hidden) == ["ledger.sqlite"]


@pytest.mark.parametrize("first", [1, 20])
def test_damage_is_said_of_the_ledger_and_not_of_its_copy(
    first: int, scrape: Scrape
) -> None:
    path = scrape.folder / "run/.scraper/ledger.sqlite"
    path.parent.mkdir(parents=True)
    urls = [f"http://h{n}.localhost/" for n in range(2_000)]
    ledger = Ledger(path)
    lines = [parse_line(each, 0, n) for n, each in enumerate(urls)]
    ledger.intake.add([each for each in lines if each is not None], 1)
    ledger.commit()
    ledger.close()
    content = bytearray(path.read_bytes())
    for start in range(4_096 * first, len(content), 4_096 * 2):
        content[start : start + 4_096] = b"\xff" * 4_096
    path.write_bytes(content)
    done = scrape.here("plan", scrape.list_of(*urls), "--robots", "off")
    assert done.code == 2
    assert done.stderr.splitlines()[-1].startswith(
        "error: run/.scraper/ledger.sqlite is damaged"
    )
    assert path.read_bytes() == content


# -- words ----------------------------------------------------------------------------------------


def test_the_text_is_narrow_and_says_what_bounds(scrape: Scrape) -> None:
    rules = robots("User-agent: *\nCrawl-delay: 10\nDisallow: /no\n")
    with FaultyServer({"/robots.txt": rules, "/*": PAGE}) as server:
        name = f"{'very-' * 11}long.localhost"
        urls = [server.url(f"/{n}", host=name) for n in range(3_601)]
        urls += [server.url("/no", host=name)]
        urls += ["http://elsewhere.example/", "no url"]
        urls += [f"http://127.0.0.1:{closed_port()}/"]
        done = scrape.inside("plan", scrape.list_of(*urls), dir=None)
    assert done.code == 3
    assert "asked for its robots.txt, and for nothing else" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "3,605 lines · 3,604 URLs · 1 no URL (1 bad_url)"
    assert "robots.txt forbids 1, 10 s each" in lines[3]
    assert "robots.txt forbids 1 URL" in lines
    assert "not to be asked: 1 URL (1 host_not_allowed)" in lines
    (bound,) = [each for each in lines if each.startswith("at least")]
    assert bound.startswith("at least 10 h: 3,601 URLs of very-")
    assert bound.endswith("with 10 s between them (its Crawl-delay)")
    assert max(map(len, [e for e in lines if e != bound])) <= 100


def test_what_comes_from_outside_commands_no_terminal(scrape: Scrape) -> None:
    rules = robots("User-agent: *\n\x1b[31mDisallow: /\n")
    with FaultyServer({"/robots.txt": rules}) as server:
        done = scrape.here(
            "plan", scrape.list_of(server.url("/\x1b")), dir=None
        )
    assert "\x1b" not in done.stdout + done.stderr


def test_what_links_lead_to_comes_on_top(scrape: Scrape) -> None:
    with FaultyServer({"/*": PAGE}) as server:
        urls = scrape.list_of(server.url("/a?s=1"), server.url("/a?s=2"))
        flags = ["--depth=2", "--ignore-params=s"]
        done = scrape.inside("plan", urls, *flags, dir=None)
    assert done.code == 0
    assert done.stdout.startswith("2 lines · 1 URL · 1 repeated\n")
    assert "pages that links lead to come on top" in done.stdout


def test_an_interruption_is_one_sentence(tmp_path: Path) -> None:
    with FaultyServer({"/*": delay(60, PAGE)}) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "scraper", "plan", server.url("/a")],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        server.wait_for(1)
        process.send_signal(signal.SIGINT)
        answered, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[1:] == [
        "stopped: interrupted, and nothing was saved"
    ]
    assert not answered
    assert os.listdir(tmp_path) == []


def test_a_demo_is_planned(scrape: Scrape) -> None:
    done = scrape.here("plan", "--demo", "shop", dir=None)
    assert done.code == 0
    assert "127.0.0.1" in done.stdout
    assert os.listdir(scrape.folder) == []
