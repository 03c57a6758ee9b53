"""Where the fields of a recipe are looked for: a page, an item of it, a body of JSON."""

from functools import cached_property
from typing import Any, Final, NamedTuple

import can_ada
from selectolax.lexbor import LexborNode

from processors.page import Page
from processors.page.head import language_of
from processors.page.json_ld import read_json_ld
from processors.page.references import base_of
from processors.recipes.extracted import Unfit
from processors.recipes.json_paths import JsonBody, JsonLdNodes

MAX_VALUES: Final = 500_000  # of a page, all lists and items together
MAX_CHARS: Final = 10_000_000  # of all their texts


class Complaint(NamedTuple):
    """What is missing, or does not fit."""

    kind: str
    message: str


class Origin:
    """The page or body that everything comes from, and what is left of its limits."""

    def __init__(self, url: str, page: Page | None = None) -> None:
        self._url = url
        self._page = page
        self._values_left = MAX_VALUES
        self._chars_left = MAX_CHARS
        self.cut: set[str] = set()
        """The keys of the record of which there is more."""
        self.complaints: list[Complaint] = []

    @cached_property
    def base(self) -> can_ada.URL:
        """What references are relative to."""
        bases = self._page.tree.css("base") if self._page else []
        return base_of(self._url, bases)

    @cached_property
    def language(self) -> str | None:
        """The language that the page says it is in."""
        return language_of(self._page.tree) if self._page else None

    def complain(self, kind: str, message: str) -> None:
        """Remember that something is missing, or does not fit."""
        self.complaints.append(Complaint(kind, message))

    def count(self, value: Any) -> None:
        """Count a value; raises Unfit if they are too many for one record."""
        self._values_left -= 1
        if isinstance(value, str):
            self._chars_left -= len(value)
        if self._values_left < 0 or self._chars_left < 0:
            message = (
                f"the fields hold more than {MAX_VALUES:,} values "
                f"or {MAX_CHARS:,} characters together"
            )
            raise Unfit("field_invalid", message)

    def count_all(self, value: list[Any]) -> None:
        """Count what is in a table, and in what is in it."""
        waiting = list(value)
        while waiting:
            each = waiting.pop()
            self.count(each)
            if isinstance(each, list):
                waiting += each
            elif isinstance(each, dict):
                waiting += each.values()


class Scope:
    """An element, or a body of JSON, and what there is in it."""

    def __init__(
        self,
        origin: Origin,
        top: LexborNode | None,
        *,
        key: str = "fields",
        is_item: bool = False,
        page: Page | None = None,
        body: JsonBody | None = None,
    ) -> None:
        self.origin = origin
        self.top = top  # of a body of JSON there is none
        self.key = key  # of the record, which this becomes a part of
        self.is_item = is_item
        self._page = page
        self._body = body

    def item(self, node: LexborNode) -> "Scope":
        """An element in this one that has fields of its own."""
        return Scope(self.origin, node, key=self.key, is_item=True)

    def for_items(self) -> "Scope":
        """The same for what becomes `items` in the record."""
        return Scope(self.origin, self.top, key="items", page=self._page)

    def mark_cut(self) -> None:
        """Remember that there is more than the limits allow."""
        self.origin.cut.add(self.key)

    @cached_property
    def json(self) -> JsonLdNodes | JsonBody:
        """Its JSON-LD, or the body."""
        if self._body is not None:
            return self._body
        scripts = self.top.css("script") if self.top else []
        return JsonLdNodes(read_json_ld(scripts).blocks)

    @cached_property
    def text(self) -> str:
        """Its source."""
        if self._body is not None:
            return self._body.text
        if self._page is not None:
            return self._page.text
        return (self.top.html if self.top else None) or ""
