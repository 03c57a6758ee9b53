"""The record: one JSON object for each URL and pass, as docs/records.md describes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from scraper.model import Failure, Fetched, FetchFailed, Hop, Outcome, State, Task, Timings
from scraper.redaction import redacted, redacted_line
from scraper.text import printable_json
from scraper.urls import Url, digest, parts_of

SCHEMA = 1


def encode(
    number: int,
    task: Task,
    state: State,
    *,
    fetched: Fetched | None = None,
    failed: FetchFailed | None = None,
    failure: Failure | None = None,
    path: str | None = None,
    directives: tuple[str, ...] = (),
    processing: float | None = None,
    facts: bytes = b"{}",
) -> bytes:
    """The line of a URL in pass `number`, without its end.

    `processing` are seconds in the worker. `facts` is a JSON object that the worker has encoded,
    fit to be shown; its keys are appended as they are, so that nothing is decoded on the way.
    """
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "pass": number,
        "index": task.seq,
        "key": digest(task.origin_url.href)[:8].hex(),
        "url": _as_written(task),
        "canonical_url": None if task.refusal else redacted(task.origin_url.href),
        "final_url": None,
        "redirects": [{"url": redacted(hop.url.href), "status": hop.status} for hop in task.hops],
        "parent": redacted(task.parent.href) if task.parent else None,
        "source": task.source,
        "line": task.line,
        "state": state,
        "error_kind": None,
        "error_stage": None,
        "error_message": None,
        "retryable": None,
        "attempts": task.attempt,
        "status": None,
        "kind": None,
        "content_type": None,
        "bytes": None,
        "wire_bytes": None,
        "sha256": None,
        "path": path,
        "robots": task.robots,
        "x_robots_tag": list(directives),
        "fetched_at": None,
        "seconds": None,
    }
    if fetched is not None:
        record |= {
            "final_url": redacted(fetched.url.href),
            "status": fetched.status,
            "kind": fetched.kind,
            "content_type": fetched.type,
            "bytes": fetched.bytes,
            "wire_bytes": fetched.wire_bytes,
            "sha256": fetched.sha256,
            "fetched_at": iso(fetched.at),
            "seconds": _seconds(fetched.timings, processing),
        }
    elif failed is not None:
        record |= {
            "final_url": redacted(failed.url.href),
            "fetched_at": iso(failed.at),
            "seconds": _seconds(failed.timings),
        }
    elif not task.refusal:
        record["final_url"] = redacted(task.url.href)
    if failure is not None:
        record |= _failure(failure)
        if failure.status is not None:
            record["status"] = failure.status
    line = printable_json(orjson.dumps(record))
    return line if facts == b"{}" else line[:-1] + b"," + facts[1:]


def _as_written(task: Task) -> str:
    """The URL as the user wrote it, if that tells no secret."""
    if task.refusal:
        return redacted_line(task.origin_url.href)
    written = task.written if task.written and "@" not in task.written else task.origin_url.href
    return redacted(written)


def stored_outcome(line: bytes, id: int, url: str) -> Outcome:
    """The outcome that a line tells of, as far as a line can: without the answer.

    `url` is the canonical one; the line does not tell its secrets.
    """
    record: dict[str, Any] = orjson.loads(line)
    refused = record["canonical_url"] is None
    origin_url = Url(url, "", "") if refused else parts_of(url)
    task = Task(
        id=id,
        url=parts_of(record["final_url"]) if record["final_url"] else origin_url,
        origin_url=origin_url,
        attempt=record["attempts"],
        hops=tuple(Hop(parts_of(hop["url"]), hop["status"]) for hop in record["redirects"]),
        depth=0 if record["parent"] is None else 1,
        parent=parts_of(record["parent"]) if record["parent"] else None,
        seq=record["index"],
        source=record["source"],
        line=record["line"],
        refusal=record["error_kind"] if refused else None,
    )
    return Outcome(task, record["state"], line, failure=_failure_of(record), stored=True)


def _failure_of(record: dict[str, Any]) -> Failure | None:
    if record["error_kind"] is None:
        return None
    return Failure(
        record["error_kind"],
        record["error_stage"],
        record["error_message"],
        record["retryable"],
        status=record["status"],
    )


def unchanged(
    line: bytes, number: int, fetched: Fetched, facts: bytes, failure: Failure | None = None
) -> bytes:
    """The record of an earlier pass, true still; with `facts`, if the body was processed anew."""
    record: dict[str, Any] = orjson.loads(line)
    task = fetched.task
    record |= {
        "pass": number,
        # By now the list may name what only a page had named.
        "index": task.seq,
        "url": _as_written(task),
        "parent": redacted(task.parent.href) if task.parent else None,
        "source": task.source,
        "line": task.line,
        "state": "unchanged",
        "status": fetched.status,
        "attempts": task.attempt,
        "fetched_at": iso(fetched.at),
        "seconds": _seconds(fetched.timings),
    }
    if facts != b"{}":
        record |= orjson.loads(facts)
    if failure is not None:
        record |= {"state": "failed"} | _failure(failure)
    return printable_json(orjson.dumps(record))


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "error_kind": failure.kind,
        "error_stage": failure.stage,
        "error_message": redacted(failure.message),
        "retryable": failure.retryable,
    }


def iso(at: float) -> str:
    """Unix time as ISO 8601, UTC, milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _seconds(timings: Timings, processing: float | None = None) -> dict[str, float | None]:
    return {
        "connect": _rounded(timings.connect),
        "first_byte": _rounded(timings.first_byte),
        "fetch": _rounded(timings.fetch),
        "process": _rounded(processing),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
