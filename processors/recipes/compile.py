"""Recipes as they stand in TOML -> recipes that are checked and ready."""

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from processors.page.attention import EVERYTHING, Attention
from processors.page.follow.globs import may_fit, pattern_of
from processors.page.follow.leads import REL_NEXT, LeadSelectors
from processors.recipes.checks import Place, hint
from processors.recipes.dates import check_format, knows_language
from processors.recipes.fields import Field, Items, Table, Value
from processors.recipes.json_paths import JsonPath
from processors.recipes.recipes import Recipe, Recipes
from processors.recipes.selectors import Selector, parse_selector
from processors.recipes.sources import (
    Elements,
    Everything,
    JsonValues,
    Source,
)
from processors.recipes.values import TABLE, TYPES, Manner, Type

_Given = Mapping[str, Any]
_RECIPE_KEYS: Final = (
    "name",
    "match",
    "each",
    "fields",
    "watch",
    "ignore",
    "follow",
    "pages",
)
_ITEMS_KEYS: Final = ("each", "fields", "required")
_SOURCE_KEYS: Final = ("select", "json", "regex")
_MANNER_KEYS: Final = ("decimal", "format", "language")
_VALUE_KEYS: Final = (
    *_SOURCE_KEYS,
    "type",
    "list",
    "required",
    "map",
    *_MANNER_KEYS,
)
_NO_NAME: Final = re.compile(r"""[\x00-\x1f\x7f.,:=\[\]{}"']|^\s|\s$""")
MAX_NAME_CHARS: Final = 100


def compile_recipes(recipes: Sequence[_Given]) -> Recipes:
    """Check them; raises BadRecipe for the first thing that is wrong."""
    ready: dict[str, Recipe] = {}
    for number, given in enumerate(recipes, 1):
        place = Place(f"recipe {number}")
        if not isinstance(given, Mapping):
            place.fail(f"a recipe is a table, not {given!r}")
        place = Place(place.read(given, "name", "") or place.recipe)
        if place.recipe in ready:
            place.fail("there is another recipe of this name")
        ready[place.recipe] = _recipe_of(given, place)
    return Recipes(tuple(ready.values()))


def url_pattern(name: str, match: str | Sequence[str]) -> str:
    """The regular expression that the URLs of a recipe fit. Raises BadRecipe."""
    found = _match_of({"match": match}, Place(name))
    return found.pattern if found else r"(?s:.*)"


def _recipe_of(given: _Given, place: Place) -> Recipe:
    place.check_keys(given, _RECIPE_KEYS)
    match = _match_of(given, place)
    each = place.read(given, "each", "")
    attention = Attention(
        _selectors_of(given, place, "watch"),
        _selectors_of(given, place, "ignore"),
    )
    leads = LeadSelectors(
        _selectors_of(given, place, "follow"),
        _selectors_of(given, place, "pages"),
    )
    says_more = attention != EVERYTHING or any(leads)
    if says_more and not each and not given.get("fields"):
        return Recipe(place.recipe, match, None, (), attention, leads)
    fields = _fields_of(given, place, in_item=bool(each))
    if not each:
        return Recipe(place.recipe, match, None, fields, attention, leads)
    items = Items("items", _each_of(given, place, in_item=False), fields, False)
    return Recipe(place.recipe, match, items, (), attention, leads)


def _selectors_of(given: _Given, place: Place, key: str) -> tuple[str, ...]:
    """Those of a key that names elements: a text, or a list of texts."""
    selectors = []
    for text in _texts_of(given, place, key):
        if key == "follow" and text.strip() == REL_NEXT:
            selectors.append(REL_NEXT)
            continue
        selector = parse_selector(text, place, in_item=False, key=key)
        if selector.attribute is not None:
            place.fail(f"{key} names elements, not an attribute of them")
        selectors.append(selector.css)
    return tuple(selectors)


def _texts_of(given: _Given, place: Place, key: str) -> Sequence[str]:
    said = given.get(key) or []
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, list | tuple) or not all(
        isinstance(each, str) for each in texts
    ):
        place.fail(f"{key} is a text or a list of texts, not {said!r}")
    return texts


def _match_of(given: _Given, place: Place) -> re.Pattern[str] | None:
    globs = _texts_of(given, place, "match")
    for glob in globs:
        if not may_fit(glob):
            place.fail(f"match {glob!r} fits no URL; write *{glob}")
    return pattern_of(globs)


def _each_of(given: _Given, place: Place, *, in_item: bool) -> Selector:
    selector = parse_selector(
        place.read(given, "each", ""), place, in_item=in_item, key="each"
    )
    if selector.attribute is not None:
        place.fail("each names elements, not an attribute of them")
    return selector


def _fields_of(
    given: _Given, place: Place, *, in_item: bool
) -> tuple[Field, ...]:
    fields = place.read(given, "fields", {})
    if not fields:
        place.fail("there are no fields in it")
    place = place.below("fields")
    return tuple(
        _field_of(name, field, place.below(name), in_item=in_item)
        for name, field in fields.items()
    )


