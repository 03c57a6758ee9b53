"""A list in any format, and the table of its records in any other: what goes in comes out."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

import scraper
from scraper.config import InputSettings
from scraper.sources.source import file_source
from scraper.sources.text import TableRow
from tests.exports.made import Made, make_folder, url_of
from tests.exports.readers import READERS, needs_pyarrow
from tests.exports.test_round_trips import check_own, lists

URL = "Link"
Rows = Sequence[dict[str, Any]]  # all with the same columns


def write_csv(path: Path, rows: Rows) -> None:
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter)
        table.writerow(rows[0])
        table.writerows(row.values() for row in rows)


def write_json(path: Path, rows: Rows) -> None:
    path.write_text(json.dumps(list(rows)), encoding="utf-8")


def write_lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_parquet(path: Path, rows: Rows) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)


WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    ".csv": write_csv,
    ".tsv": write_csv,
    ".json": write_json,
    ".jsonl": write_lines,
    ".parquet": write_parquet,
}


def as_written(format: str, value: Any) -> Any:
    """A value as a list of this format can hold it: cells of CSV are text."""
    if format not in (".csv", ".tsv"):
        return value
    if isinstance(value, list | bool):
        return json.dumps(value)
    return "" if value is None else str(value)


def has_one_type(values: Sequence[Any]) -> bool:
    known = [each for each in values if each is not None]
    members = [one for each in known if isinstance(each, list) for one in each]
    return all(len({*map(type, some)}) < 2 for some in (known, members))


@needs_pyarrow
@pytest.mark.parametrize("given_as", WRITERS)
@settings(max_examples=12, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(made=lists())
def test_what_a_list_says_of_its_urls_is_in_every_table(
    made: tuple[list[str], list[Made]], given_as: str, tmp_path: Path
) -> None:
    names, urls = made
    # CSV has no names with spaces around them; a text is a column of its own type in Parquet
    names = [each for each in names if each == each.strip() and each != URL]
    named = [(line, each) for each in urls for line in each.rows]
    named.sort(key=lambda each: each[0])
    if not named:
        return
    rows = [
        {
            URL: url_of(each.name).href,
            **{
                name: as_written(given_as, (each.rows[line] or {})[name])
                for name in names
            },
        }
        for line, each in named
    ]
    if given_as == ".parquet":
        names = [
            name for name in names if has_one_type([row[name] for row in rows])
        ]
        rows = [{name: row[name] for name in (URL, *names)} for row in rows]
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    path = tmp_path / f"list{given_as}"
    WRITERS[given_as](path, rows)
    source = file_source(
        str(path), InputSettings(url_col=URL, columns=("all",))
    )
    read = [each for each in source.lines() if isinstance(each, TableRow)]
    own = [orjson.loads(each.columns) for each in read]
    assert source.columns == (URL, *names)
    assert [
        {URL: row.url} | columns for row, columns in zip(read, own, strict=True)
    ] == rows

    numbers = {id(each): {} for each in urls}
    for (_, each), row, columns in zip(named, read, own, strict=True):
        numbers[id(each)][row.number] = columns
    listed = [each._replace(rows=numbers[id(each)], facts={}) for each in urls]
    folder = make_folder(tmp_path / "run", listed, source.columns)
    expected = [
        columns
        for (_, each), columns in zip(named, own, strict=True)
        if each.state != "pending"
    ]
    for format, reader in READERS.items():
        found = reader(scraper.export(folder, tmp_path / f"items{format}"))
        assert len(found) == len(expected)
        for cells, columns in zip(found, expected, strict=True):
            check_own(format, found, cells, columns, names)
