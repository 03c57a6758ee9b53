"""The same script again: each URL of its input comes once, what the folder knows from there."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, etag, page, sequence, status
from scraper.sources import reader
from tests.conftest import Scrape

PATIENCE = 20.0


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


SITE = {
    "/robots.txt": status(404),
    "/*": page("here"),
    "/gone": status(404),
    "/shop": page("<title>Shop</title><img src=/a.png><img src=/b.png>"),
    "/more": page("<img src=/b.png>"),
    "/a.png": body(picture(), "image/png"),
    "/b.png": body(picture(), "image/png"),
}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(SITE) as running:
        yield running


def config(folder: Path, **keys: Any) -> scraper.Config:
    return scraper.configure(
        **({"dir": str(folder / "run"), "save_only": True} | keys)
    )


def streamed(
    urls: Iterable[str], config: scraper.Config, **how: Any
) -> list[scraper.Outcome]:
    with scraper.stream(urls, config, **how) as outcomes:
        return list(outcomes)


def told(outcomes: Iterable[scraper.Outcome]) -> dict[str, tuple[str, bool]]:
    """By URL its state and whether it was stored; none comes twice."""
    listed = [(each.url, (each.state, each.stored)) for each in outcomes]
    assert max(Counter(url for url, _ in listed).values(), default=0) <= 1
    return dict(listed)


def test_the_second_run_of_a_script_yields_what_the_first_did(
    server: FaultyServer, tmp_path: Path
) -> None:
    urls = [server.url(path) for path in ("/1", "/2", "/gone")] + [
        "ftp://nonsense"
    ]
    first = streamed(urls, config(tmp_path))
    assert not any(each.stored for each in first)
    asked = server.count()
    second = streamed(urls, config(tmp_path))
    assert server.count() == asked
    assert told(second) == {
        url: (state, True) for url, (state, _) in told(first).items()
    }
    assert [each.url for each in second] == urls, "in the order of the input"
    assert {each.line for each in second} == {each.line for each in first}
    by_url = {each.url: each for each in second}
    missing = by_url[server.url("/gone")].failure
    assert missing is not None
    assert (missing.kind, missing.status, missing.label) == (
        "http_status",
        404,
        "http_404",
    )
    assert by_url["ftp://nonsense"].task.refusal == "bad_scheme"


def test_what_is_known_and_what_is_new_come_once_each(
    server: FaultyServer, tmp_path: Path
) -> None:
    known = [server.url(f"/{number}") for number in range(5)]
    new = [server.url(f"/new{number}") for number in range(5)]
    streamed(known, config(tmp_path))
    mixed = [url for pair in zip(new, known, strict=True) for url in pair]
    second = streamed([*mixed, *mixed], config(tmp_path))
    assert told(second) == dict.fromkeys(known, ("done", True)) | dict.fromkeys(
        new, ("done", False)
    )


def test_the_images_of_its_pages_come_again_too(
    server: FaultyServer, tmp_path: Path
) -> None:
    urls = [server.url("/shop"), server.url("/more"), server.url("/a.png")]
    parsing = config(tmp_path, save_only=False, processes=1)
    first = streamed(urls, parsing)
    assert told(first) == dict.fromkeys(
        [*urls, server.url("/b.png")], ("done", False)
    )
    second = streamed(urls, parsing)
    assert told(second) == dict.fromkeys(
        [*urls, server.url("/b.png")], ("done", True)
    )
    assert second[0].record["title"] == "Shop"
    only_pages = streamed(urls[:2], config(tmp_path, page_images="none"))
    assert told(only_pages) == dict.fromkeys(urls[:2], ("done", True))


def test_what_was_left_in_the_middle_comes_whole_the_next_time(
    server: FaultyServer, tmp_path: Path
) -> None:
    urls = [
        server.url("/shop"),
        *(server.url(f"/{number}") for number in range(20)),
    ]
    parsing = config(tmp_path, save_only=False, processes=1)
    with scraper.stream(urls, parsing) as run:
        next(run)
    second = told(streamed(urls, parsing))
    assert second.keys() == {*urls, server.url("/a.png"), server.url("/b.png")}
    assert any(stored for _, stored in second.values())
    assert server.count("/shop") == 1


def test_the_input_may_wait_for_what_the_folder_knows(
    server: FaultyServer, tmp_path: Path
) -> None:
    """Each URL is named when the outcome of the one before it has come."""
    paths = [f"/{number}" for number in range(6)]
    streamed([server.url(path) for path in paths[:4:2]], config(tmp_path))
    came = threading.Semaphore(1)

    def urls() -> Iterator[str]:
        for path in paths:
            assert came.acquire(timeout=PATIENCE)
            yield server.url(path)

    with scraper.stream(urls(), config(tmp_path)) as run:
        outcomes = []
        for outcome in run:
            outcomes.append(outcome)
            came.release()
    assert [each.url for each in outcomes] == [
        server.url(path) for path in paths
    ]
    assert [each.stored for each in outcomes] == [
        True,
        False,
        True,
        False,
        False,
        False,
    ]


def test_a_long_input_that_is_known_is_not_read_ahead_of_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SLICE", 20)
    lines = [f"ftp://nonsense/{number}" for number in range(600)]
    scraper.run(lines, config(tmp_path))
    read = 0

    def urls() -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += 1
            yield line

    with scraper.stream(urls(), config(tmp_path)) as run:
        ahead = [read - number for number, _ in enumerate(run)]
    assert len(ahead) == len(lines)
    assert max(ahead) < 300, "a few slices, not the list"


def test_the_urls_of_another_script_are_not_among_its_own(
    server: FaultyServer, tmp_path: Path
) -> None:
    others = [
        server.url("/shop"),
        *(server.url(f"/{number}") for number in range(6)),
    ]
    parsing = {"save_only": False, "processes": 1}
    scraper.run(others, config(tmp_path, max_urls=2, **parsing))
    mine = [server.url("/mine"), others[5], server.url("/more")]
    first = told(streamed(mine, config(tmp_path, **parsing)))
    assert first.keys() == {*mine, server.url("/b.png")}
    assert (
        told(streamed(mine, config(tmp_path, **parsing))).keys() == first.keys()
    )
    assert all(server.count(f"/{number}") == 1 for number in range(6)), (
        "the pass goes on with all"
    )


def test_report_and_exit_code_are_of_its_own_urls(
    server: FaultyServer, tmp_path: Path
) -> None:
    bad, good = [server.url("/gone")], [server.url("/good")]
    for _ in range(2):
        assert scraper.run(bad, config(tmp_path)).exit_code == 4
        assert scraper.run(good, config(tmp_path)).exit_code == 0
        assert scraper.run([*bad, *good], config(tmp_path)).exit_code == 3
    assert (server.count("/gone"), server.count("/good")) == (1, 1)


def test_a_retry_yields_the_others_from_the_folder(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.behaviours["/recovers"] = sequence(status(410), page("b"))
    urls = [server.url("/1"), server.url("/recovers")]
    streamed(urls, config(tmp_path))
    again = told(streamed(urls, config(tmp_path), retry=()))
    assert again == {urls[0]: ("done", True), urls[1]: ("done", False)}


def test_a_refresh_yields_nothing_from_the_folder(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.behaviours["/same"] = etag(b"the same")
    urls = [server.url("/1"), server.url("/same")]
    streamed(urls, config(tmp_path))
    server.behaviours["/1"] = page("another")
    again = streamed(urls, config(tmp_path), refresh=True)
    assert told(again) == {
        urls[0]: ("done", False),
        urls[1]: ("unchanged", False),
    }
    third = streamed(urls, config(tmp_path))
    assert told(third) == {
        urls[0]: ("done", True),
        urls[1]: ("unchanged", True),
    }
    assert third[1].record["bytes"] == len(b"the same"), (
        "with the facts of then"
    )


def test_a_list_of_a_path_comes_again_too(
    server: FaultyServer, scrape: Scrape
) -> None:
    name = str(
        scrape.folder / scrape.list_of(server.url("/1"), server.url("/2"))
    )
    for stored in (False, True):
        outcomes = streamed(name, config(scrape.folder))
        assert told(outcomes) == dict.fromkeys(
            [server.url("/1"), server.url("/2")], ("done", stored)
        )


def test_a_stored_outcome_has_the_url_that_was_asked_for(
    server: FaultyServer, tmp_path: Path
) -> None:
    secret = server.url("/1").replace("://", "://me:secret@") + "?token=abc"
    for _ in range(2):
        (outcome,) = streamed([secret], config(tmp_path))
        assert outcome.url == secret
        assert "secret" not in outcome.record["canonical_url"]
    assert outcome.stored


def test_the_command_line_delivers_only_what_is_new(
    server: FaultyServer, scrape: Scrape
) -> None:
    urls = scrape.list_of(server.url("/1"))
    scrape.here(urls)
    scrape.list_of(server.url("/1"), server.url("/2"))
    done = scrape(urls, "--save-only", "-o", "-", "-v")
    records = map(json.loads, done.stdout.splitlines())
    assert [each["url"] for each in records] == [server.url("/2")]
    assert f"done {server.url('/1')}" not in done.stderr
    again = scrape(urls, "--save-only", "-o", "-", "-v")
    assert again.stdout == ""
