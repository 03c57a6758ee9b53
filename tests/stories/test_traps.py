"""Sites without end: the run ends, each trap has its kind, and no page of its own is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from scraper.cli import main
from scraper.faulty import FaultyServer, page
from scraper.faulty.server import Exchange
from tests.conftest import Scrape

FLAGS = ("-p", "1", "--no-progress", "--retries", "0", "--robots", "off")
FOLLOW = (*FLAGS, "--depth", "500", "--scope", "host")
REAL = 12


def _site(exchange: Exchange) -> None:
    """Real pages that count their views in their links, and a calendar without events."""
    path, _, query = exchange.seen.path.partition("?")
    if path.startswith("/cal/"):
        _, _, year, month = path.split("/")
        links = [
            f"/cal/{year}/{int(month) % 12 + 1}",
            f"/cal/{int(year) + 1}/{month}",
        ]
        text = f"No events in {month} of {year}"
    else:
        views = int(query.rpartition("=")[2] or 0) + 1
        links = [f"/real-{name}?view={views}" for name in "abcdefghijkl"]
        links += ["/cal/2031/1"]
        text = f"This is the page {path.rpartition('-')[2]}."
    named = "".join(f"<a href='{each}'>on</a> " for each in links)
    page(f"<p>{text}<p>{named}")(exchange)


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    with FaultyServer(_site) as server:
        yield server


def kinds_of(records: list[dict[str, object]]) -> Counter[object]:
    return Counter(each["error_kind"] for each in records)


def test_the_run_ends_and_says_why(
    scrape: Scrape, site: FaultyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = scrape.inside(scrape.list_of(site.url("/")), *FOLLOW)
    assert ended.code == 0, ended.stderr
    kinds = kinds_of(ended.records)
    assert kinds["trap_query"]
    assert kinds["trap_calendar"]
    asked = {each.path.partition("?")[0] for each in site.seen}
    assert {f"/real-{name}" for name in "abcdefghijkl"} <= asked
    assert len(site.seen) < 400
    told = ended.stdout + ended.stderr
    assert "the parameter view makes no difference" in told
    assert "the last # of /cal/#" in told
    left_out = next(
        each for each in ended.records if each["error_kind"] == "trap_query"
    )
    assert main(["explain", str(left_out["url"]), "-d", str(ended.folder)]) == 0
    explained = capsys.readouterr().out
    assert "left_out: trap_query: the parameter view makes no" in explained
    log = (ended.folder / "run.log").read_text()
    for kind in ("trap_query", "trap_calendar"):
        assert log.count(f"such end as {kind}") == 1


def test_a_host_has_so_many_pages(scrape: Scrape, site: FaultyServer) -> None:
    """Also over two runs of one pass; what is listed does not count."""
    urls = scrape.list_of(site.url("/"))
    limit = ("--max-pages-per-host", "5", "--depth", "2", "--scope", "host")
    first = scrape.inside(urls, *FLAGS, *limit, "--max-urls", "3")
    assert first.code == 5
    ended = scrape.inside(urls, *FLAGS, *limit)
    assert ended.code == 0, ended.stderr
    kinds = kinds_of(ended.records)
    assert kinds["trap_pages"] >= 8
    assert kinds[None] == 1 + 5
    assert len(site.seen) == 1 + 5


def test_traps_off_asks_all(scrape: Scrape) -> None:
    with FaultyServer({"/*": page("<p>same<a href='x/'>on</a>")}) as server:
        urls = scrape.list_of(server.url("/"))
        deep = ("--depth", "8", "--scope", "host")
        scrape.inside(urls, *FLAGS, *deep, "--traps", "off")
        assert server.count() == 9
    with FaultyServer({"/*": page("<p>same<a href='x/'>on</a>")}) as server:
        urls = scrape.list_of(server.url("/"))
        ended = scrape.inside(urls, *FLAGS, *deep, "-d", "other")
        assert server.count() == 4
        assert kinds_of(ended.records)["trap_segments"] == 1


def test_listed_urls_are_always_asked(scrape: Scrape) -> None:
    paths = [f"/x?n={n}" for n in range(30)] + ["/a/a/a/a/a"]
    with FaultyServer({"/*": page("<p>same")}) as server:
        urls = scrape.list_of(*map(server.url, paths))
        ended = scrape.inside(urls, *FOLLOW, "--max-pages-per-host", "1")
        assert ended.code == 0, ended.stderr
        assert server.count() == len(paths)
