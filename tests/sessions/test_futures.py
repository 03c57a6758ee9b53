"""Futures are those of the standard library, whatever is done with them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, status
from scraper.sessions.futures import Future
from tests.sessions.gates import PATIENCE, Gate, gated, known, session

Site = tuple[FaultyServer, Gate]


@pytest.fixture
def site() -> Iterator[Site]:
    with gated() as found:
        yield found


def test_a_future_is_a_real_one_and_a_failure_is_data(site: Site) -> None:
    server, _ = site
    with session() as opened:
        futures = {opened.submit(url): url for url in (
            server.url("/a"), server.url("/b"), "no url at all",
        )}  # fmt: skip
        for future in concurrent.futures.as_completed(futures, PATIENCE):
            assert isinstance(future, concurrent.futures.Future)
            outcome = future.result()
            if outcome.failure is None:
                assert outcome.url == futures[future]
                assert outcome.raise_for_failure() is outcome
            else:
                assert outcome.failure.kind == "bad_url"
                with pytest.raises(scraper.Failed) as failed:
                    outcome.raise_for_failure()
                assert failed.value.outcome is outcome


def test_what_is_no_text_fails_and_costs_no_other_url(site: Site) -> None:
    server, _ = site
    with session() as opened:
        odd = [opened.submit(each) for each in (None, 7, "", "# a comment")]  # type: ignore[arg-type]
        good = opened.submit(server.url("/a"))
        assert good.result(PATIENCE).state == "done"
        assert {each.result(PATIENCE).state for each in odd} == {"failed"}


def test_a_timeout_harms_nothing(site: Site) -> None:
    server, gate = site
    with session() as opened:
        future = opened.submit(server.url("/slow/1"))
        with pytest.raises(TimeoutError):
            future.result(0.01)
        with pytest.raises(TimeoutError):
            future.exception(0.01)
        assert not future.done()
        gate.open()
        assert future.result(PATIENCE).state == "done"
        assert future.exception() is None


def test_cancel_withdraws_what_has_not_begun(site: Site) -> None:
    server, gate = site
    with session(per_host=1) as opened:
        under_way = opened.submit(server.url("/slow/1"))
        server.wait_for(1)
        waiting = opened.submit(server.url("/slow/2"))
        assert under_way.running()
        assert not under_way.cancel()
        assert waiting.cancel()
        assert waiting.cancel(), "it stays cancelled"
        done, _ = concurrent.futures.wait([waiting], PATIENCE)
        assert done == {waiting}
        with pytest.raises(concurrent.futures.CancelledError):
            waiting.result(0)
        gate.open()
        assert under_way.result(PATIENCE).state == "done"
        assert not under_way.cancel()
    assert server.count("/slow/2") == 0
    assert opened.report.total == 1
    assert opened.report.seconds > 0
    assert str(opened.report) == opened.report.text()


def load(url: str, timeout: float) -> str:
    """What tutorials submit."""
    return f"{url} {timeout}"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda each: each.submit(load, "http://a/", 60),
            "submit() takes a URL and no function: ",
        ),
        (
            lambda each: each.submit("http://a/", load),
            "pages is Session(html=function)",
        ),
        (
            lambda each: each.submit("http://a/", 60),
            "one URL, and not 60 as well",
        ),
        (
            lambda each: each.submit("http://a/", timeout=60),
            "takes no timeout: it is one for the whole session, Session(timeout=...)",
        ),
        (
            lambda each: each.submit("http://a/", data="b"),
            "takes no data: a session asks with GET",
        ),
        (
            lambda each: each.map(load, ["http://a/"]),
            "map() takes URLs and no function",
        ),
        (
            lambda each: each.map(["http://a/"], ["b"]),
            "map() takes one iterable of URLs",
        ),
        (
            lambda each: each.map("http://a/"),
            "give it in a list, map(['http://a/'])",
        ),
        (
            lambda each: each.as_completed("http://a/"),
            "as_completed() takes an iterable of URLs",
        ),
        (
            lambda each: each.astream(b"http://a/"),
            "astream() takes an iterable of URLs",
        ),
        (
            lambda each: each.as_completed(load, []),
            "as_completed() takes URLs and no function",
        ),
        (
            lambda each: each.astream(load, []),
            "astream() takes URLs and no function",
        ),
    ],
)
def test_what_an_executor_takes_is_refused_in_a_sentence(
    call: Callable[[scraper.Session], object], told: str
) -> None:
    with session() as opened, pytest.raises(scraper.UsageError) as caught:
        call(opened)
    assert told in str(caught.value)
    assert opened.report.total == 0


def test_what_map_of_an_executor_takes_is_refused_where_it_is_called() -> None:
    given: Any = load, ["http://a/"]
    with pytest.raises(scraper.UsageError, match="takes URLs and no function"):
        scraper.map(*given)
    with pytest.raises(scraper.UsageError, match="give it in a list"):
        scraper.map("http://a/")


def test_a_url_is_withdrawn_only_if_all_who_wait_for_it_cancel(
    site: Site,
) -> None:
    server, gate = site
    with session(per_host=1) as opened:
        opened.submit(server.url("/slow/1"))
        server.wait_for(1)
        first, second = (opened.submit(server.url("/a")) for _ in range(2))
        assert first.cancel()
        gate.open()
        assert second.result(PATIENCE).state == "done"
        assert first.cancelled()


def test_a_url_in_flight_is_joined_and_one_that_ended_is_asked_again(
    site: Site,
) -> None:
    server, gate = site
    with session() as opened:
        url = server.url("/slow/1")
        first = opened.submit(url)
        server.wait_for(1)
        second = opened.submit(url)
        gate.open()
        assert first.result(PATIENCE) is second.result(PATIENCE)
        assert server.count("/slow/1") == 1
        assert opened.submit(url).result(PATIENCE).state == "done"
        assert server.count("/slow/1") == 2


def test_what_an_outcome_holds_is_freed_with_its_future(site: Site) -> None:
    server, _ = site
    with session() as opened:
        future = opened.submit(server.url("/a"))
        place = weakref.ref(future.result(PATIENCE).place)
        opened.submit(server.url("/b")).result(PATIENCE)
        gc.disable()  # memory grows until it comes by
        try:
            assert place() is not None
            del future
            assert place() is None
        finally:
            gc.enable()


def test_wait_in_its_three_modes(site: Site) -> None:
    server, gate = site
    with session() as opened:
        known(opened, server)
        slow = opened.submit(server.url("/slow/1"))
        quick = opened.submit(server.url("/a"))
        both = [slow, quick]
        first = concurrent.futures.wait(
            both, PATIENCE, concurrent.futures.FIRST_COMPLETED
        )
        assert (first.done, first.not_done) == ({quick}, {slow})
        failing = concurrent.futures.wait(
            both, 0.01, concurrent.futures.FIRST_EXCEPTION
        )
        assert failing.not_done == {slow}, "a failure is no exception"
        gate.open()
        assert not concurrent.futures.wait(both, PATIENCE).not_done


def test_callbacks_run_in_order_and_at_once_if_it_is_done(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    server, gate = site
    called: list[tuple[str, str]] = []

    def note(name: str) -> None:
        called.append((name, threading.current_thread().name))

    def raising(future: Future) -> None:
        note("raising")
        raise ValueError("a mistake of mine")

    with session() as opened:
        future = opened.submit(server.url("/slow/1?key=secret"))
        future.add_done_callback(lambda _: note("first"))
        future.add_done_callback(raising)
        future.add_done_callback(lambda _: note("last"))
        with caplog.at_level(logging.ERROR, "scraper"):
            gate.open()
            future.result(PATIENCE)
            opened.submit(server.url("/a")).result(PATIENCE)
        future.add_done_callback(lambda _: note("late"))
    thread = "session-delivery"
    assert called == [
        ("first", thread),
        ("raising", thread),
        ("last", thread),
        ("late", threading.current_thread().name),
    ]
    assert opened.callback_errors == 1
    (logged,) = caplog.records
    assert "/slow/1" in logged.message
    assert "secret" not in logged.message
    assert "a mistake of mine" in (logged.exc_text or "")


def test_a_callback_that_blocks_delays_only_deliveries(site: Site) -> None:
    server, _ = site
    is_blocked, may_end = threading.Event(), threading.Event()

    def block(_: object) -> None:
        is_blocked.set()
        may_end.wait(PATIENCE)

    with session() as opened:
        opened.submit(server.url("/1")).add_done_callback(block)
        assert is_blocked.wait(PATIENCE)
        others = [opened.submit(server.url(f"/{n}")) for n in range(2, 12)]
        server.wait_for(11)
        assert not any(each.done() for each in others)
        may_end.set()
        for each in others:
            assert each.result(PATIENCE).state == "done"


def test_a_callback_that_waits_for_a_later_delivery_is_refused(
    site: Site,
) -> None:
    server, gate = site
    with session() as opened:
        known(opened, server)
        slow = opened.submit(server.url("/slow/1"))
        refusals: list[str] = []

        def wait_for_it(_: object) -> None:
            for wait in (slow.result, opened.shutdown, opened.new_pass):
                try:
                    wait()
                except scraper.UsageError as error:
                    refusals.append(str(error))

        quick = opened.submit(server.url("/a"))
        quick.add_done_callback(wait_for_it)
        opened.submit(server.url("/b")).result(PATIENCE)
        gate.open()
    assert len(refusals) == 3
    assert "/slow/1" in refusals[0]


def test_a_callback_may_submit(site: Site) -> None:
    server, _ = site
    found: list[Future] = []
    with session() as opened:
        first = opened.submit(server.url("/1"))
        first.add_done_callback(
            lambda _: found.append(opened.submit(server.url("/2")))
        )
        first.result(PATIENCE)
        opened.submit(server.url("/3")).result(PATIENCE)
        assert found[0].result(PATIENCE).url == server.url("/2")


def test_asyncio_waits_for_it(site: Site) -> None:
    server, _ = site

    async def main() -> str:
        with session() as opened:
            future = asyncio.wrap_future(opened.submit(server.url("/a")))
            return (await future).state

    assert asyncio.run(main()) == "done"


def test_abort_ends_what_is_under_way_and_what_waits(site: Site) -> None:
    server, _ = site
    with session(per_host=1) as opened:
        under_way = opened.submit(server.url("/slow/1"))
        server.wait_for(1)
        waiting = opened.submit(server.url("/slow/2"))
        assert opened.abort(waiting)
        assert opened.abort(under_way)
        for future in (waiting, under_way):
            outcome = future.result(PATIENCE)
            assert outcome.failure is not None
            assert outcome.failure.kind == "aborted"
        assert not opened.abort(under_way), "it is done"
        with session() as another, pytest.raises(scraper.UsageError):
            another.abort(under_way)


def test_only_get_and_a_closed_session_take_nothing(site: Site) -> None:
    server, _ = site
    with session() as opened:
        for wrong in ({"params": {"a": 1}}, {"json": {}}, {"data": b""}):
            with pytest.raises(scraper.UsageError, match="GET"):
                opened.submit(server.url("/"), **wrong)  # type: ignore[arg-type]
        with pytest.raises(scraper.UsageError, match="header"):
            opened.submit(server.url("/"), headers={"X Y": "1"})
        with pytest.raises(scraper.UsageError, match="mapping"):
            opened.submit(server.url("/"), headers=["X: 1"])  # type: ignore[arg-type]
    with pytest.raises(scraper.UsageError, match="closed"):
        opened.submit(server.url("/"))
    opened.shutdown()  # once more
    assert server.count() == 0


def test_headers_are_sent_for_one_url_alone(site: Site) -> None:
    server, _ = site
    with session() as opened:
        url = server.url("/a")
        plain = opened.submit(url)
        special = opened.submit(url, headers={"X-Colour": "red"})
        assert plain.result(PATIENCE) is not special.result(PATIENCE)
    sent = sorted(each.headers.get("x-colour", "") for each in server.seen)
    assert sent == ["", "red"]


def test_secrets_follow_no_redirect() -> None:
    with FaultyServer(status(204)) as other:
        target = other.url("/there", host="b.localhost")
        with FaultyServer(status(302, [("Location", target)])) as server:
            secrets = {"Authorization": "Bearer x", "X-Colour": "red"}
            with session() as opened:
                opened.submit(server.url("/"), headers=secrets).result(PATIENCE)
            assert server.seen[0].headers["authorization"] == "Bearer x"
    assert "authorization" not in other.seen[0].headers
    assert other.seen[0].headers["x-colour"] == "red"


def test_what_has_not_begun_is_withdrawn_by_shutdown(site: Site) -> None:
    server, gate = site
    opened = session(per_host=1)
    under_way = opened.submit(server.url("/slow/1"))
    server.wait_for(1)
    waiting = [opened.submit(server.url(f"/slow/{n}")) for n in range(2, 9)]
    opened.shutdown(wait=False, cancel_futures=True)
    assert all(each.cancelled() for each in waiting)
    gate.open()
    opened.shutdown()
    assert under_way.result(0).state == "done"
    assert server.count() == 1


def test_leaving_with_an_error_waits_for_nothing_that_has_not_begun(
    site: Site,
) -> None:
    server, gate = site
    with pytest.raises(KeyError), session(per_host=1) as opened:  # noqa: PT012
        futures = [opened.submit(server.url(f"/slow/{n}")) for n in range(5)]
        server.wait_for(1)
        threading.Timer(0.05, gate.open).start()
        raise KeyError
    assert all(each.done() for each in futures)
    assert server.count() == 1
