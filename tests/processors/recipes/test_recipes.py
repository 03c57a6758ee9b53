"""Recipes: each source, each type, items, failures, fill."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from processors import Unusable
from processors.page import Page
from processors.recipes import Extracted, Fill, Unfit, compile_recipes

URL = "https://example.org/catalogue/1?a=b"


def apply(html: str, *recipes: dict[str, Any], url: str = URL) -> Extracted:
    found = compile_recipes(recipes).apply(Page(url, html.encode()), url)
    assert found is not None
    return found


def value(html: str, field: Any) -> Any:
    """What one field finds."""
    return apply(html, {"fields": {"it": field}}).fields["it"]


def failure(html: str, *recipes: dict[str, Any]) -> Unfit:
    with pytest.raises(Unusable) as caught:
        apply(html, *recipes)
    assert isinstance(caught.value, Unfit)
    return caught.value


# -- sources ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "field", "expected"),
    [
        ("<h1> A\n <b>bold</b>one</h1>", "h1", "A boldone"),
        ("<h1>a<p>b</p>c<script>x</script></h1>", "h1", "a b c"),
        ("<p>first<p>second", "p", "first"),
        ("<p><p>second", "p", None),
        ("<p>one", "h1", None),
        ("<a href=' x ' title>t</a>", "a@href", "x"),
        ("<a href=x title>t</a>", "a@title", None),
        ("<a href=x>t</a>", 'a[href="x"]@href', "x"),
        ('<a href="a@b">t</a>', 'a[href="a@b"]', "t"),
        ("<p class='a b'>", "p@class", "a b"),
        ("<title>T</title>", "title", "T"),
        ("var id = 5;", {"regex": r"id = (\d)"}, "5"),
        ("var id = 5;", {"regex": r"id = \d"}, "id = 5"),
        ("<p>a1 b2", {"select": "p", "regex": "[0-9]", "list": True}, ["1", "2"]),
        ("<p>a", {"select": "p", "regex": "[0-9]"}, None),
        ("<p>a<p>b<p> <p>c", {"select": "p", "list": True}, ["a", "b", "c"]),
        ("", {"select": "p", "list": True}, []),
        ("<p class=x>a<div class=x>b", {"select": "p, .x", "list": True}, ["a", "b"]),
        ("<p>Three", {"select": "p", "map": {"Three": 3}, "type": "integer"}, 3),
        ("<p>Four", {"select": "p", "map": {"Three": 3}}, "Four"),
    ],
)  # fmt: skip
def test_a_source_says(html: str, field: Any, expected: Any) -> None:
    assert value(html, field) == expected


LD = """<script type="application/ld+json">{"@graph": [
{"@type": "Organization", "name": "Shop"},
{"@type": ["https://schema.org/Product", "Thing"], "name": "Lamp", "image": ["a.png", "b.png"],
 "offers": [{"price": "1.234", "availability": true}], "weight": {"value": 5}, "sold": 12.5}
]}</script>"""


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({"json": "name"}, "Shop"),
        ({"json": "Product.name"}, "Lamp"),
        ({"json": "offers[0].price"}, "1.234"),
        ({"json": "offers[0].price", "type": "number"}, 1.234),
        ({"json": "Product.offers.price", "type": "number"}, 1.234),
        ({"json": "Product.offers.price", "type": "number", "decimal": ","}, 1234),
        ({"json": "sold", "type": "number"}, 12.5),
        ({"json": "sold"}, "12.5"),
        ({"json": "weight.value", "type": "integer"}, 5),
        ({"json": "offers[0].availability"}, "true"),
        ({"json": "image"}, "a.png"),
        ({"json": "image", "list": True}, ["a.png", "b.png"]),
        ({"json": "image", "type": "url"}, "https://example.org/catalogue/a.png"),
        ({"json": "length(image)", "type": "integer"}, 2),
        ({"json": "offers", "regex": '"price":"([^"]*)'}, "1.234"),
        ({"json": "offers", "type": "table"}, [{"price": "1.234", "availability": True}]),
        ({"json": "nothing"}, None),
        ({"select": "h1", "json": "name"}, "Shop"),
        ({"select": "script@type", "json": "name"}, "application/ld+json"),
    ],
)  # fmt: skip
def test_json_ld_says(field: Any, expected: Any) -> None:
    assert value(LD, field) == expected


def test_a_body_of_json() -> None:
    recipes = compile_recipes(
        [
            {"name": "pages", "fields": {"title": "h1"}},
            {
                "fields": {
                    "price": {"json": "offers.price", "type": "number"},
                    "h": {"select": "h1", "json": "name"},
                    "digits": {"regex": "[0-9]+"},
                }
            },
        ]
    )
    assert recipes.wants_json
    found = recipes.apply_json(b'{"offers": {"price": 5}, "name": "x"}', URL)
    assert found == Extracted(
        {"price": 5, "h": "x", "digits": "5"},
        None,
        (Fill("recipe 2", 1, {"price": 1, "h": 1, "digits": 1}),),
    )
    in_utf_16 = '{"offers": {"price": 5}}'.encode("utf-16")
    again = recipes.apply_json(in_utf_16, URL)
    assert again is not None
    assert again.fields["price"] == 5
    with pytest.raises(Unusable, match="recipe 2: the body is no JSON") as no:
        recipes.apply_json(b"<html>", URL)
    assert no.value.kind == "field_invalid"
    without = compile_recipes([{"fields": {"title": "h1"}}])
    assert not without.wants_json
    assert without.apply_json(b"{}", URL) is None


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (r'{"title": "cut \ud83d", "more": [1]}', "cut ?"),
        (r'{"title": "\ude00 whole \ud83d\ude00"}', "? whole \U0001f600"),
        (r'{"title": "none \\ud83d"}', r"none \ud83d"),
    ],
)
def test_half_a_character_does_not_make_json_of_no_use(
    body: str, title: str
) -> None:
    recipes = compile_recipes([{"fields": {"title": {"json": "title"}}}])
    found = recipes.apply_json(body.encode(), URL)
    assert found is not None
    assert found.fields == {"title": title}


@pytest.mark.parametrize(
    "body",
    [
        r'{"a": "\ud83d", "b": NaN}',
        r'{"a": "\ud83d"',
        '["\\ud83d",' + "[" * 99_999,
    ],
    ids=["NaN", "cut", "deep"],
)
def test_what_is_no_json_has_no_fields(body: str) -> None:
    recipes = compile_recipes([{"fields": {"title": {"json": "title"}}}])
    with pytest.raises(Unusable, match="the body is no JSON") as no:
        recipes.apply_json(body.encode(), URL)
    assert no.value.kind == "field_invalid"


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"json": "to_number(big)", "type": "number"}, "too large"),
        ({"json": "to_number(big)", "type": "integer"}, "too large"),
        ({"json": "to_number('1e999')", "type": "number"}, "too large"),
        ({"json": "to_number('1e999')", "type": "integer"}, "not whole"),
        ({"json": "[[to_number(big)]]", "type": "table"}, "64-bit"),
        ({"json": "[to_number(big)]", "type": "table"}, "no objects or lists"),
        ({"json": "deep", "type": "table"}, "nests too deeply"),
        ({"json": "big", "type": "table"}, "no list"),
        ({"json": "part"}, "it has parts"),
        ({"json": "part", "list": True, "type": "date"}, '\'{"a":[1]}\': it has parts'),
    ],
)  # fmt: skip
def test_what_json_has_does_not_fit(field: Any, reason: str) -> None:
    body = b'{"big": "9999999999999999999999", "part": {"a": [1]}, "deep": ['
    body += b"[" * 40 + b"]" * 40 + b"]}"
    recipes = compile_recipes([{"fields": {"it": field}}])
    with pytest.raises(Unfit) as caught:
        recipes.apply_json(body, URL)
    assert caught.value.kind == "field_invalid"
    assert reason in str(caught.value)


def test_a_number_of_any_size_is_a_text() -> None:
    field = {"json": "to_number('99999999999999999999')"}
    recipes = compile_recipes([{"fields": {"it": field}}])
    found = recipes.apply_json(b"{}", URL)
    assert found is not None
    assert found.fields == {"it": "99999999999999999999"}


# -- which pages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "is_meant"),
    [
        ("", True),
        ([], True),
        ("*/catalogue/*", True),
        (["*/a/*", "*?a=*"], True),
        ("*/catalogue/?a=b", False),
        ("https://example.org/catalogue/1", False),
        ("*/Catalogue/*", False),
    ],
)
def test_a_recipe_matches(match: Any, is_meant: bool) -> None:
    recipes = compile_recipes([{"match": match, "fields": {"a": "p"}}])
    found = recipes.apply(Page(URL, b"<p>x"), URL)
    assert (found is not None) is is_meant


@pytest.mark.parametrize("match", ["*/bücher/*", "http*/b%C3%BCcher/*"])
def test_letters_of_any_language_match_as_urls_have_them(match: str) -> None:
    url = "https://example.org/b%C3%BCcher/1"
    recipes = compile_recipes([{"match": match, "fields": {"a": "p"}}])
    assert recipes.apply(Page(url, b"<p>x"), url) is not None
    assert recipes.apply(Page(URL, b"<p>x"), URL) is None


def test_the_first_of_two_counts_where_it_has_something() -> None:
    found = apply(
        "<h1>x</h1><h2>y</h2><h3>z</h3>",
        {"fields": {"a": "h1", "b": {"select": "h4", "required": True}}},
        {"name": "two", "fields": {"b": "h2", "a": "h2", "c": "h3"}},
    )
    assert found.fields == {"a": "x", "b": "y", "c": "z"}
    assert found.fill == (
        Fill("recipe 1", 1, {"a": 1, "b": 0}),
        Fill("two", 1, {"b": 1, "a": 1, "c": 1}),
    )


# -- items ------------------------------------------------------------------------------------

SHOP = """<p class=all>2 things</p>
<li class=item id=1><h3>Lamp</h3><i>£5</i> <li class=item id=2><h3>Pen</h3><li class=item>"""


def test_items_of_a_page() -> None:
    found = apply(
        SHOP,
        {"fields": {"all": {"select": ".all", "type": "integer"}}},
        {
            "name": "items",
            "each": ".item",
            "fields": {
                "id": "@id",
                "same": ":self@id",
                "name": "h3",
                "price": {"select": "i", "type": "number"},
                "in_it": {"regex": "<h3>(.)"},
            },
        },
    )
    assert found.fields == {"all": 2}
    assert found.items == [
        {"id": "1", "same": "1", "name": "Lamp", "price": 5, "in_it": "L"},
        {"id": "2", "same": "2", "name": "Pen", "price": None, "in_it": "P"},
        {"id": None, "same": None, "name": None, "price": None, "in_it": None},
    ]
    assert found.fill[1] == Fill(
        "items", 3, {"id": 2, "same": 2, "name": 2, "price": 1, "in_it": 2}
    )


def test_items_inside_the_record() -> None:
    each = {"each": ".item", "fields": {"name": "h3", "b": "b"}}
    assert value(SHOP, each)[:1] == [{"name": "Lamp", "b": None}]
    assert value("", each) == []
    lines = {"each": "li", "fields": {"t": ":self"}}
    nested = {"each": "ul", "fields": {"lines": lines}}
    html = "<ul><li>a<li>b</ul><ul></ul>"
    assert value(html, nested) == [
        {"lines": [{"t": "a"}, {"t": "b"}]},
        {"lines": []},
    ]


def test_what_is_below_an_item_is_not_the_item_and_not_outside_of_it() -> None:
    html = "<div class=a>1<div class=a>2</div></div><div>3</div><p>4</p>"
    found = apply(
        html,
        {
            "each": ".a",
            "fields": {
                "inner": {"select": ".a, div", "list": True},
                "first": "div",
                "outside": "p",
                "under": "body div",
            },
        },
    )
    assert found.items == [
        {"inner": ["2"], "first": "2", "outside": None, "under": "2"},
        {"inner": [], "first": None, "outside": None, "under": None},
    ]


# -- failures ---------------------------------------------------------------------------------


def test_a_required_field_that_is_missing() -> None:
    recipe = {
        "name": "books",
        "fields": {"t": "p", "price": {"select": ".price", "required": True}},
    }
    raised = failure("<p>x", recipe)
    assert raised.kind == "field_missing"
    assert str(raised) == (
        "recipe 'books': price is required, but missing (select '.price')"
    )
    assert raised.fill == (Fill("books", 1, {"t": 1, "price": 0}),)
    again = pickle.loads(pickle.dumps(raised))
    assert (again.kind, str(again), again.fill) == (
        raised.kind,
        str(raised),
        raised.fill,
    )


def test_a_value_that_does_not_fit() -> None:
    field = {"select": "p", "type": "number", "required": True}
    raised = failure("<p>sold\x07 out", {"fields": {"price": field}})
    assert raised.kind == "field_invalid"
    assert str(raised) == (
        "recipe 1: price is no number: 'sold\\x07 out': "
        "there is no number in it"
    )


@pytest.mark.parametrize(
    "field",
    [
        {"select": "b", "list": True, "required": True},
        {"select": "table", "type": "table", "required": True},
        {"each": "b", "fields": {"c": ":self"}, "required": True},
    ],
)
def test_an_empty_list_is_missing_too(field: Any) -> None:
    raised = failure("<p>x", {"fields": {"it": field}})
    assert raised.kind == "field_missing"


def test_failures_in_items_say_which() -> None:
    recipe = {"each": "p", "fields": {"n": {"select": "b", "required": True}}}
    raised = failure("<p><b>1</b><p>2<p>3", recipe)
    assert raised.kind == "field_missing"
    assert "items[2].n is required" in str(raised)
    assert str(raised).endswith("(and 1 more)")
    assert raised.fill == (Fill("recipe 1", 3, {"n": 1}),)
    nested = {"fields": {"rows": {**recipe}}}
    assert "recipe 1: rows[1].n is" in str(failure("<p>", nested))


def test_a_list_of_which_one_does_not_fit() -> None:
    field = {"select": "p", "type": "integer", "list": True}
    raised = failure("<p>1<p>2.5", {"fields": {"n": field}})
    assert "n is no integer: '2.5': the number is not whole" in str(raised)


def test_a_page_that_matches_nothing_says_nothing() -> None:
    recipes = compile_recipes([{"match": "*/x/*", "fields": {"a": "p"}}])
    assert recipes.apply(Page(URL, b"<p>x"), URL) is None
