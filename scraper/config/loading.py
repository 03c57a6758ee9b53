"""The layers of the configuration: defaults < TOML < SCRAPER_* < flags, or a script's keywords."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scraper.config.keys import Key
from scraper.config.profiles import profiles
from scraper.config.schema import Schema
from scraper.config.settings import KEYS, SCHEMA, Config
from scraper.config.values import SCRIPT, Given, parse_all, split_list
from scraper.errors import UsageError
from scraper.text import nearest

Origins = Mapping[str, str]

# Flags that no key stands behind, and what a script writes instead.
COMMAND_FLAGS: Mapping[str, str] = {
    "list_url": "stream(scraper.ListUrl(...))",
    "sitemap": "stream(scraper.Sitemap(...))",
    "retry": "stream(urls, retry=...)",
    "refresh": "stream(urls, refresh=True)",
    "every": "",
    "add_list": "stream(urls, add_list=True)",
    "adopt": "stream(urls, adopt=True)",
    "demo": "",
    "config": "",
    "show_config": "print(configure())",
    "version": "",
}
_PREFIX = "SCRAPER_"
FOLDER = "the folder"  # as the origin of a value


def configure(**values: Any) -> Config:
    """The configuration of a script: defaults < SCRAPER_* variables < these keywords.

    >>> configure(threads=8, timeout_seconds="5s").fetch.timeout_seconds
    5.0

    Raises UsageError for a wrong key or value.
    """
    return load(flags=values, origin=SCRIPT)[0]


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    known: Mapping[str, Any] | None = None,
    toml: Path | None = None,
    environment: Mapping[str, str] | None = None,
    origin: str = "the command line",
    schema: Schema = SCHEMA,
    is_found: bool = False,
) -> tuple[Config, Origins]:
    """The whole tree, and for each key that was set the place that had the last word.

    `known` are values that a run folder remembers, in the place of defaults. `toml` must exist if
    given; one that only `is_found` may start no command. `environment` is `os.environ` unless
    given. Raises UsageError.
    """
    variables = os.environ if environment is None else environment
    layers = [
        [Given(name, value, FOLDER) for name, value in (known or {}).items()],
        list(_read_toml(toml, schema, is_found)) if toml else [],
        list(_read_environment(variables, schema)),
        [Given(name, value, origin) for name, value in (flags or {}).items()],
    ]
    last: dict[str, Given] = {}
    for layer in layers:
        last |= _parse_layer(layer, schema)
    values = {name: given.value for name, given in last.items()}
    origins = {name: given.place for name, given in last.items()}
    return schema.replace_values(schema.root(), values), origins


def with_keys(config: Config, values: Mapping[str, Any]) -> Config:
    """The same tree with some keys replaced; values are not checked."""
    return SCHEMA.replace_values(config, values)


def with_defaults(config: Config, values: Mapping[str, Any]) -> Config:
    """The same tree with other defaults: what differs from a key's own stays as it is."""
    unsaid = {
        name: value
        for name, value in values.items()
        if value_of(config, KEYS[name]) == KEYS[name].default
    }
    return with_keys(config, unsaid)


def value_of(config: Config, key: Key) -> Any:
    """The value of one key."""
    return getattr(getattr(config, key.section), key.name)


def _parse_layer(layer: list[Given], schema: Schema) -> dict[str, Given]:
    scalars = []
    parsed = {}
    for given in layer:
        if given.name in schema.tables:
            tables = schema.tables[given.name].parse(given)
            parsed[given.name] = given._replace(value=tables)
        else:
            _refuse_command_flag(given)
            scalars.append(given)
    return parsed | parse_all(schema.keys, scalars)


def _refuse_command_flag(given: Given) -> None:
    instead = COMMAND_FLAGS.get(given.name)
    if instead is None:
        return
    if given.place == SCRIPT:
        hint = f": write {instead}" if instead else ""
    else:
        flag = "--" + given.name.replace("_", "-")
        hint = f": {flag} is a flag of the command line alone"
    raise UsageError(f"{given.name} in {given.place} is not a key{hint}")


# -- TOML -----------------------------------------------------------------------------------------


def _read_toml(path: Path, schema: Schema, is_found: bool) -> Iterator[Given]:
    for name, body in _toml_tree(path).items():
        if name in schema.tables:
            yield Given(name, body, str(path))
        elif name in schema.sections and isinstance(body, dict):
            for given in _read_section(path, name, body, schema):
                if is_found:
                    _refuse_command(path, given, schema)
                yield given
        else:
            raise UsageError(
                _describe_unknown_section(path, name, body, schema)
            )


def _toml_tree(path: Path) -> dict[str, Any]:
    import tomllib  # only where there is a file to be read

    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"cannot read configuration {path}: {error.strerror}"
        is_there = os.path.lexists(path)  # also a link that leads nowhere
        names = "" if is_there else f" (profiles: {', '.join(profiles())})"
        raise UsageError(message + names) from error
    except ValueError as error:  # not TOML, not UTF-8, or a number without end
        raise UsageError(f"{path} is not TOML: {error}") from error


def _read_section(
    path: Path, section: str, body: Mapping[str, Any], schema: Schema
) -> Iterator[Given]:
    place = f"{path} [{section}]"
    for name, value in body.items():
        key = schema.keys.find(name)
        if key is not None and key.section != section:
            raise UsageError(f"{name} in {place} belongs in [{key.section}]")
        yield Given(name, value, place)


def _refuse_command(path: Path, given: Given, schema: Schema) -> None:
    """A file that only lies in a folder must start nothing."""
    key = schema.keys.find(given.name)
    if key is not None and key.info.command:
        raise UsageError(
            f"{key.name} in {given.place} starts a command, and this file only lies here: "
            f"--config {path} trusts it"
        )


def _describe_unknown_section(
    path: Path, name: str, body: Any, schema: Schema
) -> str:
    if name in schema.sections:
        return f"{name} in {path} is a section of keys: write [{name}]"
    headers = {name: f"[{name}]" for name in schema.sections}
    headers |= {table.name: table.header for table in schema.tables.values()}
    near = nearest(name, headers)
    key = schema.keys.find(name)
    renamed = schema.keys.find_renamed(name)
    replacement = schema.keys.find_replacement(name)
    if key is not None:
        hint = f"{name} belongs in [{key.section}]"
    elif renamed is not None:
        hint = f"it is called {renamed.name} now, in [{renamed.section}]"
    elif replacement is not None:
        hint = f"it is gone: {replacement}"
    elif near is not None:
        hint = f"did you mean {headers[near]}?"
    else:
        hint = f"sections: {', '.join(headers)}"
    return f"unknown section or key {name!r} in {path}; {hint}"


# -- environment ----------------------------------------------------------------------------------


def _read_environment(
    environment: Mapping[str, str], schema: Schema
) -> Iterator[Given]:
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX):
            continue
        name = variable.removeprefix(_PREFIX).lower()
        key = schema.keys.find(name)
        is_list = key is not None and key.is_repeated
        value = split_list(text) if is_list else text
        yield Given(name, value, f"environment variable {variable}")


# -- earlier spellings ----------------------------------------------------------------------------


def fate_of_flag(flag: str) -> str:
    """What became of a flag of an earlier version; "" if it is none.

    >>> fate_of_flag("--item-time")
    'is called --request-time now'
    """
    name = flag.removeprefix("--").replace("-", "_")
    if key := SCHEMA.keys.find_renamed(name):
        return f"is called {key.flag} now"
    replacement = SCHEMA.keys.find_replacement(name)
    return f"is gone: {replacement}" if replacement else ""
