"""Which encoding a page is read with that does not say how it is written."""

from __future__ import annotations

import os
import random
import time
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.charset import _CODECS, _LABELS, declared_encoding, decode
from processors.page.detection import _CANDIDATES, detect_encoding
from tests.conftest import PROJECT
from tests.processors.page.written import WRITTEN

PAGES = sorted((PROJECT.parent / "shared/corpus/pages").glob("*.html"))
RIGHT = 0.85
SECONDS = 0.5  # of CPU, for the worst of 64 kB; measured: 0.05


class Written(NamedTuple):
    """A page and how it is written."""

    form: str
    language: str
    encoding: str
    source: str

    @property
    def body(self) -> bytes:
        return self.source.encode(_CODECS.get(self.encoding, self.encoding))


def forms_of(text: str) -> dict[str, str]:
    """The same text as a long page, a short one, and one of a single element."""
    menu = '<ul class="menu"><li><a href="/about">About</a><li>Blog</ul>'
    style = "<style>p { margin: 0 }</style><script>var x = 1 < 2;</script>"
    return {
        "page": f"<!DOCTYPE html><html><head><title>{text[:20]}</title>{style}"
        f"</head><body>{menu}<h1>{text[10:30]}</h1><p class=intro>{text}</p>"
        f'<img alt="{text[40:60]}" src="a.png"><p>Copyright 2024</body></html>',
        "short": f"<html><title>{text[:40]}</title><p>{text[:150]}",
        "bare": f"<p>{text}",
        "long": f"<title>{text[:30]}</title>" + f"<p>{text}</p>\n" * 8,
    }


SET = [
    Written(form, language, encoding, source)
    for language, encodings, text in WRITTEN
    for encoding in encodings.split()
    for form, source in forms_of(text).items()
]


def is_right(page: Written) -> bool:
    return decode(page.body).text == page.source


def test_most_pages_that_declare_nothing_are_read_as_they_were_written() -> (
    None
):
    wrong = [page[:3] for page in SET if not is_right(page)]
    assert len(SET) >= 100
    assert len(wrong) <= (1 - RIGHT) * len(SET), wrong


@pytest.mark.parametrize(
    "encoding",
    """gbk big5 shift_jis euc-jp euc-kr windows-1250 windows-1251 windows-1252 windows-1253
    windows-1255 windows-1256 koi8-r iso-8859-2 iso-8859-15 iso-2022-jp""".split(),  # noqa: SIM905
)
def test_each_encoding_is_found(encoding: str) -> None:
    pages = [page for page in SET if page.encoding == encoding]
    right = [page for page in pages if is_right(page)]
    assert len(right) >= len(pages) / 2
    assert {decode(page.body).charset for page in right} >= {encoding}


def test_a_broken_letter_does_not_hide_what_the_rest_is() -> None:
    text = "".join(text for language, _, text in WRITTEN if language == "zh")
    lines = text.encode("gbk", "ignore").replace(b"<", b"").splitlines() * 20
    lines[2:2] = [b"\xc4\xff", b"\x81"]
    assert decode(b"\n".join(lines)).charset == "gbk"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<p>caf\xe9",
        b"<p>\xa9 2024",
        b"It\x92s \x93here\x94. " * 50,
        os.urandom(70_000),
        b"\xe9" * 7,
    ],
    ids=range(6),
)
def test_what_says_too_little_is_windows_1252(body: bytes) -> None:
    assert detect_encoding(body) in (None, "windows-1252")


@pytest.mark.parametrize("size", [10**5, 10**7])
def test_the_look_at_a_page_is_short_however_long_it_is(size: int) -> None:
    chance = random.Random(1)
    high = bytes(chance.choices(range(0x80, 0x100), k=size // 10)) * 10
    for body in (high, b"<p>\xe9" * (size // 4), b"a" * size + b"\xe9" * 20):
        began = time.process_time()
        detect_encoding(body)
        assert time.process_time() - began < SECONDS


def test_every_candidate_is_an_encoding_of_the_standard() -> None:
    for python, (name, _) in _CANDIDATES.items():
        assert name in _LABELS.values()
        codec = _CODECS.get(name, name)
        text = "".join(map(chr, range(0x20, 0x7F)))
        assert text.encode(python) == text.encode(codec)


# -- what was right before --------------------------------------------------------------------


@given(st.text(max_size=60), st.booleans())
def test_what_is_utf_8_is_read_as_that(text: str, is_markup: bool) -> None:
    body = text.replace("\x1b", "").encode()
    if not body.startswith((b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf")):
        decoded = decode(body, is_markup=is_markup)
        if declared_encoding(body[:1024]) is None:
            assert decoded.charset == "utf-8"


def test_escape_characters_alone_are_no_japanese() -> None:
    for body in (b"\x1b[31mred\x1b[0m", b"\x1b$", b"\x1b$B\x00", b"a\x1b$)Cx"):
        assert decode(body).charset == "utf-8"
    assert decode("é\x1b$B".encode()).charset == "utf-8"


@given(st.binary(max_size=200), st.sampled_from(sorted(set(_LABELS.values()))))
def test_what_is_declared_is_believed(body: bytes, name: str) -> None:
    mark = b"\xef\xbb\xbf"
    if not body.startswith((b"\xfe\xff", b"\xff\xfe", mark)):
        assert decode(body, name).charset == name
        assert decode(mark + body, name).charset == "utf-8"
        if not name.startswith("utf-16"):
            page = b"<meta charset=" + name.encode() + b">" + body
            assert decode(page).charset == name


@pytest.mark.skipif(not PAGES, reason="no ../shared/corpus here")
def test_no_real_page_is_read_otherwise_than_it_was() -> None:
    for path in PAGES:
        body = path.read_bytes()
        declared = declared_encoding(body[:1024])
        assert Page("https://a.b/", body).charset == (declared or "utf-8")
        assert Page("https://a.b/", body, "utf-8").charset == "utf-8"
