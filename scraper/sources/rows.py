"""The rows of a table out of bytes: CSV of any kind, lines of JSON, a JSON array.

Rows are counted as a spreadsheet counts them, so that an error names what its reader can find. A
row that is none costs no other one: it is given as `Misread`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Final

import msgspec
import orjson
from msgspec import Struct

from scraper.errors import UsageError
from scraper.sources.text import split_lines, utf_16_of

MAX_LINE_CHARS: Final = 10_000_000  # and bytes, before they are text
MAX_LINES_A_ROW: Final = 10_000  # of one quoted cell, or more
MAX_ARRAY_BYTES: Final = 512 * 1024 * 1024

ROW_TOO_LONG: Final = "row_too_long"
_SHOWN: Final = 2_000  # bytes of a row that is too long

_INT_OF_JSON: Final = range(-(2**63), 2**64)  # that orjson knows
_END_IN_QUOTES = "unexpected end of data"

Row = Mapping[str, Any]


class Misread(Struct, frozen=True):
    """A row that cannot be read, as it stands there, and the kind under which it is refused."""

    text: str
    kind: str = "bad_row"


def check_names(
    names: Iterable[str],
    table: str,
) -> None:
    """Raises UsageError if two columns have one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(
            f"{table} has several columns called {', '.join(twice)[:300]}: give each its own name"
        )


# -- text ---------------------------------------------------------------------------------------


def text_lines(file: io.BufferedReader) -> Iterator[str]:
    """Lines of bounded length. UTF-8 or UTF-16; a line that is neither is windows-1252, as older
    spreadsheets write it, and comes as `Foreign`. Of one that is too long there is the beginning,
    as `Overlong`."""
    encoding = utf_16_of(file.peek(4)[:4])
    if encoding is not None:
        pieces = _as_utf_8(file, encoding)
    else:
        if file.peek(3).startswith(codecs.BOM_UTF8):
            file.read(3)
        pieces = iter(lambda: file.readline(MAX_LINE_CHARS), b"")
    return map(_decode, split_lines(pieces, _join))


def _as_utf_8(
    file: io.BufferedReader,
    encoding: str,
) -> Iterator[bytes]:
    """UTF-16 as UTF-8, of which a character is four bytes at most."""
    text = io.TextIOWrapper(file, encoding, "replace", newline="")
    try:
        pieces = iter(lambda: text.readline(MAX_LINE_CHARS // 4), "")
        yield from map(str.encode, pieces)
    finally:
        with suppress(ValueError):  # who opened the file has closed it already
            text.detach()


class _Beginning(bytes):
    """Of a line that was too long."""

    __slots__ = ()


def _join(line: bytes, more: bytes) -> bytes:
    """Both, or their beginning if that is too long, with a quote if there is an odd number of them
    in the rest."""
    whole = line + more
    if not isinstance(line, _Beginning) and len(whole) <= MAX_LINE_CHARS:
        return whole
    quote = b'"' * (whole.count(b'"', _SHOWN) % 2)
    return _Beginning(whole[:_SHOWN] + quote)


def _decode(line: bytes) -> str:
    if isinstance(line, _Beginning):
        return Overlong(line.decode("utf-8", "replace"))
    try:
        return line.decode()
    except UnicodeDecodeError:
        return Foreign(line.decode("cp1252", "replace"))


class Foreign(str):
    """A line that was not UTF-8."""

    __slots__ = ()


class Overlong(str):
    """The beginning of a line that was too long."""

    __slots__ = ()

    @property
    def stand_in(self) -> str:
        """A line that opens and closes as many cells, so that the next one is read as what it
        is."""
        return '"' if self.count('"') % 2 else "x"


# -- CSV ----------------------------------------------------------------------------------------


class CellReader:
    """Rows of cells out of lines of text (RFC 4180, with the delimiter that the table has)."""

    def __init__(
        self,
        lines: Iterable[str],
        delimiter: str,
        name: str,
    ) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARS))
        self._lines = iter(lines)
        self._delimiter = delimiter
        self._name = name
        self._row: list[str] = []  # the lines of the row that is being read
        self._number = 0

    def rows(self) -> Iterator[tuple[int, list[str] | Misread]]:
        """Each row with its number; blank ones are counted and left out.

        Raises UsageError if a quoted cell does not end: everything behind would be part of it.
        """
        reader = csv.reader(
            self._taken_lines(),
            delimiter=self._delimiter,
            strict=True,
        )
        while True:
            self._row.clear()
            self._number += 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                cells = self._read_leniently(error)
            if cells is None:
                return
            if cells:
                yield self._number, self._checked(cells)

    def _taken_lines(self) -> Iterator[str]:
        for line in self._lines:
            self._row.append(line)
            if len(self._row) > MAX_LINES_A_ROW:
                raise UsageError(self._describe_open_quote())
            yield line.stand_in if isinstance(line, Overlong) else line

    def _read_leniently(self, error: csv.Error) -> list[str]:
        """What stands beside the quotes of a cell belongs to it."""
        if _END_IN_QUOTES in str(error):
            raise UsageError(self._describe_open_quote()) from error
        try:
            rows = list(csv.reader(self._row, delimiter=self._delimiter))
        except csv.Error as limit:
            raise UsageError(
                f"{self._name}, row {self._number:,}: a cell of more than {MAX_LINE_CHARS:,} "
                "characters: is there a quote that does not end?"
            ) from limit
        return [cell for row in rows for cell in row]

    def _checked(self, cells: list[str]) -> list[str] | Misread:
        kind = _fault_in(self._row, cells)
        return Misread("".join(self._row).strip(), kind) if kind else cells

    def _describe_open_quote(self) -> str:
        return (
            f"{self._name}, row {self._number:,}: a quoted cell begins there and does not end: "
            'close its quotes, or write " in a cell as ""'
        )


