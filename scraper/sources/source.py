"""One list: a file, standard input, the URLs of a command line or of a script."""

from __future__ import annotations

import io
import itertools
import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from glob import glob
from pathlib import Path
from typing import Final, cast

from msgspec import Struct

from scraper.config import InputSettings
from scraper.errors import UsageError
from scraper.model import Line, Sender
from scraper.sources.formats import EXTENSIONS, format_of_list, open_rows
from scraper.sources.forms import LINES_EXAMINED, explain_other_form
from scraper.sources.kept import KeptStart
from scraper.sources.packed import open_unpacked, stem_of, unpacked
from scraper.sources.tables import OpenFile, Table
from scraper.sources.text import RawLine, TableRow, parse_line, read_lines
from scraper.text import did_you_mean
from scraper.urls import NOT_TEXT

OpenPipe = Callable[[], io.BufferedReader]
SCRIPT = "script"  # identifies the URLs of any script
FETCHED = "url:"  # what the identity of a fetched list begins with
SITEMAPS = "sitemaps:"  # what that of the sitemaps of a host begins with
LOCAL = "local:"  # what that of files of this machine begins with
AS_GUESSED: Final = InputSettings()


class Source(Struct, frozen=True):
    """One list: its name in records, what identifies it between runs, and its raw lines."""

    name: str
    identity: str
    lines: Callable[[], Iterator[RawLine]]
    live: bool = (
        False  # its lines come one by one, and no line waits for the next
    )
    pipe: bool = (
        False  # its format is known only when its first lines have come
    )
    ahead: Callable[[], Iterable[RawLine]] = (
        tuple  # first lines; they come in `lines` again
    )
    columns: tuple[str, ...] = ()
    """Of a table: their names, that of the URL first."""
    url_place: int = 0
    """Of a table: so many of the others stand before it."""
    is_sparse: bool = False
    """Of a table: rows behind the first ones may have more columns."""
    is_map: bool = False  # a sitemap or a feed
    is_index: bool = False  # its URLs are those of further lists
    parts: tuple[str, ...] = ()  # of an index: what identifies these
    is_part: bool = False  # an index names it
    sender: Sender | None = None  # who has sent it, if it was fetched
    note: str = ""  # what the user should know of how it is read

    @property
    def lasting(self) -> bool:
        """Is it a list that later runs read again, so that a URL which leaves it is dropped?"""
        kinds = ("stdin", "file:", FETCHED, SITEMAPS, LOCAL)
        return self.identity.startswith(kinds)

    def tasks_ahead(self) -> Iterator[Line]:
        """The tasks that `ahead` shows, without taking them from `lines`."""
        for number, raw in enumerate(self.ahead(), 1):
            task = parse_line(
                raw,
                0,
                number,
            )
            if task is not None:
                yield task


class Pipe:
    """Lines that come only once: those that were read ahead are kept for the reader."""

    def __init__(self, lines: Callable[[], Iterator[bytes | str]]) -> None:
        self._open = lines
        self._rest: Iterator[bytes | str] | None = None
        self._kept: list[bytes | str] = []

    def ahead(self) -> Iterator[bytes | str]:
        """The lines from the first one on. Waits for one only when it is asked for."""
        for number in itertools.count():
            if number == len(self._kept):
                line = next(self._unread(), None)
                if line is None:
                    return
                self._kept.append(line)
            yield self._kept[number]

    def lines(self) -> Iterator[bytes | str]:
        """All of them."""
        kept, self._kept = self._kept, []
        yield from kept
        yield from self._unread()

    def _unread(self) -> Iterator[bytes | str]:
        if self._rest is None:
            self._rest = self._open()
        return self._rest


def file_source(
    name: str,
    how: InputSettings = AS_GUESSED,
) -> Source:
    """A file of URLs, or standard input for `-`: one URL a line, or a table.

    What is compressed is unpacked. Raises UsageError if it cannot be read.
    """
    if name == "-":
        return _standard_input(how)
    path = Path(name)
    _check_readable(path, name)
    shown = _as_utf_8(name)
    identity = f"file:{_as_utf_8(path.resolve())}"
    # /dev/stdin is anything
    if not path.is_file() or name.startswith(
        ("/dev/stdin", "/dev/fd/", "/proc/")
    ):
        return _pipe_source(
            shown,
            identity,
            lambda: path.open("rb"),
            how,
        )
    return stored_source(
        path,
        shown,
        identity,
        how,
    )


def stored_source(
    path: Path,
    shown: str,
    identity: str,
    how: InputSettings,
    called: str = "",
    base: str = "",
) -> Source:
    """A file that stays as it is while it is read. `called` has the extension that says its
    format, if `path` has not; `base` is the URL that it is from, if it is from one."""
    open_file = partial(
        open_unpacked,
        path,
        shown,
    )
    format = format_of_list(
        Path(called or path),
        open_file,
        how.input_format,
    )
    if format != "lines":
        table = open_rows(
            open_file,
            format,
            shown,
            how,
            base,
        )
        return _table_source(
            shown,
            identity,
            table,
            open_file,
        )

    def lines() -> Iterator[bytes | str]:
        with open_file() as file:
            yield from read_lines(file)

    if not how.input_format:
        first = itertools.islice(lines(), LINES_EXAMINED)
        refusal = explain_other_form(
            first,
            shown,
            None if called else shown,
        )
        if refusal is not None:
            raise UsageError(refusal)
    return Source(
        shown,
        identity,
        lines,
        ahead=lines,
    )


