"""What `status --stale` says: which URLs have had no good answer for too long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from scraper.errors import KINDS
from scraper.model import label_of
from scraper.redaction import redacted, redacted_line
from scraper.storage.readers.staleness import (
    StaleHost,
    Staleness,
    StaleUrl,
    read_staleness,
)
from scraper.text import counted, duration, iso, printable
from scraper.urls import BadUrl, canonical

MAX_SHOWN = 10  # URLs and hosts


class Watched(Struct, frozen=True):
    """What was seen, and when."""

    seen: Staleness
    now: float
    seconds: float

    @property
    def is_stale(self) -> bool:
        """Is there a URL that had no good answer within this time?"""
        return self.seen.of_all.stale > 0

    def text(self) -> str:
        return staleness_text(
            self.seen,
            self.now,
            self.seconds,
        )

    def as_dict(self) -> dict[str, Any]:
        return staleness_as_dict(
            self.seen,
            self.now,
            self.seconds,
        )


def watch_folder(
    ledger: Path,
    seconds: float,
    shows_all: bool,
) -> Watched:
    """Raises UsageError, Unreadable."""
    now, limit = time.time(), None if shows_all else MAX_SHOWN
    return Watched(read_staleness(ledger, now, seconds, limit), now, seconds)


def staleness_text(
    seen: Staleness,
    now: float,
    seconds: float,
) -> str:
    """What is stale, the worst first, and since when the job has not ended well."""
    of_all, within = seen.of_all, duration(seconds)
    if of_all.stale:
        lines = [
            f"stale: {of_all.stale:,} of {counted(of_all.urls, 'URL')}"
            f" had no good answer within {within}"
        ]
        lines += _url_lines(seen, now)
        lines += [_host_line(each, now) for each in seen.hosts]
    else:
        oldest = _ago(of_all.oldest, now)
        lines = [
            f"not stale: each of {counted(of_all.urls, 'URL')}"
            f" had a good answer within {within}, the oldest {oldest}"
        ]
        lines = lines if of_all.urls else ["not stale: no list names a URL"]
    job = f"job: last ended well {_ago(seen.ended_well, now)}"
    if seen.ended != seen.ended_well:
        job += f", last ended {_ago(seen.ended, now)}"
    return "\n".join(map(printable, [*lines, job]))


def _url_lines(seen: Staleness, now: float) -> Iterator[str]:
    for each in seen.worst:
        yield f"  {_ago(each.good_at, now):12} {_shown(each)}  {_end_of(each)}"
    more = seen.of_all.stale - len(seen.worst)
    if more:
        yield f"  {counted(more, 'more URL')}; --all shows them"


def _host_line(each: StaleHost, now: float) -> str:
    share = f"{each.stale:,} of {counted(each.urls, 'URL')}"
    return f"host: {_host_of(each)}  last good {_ago(each.good_at, now)}  stale: {share}"


def staleness_as_dict(
    seen: Staleness, now: float, seconds: float
) -> dict[str, Any]:
    """The same as JSON; times are ISO 8601, null where nothing was ever good."""
    return {
        "within_seconds": seconds,
        "urls": seen.of_all.urls,
        "stale": seen.of_all.stale,
        "oldest_good": _moment(seen.of_all.oldest),
        "worst": [_url_as_dict(each, now) for each in seen.worst],
        "hosts": [_host_as_dict(each, now) for each in seen.hosts],
        "job": {
            "ended": _moment(seen.ended),
            "ended_well": _moment(seen.ended_well),
            "age_seconds": _age(seen.ended_well, now),
        },
    }


def _url_as_dict(each: StaleUrl, now: float) -> dict[str, Any]:
    return {
        "url": _shown(each),
        "last_good": _moment(each.good_at),
        "age_seconds": _age(each.good_at, now),
        "state": each.state,
        "reason": _reason_of(each),
    }


def _host_as_dict(each: StaleHost, now: float) -> dict[str, Any]:
    return {
        "host": _host_of(each),
        "urls": each.urls,
        "stale": each.stale,
        "last_good": _moment(each.good_at),
        "age_seconds": _age(each.good_at, now),
    }


def _shown(each: StaleUrl) -> str:
    kind = KINDS.get(each.error_kind or "")
    is_line = kind is not None and kind.branch == "input"
    return redacted_line(each.url) if is_line else redacted(each.url)


def _end_of(each: StaleUrl) -> str:
    reason = _reason_of(each)
    return f"{each.state}: {reason}" if reason else each.state


def _reason_of(each: StaleUrl) -> str | None:
    """Why its last answer was none of use."""
    if each.error_kind is None:
        return None
    return label_of(each.error_kind, each.status)


def _host_of(each: StaleHost) -> str:
    """A line that is no URL has none."""
    try:
        return canonical(each.url).host
    except BadUrl:
        return "-"


def _ago(at: float | None, now: float) -> str:
    if at is None:
        return "never"
    if at > now:
        return "in the future"
    return f"{duration(now - at)} ago"


def _age(at: float | None, now: float) -> float | None:
    """Negative: the clock was set back since."""
    return None if at is None else round(now - at, 3)


def _moment(at: float | None) -> str | None:
    return None if at is None else iso(at)
