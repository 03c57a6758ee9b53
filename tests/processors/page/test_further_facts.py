"""What the full record says beside the basic one: author, headings, alternates, meta elements."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.facts import PageOptions, page_facts

URL = "http://a.example/b/c"


def facts_of(source: str) -> dict[str, Any]:
    return page_facts(Page(URL, source.encode(), "utf-8")).record


def test_a_page_that_says_nothing() -> None:
    basic = page_facts(Page(URL, b""), PageOptions("basic")).record
    facts = facts_of("")
    assert facts == basic | {
        "encoding": facts["encoding"],
        "author": None,
        "published": None,
        "modified": None,
        "headings": [],
        "feeds": [],
        "alternates": [],
        "open_graph": {},
        "twitter": {},
        "json_ld": [],
        "json_ld_broken": 0,
        "json_ld_flat": {},
        "meta_refresh": None,
        "word_count": 0,
        "text_hash": None,
    }
    assert list(facts)[-1] == "cut"


def test_words_are_counted_and_hashed() -> None:
    facts = facts_of("<p>one  two</p>three<script>four</script>")
    assert facts["word_count"] == 3
    digest = sha256(b"one two\nthree").hexdigest()
    assert facts["text_hash"] == digest[:16]


# -- headings ----------------------------------------------------------------------------------


def test_headings_have_a_level_and_a_text() -> None:
    source = """<h1>A <b>b</b>\n c</h1><h2><img src=x></h2><noscript><h2>no</h2></noscript>
        <h6>d<br>e<script>no</script></h6><template><h1>no</h1></template>"""
    assert facts_of(source)["headings"] == [
        {"level": 1, "text": "A b c"},
        {"level": 6, "text": "d e"},
    ]


def test_headings_end() -> None:
    facts = facts_of("<h1>x</h1>" * 1_001)
    assert (len(facts["headings"]), facts["cut"]) == (1_000, ["headings"])
    (heading,) = facts_of(f"<h1>{'x' * 10**6}</h1>")["headings"]
    assert heading["text"] == "x" * 300


@pytest.mark.parametrize(
    "nested", ["<a href=x><object>", "<h1><div>", "<a href=x>text<object>"]
)
def test_what_stands_in_each_other_takes_no_long_time(nested: str) -> None:
    page = Page(URL, (nested * 20_000 + "word " * 10_000).encode())
    page.tree  # noqa: B018  parsing is not what is measured
    began = time.process_time()
    page_facts(page)
    assert time.process_time() - began < 5


# -- author ------------------------------------------------------------------------------------


def in_json_ld(author: str) -> str:
    return f'<script type=application/ld+json>{{"author": {author}}}</script>'


@pytest.mark.parametrize(
    ("source", "author"),
    [
        (in_json_ld('"Ada"'), "Ada"),
        (in_json_ld('{"name": "Ada  L."}'), "Ada L."),
        (in_json_ld('[{"name": "Ada"}, "Bo", "Ada", 7, {}]'), "Ada, Bo"),
        (in_json_ld('{"name": ["Ada"]}') + "<meta name=Author content=Bo>", "Bo"),
        ("<meta name=author content=Bo>" + in_json_ld('"Ada"'), "Ada"),
        ("<meta name=dc.creator content=Cy><meta name=author content=Bo>", "Bo"),
        (
            "<meta property=article:author content=https://x.example/bo>"
            "<meta name=dc.creator content=Cy>",
            "Cy",
        ),
        ("<meta name=author content=@bo>", None),
        (
            "<p itemprop=author>by <a itemprop=name>Di</a></p>",
            "Di",
        ),
        ("<p itemprop=author> Di\nE. </p>", "Di E."),
        ("<p itemprop=author><meta itemprop=name content=Di></p>", "Di"),
        ("<a rel='nofollow author' href=/di>Di</a>", "Di"),
        ("<meta name=author content=' '>", None),
    ],
)  # fmt: skip
def test_an_author_is_named_by_the_first_source_that_has_one(
    source: str, author: str | None
) -> None:
    assert facts_of(source)["author"] == author


def test_an_author_is_no_novel() -> None:
    facts = facts_of(f"<a rel=author>{'x' * 10**6}</a>")
    assert facts["author"] == "x" * 1_000


# -- feeds and alternates ----------------------------------------------------------------------


def test_feeds_and_alternates_are_told_apart() -> None:
    source = """<base href=/d/>
        <link rel=alternate type=Application/RSS+xml title=" The\nnews " href=rss>
        <link rel="ALTERNATE" hreflang=de-AT href=/de#x>
        <link rel="alternate stylesheet" href=style.css>
        <link rel=alternate type=application/json href=mailto:x>
        <link rel=alternate type=text/html>
        <link rel=canonical href=/e>"""
    facts = facts_of(source)
    assert facts["feeds"] == [
        {
            "url": "http://a.example/d/rss",
            "type": "application/rss+xml",
            "title": "The news",
            "hreflang": None,
        }
    ]
    assert facts["alternates"] == [
        {
            "url": "http://a.example/de",
            "type": None,
            "title": None,
            "hreflang": "de-AT",
        }
    ]


def test_alternates_end() -> None:
    facts = facts_of("<link rel=alternate href=x>" * 1_001)
    assert len(facts["alternates"]) == 1_000
    assert facts["cut"] == ["feeds", "alternates"]


# -- meta elements -----------------------------------------------------------------------------


def test_open_graph_and_twitter_card_have_all_values() -> None:
    source = """<meta property=og:image content=/a.png><meta property=OG:Image content=/b.png>
        <meta name=og:title content=" A\n page "><meta property=article:tag content=x>
        <meta property=og:url><meta property=other content=x>
        <meta name=twitter:card content=summary><meta property=twitter:site content=@a>"""
    facts = facts_of(source)
    assert facts["open_graph"] == {
        "og:image": ["/a.png", "/b.png"],
        "og:title": ["A page"],
        "article:tag": ["x"],
    }
    assert facts["twitter"] == {
        "twitter:card": ["summary"],
        "twitter:site": ["@a"],
    }


@pytest.mark.parametrize(
    "source",
    [
        "<meta name=a>" * 2_001,
        f"<meta name=a content={'x' * 10_000}>" * 101,
        f"<meta name={'n' * 600_000} content=x>" * 2,
    ],
)
def test_meta_elements_end(source: str) -> None:
    assert facts_of(source)["cut"] == ["open_graph", "twitter"]


WORDS = [
    "<a ", "href=x>", "<h1>", "</h1>", "</a>", "<meta name=author ", "content=x", ">", "{}",
    "<link rel=alternate ", "href=y ", "<script type=application/ld+json>", "</script>",
    "<time datetime=", "2024-01-01", "<noscript>", "<table>",
]  # fmt: skip


@given(
    st.lists(
        st.sampled_from(
            [
                "<a",
                "href=x>",
                "<h1>",
                "<meta",
                "name=author",
                "<link",
                "rel=alternate",
                "</h1>",
                "</a>",
                "content=",
                "href=",
                ">",
                "<script",
                "type=application/ld+json>",
                "</script>",
                "{}",
                "<time",
                "datetime=",
                "2024-01-01",
            ]
        )
        | st.text(max_size=5)
    )
)
def test_any_page_has_all_facts(words: list[str]) -> None:
    page = Page(URL, "".join(words).encode(errors="replace"), "utf-8")
    facts, basic = page_facts(page), page_facts(page, PageOptions("basic"))
    assert len(facts.record) == 25
    assert facts.images == basic.images
    urls = [each["url"] for each in facts.record["links"]]
    assert basic.record["links"] == urls
    same = basic.record.keys() - {"links", "images", "cut"}
    assert all(basic.record[name] == facts.record[name] for name in same)
