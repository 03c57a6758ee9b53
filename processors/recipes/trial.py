"""A recipe tried on one page or body, field by field: what each finds, or why it finds nothing."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from processors import Unusable
from processors.recipes.checks import recipe_text
from processors.recipes.compile import compile_recipes
from processors.recipes.extracted import Extracted
from processors.recipes.recipes import Recipes


class Trial(NamedTuple):
    """What a recipe that matches comes to. A field that fails costs no other one."""

    fields: dict[str, Any]
    items: list[dict[str, Any]] | None
    """None if it has no `each`, or all of its fields fail."""
    failing: dict[str, str]
    """By field, what is missing or does not fit."""


def try_recipe(
    recipe: Mapping[str, Any],
    apply: Callable[[Recipes], Extracted | None],
) -> Trial | None:
    """Apply each field of a recipe by itself; None if the recipe does not match.

    `apply` applies recipes to what there is. Raises BadRecipe.
    """
    fields: dict[str, Any] = {}
    items: list[dict[str, Any]] | None = None
    failing: dict[str, str] = {}
    matches = False
    for name, field in recipe["fields"].items():
        alone = compile_recipes([{**recipe, "fields": {name: field}}])
        try:
            extracted = apply(alone)
        except Unusable as unusable:
            kind, message, *_ = unusable.args
            said = message.removeprefix(f"{recipe_text(recipe['name'])}: ")
            failing[name] = f"{kind}: {said}"
            continue
        if extracted is None:
            continue
        matches = True
        if extracted.items is None:
            fields |= extracted.fields
        else:
            items = items or [{} for _ in extracted.items]
            for item, found in zip(items, extracted.items, strict=True):
                item |= found
    return Trial(fields, items, failing) if matches or failing else None
