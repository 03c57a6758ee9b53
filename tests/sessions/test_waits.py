"""What waits - for a host, a robots.txt, another's lane - is cancelled and aborted at once."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from scraper.engine import Makers
from scraper.faulty import (
    FaultyServer,
    page,
    redirect,
    retry_after,
    robots,
    silent,
)
from scraper.frontier.frontier import Frontier
from scraper.machine.clock import steady_clock
from scraper.messages import Asked
from scraper.sessions.claims import Submission, Submissions
from scraper.sessions.futures import Future, Owner
from scraper.sessions.memory import MemoryDesk
from scraper.sources.text import parse_line
from scraper.supervision import Flights, Intervals
from tests.sessions.gates import PATIENCE, Gate, gated, session

Site = tuple[FaultyServer, Gate]


@pytest.fixture
def site() -> Iterator[Site]:
    with gated() as found:
        yield found


def kind_of(future: Future) -> str:
    failure = future.result(PATIENCE).failure
    return failure.kind if failure else ""


@pytest.mark.parametrize("where", [{}, {"dir": "run"}], ids=["memory", "dir"])
def test_what_a_pause_holds_is_cancelled_at_once(
    where: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session does not wait for the pause of 40 seconds."""
    monkeypatch.chdir(tmp_path)
    behaviours = {"/ok": page("fine"), "/*": retry_after(40, 429)}
    with FaultyServer(behaviours) as server:
        with session(patience="1h", **where) as opened:
            assert opened.submit(server.url("/ok")).result(PATIENCE)
            refused = opened.submit(server.url("/a"))
            server.wait_for(2)
            waiting = [opened.submit(server.url(f"/{n}")) for n in range(5)]
            assert all(each.cancel() for each in waiting)
            assert opened.abort(refused)
            assert kind_of(refused) == "aborted"
        assert server.count() == 2


def test_what_waits_in_the_lane_it_was_sent_to_is_aborted() -> None:
    with FaultyServer({"/here": page("x"), "/*": silent()}) as other:
        busy = other.url("/busy", host="b.localhost")
        target = other.url("/there", host="b.localhost")
        with (
            FaultyServer(redirect(target)) as server,
            session(per_host=1) as opened,
        ):
            first = opened.submit(busy)
            other.wait_for(1)
            moved = opened.submit(server.url("/"))
            while not moved.running():
                pass
            server.wait_for(1)
            assert not moved.cancel()
            assert opened.abort(moved)
            assert kind_of(moved) == "aborted"
            assert opened.abort(first)
            assert kind_of(first) == "aborted"
        assert other.count("/there") == 0


def test_what_waits_for_a_robots_txt_is_cancelled_meanwhile() -> None:
    """The session ends without it."""
    with FaultyServer({"/robots.txt": silent(), "/*": page("x")}) as server:
        for closes_first in (False, True):
            opened = session(robots="on", timeout="1h", request_time="1h")
            waiting = opened.submit(server.url("/a"))
            server.wait_for(1 + closes_first)
            if closes_first:
                opened.shutdown(wait=False)
            assert waiting.cancel()
            ending = threading.Thread(target=opened.shutdown)
            ending.start()
            ending.join(PATIENCE)
            assert not ending.is_alive()
            assert opened.report.total == 0
        assert server.count("/a") == 0


def test_what_robots_txt_forbids_is_cancelled_or_refused_once() -> None:
    gate = Gate(robots("User-agent: *\nDisallow: /no"))
    with FaultyServer({"/robots.txt": gate, "/*": page("x")}) as server:
        with session(robots="on") as opened:
            refused = opened.submit(server.url("/no/1"))
            cancelled = opened.submit(server.url("/no/2"))
            server.wait_for(1)
            assert cancelled.cancel()
            gate.open()
            assert kind_of(refused) == "robots_disallowed"
            assert not refused.cancel()
        assert opened.report.total == 1


def test_what_is_aborted_as_it_is_refused_does_not_wait_for_the_pause() -> None:
    """Its request has ended before it could be aborted, and it goes back to its lane."""
    aborts: list[Asked] = []
    owner = Owner()
    owner.post = aborts.append  # type: ignore[assignment]
    future = Future("http://127.0.0.1/", owner)
    line = parse_line(future.url, 0, 0)
    assert line is not None
    submissions = Submissions()
    submissions.add(Submission(future, line))
    desk = MemoryDesk(submissions, lambda futures, result: None)
    desk.take()
    task = desk.rows.find(1, line.url.lane)
    assert task is not None
    desk.flights = Flights(1, 1.0, Intervals(), steady_clock())
    desk.flights.add(task, "listed")
    assert desk.begins(task)
    asked, frontier = Asked(future, "aborted"), cast("Frontier", None)
    assert desk.change(asked, frontier) is None
    desk.rows.requeue(task, due=600.0, attempts=1)
    assert aborts == [asked], "once more"
    desk.rows.requeue(task, due=600.0, attempts=1)
    assert len(aborts) == 1


# -- nothing to do ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", [{}, {"dir": "run"}], ids=["memory", "dir"])
def test_a_session_that_waits_for_submissions_says_nothing(
    where: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    hours_have_passed = threading.Event()
    seconds = itertools.count(1_000_000.0, 10.0)

    def clock() -> float:
        now = next(seconds)
        if now > 1_010_000:
            hours_have_passed.set()
        return now

    makers = Makers(
        clock=lambda: clock, intervals=Intervals(tick=0.001, stall=60)
    )
    with (
        caplog.at_level(logging.INFO, "scraper"),
        session(makers=makers, **where),
    ):
        assert hours_have_passed.wait(PATIENCE)
    assert not [
        each for each in caplog.records if "nothing for" in each.message
    ]
    log = tmp_path / "run" / "run.log"
    assert "nothing for" not in (log.read_text() if where else "")


def test_a_session_whose_host_is_silent_says_so(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    server, gate = site
    is_said = threading.Event()
    said = logging.Handler()
    said.emit = lambda record: (  # type: ignore[method-assign]
        is_said.set() if "nothing for" in record.getMessage() else None
    )
    logger = logging.getLogger("scraper")
    makers = Makers(intervals=Intervals(tick=0.01, stall=0.05))
    logger.addHandler(said)
    try:
        with session(makers=makers) as opened:
            opened.submit(server.url("/slow/1"))
            assert is_said.wait(PATIENCE)
            gate.open()
    finally:
        logger.removeHandler(said)
    assert "/slow/1" in caplog.text