def _fault_in(
    lines: Sequence[str],
    cells: Iterable[str],
) -> str:
    """Why a row is none, if it has been made of such lines."""
    kinds = {*map(type, lines)}
    if Overlong in kinds:
        return ROW_TOO_LONG
    urls = _urls_in(cells) if Foreign in kinds else []
    return "" if all(map(str.isascii, urls)) else "bad_encoding"


def _urls_in(cells: Iterable[str]) -> list[str]:
    return [each for each in cells if "://" in each]


def dictionaries(
    rows: Iterable[tuple[int, list[str] | Misread]],
    names: Sequence[str],
    delimiter: str,
) -> Iterator[tuple[int, Row | Misread]]:
    """Rows of cells by the names of their columns. A shorter row lacks its last ones."""
    width = len(names)
    for number, cells in rows:
        if isinstance(cells, list):
            while len(cells) > width and not cells[-1]:
                del cells[-1]
            if len(cells) > width:
                yield number, Misread(delimiter.join(cells))
                continue
            yield (
                number,
                dict(
                    zip(
                        names,
                        cells,
                        strict=False,
                    )
                ),
            )
        else:
            yield number, cells


# -- JSON ---------------------------------------------------------------------------------------


def json_lines(lines: Iterable[str]) -> Iterator[tuple[int, Row | Misread]]:
    """The objects of JSON Lines; blank lines are left out."""
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if isinstance(line, Overlong):
            yield number, Misread(text, ROW_TOO_LONG)
        elif text:
            yield number, _object_in(text)


def _object_in(text: str) -> Row | Misread:
    try:
        value = _loads(text.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        return Misread(text)
    return _row_of(value) or Misread(text)


def _loads(text: bytes | str) -> Any:
    """JSON. An integer of more than 64 bits, which orjson would round, is its digits as text."""
    value = orjson.loads(text)
    is_array = isinstance(value, list)
    if not any(map(_is_rounded, value if is_array else [value])):
        return value
    try:
        exact = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError):
        return value  # it has more digits than Python reads
    return [*map(_exact, exact)] if is_array else _exact(exact)


def _is_rounded(row: Any) -> bool:
    """May a value of this object have been an integer that was too long?"""
    return isinstance(row, dict) and any(
        isinstance(each, float) and abs(each) >= 2**63 for each in row.values()
    )


def _exact(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {
        name: str(each)
        if isinstance(each, int) and each not in _INT_OF_JSON
        else each
        for name, each in row.items()
    }


def _row_of(value: Any) -> Row | None:
    """An object; a text alone is a URL."""
    if isinstance(value, str):
        return {"url": value}
    return value if isinstance(value, dict) else None


def json_array(
    file: BinaryIO,
    name: str,
) -> Iterator[tuple[int, Row | Misread]]:
    """The objects of an array, which is read as a whole. Raises UsageError if it is none."""
    body = file.read(MAX_ARRAY_BYTES + 1)
    if len(body) > MAX_ARRAY_BYTES:
        raise UsageError(
            f"{name} is an array of more than 512 MB, which would have to be held in memory: "
            "write it as JSON Lines, such as with jq -c '.[]'"
        )
    encoding = utf_16_of(body[:4]) or "utf-8-sig"
    try:
        values = _loads(body.decode(encoding))
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is no JSON: {error}") from error
    if not isinstance(values, list):
        raise UsageError(
            f"{name} holds no array of objects: a list in JSON is"
            ' [{"url": "https://example.com/"}, ...]'
        )
    for number, value in enumerate(values, 1):
        text = orjson.dumps(value).decode()
        yield number, _row_of(value) or Misread(text)
