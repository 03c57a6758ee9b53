"""The columns of exports are the tables of docs/records.md."""

from __future__ import annotations

import pytest

from scraper.exports.fields import FIELDS, LISTS, Field
from tests.test_docs import section, table_rows

# What the first word of a type means for a table.
KINDS = {
    "integer": "integer",
    "bytes": "integer",
    "pixels": "integer",
    "milliseconds": "integer",
    "seconds": "number",
    "number": "number",
    "text": "text",
    "16": "text",  # hex digits
    "64": "text",
    "date,": "text",  # some have no time, some no zone
    "true": "boolean",
    "time": "time",
    "list": "json",
    "object": "json",
    "what": "json",  # your function returns
}


def kind_of(type: str) -> str:
    if type in ("list of text", "list of objects"):
        return {"list of text": "texts", "list of objects": "objects"}[type]
    return KINDS[type.strip("`").split()[0]]


def documented(heading: str) -> dict[str, str]:
    """By key its kind, in the order of the page."""
    rows = table_rows(section("records.md", heading))
    return {cells[0].strip("`"): kind_of(cells[1]) for cells in rows}


def columns_documented() -> dict[str, str]:
    found: dict[str, str] = {}
    for heading in ("Every record", "Pages", "Pictures"):
        for key, kind in documented(heading).items():
            if key in ("seconds", "encoding"):
                inner = documented(f"Of `{key}`").items()
                found |= {f"{key}.{name}": each for name, each in inner}
            elif key == "meta_refresh":
                found |= {f"{key}.seconds": "number", f"{key}.url": "text"}
            elif key == "fields":
                pass  # has columns of its own, by the names of the fields
            else:
                found[key] = kind
        if heading == "Every record":  # below its table
            found |= {"not_before": "time", "same_as": "integer"}
    return found


def test_the_columns_are_what_records_md_says_in_its_order() -> None:
    """Whoever adds a key to a record adds it to `FIELDS`, too."""
    found = {each.name: each.kind for each in FIELDS}
    assert list(found) == list(columns_documented())
    assert found == columns_documented()


@pytest.mark.parametrize("field", [each for each in FIELDS if each.kind == "objects"],
                         ids=lambda field: field.name)  # fmt: skip
def test_the_keys_of_objects_are_what_records_md_says(field: Field) -> None:
    prose = {"redirects", "headings", "feeds", "alternates"}
    if field.name in prose:
        (cells,) = (
            cells
            for heading in ("Every record", "Pages")
            for cells in table_rows(section("records.md", heading))
            if cells[0] == f"`{field.name}`"
        )
        named = (
            "`url`, `type`, `title`, `hreflang`"
            if field.name == "alternates"
            else cells[3]
        )
        assert all(f"`{name}`" in named for name in field.members)
    else:
        assert field.members == documented(f"Of `{field.name}`")


def test_lists_are_the_kinds_that_hold_several() -> None:
    assert {each.kind for each in FIELDS} & LISTS == {"texts", "objects"}
