"""The fields of a recipe, and what they find in a scope."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

import orjson
from selectolax.lexbor import LexborNode

from processors.page.json_ld import is_deeper
from processors.recipes.json_paths import JsonPath
from processors.recipes.scope import Complaint, Scope
from processors.recipes.selectors import Selector
from processors.recipes.sources import (
    Source,
    source_in_json,
    text_in_json,
)
from processors.recipes.tables import read_table
from processors.recipes.values import Manner, Type

MAX_VALUE_CHARS: Final = 1_000_000
MAX_VALUES: Final = 10_000  # of a list; items of a page
MAX_DEPTH: Final = 32  # of a table that JSON has
MAX_SHOWN_CHARS: Final = 100  # of a text in a message

_PLAIN_DECIMAL: Final = re.compile(r"\s*[-+]?\d+\.\d+\s*", re.ASCII)


class Field(Protocol):
    """One field."""

    @property
    def name(self) -> str:
        """The key that it becomes."""

    @property
    def required(self) -> bool:
        """Is it a failure if nothing is found?"""

    @property
    def sought(self) -> str:
        """What is looked for, in words for a message."""

    @property
    def reads_json(self) -> bool:
        """Is JSON one of its sources?"""

    def read(self, scope: Scope, way: str) -> Any:
        """What it finds. What does not fit becomes a complaint, and counts as nothing; `way` is
        where that is, in words."""


@dataclass(frozen=True, slots=True)
class Value:
    """A field whose values are texts, or made of texts."""

    name: str
    type_name: str
    type: Type
    sources: tuple[Source, ...]
    regex: re.Pattern[str] | None
    replacements: Mapping[str, str]
    manner: Manner
    is_list: bool
    required: bool

    @property
    def sought(self) -> str:
        found = ", ".join(map(str, self.sources))
        return f"{found}, regex {self.regex.pattern!r}" if self.regex else found

    @property
    def reads_json(self) -> bool:
        return any(source.is_json for source in self.sources)

    def read(self, scope: Scope, way: str) -> Any:
        """Of the first source that has anything, after the regular expression."""
        limit = MAX_VALUES + 1 if self.is_list else 1
        for source in self.sources:
            pieces = source.find(scope, limit)
            if self.regex is not None:
                pieces = list(islice(self._matches(self.regex, pieces), limit))
            if pieces and self.is_list:
                return self._read_list(source, pieces, scope, way)
            if pieces:
                return self._read_one(source, pieces[0], scope, way)
        return [] if self.is_list else None

    def _read_list(
        self, source: Source, pieces: Sequence[Any], scope: Scope, way: str
    ) -> list[Any]:
        if len(pieces) > MAX_VALUES:
            scope.mark_cut()
        values = (
            self._read_one(source, piece, scope, way)
            for piece in pieces[:MAX_VALUES]
        )
        return [value for value in values if value is not None]

    def _matches(
        self, regex: re.Pattern[str], pieces: Sequence[Any]
    ) -> Iterator[str]:
        """The matches that are not empty; of each its first group, if there is one."""
        group = min(regex.groups, 1)
        for piece in pieces:
            text = piece if isinstance(piece, str) else source_in_json(piece)
            for match in regex.finditer(text):
                if match[group]:
                    yield match[group]

    def _read_one(
        self, source: Source, piece: Any, scope: Scope, way: str
    ) -> Any:
        try:
            value = self._value_of(source, piece, scope)
        except ValueError as error:
            text = piece if isinstance(piece, str) else source_in_json(piece)
            shown = text[:MAX_SHOWN_CHARS]
            message = (
                f"{way}{self.name} is no {self.type_name}: {shown!r}: {error}"
            )
            scope.origin.complain("field_invalid", message)
            return None
        if isinstance(value, str) and len(value) > MAX_VALUE_CHARS:
            scope.mark_cut()
            value = value[:MAX_VALUE_CHARS]
        scope.origin.count(value)
        return value

    def _value_of(self, source: Source, piece: Any, scope: Scope) -> Any:
        convert = self.type.of_number
        if convert and not self.replacements and _is_number(piece):
            return convert(piece)
        text = text_in_json(piece).strip()
        text = self.replacements.get(text, text)
        if not text:
            return None
        manner = self.manner
        if source.is_json and _PLAIN_DECIMAL.fullmatch(text):
            manner = manner._replace(decimal=manner.decimal or ".")
        return self.type.read(text, manner, scope.origin)


def _is_number(piece: Any) -> bool:
    return isinstance(piece, int | float) and not isinstance(piece, bool)


@dataclass(frozen=True, slots=True)
class Table:
    """A field whose value is a table, or a list of tables."""

    name: str
    selector: Selector | None
    path: JsonPath | None
    is_list: bool
    required: bool

    @property
    def sought(self) -> str:
        found = [f"select {str(self.selector)!r}"] if self.selector else []
        return ", ".join(found + ([str(self.path)] if self.path else []))

    @property
    def reads_json(self) -> bool:
        return self.path is not None

    def read(self, scope: Scope, way: str) -> Any:
        tables = []
        for piece in self._pieces(scope):
            try:
                rows, is_cut = _rows_in(piece)
            except ValueError as error:
                message = f"{way}{self.name} is no table: {error}"
                scope.origin.complain("field_invalid", message)
                continue
            if is_cut:
                scope.mark_cut()
            scope.origin.count_all(rows)
            tables.append(rows)
        if self.is_list:
            return [rows for rows in tables if rows]
        return tables[0] if tables else []

    def _pieces(self, scope: Scope) -> list[Any]:
        limit = MAX_VALUES if self.is_list else 1
        pieces: list[Any] = []
        if self.selector is not None and scope.top is not None:
            pieces += self.selector.find(scope.top, scope.is_item, limit)
        if self.path is not None and not pieces:
            pieces = [self.path.find(scope.json)]
        return [piece for piece in pieces if piece is not None]


def _rows_in(piece: Any) -> tuple[list[Any], bool]:
    """The rows of a table, and whether there are more."""
    if isinstance(piece, LexborNode):
        return read_table(piece)
    if not isinstance(piece, list):
        raise ValueError("what JSON has there is no list")
    if not all(isinstance(row, dict | list) for row in piece):
        raise ValueError("what JSON has there are no objects or lists")
    if is_deeper(piece, MAX_DEPTH):
        raise ValueError("what JSON has there nests too deeply")
    try:
        orjson.dumps(piece)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error
    return piece[:MAX_VALUES], len(piece) > MAX_VALUES


@dataclass(frozen=True, slots=True)
class Items:
    """A list of objects: for each element that fits, fields of its own."""

    name: str
    each: Selector
    fields: tuple["Field", ...]
    required: bool

    @property
    def sought(self) -> str:
        return f"each {str(self.each)!r}"

    @property
    def reads_json(self) -> bool:
        return any(field.reads_json for field in self.fields)

    def read(self, scope: Scope, way: str) -> list[dict[str, Any]]:
        if scope.top is None:
            return []
        nodes = self.each.find(scope.top, scope.is_item, MAX_VALUES + 1)
        if len(nodes) > MAX_VALUES:
            scope.mark_cut()
        return [
            self._read_item(scope.item(node), f"{way}{self.name}[{number}].")
            for number, node in enumerate(nodes[:MAX_VALUES], 1)
        ]

    def _read_item(self, item: Scope, way: str) -> dict[str, Any]:
        item.origin.count(item)
        found = {}
        for field in self.fields:
            found[field.name], complaint = read_field(field, item, way)
            if complaint:
                item.origin.complaints.append(complaint)
        return found


def read_field(
    field: Field, scope: Scope, way: str
) -> tuple[Any, Complaint | None]:
    """What it finds, and a complaint if it is required and nothing was there."""
    known = len(scope.origin.complaints)
    value = field.read(scope, way)
    is_missing = field.required and is_empty(value)
    if not is_missing or len(scope.origin.complaints) > known:
        return value, None
    message = f"{way}{field.name} is required, but missing ({field.sought})"
    return value, Complaint("field_missing", message)


def is_empty(value: Any) -> bool:
    """Is it null, or a list, table or text of nothing?"""
    return value is None or value == [] or value == ""
