"""What recipes find in a page or in a body of JSON, fit for its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from scraper.redaction import redacted

if TYPE_CHECKING:
    from processors import Unusable
    from processors.page import Page
    from processors.page.attention import Attention
    from processors.page.follow.leads import LeadSelectors
    from processors.recipes import Extracted, Fill, Recipes


class Found(NamedTuple):
    """What the recipes that match have found."""

    facts: dict[str, Any]
    """`cut`, `fields` and `items` of the record; none if no recipe matches."""
    fill: str = ""
    """How many had which field, as `outcomes/fills.py` reads it."""
    error: Unusable | None = None
    """What is missing or does not fit; then there are no facts."""


NOTHING = Found({})


class FieldReader:
    """Applies recipes, which are compiled once."""

    def __init__(self, recipes: Sequence[Mapping[str, Any]]) -> None:
        self._recipes: Recipes | None = None
        if recipes:  # else their parsers are not needed
            from processors.recipes import compile_recipes

            self._recipes = compile_recipes(recipes)

    def attention_of(self, url: str) -> Attention:
        """What they watch and ignore in a page."""
        from processors.page.attention import EVERYTHING

        if self._recipes is None:
            return EVERYTHING
        return self._recipes.attention_of(url)

    def leads_of(self, url: str) -> LeadSelectors:
        """Where they say that a page leads."""
        from processors.page.follow.leads import LeadSelectors

        if self._recipes is None:
            return LeadSelectors()
        return self._recipes.leads_of(url)

    def read_page(self, page: Page, url: str) -> Found:
        """What they find in a page."""
        if self._recipes is None:
            return NOTHING
        return _read(partial(self._recipes.apply, page, url))

    def read_json(self, body: bytes, url: str) -> Found:
        """What they find in a body that is called JSON."""
        if self._recipes is None:
            return NOTHING
        return _read(partial(self._recipes.apply_json, body, url))


def _read(apply: Callable[[], Extracted | None]) -> Found:
    from processors import Unusable

    try:
        found = apply()
    except Unusable as error:
        return Found({}, _encoded(getattr(error, "fill", ())), error)
    if found is None:
        return NOTHING
    facts = {"cut": list(found.cut), "fields": redacted_values(found.fields)}
    if found.items is not None:
        facts["items"] = redacted_values(found.items)
    return Found(facts, _encoded(found.fill))


def _encoded(fill: Sequence[Fill]) -> str:
    return orjson.dumps([list(each) for each in fill]).decode() if fill else ""


def redacted_values(value: Any) -> Any:
    """Plain data without what URLs in it hide from records.

    The space keeps an address of mail, which is wanted as it is, from being read as a URL's name
    and password.
    """
    if isinstance(value, str):
        return redacted(f" {value}")[1:]
    if isinstance(value, list):
        return [redacted_values(each) for each in value]
    if isinstance(value, dict):
        return {name: redacted_values(each) for name, each in value.items()}
    return value
