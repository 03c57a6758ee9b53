"""Many threads, and several sessions: every future ends, whatever happens at the same moment."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer
from scraper.messages import Message
from scraper.sessions.futures import Future, Owner
from tests.sessions.gates import PATIENCE, Gate, gated, known, session
from tests.stories.runs import records_of

Site = tuple[FaultyServer, Gate]
THREADS = 8


@pytest.fixture
def site() -> Iterator[Site]:
    with gated() as found:
        yield found


def at_once(work: Callable[[int], object], threads: int = THREADS) -> None:
    """Do it in several threads, which begin together. Raises what one of them raises."""
    start = threading.Barrier(threads)

    def begin(number: int) -> None:
        start.wait(PATIENCE)
        work(number)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(begin, range(threads)))


def test_cancel_and_begin_are_never_both_true() -> None:
    posted: list[Message] = []
    owner = Owner()
    owner.post = posted.append
    rounds = 10_000
    futures = [Future(f"{number}", owner) for number in range(rounds)]
    cancelled, begun = [False] * rounds, [False] * rounds
    start = threading.Barrier(2)

    def race(number: int) -> None:
        for place, future in enumerate(futures):
            if place % 100 == 0:
                start.wait(PATIENCE)
            if number:
                cancelled[place] = future.cancel()
            else:
                begun[place] = future.begin()

    at_once(race, 2)
    assert all(a is not b for a, b in zip(cancelled, begun, strict=True))
    for place, future in enumerate(futures):
        assert future.cancelled() is cancelled[place]
        assert future.running() is begun[place]
    withdrawn = len(posted)
    assert withdrawn <= sum(cancelled), "each at most once"


def test_eight_threads_shut_it_down_at_once(site: Site) -> None:
    server, _ = site
    opened = session()
    futures = [opened.submit(server.url(f"/{n}")) for n in range(20)]
    at_once(lambda _: opened.shutdown())
    assert {each.result(0).state for each in futures} == {"done"}


@pytest.mark.parametrize("with_folder", [False, True])
def test_submit_at_the_moment_of_shutdown(
    site: Site, tmp_path: Path, with_folder: bool
) -> None:
    """A future that ends, or one clear error."""
    server, _ = site
    for attempt in range(3):
        settings = {"dir": tmp_path / f"{attempt}"} if with_folder else {}
        opened = session(**settings)
        futures: list[Future] = []
        enough, refused = threading.Event(), threading.Event()

        def use(
            number: int,
            opened: scraper.Session = opened,
            futures: list[Future] = futures,
            enough: threading.Event = enough,
            refused: threading.Event = refused,
        ) -> None:
            if number == 0:
                enough.wait(PATIENCE)
                opened.shutdown()
                return
            count = 0
            while not refused.is_set():
                try:
                    url = server.url(f"/{number}-{count}")
                    futures.append(opened.submit(url))
                    count += 1
                except scraper.UsageError:
                    refused.set()
                if len(futures) >= 10:
                    enough.set()

        at_once(use, 4)
        assert concurrent.futures.wait(futures, PATIENCE).not_done == set()
        assert {each.result(0).state for each in futures} == {"done"}


def test_new_pass_while_others_submit(site: Site, tmp_path: Path) -> None:
    """What comes meanwhile belongs to the next pass: nothing is refused, nothing lost."""
    server, _ = site
    folder = tmp_path / "run"
    futures: list[Future] = []
    with session(dir=folder) as opened:

        def use(number: int) -> None:
            for count in range(20):
                if number == 0:
                    if count % 5 == 0:
                        opened.new_pass()
                    continue
                url = server.url(f"/{number}-{count}")
                futures.append(opened.submit(url))

        at_once(use, 4)
        assert concurrent.futures.wait(futures, PATIENCE).not_done == set()
    assert {each.result(0).state for each in futures} == {"done"}
    assert len(records_of(folder)) == 60
    assert server.count() == 60


def test_a_callback_submits_while_a_pass_ends(
    site: Site, tmp_path: Path
) -> None:
    server, gate = site
    more: list[Future] = []
    with session(dir=tmp_path / "run") as opened:
        first = opened.submit(server.url("/slow/1"))
        first.add_done_callback(
            lambda _: more.append(opened.submit(server.url("/more")))
        )
        server.wait_for(1)
        gate.open()
        opened.new_pass()
    assert more[0].result(0).state == "done"
    assert len(records_of(tmp_path / "run")) == 2


def test_what_was_submitted_during_a_pass_that_cannot_follow_fails(
    site: Site, tmp_path: Path
) -> None:
    server, gate = site
    folder = tmp_path / "run"
    refused = threading.Event()
    with session(dir=folder) as opened:
        opened.submit(server.url("/slow/1"))
        server.wait_for(1)

        def begin_pass() -> None:
            with pytest.raises(scraper.LocalFault):
                opened.new_pass()
            refused.set()

        thread = threading.Thread(target=begin_pass)
        thread.start()
        while opened.submit(server.url("/a")).running():
            pass
        (folder / "records.jsonl").unlink()
        gate.open()
        thread.join(PATIENCE)
        assert refused.is_set()
        with pytest.raises(scraper.LocalFault):
            opened.submit(server.url("/b")).result(PATIENCE)


def test_sessions_side_by_side(site: Site, tmp_path: Path) -> None:
    server, _ = site
    places = [{}, {}, {"dir": tmp_path / "a"}, {"dir": tmp_path / "b"}]
    found: list[str] = []

    def use(number: int) -> None:
        with session(**places[number]) as opened:
            urls = [server.url(f"/{number}-{count}") for count in range(20)]
            found.extend(each.state for each in opened.map(urls))

    at_once(use, len(places))
    assert found == ["done"] * 80
    for place in ("a", "b"):
        assert len(records_of(tmp_path / place)) == 20


def test_many_cancel_what_others_wait_for(site: Site) -> None:
    """One URL, a hundred futures: those that are not cancelled have its outcome."""
    server, gate = site
    with session() as opened:
        known(opened, server)
        futures: list[Future] = []

        def use(number: int) -> None:
            for _ in range(25):
                future = opened.submit(server.url("/slow/1"))
                futures.append(future)
                if number % 2:
                    future.cancel()

        at_once(use, 4)
        gate.open()
        assert concurrent.futures.wait(futures, PATIENCE).not_done == set()
    kept = [each for each in futures if not each.cancelled()]
    assert len(kept) >= 50
    assert {each.result(0).state for each in kept} == {"done"}
