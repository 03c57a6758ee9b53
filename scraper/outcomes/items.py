"""The items of a page: what a recipe with `each` has found there, a line each (items.jsonl)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from msgspec import Raw, Struct
from msgspec.json import Decoder

from scraper.text import printable_json

# The keys of every line, in their order. Where the list is a table, `input` comes before the last.
KEYS = ("schema", "pass", "index", "key", "url", "item", "fields")
_MARK = b'"items":['  # in each record that has some, and maybe in others


_NULL = Raw(b"null")


class PageItems(Struct, rename={"number": "pass"}):
    """The items of a record, each as JSON, and what their lines repeat of it."""

    schema: int
    number: int
    index: int | None
    key: str
    url: str
    input: Raw = _NULL
    items: list[Raw] | None = None

    @property
    def own(self) -> bytes | None:
        """The user's own columns of the row that named the page, as JSON."""
        return None if self.input == _NULL else bytes(self.input)

    def lines(self) -> Iterator[bytes]:
        """A line for each item, without its end."""
        for place in range(len(self.items or ())):
            yield self.line(place, self.own)

    def line(self, place: int, own: bytes | None) -> bytes:
        """That of one item, for a row of a table with these columns."""
        assert self.items is not None, "there is one at this place"
        line: dict[str, Any] = {
            "schema": self.schema,
            "pass": self.number,
            "index": self.index,
            "key": self.key,
            "url": self.url,
            "item": place + 1,
        }
        if own is not None:
            line["input"] = orjson.Fragment(own)
        line["fields"] = orjson.Fragment(bytes(self.items[place]))
        return printable_json(orjson.dumps(line))


_decoder = Decoder(PageItems)


def items_in(line: bytes) -> PageItems | None:
    """The items of a record, if there are any. Raises msgspec.DecodeError if it is none."""
    found = _decoder.decode(line) if _MARK in line else None
    return found if found is not None and found.items else None


def is_line_of_item(line: bytes) -> bool:
    """Is it one of these, or the beginning of one, as a kill may leave it?"""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return not line.endswith(b"\n")
    return isinstance(found, dict) and found.keys() >= {*KEYS}
