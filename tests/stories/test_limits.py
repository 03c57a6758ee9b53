"""Limits end a run cleanly: exit 5, a reason, and the same command goes on to the end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import (
    FaultyServer,
    body,
    delay,
    page,
    robots,
    sequence,
    short,
    status,
)
from scraper.faulty.server import Exchange
from tests.conftest import Scrape, Scraped

URLS = 60
BODY = "x" * 2_000


def _summary(scraped: Scraped) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        (scraped.folder / "summary.json").read_text()
    )
    return told


def _stopped(scraped: Scraped, reason: str) -> None:
    """Exit code, summary and terminal agree."""
    assert scraped.code == 5, scraped.stderr
    summary = _summary(scraped)
    assert summary["exit_code"] == 5
    assert reason in summary["stopped"]
    assert (
        f"stopped: {summary['stopped']}; the same command continues"
        in scraped.stderr
    )


def _to_the_end(
    scrape: Scrape, lst: str, server: FaultyServer, code: int = 0
) -> Scraped:
    """Without the limit the run goes on, and asks nothing twice but what was cut."""
    ended = scrape.here(lst, "--robots", "off")
    assert ended.code == code, ended.stderr
    assert len(ended.records) == len(ended.by_url()) == URLS
    assert {each["pass"] for each in ended.records} == {1}
    assert _summary(ended)["stopped"] is None
    assert _summary(ended)["urls"] == URLS
    return ended


def _list(scrape: Scrape, server: FaultyServer) -> str:
    return scrape.list_of(*(server.url(f"/{number}") for number in range(URLS)))


def test_max_urls_gives_exactly_so_many_outcomes(scrape: Scrape) -> None:
    with FaultyServer({"/*": page(BODY)}) as server:
        lst = _list(scrape, server)
        for so_far in (7, 14):
            told = scrape.here(lst, "--max-urls", "7", "--robots", "off")
            _stopped(told, "max_urls of 7 URLs is reached")
            assert len(told.records) == so_far
        assert server.count() == 14
        _to_the_end(scrape, lst, server)
        assert server.count() == URLS


def test_max_urls_counts_outcomes_and_neither_retries_nor_robots(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPER_RETRY_WAIT", "50ms")
    with FaultyServer(
        {"/robots.txt": status(404), "/*": status(408)}
    ) as server:
        told = scrape.here(
            _list(scrape, server), "--max-urls", "5",
        )  # fmt: skip
        _stopped(told, "max_urls of 5 URLs is reached")
        assert len(told.records) == 5
        assert {each["attempts"] for each in told.records} == {3}


@pytest.mark.parametrize("most", [URLS, URLS + 1])
def test_max_urls_that_all_fit_into_stops_nothing(
    scrape: Scrape, most: int
) -> None:
    with FaultyServer({"/*": page(BODY)}) as server:
        told = scrape.here(
            _list(scrape, server), "--max-urls", str(most), "--robots", "off"
        )
        assert (told.code, len(told.records)) == (0, URLS)
        assert _summary(told)["stopped"] is None


def test_max_bytes_stops_after_what_was_received(scrape: Scrape) -> None:
    with FaultyServer({"/*": page(BODY)}) as server:
        lst = _list(scrape, server)
        told = scrape.here(
            lst, "--max-bytes", "30000", "--robots", "off", "-j", "4"
        )
        _stopped(told, "max_bytes of 30,000 bytes is reached")
        received = sum(each["wire_bytes"] for each in told.records)
        assert 30_000 <= received <= 30_000 + 8 * len(BODY)
        _to_the_end(scrape, lst, server)
        assert server.count() == URLS


BIG = b"." * 2_000
NOTHING = {
    "pages that are not there": {"/*": body(BIG, code=404)},
    "bodies that end early": {"/*": short(BIG)},
    "bodies that are too large": {"/*": body(BIG * 2)},
    "bodies that cannot be decoded": {
        "/*": body(BIG, headers={"Content-Encoding": "gzip"})
    },
    "bodies of redirects": {
        "/*": body(BIG, headers={"Location": "/there"}, code=302)
    },
}


@pytest.mark.parametrize("name", NOTHING)
def test_max_bytes_counts_what_came_to_nothing(
    scrape: Scrape, name: str
) -> None:
    with FaultyServer(NOTHING[name]) as server:
        told = scrape.here(
            _list(scrape, server), "--max-bytes", "30k", "--robots", "off", "-j", "2",
            "--retries", "0", "--max-body", "3k",
        )  # fmt: skip
        _stopped(told, "max_bytes of 30,720 bytes is reached")
        assert server.count() < URLS / 2
        assert _summary(told)["wire_bytes"] >= 30_720
        assert {each["wire_bytes"] for each in told.records} <= {None}, (
            "no body was kept"
        )


def test_max_bytes_counts_each_robots_txt(scrape: Scrape) -> None:
    rules = "#" * 20_000 + "\nUser-agent: *\nAllow: /\n"
    with FaultyServer(
        {"/robots.txt": robots(rules), "/*": page("x")}
    ) as server:
        hosts = [
            server.url("/", f"host-{number}.localhost") for number in range(20)
        ]
        told = scrape.here(
            scrape.list_of(*hosts), "--max-bytes", "100k", "-j", "2"
        )
        _stopped(told, "max_bytes of 102,400 bytes is reached")
        assert server.count("/robots.txt") < 12


def test_a_body_that_was_had_again_counts_twice(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPER_RETRY_WAIT", "10ms")
    with FaultyServer(sequence(short(BIG), body(BIG))) as server:
        told = scrape.here(scrape.list_of(server.url()), "--robots", "off")
        assert told.code == 0
        assert told.records[0]["wire_bytes"] == len(BIG)
        assert _summary(told)["wire_bytes"] == 2 * len(BIG)


def test_a_body_takes_as_long_as_its_bandwidth_and_no_limit_counts_that(
    scrape: Scrape,
) -> None:
    with FaultyServer(body(bytes(100_000), "text/plain")) as server:
        flags = "-r", "200k", "--robots", "off", "--request-time", "300ms"
        told = scrape.here(scrape.list_of(server.url()), *flags)
    assert told.code == 0
    assert 0.4 < _summary(told)["seconds"] < 2
    assert told.records[0]["seconds"]["fetch"] < 0.3


def test_a_limit_of_the_run_does_not_wait_for_the_bandwidth(
    scrape: Scrape,
) -> None:
    with FaultyServer(body(bytes(100_000), "text/plain")) as server:
        flags = "-r", "1k", "--robots", "off", "--max-time", "100ms"
        told = scrape.here(
            scrape.list_of(server.url()), *flags, "--grace", "200ms"
        )
        _stopped(told, "max_time of 0.1 s is over")
        assert told.records == []
        assert _summary(told)["seconds"] < 5, "the body would take 100"


def test_max_time_stops_and_what_is_under_way_may_finish(
    scrape: Scrape,
) -> None:
    with FaultyServer({"/*": delay(0.05, page(BODY))}) as server:
        lst = _list(scrape, server)
        told = scrape.here(
            lst, "--max-time", "300ms", "--robots", "off", "--per-host", "2"
        )
        _stopped(told, "max_time of 0.3 s is over")
        assert 0 < len(told.records) < URLS
        assert server.count() == len(told.records)
        _to_the_end(scrape, lst, server)
        assert server.count() == URLS


def test_max_time_cuts_what_does_not_finish_within_the_grace(
    scrape: Scrape,
) -> None:
    with FaultyServer({"/30": delay(20), "/*": page(BODY)}) as server:
        lst = _list(scrape, server)
        told = scrape.here(
            lst, "--max-time", "2s", "--grace", "100ms", "--robots", "off"
        )
        _stopped(told, "max_time")
        assert len(told.records) == URLS - 1
        server.behaviours["/30"] = page(BODY)
        _to_the_end(scrape, lst, server)


def _every_third_fails(exchange: Exchange) -> None:
    number = int(exchange.seen.path.strip("/"))
    (status(404) if number % 3 == 0 else page(BODY))(exchange)


def test_max_failures_as_a_number(scrape: Scrape) -> None:
    with FaultyServer(_every_third_fails) as server:
        lst = _list(scrape, server)
        told = scrape.here(
            lst, "--max-failures", "5", "--robots", "off", "-j", "2"
        )
        _stopped(told, "5 URLs failed, which max_failures does not allow")
        assert 5 <= _summary(told)["failed"] <= 6
        assert len(told.records) < URLS
        _to_the_end(scrape, lst, server, code=3)
        assert server.count() == URLS


def test_max_failures_as_a_share(scrape: Scrape) -> None:
    with FaultyServer(_every_third_fails) as server:
        lst = _list(scrape, server)
        told = scrape.here(
            lst, "--max-failures", "20%", "--robots", "off", "-j", "2"
        )
        _stopped(told, "more than max_failures of 20%")
        assert 20 <= len(told.records) < 30  # a share of few means nothing
        _to_the_end(scrape, lst, server, code=3)


def test_a_share_that_is_not_passed_stops_nothing(scrape: Scrape) -> None:
    with FaultyServer(_every_third_fails) as server:
        told = scrape.here(
            _list(scrape, server),
            "--max-failures",
            "40%",
            "--robots",
            "off",
            "-j",
            "1",
        )
        assert (told.code, len(told.records)) == (3, URLS)


def test_failures_of_the_run_before_do_not_stop_the_next(
    scrape: Scrape,
) -> None:
    with FaultyServer(_every_third_fails) as server:
        lst = _list(scrape, server)
        for _ in range(20):
            told = scrape.here(
                lst, "--max-failures", "5", "--robots", "off", "-j", "2"
            )
            if told.code != 5:
                break
        assert (told.code, len(told.records)) == (3, URLS)
        assert server.count() == URLS


def test_a_limit_is_told_even_if_nothing_was_done(scrape: Scrape) -> None:
    with FaultyServer({"/*": delay(20)}) as server:
        told = scrape.here(
            _list(scrape, server), "--max-time", "100ms", "--grace", "0"
        )
        _stopped(told, "max_time of 0.1 s is over")
        assert told.records == []


def test_a_run_that_ends_as_its_limit_is_reached_is_complete(
    tmp_path: Path, scrape: Scrape
) -> None:
    with FaultyServer({"/*": status(404)}) as server:
        lst = scrape.list_of(*(server.url(f"/{number}") for number in range(3)))
        told = scrape.here(lst, "--max-failures", "4", "--robots", "off")
        assert told.code == 4
        assert _summary(told)["stopped"] is None


def test_max_bytes_counts_what_came_and_waits_for_a_worker(
    tmp_path: Path,
) -> None:
    """Pictures come faster than they are made smaller."""
    file = io.BytesIO()
    Image.effect_noise((1_500, 1_500), 80).save(file, "JPEG")
    picture = file.getvalue()
    with FaultyServer(
        {"/robots.txt": status(404), "/*": body(picture, "image/jpeg")}
    ) as server:
        urls = [server.url(f"/{number}.jpg") for number in range(60)]
        keys = {
            "dir": tmp_path / "run",
            "max_bytes": 2 * len(picture),
            "per_host": 2,
            "threads": 2,
        }
        report = scraper.run(urls, scraper.configure(**keys, processes=1))
        assert report.stopped is not None
        assert 2 <= server.count() - server.count("/robots.txt") <= 6


def test_a_limit_that_is_met_by_the_last_url_stops_nothing(
    scrape: Scrape,
) -> None:
    with FaultyServer({"/robots.txt": status(404), "/*": page(BODY)}) as server:
        told = scrape.here(
            scrape.list_of(server.url("/only")), "--max-bytes", "1000"
        )
    assert (told.code, _summary(told)["stopped"]) == (0, None), told.stderr
