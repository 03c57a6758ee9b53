"""What a list looks like: one URL a line, or a table, a page, an archive.

Where the first lines look like another format, each line would be asked for something that was
never meant, so the list is refused as a whole, with a word on how to make a list of it.
"""

from __future__ import annotations

import csv
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from scraper.sources.maps.markup import HEAD_BYTES
from scraper.sources.maps.vocabulary import FORMATS, format_in
from scraper.sources.text import COMMENT, INVISIBLE
from scraper.text import pattern

LINES_EXAMINED = 100  # lines, from the first one on
FEWEST = (
    2  # lines of a form: a single one is an odd line, unless it says what it is
)


class Form(Struct, frozen=True):
    """Another format: what it is called, what to do about it, and a command that does it."""

    name: str
    advice: str = ""
    command: str = ""
    format: str = ""  # with which it is read as a table, if it is one


def is_full_url(text: str) -> bool:
    return _FULL_URL.match(text) is not None


def may_be_url(text: str) -> bool:
    """With a scheme or without."""
    return _URL_CELL.match(text) is not None


def format_of(lines: Iterable[bytes | str]) -> str:
    """The format of the table that these first lines look like; empty if they are a list."""
    form = _form_of(list(lines))
    return form.format if form else ""


def explain_other_form(
    lines: Iterable[bytes | str], name: str, file: str | None = None
) -> str | None:
    """Why these first lines are no list of URLs, in one line; None if they are one.

    `name` is what the list is called, `file` its path if it has one that a shell could open.
    """
    first = list(lines)
    form = _form_of(first)
    if form is None:
        return None
    message = f"{name} looks like {form.name}; a list has one URL a line"
    if form.format:
        what = "one" if form.format in FORMATS else "a table"
        return (
            f"{message}: have it read as {what} with --input-format {form.format} "
            f"(in scripts: input_format={form.format!r})"
        )
    message = f"{message}: {form.advice}"
    if not form.command:
        return message
    if file is None:
        return f"{message}, such as with {form.command} | python -m scraper -"
    command = f"{form.command} < {shlex.quote(file)}"
    # it was decoded on the way
    if any(isinstance(each, str) for each in first):
        command = (
            f"iconv -f UTF-16 -t UTF-8 {shlex.quote(file)} | {form.command}"
        )
    return f"{message}, such as with {command} > only-urls.txt"


def _form_of(lines: Sequence[bytes | str]) -> Form | None:
    whole = b"".join(each for each in lines if isinstance(each, bytes))
    if found := format_in(whole[:HEAD_BYTES]):
        return Form(f"a {found}", format=found)
    return _binary_form(whole) or _form_of_text(lines)


def _form_of_text(lines: Sequence[bytes | str]) -> Form | None:
    if not any(map(_holds_sign, lines)):
        return None
    texts = [
        text for text in map(_text, lines) if text and not text.startswith("#")
    ]
    if not texts:
        return None
    return _marked_form(texts[0]) or _form_of_most(texts)


def _holds_sign(line: bytes | str) -> bool:
    """May this line be one of another form? Most lists are spared the patterns of all forms."""
    text = line.decode("latin-1") if isinstance(line, bytes) else line
    return any(sign in text for sign in _SIGNS)


