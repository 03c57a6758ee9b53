"""What recipes have found comes out of every format as it went in, of pages and of items."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scraper
from scraper.exports.columns import KindsOfFolder, columns_of_folder
from tests.exports.made import Made, make_folder, url_of
from tests.exports.readers import READERS, each_of
from tests.exports.test_round_trips import NAMES, VALUES, same

Object = dict[str, Any]
JSON = (".json", ".jsonl")


@st.composite
def objects(draw: st.DrawFn) -> st.SearchStrategy[Object]:
    """Objects with the same few keys, each with its kind of values."""
    names = draw(
        st.lists(NAMES, max_size=3, unique_by=lambda name: name.casefold())
    )
    kinds = [draw(st.sampled_from([*VALUES])) for _ in names]
    pairs = zip(names, kinds, strict=True)
    return st.fixed_dictionaries(
        {name: st.none() | VALUES[kind] for name, kind in pairs}
    )


@st.composite
def pages(draw: st.DrawFn) -> list[Made]:
    """Pages with fields, with items, with both or neither, each in one row of a list."""
    fields, item = draw(objects()), draw(objects())
    found = st.fixed_dictionaries(
        {},
        optional={"fields": fields, "items": st.lists(item, max_size=3)},
    )
    facts = draw(st.lists(found, max_size=5))
    states = st.sampled_from(["done", "unchanged"])
    return [
        Made(str(place), {place + 2: {}}, each, draw(states))
        for place, each in enumerate(facts)
    ]


def kinds_of(objects: list[Object]) -> Any:
    """Names alone: what they are called does not follow from their kinds."""
    return dict.fromkeys((name for each in objects for name in each), "text")


def check(
    format: str, row: Object, names: dict[str, str], found: Object
) -> None:
    """`names`: by field that of its column."""
    for name, column in names.items():
        assert same(format, row[column], found.get(name))


ROUND_TRIP = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("format", each_of(READERS))
@ROUND_TRIP
@given(urls=pages())
def test_fields_in_are_columns_out(
    urls: list[Made], format: str, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    folder = make_folder(tmp_path / "run", urls)
    file = scraper.export(folder, tmp_path / f"all{format}")
    rows = READERS[format](file)
    found = [each.facts.get("fields", {}) for each in urls]
    assert [row["url"] for row in rows] == [url_of(m.name).href for m in urls]
    if format in JSON:
        assert [row.get("fields", {}) for row in rows] == found
        return
    kinds = KindsOfFolder(fields=kinds_of(found))
    columns = columns_of_folder(kinds, "records")
    names = {each.path[1]: each.name for each in columns}
    if format == ".sqlite":  # which has one of that name
        names |= {name: "fields.id" for name in names if name == "id"}
    for row, fields in zip(rows, found, strict=True):
        check(format, row, names, fields)


@pytest.mark.parametrize("format", each_of(READERS))
@ROUND_TRIP
@given(urls=pages())
def test_items_in_are_rows_out(
    urls: list[Made], format: str, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    folder = make_folder(tmp_path / "run", urls)
    file = scraper.export(folder, tmp_path / f"all{format}", rows="items")
    rows = READERS[format](file)
    found = [
        (made, place, item)
        for made in urls
        for place, item in enumerate(made.facts.get("items", ()), 1)
    ]
    assert [row["url"] for row in rows] == [
        url_of(made.name).href for made, _, _ in found
    ]
    assert [int(row["item"]) for row in rows] == [
        place for _, place, _ in found
    ]
    if format in JSON:
        assert [row["fields"] for row in rows] == [item for *_, item in found]
        return
    kinds = KindsOfFolder(
        fields=kinds_of([each.facts.get("fields", {}) for each in urls]),
        items=kinds_of([item for *_, item in found]),
    )
    columns = columns_of_folder(kinds, "items")
    by_root: dict[str, dict[str, str]] = {"fields": {}, "items": {}}
    for column in columns:
        by_root[column.path[0]][column.path[1]] = column.name
    for row, (made, _, item) in zip(rows, found, strict=True):
        check(format, row, by_root["items"], item)
        check(format, row, by_root["fields"], made.facts.get("fields", {}))
