"""Dates as a page in some language writes them."""

import re
import warnings
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from processors.page.dates import MAX_DATE_CHARS, iso_date

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

DEFAULT_LANGUAGE: Final = "en"
_TAG: Final = re.compile(
    r"([A-Za-z]{2,3})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}|\d{3}))?(?:[-_].*)?"
)
# They differ in everything.
_FIRST: Final = datetime(2001, 1, 1, 0, 0, 0)
_SECOND: Final = datetime(2002, 12, 31, 23, 59, 0)
_ORDERS: Final = ("DMY", "MDY")


def read_date(
    text: str, language: str | None, page_language: str | None
) -> str:
    """A date, with its time if it has one, as ISO 8601; raises ValueError if it is none.

    >>> read_date("5. März 2024", None, "de-AT"), read_date("03/04/2024 10:30", "en-GB", None)
    ('2024-03-05', '2024-04-03T10:30:00')

    Nothing is guessed: the year has to be there, and the order of day and month has to be said
    by the text or by the language. English alone does not say it.
    """
    found = iso_date(text)
    if found:
        return found
    if len(text) > MAX_DATE_CHARS:
        raise ValueError("it is too long for a date")
    for tag in (language, page_language, DEFAULT_LANGUAGE):
        if tag and knows_language(tag):
            return _read_in(tag, text)
    raise AssertionError("English is always known")


def read_formatted(text: str, form: str) -> str:
    """The same by a format of strptime."""
    return _as_iso(datetime.strptime(text, form), _has_time(form))


def check_format(form: str) -> None:
    """Raises ValueError if it is no format of a whole date."""
    for each in (_FIRST, _SECOND):
        if datetime.strptime(each.strftime(form), form).date() != each.date():
            raise ValueError("it does not say year, month and day")


def knows_language(tag: str) -> bool:
    """Is it the name of a language in which dates can be read?"""
    split = _TAG.fullmatch(tag.strip())
    if split is None:
        return False
    try:
        return _parse(tag, "2001-02-03", None) is not None
    except ValueError:
        return False


def _read_in(tag: str, text: str) -> str:
    found = {_parse(tag, text, order) for order in _orders_of(tag)}
    if len(found) > 1:
        raise ValueError(
            "day and month may be mistaken for each other; "
            'language = "en-GB" or "en-US", or a format, says which is which'
        )
    (read,) = found
    if read is None:
        raise ValueError("it is no whole date in this language")
    return read


@lru_cache(maxsize=32)
def _orders_of(tag: str) -> tuple[str | None, ...]:
    """In which orders to read; None is the one of the language in its country.

    English of no country has two. Where the year comes first (Canada), dates that end with it have
    two as well.
    """
    from dateparser.languages.loader import default_loader

    language, region = _split(tag)
    (locale,) = default_loader.get_locale_map(
        languages=[language], region=region
    ).values()
    if locale.shortname == "en":
        return _ORDERS
    is_year_first = locale.info["date_order"].startswith("Y")
    return (None, "MDY") if language == "en" and is_year_first else (None,)


def _parse(tag: str, text: str, order: str | None) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own libraries
        data = _parser(tag, order).get_date_data(text)
    if data.date_obj is None:
        return None
    return _as_iso(data.date_obj, data.period == "time")


@lru_cache(maxsize=32)
def _parser(tag: str, order: str | None) -> "DateDataParser":
    from dateparser.date import DateDataParser

    language, region = _split(tag)
    settings = {
        "PARSERS": ["absolute-time"],  # no `yesterday`, no seconds since 1970
        "STRICT_PARSING": True,
        "REQUIRE_PARTS": ["day", "month", "year"],
        "RETURN_TIME_AS_PERIOD": True,
    }
    if order:
        settings["DATE_ORDER"] = order
    return DateDataParser(
        languages=[language],
        region=region,
        settings=settings,
    )


def _split(tag: str) -> tuple[str, str | None]:
    """Language and country of a tag that is known to have the form of one."""
    split = _TAG.fullmatch(tag.strip())
    assert split is not None
    language, region = split.groups()
    return language.lower(), region and region.upper()


def _has_time(form: str) -> bool:
    return (
        datetime.strptime(_SECOND.strftime(form), form).time() == _SECOND.time()
    )


def _as_iso(moment: datetime, has_time: bool) -> str:
    return moment.isoformat() if has_time else moment.date().isoformat()