def _text(line: bytes | str) -> str:
    """A line without its comment; TABs at its ends may stand for empty cells."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    text = COMMENT.sub("", text.strip("\ufeff\r\n "))
    return text if text.strip(INVISIBLE) else ""


_TAKE_OUT = (
    "take the URLs out of it",
    """grep -oE 'https?://[^"<>[:space:]]+'""",
)
_SAVE = "save the URLs in it as plain text"
_MAGIC: tuple[tuple[bytes, Form], ...] = (
    (b"7z\xbc\xaf\x27\x1c", Form("a 7z archive", "unpack it")),
    (b"Rar!\x1a\x07", Form("a RAR archive", "unpack it")),
    (b"PAR1", Form("Parquet", _SAVE, format="parquet")),
    (b"SQLite format 3\0", Form("an SQLite database", _SAVE)),
    (b"\xd0\xcf\x11\xe0", Form("a document of an office program", _SAVE)),
    (b"{\\rtf", Form("RTF", _SAVE)),
    (b"%PDF-", Form("PDF", _SAVE)),
    (b"\x89PNG", Form("a picture", _SAVE)),
    (b"\xff\xd8\xff", Form("a picture", _SAVE)),
)


def _binary_form(first: bytes) -> Form | None:
    for magic, form in _MAGIC:
        if first.startswith(magic):
            return form
    if not first.startswith(b"PK\x03\x04"):
        return None
    if any(
        part in first
        for part in (b"[Content_Types].xml", b"xl/", b"word/", b"mimetype")
    ):
        return Form("a document of an office program, such as .xlsx", _SAVE)
    return Form("a ZIP archive", "unpack it")


# Each form of text has one of these in its lines.
_SIGNS = '<{["\t;,|'
# A first line that says what the whole is, whatever follows.
_MARKS: tuple[tuple[re.Pattern[str], Form], ...] = (
    (pattern(r"<!doctype html|<html[\s>]", re.IGNORECASE), Form("HTML", *_TAKE_OUT)),
    (pattern(r"<\?xml|<opml[\s>]", re.IGNORECASE),
     Form("XML, and neither a sitemap nor a feed", *_TAKE_OUT)),
    (pattern(r"\{\s*(\"|$|\})"), Form("JSON", format="jsonl")),
    (pattern(r"\[\s*($|[\"{\[\]])"), Form("JSON", format="json")),
)  # fmt: skip
_TAG = pattern(
    r"</?[a-z][a-z0-9:-]*(\s[^<>]*)?/?>|<[a-z]+\s+[a-z-]+=|<!--", re.IGNORECASE
)
_MEMBER = pattern(r"[{\[]?\s*\"[^\"]*\"\s*:\s*[\"{\[\d-]")


def _marked_form(first: str) -> Form | None:
    for mark, form in _MARKS:
        if mark.match(first):
            return form
    return None


def _form_of_most(texts: Sequence[str]) -> Form | None:
    """The form of at least half of the lines."""
    for form, is_one in (
        (Form("HTML", *_TAKE_OUT), _TAG.search),
        (Form("JSON", format="json"), _MEMBER.match),
    ):
        such = [each for each in texts if is_one(each)]
        if len(such) >= FEWEST and _are_most(such, texts):
            return form
    return next(filter(None, map(partial(_table_of, texts), "\t;,|")), None)


def _are_most(some: Sequence[object], of: Sequence[object]) -> bool:
    return 2 * len(some) >= len(of)


# -- tables -----------------------------------------------------------------------------------

URL_NAMES = frozenset({"url", "urls", "link", "links", "href", "uri", "loc", "address", "page",
                        "website", "web", "homepage", "site", "domain", "host"})  # fmt: skip
_URL_CELL = pattern(
    r"<?(?:(?:https?:)?//\S|www\.\S|localhost\b|\d+(?:\.\d+){3}\b"
    r"|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:[/:?]|$))",
    re.IGNORECASE,
)
_FULL_URL = pattern(r"https?://", re.IGNORECASE)
# What stands behind a delimiter and is no part of a URL. Some URLs have commas and semicolons in
# them (`;jsessionid=1`, `/0,1518,766.html`, `/@52.5,13.4,15z`), but hardly a bare word at the end.
_WORD = {
    ",": pattern(r"[^\W\d][\w-]*|.*\s.*"),
    ";": pattern(r"[^/?&=.%,;@]+|.*\s.*"),
}


def _table_of(texts: Sequence[str], delimiter: str) -> Form | None:
    rows = [row for row in _rows(texts, delimiter) if sum(map(bool, row)) > 1]
    if not rows or not _are_most(rows, texts):
        return None
    if _are_most(
        [row for row in rows if _are_urls(row)], texts
    ) and not _is_header(rows[0]):
        return Form(
            "several URLs a line",
            "put each on its own",
            _command_for_all(delimiter),
        )
    width = Counter(map(len, rows)).most_common(1)[0][0]
    rows = [row for row in rows if len(row) == width]
    if not _are_most(rows, texts):
        return None
    header = (
        rows[0]
        if rows[0] == _cells(texts[0], delimiter) and _is_header(rows[0])
        else None
    )
    inside = rows[1:] if header else rows
    column = _column_of_urls(inside) if inside else None
    if column is None:
        column = _named_column(header)
    if column is None:
        return None
    if header is None and not _are_rows(inside, column, delimiter, texts):
        return None
    kind = {"\t": "a table with TABs", "|": "a table"}.get(delimiter, "a CSV")
    if header is None:
        what = f"{kind} with {width} columns, the URL in column {column + 1}"
    else:
        what = f"{kind} with the columns {', '.join(each or '-' for each in header)[:200]}"
    if delimiter == "|":
        return Form(what, "save it as CSV")
    return Form(what, format="tsv" if delimiter == "\t" else "csv")


def _rows(texts: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    return (_cells(text, delimiter) for text in texts)


def _cells(text: str, delimiter: str) -> list[str]:
    if delimiter not in text:
        return [text]
    try:
        cells = next(
            csv.reader([text], delimiter=delimiter, skipinitialspace=True), []
        )
    except csv.Error:
        return [text]
    if delimiter == "|" and cells[0] == cells[-1] == "":
        cells = cells[1:-1]
    return [each.strip() for each in cells]


def _is_header(cells: Sequence[str]) -> bool:
    return not any(_URL_CELL.match(each) for each in cells)


def _named_column(header: Sequence[str] | None) -> int | None:
    names = [each.lower() for each in header or ()]
    return next(
        (names.index(each) for each in names if each in URL_NAMES), None
    )


def _column_of_urls(rows: Sequence[Sequence[str]]) -> int | None:
    """The first column that has a URL in at least half of the rows."""
    for column in range(len(rows[0])):
        if _are_most(
            [row for row in rows if _URL_CELL.match(row[column])], rows
        ):
            return column
    return None


def _are_rows(
    rows: Sequence[Sequence[str]],
    column: int,
    delimiter: str,
    texts: Sequence[str],
) -> bool:
    """Without a header: is the delimiter no part of the URLs themselves?"""
    if len(rows) < FEWEST:
        return False
    word = _WORD.get(delimiter)
    if (
        column > 0
        or word is None
        or _are_most([t for t in texts if t.startswith('"')], texts)
    ):
        return True
    words = [
        row
        for row in rows
        if all(not each or word.fullmatch(each) for each in row[1:])
    ]
    return _are_most(words, rows)


def _are_urls(row: Sequence[str]) -> bool:
    """A URL in each cell that is not empty, and not a URL with a list of them in its query."""
    return "?" not in row[0] and all(
        _FULL_URL.match(each) for each in row if each
    )


def _reader_of(delimiter: str) -> str:
    given = {",": "", "\t": ", delimiter='\\t'"}.get(
        delimiter, f", delimiter='{delimiter}'"
    )
    return f"csv.reader(sys.stdin{given})"


def _command_for_all(delimiter: str) -> str:
    rows = _reader_of(delimiter)
    code = f"import csv, sys; [print(each) for row in {rows} for each in row]"
    return f'python3 -c "{code}"'
