"""Sitemaps and feeds: what they say, in any spelling, and what hostile ones cannot do."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.config import InputSettings
from scraper.sources.maps.entries import MAX_ENTRY_CHARS, entries_in
from scraper.sources.maps.markup import MAX_DEPTH, MAX_TOKEN_CHARS
from scraper.sources.maps.moments import latest_moment
from scraper.sources.maps.vocabulary import BY_ROOT, MAX_VALUES
from scraper.sources.rows import Misread, Row
from scraper.sources.source import file_source
from scraper.sources.text import TableRow, parse_line
from tests.sources.test_tables import read, refusal, rows_of

A, B = "https://a.example/1", "https://b.example/2?a=1&b=2"
NS = "http://www.sitemaps.org/schemas/sitemap/0.9"
DAY = 86_400.0


def sitemap(*inside: str, root: str = "urlset") -> str:
    start = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NS}">'
    return f"{start}{''.join(inside)}</{root}>"


def url(loc: str, more: str = "") -> str:
    return f"<url><loc>{escape(loc)}</loc>{more}</url>\n"


def entries(
    document: str | bytes, root: str = "urlset", base: str = ""
) -> list[tuple[int, Row | Misread]]:
    body = document.encode() if isinstance(document, str) else document
    file = io.BufferedReader(io.BytesIO(body))
    return list(entries_in(file, BY_ROOT[root], "map", base))


def only_row(document: str, root: str) -> Row:
    ((_, row),) = entries(document, root)
    assert not isinstance(row, Misread)
    return row


def breaks_off(document: str | bytes) -> tuple[int, str]:
    """How many entries came before, and why nothing comes after."""
    *before, (number, last) = entries(document)
    assert isinstance(last, Misread)
    assert last.kind == "list_broken"
    assert number == len(before) + 1
    return len(before), last.text


# -- sitemaps -----------------------------------------------------------------------------------


def test_each_entry_is_a_row_with_what_is_said_of_it(tmp_path: Path) -> None:
    document = sitemap(
        url(A, "<lastmod>2026-11-01</lastmod><priority> 0.8\n</priority>"),
        "<url><lastmod>2026-11-02</lastmod></url>",
        url(B, "<changefreq>daily</changefreq>"),
    )
    assert read(tmp_path, "anything.at.all", document) == [
        (1, A, {"lastmod": "2026-11-01", "priority": "0.8"}),
        (2, "", {"lastmod": "2026-11-02"}),
        (3, B, {"changefreq": "daily"}),
    ]


@pytest.mark.parametrize("name", ["sitemap.xml", "urls.txt", "a.csv", "b.json"])
def test_it_is_known_by_its_first_element_whatever_it_is_called(
    tmp_path: Path, name: str
) -> None:
    assert read(tmp_path, name, sitemap(url(A))) == [(1, A, {})]
    packed = gzip.compress(sitemap(url(A)).encode())
    assert read(tmp_path, name, packed) == [(1, A, {})]


@pytest.mark.parametrize(
    "document",
    [
        "\ufeff" + sitemap(url(A)),
        "\n\n  " + sitemap(url(A)),
        sitemap(url(A)).replace("<url>", "<!-- by hand --><url><x><loc>z</loc></x>"),
        f"<urlset><url><loc><![CDATA[ {A} ]]></loc></url></urlset>",
        f"<ns0:urlset xmlns:ns0='{NS}'><ns0:url><ns0:loc>{A}</ns0:loc></ns0:url></ns0:urlset>",
        f"<!DOCTYPE urlset SYSTEM 'http://a.example/s.dtd'><urlset><url><loc>{A}</loc></url></urlset>",
        sitemap(url(A)).replace("UTF-8", "no-such-thing"),
        sitemap(url(A)).replace("UTF-8", "utf-16"),
        sitemap(url(A)).replace("UTF-8", "rot13"),
        sitemap(url(A)).replace("UTF-8", "idna"),
    ],
)  # fmt: skip
def test_it_is_read_as_it_is_written_in_the_wild(
    tmp_path: Path, document: str
) -> None:
    assert [url for _, url, _ in read(tmp_path, "s", document)] == [A]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("windows-1251", "Новости"),
        ("shift_jis", "ニュース"),
        ("gbk", "新闻"),
        ("utf-16", "Ж"),
    ],
)
def test_it_may_be_in_any_encoding(
    tmp_path: Path, encoding: str, text: str
) -> None:
    document = f"""<?xml version='1.0' encoding='{encoding}'?><rss><channel>
        <item><title>{text}</title><link>{A}</link></item></channel></rss>"""
    body = document.encode(encoding)
    assert read(tmp_path, "f", body) == [(1, A, {"title": text})]


def test_a_byte_that_is_wrong_costs_a_character() -> None:
    (_, row), _ = entries(
        sitemap(url(A + "X"), url(B)).encode().replace(b"X", b"\xff")
    )
    assert row == {"loc": f"{A}\ufffd"}


IMAGES = """<image:image><image:loc>https://a.example/1.png</image:loc>
  <image:title>one</image:title></image:image>
  <image:image><image:loc>https://a.example/2.png</image:loc></image:image>"""


