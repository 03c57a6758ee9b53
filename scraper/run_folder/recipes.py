"""The recipes that a configuration asks for, as `processors.recipes` reads them, and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scraper.config import Config, PageSettings
from scraper.config.settings import FollowSettings, RecipeSettings
from scraper.errors import UsageError
from scraper.media_types import is_json
from scraper.text import did_you_mean
from scraper.urls import without_credentials

if TYPE_CHECKING:
    from processors.recipes import Recipes

Recipe = dict[str, Any]
OF_FLAGS = "select"  # what --select, --each, --require, --watch and --ignore are together
OF_FOLLOW = "follow"  # what --follow is


def recipes_of(config: Config) -> list[Recipe]:
    """All of them, in the order in which they apply. Raises UsageError."""
    return [
        *_of_flags(config.page),
        *_follow_of_flags(config.follow),
        *tables_of(config),
    ]


def tables_of(config: Config) -> list[Recipe]:
    """Those of [[recipe]], each with its name, but for what only says an age."""
    tables = []
    for number, each in enumerate(config.recipe, 1):
        found = {
            "each": each.each,
            "fields": dict(each.fields),
            **_attention(each),
            **_leads(each),
        }
        if any(found.values()) or not each.max_age:
            name = _name_of(each, number)
            tables.append({"name": name, "match": list(each.match), **found})
    return tables


def _name_of(recipe: RecipeSettings, number: int) -> str:
    return recipe.name or f"recipe {number}"


def check_recipes(config: Config, place: str = "") -> None:
    """Raises UsageError if one cannot be followed; `place` is where the tables come from."""
    recipes = recipes_of(config)
    if recipes and config.run.save_only:
        raise UsageError(
            "--save-only parses nothing, so a recipe would find nothing: leave out --save-only, "
            "or --select, --watch, --ignore, --follow and [[recipe]]"
        )
    names = {each.name for each in config.recipe}
    if config.page.select and OF_FLAGS in names:
        raise UsageError(
            f"recipe {OF_FLAGS!r}: --select is called so: give it another name"
        )
    if config.follow.follow and OF_FOLLOW in names:
        raise UsageError(
            f"recipe {OF_FOLLOW!r}: --follow is called so: give it another name"
        )
    _compile(recipes, place)


def patterns_of(config: Config) -> list[str]:
    """Of each [[recipe]], the regular expression that its URLs fit."""
    from processors.recipes import BadRecipe, url_pattern

    try:
        return [
            url_pattern(_name_of(each, number), each.match)
            for number, each in enumerate(config.recipe, 1)
        ]
    except BadRecipe as error:
        raise UsageError(str(error)) from None


def json_wanted(config: Config) -> Callable[[str, str], bool]:
    """Is a body of this type and URL JSON in which a recipe looks for something?"""
    recipes = _compile(recipes_of(config))
    if recipes is None or not recipes.wants_json:
        return lambda type, url: False
    return lambda type, url: (
        is_json(type) and recipes.reads_json_of(without_credentials(url))
    )


def _compile(recipes: list[Recipe], place: str = "") -> Recipes | None:
    """Ready to be applied. Without any of them the parsers of pages are not loaded."""
    if not recipes:
        return None
    from processors.recipes import BadRecipe, compile_recipes

    try:
        return compile_recipes(recipes)
    except BadRecipe as error:
        raise UsageError(_with_its_place(str(error), place)) from None


def _with_its_place(message: str, place: str) -> str:
    """What is wrong, and which flag or file says it."""
    message = message.replace(f"recipe {OF_FOLLOW!r}: follow ", "--follow ", 1)
    of_flags = f"recipe {OF_FLAGS!r}: "
    if message.startswith("--follow "):
        return message
    if not message.startswith(of_flags):
        return f"{place}: {message}" if place else message
    what = message.removeprefix(of_flags)
    if what.startswith(("each ", "watch ", "ignore ")):
        return f"--{what}"
    return f"--select: {what.removeprefix('fields.')}"


# -- the flags ---------------------------------------------------------------------------------


def _of_flags(page: PageSettings) -> list[Recipe]:
    """The recipe that they are; none if nothing is selected."""
    fields = _selected(page.select)
    if page.each and not fields:
        raise UsageError(
            f"--each {page.each!r} has no fields: give some --select NAME=SELECTOR"
        )
    for name in page.require:
        if name not in fields:
            hint = did_you_mean(name, fields)
            raise UsageError(f"--require: {name!r} is not selected{hint}")
        fields[name]["required"] = True
    attention = _attention(page)
    if not fields and not attention:
        return []
    flags = {"name": OF_FLAGS, "each": page.each, "fields": fields}
    return [flags | attention]


def _follow_of_flags(follow: FollowSettings) -> list[Recipe]:
    """What --follow says of all pages."""
    if not follow.follow:
        return []
    selectors = list(follow.follow)
    return [{"name": OF_FOLLOW, "each": "", "fields": {}, "follow": selectors}]


def _attention(said: PageSettings | RecipeSettings) -> Recipe:
    """Its selectors of what counts, if there are any."""
    attention = {"watch": list(said.watch), "ignore": list(said.ignore)}
    return {key: selectors for key, selectors in attention.items() if selectors}


def _leads(said: RecipeSettings) -> Recipe:
    """Its selectors of where pages lead, if there are any."""
    leads = {"follow": list(said.follow), "pages": list(said.pages)}
    return {key: selectors for key, selectors in leads.items() if selectors}


def _selected(texts: tuple[str, ...]) -> dict[str, Recipe]:
    """By its name, each field that --select names."""
    if not texts:
        return {}
    from processors.recipes import BadRecipe, parse_select

    fields: dict[str, Recipe] = {}
    for text in texts:
        try:
            name, field = parse_select(text)
        except BadRecipe as error:
            raise UsageError(_with_its_place(str(error), "")) from None
        if name in fields:
            raise UsageError(f"--select: {name!r} is selected twice")
        fields[name] = field
    return fields
