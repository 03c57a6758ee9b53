"""A good answer beside the last good one of its URL: what differs, as changes.jsonl has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from scraper.model import Standing
from scraper.outcomes.changes import Came
from scraper.outcomes.outcome import Outcome
from scraper.recording.sameness import Differences, differences
from scraper.redaction import redacted

_PERMANENT = (301, 308)
_USUAL = (200, 304, None)
# By the kind of a difference, the key of the records that says before and after.
_HASHES = {"bytes": "sha256", "text": "text_hash", "picture": "pixels_hash"}
_Record = Mapping[str, Any]


class Comparison(Struct, frozen=True):
    """What came, beside what was there. `what` has by its name what differs, before and after."""

    came: Came
    what: Mapping[str, Any] = field(default_factory=dict)
    is_noise: bool = False  # nothing that a reader sees differs


SAME = Comparison("same")


def may_differ(outcome: Outcome, standing: Standing) -> bool:
    """Is it worth a look at the earlier record? Equal bytes from the same place are not."""
    return (
        not _has_same_bytes(outcome, standing)
        or _answers_elsewhere(outcome, standing)
        or _has_unusual_status(outcome)
    )


def compare(
    outcome: Outcome,
    standing: Standing,
    earlier: _Record,
    *,
    comparable: bool,
) -> Comparison:
    """Beside the record of its last good answer; `earlier` is empty if that is not known."""
    record = outcome.record
    is_same = _has_same_bytes(outcome, standing)
    found = differences(earlier, record, comparable=comparable and not is_same)
    what = _what_differs(found, earlier, record)
    if not is_same:
        sha256 = outcome.fetched.sha256 if outcome.fetched else None
        what["bytes"] = {"before": standing.sha256, "after": sha256}
    came: Came = "other" if what else "same"
    if _answers_elsewhere(outcome, standing):
        addresses = _addresses(outcome, earlier, record)
        if addresses["before"] != addresses["after"]:
            came = "elsewhere"
            what["address"] = addresses
    return Comparison(came, what, found.is_noise)


def _has_same_bytes(outcome: Outcome, standing: Standing) -> bool:
    fetched = outcome.fetched
    return fetched is not None and fetched.sha256 == standing.sha256


def _answers_elsewhere(outcome: Outcome, standing: Standing) -> bool:
    fetched, asked = outcome.fetched, outcome.task.origin_url.href
    before = standing.final_url or asked
    return fetched is not None and fetched.url.href != before


def _has_unusual_status(outcome: Outcome) -> bool:
    fetched, stored = outcome.fetched, outcome.task.stored
    statuses = (
        fetched.status if fetched else None,
        stored.status if stored else None,
    )
    return any(status not in _USUAL for status in statuses)


def _what_differs(
    found: Differences, before: _Record, after: _Record
) -> dict[str, Any]:
    what: dict[str, Any] = {}
    for kind in found.kinds:
        if kind in _HASHES:
            key = _HASHES[kind]
            what[kind] = {"before": before.get(key), "after": after.get(key)}
        elif kind == "fields":
            values = msgspec.to_builtins(found.fields)
            what[kind] = {"values": values, "total": found.fields_total}
        else:
            what[kind] = msgspec.to_builtins(getattr(found, kind))
    return what


def _addresses(
    outcome: Outcome, earlier: _Record, record: _Record
) -> dict[str, str]:
    """Where the URL is said to be for good, before and after."""
    asked = redacted(outcome.task.origin_url.href)
    final = outcome.fetched.url.href if outcome.fetched else asked
    return {
        "before": _address(
            asked,
            earlier.get("redirects", ()),
            earlier.get("final_url", asked),
        ),
        "after": _address(asked, record.get("redirects", ()), redacted(final)),
    }


def _address(
    asked: str, redirects: Iterable[Mapping[str, Any]], final: str
) -> str:
    """Where permanent redirects lead from there; what follows a temporary one is of the moment.

    >>> one, two = {"url": "a", "status": 301}, {"url": "b", "status": 302}
    >>> _address("a", [one, two], "c"), _address("a", [], "a")
    ('b', 'a')
    """
    address = asked
    hops = list(redirects)
    targets = [*(each["url"] for each in hops[1:]), final]
    for hop, target in zip(hops, targets, strict=False):
        if hop["status"] not in _PERMANENT:
            break
        address = target
    return str(address)
