"""Sitemaps and feeds as lists: indexes, hosts that say where they are, and what may go wrong."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.desk.sitemaps import MAX_LEVELS, sitemaps_in
from scraper.faulty import FaultyServer, body, page, redirect, robots, status
from tests.conftest import Scrape
from tests.stories.runs import last_of, records_of
from tests.stories.test_fetched_lists import World

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Site:
    """A server whose sitemaps are written by the test."""

    def __init__(self, server: FaultyServer) -> None:
        self.server = server

    def url(self, path: str) -> str:
        return self.server.url(path)

    def serve(self, path: str, text: str | bytes) -> None:
        packed = text.encode() if isinstance(text, str) else text
        self.server.behaviours[path] = body(packed, "application/xml")

    def map(self, *paths: str, more: str = "") -> str:
        inside = "".join(
            f"<url><loc>{self.url(path)}</loc>{more}</url>" for path in paths
        )
        return f"<urlset>{inside}</urlset>"

    def index(self, *paths: str) -> str:
        inside = "".join(
            f"<sitemap><loc>{self.url(path)}</loc></sitemap>" for path in paths
        )
        return f"<sitemapindex>{inside}</sitemapindex>"

    def count(self, path: str) -> int:
        return self.server.count(path)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer({"/*": page("<p>here")}) as running:
        yield running


@pytest.fixture
def site(server: FaultyServer) -> Site:
    server.behaviours["/robots.txt"] = status(404)
    return Site(server)


@pytest.fixture
def world(tmp_path: Path, server: FaultyServer) -> World:
    return World(tmp_path, server)


FLAGS = ("--save-only", "-R", "0")


def paths_of(folder: Path) -> dict[str, str | None]:
    """What each URL came to."""
    return {
        url.partition("://")[2].partition("/")[2]: each["error_kind"]
        for url, each in last_of(folder).items()
    }


# -- lists --------------------------------------------------------------------------------------


def test_a_sitemap_is_a_list_with_columns_from_a_url_and_from_a_file(
    scrape: Scrape, site: Site, tmp_path: Path
) -> None:
    text = site.map("/a", "/b", more="<lastmod>2026-11-01</lastmod>")
    site.serve("/all", gzip.compress(text.encode()))
    done = scrape.here("--list-url", site.url("/all"), *FLAGS, dir="from-url")
    assert done.code == 0, done.stderr
    path = tmp_path / "map.txt"
    path.write_bytes(zstd.compress(text.encode()))
    assert scrape.here(str(path), *FLAGS, dir="from-file").code == 0
    for name in ("from-url", "from-file"):
        found = records_of(scrape.folder / name)
        assert sorted((each["url"], each["line"]) for each in found) == [
            (site.url("/a"), 1),
            (site.url("/b"), 2),
        ]
        assert all(each["input"] == {"lastmod": "2026-11-01"} for each in found)


def test_a_feed_is_one_whose_links_begin_where_it_is(
    scrape: Scrape, site: Site
) -> None:
    site.serve(
        "/news/feed",
        "<feed><entry><title>A</title><link href='1'/></entry></feed>",
    )
    site.server.behaviours["/moved"] = redirect("/news/feed")
    done = scrape.here("--list-url", site.url("/moved"), *FLAGS)
    assert done.code == 0, done.stderr
    (record,) = records_of(scrape.folder / "run")
    assert (record["url"], record["input"]) == (
        site.url("/news/1"),
        {"title": "A"},
    )


def test_an_index_is_all_that_it_names_each_once(
    scrape: Scrape, site: Site
) -> None:
    site.serve(
        "/index.xml", site.index("/1.xml", "/2.xml.gz", "/more.xml", "/1.xml")
    )
    site.serve("/more.xml", site.index("/3.txt", "/1.xml"))
    site.serve("/1.xml", site.map("/a", "/b"))
    site.serve("/2.xml.gz", gzip.compress(site.map("/b", "/c").encode()))
    site.serve("/3.txt", f"{site.url('/d')}\n")
    done = scrape.here("--list-url", site.url("/index.xml"), *FLAGS, dir=None)
    assert done.code == 0, done.stderr
    folder = scrape.folder / "downloads" / "index"
    named = {each["url"]: each["source"] for each in records_of(folder)}
    assert named == {
        site.url("/a"): site.url("/1.xml"),
        site.url("/b"): site.url("/1.xml"),
        site.url("/c"): site.url("/2.xml.gz"),
        site.url("/d"): site.url("/3.txt"),
    }
    fetched = ["/index.xml", "/more.xml", "/1.xml", "/2.xml.gz", "/3.txt"]
    assert [site.count(path) for path in fetched] == [1] * 5
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["inputs"] == [site.url("/index.xml")]


def test_an_index_of_this_machine_names_what_is_fetched(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "index"
    path.write_text(site.index("/1.xml"))
    site.serve("/1.xml", site.map("/a"))
    config = scraper.configure(save_only=True, dir=str(tmp_path / "run"))
    with scraper.stream(str(path), config) as outcomes:
        assert [each.url for each in outcomes] == [site.url("/a")]


# -- what cannot be had ---------------------------------------------------------------------------


def test_one_that_fails_is_one_line_and_costs_no_other(
    scrape: Scrape, site: Site
) -> None:
    site.serve(
        "/index.xml",
        site.index("/gone.xml", "/1.xml", "/page.xml", "/t.csv", "/cut.gz"),
    )
    site.serve("/1.xml", site.map("/a"))
    site.server.behaviours["/gone.xml"] = status(404)
    site.server.behaviours["/page.xml"] = page(
        "<!doctype html><p>Please log in"
    )
    site.serve("/t.csv", f"id,url\n1,{site.url('/x')}\n")
    site.serve("/cut.gz", gzip.compress(site.map("/y").encode())[:-9])
    flags = ("--list-url", site.url("/index.xml"), *FLAGS)
    done = scrape.here(*flags)
    assert done.code == 3
    failed = {
        each["line"]: each["url"]
        for each in records_of(scrape.folder / "run")
        if each["error_kind"] == "list_failed"
    }
    for number, why in {
        1: "/gone.xml was not fetched: http_404",
        3: "/page.xml looks like HTML",
        4: "it is a table",
        5: "the compressed file is cut off",
    }.items():
        assert why in failed[number]
        assert done.stderr.count(why) == 1
    assert site.count("/a") == 1
    assert not site.count("/x") + site.count("/y")
    site.serve("/index.xml", site.index("/gone.xml", "/1.xml"))
    site.serve("/gone.xml", site.map("/b"))
    assert scrape.here(*flags).code == 0
    assert [site.count(path) for path in ("/a", "/b")] == [1, 1]


def test_circles_and_depths_end(scrape: Scrape, site: Site) -> None:
    site.serve("/index.xml", site.index("/index.xml", "/again.xml", "/0.xml"))
    site.server.behaviours["/again.xml"] = redirect("/index.xml")
    for level in range(MAX_LEVELS + 3):
        site.serve(
            f"/{level}.xml", site.index(f"/{level + 1}.xml", "/index.xml")
        )
    done = scrape.here("--list-url", site.url("/index.xml"), *FLAGS)
    assert done.code == 4
    whys = [each["url"] for each in records_of(scrape.folder / "run")]
    assert any("the index names itself" in each for each in whys)
    assert any("indexes deep" in each for each in whys)
    assert not site.count(f"/{MAX_LEVELS + 1}.xml")
    assert "Traceback" not in done.stderr


def test_lists_have_a_number_that_is_the_last(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.desk.sitemaps.MAX_LISTS", 3)
    site.serve("/index.xml", site.index(*(f"/{each}.xml" for each in range(9))))
    for each in range(9):
        site.serve(f"/{each}.xml", site.map(f"/{each}"))
    config = scraper.configure(save_only=True, dir=str(tmp_path / "run"))
    with scraper.stream(
        scraper.ListUrl(site.url("/index.xml")), config
    ) as outcomes:
        ended = {each.url: each.record["error_kind"] for each in outcomes}
    assert ended.pop(site.url("/0")) is None
    assert ended.pop(site.url("/1")) is None
    ((why, kind),) = ended.items()
    assert (kind, "more than 3 lists" in why) == ("list_broken", True)


@pytest.mark.parametrize(
    "text",
    [
        b"<!doctype html>" + b"<p>x" * 9_000_000,
        gzip.compress(bytes(60_000_000)),
    ],
    ids=["html", "bomb"],
)
def test_what_is_huge_and_none_is_one_line(
    scrape: Scrape, site: Site, text: bytes
) -> None:
    site.serve("/sitemap.xml", text)
    done = scrape.here(
        "--list-url", site.url("/sitemap.xml"), "--max-body", "50M", *FLAGS
    )
    assert done.code == 2
    assert len(done.stderr.splitlines()) == 2
    assert "Traceback" not in done.stderr


# -- in whose name ------------------------------------------------------------------------------


def test_what_a_public_index_names_is_asked_in_its_name(world: World) -> None:
    inside = "http://inside.test/private.xml"
    world.serve("/private.xml", "http://public.test/never")
    index = f"""<sitemapindex><sitemap><loc>{inside}</loc></sitemap>
        <sitemap><loc>http://public.test/1.xml</loc></sitemap></sitemapindex>"""
    world.server.behaviours["/index.xml"] = body(index.encode(), "text/xml")
    world.serve("/1.xml", "http://inside.test/a", "http://public.test/b")
    world.run("http://public.test/index.xml")
    kinds = world.kinds()
    (why,) = [
        each["url"]
        for each in records_of(world.run_folder)
        if each["error_kind"] == "list_failed"
    ]
    assert f"{inside} was not fetched: private_address" in why
    assert kinds["http://inside.test/a"] == "private_address"
    assert kinds["http://public.test/b"] is None
    assert "http://public.test/never" not in kinds
    assert not world.server.count("/private.xml")


