"""One URL a line, however wrapped; a table, a page or an archive is told apart from it."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.sources.forms import explain_other_form
from scraper.sources.source import file_source
from scraper.sources.text import parse_line, url_text

URL = "https://example.com/a"


# -- wrapping -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"  {URL}\r\n",
        f'"{URL}"',
        f"'{URL}'",
        f"`{URL}`",
        f"“{URL}”",
        f"«\xa0{URL}\xa0»",
        f'"{URL}",',
        f"'{URL}';",
        f"{URL},",
        f"{URL};",
        f"{URL};;;",
        f"{URL};;",
        f"{URL},,",
        f'"{URL}";;',
        f"<{URL}>",
        f"- {URL}",
        f"* <{URL}>",
        f"+ {URL}",
        f"• {URL}",
        f"12. {URL}",
        f'3) "{URL}"',
        f"[A tale](<{URL}>)",
        f"[A tale #1]({URL})",
        f'- [A tale]({URL} "of #2") # third',
        f"\ufeff{URL}",
        f"\u200b{URL}\u200d\u2060",
        f"\u202a{URL}\u202c",
        f"\xa0{URL}\u3000",
        f"{URL} # a comment",
        f"{URL}\t#a comment",
        f'"{URL}" # a comment, "quoted"',
    ],
)
def test_what_is_plainly_wrapped_around_a_url_is_taken_off(line: str) -> None:
    assert url_text(line) == URL


@pytest.mark.parametrize(
    "text",
    [
        f"{URL}#fragment",
        f"{URL}?q=a b",
        f'{URL}?q="a"',
        f"{URL}?q=a,b;c",
        f"{URL};jsessionid=1",
        f"{URL}/it's",
        f'"{URL}","a"',
        f"-{URL}",
        "[::1]:8080/a",
        "3.example.com",
        '"',
    ],
)
def test_what_belongs_to_a_url_or_is_none_stays(text: str) -> None:
    assert url_text(text) == text


@pytest.mark.parametrize(
    "line", ["", "  ", "#", "# a", "\ufeff# a", "\u200b", "  #a\tb", '""', ","]
)
def test_a_line_may_say_nothing(line: str) -> None:
    assert url_text(line) == ""


@given(
    st.text(max_size=60)
    | st.text("\"'<>[]()#-,; \thttps:/a.b\u200b", max_size=40)
)
def test_whatever_is_taken_off_the_rest_stood_in_the_line(line: str) -> None:
    assert url_text(line) in line


def test_a_line_of_nothing_but_wrapping_is_read_in_no_time() -> None:
    began = time.perf_counter()
    for piece in (" ", "\t#", '"', "[", "](", "<a ", "- ", "\u200b ", ","):
        line = piece * (65_536 // len(piece))
        url_text(f"a{line}b")
        explain_other_form([line, f"a{line}b"], "it")
    assert time.perf_counter() - began < 10, (
        "it is linear: quadratic would take minutes"
    )


# -- tables -------------------------------------------------------------------------------------


def refusal(*lines: str) -> str:
    return (
        explain_other_form([f"{line}\n".encode() for line in lines], "it") or ""
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("url,section", f"{URL}/1,news", f"{URL}/2,sport"), "a CSV with the columns url, section"),
        (("url;section", f"{URL}/1;news"), "a CSV with the columns url, section"),
        (("id\turl", f"1\t{URL}", f"2\t{URL}"), "a table with TABs with the columns id, url"),
        (('"id","url"', f'"1","{URL}"'), "a CSV with the columns id, url"),
        (("\ufeffname;domain", "A;a.example"), "a CSV with the columns name, domain"),
        (("title,website", "A tale,a.example/x"), "a CSV with the columns title, website"),
        (("url,section",), "a CSV with the columns url, section"),
        ((f"{URL}/1;news", f"{URL}/2;sport"), "a CSV with 2 columns, the URL in column 1"),
        ((f"{URL}/1,news", f"{URL}/2,sport"), "a CSV with 2 columns, the URL in column 1"),
        ((f"1,{URL}", f"2,{URL}"), "a CSV with 2 columns, the URL in column 2"),
        ((f"{URL}\tnews", f"{URL}\tsport"), "a table with TABs with 2 columns"),
        ((f"{URL}, two words", f"{URL}, more words"), "a CSV with 2 columns"),
        ((f'"{URL}","1.5"', f'"{URL}","2.5"'), "a CSV with 2 columns"),
        (("| name | url |", "|---|---|", f"| a | {URL} |", f"| b | {URL} |"),
         "a table with the columns name, url"),
    ],
)  # fmt: skip
def test_a_table_is_refused_with_its_columns(
    lines: tuple[str, ...], says: str
) -> None:
    told, _, advice = refusal(*lines).partition("; ")
    assert told.startswith(f"it looks like {says}")
    format = "tsv" if "TABs" in says else "csv"
    assert advice.startswith(
        "a list has one URL a line: have it read as a table with"
        f" --input-format {format} "
        if "|" not in lines[0]
        else "a list has one URL a line: save it as CSV"
    )


@pytest.mark.parametrize(
    "lines",
    [
        (f"{URL},{URL},{URL}",),
        (f"{URL}, {URL}, {URL}", f"{URL}, {URL}"),
        (f"{URL}; {URL}", URL),
        (f"{URL}\t{URL}", f"{URL}\t{URL}\t"),
        (f"{URL}?a=1, {URL}?a=2", f"{URL}/b, {URL}/c", f"{URL}/b, {URL}/c"),
    ],
)
def test_a_line_of_several_urls_is_refused(lines: tuple[str, ...]) -> None:
    told = refusal(*lines)
    assert told.startswith(
        "it looks like several URLs a line; a list has one URL a line: put each"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("https://spiegel.example/politik/0,1518,766666,00.html",
         "https://spiegel.example/politik/0,1518,766667,00.html"),
        ("https://maps.example/@52.5,13.4,15z", "https://maps.example/@52.6,13.5,15z"),
        ("https://kurier.example/Titel;art599,4567", "https://kurier.example/Mehr;art599,4568"),
        ("https://shop.example/x;jsessionid=1", "https://shop.example/y;jsessionid=2"),
        (f"{URL}?ids=1,2", f"{URL}?ids=3,4"),
        (f"{URL},", f"{URL}/b,"),
        (f"{URL};", f"{URL}/b;"),
        (f'"{URL}",', f'"{URL}/b",'),
        (f'"{URL}?a,b"', f'"{URL}?c,d"'),
        (f"{URL} # a, b", f"{URL} # c, d"),
        (f"{URL} a", f"{URL} b"),
        (URL, f"{URL}\tnews", URL),
        (URL, f"{URL}\tnews"),
        (f"{URL}\tnews",),
        (URL, f'<a href="{URL}">A</a>'),
        (f"{URL}?urls={URL},{URL}", f"{URL}?urls={URL},{URL}"),
        (f"<{URL}>", f"<{URL}/b>"),
        (f"[a]({URL})", f"[b]({URL}/b)"),
        ("[::1]:8080/a",),
        ("example.com", "localhost:8080"),
        ("no URL", "at all"),
        ("# only a comment, or two",),
        (),
    ],
)  # fmt: skip
def test_a_list_is_a_list(lines: tuple[str, ...]) -> None:
    assert refusal(*lines) == ""


def test_half_of_the_lines_make_a_table_and_fewer_do_not() -> None:
    rows = [f"{URL}/1\tnews"] * 3
    assert refusal(*rows, *[URL] * 3)
    assert not refusal(*rows, *[URL] * 4)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((f'<a href="{URL}">A</a>', f'<a href="{URL}">B</a>'), "HTML"),
        (("<!DOCTYPE html>", "text", "text", "text"), "HTML"),
        (("<li>one", "<li>two"), "HTML"),
        (('<?xml version="1.0"?>', "x", "y", "z"), "XML"),
        (("<opml><body>", f'<outline xmlUrl="{URL}"/>'), "XML, and neither"),
    ],
)
def test_a_page_is_refused(lines: tuple[str, ...], says: str) -> None:
    assert f"it looks like {says}" in refusal(*lines)
    assert "grep -oE" in refusal(*lines)


@pytest.mark.parametrize(
    ("lines", "format"),
    [
        ((f'["{URL}"]',), "json"),
        (("[", f'"{URL}",', f'"{URL}"', "]"), "json"),
        (("{", f'"url": "{URL}"', "}"), "jsonl"),
        ((f'{{"url": "{URL}"}}', f'{{"url": "{URL}"}}'), "jsonl"),
        (("# comment", f'{{"url":"{URL}"}}'), "jsonl"),
    ],
)
def test_json_is_refused_where_lines_are_expected(
    lines: tuple[str, ...], format: str
) -> None:
    assert "it looks like JSON" in refusal(*lines)
    assert f"--input-format {format} " in refusal(*lines)


@pytest.mark.parametrize(
    ("line", "format"),
    [
        (f"<urlset><url><loc>{URL}</loc></url></urlset>", "sitemap"),
        ('<?xml version="1.0"?><rss version="2.0"><channel>', "feed"),
        ('{"version": "https://jsonfeed.org/version/1.1",', "feed"),
    ],
)
def test_of_a_pipe_a_sitemap_is_told_how_it_is_read(
    line: str, format: str
) -> None:
    told = refusal(line)
    assert f"it looks like a {format}; " in told
    assert f"read as one with --input-format {format} " in told


def _zip(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, URL)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_zip("urls.txt"), "a ZIP archive"),
        (
            _zip("xl/workbook.xml"),
            "a document of an office program, such as .xlsx",
        ),
        (b"PAR1\x15\x04", "Parquet"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_an_archive_is_refused(data: bytes, says: str) -> None:
    assert f"it looks like {says}; " in (
        explain_other_form(data.splitlines(keepends=True), "it") or ""
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("several of them.txt", "https://a.example/1, https://a.example/2\n"),
        ("some.txt", "# of two\nhttps://a.example/1;https://a.example/2;\n"),
        (
            "a.html",
            "<a href='x'>\n<a href=\"https://a.example/1\">\n<b>https://a.example/2</b>\n",
        ),
    ],
)
@pytest.mark.skipif(
    sys.platform == "win32", reason="a command for the shells of POSIX"
)
def test_the_command_of_a_refusal_makes_the_list(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    told = explain_other_form(
        text.encode().splitlines(keepends=True), name, name
    )
    assert told is not None
    assert shlex.quote(name) in told
    command = told.partition(", such as with ")[2]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=30)
    lines = enumerate(file_source(str(tmp_path / "only-urls.txt")).lines(), 1)
    tasks = [parse_line(line, 1, number) for number, line in lines]
    assert [task.url.href for task in tasks if task] == [
        "https://a.example/1",
        "https://a.example/2",
    ]


@given(st.lists(st.binary(max_size=30) | st.text(max_size=30), max_size=5))
def test_whatever_the_first_lines_are_they_are_a_list_or_not(
    lines: list[bytes | str],
) -> None:
    told = explain_other_form(lines, "it")
    assert told is None or told.startswith("it looks like ")
