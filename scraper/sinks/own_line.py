"""A line of the user's own for each record: `{url} page is {bytes} bytes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson

from scraper.config.templates import Template, parse_template
from scraper.model import label_of
from scraper.text import printable

SETTING, OF_FAILED = "--line", "--line-failed"
REASON = "reason"  # a key beside those of records: why there is no good outcome, in words


def line_of(text: str, failed: str = "") -> Callable[[bytes], bytes]:
    """What makes the line of a record, of the record as JSON; of one without a good outcome, if
    `failed` says how."""
    if not text:
        return bytes
    good = parse_template(text, None, SETTING)
    bad = parse_template(failed, None, OF_FAILED) if failed else good
    return partial(_render, good, bad)


def _render(good: Template, bad: Template, line: bytes) -> bytes:
    record = orjson.loads(line)
    template = good if record.get("error_kind") is None else bad
    rendered = template.render(lambda key: _text_of(_value_of(record, key)))
    return printable(rendered).encode(errors="replace")


def _value_of(record: Mapping[str, Any], key: str) -> Any:
    """What a recipe has found by this name, or what the record says; None if neither does."""
    for place in (record.get("fields"), record):
        if isinstance(place, Mapping) and key in place:
            return place[key]
    if key == REASON:
        return _reason_of(record)
    outer, dot, inner = key.partition(".")
    within = record.get(outer) if dot else None
    return _value_of(within, inner) if isinstance(within, Mapping) else None


def _reason_of(record: Mapping[str, Any]) -> str | None:
    kind = record.get("error_kind")
    if kind is None:
        return None
    return f"{label_of(kind, record.get('status'))}: {record['error_message']}"


def _text_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
