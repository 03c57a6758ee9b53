"""What of changes.jsonl is worth a notice: counts, and the first lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

import orjson
from msgspec import Struct, field

_MAX_LINES = 10  # of a notice
_MAX_LINE_BYTES = 4_000  # a longer one comes without what differs
_SHORT = ("pass", "id", "url", "change", "reason")


class Moved(Struct):
    """The changes of some passes, as far as they are wanted, and where their lines end."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[Mapping[str, Any]] = field(default_factory=list)
    end: int = 0

    def add(
        self,
        line: bytes,
        change: Mapping[str, Any],
    ) -> None:
        self.counts[change["change"]] += 1
        if len(self.lines) < _MAX_LINES:
            is_short = len(line) <= _MAX_LINE_BYTES
            shown = change if is_short else {n: change[n] for n in _SHORT}
            self.lines.append(shown)


def read_moved(
    file: BinaryIO,
    begin: int,
    passes: range,
    wanted: Collection[str],
) -> Moved:
    """The changes of these passes, from `begin` on; of a file that is shorter, all of it."""
    begin = begin if begin <= file.seek(0, 2) else 0
    file.seek(begin)
    moved = Moved(end=begin)
    for line in file:
        moved.end += len(line)
        change = _change_of(line)
        if change and change["pass"] in passes and is_worth(change, wanted):
            moved.add(line, change)
    return moved


def _change_of(line: bytes) -> dict[str, Any] | None:
    """None if it is none: a power cut may leave anything."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    is_change = isinstance(found, dict) and {"pass", "change"} <= found.keys()
    return found if is_change else None


def is_worth(change: Mapping[str, Any], wanted: Collection[str]) -> bool:
    """Is it more than noise, and what is wanted? That is a field of a recipe, or a key of `what`;
    nothing: all that is certain."""
    if change.get("noise") or change["change"] == "unknown":
        return False
    return not wanted or not set(wanted).isdisjoint(_names_in(change))


def _names_in(change: Mapping[str, Any]) -> Iterator[str]:
    what = change.get("what", {})
    yield from what
    for value in what.get("fields", {}).get("values", ()):
        yield value["field"]
        yield value["field"].rpartition(".")[2]
