"""Which links of a page are followed, and how each leads on."""

from __future__ import annotations

from typing import Any

import pytest

from processors.page import Page
from processors.page.attention import EVERYTHING, Attention
from processors.page.follow import leads as module
from processors.page.follow.leads import LeadReader, LeadSelectors

URL = "https://a.example/b/page.html"
NONE = LeadSelectors()


def leads_of(
    body: str,
    selectors: LeadSelectors = NONE,
    attention: Attention = EVERYTHING,
    url: str = URL,
    **options: Any,
) -> dict[str, str]:
    page = Page(url, body.encode())
    reader = LeadReader({"all_links": True, **options})
    return dict(reader.read(page, selectors, attention).urls)


@pytest.mark.parametrize(
    ("body", "url"),
    [
        ("<a href=c>", "https://a.example/b/c"),
        ("<a href='c#d'>", "https://a.example/b/c"),
        ("<map><area href=/c></map>", "https://a.example/c"),
        ("<iframe src=c></iframe>", "https://a.example/b/c"),
        ("<a href='//b.example'>", "https://b.example/"),
        ("<base href=/x/><a href=c>", "https://a.example/x/c"),
        ("<base href='javascript:1'><a href=c>", "https://a.example/b/c"),
        ("<a href='HTTPS://A.EXAMPLE:443/%7ec'>", "https://a.example/%7ec"),
    ],
)
def test_a_link_is_followed_as_a_browser_would(body: str, url: str) -> None:
    assert leads_of(body) == {url: "link"}


@pytest.mark.parametrize(
    "body",
    [
        "<a href='javascript:f()'>",
        "<a href='data:text/html,x'>",
        "<a href='mailto:me@a.example'>",
        "<a href='#top'>",
        "<a>",
        "<a href='https://'>",
        "<a href=c rel='external NoFollow'>",
        "<meta name=robots content='noindex, nofollow'><a href=c>",
        "<meta name=ROBOTS content=none><a href=c>",
        "<link rel=stylesheet href=c>",
    ],
)
def test_what_leads_nowhere_is_not_followed(body: str) -> None:
    assert leads_of(body) == {}


@pytest.mark.parametrize(
    "body",
    [
        "<a href=c rel=nofollow>",
        "<meta name=robots content=nofollow><a href=c>",
    ],
)
def test_nofollow_may_be_ignored(body: str) -> None:
    assert leads_of(body, obeys=False) == {"https://a.example/b/c": "link"}


def test_a_url_is_the_strongest_that_it_is() -> None:
    body = """<a href=2 class=next>1</a><a href=x class=item>2</a><a href=y>3</a>
      <div class=item><b><a href=z>4</a></b></div>"""
    selectors = LeadSelectors(("a.next",), (".item",))
    assert leads_of(body, selectors) == {
        "https://a.example/b/2": "next",
        "https://a.example/b/x": "page",
        "https://a.example/b/z": "page",
        "https://a.example/b/y": "link",
    }
    assert "https://a.example/b/y" not in leads_of(
        body, selectors, all_links=False
    )


def test_of_an_element_the_first_link_in_it_is_meant() -> None:
    body = """<div class=n><div class=n><i><a href=1></a></i></div><a href=2></a></div>
      <div class=n>none</div><p><a href=3></a><div class=n><a href=4></a></div>"""
    found = leads_of(body, LeadSelectors((), (".n",)), all_links=False)
    assert list(found) == ["https://a.example/b/1", "https://a.example/b/4"]


@pytest.mark.parametrize(
    "body",
    [
        "<a rel=next href=2>",
        "<link rel='prefetch NEXT' href=2>",
        "<map><area rel=next href=2></map>",
    ],
)
def test_rel_next_is_a_word_of_its_own(body: str) -> None:
    found = leads_of(body, LeadSelectors(("rel=next",)), all_links=False)
    assert found == {"https://a.example/b/2": "next"}


def test_what_is_ignored_leads_nowhere() -> None:
    body = "<div class=ads><a href=c></a></div><a href=d>"
    attention = Attention(ignore=(".ads",))
    assert leads_of(body, attention=attention) == {
        "https://a.example/b/d": "link"
    }


def test_globs_choose_and_reject_wins() -> None:
    body = "<a href=a.html><a href=print/b.html><a href=c.pdf>"
    found = leads_of(body, accept=["*.html"], reject=["*/print/*"])
    assert list(found) == ["https://a.example/b/a.html"]


def test_others_are_left_out_where_only_the_host_counts() -> None:
    body = "<a href='http://a.example/1'><a href='https://a.example:8/2'><a href=3>"
    assert list(leads_of(body, on_host=True)) == [
        "http://a.example/1",
        "https://a.example/b/3",
    ]


def test_parameters_that_say_nothing_go() -> None:
    body = "<a href='c?utm_a=1&d=2'><a href='c?d=2'><a href='c?UTM_a=1&d=2'>"
    assert list(leads_of(body, ignore_params=["utm_*"])) == [
        "https://a.example/b/c?d=2",
        "https://a.example/b/c?UTM_a=1&d=2",
    ]


def test_there_is_an_end_to_the_links_of_a_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_LEADS", 3)
    body = "".join(f"<a href={n}>" for n in range(5)).encode()
    reader = LeadReader({"all_links": True})
    found = reader.read(Page(URL, body), NONE, EVERYTHING)
    assert (len(found.urls), found.is_cut) == (3, True)
