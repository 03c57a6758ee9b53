"""Recipes of a configuration: what workers are given, and what is refused before any request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper.config import Config, configure, load
from scraper.errors import UsageError
from scraper.run_folder.options import (
    describe_changes,
    process_hashes,
    shaping_options,
)
from scraper.run_folder.recipes import check_recipes, recipes_of
from tests.conftest import Scrape

BOOKS = {"name": "books", "fields": {"price": {"select": ".price"}}}


def configured(**keys: Any) -> Config:
    return load(keys, environment={})[0]


# -- what workers are given -------------------------------------------------------------------


def test_without_any_there_are_none() -> None:
    assert recipes_of(configured()) == []
    check_recipes(configured())


def test_the_flags_are_one_recipe_which_comes_first() -> None:
    config = configured(
        select=["name=h3, h4", "links:url[]=a@href"],
        each=".product",
        require="name",
        recipe=[{"match": "*/a/*", "fields": {"a": "b"}}, BOOKS],
    )
    of_flags, first, second = recipes_of(config)
    assert of_flags == {
        "name": "select",
        "each": ".product",
        "fields": {
            "name": {"select": "h3, h4", "required": True},
            "links": {"select": "a@href", "type": "url", "list": True},
        },
    }
    assert first == {
        "name": "recipe 1",
        "match": ["*/a/*"],
        "each": "",
        "fields": {"a": "b"},
    }
    assert second["name"] == "books"
    check_recipes(config)


def test_what_is_watched_and_ignored_needs_no_fields() -> None:
    config = configured(
        ignore=[".ads"],
        recipe=[{"match": "*/a/*", "watch": ".price"}],
    )
    assert recipes_of(config) == [
        {"name": "select", "each": "", "fields": {}, "ignore": [".ads"]},
        {
            "name": "recipe 1",
            "match": ["*/a/*"],
            "each": "",
            "fields": {},
            "watch": [".price"],
        },
    ]
    check_recipes(config)
    others = process_hashes(configured())
    assert process_hashes(config)["page"] != others["page"]


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"select": ["title"]}, "--select: 'title' is not NAME=SELECTOR, such as"),
        ({"select": ["a:nuber=b"]}, "--select: a: there is no type 'nuber'; did you mean"),
        ({"select": ["a=b["]}, "--select: a: select 'b[' is no CSS selector"),
        ({"select": ["a=b", "a=c"]}, "--select: 'a' is selected twice"),
        ({"select": ["a=b"], "each": "c["}, "--each 'c[' is no CSS selector"),
        ({"each": "li"}, "--each 'li' has no fields: give some --select"),
        ({"require": ["a"]}, "--require: 'a' is not selected"),
        (
            {"select": ["price=b"], "require": ["prise"]},
            "--require: 'prise' is not selected; did you mean price?",
        ),
        ({"select": ["a=b"], "save_only": True}, "--save-only parses nothing"),
        ({"recipe": [BOOKS], "save_only": True}, "--save-only parses nothing"),
        ({"recipe": [{"fields": {}}]}, "recipe 1: there are no fields in it"),
        ({"watch": ["b["]}, "--watch 'b[' is no CSS selector"),
        ({"ignore": ["a@href"]}, "--ignore names elements, not an attribute"),
        ({"recipe": [{"watch": ["b["]}]}, "recipe 1: watch 'b[' is no CSS"),
        ({"recipe": [{"ignore": [""]}]}, "recipe 1: ignore '' names no element"),
        (
            {"recipe": [{"watch": [".a"], "each": "b"}]},
            "recipe 1: there are no fields in it",
        ),
        ({"watch": [".a"], "save_only": True}, "--save-only parses nothing"),
        (
            {"recipe": [BOOKS, {"fields": {"a": {"select": "b["}}}]},
            "recipe 2: fields.a: select 'b[' is no CSS selector",
        ),
        (
            {"recipe": [BOOKS, BOOKS]},
            "recipe 'books': there is another recipe of this name",
        ),
        (
            {"select": ["a=b"], "recipe": [{**BOOKS, "name": "select"}]},
            "recipe 'select': --select is called so: give it another name",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused(
    keys: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_recipes(configured(**keys))
    assert str(caught.value).startswith(says)


def test_the_message_names_the_file_of_the_recipe(
    scrape: Scrape, tmp_path: Path
) -> None:
    """And nothing is asked, nor is a folder made."""
    (tmp_path / "scraper.toml").write_text(
        '[[recipe]]\nname = "books"\nfields.price = { select = ".a", typ = "number" }\n'
    )
    done = scrape.inside("http://127.0.0.1:9/")
    assert done.code == 2
    assert (
        "error: scraper.toml: recipe 'books': fields.price: there is no key 'typ'; "
        "did you mean 'type'?" in done.stderr
    )
    assert not done.folder.exists()


def test_a_script_is_refused_when_its_run_begins(tmp_path: Path) -> None:
    import scraper

    config = configure(dir=str(tmp_path / "run"), select=["a=b["])
    with pytest.raises(UsageError, match=r"^--select: a: select 'b\['"):
        scraper.run(["http://127.0.0.1:9/"], config)
    with pytest.raises(UsageError, match=r"^--select: a: select 'b\['"):
        scraper.Session(select=["a=b["])
    assert not (tmp_path / "run").exists()


# -- other options ----------------------------------------------------------------------------


def options(*recipes: dict[str, Any]) -> dict[str, Any]:
    return shaping_options(configured(recipe=recipes))


def test_changes_name_the_recipes_that_differ() -> None:
    news = {"name": "news", "fields": {"title": "h1"}}
    shop = {**BOOKS, "match": "*/shop/*"}
    assert describe_changes([options(BOOKS)], options(BOOKS)) == ""
    assert (
        describe_changes([options(BOOKS, news)], options(shop, news))
        == "recipes have changed: books"
    )
    assert (
        describe_changes([options(), options(BOOKS)], options(BOOKS, news))
        == "recipes have changed: books, news"
    )
    assert (
        describe_changes([options(BOOKS, news)], options(news, BOOKS))
        == "recipes have changed: news, books"
    )


def test_with_another_recipe_pages_and_json_are_processed_again_and_pictures_not() -> (
    None
):
    before = process_hashes(configured())
    now = process_hashes(configured(recipe=[BOOKS]))
    assert {kind for kind in now if now[kind] != before[kind]} == {
        "page",
        "file",
    }
    assert process_hashes(configured(select=["a=b"]))["page"] != before["page"]