def test_pictures_are_a_column_or_the_rows_themselves(tmp_path: Path) -> None:
    document = sitemap(url(A, IMAGES), url(B))
    pictures = ["https://a.example/1.png", "https://a.example/2.png"]
    assert read(tmp_path, "s", document) == [
        (1, A, {"images": pictures}),
        (2, B, {}),
    ]
    assert read(tmp_path, "s", document, url_col="images") == [
        (1, each, {"loc": A}) for each in pictures
    ]


def test_prefixes_are_known_by_their_namespaces() -> None:
    other = IMAGES.replace("image:", "ns7:")
    named = 'xmlns:ns7="http://www.google.com/schemas/sitemap-image/1.1"'
    for document in (
        sitemap(url(A, other)).replace("<urlset", f"<urlset {named}"),
        sitemap(url(A, other)).replace("<url>", f"<url {named}>"),
        sitemap(url(A, other.replace("<ns7:image>", f"<ns7:image {named}>"))),
    ):
        assert len(only_row(document, "urlset")["images"]) == 2


def test_columns_are_chosen_as_of_any_table(tmp_path: Path) -> None:
    document = sitemap(url(A, "<lastmod>2026</lastmod><priority>1</priority>"))
    kept = read(tmp_path, "s", document, columns=("priority",))
    assert kept == [(1, A, {"priority": "1"})]
    told = refusal(tmp_path, "s", document, url_col="image")
    assert "has no column 'image'; did you mean images?" in told


def test_a_source_knows_the_columns_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text(sitemap(url(A), url(B, "<priority>1</priority>")))
    source = file_source(str(path))
    assert (source.columns, source.is_sparse) == (("loc", "priority"), True)
    assert not source.is_index


def test_an_index_names_lists(tmp_path: Path) -> None:
    path = tmp_path / "s"
    inside = f"<sitemap><loc>{A}</loc><lastmod>2026</lastmod></sitemap>"
    path.write_text(sitemap(inside, root="sitemapindex"))
    source = file_source(str(path))
    assert source.is_index
    assert [row.url for row in rows_of(source)] == [A]


# -- feeds --------------------------------------------------------------------------------------


def test_rss_of_all_ages() -> None:
    item = f"""<item><title>A &amp; B&nbsp;&mdash; <![CDATA[<b>]]></title><link> {A} </link>
      <pubDate>Sun, 01 Nov 2026 10:00:00 GMT</pubDate><author>me</author>
      <category>x</category><category>y</category><itunes:title>no</itunes:title>
      <guid isPermaLink="false">7</guid><atom:link href="https://no.example/" rel="self"/>
      <enclosure url="{A}.mp3" type="audio/mpeg" length="1"/></item>"""
    expected = {
        "title": "A & B\xa0— <b>".replace("\xa0", " "),
        "link": A,
        "published": "Sun, 01 Nov 2026 10:00:00 GMT",
        "author": "me",
        "categories": ["x", "y"],
        "id": "7",
        "enclosures": [f"{A}.mp3"],
    }
    channel = f"<link>https://no.example/</link>{item}"
    rss = f"<rss version='2.0'><channel>{channel}</channel></rss>"
    assert only_row(rss, "rss") == expected
    rdf = f"""<rdf:RDF xmlns="http://purl.org/rss/1.0/"><channel><link>x</link></channel>
        {item}</rdf:RDF>"""
    assert only_row(rdf, "RDF") == expected


