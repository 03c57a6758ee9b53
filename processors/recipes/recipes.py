"""Recipes, applied to one page or body after the other."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from processors.page import Page
from processors.page.attention import Attention
from processors.page.follow.leads import LeadSelectors
from processors.recipes.checks import recipe_text
from processors.recipes.extracted import Extracted, Fill, Unfit
from processors.recipes.fields import Field, Items, is_empty, read_field
from processors.recipes.json_paths import JsonBody
from processors.recipes.scope import Complaint, Origin, Scope


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is wanted of the pages that match."""

    name: str
    match: re.Pattern[str] | None  # None: all pages
    items: Items | None  # what it wants of each element
    fields: tuple[Field, ...]  # what it wants of the page
    attention: Attention  # what it says of the rest
    leads: LeadSelectors  # where its pages lead

    @property
    def reads_json(self) -> bool:
        """Is it also for bodies of JSON?"""
        return any(field.reads_json for field in self.fields)

    @property
    def finds_anything(self) -> bool:
        """Has it fields?"""
        return bool(self.items or self.fields)

    def matches(self, url: str) -> bool:
        """Is it for the page at this URL?"""
        return self.match is None or self.match.fullmatch(url) is not None

    @property
    def prefix(self) -> str:
        """How messages begin."""
        return f"{recipe_text(self.name)}: "


class Recipes:
    """Checked recipes, ready to be applied."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self._recipes = recipes

    @property
    def wants_json(self) -> bool:
        """Is one of them for bodies of JSON?"""
        return any(recipe.reads_json for recipe in self._recipes)

    def apply(self, page: Page, url: str) -> Extracted | None:
        """What they find in a page; None if none of them matches its URL.

        Raises Unfit: `field_missing` if a required field is empty, `field_invalid` if a value
        does not fit its type, and what reading the page raises.
        """
        matching = self._matching(url)
        if not matching:
            return None
        origin = Origin(page.url, page)
        top = page.tree.root
        return _extract(matching, Scope(origin, top, page=page))

    def apply_json(self, body: bytes, url: str) -> Extracted | None:
        """The same of a body of JSON, by the recipes that have a path into JSON."""
        matching = [each for each in self._matching(url) if each.reads_json]
        if not matching:
            return None
        try:
            read = JsonBody(body)
        except ValueError as error:
            message = f"{matching[0].prefix}the body is no JSON: {error}"
            raise Unfit("field_invalid", message) from error
        try:
            return _extract(matching, Scope(Origin(url), None, body=read))
        except RecursionError:
            message = f"{matching[0].prefix}the body nests too deeply"
            raise Unfit("field_invalid", message) from None

    def attention_of(self, url: str) -> Attention:
        """What they watch and ignore in a page, all that match together."""
        said = [
            recipe.attention for recipe in self._recipes if recipe.matches(url)
        ]
        return Attention(
            tuple(css for each in said for css in each.watch),
            tuple(css for each in said for css in each.ignore),
        )

    def leads_of(self, url: str) -> LeadSelectors:
        """Where they say that a page leads, all that match together."""
        said = [recipe.leads for recipe in self._recipes if recipe.matches(url)]
        return LeadSelectors(
            tuple(css for each in said for css in each.follow),
            tuple(css for each in said for css in each.pages),
        )

    def reads_json_of(self, url: str) -> bool:
        """Does one of them look into a body of JSON from there?"""
        return any(recipe.reads_json for recipe in self._matching(url))

    def _matching(self, url: str) -> list[Recipe]:
        return [
            recipe
            for recipe in self._recipes
            if recipe.finds_anything and recipe.matches(url)
        ]


def _extract(recipes: Iterable[Recipe], scope: Scope) -> Extracted:
    fields: dict[str, Any] = {}
    missing: dict[str, Complaint] = {}
    items: list[dict[str, Any]] | None = None
    fill = []
    for recipe in recipes:
        if recipe.items is None:
            found = _read_page(recipe, scope, fields, missing)
            fill.append(_fill_of(recipe.name, recipe.fields, [found]))
        else:
            more = _read_items(recipe, recipe.items, scope)
            fill.append(_fill_of(recipe.name, recipe.items.fields, more))
            items = [*(items or ()), *more]
    for complaint in missing.values():
        scope.origin.complaints.append(complaint)
    _raise_complaints(scope.origin.complaints, tuple(fill))
    return Extracted(
        fields, items, tuple(fill), tuple(sorted(scope.origin.cut))
    )


def _read_page(
    recipe: Recipe,
    scope: Scope,
    fields: dict[str, Any],
    missing: dict[str, Complaint],
) -> dict[str, Any]:
    """What this recipe finds. What an earlier one has found counts, where it was something."""
    found = {}
    for field in recipe.fields:
        value, complaint = read_field(field, scope, recipe.prefix)
        found[field.name] = value
        if is_empty(fields.get(field.name)):
            fields[field.name] = value
        if not is_empty(fields[field.name]):
            missing.pop(field.name, None)
        elif complaint:
            missing.setdefault(field.name, complaint)
    return found


def _read_items(
    recipe: Recipe, items: Items, scope: Scope
) -> list[dict[str, Any]]:
    return items.read(scope.for_items(), recipe.prefix)


def _fill_of(
    name: str, fields: Sequence[Field], found: Sequence[dict[str, Any]]
) -> Fill:
    filled = {
        field.name: sum(not is_empty(each[field.name]) for each in found)
        for field in fields
    }
    return Fill(name, len(found), filled)


def _raise_complaints(
    complaints: Sequence[Complaint], fill: tuple[Fill, ...]
) -> None:
    if not complaints:
        return
    first = complaints[0]
    others = len(complaints) - 1
    more = f" (and {others:,} more)" if others else ""
    raise Unfit(first.kind, first.message + more, fill)
