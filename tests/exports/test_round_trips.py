"""What stands in a list and in its records comes out of every format: columns, types, order."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scraper
from scraper.exports.columns import own_columns
from tests.exports.made import Made, make_folder, url_of
from tests.exports.readers import READERS, Rows, each_of

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.sampled_from(
        ["=1+1", "'=1", "''@x", "-5", "- 5", "+49 30", "\t", "\r\n", "a\nb", 'say "x"',
         "a,b;c", "\0", "\u202eb", "\u2028", " ", "'", "\ufeff", "null", "1e5"]
    ),
)  # fmt: skip
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
# By the kind of a column what may stand in it.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "integer": INTEGERS,
    "number": NUMBERS,
    "boolean": st.booleans(),
    "texts": st.lists(TEXTS, max_size=3),
    "integers": st.lists(INTEGERS, max_size=3),
    "json": st.one_of(TEXTS, st.booleans(), st.lists(st.one_of(TEXTS, INTEGERS), max_size=3)),
}  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(["id", "Title", "url", "=x", "a,b", "Überschrift", "line", "'", "a.b"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8),
)  # fmt: skip


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[str], list[Made]]:
    """The columns of a table, and its URLs, of which some stand in several rows."""
    names = draw(
        st.lists(NAMES, max_size=4, unique_by=lambda name: name.casefold())
    )
    kinds = [draw(st.sampled_from([*VALUES])) for _ in names]
    row = st.fixed_dictionaries(
        {
            name: st.none() | VALUES[kind]
            for name, kind in zip(names, kinds, strict=True)
        }
    )
    counts = draw(st.lists(st.integers(1, 3), max_size=5))
    places = iter(draw(st.permutations(range(2, 2 + sum(counts)))))
    states = st.sampled_from(
        ["done", "unchanged", "failed", "skipped", "pending"]
    )
    urls = [
        Made(
            str(number),
            {next(places): draw(row) for _ in range(count)},
            {"title": draw(st.none() | TEXTS), "data": {"t": draw(TEXTS)}},
            draw(states),
        )
        for number, count in enumerate(counts)
    ]
    return names, urls


def expected_of(urls: list[Made]) -> list[tuple[int, Made]]:
    """The rows with a record, in the order of the list."""
    rows = [(line, made) for made in urls for line in made.rows]
    found = [each for each in rows if each[1].state != "pending"]
    return sorted(found, key=lambda each: each[0])


@pytest.mark.parametrize("format", each_of(READERS))
@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(made=lists())
def test_columns_in_are_columns_out(
    made: tuple[list[str], list[Made]], format: str, tmp_path: Path
) -> None:
    names, urls = made
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    folder = make_folder(tmp_path / "run", urls, ["Link", *names])
    file = scraper.export(folder, tmp_path / f"items{format}")
    rows, expected = READERS[format](file), expected_of(urls)
    assert [int(row["line"]) for row in rows] == [line for line, _ in expected]
    for row, (line, each) in zip(rows, expected, strict=True):
        assert row["url"] == url_of(each.name).href
        assert row["state"] == each.state
        has_facts = each.state in ("done", "unchanged")
        own = each.rows[line] or {}
        _check_facts(format, row, each if has_facts else None)
        check_own(format, rows, row, own, names)


def _check_facts(format: str, row: dict[str, Any], each: Made | None) -> None:
    title = each.facts["title"] if each else None
    data = each.facts["data"] if each else None
    if format in (".csv", ".tsv"):
        assert row["title"] == (title or "")
        assert json.loads(row["data"] or "null") == data
    elif format in (".json", ".jsonl"):
        assert row.get("title") == title
        assert row.get("data") == data
    else:
        assert row["title"] == title
        assert json.loads(row["data"] or "null") == data


def check_own(
    format: str,
    rows: Rows,
    row: dict[str, Any],
    own: dict[str, Any],
    names: list[str],
) -> None:
    if format in (".json", ".jsonl"):
        assert row["input"] == own
        return
    taken = ["record", "source", "line"] if format == ".sqlite" else None
    kinds: dict[str, Any] = dict.fromkeys(names, "text")
    columns = own_columns(kinds, taken) if taken else own_columns(kinds)
    values = row["own"] if format == ".sqlite" else row
    for name, column in zip(names, columns, strict=True):
        assert same(format, values[column.name], own[name])


def same(format: str, found: Any, value: Any) -> bool:
    """Is it what a format makes of a value?"""
    if format in (".csv", ".tsv"):
        if isinstance(value, str) or value is None:
            return bool(found == (value or ""))
        return bool(json.loads(found) == value)
    if isinstance(value, list) and not isinstance(found, list):
        return bool(json.loads(found) == value)
    if isinstance(value, bool) and isinstance(found, str):  # beside text
        return bool(json.loads(found) == value)
    has_types = format == ".parquet" and not isinstance(value, list)
    return bool(found == value) and (
        type(found) is type(value) if has_types else True
    )
