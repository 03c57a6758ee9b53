"""Dates as pages write them: ISO 8601, or None."""

import re
import warnings
from datetime import date, datetime, timedelta, timezone
from typing import Final

MAX_DATE_CHARS: Final = 100

# The zones of mail; another name says nothing that can be relied on.
_HOURS: Final = {
    "GMT": 0,
    "UTC": 0,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
_ZONES: Final = {
    name: timezone(timedelta(hours=hours)) for name, hours in _HOURS.items()
}
_YEAR: Final = re.compile(r"(?<!\d)[12]\d{3}", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"\d{4}", re.ASCII)
_WHOLE: Final = (8, 14)  # how many digits are a date, or one with its time
# Two that differ in everything: what comes out the same was said by the text.
_FIRST: Final = datetime(2001, 1, 1, 0, 0, 0)
_SECOND: Final = datetime(2002, 2, 2, 23, 59, 0)


def iso_date(text: str) -> str | None:
    """A date, with its time if it has one, as ISO 8601; None if it is none, or not the whole of it.

    >>> iso_date("Tue, 5 Mar 2024 10:00:00 GMT"), iso_date("5.3.2024"), iso_date("03/04/2024")
    ('2024-03-05T10:00:00+00:00', None, None)

    Where day and month may be mistaken for each other it is None, too.
    """
    text = text.strip()
    if len(text) > MAX_DATE_CHARS or not _YEAR.search(text):
        return None
    if text.isdecimal() and len(text) not in _WHOLE:
        return None
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text).isoformat()
        except ValueError:
            continue  # it may be of the other form, or of none
    return _guessed_date(text)


def _guessed_date(text: str) -> str | None:
    ways = (False,) if _YEAR_FIRST.match(text) else (False, True)
    try:
        found = {_parse(text, day_first) for day_first in ways}
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ):
        return None  # what it raises beside ValueError it does not say
    return found.pop() if len(found) == 1 else None


def _parse(text: str, day_first: bool) -> str:
    """Raises ValueError if year, month or day are not said."""
    from dateutil import parser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a zone that it does not know
        first, second = (
            parser.parse(
                text,
                default=each,
                dayfirst=day_first,
                tzinfos=_ZONES,
            )
            for each in (_FIRST, _SECOND)
        )
    if first.date() != second.date():
        raise ValueError("no whole date")
    has_time = first.time() == second.time()
    return first.isoformat() if has_time else first.date().isoformat()