def test_a_permalink_stands_in_for_a_link() -> None:
    def row(inside: str) -> Row:
        return only_row(
            f"<rss><channel><item>{inside}</item></channel></rss>", "rss"
        )

    assert row(f"<guid>{A}</guid>") == {"id": A, "link": A}
    assert row(f"<guid>{A}</guid><link>{B.replace('&', '&amp;')}</link>") == {
        "id": A,
        "link": B,
    }
    assert row(f"<guid isPermaLink='FALSE'>{A}</guid>") == {"id": A}


def test_atom_with_bases_and_rich_text() -> None:
    document = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="/news/">
      <link href="https://no.example/"/><title>no</title>
      <entry xml:base="2026/"><title type="xhtml"><div>One <b>bold</b> word</div></title>
        <link rel="self" href="no"/><link href="one.html"/><link rel="enclosure" href="/1.mp3"/>
        <author><name>Me</name><email>no@example.com</email></author>
        <category term="x"/><id>tag:1</id>
        <published>2026-11-01T00:00:00Z</published><updated>2026-11-02T00:00:00Z</updated>
        <source><title>no</title></source><content><p>a</p></content></entry></feed>"""
    ((_, row),) = entries(document, "feed", "https://a.example/feed.xml")
    assert row == {
        "title": "One bold word",
        "link": "https://a.example/news/2026/one.html",
        "enclosures": ["https://a.example/1.mp3"],
        "author": "Me",
        "categories": ["x"],
        "id": "tag:1",
        "published": "2026-11-01T00:00:00Z",
        "updated": "2026-11-02T00:00:00Z",
    }


def test_a_json_feed(tmp_path: Path) -> None:
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {"id": "1", "url": A, "title": "One", "date_modified": "2026-11-01T00:00:00Z",
             "attachments": [{"url": f"{A}.mp3"}, {}, 7]},
            7,
            {"id": 2, "url": ["x"]},
        ],
    }  # fmt: skip
    assert read(tmp_path, "feed.json", orjson.dumps(feed)) == [
        (1, A, {"id": "1", "title": "One", "updated": "2026-11-01T00:00:00Z",
                "enclosures": [f"{A}.mp3"]}),
        (2, "7", {}),
        (3, '["x"]', {"id": 2}),
    ]  # fmt: skip
    told = refusal(tmp_path, "feed.json", orjson.dumps(feed)[:-9])
    assert "is a JSON Feed that cannot be read" in told


# -- when it was changed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-11T00:00:00Z", 10 * DAY + 120),
        ("1970-01-11T01:00:00+01:00", 10 * DAY + 120),
        ("1970-01-11T00:00:00", 10.5 * DAY + 120),
        ("1970-01-10", 10.5 * DAY + 120),
        (" 1970-01-10 ", 10.5 * DAY + 120),
        ("1970-01", None),
        ("yesterday", None),
        ("", None),
        ("9999-12-31", None),
        ("0001-01-01T00:00:00+23:59", -62135683020.0),
    ],
)
def test_a_date_is_taken_at_its_latest(text: str, moment: float | None) -> None:
    assert latest_moment(text) == moment


def test_a_line_knows_when_its_page_was_changed(tmp_path: Path) -> None:
    def moments(document: str) -> list[float | None]:
        path = tmp_path / "s"
        path.write_text(document)
        rows = rows_of(file_source(str(path), InputSettings(columns=("none",))))
        lines = [parse_line(row, 1, 1) for row in rows]
        return [each.modified for each in lines if each is not None]

    old = "1970-01-11T00:00:00Z"
    assert moments(sitemap(url(A, f"<lastmod>{old}</lastmod>"), url(B))) == [
        10 * DAY + 120,
        None,
    ]
    feed = f"<feed><entry><link href='{A}'/><published>{old}</published>{{}}</entry></feed>"
    assert moments(feed.format("")) == [None]
    assert moments(feed.format(f"<updated>{old}</updated>")) == [10 * DAY + 120]


# -- what is wrong with it ----------------------------------------------------------------------


def test_what_came_before_a_break_counts(tmp_path: Path) -> None:
    whole = sitemap(url(A), url(B))
    for cut in range(whole.index(escape(B)) + len(escape(B)), len(whole) - 1):
        before, why = breaks_off(whole[:cut])
        assert before == (1 if cut < whole.rindex("</url>") + 6 else 2)
        assert why.startswith("map, line ")
    path = tmp_path / "s"
    path.write_text(whole[:-9])
    last = parse_line(rows_of(file_source(str(path)))[-1], 1, 3)
    assert last is not None
    assert last.refusal == "list_broken"
    assert last.url.href.startswith(f"{path}, line ")


BOMB = """<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>
<urlset><url><loc>https://a.example/&b;</loc></url></urlset>"""
OUTSIDE = """<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<urlset><url><loc>https://a.example/&a;</loc></url></urlset>"""
PARAMETER = """<!DOCTYPE urlset [<!ENTITY % a SYSTEM "http://127.0.0.1/x.dtd"> %a;]>
<urlset/>"""


