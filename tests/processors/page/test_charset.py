"""Which encoding a page is read with."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.charset import (
    _CODECS,
    _LABELS,
    declared_encoding,
    decode,
    encoding_of,
)
from processors.page.facts import PageOptions, page_facts
from tests.prescan import by_the_letter

URL = "https://example.org/shop/page.html?x=1#top"


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
    assert (page.charset, page_facts(page).record["title"]) == (name, "grün")


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
    assert quoted[:2] == (text, name)


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
    text, name, won = decode(body, charset)
    assert "\0" not in text
    text.encode()
    assert name in _LABELS
    assert won in ("bom", "http", "meta", "bytes", "default")


# What was learned from what


def said(body: bytes, charset: str | None = None) -> tuple[object, ...]:
    """won, http, bom, meta, bytes, disagreed."""
    page = Page(URL, body, charset)
    evidence = page_facts(page).record["encoding"]
    assert list(evidence) == [
        "won",
        "http",
        "bom",
        "meta",
        "bytes",
        "disagreed",
    ]
    return tuple(evidence.values())


CYRILLIC = "Привет, как дела? Всё хорошо, спасибо." * 9


def test_the_record_says_what_the_encoding_was_learned_from() -> None:
    meta = b"<meta charset=koi8-r>"
    mark = codecs.BOM_UTF8
    utf_8 = "é".encode()
    assert said(b"a") == ("default", None, None, None, None, False)
    assert said(b"a", "latin1") == (
        "http", "windows-1252", None, None, None, False,
    )  # fmt: skip
    assert said(b"a", "no-such") == ("default", None, None, None, None, False)
    assert said(utf_8) == ("bytes", None, None, None, "utf-8", False)
    assert said(utf_8, "utf8") == (
        "http", "utf-8", None, None, "utf-8", False,
    )  # fmt: skip
    assert said(mark + utf_8) == (
        "bom", None, "utf-8", None, "utf-8", False,
    )  # fmt: skip
    assert said(meta) == ("meta", None, None, "koi8-r", None, False)
    assert said(CYRILLIC.encode("cp1251")) == (
        "bytes", None, None, None, "windows-1251", False,
    )  # fmt: skip
    assert said(b"\xe9") == ("default", None, None, None, None, False)
    late = b" " * 1024 + meta + b"\xe9"
    assert said(late) == ("meta", None, None, "koi8-r", None, False)


def test_the_record_says_that_they_disagreed() -> None:
    meta = b"<meta charset=koi8-r>"
    assert said(meta, "utf-8") == (
        "http", "utf-8", None, "koi8-r", None, True,
    )  # fmt: skip
    assert said(meta + "é".encode()) == (
        "meta", None, None, "koi8-r", "utf-8", True,
    )  # fmt: skip
    assert said("é\ufffd".encode(), "koi8-r") == (
        "http", "koi8-r", None, None, "utf-8", True,
    )  # fmt: skip
    assert said(codecs.BOM_UTF8 + b"a", "koi8-r") == (
        "bom", "koi8-r", "utf-8", None, "utf-8", True,
    )  # fmt: skip
    # called UTF-8, and is not
    assert said(b"\xe9", "utf-8") == ("http", "utf-8", None, None, None, True)
    # U+FFFD may stand in the page itself
    assert said("\ufffd".encode(), "utf-8")[-2:] == ("utf-8", False)


def test_a_page_that_has_the_basic_facts_does_not_say_it() -> None:
    record = page_facts(Page(URL, b"a"), PageOptions(facts="basic")).record
    assert "encoding" not in record
