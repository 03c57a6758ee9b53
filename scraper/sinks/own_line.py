"""A line of the user's own for each record: `{url} page is {bytes} bytes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson

from scraper.config.templates import Template, parse_template
from scraper.text import printable

SETTING = "--line"


def line_of(text: str) -> Callable[[bytes], bytes]:
    """What makes the line of a record, of the record as JSON."""
    if not text:
        return bytes
    return partial(_render, parse_template(text, None, SETTING))


def _render(template: Template, line: bytes) -> bytes:
    record = orjson.loads(line)
    rendered = template.render(lambda key: _text_of(_value_of(record, key)))
    return printable(rendered).encode(errors="replace")


def _value_of(record: Mapping[str, Any], key: str) -> Any:
    """What a recipe has found by this name, or what the record says; None if neither does."""
    for place in (record.get("fields"), record):
        if isinstance(place, Mapping) and key in place:
            return place[key]
    outer, dot, inner = key.partition(".")
    within = record.get(outer) if dot else None
    return _value_of(within, inner) if isinstance(within, Mapping) else None


def _text_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
