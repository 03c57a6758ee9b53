"""The tree written down: config/default.toml, what `--show-config` prints, the tables of
docs/configuration.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scraper.config.keys import Key
from scraper.config.loading import Origins, value_of
from scraper.config.schema import Schema, doc_of
from scraper.config.settings import SCHEMA, Config
from scraper.config.tables import TableList
from scraper.config.values import allowed_values
from scraper.text import printable, printable_json

_SECTION_HEAD = (
    "key",
    "flag",
    "environment",
    "default",
    "allowed",
    "what it sets",
)
_INHERITED = "as in its section"
_TABLE_HEAD = ("key", "default", "allowed", "what it sets")


def as_toml(
    config: Config, origins: Origins | None = None, schema: Schema = SCHEMA
) -> str:
    """The tree as TOML, each key with its sentence.

    With `origins` it is made to be shown: without secrets, and with the place that set each key.
    """
    blocks = []
    for name, cls in schema.sections.items():
        lines = [f"[{name}]  # {doc_of(cls)}"]
        for key in schema.keys_of_section(name):
            origin = (
                None if origins is None else origins.get(key.name, "default")
            )
            lines.append(_line(key, value_of(config, key), origin))
        blocks.append(lines)
    for table in schema.tables.values():
        origin = None if origins is None else origins.get(table.name, "default")
        blocks += _table_blocks(table, getattr(config, table.name), origin)
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _table_blocks(
    table: TableList, values: Any, origin: str | None
) -> Iterator[list[str]]:
    """A block for each table; of an empty list, what a table may hold, as comments."""
    header = f"{table.header}  # {doc_of(table.cls)}"
    keys = table.keys.by_name.values()
    for each in values:
        yield [
            header,
            *(
                _line(key, getattr(each, key.name), origin)
                for key in keys
                if getattr(each, key.name) is not None
            ),
        ]
    if not values and origin is None:
        yield [f"# {header}", *(f"# {_example_line(key)}" for key in keys)]


def _line(key: Key, value: Any, origin: str | None) -> str:
    if origin is None:
        return f"{key.name} = {toml_value(value)}  # {printable(describe(key))}"
    return (
        f"{key.name} = {toml_value(key.redact(value))}  # {printable(origin)}"
    )


def _example_line(key: Key) -> str:
    if key.is_required:
        return f"{key.name} =  # required: {describe(key)}"
    if key.default is None:
        return f"{key.name} =  # {_INHERITED}: {describe(key)}"
    return _line(key, key.default, None)


def describe(key: Key) -> str:
    """The sentence of a key, with the values that are allowed if those are not just any text."""
    if key.type is str and not key.info.choices:
        return key.info.help
    return f"{key.info.help} ({allowed_values(key)})"


def toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(each) for each in value) + "]"
    if isinstance(value, Mapping):
        pairs = (
            f"{_toml_key(name)} = {toml_value(each)}"
            for name, each in value.items()
        )
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, str):
        import json  # only for a configuration that is shown

        # The escapes of JSON are TOML's too.
        encoded = json.dumps(value, ensure_ascii=False).encode(
            "utf-8", "backslashreplace"
        )
        return printable_json(encoded).decode()
    return str(value)


def _toml_key(name: str) -> str:
    """A name as a key: bare if it can be."""
    is_bare = re.fullmatch(r"[A-Za-z0-9_-]+", name)
    return name if is_bare else toml_value(name)


def as_markdown(schema: Schema = SCHEMA) -> str:
    """The tables of docs/configuration.md."""
    parts = []
    for name, cls in schema.sections.items():
        rows = [
            _markdown_row(_section_cells(key))
            for key in schema.keys_of_section(name)
        ]
        parts.append(_markdown_part(f"[{name}]", cls, _SECTION_HEAD, rows))
    for table in schema.tables.values():
        rows = [
            _markdown_row(_table_cells(key))
            for key in table.keys.by_name.values()
        ]
        parts.append(_markdown_part(table.header, table.cls, _TABLE_HEAD, rows))
    return "\n".join(parts)


def _markdown_part(
    title: str, cls: type, head: Sequence[str], rows: Sequence[str]
) -> str:
    rule = "|---" * len(head) + "|"
    return "\n".join(
        [
            f"## {title}",
            "",
            doc_of(cls),
            "",
            _markdown_row(head),
            rule,
            *rows,
            "",
        ]
    )


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _section_cells(key: Key) -> list[str]:
    flag = f"`{key.flag}`" if key.info.flag else "none"
    if key.info.flag and key.info.short:
        flag = f"`{key.info.short}`, {flag}"
    if key.off_flag:
        flag += f", `{key.off_flag}`"
    name, *rest = _table_cells(key)
    return [name, flag, f"`{key.environment}`", *rest]


def _table_cells(key: Key) -> list[str]:
    default = f"`{toml_value(key.default)}`"
    if key.is_required:
        default = "required"
    elif key.default is None:
        default = _INHERITED
    return [f"`{key.name}`", default, allowed_values(key), key.info.help]
