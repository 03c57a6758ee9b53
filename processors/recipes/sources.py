"""Where the values of a field come from."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from selectolax.lexbor import LexborNode

from processors.recipes.json_paths import JsonPath
from processors.recipes.scope import Scope
from processors.recipes.selectors import Selector


class Source(Protocol):
    """One place to look at."""

    @property
    def is_json(self) -> bool:
        """Does a program write it, with a point as decimal mark?"""

    def find(self, scope: Scope, limit: int) -> list[Any]:
        """At most so many of what it has: texts, and what JSON holds but null."""


class Elements(NamedTuple):
    """What elements say, or their attributes."""

    selector: Selector
    said_by: Callable[[LexborNode], str | None]
    is_json: bool = False

    def find(self, scope: Scope, limit: int) -> list[Any]:
        if scope.top is None:
            return []
        nodes = self.selector.find(scope.top, scope.is_item, limit)
        name = self.selector.attribute
        if name is None:
            texts = [self.said_by(node) for node in nodes]
        else:
            texts = [node.attrs.get(name) for node in nodes]
        return [text for text in texts if text and not text.isspace()]

    def __str__(self) -> str:
        return f"select {str(self.selector)!r}"


class JsonValues(NamedTuple):
    """What a path leads to; the members of a list one by one."""

    path: JsonPath
    is_json: bool = True

    def find(self, scope: Scope, limit: int) -> list[Any]:
        value = self.path.find(scope.json)
        members = value if isinstance(value, list) else [value]
        return [each for each in members if each is not None][:limit]

    def __str__(self) -> str:
        return str(self.path)


class Everything(NamedTuple):
    """The source text, for a regular expression to look through."""

    is_json: bool = False

    def find(self, scope: Scope, limit: int) -> list[Any]:
        return [scope.text]

    def __str__(self) -> str:
        return "the source"


def text_in_json(value: Any) -> str:
    """A text or number of JSON as text; raises ValueError for what has parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise ValueError("it has parts; let the path lead to one of them")
    return source_in_json(value)


def source_in_json(value: Any) -> str:
    """Any value of JSON as it is written there. A path may have made numbers of any size."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
