"""Which options shape what comes of a URL, and whether those of a folder are others than now.

A finished folder is not asked again because a picture is to be smaller; but it is said that what
lies there was made with other options, and what makes it again.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any

import orjson

import scraper
from scraper.config import KEYS, Config, Key
from scraper.config.plugins import source_hashes
from scraper.errors import UsageError
from scraper.media_types import may_be_json
from scraper.run_folder import pictures
from scraper.run_folder.following import follows_links
from scraper.run_folder.pictures import FILTERS, Table, plan_of
from scraper.run_folder.recipes import json_wanted, recipes_of, tables_of

Options = Mapping[str, Any]
# Of the user's functions that a key names: a hash of their files.
_SOURCES = {
    "html_source": "the function for pages",
    "op_source": "a function for pictures",
    "image_source": "the function for pictures",
    "file_source": "the function for files",
}
_TABLES = {"recipe": "recipes", "variant": "variants"}  # what they are lists of


def shaping_options(config: Config) -> dict[str, Any]:
    """The options that shape results, by key; with functions of the user's, their files' hashes."""
    options = {
        key.name: _plain(getattr(getattr(config, key.section), key.name))
        for key in KEYS.values()
        if key.info.shapes
    }
    sources = {
        f"{name}_source": each for name, each in source_hashes(config).items()
    }
    return {
        **options,
        **{name: sources.get(name, "") for name in _SOURCES},
        "recipe": tables_of(config),
        "variant": pictures.tables_of(config),
    }


# What names code to be run is not taken from a folder: another user may have made that.
FUNCTIONS = {"html": "page", "image": "image", "op": "image", "file": "file"}


def known_values(options: Options) -> dict[str, Any]:
    """Of options with which a folder was made, those that hold for what is made of it again
    where nothing else is said: all but functions, and that bodies were only saved."""
    values = _in_words_of_now(options)
    left = {*FUNCTIONS, "save_only"}
    tables = {name: values[name] for name in _TABLES if values.get(name)}
    return tables | {
        name: value
        for name, value in values.items()
        if name in KEYS and name not in left
    }


def check_functions_given(
    options: Options, origins: Collection[str], kinds: Collection[str]
) -> None:
    """Raises UsageError if bodies of these `kinds` were made by a function that is not named
    now, so that what it has found would be lost."""
    for name, kind in FUNCTIONS.items():
        before = options.get(name)
        if before and name not in origins and kind in kinds:
            words = before if isinstance(before, str) else ",".join(before)
            flag = KEYS[name].flag
            raise UsageError(
                f"what the folder holds was made with {flag} {words}, and a folder names no code "
                f"to be run: give {flag} again, or {flag} '' to do without"
            )


def page_options(config: Config) -> dict[str, Any]:
    """The fields of `processors.page.facts.PageOptions`."""
    page = config.page
    return {
        "facts": page.facts,
        "article": page.article,
        "page_images": page.page_images,
        "image_width": page.image_width or pictures.widest_of(config),
        "max_links": page.max_links,
        "max_page_images": page.max_page_images,
    }


def files_wanted(config: Config) -> Callable[[str, str], bool]:
    """Is something made of a body of this type and URL, though it is neither page nor picture?"""
    if config.file.file:
        return lambda type, url: True
    of_recipes = json_wanted(config)
    if not config.file.parse_json:
        return of_recipes
    return lambda type, url: may_be_json(type, url) or of_recipes(type, url)


def process_hashes(
    config: Config, *, asks_hosts: bool = True
) -> dict[str, str]:
    """By kind, a hash of the way of processing: if it changes, bodies are processed again.

    By `filter`, one of what decides whether a picture is left out. It is the same in each version
    of this program: of what is left out nothing is kept that could be judged again. A run that
    asks no hosts leaves it to the next refresh to look for the pictures of pages.
    """
    page = config.page
    sources = source_hashes(config)
    made_of_page = [
        page.html,
        sources.get("html"),
        page_options(config),
        page.meta_refresh,
        recipes_of(config),
    ]
    if follows_links(config):
        made_of_page.append(config.follow.as_dict())
    ways = {
        "page": made_of_page,
        "image": [
            plan_of(config),
            config.image.image,
            sources.get("op"),
            sources.get("image"),
        ],
        "file": [
            recipes_of(config),
            config.file.as_dict(),
            sources.get("file"),
        ],
    }
    hashes = {
        kind: _hash_of([scraper.__version__, way]) for kind, way in ways.items()
    }
    if not asks_hosts and config.page.page_images != "none":
        hashes["page"] = ""
    return {**hashes, "filter": _hash_of(_filtering(config))}


def _filtering(config: Config) -> list[Any]:
    """What decides whether a picture is left out."""
    image = config.image
    return [
        [getattr(image, name) for name in FILTERS],
        image.frames,
        config.run.save_only,
    ]


def _hash_of(way: Any) -> str:
    return hashlib.sha256(orjson.dumps(way)).hexdigest()[:16]


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
    if name in _TABLES:
        changed = ", ".join(_changed_tables(before, now))
        return f"{_TABLES[name]} have changed: {changed}"
    key = KEYS[name]
    was = " or ".join(dict.fromkeys(_shown(key, each) for each in before))
    return f"{key.flag if key.info.flag else key.name} was {was}, now {_shown(key, now)}"


def _changed_tables(
    before: Sequence[Sequence[Table]], now: Sequence[Table]
) -> Iterator[str]:
    """Their names: of those that differ, are new or gone, and of all in another order."""
    tables = {each["name"]: each for each in now}
    others = [{each["name"]: each for each in some} for some in before]
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