# -- a host -------------------------------------------------------------------------------------


def test_a_host_says_in_robots_where_its_sitemaps_are(
    scrape: Scrape, site: Site, tmp_path: Path
) -> None:
    lines = f"User-agent: *\nDisallow: /no\nSITEMAP : {site.url('/1.xml')} # new\nSitemap: /2.xml"
    site.server.behaviours["/robots.txt"] = robots(lines)
    site.serve("/1.xml", site.map("/a", "/no/b"))
    site.serve("/2.xml", site.map("/c"))
    own = scrape.list_of(site.url("/own"))
    done = scrape.here(own, "--sitemap", site.url("/"), *FLAGS)
    assert done.code == 0, done.stderr
    assert paths_of(scrape.folder / "run") == {
        "own": None,
        "a": None,
        "no/b": "robots_disallowed",
        "c": None,
    }
    assert "looking for the sitemaps of 127.0.0.1" in done.stderr
    again = scrape.here("--sitemap", site.url("/"), *FLAGS, dir=None)
    assert again.code == 0, again.stderr
    (folder,) = (scrape.folder / "downloads").iterdir()
    assert folder.name.startswith("127.0.0.1")


def test_a_host_that_says_nothing_may_have_one_at_the_usual_place(
    scrape: Scrape, site: Site, tmp_path: Path
) -> None:
    site.serve("/sitemap.xml", site.map("/a"))
    for answer in (status(404), robots("User-agent: *\nAllow: /")):
        site.server.behaviours["/robots.txt"] = answer
        done = scrape.here(
            "--sitemap", site.url("/"), *FLAGS, dir=str(id(answer))
        )
        assert done.code == 0, done.stderr
    config = scraper.configure(save_only=True, dir=str(tmp_path / "run"))
    with scraper.stream(scraper.Sitemap(site.url("/")), config) as outcomes:
        assert [each.url for each in outcomes] == [site.url("/a")]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "robots.txt names none, and the list {0}/sitemap.xml was not fetched: http_404"),
        ({"/robots.txt": robots("Sitemap: /x.xml")},
         "robots.txt names 1, and the list {0}/x.xml was not fetched: http_404"),
        ({"/robots.txt": robots("Sitemap: ftp://x/x.xml")}, "robots.txt names 1, and ftp://x/x.xml"),
        ({"/robots.txt": robots("User-agent: *\nDisallow: /\nSitemap: /x.xml")},
         "robots_disallowed"),
        ({"/robots.txt": status(500)}, "{0}/robots.txt was not fetched: http_500"),
    ],
)  # fmt: skip
def test_a_host_without_any_is_one_line(
    scrape: Scrape, site: Site, answers: dict[str, Any], why: str
) -> None:
    site.server.behaviours |= {
        "/x.xml": status(404),
        "/sitemap.xml": status(404),
    }
    site.server.behaviours |= answers
    done = scrape.here("--sitemap", site.url("/"), *FLAGS)
    assert done.code == 2
    assert why.format(site.url("")) in done.stderr.splitlines()[-1]
    assert not (scrape.folder / "run").exists()