def _field_of(name: str, given: Any, place: Place, *, in_item: bool) -> Field:
    _check_name(name, place)
    if isinstance(given, str):
        given = {"select": given}
    if not isinstance(given, Mapping):
        place.fail(f"a field is a selector or a table, not {given!r}")
    if "each" in given or "fields" in given:
        return _items_of(name, given, place, in_item=in_item)
    place.check_keys(given, _VALUE_KEYS)
    type_name = place.read(given, "type", "text")
    if type_name == TABLE:
        return _table_of(name, given, place, in_item=in_item)
    if type_name not in TYPES:
        known = (*TYPES, TABLE)
        place.fail(f"there is no type {type_name!r}{hint(type_name, known)}")
    return _value_of(name, type_name, given, place, in_item=in_item)


def _check_name(name: Any, place: Place) -> None:
    if not isinstance(name, str):
        place.fail("the name of a field is a text")
    if not name or len(name) > MAX_NAME_CHARS or _NO_NAME.search(name):
        place.fail(
            "a name has no . , : = quotes or brackets in it, "
            f"and at most {MAX_NAME_CHARS} characters"
        )


def _items_of(
    name: str, given: _Given, place: Place, *, in_item: bool
) -> Items:
    place.check_keys(given, _ITEMS_KEYS)
    return Items(
        name,
        _each_of(given, place, in_item=in_item),
        _fields_of(given, place, in_item=True),
        place.read(given, "required", False),
    )


def _table_of(
    name: str, given: _Given, place: Place, *, in_item: bool
) -> Table:
    for key in ("regex", "map", *_MANNER_KEYS):
        if key in given:
            place.fail(f"{key} says nothing of a table")
    selector = _selector_of(given, place, in_item=in_item)
    path = _path_of(given, place)
    if selector is None and path is None:
        place.fail("a table needs select or json")
    if selector is not None and selector.attribute is not None:
        place.fail("a table is an element, not an attribute")
    return Table(
        name,
        selector,
        path,
        place.read(given, "list", False),
        place.read(given, "required", False),
    )


def _value_of(
    name: str, type_name: str, given: _Given, place: Place, *, in_item: bool
) -> Value:
    kind = TYPES[type_name]
    regex = _regex_of(given, place)
    return Value(
        name,
        type_name,
        kind,
        _sources_of(given, place, kind, in_item=in_item),
        regex,
        _map_of(given, place),
        _manner_of(given, place, type_name),
        place.read(given, "list", False),
        place.read(given, "required", False),
    )


# -- the keys of a field -----------------------------------------------------------------------


def _sources_of(
    given: _Given, place: Place, kind: Type, *, in_item: bool
) -> tuple[Source, ...]:
    selector = _selector_of(given, place, in_item=in_item)
    path = _path_of(given, place)
    sources: list[Source] = []
    if selector is not None:
        sources.append(Elements(selector, kind.said_by))
    if path is not None:
        sources.append(JsonValues(path))
    if not sources and given.get("regex"):
        sources.append(Everything())
    if not sources:
        place.fail("nothing says where it is: select, json or regex")
    return tuple(sources)


def _selector_of(
    given: _Given, place: Place, *, in_item: bool
) -> Selector | None:
    if "select" not in given:
        return None
    text = place.read(given, "select", "")
    return parse_selector(text, place, in_item=in_item)


def _path_of(given: _Given, place: Place) -> JsonPath | None:
    text = place.read(given, "json", "")
    return JsonPath(text, place) if text else None


def _regex_of(given: _Given, place: Place) -> re.Pattern[str] | None:
    text = place.read(given, "regex", "")
    if not text:
        return None
    try:
        with warnings.catch_warnings():
            # What a later version of Python may read in another way, this one reads.
            warnings.simplefilter("ignore")
            return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        place.fail(f"regex {text!r} is no regular expression: {error}")


def _map_of(given: _Given, place: Place) -> dict[str, str]:
    said = place.read(given, "map", {})
    for value in said.values():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            place.fail(f"map leads to texts, not to {value!r}")
    return {str(text): str(value) for text, value in said.items()}


def _manner_of(given: _Given, place: Place, type_name: str) -> Manner:
    for key in _MANNER_KEYS:
        if key in given and key not in TYPES[type_name].manner:
            place.fail(f"{key} says nothing of the type {type_name!r}")
    manner = Manner(*(place.read(given, key, "") for key in _MANNER_KEYS))
    if manner.decimal not in ("", ".", ","):
        place.fail(f"decimal is '.' or ',', not {manner.decimal!r}")
    if manner.language and not knows_language(manner.language):
        place.fail(f"the language {manner.language!r} is not known")
    if manner.format:
        try:
            check_format(manner.format)
        except ValueError as error:
            place.fail(f"format {manner.format!r} is no date format: {error}")
    return manner
