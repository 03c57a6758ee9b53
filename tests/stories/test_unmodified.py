"""The summary says what lastmod has kept from being asked, and what asks it all the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from scraper.faulty import FaultyServer, body, page, status
from tests.conftest import Scrape

PAST, AHEAD = "2020-01-01", "2999-01-01T00:00:00Z"
ONE_PIXEL = base64.b64decode(
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
)
FLAGS = ("--save-only", "-R", "0", "--max-age", "0")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {"/robots.txt": status(404), "/*": page("<p>here")}
    with FaultyServer(site) as running:
        yield running


def serve(server: FaultyServer, *entries: tuple[str, str]) -> None:
    """A sitemap of paths and their lastmod; one whose lastmod is empty has none."""
    inside = "".join(
        f"<url><loc>{server.url(path)}</loc>"
        + (f"<lastmod>{lastmod}</lastmod></url>" if lastmod else "</url>")
        for path, lastmod in entries
    )
    text = f"<urlset>{inside}</urlset>"
    server.behaviours["/sitemap.xml"] = body(text.encode(), "text/xml")


def left_out(scrape: Scrape) -> int:
    summary = (scrape.folder / "run" / "summary.json").read_text()
    return int(json.loads(summary)["unmodified"])


def said_of(urls: str) -> str:
    return f"not asked: {urls}, unmodified since by lastmod; --no-lastmod asks all the same"


def test_what_was_left_out_is_counted_with_what_asks_it(
    scrape: Scrape, server: FaultyServer
) -> None:
    serve(server, ("/a", PAST), ("/b", PAST), ("/c", AHEAD))
    flags = ("--sitemap", server.url("/"), *FLAGS)
    first = scrape.here(*flags)
    assert "not asked" not in first.stderr
    assert left_out(scrape) == 0
    second = scrape.here(*flags)
    assert said_of("2 listed URLs") in second.stderr.splitlines()
    assert left_out(scrape) == 2
    third = scrape.here(*flags, "--no-lastmod")
    assert "not asked" not in third.stderr
    assert left_out(scrape) == 0
    assert [server.count(path) for path in ("/a", "/b", "/c")] == [2, 2, 3]


def test_where_nothing_else_is_due_no_moment_is_named_that_is_past(
    scrape: Scrape, server: FaultyServer
) -> None:
    serve(server, ("/a", PAST))
    flags = ("--sitemap", server.url("/"), *FLAGS)
    scrape.here(*flags)
    done = scrape.here(*flags)
    assert done.code == 0
    lines = done.stderr.splitlines()
    assert "nothing of run is due" in lines
    assert said_of("1 listed URL") in lines
    assert server.count("/a") == 1


def test_a_url_counts_once_and_not_if_another_line_has_it_asked(
    scrape: Scrape, server: FaultyServer
) -> None:
    """Lists that are read one after the other disagree on /b."""
    serve(server, ("/a", PAST), ("/a", PAST), ("/b", PAST))
    scrape.here("--sitemap", server.url("/"), *FLAGS)
    own = scrape.list_of(server.url("/b"))
    flags = (own, "--sitemap", server.url("/"), "--add-list", *FLAGS)
    assert scrape.here(*flags).code == 0
    assert [server.count(path) for path in ("/a", "/b")] == [1, 2]
    assert left_out(scrape) == 1


def test_a_quiet_run_in_which_a_url_fails_says_it_too(
    scrape: Scrape, server: FaultyServer
) -> None:
    server.behaviours["/gone"] = status(404)
    serve(server, ("/a", PAST), ("/gone", AHEAD))
    flags = ("--sitemap", server.url("/"), *FLAGS, "--quiet")
    assert "not asked" not in scrape.here(*flags).stderr
    (line,) = scrape.here(*flags).stderr.splitlines()
    assert said_of("1 listed URL") in line


@pytest.mark.parametrize("first", ["/a", "/z"])
def test_a_page_that_leads_there_has_it_not_asked(
    scrape: Scrape, server: FaultyServer, first: str
) -> None:
    """/a was not modified; /z, which leads to it and shows /i, was. In whatever order."""
    names = '<p>leads <a href="/a">there</a> and shows <img src="/i">'
    server.behaviours["/z"] = page(names)
    server.behaviours["/i"] = body(ONE_PIXEL, "image/gif")
    entries = [("/a", PAST), ("/i", PAST), ("/z", AHEAD)]
    serve(server, *sorted(entries, reverse=first == "/z"))
    flags = ("--sitemap", server.url("/"), "--depth", "2", *FLAGS[1:])
    for count in (1, 2):
        assert scrape.inside(*flags).code == 0
        assert left_out(scrape) == 2 * (count - 1)
    asked = {path: server.count(path) for path, _ in entries}
    assert asked == {"/a": 1, "/i": 1, "/z": 2}
