"""What `explain` shows of a body: the facts of a record, fields, and where a text stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from scraper.cli.explanation import Explanation
from scraper.config import Config
from scraper.media_types import is_json
from scraper.model import Kind
from scraper.run_folder.recipes import recipes_of
from scraper.workers.fields import redacted_values

if TYPE_CHECKING:
    from processors.page import Page
    from processors.recipes import Extracted, Recipes
    from processors.recipes.suggest import Suggestion

MAX_SHOWN_CHARS = 200  # of a title or a description
PAGE_FACTS = (
    "title",
    "description",
    "canonical",
    "language",
    "charset",
    "robots_meta",
    "watched",
    "cut",
    "data",
)
PICTURE_FACTS = (
    "format",
    "mode",
    "original_width",
    "original_height",
    "frames",
    "data",
)


class Body(Struct, frozen=True):
    """What was received, or read from a file."""

    url: str
    kind: Kind
    type: str
    charset: str | None
    content: bytes


def show_facts(
    explanation: Explanation, kind: Kind, facts: dict[str, Any], seconds: float
) -> None:
    """What a record would hold of a page or a picture; of long lists and texts their size."""
    names = PICTURE_FACTS if kind == "image" else PAGE_FACTS
    shown = {name: _shortened(facts[name]) for name in names if name in facts}
    for name in ("links", "images", "text"):
        if name in facts:
            shown[name] = len(facts[name])
    explanation.add(kind, **shown, seconds=round(seconds, 6))
    for variant in facts.get("processed", ()):
        explanation.add("variant", **variant)


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_SHOWN_CHARS:
        return value[:MAX_SHOWN_CHARS] + "..."
    return value


def show_fields(
    explanation: Explanation, config: Config, body: Body, find: str
) -> None:
    """What each recipe finds in it, field by field; and which selectors fit the text `find`."""
    recipes = recipes_of(config)
    if body.kind == "page":
        from processors.page import Page

        page = Page(body.url, body.content, body.charset)
        _show_recipes(
            explanation, recipes, lambda each: each.apply(page, body.url)
        )
        _show_attention(explanation, recipes, page)
        if find:
            _show_suggestions(explanation, page, find)
    elif body.kind == "file" and is_json(body.type):
        _show_recipes(
            explanation,
            recipes,
            lambda each: each.apply_json(body.content, body.url),
        )


def _show_recipes(
    explanation: Explanation,
    recipes: list[dict[str, Any]],
    apply: Callable[[Recipes], Extracted | None],
) -> None:
    if not recipes:
        return
    from processors.recipes.trial import try_recipe

    others = []
    for recipe in recipes:
        if not recipe["fields"]:
            continue
        trial = try_recipe(recipe, apply)
        if trial is None:
            others.append(recipe["name"])
            continue
        shown: dict[str, Any] = {"name": recipe["name"]}
        if trial.items is not None:
            shown["items"] = redacted_values(trial.items)
        elif trial.fields:
            shown["fields"] = redacted_values(trial.fields)
        if trial.failing:
            shown["failing"] = redacted_values(trial.failing)
        explanation.add("recipe", **shown)
    if others:
        explanation.add("recipes of other pages", names=others)


def _show_attention(
    explanation: Explanation, recipes: list[dict[str, Any]], page: Page
) -> None:
    """How many elements each selector finds of those that are watched and ignored."""
    if not recipes:
        return
    from processors.page.attention import find_all
    from processors.recipes import compile_recipes

    attention = compile_recipes(recipes).attention_of(page.url)
    for key, selectors in attention._asdict().items():
        if selectors:
            found = {css: len(find_all(page.tree, [css])) for css in selectors}
            explanation.add(key, elements=found)


def _show_suggestions(explanation: Explanation, page: Page, text: str) -> None:
    from processors.recipes.suggest import suggest

    suggestions = [
        {
            "flags": _flags_of(each),
            **{
                name: value
                for name, value in each._asdict().items()
                if value != ""
            },
        }
        for each in suggest(page, text)
    ]
    explanation.add("find", text=text, suggestions=redacted_values(suggestions))


def _flags_of(suggestion: Suggestion) -> str:
    """As they are typed."""
    type = "" if suggestion.type == "text" else f":{suggestion.type}"
    if suggestion.each:
        each = f"--each {_quoted(suggestion.each)} "
    else:
        each = ""
        if suggestion.elements > 1:
            type = f":{suggestion.type}[]"
    field = f"{suggestion.name}{type}={suggestion.select}"
    return f"{each}--select {_quoted(field)}"


def _quoted(text: str) -> str:
    """For a shell. No selector that is suggested holds an apostrophe."""
    return f"'{text}'"
