"""Fields of pages by recipes, in whole runs: records, failures, JSON, and other recipes later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, body, etag, page, redirect, status
from tests.conftest import Scrape, Scraped

FLAGS = ("-p", "1", "--no-progress", "--retries", "0")
LAMP = "<title>Shop</title><h1> A\n lamp </h1><p class=price>£1,051.77"
LIST = "".join(
    f"<li><a href=/{name}>{name}</a><b>{price}</b></li>"
    for name, price in (("one", "1.50"), ("two", "2"), ("three", ""))
)
STOCK = {"warehouse": {"left": 7}, "offers": [{"price": "12.50"}]}
JSON = "application/json"
TABLES = """
[[recipe]]
name = "lamp"
match = "*/lamps/*"
fields.title = "h1"
fields.price = { select = ".price", type = "number", required = true }

[[recipe]]
match = ["*/lists/*", "*/nothing"]
each = "li"
fields.name = "a"
fields.link = { select = "a@href", type = "url" }
fields.price = { select = "b", type = "number" }

[[recipe]]
name = "stock"
match = "*/api/*"
fields.left = { json = "warehouse.left", type = "integer" }
fields.price = { json = "offers[0].price", type = "number" }
"""


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    behaviours = {
        "/robots.txt": status(404),
        "/lamps/1": etag(LAMP.encode()),
        "/lamps/free": page(
            "<title>Free</title><h1>A lamp</h1><p class=price>free"
        ),
        "/lamps/bare": page("<title>Bare</title><h1>A lamp</h1>"),
        "/to-lamp": redirect("/lamps/1"),
        "/lists/1": etag(LIST.encode()),
        "/other": page("<h1>Another page</h1>"),
        "/api/stock": etag(json.dumps(STOCK).encode(), content_type=JSON),
        "/api/ld": body(b'{"warehouse": {"left": "3"}}', "application/ld+json"),
        "/api/broken": body(b'{"warehouse":', JSON),
        "/api/none": body(b"[]", JSON),
        "/elsewhere": body(json.dumps(STOCK).encode(), JSON),
    }
    with FaultyServer(behaviours) as server:
        yield server


def recipes(folder: Path, text: str = TABLES) -> str:
    """Write a configuration; returns its name."""
    (folder / "recipes.toml").write_text(text)
    return "recipes.toml"


def ended(scraped: Scraped, site: FaultyServer) -> dict[str, dict[str, Any]]:
    """By the path of its URL, the record that counts."""
    full: dict[tuple[str, int], dict[str, Any]] = {}
    last: dict[str, dict[str, Any]] = {}
    for each in scraped.records:
        if "same_as" in each:
            each = {**full[each["key"], each["same_as"]], **each}
        full[each["key"], each["pass"]] = each
        last[each["canonical_url"].removeprefix(site.url(""))] = each
    return last


# -- flags ------------------------------------------------------------------------------------


def test_selected_fields_stand_in_the_record_of_each_page(
    scrape: Scrape, site: FaultyServer
) -> None:
    urls = scrape.list_of(site.url("/lamps/1"), site.url("/other"))
    select = ("--select", "title=h1", "--select", "price:number=.price, .cost")
    done = scrape.inside(urls, *select, *FLAGS)
    assert done.code == 0, done.stderr
    records = ended(done, site)
    assert records["/lamps/1"]["fields"] == {
        "title": "A lamp",
        "price": 1051.77,
    }
    assert records["/other"]["fields"] == {
        "title": "Another page",
        "price": None,
    }
    keys = list(records["/lamps/1"])
    assert keys[-2:] == ["cut", "fields"]
    assert "items" not in keys


def test_with_each_the_record_has_items(
    scrape: Scrape, site: FaultyServer
) -> None:
    select = (
        "--each",
        "li",
        "--select",
        "name=a",
        "--select",
        "price:number=b",
    )
    done = scrape.inside(scrape.list_of(site.url("/lists/1")), *select, *FLAGS)
    (record,) = done.records
    assert record["fields"] == {}
    assert record["items"] == [
        {"name": "one", "price": 1.5},
        {"name": "two", "price": 2},
        {"name": "three", "price": None},
    ]


def test_a_page_without_a_required_field_is_failed_and_kept(
    scrape: Scrape, site: FaultyServer
) -> None:
    urls = scrape.list_of(site.url("/lamps/1"), site.url("/lamps/bare"))
    select = ("--select", "price=.price", "--select", "name=h1")
    done = scrape.inside(urls, *select, "--require", "name,price", *FLAGS)
    assert done.code == 3
    assert "1 field_missing" in done.stderr
    record = ended(done, site)["/lamps/bare"]
    assert record["error_kind"] == "field_missing"
    assert (
        "price is required, but missing (select '.price')"
        in record["error_message"]
    )
    assert (
        (done.folder / record["path"]).read_bytes().endswith(b"<h1>A lamp</h1>")
    )
    assert record["title"] == "Bare", "what else is known of the page is there"
    assert "fields" not in record


def test_in_items_the_message_says_which_one(
    scrape: Scrape, site: FaultyServer
) -> None:
    select = ("--each", "li", "--select", "price=b", "--require", "price")
    done = scrape.inside(scrape.list_of(site.url("/lists/1")), *select, *FLAGS)
    (record,) = done.records
    assert record["error_kind"] == "field_missing"
    assert "items[3].price" in record["error_message"]


def test_of_a_captcha_it_is_said_that_it_is_one(
    scrape: Scrape, site: FaultyServer
) -> None:
    """Though a field is missing on it, too: flags that make failures come first."""
    site.behaviours["/lamps/1"] = page("<title>404 Not Found</title>")
    urls = scrape.list_of(site.url("/lamps/1"))
    select = ("--select", "price=.price", "--require", "price")
    told = scrape.inside(urls, *select, *FLAGS).records[-1]
    assert told["error_kind"] == "field_missing"
    assert [each["flag"] for each in told["flags"]] == ["soft_404"]
    again = ("--refresh", "--fail-flags", "soft_404")
    told = scrape.inside(urls, *select, *again, *FLAGS).records[-1]
    assert told["error_kind"] == "flagged"


def test_urls_in_fields_keep_their_secrets_and_addresses_stay(
    scrape: Scrape, site: FaultyServer
) -> None:
    site.behaviours["/lamps/1"] = page(
        "<a href='//me:pw@shop.example/?token=4f&page=2'>x</a>"
        "<a href='/login?session=9'>y</a><i>me@shop.example</i>"
    )
    select = (
        "--select",
        "links:text[]=a@href",
        "--select",
        "mail=i",
        "--select",
        "first:url=a",
    )
    done = scrape.inside(scrape.list_of(site.url("/lamps/1")), *select, *FLAGS)
    assert done.records[0]["fields"] == {
        "links": [
            "//***@shop.example/?token=***&page=2",
            "/login?session=***",
        ],
        "mail": "me@shop.example",
        "first": "http://***@shop.example/?token=***&page=2",
    }


# -- tables -----------------------------------------------------------------------------------


def test_each_recipe_is_for_the_pages_that_it_matches(
    scrape: Scrape, site: FaultyServer
) -> None:
    """By the URL that answers, and not by the one that was asked for."""
    paths = ("/to-lamp", "/lists/1", "/other", "/lamps/free")
    urls = scrape.list_of(*map(site.url, paths))
    done = scrape.inside(urls, "--config", recipes(scrape.folder), *FLAGS)
    assert done.code == 3
    records = ended(done, site)
    assert records["/to-lamp"]["fields"] == {
        "title": "A lamp",
        "price": 1051.77,
    }
    assert "items" not in records["/to-lamp"]
    first = {"name": "one", "link": site.url("/one"), "price": 1.5}
    assert records["/lists/1"]["items"][0] == first
    assert not {"fields", "items"} & records["/other"].keys()
    told = records["/lamps/free"]
    assert told["error_kind"] == "field_invalid"
    assert "'free'" in told["error_message"]
    assert "recipe 'lamp'" in told["error_message"]
    assert (done.folder / told["path"]).is_file()


def test_recipes_that_match_the_same_page_fill_what_others_leave_empty(
    scrape: Scrape, site: FaultyServer
) -> None:
    flags = ("--select", "title=h2", "--select", "shop=title", *FLAGS)
    urls = scrape.list_of(site.url("/lamps/1"))
    done = scrape.inside(urls, "--config", recipes(scrape.folder), *flags)
    (record,) = done.records
    assert record["fields"] == {
        "title": "A lamp",
        "shop": "Shop",
        "price": 1051.77,
    }


def test_bodies_of_json_have_fields_where_a_recipe_looks_into_them(
    scrape: Scrape, site: FaultyServer
) -> None:
    paths = ("/api/stock", "/api/ld", "/api/none", "/api/broken", "/elsewhere")
    urls = scrape.list_of(*map(site.url, paths))
    done = scrape.inside(urls, "--config", recipes(scrape.folder), *FLAGS)
    records = ended(done, site)
    assert {each["kind"] for each in done.records} == {"file"}
    assert records["/api/stock"]["fields"] == {"left": 7, "price": 12.5}
    assert records["/api/stock"]["cut"] == []
    assert records["/api/stock"]["seconds"]["process"] is not None
    assert records["/api/ld"]["fields"] == {"left": 3, "price": None}
    assert records["/api/none"]["fields"] == {"left": None, "price": None}
    assert not {"fields", "cut"} & records["/elsewhere"].keys()
    assert records["/elsewhere"]["seconds"]["process"] is None, (
        "nothing was done"
    )
    broken = records["/api/broken"]
    assert broken["error_kind"] == "field_invalid"
    assert "no JSON" in broken["error_message"]
    assert (done.folder / broken["path"]).read_bytes() == b'{"warehouse":'


def test_a_recipe_that_takes_for_ever_ends_with_its_page_and_body(
    scrape: Scrape, site: FaultyServer
) -> None:
    """The limits of a page hold for JSON, too; the others go on."""
    endless = "a" * 50 + "b"
    site.behaviours["/lamps/1"] = page(endless)
    site.behaviours["/api/stock"] = body(f'["{endless}"]'.encode(), JSON)
    table = "[[recipe]]\nfields.a = { json = '[0]', regex = '(a+)+$' }\n"
    table += "fields.b = { regex = '(a+)+c' }\n"
    paths = ("/lamps/1", "/api/stock", "/lists/1", "/api/none")
    urls = scrape.list_of(*map(site.url, paths))
    limit = ("--process-time", "500ms")
    done = scrape.inside(
        urls, "--config", recipes(scrape.folder, table), *limit, *FLAGS
    )
    records = ended(done, site)
    for path in ("/lamps/1", "/api/stock"):
        assert records[path]["error_kind"] == "process_timeout"
        assert endless in (done.folder / records[path]["path"]).read_text()
    for path in ("/lists/1", "/api/none"):
        assert records[path]["fields"] == {"a": None, "b": None}


def test_the_users_function_comes_after_the_recipes(
    scrape: Scrape, site: FaultyServer
) -> None:
    (scrape.folder / "own.py").write_text(
        "def title(page):\n    return page.tree.css_first('title').text()\n"
    )
    urls = scrape.list_of(site.url("/lamps/1"), site.url("/lamps/bare"))
    configured = ("--config", recipes(scrape.folder), "--html", "own:title")
    records = ended(scrape.inside(urls, *configured, *FLAGS), site)
    assert list(records["/lamps/1"])[-2:] == ["fields", "data"]
    assert records["/lamps/1"]["data"] == "Shop"
    assert "data" not in records["/lamps/bare"]


def test_a_list_that_is_fetched_is_no_page_to_be_read(
    scrape: Scrape, site: FaultyServer
) -> None:
    urls = f"{site.url('/lamps/1')}\n".encode()
    site.behaviours["/urls.txt"] = body(urls, "text/plain")
    select = ("--select", "price=.price", "--require", "price")
    done = scrape.inside("--list-url", site.url("/urls.txt"), *select, *FLAGS)
    assert [each["fields"] for each in done.records] == [{"price": "£1,051.77"}]


# -- later ------------------------------------------------------------------------------------


def test_what_is_unchanged_keeps_its_fields(
    scrape: Scrape, site: FaultyServer
) -> None:
    paths = ("/lamps/1", "/lists/1", "/api/stock")
    urls = scrape.list_of(*map(site.url, paths))
    configured = ("--config", recipes(scrape.folder), *FLAGS)
    before = ended(scrape.inside(urls, *configured), site)
    done = scrape.inside(urls, *configured, "--refresh")
    assert [each["state"] for each in done.records[3:]] == ["unchanged"] * 3
    after = ended(done, site)
    for path in paths:
        for key in ("fields", "items"):
            assert after[path].get(key) == before[path].get(key)
    assert after["/api/stock"]["fields"] == {"left": 7, "price": 12.5}


def test_the_same_recipes_go_on_and_others_say_so(
    scrape: Scrape, site: FaultyServer
) -> None:
    urls = scrape.list_of(site.url("/lamps/1"), site.url("/lists/1"))
    name = recipes(scrape.folder)
    scrape.inside(urls, "--config", name, "--max-urls", "1", *FLAGS)
    done = scrape.inside(urls, "--config", name, *FLAGS)
    assert len(done.records) == 2
    assert "other options" not in done.stderr
    recipes(scrape.folder, TABLES.replace("title", "name"))
    told = scrape.inside(
        urls, "--config", name, "--select", "a=b", *FLAGS
    ).stderr
    assert "--select was not given, now a=b" in told
    assert "recipes have changed: lamp)" in told
    told = scrape.inside(urls, *FLAGS).stderr
    assert "recipes have changed: lamp, recipe 2, stock)" in told


def test_a_refresh_with_other_recipes_makes_fields_from_what_is_there(
    scrape: Scrape, site: FaultyServer
) -> None:
    """The bodies have not changed, so none is transferred again: 304."""
    paths = ("/lamps/1", "/api/stock")
    urls = scrape.list_of(*map(site.url, paths))
    scrape.inside(urls, *FLAGS)
    refresh = ("--refresh", *FLAGS)
    configured = ("--config", recipes(scrape.folder))
    records = ended(scrape.inside(urls, *configured, *refresh), site)
    assert {each["status"] for each in records.values()} == {304}
    assert records["/lamps/1"]["fields"]["title"] == "A lamp"
    assert records["/api/stock"]["fields"] == {"left": 7, "price": 12.5}
    recipes(
        scrape.folder, TABLES.replace("e.left", "e.gone").replace("h1", "h2")
    )
    records = ended(scrape.inside(urls, *configured, *refresh), site)
    assert records["/lamps/1"]["fields"]["title"] is None
    assert records["/api/stock"]["fields"] == {"left": None, "price": 12.5}
    records = ended(scrape.inside(urls, *refresh), site)
    for path in paths:
        assert "fields" not in records[path]
        assert (records[path]["state"], records[path]["status"]) == (
            "done",
            304,
        )
    records = ended(scrape.inside(urls, *refresh), site)
    assert {each["state"] for each in records.values()} == {"unchanged"}


def test_what_has_failed_for_a_field_is_mended_without_being_transferred(
    scrape: Scrape, site: FaultyServer
) -> None:
    site.behaviours["/lamps/bare"] = etag(b"<h1>A lamp</h1>")
    urls = scrape.list_of(site.url("/lamps/bare"))
    select = ("--select", "name=h1", "--select", "price=.price")
    scrape.inside(urls, *select, "--require", "price", *FLAGS)
    retry = ("--retry", "field_missing")
    done = scrape.inside(urls, *select, "--require", "name", *retry, *FLAGS)
    record = done.records[-1]
    assert (record["state"], record["status"]) == ("done", 304)
    assert record["fields"] == {"name": "A lamp", "price": None}


# -- scripts ----------------------------------------------------------------------------------

LAMPS = {
    "match": "*/lamps/*",
    "fields": {"price": {"select": ".price", "type": "number"}},
}


@pytest.mark.parametrize("inline", [True, False])
def test_a_session_has_the_fields(
    site: FaultyServer, tmp_path: Path, inline: bool
) -> None:
    asked = scraper.Session(
        select=["title=h1"],
        recipe=[LAMPS],
        robots="off",
        processes=1,
        inline=inline,
    )
    with asked as session:
        (outcome,) = session.map([site.url("/lamps/1")])
    assert outcome.record["fields"] == {"title": "A lamp", "price": 1051.77}


def test_a_script_runs_with_recipes(site: FaultyServer, tmp_path: Path) -> None:
    config = scraper.configure(
        dir=str(tmp_path), select="title=h1", recipe=[LAMPS], processes=1
    )
    report = scraper.run([site.url("/lamps/1"), site.url("/other")], config)
    assert report.states["done"] == 2
    found = [each["fields"] for each in scraper.records(tmp_path)]
    assert {"title": "A lamp", "price": 1051.77} in found
    assert {"title": "Another page"} in found
