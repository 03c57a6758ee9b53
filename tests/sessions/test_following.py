"""A session that follows links: what it was given, and what that leads to, over its processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import Behaviour, FaultyServer, body, page
from tests.sessions.gates import PATIENCE, session
from tests.stories.runs import records_of

FOLLOWS = {"save_only": False, "processes": 1, "threads": 1, "depth": 3}


def links(*paths: str) -> Behaviour:
    return page("".join(f'<a href="{each}">on</a>' for each in paths))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/": links("/a", "/b"),
        "/a": links("/c"),
        "/b": page("<img src=/1.png>"),
        "/c": links("/"),
        "/other": links("/d"),
        "/1.png": body(b"\x89PNG\r\n\x1a\n..", "image/png"),
        "/*": page("here"),
    }
    with FaultyServer(site) as server:
        yield server


def asked(server: FaultyServer) -> list[str]:
    return sorted(each.path for each in server.seen)


def left_after(urls: int, server: FaultyServer, folder: Path) -> None:
    """A session is left when so many URLs have ended, as by a kill."""
    with session(dir=folder, max_urls=urls, **FOLLOWS) as opened:
        opened.submit(server.url("/")).result(PATIENCE)


@pytest.mark.parametrize("urls", [1, 2, 3, 4])
def test_what_an_earlier_process_has_found_is_asked(
    urls: int, server: FaultyServer, tmp_path: Path
) -> None:
    left_after(urls, server, tmp_path / "run")
    assert len(server.seen) == urls
    with session(dir=tmp_path / "run", **FOLLOWS) as opened:
        for _ in range(2):
            assert opened.submit(server.url("/")).result(PATIENCE).stored
    assert asked(server) == ["/", "/1.png", "/a", "/b", "/c"]
    found = [each["url"] for each in records_of(tmp_path / "run")]
    assert len(set(found)) == len(found) == 5


def test_what_others_have_found_is_theirs(
    server: FaultyServer, tmp_path: Path
) -> None:
    left_after(1, server, tmp_path / "run")
    with session(dir=tmp_path / "run", **FOLLOWS) as opened:
        opened.submit(server.url("/other")).result(PATIENCE)
    assert asked(server) == ["/", "/d", "/other"]


@pytest.mark.parametrize("dir", ["", "run"])
def test_what_is_submitted_has_no_ignored_parameters(
    dir: str, server: FaultyServer, tmp_path: Path
) -> None:
    where: dict[str, Any] = {"dir": tmp_path / dir} if dir else {}
    ways = ("/p?utm_source=a&b=1", "/p?b=1&utm_source=b", "/p?b=1")
    with session(ignore_params=["utm_*"], **where) as opened:
        futures = [opened.submit(server.url(way)) for way in ways]
        outcomes = [each.result(PATIENCE) for each in futures]
    assert {each.record["canonical_url"] for each in outcomes} == {
        server.url("/p?b=1")
    }
    assert outcomes[0].record["url"] == server.url(ways[0]), "as it is written"
    assert set(asked(server)) == {"/p?b=1"}
    if dir:
        assert len(server.seen) == 1


def test_without_a_folder_it_follows_no_links() -> None:
    with pytest.raises(scraper.UsageError, match="name it with dir="):
        session(**FOLLOWS)
