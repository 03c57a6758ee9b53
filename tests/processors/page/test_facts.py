import json
import pickle
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import Unusable
from processors.page import Page
from processors.page.facts import PageOptions, page_facts

URL = "https://example.org/shop/page.html?x=1#top"


BASIC = PageOptions(facts="basic")


def told(source: str, options: PageOptions = BASIC) -> dict[str, Any]:
    return page_facts(Page(URL, source.encode(), "utf-8"), options).record


@given(st.binary(max_size=200))
def test_any_bytes_have_facts_that_json_can_hold(body: bytes) -> None:
    told = page_facts(Page(URL, body))
    assert "\\u0000" not in json.dumps(told)
    json.dumps(told, ensure_ascii=False).encode()


# Facts


def test_a_page_says_its_facts() -> None:
    page = told(
        """<!doctype html><html lang="de-AT"><head><title>
        Tea &amp;  cups </title><meta name="Description" content=" All  about tea ">
        <link rel="alternate canonical" href="/tea#x"></head>
        <body><h1>Tea</h1><p>Green, <b>b</b>lack<br>and <a href="white">white</a>.</p>
        <img src="/tea.jpg" alt=""></body></html>"""
    )
    assert page == {
        "title": "Tea & cups",
        "description": "All about tea",
        "canonical": "https://example.org/tea",
        "language": "de-AT",
        "charset": "utf-8",
        "robots_meta": [],
        "links": ["https://example.org/shop/white"],
        "images": ["https://example.org/tea.jpg"],
        "text": "Tea\nGreen, black\nand white.",
        "cut": [],
    }


@pytest.mark.parametrize(
    "source", ["", "<frameset><frame src=x></frameset>", "<!-- nothing"]
)
def test_what_a_page_does_not_say_is_none_or_empty(source: str) -> None:
    assert told(source) == {
        "title": None,
        "description": None,
        "canonical": None,
        "language": None,
        "charset": "utf-8",
        "robots_meta": [],
        "links": [],
        "images": [],
        "text": "",
        "cut": [],
    }


def test_the_title_is_not_that_of_a_drawing() -> None:
    assert (
        told("<body><svg><g><title>no</title></g></svg><title>yes</title>")[
            "title"
        ]
        == "yes"
    )


def test_links_are_joined_distinct_in_order_and_without_fragment() -> None:
    source = """<a href="b">1</a> <a href=" ./b#part ">2</a> <a href="#top">3</a>
        <a href="?q=a b">4</a> <area href="//other.example"> <a href="HTTP://EXAMPLE.org:80/%7e">5</a>
        <a>6</a> <a href>7</a>"""
    assert told(source)["links"] == [
        "https://example.org/shop/b",
        "https://example.org/shop/page.html?q=a%20b",
        "https://other.example/",
        "http://example.org/%7e",
    ]


def test_full_links_say_what_leads_there() -> None:
    source = """<a href=/a rel="NoFollow ugc"><img src=a.png></a>
        <a href=/b>to <b>b</b>\n now</a><a href="/a#x">A</a> <a href=/c></a>
        <a href=/c rel=next> </a><area href=/d alt=d>"""
    assert told(source, PageOptions())["links"] == [
        {"url": "https://example.org/a", "text": "A", "rel": []},
        {"url": "https://example.org/b", "text": "to b now", "rel": []},
        {"url": "https://example.org/c", "text": "", "rel": []},
        {"url": "https://example.org/d", "text": "", "rel": []},
    ]
    source = "<a href=/a rel='NoFollow\tugc'>x</a>"
    (link,) = told(source, PageOptions())["links"]
    assert link["rel"] == ["nofollow", "ugc"]


def test_basic_links_are_the_urls_of_the_full_ones() -> None:
    source = "<a href=a>1</a><a href=b>2</a><a href=a#b>3</a>"
    full = told(source, PageOptions())["links"]
    assert told(source)["links"] == [link["url"] for link in full]


