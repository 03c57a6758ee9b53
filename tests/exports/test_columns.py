"""Which columns a table has, and what they are called."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.errors import UsageError
from scraper.exports.columns import (
    KindsOfFolder,
    OwnKinds,
    check_fields,
    choose_columns,
    own_columns,
)
from scraper.exports.fields import FIELDS


def kinds_of(*rows: dict[str, Any]) -> dict[str, str]:
    kinds = OwnKinds()
    for row in rows:
        kinds.note(row)
    return dict(kinds.kinds())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["7", "x"], "text"),
        ([None, None], "text"),
        ([1, None, 2], "integer"),
        ([1, 2.5], "number"),
        ([True, None], "boolean"),
        ([1, True], "json"),
        ([1, "x"], "json"),
        ([2**63], "json"),
        ([-(2**63), 2**63 - 1], "integer"),
        ([["a"], [], None], "texts"),
        ([[1], []], "integers"),
        ([[], None], "texts"),
        ([True, []], "json"),
        ([["a", None], ["b"]], "texts"),
        ([[1], [2.5]], "numbers"),
        ([[1, 2.5]], "numbers"),
        ([[1], [2]], "integers"),
        ([[1, "x"]], "json"),
        ([[[1]]], "json"),
        ([{"a": 1}], "json"),
    ],
)
def test_a_column_is_what_all_of_its_values_are(
    values: list[Any], kind: str
) -> None:
    assert kinds_of(*({"c": value} for value in values)) == {"c": kind}


def test_the_type_of_a_column_does_not_follow_from_its_first_rows() -> None:
    rows = [{"c": "x", "d": 1}, {"c": "y", "d": 2}, {"c": 7, "d": 0.5}]
    assert kinds_of(*rows) == {"c": "json", "d": "number"}


def test_columns_of_several_lists_stand_in_the_order_in_which_they_come() -> (
    None
):
    rows = [{"b": "x"}, {"a": "x", "b": "y"}, {"b": "z"}]
    assert list(kinds_of(*rows)) == ["b", "a"]


def test_the_users_own_columns_come_first_under_their_own_names() -> None:
    columns = choose_columns(own_columns({"id": "text", "caption": "text"}))
    names = [each.name for each in columns]
    assert names == ["id", "caption", *(each.name for each in FIELDS)]


def test_one_with_the_name_of_a_field_is_called_input_and_its_name() -> None:
    names = ["Title", "line", "seconds.fetch", "id", "ID", "input.line"]
    found = own_columns(dict.fromkeys(names, "text"))
    assert [each.name for each in found] == [
        "input.Title",
        "input.line",
        "input.seconds.fetch",
        "id",
        "input.ID",
        "input.input.line",
    ]
    assert [each.path for each in found] == [("input", name) for name in names]


def test_names_are_distinct_whatever_they_are() -> None:
    names = ["url", "URL", "Url", "input.url", "input.URL"]
    found = own_columns(dict.fromkeys(names, "text"))
    folded = {each.name.casefold() for each in found}
    assert len(folded) == len(names)
    assert not folded & {each.name for each in FIELDS}


SECONDS = ("connect", "first_byte", "fetch", "process")
OWN = own_columns({"id": "text", "title": "text", "a.b": "text"})


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (["title", "url"], ["title", "url"]),
        (["id", "input.id"], ["id", "input.id"]),
        (["input.title", "title"], ["input.title", "title"]),
        (["a.b", "input.a.b"], ["a.b", "input.a.b"]),
        (["input", "url"], ["id", "input.title", "a.b", "url"]),
        (["input", "id"], ["input.title", "a.b", "id"]),
        (["title", "input"], ["title", "id", "a.b"]),
        (["record.seconds"], [f"seconds.{each}" for each in SECONDS]),
        (["record.data.net", "record.url"], ["record.data.net", "record.url"]),
        (["meta_refresh"], ["meta_refresh.seconds", "meta_refresh.url"]),
        (["seconds.fetch", "seconds.fetch"], ["seconds.fetch"]),
        (["data.price.net", "data"], ["data.price.net", "data"]),
    ],
)
def test_fields_are_chosen_in_the_order_of_their_names(
    fields: list[str], names: list[str]
) -> None:
    assert [each.name for each in choose_columns(OWN, fields)] == names


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("titel", "did you mean title?"),
        ("second.fetch", "did you mean seconds.fetch?"),
        ("links.url", "--fields: there is no 'links.url'"),
        ("input.idd", "did you mean input.id?"),
        ("idd", "did you mean id?"),
        (
            "zzz",
            "; columns of your lists: id, title, a.b; docs/records.md lists all others",
        ),
        ("record.id", "there is no 'record.id'"),
    ],
)
def test_an_unknown_field_is_told_the_nearest(name: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_columns(OWN, ["url", name])
    assert says in str(raised.value)


def paths_of(*fields: str) -> list[str]:
    return [".".join(each.path) for each in choose_columns(OWN, fields)]


def test_a_bare_name_is_first_the_users_own_column() -> None:
    assert paths_of("title", "record.title", "url") == [
        "input.title",
        "title",
        "url",
    ]


def test_names_that_differ_in_case_alone_are_told_apart() -> None:
    """As SQLite wants it."""
    own = own_columns({"Title": "text"})
    columns = choose_columns(own, ["title", "Title"])
    assert [(each.name, each.path) for each in columns] == [
        ("title", ("title",)),
        ("input.Title", ("input", "Title")),
    ]


def test_a_long_list_of_names_is_cut() -> None:
    own = own_columns({f"column {number}": "text" for number in range(300)})
    with pytest.raises(UsageError, match=r"column 19, \.\.\.; docs") as raised:
        choose_columns(own, ["zzz"])
    assert "column 20" not in str(raised.value)


def test_what_a_list_may_yet_have_is_no_mistake() -> None:
    known = KindsOfFolder(own={"id": "text"})
    check_fields(["input.whatever", "id", "url"], known, more_own=True)
    with pytest.raises(UsageError, match="did you mean state"):
        check_fields(["statw"], known, more_own=True)
    with pytest.raises(UsageError, match=r"no 'input\.whatever'"):
        check_fields(["input.whatever"], known)
    with pytest.raises(UsageError, match="no columns of yours"):
        choose_columns([], ["input.id"])
