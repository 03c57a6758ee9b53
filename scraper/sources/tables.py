"""Lists that are tables: which column holds the URLs, and what stands in the others."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import partial
from io import BufferedReader
from typing import Any, Final

import orjson
from msgspec import Struct

from scraper.config import InputSettings
from scraper.errors import UsageError
from scraper.sources.forms import URL_NAMES, is_full_url, may_be_url
from scraper.sources.maps.moments import latest_moment
from scraper.sources.rows import (
    ROW_TOO_LONG,
    CellReader,
    Misread,
    Row,
    check_names,
    dictionaries,
    json_array,
    json_lines,
    text_lines,
)
from scraper.sources.text import TableRow
from scraper.text import did_you_mean

ROWS_JUDGED: Final = 100  # by which the column of URLs is known
_DELIMITERS: Final = (",", ";", "\t", "|")
_ALL: Final = ("all",)
_SHARE: Final = 0.9  # of the values of a column of URLs that look like URLs

Rows = Iterable[tuple[int, Row | Misread]]


class Table(Struct, frozen=True):
    """A table whose column of URLs is known."""

    url: str  # the name of that column
    others: tuple[str, ...]  # of those that come along
    url_place: int  # so many of these stand before it
    rows: Callable[[BufferedReader], Rows]
    was_guessed: bool = False
    takes_all: bool = False  # also those that only later rows have
    is_even: bool = True  # each row has the same columns
    modified: str = ""  # the column that says when a page was changed last
    is_map: bool = False  # a sitemap or a feed
    is_index: bool = False  # its URLs are those of further lists

    @property
    def is_sparse(self) -> bool:
        """May rows behind the first ones have columns that these have not?"""
        return self.takes_all and not self.is_even

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, that of the URL first."""
        return (self.url, *self.others)

    def lines(self, file: BufferedReader) -> Iterator[TableRow]:
        """One for each row."""
        names = frozenset(self.others)
        for number, row in self.rows(file):
            if isinstance(row, Misread):
                yield TableRow(
                    number,
                    row.text,
                    "{}",
                    row.kind,
                )
                continue
            url = row.get(self.url)
            kept = {
                name: row[name]
                for name in row
                if name in names or (self.takes_all and name != self.url)
            }
            text = url if isinstance(url, str) else _text_of(url)
            yield TableRow(
                number,
                text,
                _encode(kept),
                modified=self._modified_in(row),
            )

    def _modified_in(self, row: Row) -> float | None:
        moment = row.get(self.modified)
        return None if moment is None else latest_moment(str(moment))


def _text_of(value: Any) -> str:
    """What stands for a URL that is none."""
    return "" if value is None else _encode(value)


def _encode(value: Any) -> str:
    return orjson.dumps(value, default=_text_of_object).decode()


