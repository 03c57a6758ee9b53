"""What a run says of recipes, of tables that surprise, and of selectors that find nothing."""

from __future__ import annotations

from tests.conftest import Scrape

ITEMS = ("--each", ".product", "--select", "name=h3")


def said_of(scrape: Scrape, demo: str, *flags: str) -> list[str]:
    ended = scrape.inside(
        "--demo", demo, "--no-progress", "-p", "1", *flags, dir=None
    )
    return ended.stderr.splitlines()


def test_what_does_not_fit_is_shown_by_an_example(scrape: Scrape) -> None:
    stock = ("--select", "stock:integer=.stock")
    table = ("-o", "all.csv", "--rows", "items")
    said = said_of(scrape, "shop", *ITEMS, *stock, *table)
    (example,) = [line for line in said if "such as: " in line]
    assert example.startswith(
        "  field_invalid, such as: recipe 'select': items["
    )
    assert ".stock is no integer: 'Sold out': there is no number" in example
    assert (
        "recipe select: 24 items on 3 pages (16 on 2 failed, in no table)"
        " · name 100 % · stock 91 %"
    ) in said
    assert said[-1] == "all.csv: 8 rows"


def test_items_in_cells_could_be_rows(scrape: Scrape) -> None:
    files = ("-o", "x.csv", "-o", "x.jsonl", "-o", "remaining.csv")
    assert said_of(scrape, "shop", *ITEMS, *files, "--no-page-images")[-3:] == [
        "x.csv: 3 rows; --rows items makes a row of each of 24 items",
        "x.jsonl: 3 rows",
        "remaining.csv: 0 rows",
    ]
    others = ("-o", "y.csv", "--fields", "url,state", "--no-page-images")
    assert said_of(scrape, "shop", *ITEMS, *others)[-1] == "y.csv: 3 rows"


def test_rows_without_any_field_are_counted(scrape: Scrape) -> None:
    table = ("--select", "ink=h1", "-o", "inks.csv", "--fields", "ink")
    assert said_of(scrape, "inks", *table)[-1] == (
        "inks.csv: 48 rows, 24 without any of these fields"
        " (--no-page-images leaves out pictures, --only good failures)"
    )
    said = said_of(scrape, "inks", *table, "--no-page-images")
    assert said[-1] == "inks.csv: 24 rows"


def test_where_nothing_is_found_explain_helps(scrape: Scrape) -> None:
    advice = " --find 'a text you see' suggests selectors"
    said = said_of(scrape, "shop", "--each", ".nope", "--select", "name=h3")
    place = said.index("recipe select: no item on 3 pages")
    told = said[place + 1]
    assert told.startswith("python -m scraper explain --demo shop /shop/")
    assert told.endswith(advice)
    command = told.removeprefix("python -m scraper ").removesuffix(advice)
    # whichever of its pages came first, this price stands on the first one
    *words, _ = command.split()
    found = scrape.inside(*words, "/shop/", "--find", "£7.20", dir=None)
    assert "--each '.product' --select 'price=.price'" in found.stdout
    assert "--rows items makes a row of each item" in found.stdout
    assert not any(advice in line for line in said_of(scrape, "shop", *ITEMS))
