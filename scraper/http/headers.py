"""Headers that are sent, and what those of an answer say. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

import scraper
from scraper.config import FetchSettings
from scraper.errors import UsageError
from scraper.model import Headers, Task
from scraper.redaction import is_secret

SECRET_HEADERS = frozenset(
    {"set-cookie", "set-cookie2", "www-authenticate", "authorization"}
)

MAX_PAUSE_SECONDS = 31_536_000.0  # a year: what is longer is taken as this
MAX_PAUSE_DIGITS = 9  # of which that has eight

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_SECONDS = re.compile(r"([0-9]+)[ \t]*(?:,.*)?", re.DOTALL)
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5
# RFC 9110 14.4
_RANGE_FROM_START = re.compile(r"bytes\s+0-(\d{1,18})/(\d{1,18})")


# -- of a request -----------------------------------------------------------------------------


def agent_of(settings: FetchSettings) -> str:
    """The User-Agent: who asks, and whom to write to about it."""
    if settings.user_agent:
        return settings.user_agent
    contact = f" (+{settings.contact})" if settings.contact else ""
    return f"scraper/{scraper.__version__}{contact}"


def merge_headers(
    ours: Mapping[str, str], lines: Iterable[str]
) -> dict[str, str]:
    """Ours, with the user's in their place: names are the same in any case (RFC 9110 5.1).

    >>> merge_headers({"Accept": "*/*"}, ["accept: text/html"])
    {'accept': 'text/html'}

    Raises UsageError for a line that is no header.
    """
    by_lower_name = {
        name.lower(): (name, value) for name, value in ours.items()
    }
    for line in lines:
        name, value = _parse_header(line)
        lower = name.lower()
        # `Host` is what takes the place of the name in the URL.
        by_lower_name[lower] = "Host" if lower == "host" else name, value
    for name, value in by_lower_name.values():
        _check_header(name, value)
    return dict(by_lower_name.values())


def _parse_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError(
            "a header without a colon cannot be sent: write 'Name: value'"
        )
    return name.strip(), value.strip()


def _check_header(name: str, value: str) -> None:
    if _TOKEN.fullmatch(name) and _FIELD_VALUE.fullmatch(value):
        return
    raise UsageError(
        f"header {name!r} cannot be sent as it is: write 'Name: value', with latin letters only"
    )


def split_secrets(
    headers: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, str]]:
    """Headers that every origin may see, and those that only the user's own may."""
    shown: dict[str, str] = {}
    secret: dict[str, str] = {}
    for name, value in headers.items():
        kept_in = secret if is_secret(name) else shown
        kept_in[name] = value
    return shown, secret


def validators_of(task: Task) -> dict[str, str]:
    """What makes the request conditional (RFC 9110 13.1); empty if nothing is stored, or nothing
    that can be sent."""
    stored = task.stored
    if stored is None or task.purpose != "url":
        return {}
    conditions = {
        "If-None-Match": stored.etag,
        "If-Modified-Since": stored.last_modified,
    }
    return {
        name: value
        for name, value in conditions.items()
        if value and _FIELD_VALUE.fullmatch(value)
    }


# -- of an answer -----------------------------------------------------------------------------


def recordable_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """The headers that may be recorded, in lower case: cookies are secrets."""
    return tuple(
        [
            (lower, value)
            for name, value in pairs
            if (lower := name.lower()) not in SECRET_HEADERS
        ]
    )


def retry_after(values: Sequence[str], now: float) -> float | None:
    """Seconds from `now` that these values of Retry-After ask for (RFC 9110 10.2.3): 0 if that is
    past, a year if it is more, None if they mean nothing.

    One is a number of seconds or any of the three forms of HTTP-date (RFC 9110 5.6.7). Of several
    the first counts that means something.

    >>> retry_after(["120"], 0.0), retry_after(["Thu, 01 Jan 1970 00:01:00 GMT"], 0.0)
    (120.0, 60.0)
    """
    for value in values:
        seconds = _seconds_until(value.strip(" \t"), now)
        if seconds is not None:
            return min(max(seconds, 0.0), MAX_PAUSE_SECONDS)
    return None


def _seconds_until(value: str, now: float) -> float | None:
    if match := _SECONDS.fullmatch(value):
        return float(match[1].lstrip("0")[:MAX_PAUSE_DIGITS] or "0")
    at = unix_of_date(value)
    return None if at is None else at - now


def unix_of_date(value: str) -> float | None:
    """The unix time of an HTTP-date in any of its forms; None if it is none.

    >>> unix_of_date("Thu, 01 Jan 1970 00:01:00 GMT"), unix_of_date("yesterday")
    (60.0, None)
    """
    if not value.isascii():
        return None  # int() would take the digits of any script
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            # asctime's form has no zone, and means GMT
            date = date.replace(tzinfo=UTC)
        return date.timestamp()
    except (ValueError, IndexError, TypeError, OverflowError):
        return None


def is_whole_range(content_range: str | None) -> bool:
    """Is the range of a Content-Range all of it?

    >>> is_whole_range("bytes 0-99/100"), is_whole_range("bytes 0-3/100"), is_whole_range(None)
    (True, False, False)
    """
    match = _RANGE_FROM_START.fullmatch((content_range or "").strip())
    return match is not None and int(match[1]) + 1 == int(match[2])
