"""What recipes have found comes out in columns of its own, right behind the user's."""

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
    check_fields,
    choose_columns,
    columns_of_folder,
)
from scraper.exports.export import Choice, export_file
from scraper.exports.fields import FIELDS, Kind
from scraper.exports.reading import RecordFile
from tests.exports.made import Made, make_folder
from tests.exports.readers import READERS, Rows, each_of, needs_pyarrow

FOUND = {"price": 51.77, "stars": 3, "tags": ["a", "b"], "table": [{"k": "v"}]}
URLS = [
    Made("a", {2: {"sku": 7}}, {"fields": FOUND}),
    Made("b", {3: {"sku": 8}}, {"fields": {**FOUND, "price": 5}}, "unchanged"),
    Made("c", {4: {"sku": 9}}, state="failed"),
    Made("d", {5: {"sku": 10}}, {"title": "no recipe"}),
    Made("e", {6: {"sku": 11}}, {"fields": dict.fromkeys(FOUND)}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "run", URLS, ["Link", "sku"])


def exported(folder: Path, name: str = "items.csv", **how: Any) -> Rows:
    file = scraper.export(folder, folder.parent / name, **how)
    return READERS[file.suffix](file)


def names_of(kinds: KindsOfFolder, *fields: str) -> list[str]:
    columns = choose_columns(columns_of_folder(kinds, "records"), fields)
    return [each.name for each in columns]


def kinds_of(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, "text")


# -- their names -------------------------------------------------------------------------------


def test_they_stand_behind_your_own_columns() -> None:
    kinds = KindsOfFolder(kinds_of("sku"), kinds_of("price", "stars"))
    assert names_of(kinds)[:4] == ["sku", "price", "stars", "schema"]


def test_a_name_that_is_taken_is_told_apart() -> None:
    kinds = KindsOfFolder(
        kinds_of("price", "Title"), kinds_of("price", "title", "URL", "Sku")
    )
    names = names_of(kinds)[:6]
    assert names == [
        "price",
        "input.Title",
        "fields.price",
        "fields.title",
        "fields.URL",
        "Sku",
    ]
    folded = {each.casefold() for each in names_of(kinds)}
    assert len(folded) == len(FIELDS) + 6


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (["price"], ["price"]),
        (["stars", "fields.stars"], ["stars", "fields.stars"]),
        (["fields.price", "input.price"], ["fields.price", "input.price"]),
        (["title", "fields.title"], ["title", "fields.title"]),
        (["title", "fields"], ["title", "fields.price", "stars"]),
        (
            ["fields", "url"],
            ["fields.price", "stars", "fields.title", "url"],
        ),
    ],
)
def test_they_are_chosen_by_either_name(
    fields: list[str], names: list[str]
) -> None:
    kinds = KindsOfFolder(
        kinds_of("price"), kinds_of("price", "stars", "title")
    )
    assert names_of(kinds, *fields) == names


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("prise", "did you mean price?"),
        ("fields.prize", "did you mean fields.price?"),
        ("items.price", "there is no 'items.price'"),
    ],
)
def test_an_unknown_one_is_told_the_nearest(
    name: str, says: str, folder: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        exported(folder, fields=[name])
    assert says in str(raised.value)


def test_before_a_run_the_fields_of_its_recipes_are_known() -> None:
    known = KindsOfFolder(fields=kinds_of("price"))
    check_fields(["price", "fields.price", "url"], known)
    with pytest.raises(UsageError, match=r"mean fields\.price"):
        check_fields(["fields.prize"], known)
    nothing = KindsOfFolder()
    check_fields(["fields.prize"], nothing)  # of an earlier run, perhaps
    with pytest.raises(UsageError, match="no 'price'"):
        check_fields(["price"], nothing)


HIDING = ["title", "text", "article", "description", "status", "author"]


@pytest.mark.parametrize("rows", ["records", "items"])
@pytest.mark.parametrize("name", HIDING)
def test_a_name_is_of_a_recipe_then_of_a_list_then_of_the_record(
    name: str, rows: str
) -> None:
    def path_of(kinds: KindsOfFolder, asked: str = name) -> tuple[str, ...]:
        columns = columns_of_folder(kinds, rows)
        (column,) = choose_columns(columns, [asked], rows)
        assert column.name == asked
        return column.path

    own, found = kinds_of(name), kinds_of(name)
    both = KindsOfFolder(own, found)
    assert path_of(both) == ("fields", name)
    assert path_of(KindsOfFolder(own)) == ("input", name)
    assert path_of(KindsOfFolder()) == (name,)
    assert path_of(both, f"input.{name}") == ("input", name)
    assert path_of(both, f"record.{name}") == (name,)


def test_what_a_user_calls_as_a_key_of_the_record_comes_out(
    tmp_path: Path,
) -> None:
    found = {"title": "Lamp", "article": "A-7"}
    page = {"title": "Shop", "article": "", "fields": found}
    folder = make_folder(
        tmp_path / "run", [Made("a", {2: {"kind": "x"}}, page)], ["url", "kind"]
    )
    (row,) = exported(
        folder,
        fields=["title", "article", "record.title", "kind", "record.kind"],
    )
    assert row == {
        "title": "Lamp",
        "article": "A-7",
        "record.title": "Shop",
        "kind": "x",
        "record.kind": "page",
    }


# -- their values ------------------------------------------------------------------------------


def test_csv_has_them_as_they_are(folder: Path) -> None:
    rows = exported(folder)
    assert [*rows[0]][:6] == [
        "sku",
        "price",
        "stars",
        "tags",
        "table",
        "schema",
    ]
    assert [row["price"] for row in rows] == ["51.77", "5", "", "", ""]
    assert json.loads(rows[1]["table"]) == [{"k": "v"}]
    assert json.loads(rows[0]["tags"]) == ["a", "b"]


@needs_pyarrow
def test_parquet_has_their_types(folder: Path) -> None:
    rows = exported(folder, "items.parquet")
    assert [row["price"] for row in rows] == [51.77, 5.0, None, None, None]
    assert [row["stars"] for row in rows] == [3, 3, None, None, None]
    assert rows[0]["tags"] == ["a", "b"]
    assert json.loads(rows[0]["table"]) == [{"k": "v"}]


def test_a_database_has_them_beside_the_record(tmp_path: Path) -> None:
    found = {"id": "x-1", "ID.2": 2, "price": 1.5}
    urls = [Made("a", {2: {}, 3: {}}, {"fields": found})]
    folder = make_folder(tmp_path / "run", urls)
    file = scraper.export(folder, tmp_path / "items.sqlite")
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute('SELECT id, "fields.id", price FROM records')
        assert rows.fetchall() == [(1, "x-1", 1.5)]
        (count,) = db.execute("SELECT count(*) FROM input").fetchone()
    assert count == 2


@pytest.mark.parametrize("format", each_of(READERS))
def test_the_same_fields_come_whatever_is_chosen(
    format: str, folder: Path
) -> None:
    rows = exported(folder, f"items{format}", fields=["price", "url"])
    assert [float(row["price"] or 0) for row in rows] == [51.77, 5, 0, 0, 0]


@pytest.mark.parametrize("format", [".json", ".jsonl"])
def test_a_whole_record_holds_them_in_its_own_key(
    format: str, folder: Path
) -> None:
    first, *_ = exported(folder, f"items{format}")
    assert first["fields"] == FOUND
    assert "price" not in first


def test_formulas_of_a_page_are_text(tmp_path: Path) -> None:
    found = {"price": "=1+1", "=name": "@x", "tags": ["=1"]}
    folder = make_folder(
        tmp_path / "run", [Made("a", {2: {}}, {"fields": found})]
    )
    fields = ["fields"]
    file = scraper.export(folder, tmp_path / "i.csv", fields=fields)
    text = file.read_text("utf-8-sig")
    assert text == 'price,\'=name,tags\n\'=1+1,\'@x,"[""=1""]"\n'
    raw = scraper.export(
        folder, tmp_path / "r.csv", fields=fields, csv_raw=True
    )
    assert raw.read_text() == 'price,=name,tags\n=1+1,@x,"[""=1""]"\n'


def test_columns_do_not_follow_from_the_rows_that_are_chosen(
    folder: Path,
) -> None:
    rows = exported(folder, only="failed")
    assert rows[0]["price"] == ""
    assert len(rows) == 1


def test_fields_that_no_page_has_given_are_columns_all_the_same(
    folder: Path,
) -> None:
    known = KindsOfFolder(fields=kinds_of("isbn", "stars"))
    file = folder.parent / "items.csv"
    export_file(folder, file, Choice(known=known))
    (row, *_) = READERS[".csv"](file)
    assert [*row][:6] == ["sku", "isbn", "stars", "price", "tags", "table"]
    assert row["isbn"] == ""


@pytest.mark.parametrize("block", [1, 7, 2**20])
def test_records_are_looked_at_only_where_a_field_may_stand(
    block: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.exports.reading._BLOCK_BYTES", block)
    with RecordFile(folder) as file:
        assert file.mentions([b'"fields":{'])
        assert file.mentions([b'"nowhere":', b'"stars":3'])
        assert not file.mentions([b'"nowhere":', b'"stars":4'])


def test_a_pass_has_the_fields_that_it_gave(folder: Path) -> None:
    assert [row["price"] for row in exported(folder, number=2)] == ["5"]


def test_records_that_were_changed_are_named_by_their_place(
    folder: Path,
) -> None:
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"stars":3', b'"stars":}'))
    with pytest.raises(UsageError, match=r"was changed: at byte [\d,]+"):
        exported(folder)


def test_what_is_no_object_is_no_field(tmp_path: Path) -> None:
    """As another program may have written it."""
    urls = [Made("a", {2: {}}, more={"fields": [1]}), *URLS[:1]]
    rows = exported(make_folder(tmp_path / "run", urls, ["Link", "sku"]))
    assert [row["price"] for row in rows] == ["", "51.77"]
