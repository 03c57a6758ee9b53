"""With `inline=True` everything happens in the calling thread, in the order of the calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, page
from tests.sessions.gates import session


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    with FaultyServer(page("<title>A page</title>")) as server:
        yield server


@pytest.mark.parametrize("folder", ["", "run"])
def test_what_is_submitted_has_ended(
    site: FaultyServer, folder: str, tmp_path: Path
) -> None:
    before = threading.active_count()
    called: list[str] = []
    where = {"dir": tmp_path / folder} if folder else {}
    with session(inline=True, save_only=False, **where) as opened:
        for path in ("/1", "/2", "/1"):
            future = opened.submit(site.url(path))
            assert future.done()
            assert not future.cancel()
            future.add_done_callback(
                lambda _: called.append(threading.current_thread().name)
            )
            assert future.result().record["title"] == "A page"
        own = [t for t in threading.enumerate() if "faulty" not in t.name]
        assert len(own) == 1
        opened.new_pass()
        outcomes = opened.map([site.url("/2"), site.url("/3")])
        assert [each.state for each in outcomes] == ["done", "done"]
    assert called == [threading.current_thread().name] * 3
    assert threading.active_count() >= before
    assert site.count("/1") == (1 if folder else 2)


def test_a_host_that_wants_a_delay_is_waited_for(site: FaultyServer) -> None:
    with session(inline=True, delay_seconds=0.01) as opened:
        for number in range(3):
            done = opened.submit(site.url(f"/{number}"))
            assert done.result(0).state == "done"


def test_a_callback_may_submit(site: FaultyServer) -> None:
    found: list[scraper.Future] = []
    with session(inline=True) as opened:
        first = opened.submit(site.url("/1"))
        first.add_done_callback(
            lambda _: found.append(opened.submit(site.url("/2")))
        )
        assert found[0].result().url == site.url("/2")
