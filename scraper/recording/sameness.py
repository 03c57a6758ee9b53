"""What differs between two records of one URL (docs/records.md, "What counts as a change").

A fact is compared only where both records say it: what a failure, another version or other options
have kept from being made is not known, and what is not known has not changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from scraper.recording.value_changes import ValueChange, value_changes

MAX_FIELDS: Final = (
    100  # values, and links added or removed, that are listed one by one
)
MAX_LINKS: Final = 100

_FOUND: Final = ("fields", "items", "data")  # what recipes and functions find
_NOT_MODIFIED: Final = 304
_Record = Mapping[str, Any]


class Change(Struct, frozen=True):
    """A fact that has another value now."""

    before: Any
    after: Any


class LinkChanges(Struct, frozen=True):
    """The first of the links that a page has, and had not, or had and has not, and how many."""

    added: tuple[str, ...]
    added_total: int
    removed: tuple[str, ...]
    removed_total: int


class Differences(Struct, frozen=True, omit_defaults=True):
    """What has changed."""

    bytes: bool = False
    text: bool = False
    fields: tuple[ValueChange, ...] = ()
    fields_total: int = 0
    picture: bool = False
    status: Change | None = None
    title: Change | None = None
    links: LinkChanges | None = None
    is_noise: bool = False
    """The bytes are others, and it is known that nothing that a reader sees is."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What has changed, in words; () if nothing has."""
        return tuple(kind for kind in KINDS if getattr(self, kind))


KINDS: Final = (
    "bytes",
    "text",
    "fields",
    "picture",
    "status",
    "title",
    "links",
)


def differences(
    before: _Record, after: _Record, *, comparable: bool = True
) -> Differences:
    """What has changed from one record of a URL to the next; short ones must be filled in.

    Facts that were made in different ways are not `comparable`: of these only the status and the
    hash of the body are compared.
    """
    found = Differences(
        bytes=_has_new_body(before, after),
        status=_status_change(before, after),
    )
    if not comparable:
        return found
    fields, fields_total = _field_changes(before, after)
    is_watched = _both_say(before, after, "watched")
    found = replace(
        found,
        text=_differ(before, after, _text_key(before, after)),
        fields=fields,
        fields_total=fields_total,
        picture=_differ(before, after, "pixels_hash"),
        title=None if is_watched else _title_change(before, after),
        links=None if is_watched else _link_changes(before, after),
    )
    is_noise = found.kinds == ("bytes",) and _is_seen(before, after)
    return replace(found, is_noise=True) if is_noise else found


def _both_say(before: _Record, after: _Record, key: str) -> bool:
    return key in before and key in after


def _differ(before: _Record, after: _Record, key: str) -> bool:
    return _both_say(before, after, key) and before[key] != after[key]


def _has_new_body(before: _Record, after: _Record) -> bool:
    """That no body was saved says nothing of it."""
    hashes = before.get("sha256"), after.get("sha256")
    return None not in hashes and hashes[0] != hashes[1]


def _text_key(before: _Record, after: _Record) -> str:
    """The hash of what is watched, or of all; the basic facts have none."""
    keys = ("text_hash", "watched")
    return next((key for key in keys if _both_say(before, after, key)), "text")


def _is_seen(before: _Record, after: _Record) -> bool:
    """Do both records say anything of what a reader sees, or looks for?"""
    keys = (_text_key(before, after), "pixels_hash", *_FOUND)
    return any(before.get(key) and after.get(key) for key in keys)


def _status_change(before: _Record, after: _Record) -> Change | None:
    """That no answer came, or one without a body, says nothing of the URL."""
    statuses = before.get("status"), after.get("status")
    if None in statuses or _NOT_MODIFIED in statuses:
        return None
    return None if statuses[0] == statuses[1] else Change(*statuses)


def _title_change(before: _Record, after: _Record) -> Change | None:
    if not _differ(before, after, "title"):
        return None
    return Change(before["title"], after["title"])


def _field_changes(
    before: _Record, after: _Record
) -> tuple[tuple[ValueChange, ...], int]:
    """The first of them, and how many there are."""
    changes = _all_field_changes(before, after)
    found = tuple(islice(changes, MAX_FIELDS))
    return found, len(found) + sum(1 for _ in changes)


def _all_field_changes(
    before: _Record, after: _Record
) -> Iterator[ValueChange]:
    for key in _FOUND:
        if _both_say(before, after, key):
            yield from value_changes(key, before[key], after[key])


def _link_changes(before: _Record, after: _Record) -> LinkChanges | None:
    """Where the list of links is cut, it is not known which are missing in it."""
    if not _both_say(before, after, "links"):
        return None
    had, has = _link_urls(before), _link_urls(after)
    added = [] if _is_cut(before) else [url for url in has if url not in had]
    removed = [] if _is_cut(after) else [url for url in had if url not in has]
    if not added and not removed:
        return None
    return LinkChanges(
        tuple(added[:MAX_LINKS]),
        len(added),
        tuple(removed[:MAX_LINKS]),
        len(removed),
    )


def _link_urls(record: _Record) -> dict[str, None]:
    """In their order; the basic facts have texts, the full ones objects."""
    links: Sequence[Any] = record["links"]
    return dict.fromkeys(
        link if isinstance(link, str) else link["url"] for link in links
    )


def _is_cut(record: _Record) -> bool:
    return "links" in record.get("cut", ())
