"""`explain` shows what recipes find, of a URL or a file, and suggests selectors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processors.page import Page
from processors.recipes import BadRecipe, compile_recipes
from processors.recipes.trial import try_recipe
from scraper.cli import main
from scraper.cli.explanation import Explanation
from scraper.cli.terminal import shows_colours
from scraper.faulty import FaultyServer, body, page

PRODUCT = (
    "<title>A lamp</title><h1>A lamp</h1><p class=price>£51.77"
    "<p class=stock>many<a href=more.html>more</a>"
)
CATALOGUE = "".join(
    f"<li class=product><h3>Lamp {n}</h3><i class=price>£{n}.50</i>"
    for n in range(12)
)

Explain = Callable[..., dict[str, list[dict[str, Any]]]]


@pytest.fixture
def explain(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Explain:
    """The steps by name, from the JSON."""
    monkeypatch.chdir(tmp_path)

    def explained(*words: str) -> dict[str, list[dict[str, Any]]]:
        assert main(["explain", *words, "--json"]) == 0
        steps: dict[str, list[dict[str, Any]]] = {}
        for step in json.loads(capsys.readouterr().out)["steps"]:
            steps.setdefault(step["step"], []).append(step)
        return steps

    return explained


def written(folder: Path, text: str, name: str = "lamp.html") -> str:
    (folder / name).write_text(text)
    return name


# -- what recipes find --------------------------------------------------------------------------


def test_the_fields_of_a_url(explain: Explain) -> None:
    with FaultyServer({"/": page(PRODUCT)}) as server:
        steps = explain(
            server.url("/"),
            "--select=title=h1",
            "--select=price:number=.price",
            "--select=more:url=a",
        )
        assert steps["recipe"] == [
            {
                "step": "recipe",
                "name": "select",
                "fields": {
                    "title": "A lamp",
                    "price": 51.77,
                    "more": server.url("/more.html"),
                },
            }
        ]
    assert steps["outcome"][0]["state"] == "done"


def test_the_fields_of_a_file(explain: Explain, tmp_path: Path) -> None:
    name = written(tmp_path, PRODUCT)
    steps = explain(name, "--select=title=h1", "--select=more:url=a")
    assert steps["file"][0]["url"] == "http://file.invalid/lamp.html"
    assert steps["page"][0]["title"] == "A lamp"
    assert steps["recipe"][0]["fields"] == {
        "title": "A lamp",
        "more": "http://file.invalid/more.html",
    }
    assert "outcome" not in steps
    steps = explain(name, "--select=more:url=a", "--url=https://a.example/b/c")
    assert steps["recipe"][0]["fields"] == {
        "more": "https://a.example/b/more.html"
    }
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_fails_is_shown_beside_what_does_not(
    explain: Explain, tmp_path: Path
) -> None:
    steps = explain(
        written(tmp_path, PRODUCT),
        "--select=title=h1",
        "--select=stock:integer=.stock",
        "--select=brand=.brand",
        "--select=colour=.colour",
        "--require=brand",
    )
    (recipe,) = steps["recipe"]
    assert recipe["fields"] == {"title": "A lamp", "colour": None}
    assert recipe["failing"].keys() == {"stock", "brand"}
    assert recipe["failing"]["stock"].startswith("field_invalid: stock is no")
    assert recipe["failing"]["brand"].startswith("field_missing: ")
    (outcome,) = steps["outcome"]
    assert outcome["state"] == "failed"
    assert outcome["kind"] in ("field_missing", "field_invalid")


def test_the_items_of_a_file(explain: Explain, tmp_path: Path) -> None:
    steps = explain(
        written(tmp_path, CATALOGUE),
        "--each=.product",
        "--select=name=h3",
        "--select=price:number=.price",
        "--select=no:date=h3",
    )
    (recipe,) = steps["recipe"]
    assert len(recipe["items"]) == 12
    assert recipe["items"][3] == {"name": "Lamp 3", "price": 3.5}
    assert recipe["failing"].keys() == {"no"}


def test_recipes_of_other_pages_are_named(
    explain: Explain, tmp_path: Path
) -> None:
    (tmp_path / "shop.toml").write_text(
        '[[recipe]]\nname = "lamp"\nmatch = "*/lamps/*"\nfields.title = "h1"\n'
        '[[recipe]]\nname = "news"\nmatch = "*/news/*"\nfields.title = "h2"\n'
    )
    name = written(tmp_path, PRODUCT)
    with_recipes = [name, "--config=shop.toml"]
    steps = explain(*with_recipes, "--url=https://a.example/lamps/1")
    assert [each["name"] for each in steps["recipe"]] == ["lamp"]
    assert steps["recipes of other pages"][0]["names"] == ["news"]
    steps = explain(*with_recipes)
    assert "recipe" not in steps
    assert steps["recipes of other pages"][0]["names"] == ["lamp", "news"]


@pytest.mark.parametrize("from_file", [True, False])
def test_a_body_of_json(
    from_file: bool, explain: Explain, tmp_path: Path
) -> None:
    (tmp_path / "api.toml").write_text(
        '[[recipe]]\nfields.left = { json = "stock.left", type = "integer" }\n'
        'fields.title = "h1"\n'
    )
    content = '{"stock": {"left": 7}}'
    if from_file:
        name = written(tmp_path, content, "stock.json")
        steps = explain(name, "--config=api.toml")
    else:
        answer = body(content.encode(), "application/json")
        with FaultyServer({"/": answer}) as server:
            steps = explain(server.url("/"), "--config=api.toml")
    assert steps["recipe"][0]["fields"] == {"left": 7}


def test_a_page_of_the_demo(explain: Explain) -> None:
    steps = explain("--demo", "shop", "--each=.product", "--select=name=h3")
    assert len(steps["recipe"][0]["items"]) == 8
    path = "/shop/inks/slate"
    steps = explain("--demo", "shop", path, "--select=name=h1")
    assert steps["recipe"][0]["fields"] == {"name": "Slate"}


def test_secrets_in_urls_are_not_shown(
    explain: Explain, tmp_path: Path
) -> None:
    name = written(tmp_path, "<a class=login href='/a?token=hush'>in</a>")
    (recipe,) = explain(name, "--select=login:url=.login")["recipe"]
    assert recipe["fields"] == {"login": "http://file.invalid/a?token=***"}


def test_what_is_watched_and_ignored(explain: Explain, tmp_path: Path) -> None:
    steps = explain(
        written(tmp_path, PRODUCT),
        "--watch=.price",
        "--ignore=h1",
        "--ignore=.ads",
    )
    assert steps["page"][0]["watched"] == "£51.77"
    assert steps["watch"][0]["elements"] == {".price": 1}
    assert steps["ignore"][0]["elements"] == {"h1": 1, ".ads": 0}
    assert "recipe" not in steps
    assert "recipes of other pages" not in steps
    name = written(tmp_path, '[[recipe]]\nwatch="h1"\nmatch="*/a"\n', "a.toml")
    page = ["lamp.html", f"--config={name}"]
    assert "watch" in explain(*page, "--url=https://a.example/a")
    assert "watch" not in explain(*page, "--url=https://a.example/b")


# -- selectors for a text -----------------------------------------------------------------------


def test_a_text_has_suggestions_that_can_be_typed(
    explain: Explain, tmp_path: Path
) -> None:
    name = written(tmp_path, PRODUCT)
    (find,) = explain(name, "--find", "51.77")["find"]
    assert find["suggestions"] == [
        {
            "flags": "--select 'price=.price'",
            "select": ".price",
            "name": "price",
            "elements": 1,
            "values": ["£51.77"],
            "type": "text",
        }
    ]
    name = written(tmp_path, CATALOGUE)
    (find,) = explain(name, "--find", "£3.50")["find"]
    assert [each["flags"] for each in find["suggestions"]] == [
        "--each '.product' --select 'price=.price'",
        "--select 'price:text[]=.price'",
    ]


def test_what_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = written(tmp_path, PRODUCT)
    assert main(["explain", str(tmp_path / name), "--find", "nowhere"]) == 0
    assert (
        "  no element of the page as it was sent holds it: a script may, or JSON-LD"
        in capsys.readouterr().out.splitlines()
    )


# -- in a terminal ------------------------------------------------------------------------------


def test_the_text_of_recipes_and_suggestions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / written(tmp_path, CATALOGUE))
    words = ["--each=.product", "--select=price:number=.price"]
    assert main(["explain", path, *words, "--find", "£3.50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("recipe")
    assert lines[at + 1 : at + 4] == [
        "  name: select",
        "  items: 12",
        "    1: price: 0.5",
    ]
    assert "    and 2 more" in lines
    at = lines.index("find")
    assert lines[at + 1 : at + 4] == [
        "  text: £3.50",
        "  --each '.product' --select 'price=.price'",
        "    12 items: £0.50 · £1.50 · £2.50",
    ]


def test_colours_are_for_terminals_and_never_from_a_page() -> None:
    explanation = Explanation()
    explanation.add("recipe", name="a\x1b[5m", failing={"b": "gone"})
    plain = explanation.text()
    assert plain == "recipe\n  name: a\\x1b[5m\n  failing:\n    b: gone"
    assert explanation.text(colour=True) == (
        "\x1b[1mrecipe\x1b[0m\n  name: a\\x1b[5m\n  failing:\n"
        "\x1b[31m    b: gone\x1b[0m"
    )


@pytest.mark.parametrize(
    ("terminal", "variables", "colours"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_shown_where_they_are_wanted(
    terminal: bool,
    variables: dict[str, str],
    colours: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert shows_colours() is colours


# -- what cannot be explained -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["picture.png"],
            "picture.png is image/png: explain takes pages (HTML) and JSON, or a URL",
        ),
        (["https://a.example/", "--url=https://b.example/"], "--url is for a"),
        (["lamb.html", "--select=title=h1"], "no such file: lamb.html"),
        (["lamp.html", "--url=ftp://b"], "--url 'ftp://b' is no URL"),
        (["lamp.html", "--max-body=10"], "lamp.html is larger than --max-body"),
        (["lamp.html", "--select=title=h1["], "--select: title: "),
        (["--demo", "shop", "here"], "a page of the demo is named by its path"),
        (["--demo", "nope"], "no demo site is called nope: there are posters"),
        ([], "explain takes one URL"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, PRODUCT)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert main(["explain", *words]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert f"error: {says}" in shown.err


# -- a recipe by itself -------------------------------------------------------------------------


def test_a_field_that_fails_costs_no_other_one() -> None:
    lamp = Page("https://a.example/", PRODUCT.encode())
    recipe = {
        "name": "lamp",
        "fields": {
            "title": "h1",
            "stock": {"select": ".stock", "type": "integer"},
        },
    }
    trial = try_recipe(recipe, lambda each: each.apply(lamp, lamp.url))
    assert trial is not None
    assert trial.fields == {"title": "A lamp"}
    assert trial.items is None
    assert trial.failing.keys() == {"stock"}
    assert try_recipe(recipe, lambda each: None) is None


def test_fields_by_themselves_are_those_of_the_whole_recipe() -> None:
    inks = Page("https://a.example/", CATALOGUE.encode())
    recipe = {
        "name": "inks",
        "each": ".product",
        "fields": {
            "name": "h3",
            "price": {"select": ".price", "type": "number"},
        },
    }
    whole = compile_recipes([recipe]).apply(inks, inks.url)
    trial = try_recipe(recipe, lambda each: each.apply(inks, inks.url))
    assert whole is not None
    assert trial is not None
    assert trial.items == whole.items
    with pytest.raises(BadRecipe):
        try_recipe({"name": "bad", "fields": {"a": "["}}, lambda each: None)
