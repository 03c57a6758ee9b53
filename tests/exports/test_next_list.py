"""The next list looks like the last one: the same columns at the same places."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

import scraper
from scraper.config import InputSettings
from scraper.sources.source import file_source
from tests.conftest import PROJECT
from tests.exports.made import Made, make_folder
from tests.exports.readers import READERS, each_of

FORMATS = each_of(sorted(READERS.keys() - {".sqlite"}))
NAMES = ("id", "Link", "link", "note")
ROWS = [
    ("1", "ftp://shop.test/a", "x", 'of "two"\nlines'),
    ("2", "ftp://shop.test/b", "", "=1+1"),
]


def write_list(
    path: Path,
    names: Sequence[str] = NAMES,
    rows: Sequence[Sequence[str]] = ROWS,
) -> None:
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    match path.suffix:
        case ".json":
            path.write_bytes(orjson.dumps(objects))
        case ".jsonl":
            path.write_bytes(b"\n".join(map(orjson.dumps, objects)))
        case ".parquet":
            import pyarrow.parquet

            table = pyarrow.Table.from_pylist(objects)
            pyarrow.parquet.write_table(table, path)
        case _:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            with path.open("w", newline="") as file:
                writer = csv.writer(file, delimiter=delimiter)
                writer.writerows([names, *rows])


def read_list(path: Path) -> list[list[tuple[str, Any]]]:
    """The rows, each with its names in their order."""
    match path.suffix:
        case ".json":
            objects = orjson.loads(path.read_bytes())
        case ".jsonl":
            objects = [*map(orjson.loads, path.read_bytes().splitlines())]
        case ".parquet":
            import pyarrow.parquet

            objects = pyarrow.parquet.read_table(path).to_pylist()
        case _:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            with path.open(newline="") as file:
                objects = [*csv.DictReader(file, delimiter=delimiter)]
    return [[*each.items()] for each in objects]


def run_list(path: Path, **settings: Any) -> Path:
    """The folder of a run in which every row fails."""
    folder = path.parent / "run"
    config = scraper.configure(dir=str(folder), url_col="Link", **settings)
    scraper.run(path, config)
    return folder


def header_of(folder: Path) -> str:
    file = scraper.export(folder, folder.parent / "failed.csv")
    return file.read_text().partition("\n")[0].strip()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["remaining", "failed"])
def test_all_of_a_list_that_failed_is_that_list(
    name: str, format: str, tmp_path: Path
) -> None:
    path = tmp_path / f"urls{format}"
    write_list(path)
    folder = run_list(path)
    file = scraper.export(folder, tmp_path / f"{name}{format}")
    assert read_list(file) == read_list(path)


@pytest.mark.parametrize("place", range(4))
def test_the_urls_stand_where_they_stood(place: int, tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    names.insert(place, "Link")
    path = tmp_path / "urls.csv"
    write_list(path, names, [["ftp://shop.test/a"] * 4])
    folder = run_list(path)
    assert header_of(folder) == ",".join(names)
    how = InputSettings(url_col="Link")
    assert file_source(str(tmp_path / "failed.csv"), how).url_place == place


def test_columns_that_are_left_out_leave_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "urls.csv"
    write_list(path)
    assert header_of(run_list(path, columns=("note", "link"))) == (
        "Link,note,link"
    )
    shutil.rmtree(tmp_path / "run")
    assert header_of(run_list(path, columns=("id",))) == "id,Link"


def test_a_list_whose_columns_have_moved_comes_as_it_is_now(
    tmp_path: Path,
) -> None:
    path = tmp_path / "urls.csv"
    write_list(path)
    folder = run_list(path)
    assert header_of(folder) == "id,Link,link,note"
    write_list(path, [*NAMES[1:], "id"], [[*r[1:], r[0]] for r in ROWS])
    run_list(path)
    assert header_of(folder) == "Link,link,note,id"


def test_a_folder_that_does_not_know_the_place_learns_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "urls.csv"
    write_list(path)
    folder = run_list(path)
    with closing(sqlite3.connect(folder / ".scraper/ledger.sqlite")) as db:
        db.execute("UPDATE source SET url_place = NULL")
        db.commit()
    assert header_of(folder) == "Link,id,link,note"
    run_list(path)
    assert header_of(folder) == "id,Link,link,note"


def test_in_a_folder_of_an_earlier_version_the_urls_are_first(
    tmp_path: Path,
) -> None:
    old = PROJECT / "tests/folders/schema-10"
    folder = shutil.copytree(old, tmp_path / "run")
    assert header_of(folder) == "url,id,note"


def test_what_other_lists_have_stands_behind_the_first(
    tmp_path: Path,
) -> None:
    """Also a column that is called as that of the URLs in the first one."""
    made = Made("a", {2: {"id": "1", "Link": "x", "input.Link": "y"}}, state="failed")  # fmt: skip
    folder = make_folder(tmp_path / "run", [made], ["Link", "id"])
    with closing(sqlite3.connect(folder / ".scraper/ledger.sqlite")) as db:
        db.execute("UPDATE source SET url_place = 1")
        db.commit()
    assert header_of(folder) == "id,Link,input.Link_2,input.Link"
