"""One row for each entry of a sitemap or a feed, in the order in which they stand there.

What a document breaks off at is its last row, which is none: what came before it counts.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct, field

from scraper.sources.maps.markup import Attributes, Markup, MarkupError
from scraper.sources.maps.vocabulary import (
    MAX_TEXT_CHARS,
    MAX_VALUES,
    PREFIXES,
    Field,
    Vocabulary,
)
from scraper.sources.rows import Misread, Row
from scraper.urls import MAX_URL_BYTES, BadUrl, resolved

LIST_BROKEN: Final = "list_broken"  # the kind of the row at which it breaks off
MAX_ENTRY_CHARS: Final = 1_000_000  # what would make it longer is left out
MAX_NAMES: Final = 100  # of elements within one, that are remembered

_BASE: Final = "xml:base"


def entries_in(
    file: io.BufferedReader, vocabulary: Vocabulary, name: str, base: str
) -> Iterator[tuple[int, Row | Misread]]:
    """Each entry with its number, from 1. `base` is the URL that the document is from, if any."""
    return enumerate(
        _rows_in(
            file,
            vocabulary,
            name,
            base,
        ),
        1,
    )


def _rows_in(
    file: io.BufferedReader, vocabulary: Vocabulary, name: str, base: str
) -> Iterator[Row | Misread]:
    taken = _Entries(vocabulary, base)
    markup = Markup(
        taken.open,
        taken.close,
        taken.add_text,
    )
    try:
        for _ in markup.read(file):
            yield from taken.take()
    except MarkupError as error:
        yield from taken.take()
        yield Misread(f"{name}, {error}", LIST_BROKEN)


class _Place(Struct):
    """An element within an entry: its path, and what it gives to the entry, if it does."""

    path: str
    base: str
    gives: Field | None = None
    # those in it that have no attributes: most entries are made alike
    inner: dict[str, _Place] = field(default_factory=dict)


class _Entries:
    """What the handlers of a document make of it."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        base: str,
    ) -> None:
        self._vocabulary = vocabulary
        self._prefixes: dict[str, str] = {}
        self._outside = [base]  # of elements around the entries: their bases
        self._inside: list[_Place] = []
        self._top = _Place("", base)
        self._own_prefix = ""  # of the entry
        self._entry: dict[str, Any] = {}
        self._spare = ""
        self._room = 0  # characters that the entry may still have
        self._reads: _Place | None = None  # whose text is read
        self._text: list[str] = []
        self._left = 0  # characters that its text may still have
        self._done: list[Row] = []

    def take(self) -> list[Row]:
        """The entries that have ended since."""
        done, self._done = self._done, []
        return done

    # -- handlers -------------------------------------------------------------------------------

    def open(
        self,
        name: str,
        attributes: Attributes,
    ) -> None:
        if not self._inside:
            self._open_outside(name, attributes)
            return
        above = self._inside[-1]
        place = None if attributes else above.inner.get(name)
        if place is None:
            place = self._place_in(
                above,
                name,
                attributes,
            )
        self._inside.append(place)
        field = place.gives
        if field is None or self._reads is not None:
            return
        if field.attribute:
            self._put(
                field,
                attributes.get(field.attribute, ""),
                place.base,
            )
            return
        self._reads = place
        self._left = MAX_URL_BYTES + 1 if field.is_url else MAX_TEXT_CHARS

    def close(self) -> None:
        if not self._inside:
            self._outside.pop()
            return
        place = self._inside.pop()
        if place is self._reads and place.gives is not None:
            self._put(
                place.gives,
                "".join(self._text),
                place.base,
            )
            self._reads = None
            self._text.clear()
        if not self._inside:
            self._end_entry()

    def add_text(self, text: str) -> None:
        if self._reads is not None and self._left > 0:
            text = text[: self._left]
            self._left -= len(text)
            self._text.append(text)

    # -- what they mean -------------------------------------------------------------------------

    def _open_outside(
        self,
        name: str,
        attributes: Attributes,
    ) -> None:
        base = _base_within(self._outside[-1], attributes)
        prefix, _, local = name.rpartition(":")
        if attributes:
            self._learn_prefixes(attributes)
        if local not in self._vocabulary.entries or len(self._outside) == 1:
            self._outside.append(base)
            return
        if prefix != self._own_prefix or base != self._top.base:
            self._own_prefix = prefix
            self._top = _Place("", base)
        self._inside.append(self._top)
        self._entry = {}
        self._spare = ""
        self._room = MAX_ENTRY_CHARS

    def _end_entry(self) -> None:
        url = self._vocabulary.url
        if self._spare and not self._entry.get(url):
            self._entry[url] = self._spare
        self._done.append(self._entry)

    def _place_in(
        self, above: _Place, name: str, attributes: Attributes
    ) -> _Place:
        if attributes:
            self._learn_prefixes(attributes)
        path = self._path_of(name, attributes)
        if above.path:
            path = f"{above.path}/{path}"
        base = _base_within(above.base, attributes)
        place = _Place(
            path,
            base,
            self._vocabulary.fields.get(path),
        )
        if not attributes and len(above.inner) < MAX_NAMES:
            above.inner[name] = place
        return place

    def _learn_prefixes(self, attributes: Attributes) -> None:
        for name, value in attributes.items():
            if name.startswith("xmlns:") and value in PREFIXES:
                self._prefixes[name.removeprefix("xmlns:")] = PREFIXES[value]
                self._top = _Place("", self._top.base)  # what was known by name

    def _path_of(
        self,
        name: str,
        attributes: Attributes,
    ) -> str:
        prefix, _, local = name.rpartition(":")
        if prefix == self._own_prefix:
            prefix = ""
        if prefix:
            return f"{self._prefixes.get(prefix, prefix)}:{local}"
        if (by := self._vocabulary.told_apart.get(local)) is not None:
            attribute, usual = by
            return f"{local}[{attributes.get(attribute, usual).lower()}]"
        return local

    def _put(
        self,
        field: Field,
        text: str,
        base: str,
    ) -> None:
        value = text.strip() if field.is_url else " ".join(text.split())
        self._room -= len(value)
        if not value or self._room < 0:
            return
        if field.is_url:
            value = _absolute(value, base)
        if field.is_spare:
            self._spare = value
        if field.is_list:
            values = self._entry.setdefault(field.column, [])
            if len(values) < MAX_VALUES:
                values.append(value)
        else:
            self._entry.setdefault(field.column, value)


def _base_within(base: str, attributes: Attributes) -> str:
    given = attributes.get(_BASE)
    return base if given is None else _absolute(given, base)


def _absolute(reference: str, base: str) -> str:
    """As it stands there, if it is whole or there is nothing that it could be a part of."""
    if not base or "://" in reference:
        return reference
    with suppress(BadUrl):
        return resolved(base, reference).href
    return reference
