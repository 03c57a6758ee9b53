"""Programs that people have open what is exported."""

from __future__ import annotations

import importlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import scraper
from tests.exports.made import Made, make_folder, url_of

pytestmark = pytest.mark.readers

URLS = [
    Made("a", {2: {"id": 7, "note": "ä, \"b\"\nc", "ok": True, "n": 0.5}},
         {"title": "=1+1", "links": [{"url": "https://x/", "text": "x", "rel": ["nofollow"]}]}),
    Made("b", {3: {"id": 8, "note": None, "ok": None, "n": None}}, state="failed"),
    Made("c", {4: {"id": None, "note": "x" * 100_000, "ok": False, "n": 1.5}},
         {"title": "ö"}, "unchanged"),
]  # fmt: skip
NAMES = ["Link", "id", "note", "ok", "n"]
TEXTS = [each.rows[line]["note"] for line, each in enumerate(URLS, 2)]  # type: ignore[index]


def library(name: str) -> Any:
    """With SCRAPER_READERS its absence is an error."""
    if os.environ.get("SCRAPER_READERS"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is in the extra `ci`")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "run", URLS, NAMES)


def test_pandas_reads_parquet_with_its_types(folder: Path) -> None:
    pandas = library("pandas")
    library("pyarrow")
    file = scraper.export(folder, folder.parent / "items.parquet")
    table = pandas.read_parquet(file, dtype_backend="pyarrow")
    assert table["id"].tolist()[:2] == [7, 8]
    assert str(table["id"].dtype) == "int64[pyarrow]"
    assert str(table["ok"].dtype) == "bool[pyarrow]"
    assert table["note"].tolist()[0] == TEXTS[0]
    at = table["fetched_at"].tolist()[0]
    assert at == datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC)
    (link,) = table["links"].tolist()[0]
    assert (link["url"], list(link["rel"])) == ("https://x/", ["nofollow"])


@pytest.mark.parametrize("name", ["items.csv", "items.tsv"])
def test_pandas_reads_csv(name: str, folder: Path) -> None:
    pandas = library("pandas")
    file = scraper.export(folder, folder.parent / name)
    separator = "\t" if name.endswith("tsv") else ","
    table = pandas.read_csv(file, sep=separator, keep_default_na=False)
    assert list(table.columns[:4]) == ["id", "note", "ok", "n"]
    assert table["note"].tolist() == [each or "" for each in TEXTS]
    assert table["title"].tolist() == ["'=1+1", "", "ö"]


@pytest.mark.parametrize(
    ("name", "lines"), [("i.json", False), ("i.jsonl", True)]
)
def test_pandas_reads_json(name: str, lines: bool, folder: Path) -> None:
    pandas = library("pandas")
    fields = ["input", "url", "title"]
    file = scraper.export(folder, folder.parent / name, fields=fields)
    table = pandas.read_json(file, lines=lines)
    assert table["note"].tolist()[2] == TEXTS[2]
    assert table["url"].tolist() == [url_of(each.name).href for each in URLS]


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("i.csv", "read_csv('{}')"),
        ("i.parquet", "'{}'"),
        ("i.jsonl", "read_json('{}')"),
    ],
)
def test_duckdb_reads_them(name: str, reader: str, folder: Path) -> None:
    duckdb = library("duckdb")
    if name == "i.parquet":
        library("pyarrow")
    fields = ["input", "url", "title", "status", "links"]
    file = scraper.export(folder, folder.parent / name, fields=fields)
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT id, note, url, status FROM {reader.format(file)}"
        ).fetchall()
    assert [row[0] for row in rows] == [7, 8, None]
    assert [row[1] or "" for row in rows] == [each or "" for each in TEXTS]
    assert [row[3] for row in rows] == [200, None, 200]


def test_pyarrow_reads_parquet_group_by_group(folder: Path) -> None:
    library("pyarrow")
    parquet = library("pyarrow.parquet")
    file = scraper.export(folder, folder.parent / "items.parquet")
    with parquet.ParquetFile(file) as opened:
        assert opened.metadata.num_rows == 3
        (group,) = opened.iter_batches(columns=["state", "links"])
    assert group.column("state").to_pylist() == ["done", "failed", "unchanged"]


def test_a_data_frame_is_one_line(folder: Path, tmp_path: Path) -> None:
    pandas = library("pandas")
    library("pyarrow")
    table = pandas.read_parquet(
        scraper.export(folder, tmp_path / "items.parquet")
    )
    assert table.shape[0] == 3


# -- what recipes have found -------------------------------------------------------------------

BOOKS = [
    {"name": "=Ünder", "price": 51.77, "tags": ["a"], "table": [{"k": 1}]},
    {"name": "b", "price": None, "tags": [], "table": []},
]
SHOP = [
    Made("shelf", {2: {"id": 7}}, {"fields": {"stock": 3}, "items": BOOKS}),
    Made("other", {3: {"id": 8}}, {"fields": {"stock": None}}, "unchanged"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "run", SHOP, ["Link", "id"])


def test_pandas_reads_fields_with_their_types(shop: Path) -> None:
    pandas = library("pandas")
    library("pyarrow")
    file = scraper.export(shop, shop.parent / "all.parquet")
    table = pandas.read_parquet(file, dtype_backend="pyarrow")
    assert list(table.columns[:2]) == ["id", "stock"]
    assert str(table["stock"].dtype) == "int64[pyarrow]"
    assert table["stock"].tolist()[0] == 3


def test_pandas_reads_items(shop: Path) -> None:
    pandas = library("pandas")
    library("pyarrow")
    file = scraper.export(shop, shop.parent / "all.parquet", rows="items")
    table = pandas.read_parquet(file, dtype_backend="pyarrow")
    assert str(table["price"].dtype) == "double[pyarrow]"
    assert [list(each) for each in table["tags"]] == [["a"], []]
    csv = scraper.export(shop, shop.parent / "all.csv", rows="items")
    table = pandas.read_csv(csv, keep_default_na=False)
    assert table["name"].tolist() == ["'=Ünder", "b"]
    assert table["id"].tolist() == [7, 7]


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("i.csv", "read_csv('{}')"),
        ("i.parquet", "'{}'"),
        ("i.jsonl", "read_json('{}')"),
    ],
)
def test_duckdb_reads_items(name: str, reader: str, shop: Path) -> None:
    duckdb = library("duckdb")
    if name == "i.parquet":
        library("pyarrow")
    fields = ["name", "price", "stock", "item"]
    file = scraper.export(shop, shop.parent / name, rows="items", fields=fields)
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT price, stock, item FROM {reader.format(file)} ORDER BY item"
        ).fetchall()
    assert rows == [(51.77, 3, 1), (None, 3, 2)]