@pytest.mark.parametrize("document", [BOMB, OUTSIDE, PARAMETER])
def test_entities_are_refused(document: str) -> None:
    before, why = breaks_off(document)
    assert before == 0
    assert "it declares an entity (" in why


def test_an_entity_that_nobody_declared_is_nothing() -> None:
    ((_, row),) = entries(sitemap(url(A + "@")).replace("@", "&nope;&eacute;"))
    assert row == {"loc": f"{A}é"}


def test_elements_within_each_other_have_a_limit() -> None:
    deep = "<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH
    before, why = breaks_off(sitemap(url(A), url(B, deep)))
    assert before == 1
    assert f"more than {MAX_DEPTH} elements within each other" in why


@pytest.mark.parametrize(
    "start", ['<url a="', "<!-- ", "<" + "a", "<?", "<!DOCTYPE "]
)
def test_a_tag_that_does_not_end_takes_no_memory(start: str) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            text = (
                b"<urlset>" + start.encode() if not self.given else b"x" * 999
            )
            buffer[: len(text)] = text
            self.given += len(text)
            return len(text)

    endless = Endless()
    rows = list(
        entries_in(io.BufferedReader(endless), BY_ROOT["urlset"], "map", "")
    )
    assert len(rows) == 1
    assert endless.given < 3 * MAX_TOKEN_CHARS


def test_what_one_entry_may_hold_is_bounded() -> None:
    pictures = (
        "<image:image><image:loc>https://a.example/p</image:loc></image:image>"
    )
    (_, row), _ = entries(sitemap(url(A, pictures * (MAX_VALUES + 5)), url(B)))
    assert isinstance(row, dict)
    assert len(row["images"]) == MAX_VALUES
    long = f"<image:image><image:loc>{'x' * 60_000}</image:loc></image:image>"
    (_, row), _ = entries(sitemap(url(A, long * 30), url(B)))
    assert sum(map(len, row["images"])) <= MAX_ENTRY_CHARS
    (_, row), _ = entries(
        sitemap(url(A, f"<priority>{'9' * 5_000}</priority>"), url(B))
    )
    assert len(row["priority"]) == 1_000
    (_, row), _ = entries(sitemap(url("x" * 10**6), url(B)))
    assert parse_line(TableRow(1, row["loc"], "{}"), 1, 1).refusal == "bad_url"


