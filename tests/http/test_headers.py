"""Headers that are sent, and what those of an answer say."""

from __future__ import annotations

import pytest

from scraper.http.headers import (
    merge_headers,
    recordable_headers,
    retry_after,
    split_secrets,
    validators_of,
)
from scraper.model import StoredResponse, Task
from scraper.urls import canonical


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 0.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 0.0),
     ("Thu, 01 Jan 1970 00:05:00 GMT", 200.0), ("Thu Jan  1 00:05:00 1970", 200.0),
     ("-5", None), ("soon", None), ("", None), ("1.5", None),
     ("Fri, 31 Dec 99999 23:59:59 GMT", None), ("Thu, 01 Jan 1970 00:00:00 +9999999999", None),
     (f"Thu, 01 Jan {9**40} 00:00:00 GMT", None), (f"Thu, 01 Jan 1970 {9**40}:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(
    value: str, seconds: float | None
) -> None:
    assert retry_after(value, 100.0) == seconds


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
