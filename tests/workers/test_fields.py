"""What recipes find, as it goes into a record: with its counts, and without the secrets of URLs."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from scraper.workers.fields import NOTHING, FieldReader, Found

URL = "https://shop.example/lamps/1"
TEXTS = {"a": {"select": "p", "list": True}}


def read(html: str, fields: dict[str, Any], each: str = "") -> Found:
    recipe = {"name": "lamps", "match": [], "each": each, "fields": fields}
    return FieldReader([recipe]).read_page(Page(URL, html.encode()), URL)


def test_without_recipes_there_is_nothing() -> None:
    reader = FieldReader([])
    assert reader.read_page(Page(URL, b"<h1>a"), URL) == NOTHING
    assert reader.read_json(b"no JSON", URL) == NOTHING


def test_of_a_url_that_no_recipe_matches_there_is_nothing() -> None:
    recipe = {"name": "a", "match": ["*/other"], "fields": {"b": "h1"}}
    reader = FieldReader([recipe])
    assert reader.read_page(Page(URL, b"<h1>a"), URL) == NOTHING
    assert reader.read_json(b"no JSON", URL) == NOTHING


def test_counts_come_with_what_is_found_and_with_what_is_missing() -> None:
    html = "<li><b>one</b><li><i>two</i>"
    found = read(html, {"a": "b", "c": "i"}, each="li")
    assert orjson.loads(found.fill) == [["lamps", 2, {"a": 1, "c": 1}]]
    assert found.facts["items"] == [
        {"a": "one", "c": None},
        {"a": None, "c": "two"},
    ]
    required = {"a": {"select": "b", "required": True}, "c": "i"}
    missing = read(html, required, each="li")
    assert missing.fill == found.fill
    assert missing.facts == {}
    assert missing.error is not None
    assert missing.error.kind == "field_missing"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://me:pw@shop.example/a", "https://***@shop.example/a"),
        ("/cart?session=77&page=2", "/cart?session=***&page=2"),
        ("see http://a.example/?token=4f now", "see http://a.example/?token=*** now"),
        ("me@shop.example", "me@shop.example"),
        ("me@shop.example, https://a.example", "me@shop.example, https://a.example"),
        ("width=3; key = 5", "width=3; key = 5"),
    ],
)  # fmt: skip
def test_of_urls_secrets_are_hidden_and_nothing_else(
    written: str, shown: str
) -> None:
    fields = {**TEXTS, "b": {"each": "p", "fields": {"c": ":self"}}}
    found = read(f"<p>{written}</p>", fields).facts["fields"]
    assert found == {"a": [shown], "b": [{"c": shown}]}


@given(st.text("ab1 .,:@£-+%()'\"", min_size=1).map(str.split).map(" ".join))
def test_a_text_without_a_url_stays_as_it_is(text: str) -> None:
    found = read(f"<p>{text}</p>", TEXTS).facts["fields"]
    assert found == {"a": [text] if text else []}
