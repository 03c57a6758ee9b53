"""What is ignored is neither text nor link; what is watched alone is hashed."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.attention import EVERYTHING, Attention
from processors.page.facts import PageOptions, page_facts

SHOP = """<title>Lamp</title><h1>A lamp</h1>
<div class=ads>Buy <a href=/ad>a sofa</a><h2>Sofas</h2><div class=ads>now</div></div>
<p class=price>19 <b class=price>EUR</b> <i class=ads>only</i></p>
<a class=ads href=/other>elsewhere</a><a href=/more>more</a>
<ul><li class=price>12</li></ul>"""
ADS = Attention(ignore=(".ads",))


def facts_of(html: str, attention: Attention, **options: Any) -> dict[str, Any]:
    page = Page("http://a.test/", html.encode())
    return page_facts(page, PageOptions(**options), attention).record


def test_what_is_ignored_is_in_no_fact_of_the_text() -> None:
    facts = facts_of(SHOP, ADS)
    assert facts["text"] == "A lamp\n19 EUR\nmore\n12"
    assert [link["url"] for link in facts["links"]] == ["http://a.test/more"]
    assert [heading["text"] for heading in facts["headings"]] == ["A lamp"]
    assert facts["word_count"] == 6
    assert facts["text_hash"] == sha256(facts["text"].encode()).hexdigest()[:16]
    assert "watched" not in facts


def test_what_is_watched_stands_in_the_order_of_the_page_and_once() -> None:
    facts = facts_of(SHOP, Attention(watch=("li", ".price", "h1")))
    assert facts["watched"] == "A lamp\n19 EUR only\n12"
    everything = facts_of(SHOP, EVERYTHING)
    assert facts["text"] == everything["text"]
    assert facts["links"] == everything["links"]
    digest = sha256(facts["watched"].encode()).hexdigest()
    assert facts["text_hash"] == digest[:16] != everything["text_hash"]


def test_what_is_ignored_is_not_watched() -> None:
    facts = facts_of(SHOP, Attention((".price", ".ads"), (".ads",)))
    assert facts["watched"] == "19 EUR\n12"


def test_nothing_that_is_watched_is_there() -> None:
    facts = facts_of(SHOP, Attention(watch=(".gone",)))
    assert (facts["watched"], facts["text_hash"]) == ("", None)


def test_the_basic_facts_have_both() -> None:
    attention = Attention((".price",), (".ads",))
    facts = facts_of(SHOP, attention, facts="basic")
    assert facts["watched"] == "19 EUR\n12"
    assert facts["links"] == ["http://a.test/more"]


@pytest.mark.parametrize("selector", [".x", "div", "*"])
def test_what_nests_deep_is_walked_once(selector: str) -> None:
    html = "<div class=x><a href=/a>b</a>" * 20_000
    facts = facts_of(html, Attention((selector,), (selector,)))
    assert (facts["watched"], facts["links"]) == ("", [])


# A text, or an element: its tag, whether it is meant, what is in it.
TREES = st.recursive(
    st.sampled_from(["one ", "two", " "]),
    lambda inner: st.tuples(
        st.sampled_from(["div", "span", "a href=/l"]),
        st.booleans(),
        st.lists(inner, max_size=4),
    ),
)


def html_of(tree: Any, *, is_whole: bool, in_link: bool = False) -> str:
    if isinstance(tree, str):
        return tree
    tag, is_meant, inner = tree
    if is_meant and not is_whole:
        return ""
    if in_link and tag.startswith("a"):
        tag = "span"  # a link holds no other one
    name = tag.split()[0]
    content = "".join(
        html_of(each, is_whole=is_whole, in_link=in_link or name == "a")
        for each in inner
    )
    return f"<{tag} class={'x' if is_meant else 'y'}>{content}</{name}>"


@given(TREES)
def test_to_ignore_elements_is_to_read_a_page_without_them(tree: Any) -> None:
    ignored = facts_of(html_of(tree, is_whole=True), Attention((), (".x",)))
    assert ignored == facts_of(html_of(tree, is_whole=False), EVERYTHING)


@given(TREES)
def test_to_watch_all_is_to_read_all(tree: Any) -> None:
    html = f"<main>{html_of(tree, is_whole=True)}</main>"
    facts = facts_of(html, Attention(watch=(".x", "main")))
    assert facts["watched"] == facts["text"]
