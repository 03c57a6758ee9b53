"""`python -m scraper -d FOLDER`: a run goes on with what its folder knows, and reads no list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, etag, page, sequence, status
from tests.cli.test_scrape import one_line
from tests.conftest import Scrape

SITE = {"/robots.txt": status(404), "/*": page("here")}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(SITE) as running:
        yield running


def forget_the_list(scrape: Scrape) -> None:
    """Nothing but the folder is left."""
    (scrape.folder / "urls.txt").unlink()


def asked(server: FaultyServer, *paths: str) -> list[int]:
    return [server.count(path) for path in paths]


def test_what_a_run_has_left_is_asked(
    scrape: Scrape, server: FaultyServer
) -> None:
    paths = [f"/{number}" for number in range(5)]
    urls = scrape.list_of(*map(server.url, paths))
    assert scrape.here(urls, "--max-urls", "2").code == 5
    forget_the_list(scrape)
    done = scrape.here()
    assert done.code == 0, done.stderr
    assert asked(server, *paths) == [1] * 5
    assert {each["source"] for each in done.records} == {"urls.txt"}
    assert {each["pass"] for each in done.records} == {1}


def test_a_finished_folder_has_nothing_left_to_do(
    scrape: Scrape, server: FaultyServer
) -> None:
    server.behaviours["/gone"] = status(404)
    scrape.here(scrape.list_of(server.url("/a"), server.url("/gone")))
    forget_the_list(scrape)
    again = scrape.here()
    assert again.code == 3, "nothing is dropped from a list that was not read"
    assert again.stderr.startswith(
        f"nothing left to do: pass 1 of {Path('run')} is complete\n"
    )
    assert "1 done · 1 failed" in again.stderr
    assert asked(server, "/a", "/gone") == [1, 1]
    summary = json.loads((scrape.folder / "run" / "summary.json").read_text())
    assert summary["inputs"] == ["urls.txt"]


@pytest.mark.parametrize(
    "word", ["", "http_410", "http_status", "content,http_410"]
)
def test_retry_asks_what_failed(
    word: str, scrape: Scrape, server: FaultyServer
) -> None:
    server.behaviours["/recovers"] = sequence(status(410), page("b"))
    scrape.here(scrape.list_of(server.url("/a"), server.url("/recovers")))
    forget_the_list(scrape)
    done = scrape.here("--retry", *([word] if word else []))
    assert done.code == 0, done.stderr
    assert asked(server, "/a", "/recovers") == [1, 2]


def test_a_wrong_word_after_retry_is_not_taken_for_a_list(
    scrape: Scrape,
) -> None:
    (scrape.folder / "run").mkdir()
    assert "no kind of failure is called 'time_out'" in one_line(
        scrape.here("--retry", "time_out")
    )
    assert (
        one_line(scrape.here("--retry", "urls.txt")) == "no such file: urls.txt"
    )


def test_refresh_asks_all_that_lists_name(
    scrape: Scrape, server: FaultyServer
) -> None:
    server.behaviours |= {
        "/a": etag(b"the same"),
        "/b": sequence(page("old"), page("new")),
    }
    scrape.here(scrape.list_of(*map(server.url, ("/a", "/b", "/dropped"))))
    scrape.list_of(*map(server.url, ("/a", "/b")))
    scrape.here("urls.txt")
    forget_the_list(scrape)
    done = scrape.here("--refresh")
    assert done.code == 0, done.stderr
    assert asked(server, "/a", "/b", "/dropped") == [2, 2, 1]
    states = {
        each["url"]: each["state"] for each in done.records if each["pass"] == 2
    }
    assert states == {server.url("/a"): "unchanged", server.url("/b"): "done"}


def test_a_refresh_that_was_left_in_its_list_is_finished_without_it(
    scrape: Scrape, server: FaultyServer
) -> None:
    paths = [f"/{number}" for number in range(6)]
    scrape.here(scrape.list_of(*map(server.url, paths)))
    assert scrape.here("urls.txt", "--refresh", "--max-urls", "2").code == 5
    forget_the_list(scrape)
    done = scrape.here()
    assert done.code == 0, done.stderr
    assert asked(server, *paths) == [2] * 6
    assert sorted(each["pass"] for each in done.records) == [1] * 6 + [2] * 6


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_a_run_says_so_and_what_to_do(
    made: bool, scrape: Scrape
) -> None:
    if made:
        (scrape.folder / "run").mkdir()
    told = one_line(scrape.here())
    assert told.startswith(
        "no list of URLs is given, and run holds no run to go on with"
    )
    assert "python -m scraper urls.txt" in told
    assert (scrape.folder / "run").exists() is made, "and no trace is left"


def test_a_run_that_found_no_url_is_none_to_go_on_with(scrape: Scrape) -> None:
    scrape.here(scrape.list_of())
    assert "run holds no run to go on with" in one_line(scrape.here())


def test_without_a_folder_there_must_be_a_list(scrape: Scrape) -> None:
    assert one_line(scrape.here(dir=None)).startswith(
        "no list of URLs is given: python -m"
    )


def test_a_folder_of_a_script_goes_on_too(
    scrape: Scrape, server: FaultyServer
) -> None:
    config = scraper.configure(
        dir=str(scrape.folder / "run"), save_only=True, max_urls=1
    )
    assert (
        scraper.run([server.url("/a"), server.url("/b")], config).exit_code == 5
    )
    assert scrape.here().code == 0
    assert asked(server, "/a", "/b") == [1, 1]
