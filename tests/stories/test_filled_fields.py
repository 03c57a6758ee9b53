"""A site changes its pages, and the fields of recipes with them: what is counted and said."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, etag, status
from scraper.outcomes.fills import Fills, RecipeFill
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import filled_of, last_of

BOOKS = {
    "name": "books",
    "match": "*/book/*",
    "fields": {"title": "h1", "price": {"select": ".price", "type": "number"}},
}
SHELF = {"name": "shelf", "match": "*/shelf/*", "each": "li",
         "fields": {"name": "b", "note": "i"}}  # fmt: skip
NEWS = {"name": "news", "match": "*/news/*", "fields": {"headline": "h2"}}
RECIPES = [BOOKS, SHELF, NEWS]

FULL = "<h1>A book</h1><p class=price>£5.50"
BARE = "<h1>A book</h1><p class=amount>£5.50"
SHELF_OF = "<li><b>one</b><li><b>two</b><i>new</i><li>"
EMPTIED = "! price of recipe books was full in pass 1 and is empty now"


class Site:
    """A server, a run folder, and passes over its pages."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server

    def show(self, pages: dict[str, str]) -> None:
        """From now on these are its pages. One that stays as it is has not changed."""
        for path, html in pages.items():
            tag = f'"{hash(html)}"'
            self.server.behaviours[path] = etag(html.encode(), tag)

    def run(
        self, *paths: str, refresh: bool = False, retry: Any = None, **keys: Any
    ) -> scraper.Report:
        keys = {"processes": 1, "recipe": RECIPES} | keys
        config = scraper.configure(dir=str(self.folder), robots="off", **keys)
        urls = [self.server.url(path) for path in paths]
        return scraper.run(urls, config, retry=retry, refresh=refresh)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FaultyServer({"/robots.txt": status(404)}) as server:
        yield Site(tmp_path, server)


def books(pages: int, **fields: int) -> RecipeFill:
    return RecipeFill(pages, pages, fields)


def lines_of(report: scraper.Report) -> list[str]:
    """What the summary says of recipes."""
    return [
        line
        for line in report.text().splitlines()
        if line.startswith(("recipe ", "! "))
    ]


# -- one pass ---------------------------------------------------------------------------------


def test_a_run_says_of_each_recipe_what_it_came_to(site: Site) -> None:
    site.show(
        {
            "/book/1": FULL,
            "/book/2": BARE,
            "/shelf/a": SHELF_OF,
            "/shelf/b": "<p>empty",
        }
    )
    report = site.run("/book/1", "/book/2", "/shelf/a", "/shelf/b")
    assert lines_of(report) == [
        "recipe books: 2 pages · title 100 % · price 50 %",
        "recipe shelf: 3 items on 2 pages · name 66 % · note 33 %",
        "recipe news: no page matched",
    ]
    told = json.loads((site.folder / "summary.json").read_bytes())
    assert told["totals"]["recipes"] == {
        "books": {"pages": 2, "of": 2, "fields": {"title": 2, "price": 1}},
        "shelf": {"pages": 2, "of": 3, "fields": {"name": 2, "note": 1}},
    }
    nothing = {"pages": 0, "of": 0, "fields": {"headline": 0}}
    assert told["recipes"] == told["totals"]["recipes"] | {"news": nothing}
    assert told["dropped"] == []


def test_without_recipes_nothing_is_said_of_them(site: Site) -> None:
    site.show({"/book/1": FULL})
    report = site.run("/book/1", recipe=[])
    assert lines_of(report) == []
    assert (report.as_dict()["recipes"], report.as_dict()["dropped"]) == (
        {},
        [],
    )


def test_where_no_page_came_no_recipe_could_match(site: Site) -> None:
    report = site.run("/book/gone")
    assert report.failures == {"http_404": 1}
    assert lines_of(report) == []


def test_a_page_that_lacks_a_required_field_is_one_without_it(
    site: Site,
) -> None:
    price = {"select": ".price", "required": True}
    recipe = {"name": "books", "fields": {"title": "h1", "price": price}}
    site.show({"/book/1": FULL, "/book/2": BARE})
    report = site.run("/book/1", "/book/2", recipe=[recipe])
    assert report.failures == {"field_missing": 1}
    assert report.fills.recipes == {"books": books(2, title=2, price=1)}
    assert report.totals is not None
    assert report.totals.fills == report.fills


def test_a_page_that_fails_for_another_reason_is_not_counted(
    site: Site,
) -> None:
    site.show({"/book/1": FULL, "/book/2": "<title>404 Not Found</title><h1>x"})
    report = site.run("/book/1", "/book/2", fail_flags=["soft_404"])
    assert report.failures == {"flagged": 1}
    assert report.fills.recipes["books"] == books(1, title=1, price=1)


# -- passes -----------------------------------------------------------------------------------


