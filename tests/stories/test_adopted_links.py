"""What `--adopt` knows again of links, and of when URLs were good."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import Behaviour, FaultyServer, page, status
from scraper.reports.summary import Report
from tests.stories.runs import records_of

LEVELS = "SELECT url, depth, level, chain FROM url"
KEYS = {"robots": "off", "retries": 0, "processes": 1, "page_images": "none"}


def links(*paths: str) -> Behaviour:
    return page("".join(f'<a class=on href="{each}">on</a>' for each in paths))


class Site:
    """A server, a list that names its root, and a folder."""

    def __init__(self, server: FaultyServer, folder: Path) -> None:
        self.server = server
        self.list = folder / "urls.txt"
        self.list.write_text(server.url("/"))
        self.folder = folder / "run"

    def run(self, keys: dict[str, Any], **how: Any) -> Report:
        config = scraper.configure(dir=str(self.folder), **KEYS, **keys)
        return scraper.run(self.list, config, **how)

    def lose_ledger(self) -> None:
        shutil.rmtree(self.folder / ".scraper")

    def select(self, sql: str) -> set[tuple[Any, ...]]:
        ledger = sqlite3.connect(self.folder / ".scraper" / "ledger.sqlite")
        try:
            return set(ledger.execute(sql))
        finally:
            ledger.close()

    def ways(self) -> set[tuple[Any, ...]]:
        return self.select(
            "SELECT url.url, p.url, url.depth, url.level, url.chain"
            " FROM url LEFT JOIN url AS p ON p.id = url.parent"
        )

    def links(self) -> set[tuple[Any, ...]]:
        return self.select(
            "SELECT p.url, c.url, how FROM link JOIN url AS p ON p.id = link.parent"
            " JOIN url AS c ON c.id = child"
        )


SITE = {
    "/": links("/a", "/b"),
    "/a": links("/x", "/missing"),
    "/b": links("/x", "/a", "/y"),
    "/x": links("/y", "/"),
    "/y": links("/too-far"),
    "/missing": status(404),
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FaultyServer(dict(SITE)) as server:
        yield Site(server, tmp_path)


CHAIN = {
    "/": links("/2"),
    "/2": links("/3"),
    "/3": links(),
    "/wanted": links(),
}
ONE_KIND = [
    (SITE, {"depth": 2}),
    (CHAIN, {"follow": ["a.on"]}),
    (CHAIN, {"recipe": [{"match": "*", "pages": "a.on"}]}),
]


@pytest.mark.parametrize(("pages", "keys"), ONE_KIND)
def test_what_is_adopted_is_as_far_from_the_list_as_it_was(
    site: Site, pages: dict[str, Behaviour], keys: dict[str, Any]
) -> None:
    site.server.behaviours = dict(pages)
    site.run(keys)
    ways, known = site.ways(), site.links()
    assert len(ways) > 2
    site.lose_ledger()
    site.run(keys, adopt=True)
    assert site.ways() == ways
    # A way back to the list is not needed, and one beyond the last level is not followed.
    of = site.server.url
    known.discard((of("/x"), of("/"), "link"))
    assert site.links() - {(of("/x"), of("/y"), "link")} == known


def test_what_is_led_to_by_another_page_is_not_gone(site: Site) -> None:
    """/a has led there first, and leads there no more; /b is not asked."""
    site.server.behaviours["/a"] = status(503)
    site.run({"depth": 2})
    site.server.behaviours["/a"] = links("/x")
    site.run({"depth": 2}, retry=())
    site.server.behaviours["/a"] = status(500)
    site.run({"depth": 2}, refresh=True)
    site.lose_ledger()
    site.server.behaviours["/a"] = links()
    report = site.run({"depth": 2}, adopt=True, retry=())
    assert not report.changes["gone"]


def test_a_page_that_is_gone_leads_nowhere_any_more(site: Site) -> None:
    site.run({"depth": 2})
    site.server.behaviours["/b"] = status(404)
    site.run({"depth": 2}, refresh=True)
    site.lose_ledger()
    site.run({"depth": 2}, adopt=True)
    assert {parent for parent, *_ in site.links()} == set(
        map(site.server.url, ("/", "/a", "/x"))
    )


@pytest.mark.parametrize(("pages", "keys"), ONE_KIND)
def test_a_refresh_finds_what_was_not_asked_yet(
    site: Site, pages: dict[str, Behaviour], keys: dict[str, Any]
) -> None:
    site.server.behaviours = dict(pages)
    site.run(keys)
    whole = {each["url"] for each in records_of(site.folder)}
    levels, known = site.select(LEVELS), site.links()
    shutil.rmtree(site.folder)
    site.run({**keys, "max_urls": 2})
    site.lose_ledger()
    site.run(keys, adopt=True, refresh=True)
    again = [e["url"] for e in records_of(site.folder) if e["pass"] == 2]
    assert sorted(again) == sorted(whole)
    assert (site.select(LEVELS), site.links()) == (levels, known)


def test_when_a_url_was_good_is_known_again(site: Site) -> None:
    """Whatever came since."""
    site.run({"depth": 2})
    site.server.behaviours |= {"/x": status(500), "/y": status(500)}
    site.run({"depth": 2}, refresh=True)
    site.server.behaviours["/y"] = links("/new")
    site.run({"depth": 2}, refresh=True)
    site.server.behaviours["/y"] = status(404)
    site.run({"depth": 2}, refresh=True)
    good = "SELECT url, good_at FROM url JOIN answer USING (id)"
    known = dict(site.select(good))
    assert {path for path in SITE if known[site.server.url(path)]} == {
        "/x",
        "/y",
    }
    site.lose_ledger()
    site.run({"depth": 2}, adopt=True)
    assert dict(site.select(good)) == pytest.approx(known, abs=0.01)