def test_a_word_that_is_no_host_is_one_line_before_the_first_request(
    scrape: Scrape, site: Site
) -> None:
    for word, why in {
        site.url("/shop/"): "--sitemap takes a host, such as 127.0.0.1",
        "ftp://x": "ftp://x is no host",
        "other.example": "host_not_allowed",
    }.items():
        done = scrape.here("--sitemap", site.url("/"), "--sitemap", word)
        assert done.code == 2
        assert why in done.stderr
        assert done.stderr.count("\n") == 1
    assert not site.server.seen


def test_a_line_of_robots_is_read_as_it_is_written() -> None:
    base = "https://a.example/robots.txt"
    text = (
        b"\xef\xbb\xbfsitemap:/a\r\nSitemap: https://b.example/b\rSitemap:\n"
        b"# Sitemap: /c\nSitemap: /a\n"
    )
    assert sitemaps_in(text, base) == [
        "https://a.example/a",
        "https://b.example/b",
    ]


# -- from run to run ------------------------------------------------------------------------------


def states(scrape: Scrape) -> dict[str, str]:
    """What `changes.jsonl` said last of each URL."""
    lines = (scrape.folder / "run" / "changes.jsonl").read_text().splitlines()
    told = map(json.loads, lines)
    return {each["url"].rpartition("/")[2]: each["change"] for each in told}


