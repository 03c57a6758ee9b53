"""Dates as pages write them become ISO 8601, or nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.dates import iso_date
from processors.page.facts import page_facts


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-03-05", "2024-03-05"),
        (" 2024-03-05T10:00:00Z\n", "2024-03-05T10:00:00+00:00"),
        ("2024-03-05T10:00:00+0530", "2024-03-05T10:00:00+05:30"),
        ("2024-03-05T10:00", "2024-03-05T10:00:00"),
        ("20240305", "2024-03-05"),
        ("20240305101500", "2024-03-05T10:15:00"),
        ("2024/03/05", "2024-03-05"),
        ("Tue, 05 Mar 2024 10:00:00 GMT", "2024-03-05T10:00:00+00:00"),
        ("Tue, 05 Mar 2024 10:00:00 EST", "2024-03-05T10:00:00-05:00"),
        ("5 March 2024", "2024-03-05"),
        ("March 5th, 2024 at 10:30 pm", "2024-03-05T22:30:00"),
        ("13/06/2024", "2024-06-13"),
        ("06/13/2024", "2024-06-13"),
        ("05/05/2024", "2024-05-05"),
        # what may be another day, or is not the whole of one
        ("05/06/2024", None),
        ("03.04.2024 10:00", None),
        ("March 2024", None),
        ("2024", None),
        ("2024-03", None),
        ("10:30", None),
        ("Tuesday", None),
        ("5 March 24", None),
        ("1709632800", None),
        ("1709632800000", None),
        ("2024-02-30", None),
        ("2024-03-05T10:00:00+99:99", None),
        ("0000-00-00 00:00:00", None),
        ("yesterday, 2024", None),
        ("Updated 5 March 2024 by somebody" + " " * 100 + "else", None),
        ("", None),
    ],
)
def test_a_date_is_read_whole_or_not_at_all(
    text: str, date: str | None
) -> None:
    assert iso_date(text) == date


def test_a_zone_without_a_known_name_says_nothing() -> None:
    assert iso_date("5 March 2024 10:00 XYZ") == "2024-03-05T10:00:00"


@given(st.text(alphabet="0123456789 -/:.,TZ+apmMarch", max_size=30) | st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    date = iso_date(text)
    assert date is None or datetime.fromisoformat(date)


@given(st.datetimes(datetime(1000, 1, 1), datetime(2999, 1, 1)))
def test_what_is_iso_8601_stays_what_it_is(moment: datetime) -> None:
    assert iso_date(moment.isoformat()) == moment.isoformat()


SOURCES = [
    (
        '<script type="application/ld+json">{"@graph": [{"@type": "Article",'
        '"datePublished": "2024-01-01", "dateModified": "2024-02-01"}]}</script>'
    ),
    '<meta property="article:published_time" content="2024-01-02">'
    '<meta property="article:modified_time" content="2024-02-02">',
    '<meta name="DC.date.issued" content="3 January 2024">',
    '<span itemprop=datePublished content="2024-01-04">today</span>'
    "<p itemprop=dateModified>4 February 2024</p>",
    '<time datetime="2024-01-05T10:00Z">5th</time>',
]


def facts_of(source: str) -> dict[str, Any]:
    return page_facts(Page("http://a.example/", source.encode())).record


@pytest.mark.parametrize("first", range(len(SOURCES)))
def test_sources_are_asked_in_their_order(first: int) -> None:
    facts = facts_of("".join(reversed(SOURCES[first:])))
    assert facts["published"][:10] == f"2024-01-0{first + 1}"
    if first < 4:
        later = {0: 1, 1: 2, 2: 4, 3: 4}[first]
        assert facts["modified"] == f"2024-02-0{later}"


def test_a_time_element_says_nothing_of_a_change() -> None:
    assert facts_of(SOURCES[4])["modified"] is None


def test_what_is_no_date_leaves_the_word_to_the_next_source() -> None:
    unreadable = '<meta property="article:published_time" content="today">'
    broken = SOURCES[0].replace('"2024-01-01"', '["2024-01-01"]')
    facts = facts_of(broken + unreadable + SOURCES[4])
    assert facts["published"] == "2024-01-05T10:00:00+00:00"
