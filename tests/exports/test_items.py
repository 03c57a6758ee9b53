"""With rows of items each thing on a page is a row, beside what is said of its page."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.errors import UsageError
from scraper.exports.columns import (
    KindsOfFolder,
    choose_columns,
    columns_of_folder,
)
from scraper.exports.export import Choice, export_file
from scraper.exports.fields import Kind
from tests.exports.made import Made, make_folder, url_of
from tests.exports.readers import READERS, Rows, each_of, needs_pyarrow

BOOKS = [
    {"title": "One", "price": 51.77, "tags": ["a"]},
    {"title": "=Two", "price": 5, "tags": []},
]
MORE = [{"title": "Three", "price": None, "tags": None}]
URLS = [
    Made("a", {3: {"id": 7}, 5: {"id": 9}},
         {"title": "A", "fields": {"category": "x"}, "items": BOOKS}),
    Made("b", {2: {"id": 8}}, {"title": "B", "items": MORE}, "unchanged"),
    Made("c", {4: {"id": 1}}, state="failed"),
    Made("none", {6: {"id": 2}}, {"title": "no recipe", "items": []}),
    Made("found", {}, {"title": "of a page", "items": MORE}),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "run", URLS, ["Link", "id"])


def exported(folder: Path, name: str = "all.csv", **how: Any) -> Rows:
    file = scraper.export(folder, folder.parent / name, rows="items", **how)
    return READERS[file.suffix](file)


def kinds_of(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, "text")


def names_of(kinds: KindsOfFolder, *fields: str) -> list[str]:
    of_folder = columns_of_folder(kinds, "items")
    columns = choose_columns(of_folder, fields, "items")
    return [each.name for each in columns]


# -- columns -----------------------------------------------------------------------------------


def test_their_fields_stand_between_your_columns_and_those_of_the_page() -> (
    None
):
    kinds = KindsOfFolder(
        kinds_of("id", "title"),
        kinds_of("category"),
        kinds_of("title", "price"),
    )
    assert names_of(kinds) == [
        "id",
        "input.title",
        "title",
        "price",
        "category",
        "url",
        "index",
        "item",
        "pass",
        "source",
        "line",
        "fetched_at",
    ]


def test_a_name_that_is_taken_is_told_apart() -> None:
    kinds = KindsOfFolder(
        kinds_of("price"),
        kinds_of("price", "title", "name"),
        kinds_of("price", "URL", "item", "name"),
    )
    assert names_of(kinds)[:7] == [
        "price",
        "items.price",
        "items.URL",
        "items.item",
        "name",
        "fields.price",
        "fields.title",
    ]
    assert len(set(map(str.casefold, names_of(kinds)))) == 8 + 7


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (["title", "price"], ["title", "price"]),
        (["items.title", "fields.title"], ["items.title", "fields.title"]),
        (["url", "items.url"], ["url", "items.url"]),
        (["category", "item", "status"], ["category", "item", "status"]),
        (["items"], ["title", "items.price", "items.url"]),
        (["fields", "input"], ["fields.title", "category", "price"]),
        (["input.price", "data.a"], ["input.price", "data.a"]),
    ],
)
def test_columns_are_chosen_by_their_names(
    fields: list[str], names: list[str]
) -> None:
    kinds = KindsOfFolder(
        kinds_of("price"),
        kinds_of("title", "category"),
        kinds_of("title", "price", "url"),
    )
    assert names_of(kinds, *fields) == names


def test_an_unknown_one_is_told_the_nearest(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean price\?"):
        exported(folder, fields=["prise"])


# -- rows --------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", each_of([*READERS]))
def test_an_item_comes_out_once_a_row_of_the_list(
    format: str, folder: Path
) -> None:
    rows = exported(folder, f"all{format}", fields=["title", "line", "item"])
    found = [(row["title"], int(row["item"])) for row in rows]
    two = [("One", 1), ("=Two", 2)]
    if format == ".sqlite":
        assert found == [("Three", 1), *two, ("Three", 1)]
    else:
        assert found == [("Three", 1), *two, *two, ("Three", 1)]
        lines = [int(row["line"] or 0) for row in rows]
        assert lines == [2, 3, 3, 5, 5, 0]


def test_csv_is_guarded_and_holds_the_page_beside_them(folder: Path) -> None:
    rows = exported(folder)
    assert [*rows[0]][:6] == ["id", "title", "price", "tags", "category", "url"]
    assert [row["price"] for row in rows][:3] == ["", "51.77", "5"]
    assert [row["category"] for row in rows][:2] == ["", "x"]
    assert [row["id"] for row in rows] == ["8", "7", "7", "9", "9", ""]
    assert json.loads(rows[1]["tags"]) == ["a"]
    assert rows[1]["url"] == url_of("a").href
    text = (folder.parent / "all.csv").read_text("utf-8-sig")
    assert "'=Two" in text


@needs_pyarrow
def test_parquet_has_their_types(folder: Path) -> None:
    rows = exported(folder, "all.parquet")
    assert [row["price"] for row in rows][:3] == [None, 51.77, 5.0]
    assert [row["tags"] for row in rows][:3] == [None, ["a"], []]


@pytest.mark.parametrize("format", [".json", ".jsonl"])
def test_without_fields_it_is_a_line_as_in_items_jsonl(
    format: str, folder: Path
) -> None:
    rows = exported(folder, f"all{format}")
    assert [*rows[1]] == [
        "schema",
        "pass",
        "index",
        "key",
        "url",
        "item",
        "input",
        "fields",
    ]
    assert [row["fields"] for row in rows[1:3]] == BOOKS
    assert [row["item"] for row in rows] == [1, 1, 2, 1, 2, 1]
    owns = [row.get("input") for row in rows]
    assert owns[0] == {"id": 8}
    assert owns[1:4:2] == [{"id": 7}, {"id": 9}]
    assert owns[-1] is None
    assert [row["pass"] for row in rows] == [2, 1, 1, 1, 1, 1], (
        "what is unchanged is filled in"
    )


def test_a_database_has_each_item_once(folder: Path) -> None:
    file = scraper.export(folder, folder.parent / "all.sqlite", rows="items")
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM items").fetchone() == (4,)
        found = db.execute(
            "SELECT input.id, item, title, url FROM input JOIN items USING (record) "
            "ORDER BY input.line, item"
        ).fetchall()
        tables = db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        assert sorted(tables) == [("input",), ("items",)]
    a, b = url_of("a").href, url_of("b").href
    assert found == [
        (8, 1, "Three", b),
        (7, 1, "One", a),
        (7, 2, "=Two", a),
        (9, 1, "One", a),
        (9, 2, "=Two", a),
    ]


def test_fields_with_the_names_of_its_key_are_told_apart(
    tmp_path: Path,
) -> None:
    items = [{"record": "x", "Item": "y", "items.record": "z"}]
    urls = [Made("a", {2: {}}, {"items": items})]
    folder = make_folder(tmp_path / "run", urls)
    file = scraper.export(folder, tmp_path / "all.sqlite", rows="items")
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("SELECT * FROM items").fetchone())
    assert (row["record"], row["item"]) == (1, 1)
    assert row["items.Item"] == "y"
    assert {row["items.record"], row["items.record_2"]} == {"x", "z"}


@pytest.mark.parametrize(
    ("how", "titles"),
    [
        ({"only": "done"}, ["One", "=Two", "One", "=Two", "Three"]),
        ({"only": "failed"}, []),
        ({"order": "done"}, ["One", "=Two", "One", "=Two", "Three", "Three"]),
        ({"number": 2}, ["Three"]),
    ],
)
def test_flags_of_tables_hold(
    how: dict[str, Any], titles: list[str], folder: Path
) -> None:
    assert [row["title"] for row in exported(folder, **how)] == titles


def test_the_next_list_is_none_of_items(folder: Path) -> None:
    file = scraper.export(folder, folder.parent / "failed.csv", rows="items")
    assert file.read_text() == f"Link,id\n{url_of('c').href},1\n"


def test_how_many_there_are_is_known(folder: Path) -> None:
    choice = Choice(rows="items")
    for name in ("all.csv", "all.jsonl", "all.sqlite"):
        assert export_file(folder, folder.parent / name, choice).rows == 6


def test_a_wrong_word_is_one_clear_line(folder: Path) -> None:
    with pytest.raises(UsageError, match="rows='item': one of records, items"):
        scraper.export(folder, "all.csv", rows="item")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_records_that_were_changed_are_named_by_their_place(
    name: str, folder: Path
) -> None:
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"price":5,', b'"price":5],'))
    with pytest.raises(UsageError, match=r"was changed: at byte [\d,]+"):
        exported(folder, name)


def test_what_is_no_object_has_no_fields(tmp_path: Path) -> None:
    """As another program may have written it."""
    urls = [Made("a", {2: {}}, {"items": [7, {"title": "x"}]})]
    rows = exported(make_folder(tmp_path / "run", urls))
    assert [row["title"] for row in rows] == ["", "x"]