def test_what_an_index_names_no_more_is_gone_and_what_fails_is_not(
    scrape: Scrape, site: Site
) -> None:
    def refresh(code: int) -> None:
        done = scrape.here("--list-url", site.url("/i.xml"), "--refresh", *FLAGS,
                           "--max-gone", "100%")  # fmt: skip
        assert done.code == code, done.stderr

    site.serve("/i.xml", site.index("/1.xml", "/sub.xml"))
    site.serve("/1.xml", site.map("/a"))
    site.serve("/sub.xml", site.index("/2.xml", "/3.xml"))
    site.serve("/2.xml", site.map("/b", "/c"))
    site.serve("/3.xml", site.map("/d"))
    refresh(0)
    site.server.behaviours["/2.xml"] = status(500)
    site.serve("/3.xml", site.map())
    refresh(3)
    assert states(scrape) == {"a": "new", "b": "new", "c": "new", "d": "gone"}
    site.serve("/2.xml", site.map("/b", "/c").replace("</urlset>", "<"))
    refresh(3)
    site.serve("/2.xml", site.map("/b").replace("</urlset>", "<"))
    refresh(3)
    assert states(scrape)["c"] == "new"
    site.serve("/i.xml", site.index("/1.xml", "/4.xml"))
    site.serve("/4.xml", site.map("/b", "/e"))
    refresh(0)
    assert states(scrape) == {
        "a": "new",
        "b": "new",
        "c": "gone",
        "d": "gone",
        "e": "new",
    }


def test_a_sitemap_that_breaks_off_counts_as_far_as_it_goes(
    scrape: Scrape, site: Site
) -> None:
    site.serve("/1.xml", site.map("/a", "/b") + "<oops>")
    done = scrape.here("--list-url", site.url("/1.xml"), *FLAGS)
    assert done.code == 3
    (broken,) = [
        each for each in records_of(scrape.folder / "run") if each["error_kind"]
    ]
    assert (broken["error_kind"], broken["line"]) == ("list_broken", 3)
    assert broken["url"].startswith(f"{site.url('/1.xml')}, line 1, column ")
    assert [site.count("/a"), site.count("/b")] == [1, 1]


def test_what_was_not_modified_since_is_not_asked_for_its_age(
    scrape: Scrape, site: Site
) -> None:
    def serve(**dates: str) -> None:
        inside = "".join(
            site.map(f"/{name}", more=f"<lastmod>{date}</lastmod>")
            for name, date in dates.items()
        )
        inside = inside.replace("</urlset><urlset>", "")
        site.serve("/s.xml", inside)

    def counts() -> list[int]:
        return [
            site.count(f"/{name}") for name in ("old", "new", "none", "bad")
        ]

    site.server.behaviours["/bad"] = status(404)
    past, ahead = "2020-01-01", "2999-01-01T00:00:00Z"
    serve(old=past, new=ahead, none="soon", bad=past)
    flags = ("--list-url", site.url("/s.xml"), *FLAGS, "--max-gone", "100%")
    assert scrape.here(*flags).code == 3
    assert counts() == [1, 1, 1, 1]
    assert scrape.here(*flags, "--max-age", "0").code == 3
    assert counts() == [1, 2, 2, 2]
    assert scrape.here(*flags, "--max-age", "0", "--no-lastmod").code == 3
    assert counts() == [2, 3, 3, 3]
    serve(old=ahead)
    assert scrape.here(*flags, "--max-age", "9d").code == 0
    assert counts() == [2, 3, 3, 3]
    assert scrape.here(*flags, "--max-age", "0").code == 0
    assert counts() == [3, 3, 3, 3]
    serve(old=past)
    assert scrape.here(*flags, "--refresh").code == 0
    assert counts() == [4, 3, 3, 3]
