"""Which options shape what comes of a URL, and whether those of a folder are others than now.

A finished folder is not asked again because a picture is to be smaller; but it is said that what
lies there was made with other options, and what makes it again.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

import scraper
from scraper.config import KEYS, Config, Key
from scraper.config.plugins import check_image, function_of, own_functions
from scraper.config.settings import ImageSettings
from scraper.errors import UsageError
from scraper.run_folder.recipes import Recipe, recipes_of, tables_of

Options = Mapping[str, Any]
_HTML_SOURCE = "html_source"  # of the user's function: a hash of its file
_OP_SOURCES = "op_sources"  # the same of those for pictures
_SOURCES = {
    _HTML_SOURCE: "the function for pages",
    _OP_SOURCES: "a function for pictures",
}
_RECIPES = "recipe"  # the tables


def shaping_options(config: Config) -> dict[str, Any]:
    """The options that shape results, by key; with a function of the user's, its file's hash."""
    options = {
        key.name: _plain(getattr(getattr(config, key.section), key.name))
        for key in KEYS.values()
        if key.info.shapes
    }
    return {
        **options,
        _HTML_SOURCE: "".join(_source_hashes(config, "html")),
        _OP_SOURCES: _source_hashes(config, "op"),
        _RECIPES: tables_of(config),
    }


def page_options(config: Config) -> dict[str, Any]:
    """The fields of `processors.page.facts.PageOptions`."""
    page = config.page
    return {
        "facts": page.facts,
        "article": page.article,
        "page_images": page.page_images,
        "image_width": page.image_width or _width_of(config.image.resize),
        "max_links": page.max_links,
        "max_page_images": page.max_page_images,
    }


def _width_of(resize: str) -> int:
    return int(resize.partition("x")[0])


def check_pictures(image: ImageSettings) -> None:
    """Raises UsageError if what is asked of pictures cannot be done here."""
    check_image(image)
    _check_matte(image.matte)
    _check_operations(image.op)


def _check_operations(words: Sequence[str]) -> None:
    """To know them loads Pillow."""
    if not words:
        return
    from processors.image.variants.operations import (
        check_words,
        is_function,
    )

    for word in words:
        if is_function(word):
            function_of(word, "op")
    try:
        check_words(words)
    except ValueError as error:
        raise UsageError(f"op: {error}") from None


def _check_matte(matte: str) -> None:
    """Raises UsageError if it is no colour; to look one up loads Pillow."""
    if matte == KEYS["matte"].default:
        return
    from processors.image.colours import parse_colour

    try:
        parse_colour(matte)
    except ValueError:
        raise UsageError(
            f"matte = {matte!r} is no colour: "
            "write a name such as white, or #rgb or #rrggbb"
        ) from None


def process_hashes(config: Config) -> dict[str, str]:
    """By kind, a hash of the way of processing: if it changes, bodies are processed again."""
    page = config.page
    made_of_page = [
        page.html,
        "".join(_source_hashes(config, "html")),
        page_options(config),
        page.meta_refresh,
        recipes_of(config),
    ]
    ways = {
        "page": made_of_page,
        "image": [config.image.as_dict(), _source_hashes(config, "op")],
        "file": recipes_of(config),
    }
    return {
        kind: hashlib.sha256(
            orjson.dumps([scraper.__version__, way])
        ).hexdigest()[:16]
        for kind, way in ways.items()
    }


def describe_changes(earlier: Iterable[Options], now: Options) -> str:
    """What differs from `earlier` options, in words; "" if nothing does.

    >>> describe_changes([{"quality": 85}, {"quality": 90}], {"quality": 70})
    '--quality was 85 or 90, now 70'

    A key that one side does not know differs in nothing: another version wrote it.
    """
    before = [_in_words_of_now(each) for each in earlier]
    changes = []
    for name, value in now.items():
        others = [
            each[name]
            for each in before
            if name in each and each[name] != value
        ]
        if others:
            changes.append(_describe_change(name, others, value))
    return ", ".join(changes)


def _in_words_of_now(options: Options) -> dict[str, Any]:
    """The values that another version wrote, as they are called now."""
    return {
        name: _in_word_of_now(KEYS[name], value) if name in KEYS else value
        for name, value in options.items()
    }


def _in_word_of_now(key: Key, value: Any) -> Any:
    if key.type is str and type(value) is int:
        return str(value)  # a number was all that it could be
    return key.info.formerly.get(str(value).lower(), value)


def _describe_change(name: str, before: list[Any], now: Any) -> str:
    if name in _SOURCES:
        return f"the file of {_SOURCES[name]} has changed"
    if name == _RECIPES:
        return (
            f"recipes have changed: {', '.join(_changed_recipes(before, now))}"
        )
    key = KEYS[name]
    was = " or ".join(dict.fromkeys(_shown(key, each) for each in before))
    return f"{key.flag if key.info.flag else key.name} was {was}, now {_shown(key, now)}"


def _changed_recipes(
    before: Sequence[Sequence[Recipe]], now: Sequence[Recipe]
) -> Iterator[str]:
    """Their names: of those that differ, are new or gone, and of all in another order."""
    tables = {each["name"]: each for each in now}
    others = [{each["name"]: each for each in recipes} for recipes in before]
    names = dict.fromkeys(itertools.chain(tables, *others))
    changed = [
        name
        for name in names
        if any(each.get(name) != tables.get(name) for each in others)
    ]
    yield from changed or names


def _shown(key: Key, value: Any) -> str:
    if key.type is bool:
        return "given" if value is not key.default else "not given"
    if isinstance(value, list):
        value = ",".join(value)
    return "not given" if value == "" else str(value)


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def _source_hashes(config: Config, wanted: str) -> list[str]:
    """Of the files of the functions that this key names."""
    return [
        _source_hash(function_of(spec, key))
        for key, spec in own_functions(config)
        if key == wanted
    ]


def _source_hash(function: Callable[..., Any]) -> str:
    module = sys.modules[function.__module__]
    return hashlib.sha256(_source_of(module)).hexdigest()[:16]


def _source_of(module: ModuleType) -> bytes:
    file = getattr(module, "__file__", None)
    return Path(file).read_bytes() if file else b""