def file_sources(
    name: str,
    how: InputSettings = AS_GUESSED,
) -> list[Source]:
    """All lists that a name stands for: a file, the lists in a folder, the files of a pattern.

    In the order of their names. Raises UsageError if there is none, or one cannot be read.
    """
    path = Path(name)
    found = [name]
    if path.is_dir():
        found = [str(each) for each in path.iterdir() if _is_list(each)]
    elif not path.exists():
        found = list(filter(os.path.isfile, glob(name, recursive=True)))
    return [file_source(each, how) for each in sorted(found) or [name]]


def _is_list(path: Path) -> bool:
    is_hidden = path.name.startswith(".")
    return stem_of(path).suffix.lower() in EXTENSIONS and not is_hidden


def _table_source(
    shown: str,
    identity: str,
    table: Table,
    open_file: OpenFile,
) -> Source:
    def rows() -> Iterator[TableRow]:
        with open_file() as file:
            yield from table.lines(file)

    return Source(
        shown,
        identity,
        rows,
        ahead=rows,
        columns=table.columns,
        url_place=table.url_place,
        is_sparse=table.is_sparse,
        is_map=table.is_map,
        is_index=table.is_index,
        note=_describe_guess(shown, table),
    )


def _describe_guess(
    shown: str,
    table: Table,
) -> str:
    if not table.was_guessed:
        return ""
    others = f" (beside {', '.join(table.others)})" if table.others else ""
    return f"{shown} is a table; its URLs stand in {table.url}{others}"


def _standard_input(how: InputSettings) -> Source:
    if sys.stdin is None:
        raise UsageError("standard input is closed: there is no list to read")
    stdin = cast("io.BufferedReader", sys.stdin.buffer)
    return _pipe_source(
        "stdin",
        "stdin",
        lambda: stdin,
        how,
    )


def _pipe_source(
    name: str,
    identity: str,
    open_pipe: OpenPipe,
    how: InputSettings,
) -> Source:
    if how.input_format not in ("", "lines"):
        return _piped_table(
            name,
            identity,
            open_pipe(),
            how,
        )

    def lines() -> Iterator[bytes | str]:
        with _left_open_if_stdin(open_pipe()) as pipe, unpacked(pipe) as file:
            yield from read_lines(file)

    pipe = Pipe(lines)
    is_judged = not how.input_format
    return Source(
        name,
        identity,
        pipe.lines,
        live=True,
        pipe=is_judged,
        ahead=pipe.ahead,
    )


@contextmanager
def _left_open_if_stdin(pipe: io.BufferedReader) -> Iterator[io.BufferedReader]:
    try:
        yield pipe
    finally:
        if sys.stdin is None or pipe is not sys.stdin.buffer:
            pipe.close()


def _piped_table(
    name: str,
    identity: str,
    pipe: io.BufferedReader,
    how: InputSettings,
) -> Source:
    start = KeptStart(pipe)

    def look() -> AbstractContextManager[io.BufferedReader]:
        return unpacked(start.look())

    def ahead() -> Iterator[TableRow]:
        with look() as file:
            yield from table.lines(file)

    def rows() -> Iterator[TableRow]:
        with _left_open_if_stdin(pipe), unpacked(start.read()) as file:
            yield from table.lines(file)

    table = open_rows(
        look,
        how.input_format,
        name,
        how,
    )
    return Source(
        name,
        identity,
        rows,
        live=True,
        ahead=ahead,
        columns=table.columns,
        url_place=table.url_place,
        is_sparse=table.is_sparse,
        is_map=table.is_map,
        is_index=table.is_index,
        note=_describe_guess(name, table),
    )


def _as_utf_8(path: str | Path) -> str:
    """A path as text that can be written anywhere; a name may be no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _check_readable(
    path: Path,
    name: str,
) -> None:
    try:
        # A pipe can be read only once: of anything but a file only its permission is checked.
        if path.is_file() or not os.access(path, os.R_OK):
            with path.open("rb") as file:
                file.peek(1)
        elif path.is_dir():
            raise IsADirectoryError
    except IsADirectoryError:
        raise UsageError(
            f"{name} is a folder without lists: name the file that holds the URLs"
            f" (if it is a run folder: -d {name})"
        ) from None
    except FileNotFoundError:
        raise UsageError(_describe_missing(path, name)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {name}: {reason}") from error


def _describe_missing(
    path: Path,
    name: str,
) -> str:
    is_host = "." in name.partition("/")[0].strip(".") and path.suffix != ".txt"
    url = f" (if you mean the URL, write https://{name})" if is_host else ""
    hint = did_you_mean(
        path.name,
        _names_beside(path),
        cutoff=0.8,
    )
    return f"no such file: {name}{hint}{url}"


def _names_beside(path: Path) -> list[str]:
    try:
        return [each.name for each in os.scandir(path.parent) if each.is_file()]
    except OSError:
        return []  # it would only have been a hint


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def given_source(
    urls: Sequence[str],
    name: str = "command-line",
) -> Source:
    """URLs of the command line."""
    return Source(
        name,
        name,
        lambda: iter(urls),
        ahead=lambda: iter(urls),
    )


def script_source(urls: Iterable[str]) -> Source:
    """URLs of a script. An iterator is never read ahead: it may wait for an outcome."""

    def lines() -> Iterator[str]:
        return map(text_of, urls)

    if isinstance(urls, Sequence):
        return Source(
            "script",
            SCRIPT,
            lines,
            ahead=lines,
        )
    return Source(
        "script",
        SCRIPT,
        lines,
        live=True,
    )


def text_of(item: object) -> str:
    """The item, or, of one that is no text, what stands for it: it costs no other URL."""
    if isinstance(item, str):
        return item
    shown = " ".join(_SHORT.repr(item).split())
    return f"{NOT_TEXT}{shown} ({type(item).__name__})"
