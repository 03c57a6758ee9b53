"""`plan --sitemap HOST`: the sitemaps are fetched, and of what they name nothing is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scraper.faulty import FaultyServer, body, page, robots, status
from tests.conftest import Scrape, Scraped

LASTMOD = "<lastmod>2020-01-01</lastmod>"
PAGES = {"/a", "/b", "/c", "/no/d"}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer({"/*": page("<p>here")}) as running:
        yield running


@pytest.fixture
def site(server: FaultyServer) -> FaultyServer:
    """An index that names two sitemaps, and one that is gone."""
    rules = "User-agent: *\nDisallow: /no\nCrawl-delay: 0.2\nSitemap: "
    server.behaviours["/robots.txt"] = robots(f"{rules}{server.url('/i.xml')}")
    server.behaviours["/gone.xml"] = status(404)
    serve(server, "/i.xml", "sitemap", "/1.xml", "/2.xml", "/gone.xml")
    serve(server, "/1.xml", "url", "/a", "/b", "/no/d")
    serve(server, "/2.xml", "url", "/b", "/c", more=LASTMOD)
    return server


def serve(
    server: FaultyServer, at: str, each: str, *paths: str, more: str = ""
) -> None:
    """A sitemap of these paths, or an index of them."""
    inside = "".join(
        f"<{each}><loc>{server.url(path)}</loc>{more}</{each}>"
        for path in paths
    )
    root = "urlset" if each == "url" else "sitemapindex"
    text = f"<{root}>{inside}</{root}>"
    server.behaviours[at] = body(text.encode(), "text/xml")


def plan(scrape: Scrape, site: FaultyServer, *flags: str) -> dict[str, Any]:
    """As JSON; asks for none of the pages."""
    before = sum(map(site.count, PAGES))
    host = site.url("/")
    done = scrape.here("plan", "--json", "--sitemap", host, *flags, dir=None)
    assert sum(map(site.count, PAGES)) == before
    assert done.stderr == ""
    return {"code": done.code, **json.loads(done.stdout)}


def run(scrape: Scrape, site: FaultyServer, *flags: str) -> Scraped:
    host = site.url("/")
    return scrape.here("--sitemap", host, "--save-only", *flags, dir=None)


def test_it_plans_what_all_of_them_name(
    scrape: Scrape, site: FaultyServer
) -> None:
    found = plan(scrape, site)
    assert list(scrape.folder.iterdir()) == [], "nothing is saved"
    assert (found["lines"], found["urls"], found["repeated"]) == (6, 4, 1)
    assert found["no_url"] == {"list_failed": 1}
    assert (found["permitted"], found["forbidden"]) == (3, 1)
    assert found["at_least_seconds"] == 0.4
    assert found["folder"] is None
    assert found["code"] == run(scrape, site).code == 3
    assert {path for path in PAGES if site.count(path)} == PAGES - {"/no/d"}


def test_the_folder_of_the_host_says_what_is_due(
    scrape: Scrape, site: FaultyServer
) -> None:
    run(scrape, site)
    serve(site, "/1.xml", "url", "/a", "/new", more=LASTMOD)
    nothing_old = plan(scrape, site)
    assert nothing_old["folder"].startswith("downloads/127.0.0.1")
    assert nothing_old["due"] == {"new": 1, "left": 0, "again": 0, "all": 1}
    assert (nothing_old["known"], nothing_old["unmodified"]) == (3, 0)
    serve(site, "/1.xml", "url", "/a", more=LASTMOD)
    serve(site, "/2.xml", "url", "/b", "/c")
    old = plan(scrape, site, "--max-age", "0")
    assert (old["due"]["again"], old["unmodified"]) == (2, 1)
    every = plan(scrape, site, "--max-age", "0", "--no-lastmod")
    assert (every["due"]["again"], every["unmodified"]) == (3, 0)


def test_a_run_asks_what_was_planned(
    scrape: Scrape, site: FaultyServer
) -> None:
    run(scrape, site)
    before = sum(map(site.count, PAGES))
    planned = plan(scrape, site, "--max-age", "0")
    run(scrape, site, "--max-age", "0")
    asked = sum(map(site.count, PAGES)) - before
    assert asked == planned["permitted"] == 2, "all but /c"
    assert planned["unmodified"] == 1


def test_the_text_says_what_is_fetched_and_what_lastmod_leaves_out(
    scrape: Scrape, site: FaultyServer
) -> None:
    serve(site, "/i.xml", "sitemap", "/2.xml")
    run(scrape, site)
    flags = ("--sitemap", site.url("/"), "--max-age", "0")
    done = scrape.here("plan", *flags, dir=None)
    assert done.code == 0
    said = done.stderr.splitlines()
    assert said[0].startswith("looking for the sitemaps of 127.0.0.1")
    assert said[-1].startswith("fetching 1 sitemap of ")
    lines = done.stdout.splitlines()
    assert lines[1].endswith(": 0 URLs due, 2 not again (2 by lastmod)")
    assert lines[2:] == ["", "nothing would be asked"]
    quiet = scrape.here("plan", "-q", *flags, dir=None)
    assert quiet.stderr == ""


def test_a_host_without_any_is_one_line(
    scrape: Scrape, site: FaultyServer
) -> None:
    site.behaviours["/i.xml"] = status(404)
    done = scrape.here("plan", "-q", "--sitemap", site.url("/"), dir=None)
    assert done.code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: no sitemap of 127.0.0.1")
    assert list(scrape.folder.iterdir()) == []
