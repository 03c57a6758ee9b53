"""Headers that are sent, and what those of an answer say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.http.headers import (
    MAX_PAUSE_SECONDS,
    merge_headers,
    recordable_headers,
    retry_after,
    split_secrets,
    validators_of,
)
from scraper.model import StoredResponse, Task
from scraper.urls import canonical

YEAR = MAX_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 0.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 0.0),
     ("Thu, 01 Jan 1970 00:05:00 GMT", 200.0), ("Thu Jan  1 00:05:00 1970", 200.0),
     ("Thursday, 01-Jan-70 00:05:00 GMT", 200.0), ("Thu, 01 Jan 1970 01:05:00 +0100", 200.0),
     ("  7\t", 7.0), ("000000000000000007", 7.0), ("7, 9", 7.0), ("7,", 7.0),
     ("31536000", YEAR), ("31536001", YEAR), ("9" * 400, YEAR),
     ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR), ("Sun, 06 Nov 1994 08:49:37 GMT", YEAR),
     ("+5", None), ("1e3", None), ("0x10", None), ("nan", None), ("inf", None), ("7 s", None),
     (",7", None), ("\u0667", None), ("\xb2", None), ("\xa07", None),
     ("\u0661 Jan 1970 01:00", None),
     ("Thu, 99 Jan 1970 00:05:00 GMT", None), ("2026-11-21T10:00:00Z", None),
     ("-5", None), ("soon", None), ("", None), ("1.5", None),
     ("Fri, 31 Dec 99999 23:59:59 GMT", None), ("Thu, 01 Jan 1970 00:00:00 +9999999999", None),
     (f"Thu, 01 Jan {9**40} 00:00:00 GMT", None), (f"Thu, 01 Jan 1970 {9**40}:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(
    value: str, seconds: float | None
) -> None:
    assert retry_after([value], 100.0) == seconds


@pytest.mark.parametrize(
    ("values", "seconds"),
    [([], None), (["soon", "-1"], None), (["soon", "9", "7"], 9.0), (["9", "7"], 9.0)],
)  # fmt: skip
def test_of_several_values_the_first_counts_that_means_something(
    values: list[str], seconds: float | None
) -> None:
    assert retry_after(values, 100.0) == seconds


@given(st.text(max_size=40) | st.from_regex(r"[0-9 ,.:;eE+-]{1,40}"))
@settings(max_examples=300)
def test_a_pause_is_none_or_a_plain_number_up_to_a_year(value: str) -> None:
    seconds = retry_after([value], 1e9)
    assert seconds is None or 0 <= seconds <= YEAR  # so not NaN


@given(
    st.integers(0, 10**20), st.integers(0, 30), st.sampled_from(["", " ", "\t"])
)
def test_a_number_is_that_many_seconds_however_it_is_written(
    number: int, zeros: int, blank: str
) -> None:
    value = f"{blank}{'0' * zeros}{number}{blank}"
    assert retry_after([value], 0.0) == min(number, YEAR)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)),
    st.sampled_from(["%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]),
    st.integers(-(10**6), 10**6),
)
def test_a_date_is_the_seconds_until_then(
    date: datetime, form: str, ahead: int
) -> None:
    """In the form of today and in that of asctime; the third has years without a century."""
    date = date.replace(microsecond=0)
    now = date.replace(tzinfo=UTC).timestamp() - ahead
    assert retry_after([date.strftime(form)], now) == max(ahead, 0)


def test_a_header_of_the_user_takes_the_place_of_ours_in_any_case() -> None:
    merged = merge_headers(
        {"User-Agent": "ours", "Accept": "*/*"}, ["user-agent: mine", "X-A: b"]
    )
    assert merged == {"user-agent": "mine", "Accept": "*/*", "X-A": "b"}


def test_secrets_are_kept_apart_from_what_every_origin_may_see() -> None:
    shown, secret = split_secrets(
        {"Accept": "*/*", "Cookie": "a=b", "X-Api-Key": "1"}
    )
    assert (shown, secret) == (
        {"Accept": "*/*"},
        {"Cookie": "a=b", "X-Api-Key": "1"},
    )


def test_no_cookie_is_recorded() -> None:
    headers = {"Set-Cookie": "a=b", "ETag": '"1"', "WWW-Authenticate": "Basic"}
    assert recordable_headers(headers.items()) == (("etag", '"1"'),)


@pytest.mark.parametrize("etag", ['"a\r\nX: b"', '"a\0"', '"\u5bcc\u58eb"'])
def test_a_validator_that_cannot_be_sent_is_not(etag: str) -> None:
    url = canonical("https://a.example/")
    stored = StoredResponse("a.html", etag=etag, last_modified="yesterday")
    assert validators_of(Task(1, url, url, stored=stored)) == {
        "If-Modified-Since": "yesterday"
    }
