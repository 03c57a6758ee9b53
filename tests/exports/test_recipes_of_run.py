"""Tables of what recipes find, from pages to files, as a run makes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.errors import UsageError
from scraper.exports.of_run import RunExports
from scraper.faulty import FaultyServer, etag, page
from scraper.run_folder.verification import verify
from tests.conftest import Scrape
from tests.exports.readers import read_csv, read_lines
from tests.stories.runs import items_of

QUICK = ("--robots", "off", "--no-progress", "-p", "1")
SHOP = (
    "<title>Shop</title>"
    "<div class=book><h3>One</h3><b class=price>£51.77</b></div>"
    "<div class=book><h3>=Two</h3><b class=price>-</b></div>"
)
ITEMS = ("--each", ".book", "--select", "name=h3")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {
        "/shop": etag(SHOP.encode()),
        "/book": page("<h1>A book</h1><b class=price>5.00</b>"),
        "/empty": page("<p>nothing"),
    }
    with FaultyServer(site) as running:
        yield running


@pytest.fixture
def urls(scrape: Scrape, server: FaultyServer) -> str:
    return scrape.list_of(*map(server.url, ("/shop", "/book", "/empty")))


def test_a_run_makes_a_table_of_prices(scrape: Scrape, urls: str) -> None:
    done = scrape.inside(urls, *QUICK, "--select", "name=h1", "--select", "none=.x",
                  "--select", "price:number=.price", "-o", "all.csv")  # fmt: skip
    assert done.code == 0
    rows = read_csv(scrape.folder / "all.csv")
    assert [*rows[0]][:3] == ["name", "none", "price"]
    assert [row["name"] for row in rows] == ["", "A book", ""]
    assert [row["price"] for row in rows] == ["51.77", "5.0", ""]
    assert not (done.folder / "items.jsonl").exists()


def test_a_run_makes_a_table_of_items(
    scrape: Scrape, urls: str, server: FaultyServer
) -> None:
    flags = (
        *QUICK,
        "--each",
        ".book",
        "--select",
        "name=h3",
        "--rows",
        "items",
    )
    done = scrape.inside(urls, *flags, "-o", "all.csv")
    assert done.code == 0
    rows = read_csv(scrape.folder / "all.csv")
    assert [*rows[0]][:4] == ["name", "url", "index", "item"]
    assert [(row["name"], row["item"]) for row in rows] == [
        ("One", "1"),
        ("=Two", "2"),
    ]
    lines = read_lines(done.folder / "items.jsonl")
    assert lines == items_of(done.records)
    assert [line["fields"] for line in lines] == [
        {"name": "One"},
        {"name": "=Two"},
    ]
    assert verify(done.folder, pytest.fail).faults == 0

    again = scrape.inside(urls, *flags, "--refresh", "-o", "all.jsonl")
    assert {each["state"] for each in again.records[3:]} == {"unchanged"}
    assert read_lines(again.folder / "items.jsonl") == lines
    found = read_lines(scrape.folder / "all.jsonl")
    assert [each["fields"]["name"] for each in found] == ["One", "=Two"]
    assert [each["pass"] for each in found] == [2, 2]


def test_export_makes_it_at_any_time(scrape: Scrape, urls: str) -> None:
    done = scrape.inside(urls, *QUICK, *ITEMS)
    made = scrape.inside("export", str(done.folder), "-o", "all.csv", "--rows",
                       "items", "--fields", "name,title", dir=None)  # fmt: skip
    assert made.stdout + made.stderr == "all.csv: 2 rows\n"
    text = (scrape.folder / "all.csv").read_text("utf-8-sig")
    assert text == "name,title\nOne,Shop\n'=Two,Shop\n"


def test_fields_that_no_page_has_are_empty_columns(
    scrape: Scrape, server: FaultyServer
) -> None:
    """The run was well: that its recipe matched nothing is said elsewhere."""
    table = "[[recipe]]\nmatch = '*/nowhere/*'\nfields.price = '.price'\n"
    (scrape.folder / "scraper.toml").write_text(table)
    urls = scrape.list_of(server.url("/book"))
    scrape.inside(urls, *QUICK, "-o", "all.csv", "--fields", "url,price")
    (row,) = read_csv(scrape.folder / "all.csv")
    assert row == {"url": server.url("/book"), "price": ""}


def test_a_run_that_is_stopped_names_the_command(tmp_path: Path) -> None:
    config = scraper.configure(
        output=["a.csv"], rows="items", each=".x", select=["name=h3"]
    )
    assert RunExports(config).command(tmp_path).endswith("--rows items")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"fields": ["prise"]}, r"did you mean price\?"),
        ({"fields": ["fields.prise"]}, r"did you mean fields\.price\?"),
        ({"rows": "items"}, "--rows items: no recipe gives items; say with"),
        ({"rows": "items", "each": ".x", "fields": ["nam"]}, "no 'nam'"),
    ],
)
def test_what_there_is_not_is_said_before_the_first_request(
    keys: dict[str, object], says: str, tmp_path: Path
) -> None:
    select = ["price=.price"]
    config = scraper.configure(
        output=[str(tmp_path / "a.csv")], select=select, **keys
    )
    with pytest.raises(UsageError, match=says):
        RunExports(config).check_places(tmp_path / "run", [])


def test_its_own_log_is_no_place_for_a_table(scrape: Scrape, urls: str) -> None:
    done = scrape.here(urls, *QUICK, "-o", "run/items.jsonl")
    assert done.code == 2
    assert "is a file of the run itself" in done.stderr


def test_a_ledger_that_is_lost_costs_no_item(scrape: Scrape, urls: str) -> None:
    done = scrape.inside(urls, *QUICK, *ITEMS)
    path = done.folder / "items.jsonl"
    before = path.read_bytes()
    shutil.rmtree(done.folder / ".scraper")
    path.write_bytes(before[:-9])
    scrape.inside(urls, *QUICK, *ITEMS, "--adopt")
    assert path.read_bytes() == before
    assert json.loads(before.splitlines()[0])["fields"] == {"name": "One"}
