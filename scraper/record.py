"""One line of records.jsonl: a JSON object for each URL and pass (docs/records.md has its keys)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson
from msgspec.structs import replace

from scraper.errors import is_filtered, is_unsaid, state_of
from scraper.messages import Processed
from scraper.model import (
    Failure,
    Fetched,
    FetchFailed,
    Flag,
    Hop,
    StoredResponse,
    Task,
    Timings,
)
from scraper.outcomes.outcome import Outcome, Place
from scraper.redaction import redacted, redacted_line
from scraper.text import iso, printable_json, unix_of
from scraper.urls import Url, digest, parts_of

# What is written; 1 is read, too. The keys of a page differ: docs/records.md, "Schema 1".
SCHEMA = 2


# The keys of every record, in their order; a page's and a picture's own follow.
KEYS = (
    "schema",
    "pass",
    "index",
    "key",
    "url",
    "canonical_url",
    "final_url",
    "redirects",
    "parent",
    "depth",
    "source",
    "line",
    "state",
    "error_kind",
    "error_stage",
    "error_message",
    "retryable",
    "attempts",
    "status",
    "kind",
    "content_type",
    "bytes",
    "wire_bytes",
    "sha256",
    "path",
    "duplicate_of",
    "robots",
    "x_robots_tag",
    "flags",
    "fetched_at",
    "seconds",
)
# The keys of every short record, in their order. `redirects` and `robots` follow where there are
# any.
SHORT_KEYS = (
    "schema",
    "pass",
    "index",
    "key",
    "same_as",
    "url",
    "parent",
    "depth",
    "source",
    "line",
    "state",
    "attempts",
    "status",
    "fetched_at",
    "seconds",
)
# Schema 1 had no flags, and records of 2 had nothing of duplicates and depths at first.
_KEY_SET = frozenset(KEYS) - {"flags", "duplicate_of", "depth"}
_SHORT_KEY_SET = frozenset(SHORT_KEYS) - {"depth"}
# What a record says of an answer as it is; its `url` is the one that was asked for.
_FACTS = tuple(
    name for name in KEYS if name in Fetched.__struct_fields__ and name != "url"
)
_facts_of = attrgetter(*_FACTS)
# why it failed
_REASON = ("error_kind", "error_stage", "error_message", "retryable")
_NOTHING_KNOWN: dict[str, Any] = dict.fromkeys(KEYS)
# The same of a row in a table: its columns follow the line.
_BEHIND_LINE = KEYS.index("line") + 1
_NOTHING_KNOWN_OF_ROW: dict[str, Any] = dict.fromkeys(
    (*KEYS[:_BEHIND_LINE], "input", *KEYS[_BEHIND_LINE:])
)
NO_FACTS = b"{}"
_Record = dict[str, Any]


# -- one line each, without its end ------------------------------------------------------------


def of_fetched(
    pass_number: int,
    fetched: Fetched,
    processed: Processed | None = None,
    failure: Failure | None = None,
    *,
    path: str | None,
    directives: tuple[str, ...] = (),
    flags: Sequence[Flag] = (),
    duplicate_of: str | None = None,
) -> bytes:
    """The record of a URL that was fetched; `failure` says why its body is of no use.

    What stands in no folder has no `path`. The facts are a JSON object that the worker has encoded,
    fit to be shown, and are appended as they are, so that nothing is decoded on the way.
    """
    record = _common_keys(pass_number, fetched.task, failure)
    record |= zip(_FACTS, _facts_of(fetched), strict=True)
    record |= {
        "final_url": redacted(fetched.url.href),
        "content_type": fetched.type,
        "path": path,
        "duplicate_of": duplicate_of and redacted(duplicate_of),
        "x_robots_tag": list(directives),
        "flags": _flags(flags),
        "fetched_at": iso(fetched.at),
        "seconds": _seconds(
            fetched.timings, processed.seconds if processed else None
        ),
    }
    if failure is not None:
        record |= _reason(failure)
    line = _encode(record)
    if processed is None or is_unsaid(failure) or processed.facts == NO_FACTS:
        return line
    return line[:-1] + b"," + processed.facts[1:]


def of_failed(pass_number: int, failed: FetchFailed) -> bytes:
    """The record of a URL whose request failed."""
    record = _common_keys(pass_number, failed.task, failed.failure)
    record |= {
        "final_url": redacted(failed.url.href),
        "fetched_at": iso(failed.at),
        "seconds": _seconds(failed.timings),
    }
    return _encode(record | _reason(failed.failure))


def before_refusal(task: Task) -> Task:
    """A task that is refused now, with the attempts that were made: a redirect has answered one."""
    return task if task.hops else replace(task, attempt=task.attempt - 1)


def of_refused(pass_number: int, task: Task, failure: Failure) -> bytes:
    """The record of a URL that is not asked, or not again."""
    record = _common_keys(pass_number, task, failure)
    record["final_url"] = None if task.refusal else redacted(task.url.href)
    return _encode(record | _reason(failure))


def of_unchanged(pass_number: int, fetched: Fetched, same_as: int) -> bytes:
    """The short record of a URL of which the record of pass `same_as` is still true."""
    task = fetched.task
    record = {
        "schema": SCHEMA,
        "pass": pass_number,
        "index": task.seq,
        "key": key_of_record(task.origin_url.href),
        "same_as": same_as,
        **_origin(task),
        "state": "unchanged",
        **_asking(fetched),
    }
    seconds = record["seconds"].items()
    record["seconds"] = {
        name: value for name, value in seconds if value is not None
    }
    if task.hops:
        record["redirects"] = _redirects(task)
    if task.robots:
        record["robots"] = task.robots
    return _encode(record)


def of_reprocessed(
    earlier: Mapping[str, Any],
    pass_number: int,
    fetched: Fetched,
    processed: Processed | None,
    failure: Failure | None,
    flags: Sequence[Flag],
    *,
    was_asked: bool = True,
) -> bytes:
    """The full record of a body that has not changed, of which something else is said now. If no
    host `was_asked`, what is said of asking is true still."""
    record = {
        **(_without_facts(earlier) if processed else earlier),
        "pass": pass_number,
        # By now the list may name what only a page had named.
        **_origin(fetched.task),
        "state": "done",
        **dict.fromkeys(_REASON),
        "flags": _flags(flags),
        **(_asking(fetched) if was_asked else {}),
        **(orjson.loads(processed.facts) if processed else {}),
    }
    if processed and not was_asked:
        seconds = _rounded(processed.seconds)
        record["seconds"] = {**earlier["seconds"], "process": seconds}
    if failure is not None:
        record |= {"state": state_of(failure)} | _reason(failure)
        if is_filtered(failure):
            record |= {"path": None, "duplicate_of": None}
    return _encode(record)


# -- their parts -------------------------------------------------------------------------------


def _common_keys(
    pass_number: int, task: Task, failure: Failure | None
) -> _Record:
    """All keys in their order, with what is known of every URL."""
    known = _NOTHING_KNOWN_OF_ROW if task.columns else _NOTHING_KNOWN
    record = known.copy()
    record |= {
        "schema": SCHEMA,
        "pass": pass_number,
        **_origin(task),
        "key": key_of_record(task.origin_url.href),
        "canonical_url": None
        if task.refusal
        else redacted(task.origin_url.href),
        "redirects": _redirects(task),
        "state": state_of(failure) if failure else "done",
        "attempts": task.attempt,
        "robots": task.robots,
        "x_robots_tag": [],
        "flags": [],
    }
    return record


def _origin(task: Task) -> _Record:
    """Who has named the URL, where, and how."""
    return {
        "index": task.seq,
        "url": _as_written(task),
        "parent": redacted(task.parent.href) if task.parent else None,
        "depth": task.depth,
        "source": task.source,
        "line": task.line,
        **({"input": orjson.Fragment(task.columns)} if task.columns else {}),
    }


def _redirects(task: Task) -> list[_Record]:
    return [
        {"url": redacted(hop.url.href), "status": hop.status}
        for hop in task.hops
    ]


def _asking(fetched: Fetched) -> _Record:
    """What is said of a request whose answer brought nothing new."""
    return {
        "attempts": fetched.task.attempt,
        "status": fetched.status,
        "fetched_at": iso(fetched.at),
        "seconds": _seconds(fetched.timings),
    }


def _without_facts(earlier: Mapping[str, Any]) -> _Record:
    return {name: earlier.get(name) for name in KEYS} | {"schema": SCHEMA}


def _flags(flags: Sequence[Flag]) -> list[_Record]:
    return [
        {"flag": each.flag, "evidence": redacted(each.evidence)}
        for each in flags
    ]


def _reason(failure: Failure) -> _Record:
    """Why a URL failed; its status only if the failure has one."""
    reason: _Record = {
        "error_kind": failure.kind,
        "error_stage": failure.stage,
        "error_message": redacted(failure.message),
        "retryable": failure.retryable,
    }
    if failure.status is not None:
        reason["status"] = failure.status
    if failure.not_before is not None:
        reason["not_before"] = iso(failure.not_before)
    return reason


def _encode(record: _Record) -> bytes:
    # A copy: what orjson returns takes 16 kB, however little it holds.
    return printable_json(bytes(memoryview(orjson.dumps(record))))


def key_of_record(url: str) -> str:
    """The `key` of the records of a canonical URL: 64 bits of its hash, in hex."""
    return digest(url)[:8].hex()


def _as_written(task: Task) -> str:
    """The URL as the user wrote it, unless that holds a secret."""
    if task.refusal:
        return redacted_line(task.origin_url.href)
    written = (
        task.written
        if task.written and "@" not in task.written
        else task.origin_url.href
    )
    return redacted(written)


def _seconds(
    timings: Timings, processing: float | None = None
) -> dict[str, float | None]:
    return {
        "connect": _rounded(timings.connect),
        "first_byte": _rounded(timings.first_byte),
        "fetch": _rounded(timings.fetch),
        "process": _rounded(processing),
    }


def _rounded(seconds: float | None) -> float | None:
    # round(seconds, 6) gives the same by way of text, in eight times the time
    return None if seconds is None else round(seconds * 1e6) / 1e6


# -- short and full ----------------------------------------------------------------------------


def is_short(record: Mapping[str, Any]) -> bool:
    """Does another record hold its facts?"""
    return "same_as" in record


def fill_in(
    short: Mapping[str, Any], full: Mapping[str, Any]
) -> dict[str, Any]:
    """A short record with what it does not say, from the one that `same_as` names.

    Of `seconds` it leaves out what is null. The facts are those of the full one, and so is the
    `schema` that says how to read them.
    """
    seconds = dict.fromkeys(full["seconds"]) | short["seconds"]
    return {**full, **short, "schema": full["schema"], "seconds": seconds}


def filled_line(line: bytes, full: Mapping[str, Any]) -> bytes:
    """The line of a short record, filled in."""
    return _encode(fill_in(orjson.loads(line), full))


# -- read back ---------------------------------------------------------------------------------


def decode(line: bytes, url: str) -> _Record:
    """The record in a line. Raises ValueError if it is no record of this canonical URL."""
    record = orjson.loads(line)
    if not isinstance(record, dict):
        raise ValueError("no record")
    keys = _SHORT_KEY_SET if is_short(record) else _KEY_SET
    if not record.keys() >= keys:
        raise ValueError("no record")
    if record["key"] != key_of_record(url):
        raise ValueError("the record of another URL")
    return record


def stored_outcome(
    line: bytes,
    record: Mapping[str, Any],
    id: int,
    url: str,
    *,
    charset: str | None,
    place: Place,
) -> Outcome:
    """The outcome that a record describes; the answer itself, and the task's row, are lost.

    `record` is its line decoded; `url` is the canonical one, whose secrets the record hides;
    `charset` is what HTTP had declared, which no record says.
    """
    is_kept = record["path"] is not None
    refused = record["canonical_url"] is None
    origin_url = Url(url, "", "") if refused else parts_of(url)
    answered = parts_of(record["final_url"]) if record["redirects"] else None
    task = Task(
        id=id,
        url=answered or origin_url,
        origin_url=origin_url,
        attempt=record["attempts"],
        hops=tuple(
            Hop(parts_of(hop["url"]), hop["status"])
            for hop in record["redirects"]
        ),
        depth=depth_of(record),
        parent=parts_of(parent) if (parent := record["parent"]) else None,
        seq=record["index"],
        source=record["source"],
        line=record["line"],
        refusal=record["error_kind"] if refused else None,
        stored=StoredResponse(charset=charset) if is_kept else None,
    )
    return Outcome(
        task,
        record["state"],
        line,
        failure=_failure_of(record),
        stored=True,
        place=place if is_kept else None,
        flags=tuple(each["flag"] for each in record.get("flags", ())),
    )


def depth_of(record: Mapping[str, Any]) -> int:
    """Steps from the list; before records said them, only listed pages led anywhere."""
    return int(record.get("depth") or record["parent"] is not None)


def _failure_of(record: Mapping[str, Any]) -> Failure | None:
    if record["error_kind"] is None:
        return None
    return Failure(
        record["error_kind"],
        record["error_stage"],
        record["error_message"],
        record["retryable"],
        status=record["status"],
        not_before=unix_of(record.get("not_before")),
    )
