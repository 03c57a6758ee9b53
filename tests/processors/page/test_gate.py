"""Pages that would take the parser hours end within seconds; all others are left as they are."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import Unusable
from processors.page import Page, gate
from processors.page.facts import page_facts
from processors.page.gate import (
    FREE_CHARS,
    MAX_DEPTH,
    WINDOW_CHARS,
    _Scan,
    make_parsable,
)
from tests.conftest import PROJECT

PAGES = sorted((PROJECT.parent / "shared/corpus/pages").glob("*.html"))
SECONDS = 20.0  # of CPU on a busy machine; measured: 1 to 3


def facts_of(source: str) -> dict[str, object]:
    began = time.process_time()
    try:
        return page_facts(Page("https://a.b/", source.encode())).record
    finally:
        assert time.process_time() - began < SECONDS


def numbered(count: int, form: str) -> str:
    return "".join(form.replace("#", str(n)) for n in range(count))


# -- what is lessened -------------------------------------------------------------------------


def test_what_is_nested_without_end_has_a_record() -> None:
    link = '<a href="/x">there</a>'
    record = facts_of("<title>T</title>" + "<div>" * 300_000 + f"here {link}")
    assert record["title"] == "T"
    assert str(record["text"]).split() == ["here", "there"]
    assert "https://a.b/x" in str(record["links"])


@pytest.mark.parametrize(
    "source",
    [
        "<div>x" * 50_000 + "</div>" * 50_000,
        "<DIV>x" * 50_000,
        "<ul><li>x" * 50_000,
        "<b><div>x" * 50_000,
        "<a href=y><div>x" * 50_000,
        "<table>x" + "<div>" * 50_000,
        "<select>x" + "<option>y</option>" * 50_000,
        "<div>x" * 25_000 + "</i>" * 50_000,
        "<svg><style>" + "<div>x" * 50_000,
        "<object>x" * 50_000,
        numbered(50_000, "<b id=#>x"),
        "<!-- > -->" + "<div class='>'>x" * 50_000,
    ],
    ids=range(12),
)
def test_no_nesting_takes_long(source: str) -> None:
    assert "x" in str(facts_of(source)["text"])


def test_tags_that_are_too_deep_are_spaces() -> None:
    inner = "<div>" * 25_000
    source = f"<p>a{inner}b<i class=x>c</i>d{'</div>' * 25_000}<p>e"
    text = make_parsable(source)
    assert text.count("<div>") == text.count("</div>") == MAX_DEPTH
    assert text.replace(" ", "").endswith(
        f"bcd{'</div>' * MAX_DEPTH}<p>e"
    )  # the inner ones went


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<p " + numbered(100_000, "a# ") + ">", "attributes"),
        ("<p\n" + numbered(100_000, "a#='<b'\n") + ">x" * 9, "attributes"),
        (
            "<div>" * 20_000 + "<p " + numbered(30_000, "a# ") + ">",
            "attributes",
        ),
        (numbered(50_000, "<body a#>"), "attributes"),
        (numbered(10_000, "<b id=#><p>"), "elements"),
        (numbered(10_000, "<p><b id=#></p>"), "elements"),
    ],
    ids=range(6),
)
def test_what_nobody_needs_is_refused(source: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason) as caught:
        facts_of(source)
    assert caught.value.kind == "page_broken"


def test_plain_elements_are_counted_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "MAX_ELEMENTS", 50_000)
    with pytest.raises(Unusable, match="more than 50,000 elements"):
        facts_of("<div>" * 3_000 + "<p>x" * 50_000)


# -- what is left as it is --------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "a word " * 4_000_000,
        "<p title='" + "x" * 30_000_000 + "'>",
        "&amp;" * 5_000_000,
        "\0" * 10_000_000,
        "<a href=x>y</a>" * 100_000,
        "<p>x" * 100_000,
        "<b>x" * 8_000 + "</b>" * 8_000,
        "<table>" + "<tr><td>x" * 50_000,
        "<ul>" + "<li><p>x" * 50_000,
        "<script>" + "'<div>'" * 50_000 + "</SCRIPT ><p>x",
        "<!--" + "<div>" * 50_000 + "--><p>x",
        "<plaintext>" + "<div>" * 50_000,
        "<p>x<div " + "y" * 100_000,
        "<!--" * 50_000,
        "<div" * 50_000,
        "<" * 1_000_000,
        "<title>" + "<div>" * 50_000,
        "<div><p>x</div>" * 50_000,
    ],
    ids=range(18),
)
def test_what_is_only_large_is_left_as_it_is(source: str) -> None:
    assert make_parsable(source) is source


def test_no_real_page_is_changed() -> None:
    if not PAGES:
        pytest.skip("no ../shared/corpus here")
    for path in PAGES:
        text = path.read_text(errors="replace")
        assert make_parsable(text) is text
        _Scan(text).read()  # nor would it be, if it were looked at


@given(
    st.lists(
        st.sampled_from(
            ["<div>", "</div>", "<b>", "</b>", "<a b=c>", "</a>", "x", "<p>", "<", ">", "'", '"',
             "<!--", "-->", "<script>", "</script>", "<svg>", "<title>", "=", "</", "<select>",
             "<option>", "<body c>", " "]
        ),
        max_size=60,
    )
)  # fmt: skip
def test_the_reading_of_tags_never_fails(pieces: list[str]) -> None:
    scan = _Scan("".join(pieces))
    scan.read()
    assert scan.without_deep_tags() == "".join(pieces)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "<a" * n,
        lambda n: '<a="' * n,
        lambda n: "<a b='" * n + '"',
        lambda n: "<!--" * n + ">",
        lambda n: "<script>" * n,
        lambda n: "<a " + "=" * n,
        lambda n: "<b>" * n + "<div>" + "</b>" * n,
        lambda n: "<p " + " " * n + ">",
    ],
    ids=range(8),
)
def test_the_reading_of_tags_is_linear(make: Callable[[int], str]) -> None:
    began = time.process_time()
    _Scan(make(200_000)).read()
    assert time.process_time() - began < SECONDS / 4


def test_a_small_page_is_not_looked_at() -> None:
    assert FREE_CHARS < 2 * WINDOW_CHARS
    small = "<b id=x><p>" * (FREE_CHARS // 11)
    assert make_parsable(small) is small
