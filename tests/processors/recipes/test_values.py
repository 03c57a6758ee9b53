"""Each type: numbers, dates, URLs, HTML, tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.recipes.amounts import MAX_INTEGER, read_number
from processors.recipes.dates import read_date
from tests.processors.recipes.test_recipes import failure, value

# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("£51.77", 51.77),
        ("51.00", 51.0),
        ("1.234,50 €", 1234.5),
        ("1,234.50", 1234.5),
        ("1 234,50 kr", 1234.5),
        ("1\u202f234,50\xa0€", 1234.5),
        ("CHF 1'234.50", 1234.5),
        ("CHF 1’234.50", 1234.5),
        ("₹ 1,23,456.78", 123456.78),
        ("1.234.567", 1234567),
        ("1.234", 1234),
        ("1,234", 1234),
        ("0.234", 0.234),
        ("1234.567", 1234.567),
        ("1.234,567", 1234.567),
        (".75", 0.75),
        ("35€99", 35.99),
        ("99 € 79 €", 99),
        ("-5.3 %", -5.3),
        ("−5 %", -5),
        ("– 5", -5),
        ("-$5", -5),
        ("$-5", -5),
        ("-5 EUR", -5),
        ("- EUR 5", -5),
        ("(-3)", -3),
        ("Lamp - 5 €", 5),
        ("10-20", 10),
        ("A-5", 5),
        ("In stock (22 available)", 22),
        ("4.5 out of 5", 4.5),
        ("12 34", 12),
        ("1 2345", 1),
        ("5, 6 and 7", 5),
        ("50%", 50),
        ("٥١٫٧٧", 51.77),
        ("١٬٢٣٤٫٥", 1234.5),
        ("５１", 51),
        ("\u200e12\u200e", 12),
        ("9223372036854775807", MAX_INTEGER),
    ],
)
def test_a_number_is_read(text: str, expected: float) -> None:
    found = read_number(text, None)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1.234", ".", 1.234),
        ("1.234", ",", 1234),
        ("1,234", ",", 1.234),
        ("1,234", ".", 1234),
        ("1,234.5", ".", 1234.5),
        ("51,77", ",", 51.77),
    ],
)
def test_a_decimal_mark_is_obeyed(
    text: str, decimal: str, expected: float
) -> None:
    assert read_number(text, decimal) == expected


@pytest.mark.parametrize(
    ("text", "decimal", "reason"),
    [
        ("sold out", None, "no number"),
        ("Free", None, "no number"),
        ("1.2.3", None, "no number"),
        ("51.77", ",", "decimal mark"),
        ("9" * 20, None, "too large"),
        ("9" * 41, None, "too long"),
    ],
)
def test_what_is_no_number(text: str, decimal: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_number(text, decimal)


FORMS = {
    "1234.5": lambda text: text,
    "1,234.5": lambda text: text,
    "1.234,5": lambda text: text.translate(str.maketrans(",.", ".,")),
    "1 234,5": lambda text: text.translate(str.maketrans(",.", " ,")),
    "1'234.5": lambda text: text.replace(",", "'"),
}


@given(
    st.decimals(-(10**9), 10**9, places=2),
    st.sampled_from(list(FORMS)),
    st.sampled_from(["{}", "€ {}", "{} EUR", "about {} or so", "{}%"]),
)
def test_a_number_in_any_form_is_the_same(
    number: Decimal, form: str, around: str
) -> None:
    """Two digits after the mark leave nothing to guess."""
    grouped = f"{number:.2f}" if form == "1234.5" else f"{number:,.2f}"
    text = around.format(FORMS[form](grouped))
    assert read_number(text, None) == float(number)


@pytest.mark.parametrize(
    ("text", "expected"), [("22 left", 22), ("3.0", 3), ("-1", -1), ("1,000", 1000)]
)  # fmt: skip
def test_an_integer_is_whole(text: str, expected: int) -> None:
    found = value(f"<p>{text}", {"select": "p", "type": "integer"})
    assert found == expected
    assert isinstance(found, int)


# -- dates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "page", "expected"),
    [
        ("2024-03-05", None, "2024-03-05"),
        ("2024-03-05T10:00:00Z", "de", "2024-03-05T10:00:00+00:00"),
        ("March 5, 2024", None, "2024-03-05"),
        ("13/04/2024", None, "2024-04-13"),
        ("03/04/2024", "en-US", "2024-03-04"),
        ("03/04/2024", "en-GB", "2024-04-03"),
        ("03/04/2024", "de", "2024-04-03"),
        ("03/04/2024", "en-001", "2024-04-03"),
        ("2024/03/05", "en-CA", "2024-03-05"),
        ("13/04/2024", "en-CA", "2024-04-13"),
        ("5. März 2024", "de-DE", "2024-03-05"),
        ("5 mars 2024 10:30", "fr", "2024-03-05T10:30:00"),
        ("5. Jänner 2024", "de-AT", "2024-01-05"),
        ("2024年3月5日", "zh-Hans-CN", "2024-03-05"),
        ("٥ مارس ٢٠٢٤", "ar", "2024-03-05"),
        ("March 5, 2024", "tlh", "2024-03-05"),
        ("March 5, 2024", "no language at all", "2024-03-05"),
    ],
)
def test_a_date_is_read(text: str, page: str | None, expected: str) -> None:
    assert read_date(text, None, page) == expected
    lang = f"<html lang='{page}'>" if page else ""
    field = {"select": "p", "type": "date"}
    assert value(f"{lang}<p>{text}", field) == expected


@pytest.mark.parametrize(
    ("text", "page", "reason"),
    [
        ("03/04/2024", None, "mistaken for each other"),
        ("03/04/2024", "en", "mistaken for each other"),
        ("03/04/2024", "en-Latn", "mistaken for each other"),
        ("03/04/2024", "en-XX", "mistaken for each other"),
        ("03/04/2024", " en", "mistaken for each other"),
        ("03/04/2024", "en-CA", "mistaken for each other"),
        ("5. März 2024", "en", "no whole date"),
        ("yesterday", "en", "no whole date"),
        ("gestern", "de", "no whole date"),
        ("in 5 days", "en", "no whole date"),
        ("March 2024", "en", "no whole date"),
        ("March 5", "en", "no whole date"),
        ("1710000000", "en", "no whole date"),
        ("31 February 2024", "en", "no whole date"),
        ("March 5, 2024" * 10, "en", "too long"),
    ],
)
def test_what_is_no_date(text: str, page: str | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_date(text, None, page)


@pytest.mark.parametrize(
    ("html", "field", "expected"),
    [
        ("<time datetime=2024-03-05>soon</time>", {}, "2024-03-05"),
        ("<time datetime=P1D>5 March 2024</time>", {}, "2024-03-05"),
        ("<time title='5 March 2024'>x</time>", {"select": "time@title"}, "2024-03-05"),
        ("<time>03/04/24</time>", {"format": "%d/%m/%y"}, "2024-04-03"),
        ("<time>03/04/24 10.30</time>", {"format": "%d/%m/%y %H.%M"}, "2024-04-03T10:30:00"),
        ("<html lang=en><time>5 mai 2024</time>", {"language": "fr"}, "2024-05-05"),
        ("<time>On 5 May 2024, by me</time>", {"regex": "On (.*),"}, "2024-05-05"),
        ("<time></time>", {}, None),
    ],
)  # fmt: skip
def test_a_date_of_an_element(html: str, field: Any, expected: str) -> None:
    assert value(html, {"select": "time", "type": "date", **field}) == expected


def test_a_date_that_does_not_fit_its_format() -> None:
    field = {"select": "p", "type": "date", "format": "%d/%m/%Y"}
    raised = failure("<p>03.04.2024", {"fields": {"when": field}})
    assert raised.kind == "field_invalid"
    assert "when is no date: '03.04.2024'" in str(raised)


# -- URLs and HTML ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "select", "expected"),
    [
        ("<a href='../b?c#d'>t</a>", "a", "https://example.org/b?c"),
        ("<img src=/b.png>", "img", "https://example.org/b.png"),
        ("<a data-to=//x.org/>t</a>", "a@data-to", "https://x.org/"),
        ("<base href=//y.org/z/><a href=b>t</a>", "a", "https://y.org/z/b"),
        ("<a href='mailto:a@b'>t</a>", "a", None),
        ("<a href='#top'>t</a>", "a", None),
        ("<a>t</a>", "a", None),
    ],
)
def test_a_url_is_absolute(html: str, select: str, expected: str) -> None:
    assert value(html, {"select": select, "type": "url"}) == expected


def test_what_is_no_url() -> None:
    field = {"select": "a", "type": "url"}
    raised = failure("<a href='http://['>t</a>", {"fields": {"to": field}})
    assert "to is no url: 'http://[': it is no URL" in str(raised)


def test_html_is_the_element_as_it_stands() -> None:
    html = "<p class=a> x <b>y</b>\n</p>"
    found = value(html, {"select": "p", "type": "html"})
    assert found == '<p class="a"> x <b>y</b>\n</p>'
    field = {"select": "p", "type": "html", "regex": "<b>(.*)</b>"}
    assert value(html, field) == "y"


# -- tables -----------------------------------------------------------------------------------

TABLE = {"select": "table", "type": "table"}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<tr><th>a<th>b<tr><td>1<td>2", [{"a": "1", "b": "2"}]),
        ("<tr><td>a<td>b<tr><td>1<td> ", [["a", "b"], ["1", None]]),
        ("<tr><th>a<td>1<tr><th>b<td>2", [["a", "1"], ["b", "2"]]),
        ("<thead><tr><td>a<tbody><tr><td>1", [{"a": "1"}]),
        (
            "<tr><th rowspan=2>a<th colspan=2>b<tr><th>c<th>d<tr><td>1<td>2<td>3",
            [{"a": "1", "b c": "2", "b d": "3"}],
        ),
        ("<tr><th>a<th>a<tr><td>1<td>2", [{"a": "1", "a (2)": "2"}]),
        ("<tr><th>a<th><tr><td>1<td>2<td>3", [{"a": "1", "column 2": "2", "column 3": "3"}]),
        ("<tr><th>a<th>b<tr><td>1", [{"a": "1", "b": None}]),
        ("<tr><td colspan=2>1<td>2", [["1", "1", "2"]]),
        ("<tr><td rowspan=2>1<td>2<tr><td>3", [["1", "2"], ["1", "3"]]),
        ("<tr><td>1<td rowspan=0>2<tr><td>3<tr><td>4", [["1", "2"], ["3", "2"], ["4", "2"]]),
        ("<tbody><tr><td rowspan=9>1<tbody><tr><td>2", [["1"], ["2"]]),
        ("<tr><td colspan=x rowspan=-1>1", [["1"]]),
        ("<tr><td>1<table><tr><td>2</table>", [["1 2"]]),
        ("<tr><th>a<th>b", []),
        ("<tr><tr><td>1", [["1"]]),
        ("", []),
    ],
)  # fmt: skip
def test_a_table_is_read(html: str, expected: Any) -> None:
    assert value(f"<table>{html}</table>", TABLE) == expected


def test_tables_and_what_is_none() -> None:
    html = "<table><tr><td>1</table><table></table><table><tr><td>2</table>"
    assert value(html, {**TABLE, "list": True}) == [[["1"]], [["2"]]]
    assert value("<p>", TABLE) == []
    body = {**TABLE, "select": "tbody"}
    assert value(html, body) == [["1"]]
    wrong = {"fields": {"t": {"select": "p", "type": "table"}}}
    raised = failure("<p>", wrong)
    assert raised.kind == "field_invalid"
    assert "t is no table: a p element is no table" in str(raised)
