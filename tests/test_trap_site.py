"""The site without end has all that it says: real pages that can be reached, and no end."""

from __future__ import annotations

import http.client
from collections import Counter, deque
from contextlib import closing
from urllib.parse import urljoin

import pytest

from benchmarks.sites.traps import FRONTS, TrapSite, section_of
from scraper.faulty import FaultyServer

SITE = TrapSite(articles=20)


def walked(start: str, limit: int) -> list[str]:
    """What is asked by somebody who sees no trap, broad before deep."""
    asked: dict[str, None] = {}
    waiting = deque([start])
    while waiting and len(asked) < limit:
        path = waiting.popleft()
        if path in asked:
            continue
        asked[path] = None
        shown = SITE.shown(path)
        if shown is not None:
            waiting.extend(urljoin(path, each) for each in shown.links)
            if shown.moved_to:
                waiting.append(shown.moved_to)
    return list(asked)


def test_every_real_page_can_be_reached() -> None:
    paths = [path for front in FRONTS for path in walked(front, 700)]
    counted = SITE.counted(["/", *paths])
    assert counted.lost == frozenset()
    assert sum(counted.found.values()) == len(SITE.real)


@pytest.mark.parametrize("front", FRONTS)
def test_each_section_but_the_articles_has_no_end(front: str) -> None:
    paths = walked(front, 700)
    within = [each for each in paths if section_of(each) == section_of(front)]
    if front == "/articles/":
        # all of them, printed, and the list in each order
        assert len(paths) == 1 + 2 * 20 + 8
    else:
        assert len(within) == 700


def test_what_was_asked_is_counted_by_section() -> None:
    paths = [
        "/robots.txt",
        "/",
        "/shop/",
        "/shop/?size=m",
        "/next?n=1",
        "/none",
    ]
    counted = SITE.counted(paths)
    assert +counted.asked == Counter(["", "shop", "shop", "next", "none"])
    assert counted.found == Counter({"": 1, "shop": 1})
    assert len(counted.lost) == len(SITE.real) - 2


def test_the_same_page_has_the_same_words_under_any_url() -> None:
    def words(path: str) -> str:
        shown = SITE.shown(path)
        assert shown is not None
        return shown.text

    assert words("/docs/3.html") == words("/docs/latest/latest/3.html")
    assert words("/docs/3.html") == words("/mirror/latest/3.html")
    assert words("/forum/3?sid=1") == words("/forum/3?sid=2")
    assert words("/catalogue/(S(1a))/3") == words("/catalogue/(S(2b))/3")
    assert words("/articles/3.html") == words("/articles/3.html?print=1")
    assert words("/articles/3.html") != words("/articles/4.html")
    assert words("/calendar/2041/02/") != words("/calendar/2041/03/")


def test_it_is_served() -> None:
    with FaultyServer(TrapSite()) as server:
        for path, status in (
            ("/", 200),
            ("/count?n=1", 302),
            ("/shop/?colour=red&size=m", 200),
            ("/nothing", 404),
            ("/calendar/x", 404),
            ("/forum/99", 404),
        ):
            connection = http.client.HTTPConnection(server.host, server.port)
            with closing(connection):
                connection.request("GET", path)
                assert connection.getresponse().status == status
