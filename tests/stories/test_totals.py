"""Summaries and exit codes speak of the folder: of each URL its last outcome counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, page, robots, status
from tests.conftest import Scrape

GONE = [f"/gone/{number}" for number in range(11)]


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/robots.txt": status(404),
        "/gone/*": status(404),
        "/*": page("<p>here"),
    }
    with FaultyServer(site) as server:
        yield server


def _list(
    scrape: Scrape, server: FaultyServer, *paths: str, name: str = "urls.txt"
) -> str:
    return scrape.list_of(*map(server.url, paths), name=name)


def test_failures_of_an_earlier_pass_still_count(
    scrape: Scrape, server: FaultyServer
) -> None:
    first = scrape.here(_list(scrape, server, *GONE))
    assert first.code == 4, "nothing is done"
    told = scrape.here(_list(scrape, server, *GONE, "/good"))
    assert told.code == 3
    headline, this_pass, reasons, *_ = told.stderr.splitlines()
    assert headline.startswith("1 done · 11 failed · 1 page")
    assert this_pass.startswith("pass 2: 1 done · 1 page")
    assert reasons.startswith("failed: 11 http_404")
    summary = json.loads((told.folder / "summary.json").read_text())
    assert (
        summary["exit_code"],
        summary["failed"],
        summary["totals"]["failed"],
    ) == (3, 0, 11)
    assert summary["totals"]["failures"] == {"http_404": 11}


def test_so_it_is_when_nothing_is_left_to_do(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = _list(scrape, server, *GONE)
    scrape.here(urls)
    scrape.here(_list(scrape, server, *GONE, "/good"))
    told = scrape.here(urls)
    assert told.code == 3
    assert "nothing left to do" in told.stderr
    assert "1 done · 11 failed" in told.stderr


def test_what_was_mended_counts_no_more(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = _list(scrape, server, "/gone/1", "/good")
    assert scrape.here(urls).code == 3
    server.behaviours["/gone/1"] = page("<p>back")
    told = scrape.here(urls, "--retry")
    assert told.code == 0
    assert told.stderr.startswith("2 done · 2 pages")


def test_the_status_gives_the_totals_and_then_the_pass(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(_list(scrape, server, *GONE))
    scrape.here(_list(scrape, server, *GONE, "/good"))
    told = scrape.inside("status", "run", dir=None)
    _, headline, this_pass, reasons, *_ = told.stdout.splitlines()
    assert headline.startswith("1 done · 11 failed")
    assert this_pass.startswith("pass 2: 1 done")
    assert reasons == "failed: 11 http_404"
    totals = json.loads(
        scrape.inside("status", "run", "--json", dir=None).stdout
    )["totals"]
    assert (totals["done"], totals["failed"]) == (1, 11)


# -- what no list names any more --------------------------------------------------------------


def test_what_was_removed_from_the_list_counts_no_more(
    scrape: Scrape, server: FaultyServer
) -> None:
    assert scrape.here(_list(scrape, server, "/good", "/gone/1")).code == 3
    told = scrape.here(_list(scrape, server, "/good"))
    assert told.code == 0, told.stderr
    assert "1 done · 1 page" in told.stderr
    assert len(told.records) == 2, "its record stays"


def test_nor_is_it_asked_again_by_a_retry(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(_list(scrape, server, "/good", "/gone/1", "/gone/2"))
    urls = _list(scrape, server, "/good", "/gone/1")
    scrape.here(urls)
    scrape.here(urls, "--retry")
    assert (server.count("/gone/1"), server.count("/gone/2")) == (2, 1)


def test_what_comes_back_to_the_list_counts_again(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(_list(scrape, server, "/good", "/gone/1"))
    scrape.here(_list(scrape, server, "/good"))
    told = scrape.here(_list(scrape, server, "/gone/1", "/good"))
    assert told.code == 3
    assert server.count("/gone/1") == 1, "it has its record"


def test_what_another_list_of_the_folder_names_counts(
    scrape: Scrape, server: FaultyServer
) -> None:
    one = _list(scrape, server, "/good", "/gone/1")
    two = _list(scrape, server, "/gone/1", name="more.txt")
    scrape.here(one, two)
    _list(scrape, server, "/good")
    assert scrape.here(one, two).code == 3
    _list(scrape, server, "/good", name="more.txt")
    assert scrape.here(one, two).code == 0


def test_a_run_that_ended_within_the_list_drops_nothing(
    scrape: Scrape, server: FaultyServer, tmp_path: Path
) -> None:
    paths = [f"/{number}" for number in range(5_000)]
    urls = _list(scrape, server, "/gone/1", *paths)
    config = scraper.configure(
        dir=str(tmp_path / "run"), save_only=True, max_urls=3
    )
    scraper.run(str(tmp_path / urls), config)
    with scraper.stream(str(tmp_path / urls), config) as outcomes:
        next(outcomes)
    assert outcomes.report.totals is not None
    assert outcomes.report.totals.failures == {"http_404": 1}


def test_an_image_that_its_page_shows_no_more_counts_no_more(
    tmp_path: Path,
) -> None:
    with FaultyServer(
        {"/robots.txt": status(404), "/": page("<img src=/none.png>")}
    ) as server:
        config = scraper.configure(dir=str(tmp_path / "run"), processes=1)
        (tmp_path / "urls.txt").write_text(server.url("/"))
        assert scraper.run(str(tmp_path / "urls.txt"), config).exit_code == 3
        server.behaviours["/"] = page("<p>without")
        assert (
            scraper.run(
                str(tmp_path / "urls.txt"), config, refresh=True
            ).exit_code
            == 0
        )


# -- nothing done -----------------------------------------------------------------------------


def test_a_site_that_answers_503_to_robots_txt_is_no_success(
    scrape: Scrape,
) -> None:
    with FaultyServer({"/robots.txt": status(503)}) as server:
        urls = scrape.list_of(server.url("/a"), server.url("/b"))
        told = scrape.here(urls, "--retries", "0")
        assert told.code == 5
        assert "2 failed" in told.stderr
        assert "unasked: 2 of the failed" in told.stderr
        assert {each["error_kind"] for each in told.records} == {
            "robots_unreachable"
        }


def test_a_wrong_allow_list_is_no_success(
    scrape: Scrape, server: FaultyServer
) -> None:
    told = scrape.here(
        _list(scrape, server, "/a", "/b"), "--allow-hosts", "exmaple.com"
    )
    assert told.code == 4
    assert "0 done · 2 skipped" in told.stderr


def test_skipped_beside_done_changes_nothing(
    scrape: Scrape, server: FaultyServer
) -> None:
    server.behaviours["/robots.txt"] = robots(
        "User-agent: *\nDisallow: /private/"
    )
    assert scrape.here(_list(scrape, server, "/a", "/private/b")).code == 0


# -- scripts ----------------------------------------------------------------------------------


def test_a_script_hears_of_its_own_urls(
    server: FaultyServer, tmp_path: Path
) -> None:
    config = scraper.configure(dir=str(tmp_path / "run"), save_only=True)
    assert scraper.run([server.url("/gone/1")], config).exit_code == 4
    again = scraper.run([server.url("/good")], config)
    assert (again.exit_code, again.totals and again.totals.total) == (0, 1)
    known = scraper.run([server.url("/gone/1")], config)
    assert (known.exit_code, server.count("/gone/1")) == (4, 1)


def test_the_status_of_a_list_that_has_become_shorter(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(_list(scrape, server, "/good", "/gone/1"))
    run = scrape.here(_list(scrape, server, "/good"))
    assert "\n1 done · 1 page · " in run.stderr
    told = scrape.inside("status", "run", dir=None).stdout.splitlines()
    assert told[1].startswith("1 done · 1 page · ")
    assert told[2].startswith("pass 1: 1 done · 1 failed")


def test_an_emptied_list_is_told_also_to_cron(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(_list(scrape, server, "/good"))
    told = scrape.here(_list(scrape, server), "-q")
    assert (told.code, told.stderr) == (0, "no URL in urls.txt\n")