def test_what_is_not_http_or_cannot_be_joined_is_no_link() -> None:
    bad = [
        "mailto:a@b",
        "javascript:x()",
        "data:,x",
        "ftp://h/",
        "http://h:99999/",
        "http://[/",
    ]
    source = "".join(
        f'<a href="{href}">x</a><img src="{href}">' for href in bad
    )
    page = told(source + "<template><a href=t>t</a></template>")
    assert page["links"] == page["images"] == []


@pytest.mark.parametrize(
    ("base", "link"),
    [
        (
            "<base href='/else/'><base href='/second/'>",
            "https://example.org/else/b",
        ),
        (
            "<base target=x><base href='https://cdn.example/a/'>",
            "https://cdn.example/a/b",
        ),
        ("<base href='http://h:99999/'>", "https://example.org/shop/b"),
        ("<base href='javascript:1'>", "https://example.org/shop/b"),
    ],
)
def test_the_first_base_is_obeyed_if_it_can_be(base: str, link: str) -> None:
    assert told(f"{base}<a href=b>x</a>")["links"] == [link]


@given(st.lists(st.text(max_size=30), max_size=8))
def test_links_are_always_absolute_http_urls(hrefs: list[str]) -> None:
    quoted = [href.replace('"', "&quot;") for href in hrefs]
    source = "".join(
        f'<a href="{href}">x</a><img src="{href}">' for href in quoted
    )
    body = source.encode(errors="replace")
    page = page_facts(Page(URL, body, "utf-8"), BASIC).record
    for url in page["links"] + page["images"]:
        assert url.startswith(("https://", "http://"))
        assert "#" not in url


def test_the_text_is_what_a_reader_sees() -> None:
    source = """<p>one<script>no()</script><style>no{}</style><noscript>no</noscript></p>two
        <a href=x><div>three</div></a>four <b>f</b>ive<template>no</template>
        <table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table><!-- no -->
        <ul><li>x<li>y</ul>
        <pre>  p
        q</pre>&nbsp;end"""
    assert told(source)["text"].split("\n") == (
        ["one", "two", "three", "four five", "a b", "c", "x", "y", "p q", "end"]
    )


def test_a_page_nested_deeper_than_pythons_stack_has_its_text() -> None:
    assert told("<span>" * 20_000 + "deep")["text"] == "deep"


def test_facts_leave_the_tree_as_it_was() -> None:
    page = Page(URL, b"<p>a<script>b</script><a href=c>d</a>")
    before = page.tree.html
    page_facts(page)
    assert page.tree.html == before


def test_a_parser_that_gives_up_makes_the_page_unusable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def give_up(text: str) -> None:
        raise ValueError("too much")

    monkeypatch.setattr("processors.page.page.LexborHTMLParser", give_up)
    with pytest.raises(Unusable, match="too much") as caught:
        page_facts(Page(URL, b""))
    assert caught.value.kind == "page_broken"


# What a page may cost


def test_links_and_images_are_cut_where_the_bounds_are() -> None:
    source = "".join(
        f"<a href={number}><img src={number}.png></a>" for number in range(30)
    )
    options = PageOptions("basic", max_links=20, max_page_images=10)
    page = told(source, options)
    assert page["links"] == [
        f"https://example.org/shop/{number}" for number in range(20)
    ]
    assert page["images"] == [
        f"https://example.org/shop/{number}.png" for number in range(10)
    ]
    assert page["cut"] == ["links", "images"]


def test_as_many_as_the_bounds_are_not_cut() -> None:
    source = "".join(
        f"<a href={number % 20}#{number}>x</a>" for number in range(300)
    )
    page = told(source, PageOptions(max_links=20))
    assert (len(page["links"]), page["cut"]) == (20, [])


def test_the_bounds_hold_without_being_asked_for() -> None:
    source = "".join(
        f"<a href={number}><img src={number}></a>" for number in range(10_001)
    )
    page = told(source)
    assert (len(page["links"]), len(page["images"])) == (10_000, 500)
    assert page["cut"] == ["links", "images"]


