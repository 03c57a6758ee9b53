"""A recipe finds what BeautifulSoup finds, in any page and by any selector.

The extraction here is written apart from ours: html5lib builds the tree, soupsieve selects, and
what a reader sees is put together by recursion.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.page import Page
from processors.recipes import compile_recipes

URL = "https://example.org/a/b.html"

# -- pages that every parser reads the same ---------------------------------------------------

INLINE = ("span", "b", "em", "i")
BLOCKS = ("div", "section", "ul", "article")
CLASSES = ("x", "y", "z")

words = st.text("ab1£ \n\t<&é ", max_size=6).map(escape)
comments = st.just("<!-- not <b>seen</b> -->")
scripts = st.sampled_from(
    ["<script>var x = '<b>';</script>", "<style>b { c }</style>"]
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "class": st.lists(st.sampled_from(CLASSES), max_size=2).map(" ".join),
        "title": st.text("ab \"'<>", max_size=4),
        "data-to": st.sampled_from(["/x", "y?z=1", "//o.org/", "#t", ""]),
    },
)


def element(tag: str, has: dict[str, str], inside: list[str]) -> str:
    said = "".join(f' {name}="{escape(has[name])}"' for name in has)
    return f"<{tag}{said}>{''.join(inside)}</{tag}>"


def elements(
    tags: tuple[str, ...], inside: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.builds(
        element, st.sampled_from(tags), attributes, st.lists(inside, max_size=4)
    )


phrases = st.recursive(
    words | comments | scripts,
    lambda inside: elements(INLINE, inside),
    max_leaves=6,
)
paragraphs = elements(("p", "h2", "li"), phrases)
blocks = st.recursive(
    phrases | paragraphs,
    lambda inside: elements(BLOCKS, inside),
    max_leaves=12,
)
pages = st.lists(blocks, max_size=6).map(
    lambda parts: (
        "<!DOCTYPE html><html><head><title>T</title></head><body>"
        f"{''.join(parts)}</body></html>"
    )
)

# -- selectors --------------------------------------------------------------------------------

compounds = st.builds(
    lambda tag, more: (tag + "".join(more)) or "*",
    st.sampled_from(["", *INLINE, *BLOCKS, "p", "li"]),
    st.lists(
        st.sampled_from(
            [
                *(f".{name}" for name in CLASSES),
                "[title]",
                '[class~="x"]',
                '[data-to^="/"]',
                ":first-child:not(html)",  # for Lexbor the root comes second
                ":nth-child(2n):not(html)",
                ":not(.x)",
            ]
        ),
        max_size=2,
    ),
)
chains = st.builds(
    lambda first, rest: first + "".join(sign + each for sign, each in rest),
    compounds,
    st.lists(
        st.tuples(st.sampled_from([" ", " > ", " + ", " ~ "]), compounds),
        max_size=2,
    ),
)
selectors = st.lists(chains, min_size=1, max_size=2).map(", ".join)

# -- the same by BeautifulSoup ----------------------------------------------------------------

UNSEEN = {"script", "style", "title", "head"}
BREAKS = {*BLOCKS, "p", "h2", "li", "body", "html"}


def seen(node: Tag) -> str:
    text = ""
    for child in node.children:
        if isinstance(child, Tag):
            if child.name not in UNSEEN:
                sign = " " if child.name in BREAKS else ""
                text += sign + seen(child) + sign
        elif isinstance(child, NavigableString) and not isinstance(
            child, Comment
        ):
            text += child
    return text


def said(node: Tag, attribute: str | None) -> str | None:
    text = node.get(attribute) if attribute else seen(node)
    text = " ".join(text) if isinstance(text, list) else text
    return " ".join((text or "").split()) or None


def by_soup(top: Tag, selector: str, attribute: str | None) -> dict[str, Any]:
    found = top.select(selector)
    texts = [said(node, attribute) for node in found]
    links = [said(node, "data-to") for node in found]
    urls = [
        urljoin(URL, link)
        for link in links
        if link is not None and not link.startswith("#")
    ]
    return {
        "one": texts[0] if texts else None,
        "all": [text for text in texts if text],
        "links": urls,
    }


def as_fields(selector: str, attribute: str | None) -> dict[str, Any]:
    meant = f"{selector}@{attribute}" if attribute else selector
    return {
        "one": meant,
        "all": {"select": meant, "list": True},
        "links": {"select": f"{selector}@data-to", "type": "url", "list": True},
    }


@settings(max_examples=60, deadline=None)
@given(pages, selectors, st.sampled_from([None, "title", "class"]))
def test_fields_are_what_beautifulsoup_finds(
    html: str, selector: str, attribute: str | None
) -> None:
    recipes = compile_recipes([{"fields": as_fields(selector, attribute)}])
    found = recipes.apply(Page(URL, html.encode(), "utf-8"), URL)
    assert found is not None
    soup = BeautifulSoup(html, "html5lib")
    assert found.fields == by_soup(soup, selector, attribute)


@settings(max_examples=60, deadline=None)
@given(pages, selectors, selectors, st.sampled_from([None, "title"]))
def test_items_are_what_beautifulsoup_finds(
    html: str, each: str, selector: str, attribute: str | None
) -> None:
    fields = as_fields(selector, attribute) | {"own": ":self", "to": "@title"}
    recipes = compile_recipes(
        [
            {"each": each, "fields": fields},
            {"fields": {"nested": {"each": each, "fields": fields}}},
        ]
    )
    found = recipes.apply(Page(URL, html.encode(), "utf-8"), URL)
    assert found is not None
    soup = BeautifulSoup(html, "html5lib")
    expected = [
        by_soup(item, selector, attribute)
        | {"own": said(item, None), "to": said(item, "title")}
        for item in soup.select(each)
    ]
    assert found.items == expected
    assert found.fields == {"nested": expected}


cells = st.lists(st.text("ab 1", max_size=3), min_size=1, max_size=4)


@given(st.lists(cells, min_size=1, max_size=4), st.booleans())
def test_a_table_is_what_beautifulsoup_finds(
    rows: list[list[str]], has_header: bool
) -> None:
    marks = ["th" if has_header else "td", *["td"] * (len(rows) - 1)]
    html = "".join(
        element("tr", {}, [element(mark, {}, [cell]) for cell in row])
        for mark, row in zip(marks, rows, strict=True)
    )
    page = Page(URL, f"<table><tbody>{html}</table>".encode())
    field = {"select": "table", "type": "table"}
    found = compile_recipes([{"fields": {"it": field}}]).apply(page, URL)
    assert found is not None
    soup = BeautifulSoup(f"<table><tbody>{html}</table>", "html5lib")
    lines = [
        [said(cell, None) for cell in line.find_all(["td", "th"])]
        for line in soup.find_all("tr")
    ]
    if not has_header:
        assert found.fields["it"] == lines
        return
    values = [list(row.values()) for row in found.fields["it"]]
    width = max(map(len, lines))
    assert values == [row + [None] * (width - len(row)) for row in lines[1:]]
