"""The life of each URL, step by step: as a function is told it, and as run.log tells it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import (
    FaultyServer,
    body,
    page,
    redirect,
    retry_after,
    robots,
    sequence,
    silent,
    status,
)
from tests.conftest import PROJECT, Scrape

Lives = dict[str, list[str]]
PATHS = ("moved", "busy", "limited", "picture", "secret", "gone")
LIVES = {
    "moved": ["asked", "redirected", "asked", "fetched", "recorded"],
    "busy": ["asked", "retried", "asked", "fetched", "recorded"],
    "limited": ["asked", "paused", "retried", "asked", "fetched", "recorded"],
    "picture": ["asked", "fetched", "processing", "recorded"],
    "secret": ["recorded"],
    "gone": ["asked", "recorded"],
}


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    text = body(b"plain", "text/plain")
    site = {
        "/robots.txt": robots("User-agent: *\nDisallow: /secret\n"),
        "/moved": redirect("/text"),
        "/text": text,
        "/busy": sequence(status(500), text),
        "/limited": sequence(retry_after("1", 429), text),
        "/picture": body(_picture(), "image/png"),
        "/secret": page("<title>Secret</title>"),
        "/gone": status(404),
        "/*": text,
    }
    with FaultyServer(site) as server:
        yield server


def _config(tmp_path: Path, **more: Any) -> scraper.Config:
    return scraper.configure(
        dir=str(tmp_path / "run"),
        processes=1,
        per_host=1,
        delay_seconds=0,
        **more,
    )


def _lives(events: list[scraper.Event]) -> Lives:
    lives: Lives = defaultdict(list)
    for each in events:
        lives[each.url.rpartition("/")[2]].append(each.step)
    return dict(lives)


def test_each_step_of_each_url_is_told_in_the_thread_that_iterates(
    server: FaultyServer, tmp_path: Path
) -> None:
    events: list[scraper.Event] = []
    threads = set()

    def tell(event: scraper.Event) -> None:
        events.append(event)
        threads.add(threading.current_thread())

    scraper.run(
        list(map(server.url, ("/" + each for each in PATHS))),
        _config(tmp_path),
        on_event=tell,
    )
    assert _lives(events) == LIVES
    assert threads == {threading.current_thread()}
    known = {
        (each.url.rpartition("/")[2], each.step): each.known for each in events
    }
    assert known["moved", "redirected"] == {
        "status": 302,
        "to": server.url("/text"),
    }
    paused = known["limited", "paused"]
    assert (paused["status"], paused["error_kind"]) == (429, "http_status")
    assert 0 < float(str(paused["wait"])) <= 1.5
    assert known["busy", "retried"]["status"] == 500
    assert known["picture", "processing"] == {"kind": "image"}
    assert known["picture", "recorded"] == {
        "state": "done",
        "status": 200,
        "kind": "image",
    }
    assert known["secret", "recorded"]["state"] == "skipped"
    assert known["gone", "recorded"]["error_kind"] == "http_status"
    attempts = [each.attempt for each in events if "busy" in each.url]
    assert attempts == [1, 1, 2, 2, 2]
    ids = {(each.url, each.id) for each in events}
    assert len(ids) == len(PATHS), "one id a URL"
    assert [each.at for each in events] == sorted(each.at for each in events)


@pytest.mark.parametrize("form", ["text", "json"])
def test_run_log_tells_the_life_of_an_id(
    server: FaultyServer, scrape: Scrape, form: str
) -> None:
    urls = scrape.list_of(*(server.url("/" + each) for each in PATHS))
    done = scrape.here(
        urls, "--log-level", "debug", "--log-format", form, "--per-host", "1",
        "--delay", "0", "-q",
    )  # fmt: skip
    only_saved = {"picture": ["asked", "fetched", "recorded"]}
    assert _logged(done.folder, form) == LIVES | only_saved


def _logged(folder: Path, form: str = "text") -> Lives:
    """What run.log tells of each id, by the last part of its URL."""
    lives: dict[int, list[str]] = defaultdict(list)
    names = {}
    for line in (folder / "run.log").read_text().splitlines():
        if "refuses (429)" in line:
            continue  # which is of the host
        id, step, url = _parts_of(line, form)
        is_end = step in ("done", "failed", "skipped")
        lives[id].append("recorded" if is_end else step)
        names[id] = url.rpartition("/")[2]
    return {names[id]: life for id, life in lives.items()}


def _parts_of(line: str, form: str) -> tuple[int, str, str]:
    if form == "json":
        each = json.loads(line)
        return each["task"], each["event"], each["url"]
    found = re.search(r"id=(\d+) (\w+) (\S+)", line)
    assert found is not None, line
    return int(found[1]), found[2], found[3]


def test_after_a_kill_a_life_goes_on_under_its_id(scrape: Scrape) -> None:
    text = body(b"plain", "text/plain")
    site = {"/robots.txt": status(404), "/slow": sequence(silent(), text)}
    arguments = ("urls.txt", "--log-level", "debug", "--save-only", "-q")
    with FaultyServer(site) as server:
        scrape.list_of(server.url("/slow"))
        killed = subprocess.Popen(
            [sys.executable, "-m", "scraper", *arguments, "--dir", "run"],
            cwd=scrape.folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        server.wait_for(2, 30)
        killed.kill()
        killed.wait()
        before = _logged(scrape.folder / "run")
        assert before == {"slow": ["asked"]}
        done = scrape.here(*arguments[:-2], "-q")
    assert done.code == 0
    life = ["asked", "asked", "fetched", "recorded"]
    assert _logged(done.folder) == {"slow": life}, "one id"


def test_run_log_has_an_outcome_a_line_unless_it_is_asked_for_more(
    server: FaultyServer, scrape: Scrape
) -> None:
    done = scrape.here(scrape.list_of(server.url("/text")), "-q")
    assert len((done.folder / "run.log").read_text().splitlines()) == 1


def test_a_function_that_raises_is_said_once_and_harms_nothing(
    server: FaultyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: scraper.Event) -> None:
        raise ValueError("no such shelf: https://x.test/?token=s3cret")

    with caplog.at_level(logging.WARNING, "scraper"):
        report = scraper.run(
            [server.url("/text"), server.url("/moved")],
            _config(tmp_path),
            on_event=fail,
        )
    assert report.done == 2
    (said,) = [each.getMessage() for each in caplog.records]
    assert "on_event raised ValueError: no such shelf" in said
    assert "s3cret" not in said


async def _later(event: scraper.Event) -> None:
    """Nobody would wait for it."""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (3, "on_event = 3 is no function"),
        (lambda: None, "is called with (event)"),
        (_later, "is an async function"),
    ],
)
@pytest.mark.parametrize("way", ["run", "stream", "process", "Session"])
def test_what_cannot_be_told_is_refused_before_the_first_request(
    server: FaultyServer, tmp_path: Path, wrong: Any, words: str, way: str
) -> None:
    config = _config(tmp_path)
    ways: dict[str, Callable[[], object]] = {
        "run": lambda: scraper.run(
            [server.url("/text")], config, on_event=wrong
        ),
        "stream": lambda: scraper.stream(
            [server.url("/text")], config, on_event=wrong
        ),
        "process": lambda: scraper.process(tmp_path, config, on_event=wrong),
        "Session": lambda: scraper.Session(config, on_event=wrong),
    }
    with pytest.raises(scraper.UsageError) as raised:
        ways[way]()
    assert words in str(raised.value)
    assert server.count() == 0


@pytest.mark.parametrize("has_folder", [True, False])
@pytest.mark.parametrize("inline", [True, False])
def test_a_session_tells_in_the_thread_of_the_callbacks(
    server: FaultyServer, tmp_path: Path, *, inline: bool, has_folder: bool
) -> None:
    told: list[tuple[str, threading.Thread]] = []
    with scraper.Session(
        dir=str(tmp_path / "run") if has_folder else "",
        processes=1,
        inline=inline,
        on_event=lambda event: told.append(
            (event.step, threading.current_thread())
        ),
    ) as session:
        future = session.submit(server.url("/moved"))
        future.add_done_callback(
            lambda future: told.append(("called", threading.current_thread()))
        )
    steps, threads = zip(*told, strict=True)
    before = "asked", "redirected", "asked", "fetched", "recorded"
    assert list(steps) == [*before, "called"]
    assert len(set(threads)) == 1