LONG = "x" * 5_000_000


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (f"<title>{LONG}</title>", "title"),
        (f"<meta name=description content='{LONG}'>", "description"),
        (f"<html lang='{LONG}'>", "language"),
        (f"<html xml:lang='{LONG}'>", "language"),
    ],
    ids=["title", "description", "lang", "xml:lang"],
)
def test_a_long_text_is_cut(source: str, key: str) -> None:
    page = told(source)
    assert page[key] == "x" * 10_000
    assert page["cut"] == [key]


@pytest.mark.parametrize("length", [9_999, 10_000, 10_001])
def test_a_title_of_10_000_characters_is_whole(length: int) -> None:
    page = told(f"<title>{'é' * length}</title>")
    assert page["title"] == "é" * min(length, 10_000)
    assert page["cut"] == (["title"] if length > 10_000 else [])


def test_millions_of_robots_words_are_cut() -> None:
    page = told("<meta name=robots content='noindex" + ",a" * 1_000_000 + "'>")
    assert page["robots_meta"][:2] == ["noindex", "a"]
    assert sum(map(len, page["robots_meta"])) <= 10_000
    assert page["cut"] == ["robots_meta"]


def test_a_text_without_end_is_cut() -> None:
    page = told("<p>" + "word " * 2_100_000)
    assert (len(page["text"]), page["cut"]) == (10_000_000, ["text"])


@pytest.mark.parametrize("element", ["a href", "img src"])
def test_long_urls_are_bounded_together(element: str) -> None:
    source = "".join(
        f"<{element}='/{number}{'y' * 60_000}'>" for number in range(100)
    )
    page = told(source)
    key = "links" if element == "a href" else "images"
    assert len(page[key]) == 66
    assert page["cut"] == [key]


@pytest.mark.parametrize("element", ["a href", "img src"])
def test_a_url_that_nobody_can_ask_is_left_out(element: str) -> None:
    page = told(f"<{element}='/{LONG}'><{element}=/short>")
    key = "links" if element == "a href" else "images"
    assert (page[key], page["cut"]) == (["https://example.org/short"], [key])


def test_a_canonical_that_nobody_can_ask_is_none() -> None:
    assert told(f"<link rel=canonical href='/{LONG}'>")["canonical"] is None


def test_an_endless_base_is_none() -> None:
    page = told(f"<base href='/{LONG}/'>" + "<a href=x>" * 1000)
    assert page["links"] == ["https://example.org/shop/x"]


def test_pictures_within_the_page_are_no_urls_of_it() -> None:
    page = told(f"<img src='data:image/png;base64,{LONG}'><img src=a.png>")
    assert page["images"] == ["https://example.org/shop/a.png"]
    assert page["cut"] == []


def test_titles_of_nested_drawings_cost_no_walk_each() -> None:
    """One after the other was a minute of work in a page of 360 kB."""
    page = Page(URL, b"<svg>" + b"<g><title></title>" * 20_000)
    began = time.process_time()
    assert page_facts(page).record["title"] is None
    assert time.process_time() - began < 5


def test_unusable_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(Unusable("image_broken", "no picture")))
    assert (type(copy), copy.kind, str(copy)) == (
        Unusable,
        "image_broken",
        "no picture",
    )


def test_a_worker_imports_neither_a_soup_nor_the_scraper() -> None:
    code = (
        "import sys, processors.page.facts, processors.image\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "sys.exit(bool(loaded & {'bs4', 'lxml', 'scraper', 'requests', 'sqlite3'}))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False).returncode
        == 0
    )


def test_a_soup_is_silent_about_what_looks_like_something_else() -> None:
    assert (
        Page(URL, b"<?xml version='1.0'?><html><p>x</p></html>").soup.p
        is not None
    )
    assert Page(URL, b"readme.txt").soup.get_text() == "readme.txt"
