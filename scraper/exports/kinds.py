"""What the values of a folder are, looked at before the first row of a table is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import orjson
from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from scraper.exports.columns import KindsOfFolder, OwnKinds
from scraper.exports.fields import Kind
from scraper.exports.reading import RecordFile
from scraper.storage.readers.snapshot import Snapshot

_MARKS = (b'"fields":{', b'"items":[')  # in each record that has some


_NULL = Raw(b"null")


class _Found(Struct):
    """The keys of a record that hold what recipes have found."""

    fields: Raw = _NULL
    items: list[Raw] | None = None


_decoder = Decoder(_Found)


def own_kinds(
    snapshot: Snapshot,
    table: Literal["place", "own"],
) -> dict[str, Kind]:
    """The user's own columns in the order of their tables, but for that of the URL."""
    kinds = OwnKinds()
    for each in snapshot.tables():
        kinds.note(dict.fromkeys(each.others))
    for columns in snapshot.own_columns(table):
        kinds.note(orjson.loads(columns))
    return kinds.kinds()


def kinds_of_folder(
    snapshot: Snapshot,
    file: RecordFile,
    known: KindsOfFolder,
    rows: str,
) -> KindsOfFolder:
    """All that a table of such rows may show, in the order of the tables and of the recipes.
    `known` are the fields that there are in any case. Raises UsageError."""
    marks = _MARKS if rows == "items" else _MARKS[:1]
    fields, items = OwnKinds(), OwnKinds()
    fields.note(dict.fromkeys(known.fields))
    items.note(dict.fromkeys(known.items))
    last = None
    places = snapshot.rows("done") if file.mentions(marks) else iter(())
    for offset, line in file.lines_with_facts(places):
        # rows of one URL follow each other
        if offset == last or not any(mark in line for mark in marks):
            continue
        last = offset
        try:
            found = _decoder.decode(line)
            _note(fields, [found.fields])
            if rows == "items":
                _note(items, found.items or ())
        except (DecodeError, orjson.JSONDecodeError):
            raise file.changed_at(offset) from None
    own = own_kinds(snapshot, "place")
    return KindsOfFolder(own, fields.kinds(), items.kinds())


def _note(
    kinds: OwnKinds,
    objects: Iterable[Raw],
) -> None:
    for raw in objects:
        found = orjson.loads(bytes(raw))
        if isinstance(found, dict):
            kinds.note(found)