def _text_of_object(value: Any) -> str:
    """What JSON has no word for; a time as orjson writes it, for pandas has its own."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


# -- opening one --------------------------------------------------------------------------------

OpenFile = Callable[[], AbstractContextManager[BufferedReader]]


def open_table(
    open_file: OpenFile,
    format: str,
    name: str,
    how: InputSettings,
) -> Table:
    """Look at the first rows. Raises UsageError if no column, or more than one, holds URLs."""
    if format == "parquet":
        from scraper.sources.parquet import parquet_rows

        rows: Callable[[BufferedReader], Rows] = partial(
            parquet_rows, name=name
        )
    elif format == "json":
        rows = partial(json_array, name=name)
    elif format == "jsonl":
        rows = _rows_of_json_lines
    else:
        with open_file() as file:
            rows = _look_at_cells(
                file,
                format,
                name,
            )
    with open_file() as file:
        first = [
            row
            for _, row in itertools.islice(rows(file), ROWS_JUDGED)
            if not isinstance(row, Misread)
        ]
    names = list(dict.fromkeys(itertools.chain.from_iterable(first)))
    if isinstance(rows, _CellRows):
        names = rows.names
    url = checked_name(
        how.url_col,
        names,
        name,
    ) or _guess(
        first,
        names,
        name,
    )
    others = other_columns(
        how.columns,
        names,
        url,
        name,
    )
    return Table(
        url=url,
        others=others,
        url_place=sum(each in others for each in names[: names.index(url)]),
        rows=rows,
        was_guessed=not how.url_col,
        takes_all=how.columns == _ALL,
        is_even=format not in ("json", "jsonl"),
    )


def _rows_of_json_lines(file: BufferedReader) -> Rows:
    return json_lines(text_lines(file))


def checked_name(
    name: str,
    names: Sequence[str],
    table: str,
) -> str:
    if name and name not in names:
        hint = did_you_mean(name, names)
        raise UsageError(
            f"{table} has no column {name!r}{hint} (it has {_listed(names)})"
        )
    return name


def other_columns(
    wanted: Sequence[str],
    names: Sequence[str],
    url: str,
    table: str,
) -> tuple[str, ...]:
    if wanted == _ALL:
        return tuple(name for name in names if name != url)
    if wanted in ((), ("none",)):
        return ()
    for name in wanted:
        checked_name(
            name,
            names,
            table,
        )
    return tuple(name for name in wanted if name != url)


# -- which column holds the URLs ----------------------------------------------------------------


def _guess(
    rows: Sequence[Row],
    names: Sequence[str],
    table: str,
) -> str:
    """The one column of URLs; of those without a scheme one whose name says so."""
    if not rows:
        raise UsageError(
            f"{table} has no row that can be read, so no URL (its columns: {_listed(names)})"
        )
    for is_one in (is_full_url, may_be_url):
        found = [
            name
            for name in names
            if _holds(
                rows,
                name,
                is_one,
            )
        ]
        if is_one is may_be_url and len(found) > 1:
            found = [name for name in found if name.lower() in URL_NAMES]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{table}: the columns {_listed(found)} all hold URLs: say which one is meant, "
                f"such as with --url-col {found[0]!r} (in scripts: url_col={found[0]!r})"
            )
    raise UsageError(
        f"{table} is a table, but no column of it holds URLs (it has {_listed(names)}): name one "
        "with --url-col (in scripts: url_col=...)"
    )


def _holds(
    rows: Iterable[Row],
    name: str,
    is_one: Callable[[str], bool],
) -> bool:
    values = [
        value for row in rows if (value := row.get(name)) not in ("", None)
    ]
    good = [each for each in values if isinstance(each, str) and is_one(each)]
    return bool(good) and len(good) >= _SHARE * len(values)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)[:300]


# -- CSV ----------------------------------------------------------------------------------------


class _CellRows(Struct, frozen=True):
    """Rows of a CSV whose dialect is known."""

    names: list[str]
    delimiter: str
    skipped: int  # rows before the first one of data
    table: str

    def __call__(self, file: BufferedReader) -> Rows:
        cells = CellReader(
            text_lines(file),
            self.delimiter,
            self.table,
        ).rows()
        data = itertools.dropwhile(lambda each: each[0] <= self.skipped, cells)
        return dictionaries(
            data,
            self.names,
            self.delimiter,
        )


def _look_at_cells(
    file: BufferedReader,
    format: str,
    table: str,
) -> _CellRows:
    lines = list(itertools.islice(text_lines(file), ROWS_JUDGED))
    delimiter, skipped = "\t" if format == "tsv" else "", 0
    if lines and (hint := _excel_hint(lines[0])):
        delimiter, skipped = hint, 1
    delimiter = delimiter or _delimiter_of(lines)
    rows = CellReader(
        iter(lines),
        delimiter,
        table,
    ).rows()
    cells = _first_cells(
        rows,
        skipped,
        table,
    )
    if cells is None:
        raise UsageError(f"{table} is empty: there is no URL in it")
    number, header = cells
    if any(map(is_full_url, header)):
        names = [f"column_{index}" for index, _ in enumerate(header, 1)]
        return _CellRows(
            names,
            delimiter,
            number - 1,
            table,
        )
    return _CellRows(
        _names_in(header, table),
        delimiter,
        number,
        table,
    )


def _first_cells(
    rows: Iterable[tuple[int, list[str] | Misread]],
    skipped: int,
    table: str,
) -> tuple[int, list[str]] | None:
    for number, cells in rows:
        if isinstance(cells, Misread) and cells.kind == ROW_TOO_LONG:
            raise UsageError(
                f"{table}, row {number:,}: a line of more than 10 MB, where the first row should "
                "say which columns there are"
            )
        if number > skipped and isinstance(cells, list) and any(cells):
            return number, cells
    return None


def _excel_hint(line: str) -> str:
    """The delimiter that a first line `sep=;` names."""
    text = line.strip().lower()
    return text[4] if text[:4] == "sep=" and len(text) == 5 else ""


def _delimiter_of(lines: Sequence[str]) -> str:
    """The one that divides most rows into as many cells as the first, and into most."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = list(filter(None, _cells_of(lines, delimiter)))
        widths = [(count, n) for n, count in Counter(map(len, rows)).items()]
        often, width = max(widths, default=(0, 1))
        return (often / len(rows) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=score) if any(map(str.strip, lines)) else ","


def _cells_of(
    lines: Iterable[str],
    delimiter: str,
) -> Iterator[list[str]]:
    """Rows as far as they can be read."""
    with suppress(csv.Error):
        yield from csv.reader(lines, delimiter=delimiter)


def _names_in(
    header: Sequence[str],
    table: str,
) -> list[str]:
    names = [each.strip() for each in header]
    while names and not names[-1]:
        names.pop()  # a spreadsheet may leave empty columns behind
    names = [name or f"column_{n}" for n, name in enumerate(names, 1)]
    check_names(names, table)
    return names
