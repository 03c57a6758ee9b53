"""docs/recipes.md is true: its examples give what stands below them, its tables what they say."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, NamedTuple

import pytest

from processors.page import Page
from processors.recipes import compile_recipes
from processors.recipes.amounts import read_number
from processors.recipes.dates import read_date
from tests.conftest import PROJECT

TEXT = (PROJECT / "docs" / "recipes.md").read_text()
URL = "https://example.org/catalogue/lamp_1/index.html"


def blocks(word: str) -> list[str]:
    """The blocks below this mark."""
    pattern = rf"^<!-- {word} -->\n```\w+\n(.*?)^```$"
    return re.findall(pattern, TEXT, re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    recipe: str
    gives: Any


(PAGE,) = blocks("page")
EXAMPLES = [
    Example(recipe, json.loads(gives))
    for recipe, gives in zip(
        blocks("recipe"), blocks("gives(?: items)?"), strict=True
    )
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.recipe[:20])
def test_an_example_gives_what_stands_below_it(example: Example) -> None:
    said = tomllib.loads(f"[[recipe]]\n{example.recipe}")["recipe"]
    found = compile_recipes(said).apply(Page(URL, PAGE.encode()), URL)
    assert found is not None
    if isinstance(example.gives, list):
        assert found.items == example.gives
    else:
        assert found.fields == example.gives


def test_there_is_an_example_of_each_kind() -> None:
    assert len(EXAMPLES) == 6
    keys = (
        "select",
        "json",
        "regex",
        "type",
        "list",
        "required",
        "map",
        "each",
    )
    written = "".join(example.recipe for example in EXAMPLES)
    assert [key for key in keys if not re.search(rf"\b{key} =", written)] == []


def rows(heading: str) -> list[list[str]]:
    below = TEXT.partition(f"### {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in below.splitlines() if line.startswith("| `")]
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in lines
    ]


@pytest.mark.parametrize(("text", "number"), rows("Numbers"))
def test_a_number_of_the_table(text: str, number: str) -> None:
    assert read_number(text, None) == float(number)


@pytest.mark.parametrize(("text", "language", "found"), rows("Dates"))
def test_a_date_of_the_table(text: str, language: str, found: str) -> None:
    known = None if language == "any" else language
    assert read_date(text, known, None) == found