def test_what_is_unchanged_counts_as_it_did(site: Site) -> None:
    site.show({"/book/1": FULL, "/book/2": BARE, "/shelf/a": SHELF_OF})
    paths = ("/book/1", "/book/2", "/shelf/a")
    first = site.run(*paths)
    again = site.run(*paths, refresh=True)
    assert again.states["unchanged"] == 3
    assert again.fills == first.fills
    site.show({"/book/2": FULL})
    third = site.run(*paths, refresh=True)
    assert third.states == {"unchanged": 2, "done": 1}
    assert third.fills.recipes["books"] == books(2, title=2, price=2)
    assert third.fills.recipes["shelf"] == first.fills.recipes["shelf"]
    assert lines_of(third) == [
        "recipe books: 2 pages · title 100 % · price 100 %",
        "recipe shelf: 3 items on 1 page · name 66 % · note 33 %",
        "recipe news: no page matched",
    ]


def test_other_recipes_count_what_they_find_in_what_is_unchanged(
    site: Site,
) -> None:
    site.show({"/book/1": FULL})
    site.run("/book/1")
    other = BOOKS | {"fields": {"amount": ".amount", "title": "h1"}}
    report = site.run("/book/1", refresh=True, recipe=[other])
    assert report.wire_bytes == 0
    assert report.fills.recipes == {"books": books(1, amount=0, title=1)}
    report = site.run("/book/1", refresh=True, recipe=[])
    assert report.fills == Fills()
    assert report.totals is not None
    assert report.totals.fills == Fills()


def test_a_field_that_a_site_empties_is_an_alarm_until_it_is_found_again(
    site: Site,
) -> None:
    paths = [f"/book/{number}" for number in range(3)]
    site.show(dict.fromkeys(paths, FULL))
    assert site.run(*paths, fail_on=["fields"]).exit_code == 0
    site.show(dict.fromkeys(paths, BARE))
    for number in (2, 3):
        report = site.run(*paths, refresh=True, fail_on=["fields"])
        assert (report.number, report.exit_code) == (number, 3)
        assert lines_of(report) == [
            "recipe books: 3 pages · title 100 % · price never filled",
            "recipe shelf: no page matched",
            "recipe news: no page matched",
            EMPTIED,
        ]
    # nothing is due: the last pass stands, and its alarm
    assert site.run(*paths, fail_on=["fields"]).exit_code == 3
    assert site.run(*paths).exit_code == 0
    site.show(dict.fromkeys(paths[1:], FULL))
    report = site.run(*paths, refresh=True, fail_on=["fields"])
    assert report.exit_code == 0
    assert lines_of(report)[0] == (
        "recipe books: 3 pages · title 100 % · price 66 % (was 100 %)"
    )


def test_items_that_are_gone_are_an_alarm(site: Site) -> None:
    site.show({"/shelf/a": SHELF_OF})
    site.run("/shelf/a")
    site.show({"/shelf/a": "<div><b>one</b></div>"})
    report = site.run("/shelf/a", refresh=True, fail_on=["fields"])
    assert report.exit_code == 3
    assert lines_of(report) == [
        "recipe shelf: no item on 1 page",
        "recipe books: no page matched",
        "recipe news: no page matched",
        "! recipe shelf found items in pass 1 and finds none now",
    ]


def test_a_required_field_that_a_site_empties_is_both(site: Site) -> None:
    price = {"select": ".price", "required": True}
    recipe = {"name": "books", "fields": {"price": price}}
    site.show({"/book/1": FULL, "/other": FULL})
    site.run("/book/1", "/other", recipe=[recipe | {"match": "*/book/*"}])
    site.show({"/book/1": BARE})
    report = site.run(
        "/book/1",
        "/other",
        refresh=True,
        recipe=[recipe | {"match": "*/book/*"}],
    )
    assert report.failures == {"field_missing": 1}
    assert lines_of(report)[-1] == EMPTIED


def test_new_pages_alone_are_compared_with_the_old_ones(site: Site) -> None:
    """A list that grows by the news of each day, and is never refreshed."""
    site.show({"/book/1": FULL, "/book/2": FULL, "/book/3": BARE})
    site.run("/book/1", "/book/2")
    report = site.run("/book/1", "/book/2", "/book/3", fail_on=["fields"])
    assert report.total == 1
    assert report.exit_code == 3
    assert lines_of(report)[-1] == EMPTIED


# -- the command line -------------------------------------------------------------------------


