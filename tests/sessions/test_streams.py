"""Many URLs: in the order of the input, as they end, for asyncio; never far ahead."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

import scraper
from scraper.faulty import FaultyServer, page
from tests.sessions.gates import PATIENCE, Gate, gated, known, session

Site = tuple[FaultyServer, Gate]


@pytest.fixture
def site() -> Iterator[Site]:
    with gated() as found:
        yield found


def counting(server: FaultyServer, taken: list[int]) -> Iterator[str]:
    """Any number of URLs, which are counted as they are taken."""
    for number in itertools.count():
        taken.append(number)
        yield server.url(f"/{number}")


def test_map_keeps_the_order_and_the_buffer(site: Site) -> None:
    server, _ = site
    taken: list[int] = []
    with session() as opened:
        outcomes = opened.map(counting(server, taken), buffer=5)
        assert taken == [], "lazily"
        for number, outcome in enumerate(itertools.islice(outcomes, 20)):
            assert outcome.url == server.url(f"/{number}")
            assert len(taken) <= number + 1 + 5
        outcomes.close()  # type: ignore[attr-defined]


def test_map_withdraws_what_is_not_wanted_any_more(site: Site) -> None:
    server, gate = site
    urls = [server.url(f"/slow/{number}") for number in range(50)]
    with session(per_host=1) as opened:
        outcomes = opened.map([server.url("/a"), *urls])
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
        gate.open()
    assert server.count() <= 2


def test_as_completed_waits_for_no_slow_one(site: Site) -> None:
    server, gate = site
    urls = [server.url("/slow/1"), *(server.url(f"/{n}") for n in range(5))]
    with session() as opened:
        known(opened, server)
        outcomes = opened.as_completed(urls, timeout=PATIENCE)
        first = [next(outcomes).url for _ in range(5)]
        assert sorted(first) == sorted(urls[1:])
        gate.open()
        assert [each.url for each in outcomes] == urls[:1]


@pytest.mark.parametrize("how", ["map", "as_completed"])
def test_a_timeout_keeps_what_is_done(site: Site, how: str) -> None:
    server, gate = site
    quick = [server.url(f"/{n}") for n in range(3)]
    urls = [*quick[:1], server.url("/slow/1"), *quick[1:]]
    with session() as opened:
        known(opened, server)
        given = []
        with pytest.raises(TimeoutError) as over:  # noqa: PT012
            for outcome in getattr(opened, how)(urls, timeout=0.5):
                given.append(outcome.url)
        assert isinstance(over.value, scraper.OutOfTime)
        kept = [each.url for each in over.value.outcomes]
        assert sorted(given + kept) == quick
        gate.open()


def test_astream_leaves_the_event_loop_alone(site: Site) -> None:
    server, gate = site
    urls = [server.url("/slow/1"), *(server.url(f"/{n}") for n in range(5))]

    async def some() -> AsyncIterator[str]:
        for url in urls:
            yield url

    async def main() -> list[str]:
        found = []
        with session() as opened:
            known(opened, server)
            async for outcome in opened.astream(some()):
                found.append(outcome.url)
                if len(found) == 5:
                    gate.open()
            async for outcome in opened.astream(urls[1:3], buffer=1):
                found.append(outcome.url)
        return found

    found = asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert found[5] == urls[0]
    assert found[6:] == urls[1:3]


def test_map_has_a_session_of_its_own() -> None:
    with FaultyServer(page("<title>Hello</title>")) as server:
        urls = [server.url(f"/{number}") for number in range(3)]
        found = scraper.map(urls, robots="off", processes=1)
        titles = [(each.url, each.record["title"]) for each in found]
    assert titles == [(url, "Hello") for url in urls]


def test_a_wrong_buffer_is_said_at_once(site: Site) -> None:
    with session() as opened, pytest.raises(scraper.UsageError, match="buffer"):
        opened.map([], buffer=0)
