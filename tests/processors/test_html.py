import codecs
import functools
import json
import pickle
import subprocess
import sys
import time
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import Unusable
from processors.charset import (
    _CODECS,
    _LABELS,
    declared_encoding,
    decode,
    encoding_of,
)
from processors.html import Bounds, apply_function, page_facts
from processors.page import Page
from tests.prescan import by_the_letter

URL = "https://example.org/shop/page.html?x=1#top"


def told(source: str, url: str = URL) -> dict[str, Any]:
    return page_facts(Page(url, source.encode(), "utf-8"))


# What the bytes say


def test_a_byte_order_mark_wins_over_http() -> None:
    page = Page(URL, "\ufeffgrün".encode("utf-16-le"), "iso-8859-1")
    assert (page.charset, page.text) == ("utf-16le", "grün")


def test_http_wins_over_the_page_itself() -> None:
    page = Page(URL, '<meta charset="gb2312">grün'.encode(), "UTF-8")
    assert (page.charset, page.text[-4:]) == ("utf-8", "grün")


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="windows-1251">',
        "<META CHARSET = 'CP1251' >",
        "<html><head foo='<meta charset=utf-8>'><meta charset=windows-1251 />",
        "<!-- <meta charset=utf-8> --><meta name=x charset=windows-1251>",
        "<!--><meta charset=windows-1251>-->",
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        "<meta content=\"a/b; charset = 'windows-1251'\" http-equiv=content-type>",
        '<?xml version="1.0" encoding="windows-1251"?><html>',
        "<meta charset=no-such-thing><meta charset=windows-1251>",
        "<meta content='text/html; charset=utf-8'><meta charset=windows-1251>",
        "<p>" + "." * 2000 + "<meta charset=windows-1251>",
    ],
)
def test_a_page_may_declare_its_own_charset(head: str) -> None:
    page = Page(URL, (head + "Привет").encode("cp1251"))
    assert (page.charset, page.text) == ("windows-1251", head + "Привет")


SHIFTED = "<meta charset=shift_jis>"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        # 1, 2: the bytes run out in the middle of a tag
        ("<meta charset=euc-jp", None),
        ("<meta charset=euc-jp ", None),
        ("<meta charset='euc-jp'", None),
        ("<meta charset", None),
        ("<meta charset=", None),
        ("<meta charset=euc-jp x", None),
        ("<meta charset=euc-jp>", "euc-jp"),
        ("<meta charset='euc-jp>" + SHIFTED, None),
        ('<meta charset="euc-jp>' + SHIFTED, None),
        ("<p title='>" + SHIFTED, None),
        ("<p title='>'>" + SHIFTED, "shift_jis"),
        ("<!-- " + SHIFTED, None),
        ("<!doctype html", None),
        # ... where only an XML declaration is left
        ("<?xml encoding='koi8-r'?><meta charset='euc-jp>", "koi8-r"),
        # 3: an XML declaration in UTF-16
        ("<\0?\0x\0m\0l\0", "utf-16le"),
        ("\0<\0?\0x\0m\0l", "utf-16be"),
        # 4: comments, other tags, and what looks like tags
        ("<!-->" + SHIFTED + "-->", "shift_jis"),
        ("<!--->" + SHIFTED + "-->", "shift_jis"),
        ("<!-- > -- " + SHIFTED + "-->", None),
        ("</meta charset=euc-jp>" + SHIFTED, "shift_jis"),
        ("<! <meta charset=euc-jp>" + SHIFTED, "shift_jis"),
        ("</ <meta charset=euc-jp>" + SHIFTED, "shift_jis"),
        ("<? <meta charset=euc-jp>" + SHIFTED, "shift_jis"),
        ("<3 <meta charset=euc-jp>", "euc-jp"),
        ("<metacharset=euc-jp>" + SHIFTED, "shift_jis"),
        ("<meta/charset=euc-jp>", "euc-jp"),
        ("<meta\x0bcharset=euc-jp>" + SHIFTED, "shift_jis"),
        ("<br/charset=x><meta charset=euc-jp>", "euc-jp"),
        ("<META CHARSET=EUC-JP>", "euc-jp"),
        # get an attribute
        ("<meta /// charset=euc-jp>", "euc-jp"),
        ("<meta charset \t\n = \f euc-jp>", "euc-jp"),
        ("<meta x='y'charset=euc-jp>", "euc-jp"),
        ("<meta x charset=euc-jp/>", None),  # the slash belongs to the value
        ("<meta charset=euc-jp / >", "euc-jp"),
        ("<meta charset=>" + SHIFTED, "shift_jis"),
        ("<meta =charset=euc-jp>" + SHIFTED, "shift_jis"),
        ("<meta charset=euc-jp charset=koi8-r>", "euc-jp"),
        ("<meta charset=\"'euc-jp'\">" + SHIFTED, "shift_jis"),
        ("<meta charset=' \teuc-jp\n'>", "euc-jp"),
        ("<meta charset='euc-jp\xa0'>" + SHIFTED, "shift_jis"),
        # the pragma
        ("<meta http-equiv=Content-Type content='a/b;charset=euc-jp'>", "euc-jp"),
        ("<meta content=charset=euc-jp http-equiv=CONTENT-TYPE>", "euc-jp"),
        ("<meta http-equiv='Content-Type ' content='charset=euc-jp'>" + SHIFTED, "shift_jis"),
        ("<meta http-equiv=' content-type' content='charset=euc-jp'>" + SHIFTED, "shift_jis"),
        ("<meta content='charset=euc-jp'>" + SHIFTED, "shift_jis"),
        ("<meta http-equiv=refresh content='charset=euc-jp'>" + SHIFTED, "shift_jis"),
        ("<meta http-equiv=content-type content='charset=koi8-r' charset=euc-jp>", "euc-jp"),
        ("<meta http-equiv=content-type content='charset=euc-jp' charset=no>" + SHIFTED,
         "shift_jis"),
        # extracting a character encoding from a meta element
        ("<meta http-equiv=content-type content='charset charset = euc-jp; x'>", "euc-jp"),
        ("<meta http-equiv=content-type content='charsetcharset=euc-jp,x'>" + SHIFTED,
         "shift_jis"),
        ("<meta http-equiv=content-type content='charset=\"euc-jp\"x'>", "euc-jp"),
        ("<meta http-equiv=content-type content='charset=\"euc-jp charset=koi8-r'>" + SHIFTED,
         "shift_jis"),
        ("<meta http-equiv=content-type content='charset='>" + SHIFTED, "shift_jis"),
        ("<meta http-equiv=content-type content='charset=;euc-jp'>" + SHIFTED, "shift_jis"),
        # what may not be declared in ASCII
        ("<meta charset=utf-16le>", "utf-8"),
        ("<meta charset=utf-16be>", "utf-8"),
        ("<meta charset=x-user-defined>", "windows-1252"),
        # get an XML encoding
        ("<?xml version='1.0' encoding = \"euc-jp\" ?>", "euc-jp"),
        ("<?xml encoding='utf-16'?>", "utf-8"),
        ("<?xml encoding='euc-jp'", None),
        ("<?xml encoding='euc jp'?>", None),
        ("<?xml encoding=euc-jp?>", None),
        ("<?xml encoding=''?>", None),
        ("<?xml version='1.0'?><a encoding='euc-jp'>", None),
        (" <?xml encoding='euc-jp'?>", None),
        ("<?XML encoding='euc-jp'?>", None),
        ("<?xml encoding='koi8-r'?>" + SHIFTED, "shift_jis"),
    ],
)  # fmt: skip
def test_the_prescan_reads_as_the_standard_has_it(
    head: str, encoding: str | None
) -> None:
    assert declared_encoding(head.encode("latin-1")) == encoding


