"""What is wrong with a recipe is said before it is used: recipe, field, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from processors.recipes import BadRecipe, compile_recipes, parse_select


def complaint(*recipes: Any) -> str:
    with pytest.raises(BadRecipe) as caught:
        compile_recipes(recipes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("h1", "recipe 1: a recipe is a table, not 'h1'"),
        ({}, "recipe 1: there are no fields in it"),
        ({"name": 5}, "name is text, not 5"),
        ({"field": {}}, "there is no key 'field'; did you mean 'fields'?"),
        ({"name": "a", "match": 5}, "recipe 'a': match is a text or a list of texts, not 5"),
        ({"match": "/a/*"}, "match '/a/*' fits no URL; write */a/*"),
        ({"match": ["*", "example.org/a"]}, "match 'example.org/a' fits no URL"),
        ({"match": [5]}, "match is a text or a list of texts, not [5]"),
        ({"each": 5}, "each is text, not 5"),
        ({"each": "..[", "fields": {"a": "b"}}, "each '..[' is no CSS selector"),
        ({"each": "a@href", "fields": {"a": "b"}}, "each names elements, not an attribute"),
        ({"each": ":self", "fields": {"a": "b"}}, "each ':self' names no element"),
        ({"each": "a"}, "there are no fields in it"),
        ({"fields": []}, "fields is a table, not []"),
    ],
)  # fmt: skip
def test_a_recipe_is_wrong(recipe: Any, message: str) -> None:
    assert message in complaint(recipe)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (5, "a field is a selector or a table, not 5"),
        ({}, "nothing says where it is: select, json or regex"),
        ({"json": ""}, "nothing says where it is"),
        ({"regex": ""}, "nothing says where it is"),
        ({"selct": "a"}, "there is no key 'selct'; did you mean 'select'?"),
        ({"xyz": "a"}, "there is no key 'xyz'; there are select, json, regex, type"),
        ({"select": "a", "type": "numbr"}, "there is no type 'numbr'; did you mean 'number'?"),
        ({"select": "a", "type": "x"}, "there is no type 'x'; there are text, html, number"),
        ({"select": "a", "type": ["text"]}, "type is text, not ['text']"),
        ({"select": "a", "required": "yes"}, "required is true or false, not 'yes'"),
        ({"select": "a", "list": 1}, "list is true or false, not 1"),
        ({"select": ["a"]}, "select is text, not ['a']"),
        ("..[", "select '..[' is no CSS selector"),
        ("h1::text", "is no CSS selector; leave out ::text: the text is what is taken"),
        ("a::attr(href)", "is no CSS selector; an attribute is written a@href"),
        ("p:contains(x)", 'write :lexbor-contains("text" i)'),
        ("> a", "it cannot begin with >: name what stands before it, as in .item > a"),
        ("//h1", "this is CSS, not XPath"),
        ("a@href b", "an attribute stands at the end: a@href"),
        ("", "select '' names no element"),
        ("@href", "select '@href' names no element; only in an item is there one"),
        ({"json": "a["}, "json 'a[' is no JMESPath"),
        ({"json": "@type"}, "stands in quotes: '\"@type\"'"),
        ({"json": "foo(a)"}, "json 'foo(a)' is no JMESPath: Unknown function: foo()"),
        ({"json": "(" * 500}, "is no JMESPath"),
        ({"json": "a" * 501}, "json has more than 500 characters"),
        ({"json": "a || [&b]"}, "json 'a || [&b]' is no JMESPath: & stands outside of a function"),
        ({"regex": "("}, "regex '(' is no regular expression: missing )"),
        ({"select": "a", "map": 5}, "map is a table, not 5"),
        ({"select": "a", "map": {"x": []}}, "map leads to texts, not to []"),
        ({"select": "a", "decimal": ","}, "decimal says nothing of the type 'text'"),
        ({"select": "a", "type": "number", "decimal": "x"}, "decimal is '.' or ',', not 'x'"),
        ({"select": "a", "type": "number", "format": "%d"}, "format says nothing of the type"),
        ({"select": "a", "type": "date", "format": "%d.%m."}, "does not say year, month and day"),
        ({"select": "a", "type": "date", "format": "%!"}, "is no date format"),
        ({"select": "a", "type": "date", "language": "xx"}, "the language 'xx' is not known"),
        ({"regex": "a", "type": "table"}, "regex says nothing of a table"),
        ({"type": "table"}, "a table needs select or json"),
        ({"select": "a@b", "type": "table"}, "a table is an element, not an attribute"),
        ({"each": "a", "select": "b"}, "there is no key 'select'"),
        ({"each": "a"}, "there are no fields in it"),
        ({"fields": {"a": "b"}}, "each '' names no element"),
        ({"each": "a", "fields": {"b": "["}}, "fields.price.fields.b: select '[' is no"),
    ],
)  # fmt: skip
def test_a_field_is_wrong(field: Any, message: str) -> None:
    said = complaint({"name": "books", "fields": {"price": field}})
    assert said.startswith("recipe 'books': fields.price")
    assert message in said


@pytest.mark.parametrize(
    "name", ["", "a.b", "a,b", " a", "a\n", "a=b", "a" * 101]
)
def test_a_name_can_be_written_anywhere(name: str) -> None:
    assert "a name has no" in complaint({"fields": {name: "p"}})


def test_names_of_recipes_are_distinct() -> None:
    recipe = {"name": "a", "fields": {"b": "c"}}
    assert "there is another recipe of this name" in complaint(recipe, recipe)
    compile_recipes([{"fields": {"b": "c"}}, {"fields": {"b": "c"}}])


# -- in one line ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title=h1", ("title", {"select": "h1"})),
        ("link=a@href", ("link", {"select": "a@href"})),
        ("x = a[b=c], d ", ("x", {"select": "a[b=c], d"})),
        ("price:number=.p", ("price", {"select": ".p", "type": "number"})),
        ("rows:table=table", ("rows", {"select": "table", "type": "table"})),
        ("tags[]=.tag", ("tags", {"select": ".tag", "list": True})),
        ("price : number = .p", ("price", {"select": ".p", "type": "number"})),
        ("a:text[]=p:is(b)", ("a", {"select": "p:is(b)", "type": "text", "list": True})),
    ],
)  # fmt: skip
def test_a_field_in_one_line(text: str, expected: Any) -> None:
    assert parse_select(text) == expected
    name, field = expected
    compile_recipes([{"fields": {name: field}}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h1", "'h1' is not NAME=SELECTOR, such as title=h1"),
        ("=h1", "is not NAME=SELECTOR"),
        ("a[=h1", "is not NAME=SELECTOR"),
        ("a:numer=h1", "a: there is no type 'numer'; did you mean 'number'?"),
        ("a:=h1", "a: there is no type ''"),
    ],
)
def test_what_is_no_field_in_one_line(text: str, message: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        compile_recipes([{"fields": dict([parse_select(text)])}])
    assert message in str(caught.value)
