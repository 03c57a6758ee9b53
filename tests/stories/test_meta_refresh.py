"""A page that sends its reader on is a hop, if that is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import scraper
from scraper.faulty import FaultyServer, page, redirect, robots
from tests.conftest import Scrape

FLAGS = ("--meta-refresh", "-p", "1", "--no-progress", "--retries", "0")


def sends(to: str, seconds: int = 0) -> str:
    return f"<title>Wait</title><meta http-equiv=refresh content='{seconds}; url={to}'>"


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    behaviours = {
        "/robots.txt": robots("User-agent: *\nDisallow: /private"),
        "/": page(sends("/moved")),
        "/moved": redirect("/second"),
        "/second": page(sends("/here?token=secret#top", 30)),
        "/here?token=secret": page("<title>Here</title><a href=/x>x</a>"),
        "/circle": page(sends("/circle-2")),
        "/circle-2": page(sends("/circle")),
        "/late": page(sends("/here", 31)),
        "/again": page(sends("/again#now", 1)),
        "/to-private": page(sends("/private")),
        "/away": page(sends("http://not-allowed.example/")),
        "/nowhere": page(sends("http://[/")),
    }
    with FaultyServer(behaviours) as server:
        yield server


def test_a_page_that_sends_on_is_a_hop(
    scrape: Scrape, site: FaultyServer
) -> None:
    ended = scrape.inside(scrape.list_of(site.url("/")), *FLAGS)
    assert ended.code == 0, ended.stderr
    (record,) = ended.records
    assert record["title"] == "Here"
    assert record["final_url"] == site.url("/here?token=***")
    assert record["redirects"] == [
        {"url": site.url("/"), "status": 200},
        {"url": site.url("/moved"), "status": 302},
        {"url": site.url("/second"), "status": 200},
    ]
    assert record["attempts"] == 1
    (kept,) = (ended.folder / "pages").rglob("*.html")
    assert b"Here" in kept.read_bytes()
    summary = json.loads((ended.folder / "summary.json").read_text())
    bodies = [sends("/moved"), sends("/here?token=secret#top", 30)]
    assert summary["wire_bytes"] >= record["wire_bytes"] + sum(map(len, bodies))


def test_without_the_flag_it_is_a_page_like_any_other(
    scrape: Scrape, site: FaultyServer
) -> None:
    ended = scrape.inside(scrape.list_of(site.url("/second")), *FLAGS[1:])
    (record,) = ended.records
    assert (record["title"], record["redirects"]) == ("Wait", [])
    assert record["meta_refresh"] == {
        "seconds": 30,
        "url": site.url("/here?token=***#top"),
    }


@pytest.mark.parametrize("path", ["/late", "/again", "/nowhere"])
def test_what_sends_nobody_elsewhere_soon_is_no_hop(
    scrape: Scrape, site: FaultyServer, path: str
) -> None:
    ended = scrape.inside(scrape.list_of(site.url(path)), *FLAGS)
    (record,) = ended.records
    assert (record["title"], record["redirects"]) == ("Wait", [])
    assert site.count(path) == 1


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/circle", "too_many_redirects"),
        ("/to-private", "robots_disallowed"),
        ("/away", "host_not_allowed"),
    ],
)
def test_a_hop_is_judged_like_a_redirect(
    scrape: Scrape, site: FaultyServer, path: str, kind: str
) -> None:
    ended = scrape.inside(scrape.list_of(site.url(path)), *FLAGS)
    (record,) = ended.records
    assert record["error_kind"] == kind
    assert record["redirects"][0] == {"url": site.url(path), "status": 200}
    assert site.count("/private") == 0
    assert [*(ended.folder / "pages").rglob("*.html")] == []


def test_explain_follows_it(scrape: Scrape, site: FaultyServer) -> None:
    shown = scrape.inside(
        "explain", site.url("/second"), "--meta-refresh", dir=None
    )
    assert shown.code == 0, shown.stderr
    assert "/here?token=***" in shown.stdout
    assert "Here" in shown.stdout


def test_a_session_follows_it(site: FaultyServer) -> None:
    config = scraper.configure(meta_refresh=True, processes=1)
    with scraper.Session(config) as session:
        outcome = session.submit(site.url("/second")).result(30)
    assert outcome.record["title"] == "Here"
    assert [hop["status"] for hop in outcome.record["redirects"]] == [200]