@given(st.lists(st.sampled_from(
    ["<meta", " ", "charset", "=", "euc-jp", "'", '"', ">", "/", "<!--", "-->", "<", "!", "?xml",
     "encoding", "http-equiv", "content", "content-type", "</", "p", ";", "\t", "koi8-r"]
), max_size=40))  # fmt: skip
def test_the_prescan_is_the_standards_step_by_step(pieces: list[str]) -> None:
    head = "".join(pieces).encode()
    assert declared_encoding(head) == by_the_letter(head)


@pytest.mark.parametrize(
    "charset", ["utf-16le", "UTF-16", "utf-16be", "ucs-2", "unicodefffe"]
)
def test_http_may_say_utf_16_without_a_byte_order_mark(charset: str) -> None:
    name = encoding_of(charset) or ""
    page = Page(
        URL, "<title>grün</title>".encode(name[:6] + "-" + name[6:]), charset
    )
    assert (page.charset, page_facts(page)["title"]) == (name, "grün")


def test_a_meta_that_says_utf_16_means_utf_8() -> None:
    assert Page(URL, "<meta charset=utf-16>é".encode()).charset == "utf-8"


@pytest.mark.parametrize("before", ["", " " * 2000])
@pytest.mark.parametrize(
    ("written", "name"), [("utf-8", "utf-8"), ("cp1252", "windows-1252")]
)
def test_a_page_that_is_quoted_in_a_text_declares_nothing(
    before: str, written: str, name: str
) -> None:
    text = f"{before}<meta charset=koi8-r>Ü"
    quoted = decode(text.encode(written), is_markup=False)
    assert quoted == (text, name)