def test_the_command_line_tells_cron_and_status(
    scrape: Scrape, site: Site
) -> None:
    site.show({"/book/1": FULL})
    urls = scrape.list_of(site.server.url("/book/1"))
    flags = ("--select", "title=h1", "--select", "price=.price", "-p", "1")
    first = scrape.inside(urls, *flags, "-q", "--fail-on", "fields")
    assert (first.code, first.stderr) == (0, "")
    site.show({"/book/1": BARE})
    told = scrape.inside(urls, *flags, "--refresh", "--no-progress")
    alarm = "! price of recipe select was full in pass 1 and is empty now"
    rates = "recipe select: 1 page · title 100 % · price never filled"
    assert told.code == 0
    assert f"{rates}\n{alarm}\n" in told.stderr
    told = scrape.inside(urls, *flags, "--refresh", "-q", "--fail-on", "fields")
    assert told.code == 3
    (line,) = told.stderr.splitlines()
    assert alarm in line
    assert rates not in line

    seen = scrape.inside("status", "run", dir=None).stdout.splitlines()
    assert rates in seen
    assert alarm in seen
    status = json.loads(
        scrape.inside("status", "run", "--json", dir=None).stdout
    )
    count = {"pages": 1, "of": 1, "fields": {"title": 1, "price": 0}}
    assert status["totals"]["recipes"] == {"select": count}
    assert status["counts"]["recipes"] == {"select": count}
    assert status["counts"]["dropped"] == [
        {
            "recipe": "select",
            "field": "price",
            "filled": 0,
            "of": 1,
            "full_in": 1,
            "was_filled": 1,
            "was_of": 1,
        }
    ]
    # so does a folder whose ledger may not be read
    (told.folder / ".scraper" / "ledger.sqlite").unlink()
    seen = scrape.inside("status", "run", dir=None).stdout.splitlines()
    assert {rates, alarm} < {*seen}


def test_an_unknown_condition_is_refused(scrape: Scrape) -> None:
    told = scrape.here("http://127.0.0.1:9/", "--fail-on", "field")
    assert told.code == 2
    assert "fields" in told.stderr


# -- exact, whatever happens ------------------------------------------------------------------

SCRIPT = """
import json, os, signal, sys, scraper
keys, number, refresh, urls = map(json.loads, sys.argv[1:])
config = scraper.configure(**keys)
outcomes = scraper.stream(urls, config, refresh=refresh).__enter__()
for _ in range(number):
    next(outcomes)  # it is committed by then
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_after(
    site: Site, number: int, paths: Iterable[str], *, refresh: bool = False
) -> None:
    """A run over all of it that dies with so many outcomes delivered."""
    keys = {"dir": str(site.folder), "processes": 1, "recipe": RECIPES, "robots": "off",
            "window": 4, "threads": 2}  # fmt: skip
    urls = [site.server.url(path) for path in paths]
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT,
            json.dumps(keys),
            str(number),
            json.dumps(refresh),
            json.dumps(urls),
        ],
        env={"PYTHONPATH": str(PROJECT), "SCRAPER_ALLOW_HOSTS": "127.0.0.1"},
        check=False,
        timeout=60,
    )
    assert process.returncode == -signal.SIGKILL


def in_records(records: Iterable[dict[str, Any]]) -> Fills:
    """What these records say of the recipes, counted apart from the program."""
    total = Fills()
    for record in records:
        if record["state"] not in ("done", "unchanged"):
            continue
        for recipe in RECIPES:
            name, part = (
                str(recipe["name"]),
                f"/{recipe['match']}".split("/")[2],
            )
            if f"/{part}/" not in record["canonical_url"]:
                continue
            rows = record["items"] if "each" in recipe else [record["fields"]]
            fields = {
                field: sum(row[field] is not None for row in rows)
                for field in recipe["fields"]  # type: ignore[attr-defined]
            }
            total.add(Fills({name: RecipeFill(1, len(rows), fields)}))
    return total


def matched(fills: Fills) -> dict[str, RecipeFill]:
    return {name: each for name, each in fills.recipes.items() if each.pages}


def random_pages(draw: random.Random, paths: Iterable[str]) -> dict[str, str]:
    def html(path: str) -> str:
        if path.startswith("/shelf/"):
            return "".join(
                draw.choice(("<li><b>one</b>", "<li><i>new</i>", "<li>"))
                for _ in range(draw.randrange(5))
            )
        return draw.choice((FULL, BARE, "<h2>News</h2>", "<p>nothing"))

    return {path: html(path) for path in paths}


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_records_over_kills_and_passes(
    site: Site, seed: int
) -> None:
    draw = random.Random(seed)
    paths = [
        f"/{draw.choice(('book', 'shelf', 'news', 'other'))}/{number}"
        for number in range(24)
    ]
    pages = random_pages(draw, paths)
    site.show(pages)
    site.server.behaviours[paths[0]] = status(404)
    killed_after(site, 5, paths)
    killed_after(site, 5 + draw.randrange(3, 9), paths)
    report = site.run(*paths)
    assert report.number == 1
    check(site, report)
    changed = draw.sample(paths, 9)
    site.show(random_pages(draw, changed))
    site.server.behaviours[changed[0]] = status(404)
    killed_after(site, draw.randrange(3, 9), paths, refresh=True)
    check(site, site.run(*paths, refresh=True))
    site.show(dict.fromkeys((paths[0], changed[0]), FULL))
    report = site.run(*paths, retry=())
    assert report.total in (1, 2)
    check(site, report)


def check(site: Site, report: scraper.Report) -> None:
    """The pass and the folder are counted as their records say."""
    of_pass = [
        record
        for record in filled_of(site.folder)
        if record["pass"] == report.number
    ]
    assert len(of_pass) == report.total
    assert matched(report.fills) == in_records(of_pass).recipes
    assert report.totals is not None
    totals = in_records(last_of(site.folder).values())
    assert report.totals.fills.recipes == totals.recipes
