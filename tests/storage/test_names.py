"""Names that a template makes: safe everywhere, whatever stands in a table."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scraper.errors import UsageError
from scraper.model import Kind, Task
from scraper.storage.file_names import path_of, processed_prefix, variants_of
from scraper.storage.names import Names, claim_key, names_of
from scraper.urls import parts_of
from tests.storage.test_store import (
    FORBIDDEN,
    HOSTS,
    KINDS,
    PATHS,
    RESERVED,
    TYPES,
)
from tests.storage.test_store import url_of as any_url

URL = parts_of("https://example.com/cat/A%20tale.JPG?x")
KEYS = ["host", "stem", "ext", "kind", "sha256", "sha256:.8", "key", "seq:06", "seq",
        "input.id", "input.id:.3", "input.a b", "input.id:040"]  # fmt: skip
TEMPLATES = st.lists(
    st.sampled_from(KEYS).map("{{{}}}".format)
    | st.sampled_from(
        ["/", "-", ".", "..", "con", "a" * 300, "é", "é", " ", "%2F"]
    )
    | st.text(max_size=4),
    min_size=1,
    max_size=8,
).map("".join)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.text(max_size=30) | st.integers() | FLOATS | st.none() | (
    st.booleans() | st.lists(st.text(), max_size=2) | st.sampled_from(
        ["..", "../../etc/passwd", "/etc/passwd", "C:\\x", "con", "NUL.txt", "COM¹", ".", "-rf",
         "a" * 400, "ü" * 300, "é", "é", " x ", "x.", "\x00", "\u202e", "हिन्दी", "5.0"])
)  # fmt: skip


def task_of(
    columns: dict[str, Any] | None = None, url: Any = URL, seq: int | None = 7
) -> Task:
    encoded = None if columns is None else json.dumps(columns)
    return Task(1, url, url, seq=seq, columns=encoded)


def named(template: str, kind: Kind = "image", **columns: Any) -> str:
    return names_of(template).place_of(task_of(columns), kind, "image/jpeg")


def check_safe(path: str) -> None:
    folder, *parts = path.split("/")
    assert folder in ("pages", "images", "files")
    assert parts
    for part in parts:
        assert part not in ("", ".", "..")
        assert not FORBIDDEN.search(part)
        assert not RESERVED.fullmatch(part)
        assert not RESERVED.fullmatch(part.partition(".")[0])
        assert part == part.rstrip(". ")
        assert not part.startswith((".", "-", " "))
        assert len(part.encode()) <= 201, "with room for an extension"
        assert part == unicodedata.normalize("NFC", part)
        assert part.isprintable()


# -- the law of names -------------------------------------------------------------------------


@given(TEMPLATES, HOSTS, PATHS, st.sampled_from(KINDS), st.sampled_from(TYPES),
       st.fixed_dictionaries({}, optional={"id": CELLS, "a b": CELLS}),
       st.integers(1) | st.none())  # fmt: skip
@example("{input.id}", "con", "x", "page", "text/html", {"id": "con"}, 1)
@example("e{input.id}", "con", "x", "page", "text/html", {"id": "\u0301x"}, 1)
@example("{input.id}{seq}/..{input.id}", "con", "x", "page", "", {"id": "."}, 1)
def test_a_name_is_a_safe_relative_path(
    template: str,
    host: str,
    path: str,
    kind: Kind,
    type: str,
    columns: dict[str, Any],
    seq: int | None,
) -> None:
    try:
        names = names_of(template)
    except UsageError:
        assume(False)
        raise
    task = task_of(columns, any_url(host, path), seq)
    place = names.place_of(task, kind, type)
    check_safe(place)
    assert place == names.place_of(task, kind, type), "a pure function"
    if names.missing_key(task) is not None:
        assert place == path_of(task.origin_url, kind, type)
    assert claim_key(place) == claim_key(unicodedata.normalize("NFD", place))
    for each in variants_of(place, ["default", "thumb"]):
        assert each.startswith("processed/")
        assert len(each.rpartition("/")[2].encode()) <= 255


@given(st.text(max_size=600))
def test_a_template_is_taken_or_refused_in_one_sentence(template: str) -> None:
    try:
        names = names_of(template)
    except UsageError:
        return
    check_safe(names.place_of(task_of({}), "page", "text/html"))


# -- what it says -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("", "example.com/A-tale-[0-9a-f]{10}.jpg"),
        ("{input.id}.{ext}", "12.jpg"),
        ("{host}/{stem}-{sha256:.8}.{ext}", "example.com/A-tale-[0-9a-f]{8}.jpg"),
        ("{kind}/{seq:04}", "image/0007"),
        ("{key}", "[0-9a-f]{16}"),
        ("{input.class}/{input.id:05}", "cats-dogs/00012"),
        ("{input.price}-{input.new}", "9.5-true"),
        ("{input.umlaut}", "é"),
        ("{input.hindi}", "हिन्दी"),
        ("{input.evil}", "_..-..-etc-passwd"),
        ("{input.con}.{ext}", "_con.jpg"),
        ("{input.negative}", "_-5"),
        (".{stem}", "_.A-tale"),
        ("{{{stem}}}", "{A-tale}"),
    ],
)  # fmt: skip
def test_a_template_says_the_name(template: str, name: str) -> None:
    place = named(template, id=12, price=9.5, new=True, umlaut="e\u0301", con="con",
                  negative=-5, hindi="हिन्दी", evil="../../etc/passwd",
                  **{"class": "cats/dogs"})  # fmt: skip
    pattern = name.replace("{A-tale}", r"\{A-tale\}")
    assert re.fullmatch(f"images/{pattern}", place), place


@pytest.mark.parametrize(
    "value", [None, "", "  ", "..", "-/-", ["a"], {"a": 1}]
)
def test_without_a_value_the_name_is_the_usual_one(value: Any) -> None:
    names = names_of("{input.id}.{ext}")
    for columns in ({"id": value}, {}, None):
        task = task_of(columns)
        usual = path_of(URL, "image", "image/jpeg")
        assert names.place_of(task, "image", "image/jpeg") == usual
        assert names.missing_key(task) == "input.id"
    assert names.missing_key(task_of({"id": 1})) is None
    assert names_of("{seq}").missing_key(task_of(seq=None)) == "seq"
    assert Names().missing_key(task_of()) is None


def test_a_long_name_keeps_its_extension_and_stays_its_own() -> None:
    one, other = (named("{input.id}.{ext}", id="x" * 300 + end) for end in "ab")
    assert one != other
    assert one.endswith(".jpg")
    assert len(one) <= 207


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("x.jpg", "every URL would have the same name"),
        ("/{stem}", "a name is relative"),
        ("{stem}/", "a name is relative"),
        ("{host}//{stem}", "a name is relative"),
        ("../{stem}", "a name is relative"),
        ("{host}/../{stem}", "a name is relative"),
        ("./{stem}", "a name is relative"),
        ("C:{stem}", "file names hold no"),
        ("{host}\\{stem}", "file names hold no"),
        ("{stem}\n", "file names hold no"),
        ("{stem}\u202e", "file names hold no"),
        ("/".join(["{stem}"] * 9), "more than 8 parts"),
        ("{stem}" + "x" * 500, "more than 8 parts or 500 characters"),
        ("{stam}", "did you mean stem?"),
    ],
)
def test_what_cannot_be_a_name_is_said_before(template: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)):
        names_of(template)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ((), "urls.csv is no table with columns"),
        (
            ("url", "ID", "name"),
            "urls.csv has no such column; did you mean ID?",
        ),
        (("url", "x"), "urls.csv has no such column; it has x"),
        (("id", "x"), "it has x"),
    ],
)
def test_columns_that_a_list_has_not_are_said_before(
    columns: tuple[str, ...], why: str
) -> None:
    names = names_of("{input.id}.{ext}")
    with pytest.raises(UsageError, match=re.escape(why)):
        names.check_columns("urls.csv", columns)
    names.check_columns("urls.csv", ("url", "id"))
    names_of("{stem}").check_columns("urls.csv", columns)
    names_of("").check_columns("urls.csv", columns)


def test_a_column_is_the_template_of_that_column() -> None:
    columns = {"id": 7, "a{b}:c": "odd"}
    for column, name in (("id", "7.jpg"), ("a{b}:c", "odd.jpg")):
        names = names_of("", column)
        place = names.place_of(task_of(columns), "image", "image/jpeg")
        assert place == f"images/{name}"
    with pytest.raises(
        UsageError, match=r"--name-col 'nr': urls\.csv has no such column"
    ):
        names_of("", "nr").check_columns("urls.csv", ("url", "id"))
    with pytest.raises(UsageError, match="are both given"):
        names_of("{stem}", "id")


# -- which names are one ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("pages/a.html", "pages/A.HTML", True),
        ("pages/é.html", "pages/e\u0301.html", True),
        ("pages/straße", "pages/STRASSE", True),
        ("pages/a.html", "pages/a.xhtml", False),
        ("pages/a.html", "files/a.html", False),
        ("images/a.jpg", "images/a.PNG", True),
        ("images/a.jpg", "images/b.jpg", False),
        ("images/v1.2", "images/v1.3", False),
        ("images/a.jpg", "files/a.jpg", False),
    ],
)
def test_names_are_one_that_are_one_somewhere(
    one: str, other: str, same: bool
) -> None:
    assert (claim_key(one) == claim_key(other)) is same


def test_what_is_made_of_a_picture_follows_its_name() -> None:
    place = named("{input.id}.{ext}", id="x/y")
    assert processed_prefix(place) == "processed/x-y"
    assert processed_prefix("images/a/v1.2") == "processed/a/v1.2"
