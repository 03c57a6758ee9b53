"""What a page says, in one bit for each thing: dates say nothing, all else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from processors.page.follow.sketch import BITS, sketch_of

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "pages"
URL = "http://a.example/x"


def bits(html: str | bytes, *, facts: str = "full") -> int:
    body = html if isinstance(html, bytes) else html.encode()
    page = Page(URL, body)
    said, images = page_facts(page, PageOptions(facts=facts))
    return int.from_bytes(sketch_of(page, said, images), "little")


def news(known: str, then: str) -> int:
    return (bits(then) & ~bits(known)).bit_count()


@pytest.mark.parametrize(
    ("known", "then"),
    [
        ("<p>May 2031", "<p>May 2032"),
        ("<p>on 2031-05-17", "<p>on 2032-06-18"),
        ("<p>on 17.05.2031", "<p>on 18/6/31"),
        ("<p>made at 12:30 in 0.0123s", "<p>made at 9:31:12 in 0.456s"),
        ("<p>key 0a1b2c3d4e5f6a7b8", "<p>key 8b7a6f5e4d3c2b1a0"),
        ("<p>red shirts, large", "<p>Large red shirts"),
        ("<a href=/cal/2031/05>x", "<a href=/cal/2032/06>x"),
        ("<a href='/x?sid=1'>x", "<a href='/x?sid=2'>x"),
        ("<img src='/a.png?t=1716940800'>", "<img src='/a.png?t=1716940899'>"),
    ],
)
def test_what_is_no_news(known: str, then: str) -> None:
    assert news(known, then) == 0


@pytest.mark.parametrize(
    ("known", "then"),
    [
        ("<p>a word", "<p>another word"),
        ("<p>Item 4711", "<p>Item 4712"),
        ("<p>12 EUR", "<p>13.99 EUR"),
        ("<title>Cats</title>", "<title>Dogs</title>"),
        ("<img src=/a.png>", "<img src=/b.png>"),
        ("<img src='/i?id=1'>", "<img src='/i?id=2'>"),
        ("<a href=/red-shirt>x", "<a href=/blue-shirt>x"),
        ("<a href='/x?a=1'>x", "<a href='/x?b=1'>x"),
        # prose of known words
        ("<p>a b c d e f g h", "<p>h g f e d c b a"),
        # a page that scripts fill
        ("<script>{'name': 'a'}</script>", "<script>{'name': 'b'}</script>"),
    ],
)
def test_what_is_news(known: str, then: str) -> None:
    assert news(known, then) > 0


def test_a_page_that_says_nothing_has_no_sketch() -> None:
    page = Page(URL, b"")
    assert sketch_of(page, page_facts(page).record, ()) == b""


@given(st.text(max_size=300))
def test_any_text_has_a_sketch_of_one_size(text: str) -> None:
    page = Page(URL, b"")
    sketch = sketch_of(page, {"text": text, "title": "a word"}, [text])
    assert len(sketch) == BITS // 8


def test_basic_facts_are_enough() -> None:
    html = "<p>one two<a href=/three>four</a><img src=/five.png>"
    assert bits(html, facts="basic") == bits(html)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_each_page_of_a_real_shop_says_something_new() -> None:
    known, pages = 0, sorted(CORPUS.glob("book-*.html"))
    assert len(pages) > 50
    for path in pages:
        said = bits(path.read_bytes())
        assert said & ~known, path.name
        known |= said
    assert known.bit_count() < BITS / 2
