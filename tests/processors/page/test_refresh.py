"""Where a page sends its reader on: the standard's steps, and what is taken of them."""

from __future__ import annotations

import re
import time
from typing import Any

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.facts import page_facts
from processors.page.refresh import parse_refresh

URL = "http://a.example/b/c"


def refresh(content: str) -> tuple[int, str] | None:
    found = parse_refresh(URL, can_ada.parse(URL), content)
    return None if found is None else (found["seconds"], found["url"])


@pytest.mark.parametrize(
    ("content", "seconds", "address"),
    [
        ("5", 5, "c"),
        ("  5  ", 5, "c"),
        ("5;", 5, "c"),
        ("0; url=/x", 0, "/x"),
        ("0;URL=x", 0, "x"),
        ("0 , uRl \t=\n x", 0, "x"),
        ("0 url=x", 0, "x"),
        ("0;x", 0, "x"),
        ("0; 'x'y", 0, "x"),
        ('0;url="x', 0, "x"),
        ("0;url='x\"", 0, 'x"'),
        ('0;url="x\'y"z', 0, "x'y"),
        ("0;url=''", 0, "c"),
        ("0;urlx", 0, "urlx"),
        ("0;ur l=x", 0, "ur l=x"),
        ("0;u", 0, "u"),
        ("1.9;x", 1, "x"),
        (".5;x", 0, "x"),
        ("5..3.;x", 5, "x"),
        ("5;;x", 5, ";x"),
        ("0;url=http://other.example/", 0, "http://other.example/"),
        ("9999999999;x", 10**9, "x"),
    ],
)
def test_a_refresh_is_read_as_the_standard_says(
    content: str, seconds: int, address: str
) -> None:
    joined = str(can_ada.parse(URL) + address)
    assert refresh(content) == (seconds, joined)


@pytest.mark.parametrize(
    "content",
    ["", " ", "x", "url=x", ";x", "-1;x", "5x", "5a;x", "5:x", "+5",
     "0;javascript:x()", "0;data:,x", "0;http://h:99999/", "\u0665;x",
     "0;" + "x" * 70_000],
)  # fmt: skip
def test_what_means_nothing_is_none(content: str) -> None:
    assert refresh(content) is None


@given(st.text(alphabet="0123456789.;, url='\"/\n\tx", max_size=40) | st.text())
def test_any_text_is_a_refresh_or_none(content: str) -> None:
    found = refresh(content)
    assert found is None or re.match(r"https?://", found[1])


def test_a_long_one_takes_no_long_time() -> None:
    began = time.process_time()
    for content in (
        "1" * 10**6,
        "1." * 10**6,
        "1" + " " * 10**6 + "x",
        "0;url" + " " * 10**6,
    ):
        refresh(content)  # fmt: skip
    assert time.process_time() - began < 2


def facts_of(source: str) -> dict[str, Any]:
    return page_facts(Page(URL, source.encode())).record


def test_the_first_that_means_something_counts() -> None:
    page = facts_of(
        "<base href=/d/><meta http-equiv=refresh content=no>"
        "<meta http-equiv=Refresh content='3;e'>"
        "<meta http-equiv=refresh content='4;f'>"
    )
    assert page["meta_refresh"] == {"seconds": 3, "url": "http://a.example/d/e"}


def test_without_an_address_the_page_itself_is_meant_whatever_its_base() -> (
    None
):
    page = facts_of("<base href=/d/><meta http-equiv=refresh content=3>")
    assert page["meta_refresh"] == {"seconds": 3, "url": URL}


def test_a_reader_without_scripts_is_told_of_something_else() -> None:
    source = "<noscript><meta http-equiv=refresh content='0;/nojs'></noscript>"
    assert facts_of(source)["meta_refresh"] is None