def test_an_undeclared_page_is_utf_8_if_it_can_be() -> None:
    assert Page(URL, "grün".encode()).text == "grün"
    page = Page(URL, b"gr\xfcn \x96 na")
    assert (page.charset, page.text) == ("windows-1252", "grün – na")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("ISO-8859-1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        (" latin1\n", "windows-1252"),
        ('"utf8"', None),
        ("gb2312", "gbk"),
        ("Shift_JIS", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("iso-8859-9", "windows-1254"),
        ("iso8859-2", "iso-8859-2"),
        ("utf-16", "utf-16le"),
        ("utf-7", None),
        ("rot13", None),
        ("hz-gb-2312", None),
        ("", None),
        (None, None),
    ],
)
def test_a_label_means_what_browsers_take_it_for(
    label: str | None, name: str | None
) -> None:
    assert encoding_of(label) == name


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("gb2312", "gb18030", "中文€鎔"),
        ("shift_jis", "cp932", "日本①髙"),
        ("euc-kr", "cp949", "한국똠"),
        ("big5", "big5hkscs", "中文"),
        ("euc-jp", "euc_jp", "日本語"),
        ("windows-874", "cp874", "ไทย"),
    ],
)
def test_an_east_asian_page_is_read_by_the_larger_codec(
    label: str, codec: str, text: str
) -> None:
    assert decode(text.encode(codec), label)[0] == text


def test_an_unknown_charset_of_http_is_ignored() -> None:
    assert Page(URL, "é".encode(), "none").charset == "utf-8"


def test_every_label_has_a_codec() -> None:
    assert all(
        codecs.lookup(_CODECS.get(name, name)) for name in set(_LABELS.values())
    )


@given(
    st.binary(max_size=400),
    st.sampled_from([None, "nonsense", *sorted(_LABELS)]),
)
def test_decoding_never_raises_and_leaves_no_nul_and_no_lone_surrogate(
    body: bytes, charset: str | None
) -> None:
    text, name = decode(body, charset)
    assert "\0" not in text
    text.encode()
    assert name in _LABELS


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
    page = page_facts(Page(URL, source.encode(errors="replace"), "utf-8"))
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

    monkeypatch.setattr("processors.page.LexborHTMLParser", give_up)
    with pytest.raises(Unusable, match="too much") as caught:
        page_facts(Page(URL, b""))
    assert caught.value.kind == "page_broken"


# What a page may cost


def test_links_and_images_are_cut_where_the_bounds_are() -> None:
    source = "".join(
        f"<a href={number}><img src={number}.png></a>" for number in range(30)
    )
    page = page_facts(
        Page(URL, source.encode()), Bounds(max_links=20, max_page_images=10)
    )
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
    page = page_facts(Page(URL, source.encode()), Bounds(max_links=20))
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
    assert page_facts(page)["title"] is None
    assert time.process_time() - began < 5


# The user's function


def test_a_function_returns_plain_data_that_shares_nothing_with_the_page() -> (
    None
):
    def article(page: Page) -> dict[str, Any]:
        heading = page.soup.h1
        assert heading is not None
        return {
            "title": heading.string,
            "seen": date(2024, 5, 6),
            "pair": (1, None, 2.5, True),
        }

    data = apply_function(Page(URL, b"<h1>T</h1>"), article)
    assert data == {
        "title": "T",
        "seen": "2024-05-06",
        "pair": [1, None, 2.5, True],
    }
    assert type(data["title"]) is str


def test_a_date_becomes_iso_text() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9)
    assert (
        apply_function(Page(URL, b""), lambda page: moment)
        == moment.isoformat()
    )


def test_a_function_that_raises_is_named_with_its_line() -> None:
    def price(page: Page) -> str:
        return str({}["missing"])

    with pytest.raises(Unusable) as caught:
        apply_function(Page(URL, b""), price)
    line = price.__code__.co_firstlineno + 1
    assert caught.value.kind == "function_failed"
    assert "price raised KeyError: 'missing'" in str(caught.value)
    assert str(caught.value).endswith(f"(test_html.py, line {line})")


def test_the_line_is_the_users_own_though_a_library_raised() -> None:
    def broken(page: Page) -> Any:
        return json.loads(page.text)

    with pytest.raises(Unusable) as caught:
        apply_function(Page(URL, b"no json"), broken)
    line = broken.__code__.co_firstlineno + 1
    assert str(caught.value).endswith(f"(test_html.py, line {line})")


def test_a_callable_without_a_name_may_fail_too() -> None:
    with pytest.raises(Unusable, match="partial raised"):
        apply_function(Page(URL, b""), functools.partial(int, "x"))


@pytest.mark.parametrize(
    "returned", [{1, 2}, object(), {"x": b"y"}, "\ud800", {1: 2}, 2**70]
)
def test_what_json_cannot_hold_is_refused(returned: object) -> None:
    with pytest.raises(Unusable, match="not plain data") as caught:
        apply_function(Page(URL, b""), lambda page: returned)
    assert caught.value.kind == "function_failed"


def test_a_function_that_wants_to_exit_only_fails() -> None:
    with pytest.raises(Unusable, match="SystemExit"):
        apply_function(Page(URL, b""), lambda page: sys.exit(3))


def test_a_lack_of_memory_is_not_the_functions_failure() -> None:
    def hungry(page: Page) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        apply_function(Page(URL, b""), hungry)


# The package


def test_unusable_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(Unusable("image_broken", "no picture")))
    assert (type(copy), copy.kind, str(copy)) == (
        Unusable,
        "image_broken",
        "no picture",
    )


def test_a_worker_imports_neither_a_soup_nor_the_scraper() -> None:
    code = (
        "import sys, processors.html, processors.image\n"
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
