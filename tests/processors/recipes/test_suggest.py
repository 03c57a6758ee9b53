"""Every selector that is suggested gives the text; the best ones come first; no page takes long."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.recipes import compile_recipes
from processors.recipes.holders import fold
from processors.recipes.steps import field_name_of, steps_of
from processors.recipes.suggest import MAX_SUGGESTIONS, Suggestion, suggest
from scraper.demo import calendar, harbour, news, shop

URL = "https://example.org/"


def page_of(html: str) -> Page:
    return Page(URL, html.encode())


def shown(html: str, text: str) -> list[tuple[str, str, int]]:
    """Items, selector and number of elements of each suggestion."""
    return [
        (each.each, each.select, each.elements)
        for each in suggest(page_of(html), text)
    ]


def values_of(page: Page, suggestion: Suggestion) -> list[Any]:
    """What a run finds by it."""
    field = {
        "select": suggestion.select,
        "type": suggestion.type,
        "list": suggestion.elements > 1 and not suggestion.each,
    }
    recipe: dict[str, Any] = {"fields": {suggestion.name: field}}
    if suggestion.each:
        recipe["each"] = suggestion.each
    extracted = compile_recipes([recipe]).apply(page, URL)
    assert extracted is not None
    if suggestion.each:
        assert extracted.items is not None
        assert len(extracted.items) == suggestion.elements
        return [item[suggestion.name] for item in extracted.items]
    value = extracted.fields[suggestion.name]
    return value if field["list"] else [value]


def check_suggestions(page: Page, text: str) -> list[Suggestion]:
    suggestions = suggest(page, text)
    assert len(suggestions) <= MAX_SUGGESTIONS
    assert len(set(suggestions)) == len(suggestions)
    for each in suggestions:
        values = values_of(page, each)
        assert any(fold(text) in fold(str(value)) for value in values), each
        if each.type == "text":
            assert set(each.values) <= set(values)
    return suggestions


# -- the law ------------------------------------------------------------------------------------

TEXTS = st.sampled_from(
    ["51.77", "5", "1.77 ", " In stock", "in", "ß ẞ", "&amp;"]
)
TAGS = st.sampled_from(
    'div p span a b h1 h2 ul li table tr td th script title figure o:p x-y b"c'.split()  # noqa: SIM905
)
NAMES = st.sampled_from(
    [
        "",
        " class=price",
        ' class="price active"',
        ' class="a-51 price_color"',
        " id=main",
        ' id="51.77"',
        " title=51.77",
        ' itemprop="price" content="51.77"',
        " data-sku=in",
        ' alt="&quot;5"',
        ' class="été -x a.b --c _d" id="a:b" rel="no\'follow"',
    ]
)
HTML = st.recursive(
    TEXTS,
    lambda inner: st.builds(
        lambda tag, names, parts: f"<{tag}{names}>{''.join(parts)}</{tag}>",
        TAGS,
        NAMES,
        st.lists(inner, max_size=4),
    ),
    max_leaves=40,
)


@given(st.lists(HTML, max_size=5), TEXTS)
def test_what_is_suggested_gives_the_text(parts: list[str], text: str) -> None:
    check_suggestions(page_of("".join(parts)), text.replace("&amp;", "&"))


def test_an_item_is_not_what_is_found_in_it() -> None:
    html = (
        "<h1 class=price>51.77</h1><div class=price><h1>51.7751.77</h1></div>"
    )
    assert any(each.each for each in check_suggestions(page_of(html), "51.77"))


@given(st.lists(HTML, min_size=1, max_size=5))
def test_a_text_that_an_element_holds_alone_is_found(parts: list[str]) -> None:
    html = "".join(parts) + "<section><i>needle</i></section>"
    assert check_suggestions(page_of(html), "needle")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (shop._catalogue_page(0), "£7.20"),
        (shop._catalogue_page(1), "Sea Fog"),
        (shop._page_of(shop.INKS[0]), "6.50"),
        (shop._page_of(shop.INKS[0]), "INK-001"),
        (news._page_of(news.ARTICLES[3]), "21 janvier"),
        (harbour._gallery(), "Caravan"),
        (harbour._timetable(), "22:00"),
        (calendar._programme(), "Ink, a workshop"),
    ],
)
def test_the_pages_of_the_demo_have_suggestions(html: str, text: str) -> None:
    assert check_suggestions(page_of(html), text)


# -- which come first ---------------------------------------------------------------------------


def test_one_element_comes_before_many() -> None:
    html = (
        "<h1>A lamp</h1><p class=price>£51.77"
        "<ul class=others><li><b class=sum>£51.77</b><li><b class=sum>£2</b></ul>"
    )
    assert shown(html, "51.77") == [
        ("", ".price", 1),
        (".others li", ".sum", 2),
        ("", ".sum", 2),
    ]


def test_elements_alike_are_the_fields_of_items() -> None:
    html = "".join(
        f"<article class=product><h3><a href=/{n}>Ink {n}</a></h3>"
        f"<p class=price>£{n}.50</p></article>"
        for n in range(5)
    )
    assert shown(html, "£3.50") == [
        (".product", ".price", 5),
        ("", ".price", 5),
    ]
    first, *_ = suggest(page_of(html), "£3.50")
    assert first.values == ("£0.50", "£1.50", "£2.50")
    assert first.name == "price"


def test_what_is_not_the_first_of_its_kind_in_an_item_is_named_by_another() -> (
    None
):
    html = "".join(
        f"<article class=product><a href=/{n}><img src={n}.png></a>"
        f"<h3><a href=/{n}>Ink {n}</a></h3></article>"
        for n in range(5)
    )
    first, *_ = suggest(page_of(html), "Ink 3")
    assert (first.each, first.select, first.name) == (
        ".product",
        "h3 a",
        "title",
    )


def test_a_value_that_some_items_lack_leaves_them_items() -> None:
    html = "<ul>" + "<li class=ink><i class=price>£1</i><li class=ink>" * 4
    assert shown(html, "£1")[0] == (".ink", ".price", 8)


def test_a_row_of_facts_is_found_by_its_label() -> None:
    html = "<table><tr><th>UPC<td>a897<tr><th>Tax<td>£0.00</table>"
    assert shown(html, "a897")[0][1] == 'th:lexbor-contains("UPC") + td'
    html = "<dl><dt>Pages<dd>352<dt>Language<dd>Dutch</dl>"
    assert shown(html, "352")[0][1] == 'dt:lexbor-contains("Pages") + dd'


def test_a_cell_of_a_table_with_a_header_is_in_that_table() -> None:
    found = suggest(page_of(harbour._timetable()), "22:00")
    (table,) = [each for each in found if each.type == "table"]
    assert (table.select, table.elements) == (".sailings", 1)


def test_a_place_is_named_only_if_nothing_else_can_be() -> None:
    html = "<div><div>a</div><div>b</div></div>"
    assert shown(html, "b") == [("", "body > div > div:nth-child(2)", 1)]
    html = "<main><div>a</div><div>b</div></main>"
    assert all("nth-child" not in each[1] for each in shown(html, "b"))


def test_an_attribute_is_found_too() -> None:
    html = '<meta property="og:price:amount" content="51.77"><p>none'
    assert shown(html, "51.77") == [
        ("", '[property="og:price:amount"]@content', 1)
    ]


def test_a_text_over_several_elements_is_that_of_the_one_around_them() -> None:
    html = "<p class=price><sup>£</sup>51<small>.77</small></p><p>else"
    assert shown(html, "£ 51.77") == [("", ".price", 1)]


def test_case_and_white_space_do_not_count() -> None:
    html = "<p class=stock>In\n  Stock (12)</p>"
    assert shown(html, "IN STOCK") == [("", ".stock", 1)]


@pytest.mark.parametrize("text", ["", "  ", "nowhere", "let x = 1"])
def test_what_no_element_shows_has_no_suggestion(text: str) -> None:
    html = (
        "<style>nowhere</style><script>let x = 1</script><p style='nowhere'>p"
    )
    assert shown(html, text) == []


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made_up",
    [
        "class=css-1q2w3e",
        "class=sc-bdVaJa",
        "id=product_48213",
        "class=active",
        "id='a b'",
        "class='md:flex'",
        "data-id=48213",
        "data-v-7ba5bd90",
        f"id={'x' * 100}",
    ],
)
def test_what_a_machine_has_made_up_is_no_name(made_up: str) -> None:
    node = page_of(f"<div {made_up}>x").tree.css("div")[0]
    assert [step.css for step in steps_of(node)] == ["div"]


def test_the_names_that_authors_give_come_in_this_order() -> None:
    node = page_of(
        "<div class='price_color' itemprop=price id=price data-testid=price-now>x"
    ).tree.css("div")[0]
    assert [step.css for step in steps_of(node)][:4] == [
        "#price",
        ".price_color",
        '[itemprop="price"]',
        '[data-testid="price-now"]',
    ]


def test_a_name_that_holds_the_text_is_none() -> None:
    node = page_of("<div class=lamp title=lamp>lamp").tree.css("div")[0]
    assert [step.css for step in steps_of(node, "lamp")] == ["div"]


@pytest.mark.parametrize(
    ("css", "attribute", "name"),
    [
        (".product_main .price_color", None, "price"),
        ('[itemprop="author"]', None, "author"),
        ("h3 a", "href", "link"),
        (".stars", "title", "stars"),
        ("h1", None, "title"),
        ('th:lexbor-contains("Dries in") + td', None, "dries_in"),
        ("body > p:nth-child(3)", None, "value"),
        (".été", None, "été"),
        ("td", None, "value"),
        ("h3 a", None, "title"),
    ],
)
def test_a_field_is_called_after_its_selector(
    css: str, attribute: str | None, name: str
) -> None:
    assert field_name_of(css, attribute) == name


# -- hostile pages ------------------------------------------------------------------------------

MANY = 100_000
HOSTILE = {
    "siblings": "<p>51.77" * MANY,
    "classes": "".join(f"<p class=w{n:x}>51.77" for n in range(MANY // 2)),
    "deep": "<div>" * 500 + "<b>51.77</b>" * MANY,
    "nested pieces": "<div class='a b c d'>" * 400 + "5<i>1.77" * 10_000,
    "cells": "<table class=t>" + "<tr><td>51.77<td>a" * MANY,
    "attributes": "<p title=51.77 data-x=51.77>5<b>1.</b>77" * 20_000,
    "one text": "51.77 " * 170_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_page_takes_more_than_seconds(kind: str) -> None:
    page = page_of(HOSTILE[kind])
    page.tree.css("none")
    began = time.process_time()
    suggestions = suggest(page, "51.77")
    assert time.process_time() - began < 5
    assert suggestions or kind in ("one text", "nested pieces")