@pytest.mark.parametrize(
    ("content", "format", "says"),
    [
        ("<html><body>", "sitemap", "is no sitemap: its first element is <html>"),
        ("<!DOCTYPE html><html>", "feed", "is no feed: its first element is <html>"),
        ("<rss/>", "sitemap", "is no sitemap: it is a feed"),
        (sitemap(), "feed", "is no feed: it is a sitemap"),
        ("hello\n", "feed", "is no feed: it begins with 'hello"),
        ("<", "sitemap", "is no sitemap: it begins with '<'"),
        ("", "feed", "is no feed: it is empty"),
        ("<opml><x/></opml>", "", "looks like XML, and neither a sitemap nor a feed"),
        ("<!doctype html><urlset>", "", "looks like HTML"),
        ("<!DOCTYPE html [<urlset>", "", "looks like HTML"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_in_one_line(
    tmp_path: Path, content: str, format: str, says: str
) -> None:
    told = refusal(tmp_path, "list", content, input_format=format)
    assert says in told
    assert "\n" not in told


def test_a_sitemap_may_be_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "sitemap"
    path.write_text(f"{A}\n{B}\n")
    for format in ("", "sitemap"):
        source = file_source(str(path), InputSettings(input_format=format))
        assert list(source.lines()) == [f"{A}\n".encode(), f"{B}\n".encode()]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no named pipes")
def test_a_pipe_is_read_as_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    body = gzip.compress(sitemap(url(A), url(B)).encode())
    writer = threading.Thread(target=path.write_bytes, args=[body])
    writer.start()
    source = file_source(str(path), InputSettings(input_format="sitemap"))
    assert [row.url for row in rows_of(source)] == [A, B]
    writer.join()


def test_an_empty_one_has_no_urls(tmp_path: Path) -> None:
    assert read(tmp_path, "s", "<urlset/>") == []
    assert read(tmp_path, "s", "<rss><channel/></rss>") == []


def test_memory_does_not_grow_with_it() -> None:
    class Long(io.RawIOBase):
        def __init__(self, pieces: Iterator[bytes]) -> None:
            self._pieces = pieces

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece = next(self._pieces, b"")
            buffer[: len(piece)] = piece
            return len(piece)

    def peak(urls: int) -> int:
        def pieces() -> Iterator[bytes]:
            yield b"<urlset>"
            for number in range(urls // 10):
                yield url(f"{A}/{number}").encode() * 10
            yield b"</urlset>"

        file = io.BufferedReader(Long(pieces()))
        tracemalloc.start()
        count = sum(1 for _ in entries_in(file, BY_ROOT["urlset"], "map", ""))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == urls
        return most

    assert peak(30_000) < peak(3_000) + 300_000


# -- what is written is read --------------------------------------------------------------------

TEXTS = st.text(
    st.characters(
        exclude_categories=("Cc", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")
    ),
    min_size=1,
    max_size=20,
)
PLACES = TEXTS.map(lambda text: f"https://a.example/{text}")
ENTRIES = st.fixed_dictionaries(
    {"loc": PLACES},
    optional={
        "lastmod": TEXTS,
        "priority": TEXTS,
        "images": st.lists(PLACES, min_size=1, max_size=3),
    },
)


@given(
    st.lists(ENTRIES, max_size=5), st.sampled_from(["", "s:"]), st.booleans()
)
def test_what_is_written_is_read_again(
    written: list[dict[str, Any]], own: str, in_cdata: bool
) -> None:
    def text(value: str) -> str:
        return (
            f"<![CDATA[{value}]]>"
            if in_cdata and "]]>" not in value
            else escape(value)
        )

    def element(name: str, value: str) -> str:
        return f"<{own}{name}>{text(value)}</{own}{name}>"

    def entry(values: dict[str, Any]) -> str:
        images = "".join(
            f"<image:image><image:loc>{text(each)}</image:loc></image:image>"
            for each in values.get("images", ())
        )
        plain = "".join(
            element(name, value)
            for name, value in values.items()
            if name != "images"
        )
        return f"<{own}url>\n{images}{plain}</{own}url>"

    inside = "".join(map(entry, written))
    document = f'<{own}urlset xmlns:s="{NS}">{inside}</{own}urlset>'
    assert [row for _, row in entries(document)] == written


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_raise(noise: bytes, place: int) -> None:
    whole = sitemap(url(A, IMAGES), url(B)).encode()
    for number, row in entries(whole[:place] + noise + whole[place:]):
        assert number > 0
        assert isinstance(row, dict | Misread)
