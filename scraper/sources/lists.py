"""The list: files, standard input, a script's iterable, as slices of `Line`s.

A thread of its own reads, because a pipe may stay silent for an hour; it is never more than two
slices ahead of the coordinator, so a long list costs no memory.
"""

from __future__ import annotations

import io
import itertools
import os
import reprlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from scraper.errors import UsageError
from scraper.hints import did_you_mean
from scraper.messages import InputExhausted, LinesReady, Message
from scraper.model import Line
from scraper.sources.forms import LOOKED_AT, refusal_of, url_text
from scraper.urls import MAX_URL_BYTES, NOT_TEXT, BadUrl, Url, canonical

SLICE = 1_000
STOP_SECONDS = 0.2  # for the thread that reads to notice that it is to stop
LONGEST_LINE = MAX_URL_BYTES + 2
LOOK_SECONDS = 1.0  # after its first line, for which a pipe is looked at before it is believed
SCRIPT = "script"  # what identifies URLs that a script hands over, whichever they are


@dataclass(frozen=True, slots=True)
class Source:
    """One list: its name in records, what identifies it between runs, and its raw lines."""

    name: str
    identity: str
    lines: Callable[[], Iterator[bytes | str]]
    live: bool = False  # its lines come one by one, and should not wait for one another
    pipe: bool = False  # what it looks like is known only when its first lines have come
    ahead: Callable[[], Iterable[bytes | str]] = tuple  # first lines; they come in `lines` again

    @property
    def lasting(self) -> bool:
        """Is it a list that is read again and again, so that what it names no more is dropped?"""
        return self.identity == "stdin" or self.identity.startswith("file:")

    def tasks_ahead(self) -> Iterator[Line]:
        """The tasks that `ahead` shows, without taking them from `lines`."""
        for number, raw in enumerate(self.ahead(), 1):
            task = parsed(raw, 0, number)
            if task is not None:
                yield task


class Pipe:
    """Lines that come only once: those that were looked at ahead are kept for the reader."""

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


def file_source(name: str) -> Source:
    """A file of URLs, or standard input for `-`. Raises UsageError if it cannot be read."""
    if name == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed: there is no list to read")
        pipe = Pipe(lambda: _lines(sys.stdin.buffer))
        return Source("stdin", "stdin", pipe.lines, live=True, pipe=True, ahead=pipe.ahead)
    path = Path(name)
    try:
        # A pipe can be read only once: of anything but a file only its permission is looked at.
        if path.is_file() or not os.access(path, os.R_OK):
            with path.open("rb") as file:
                file.peek(1)
        elif path.is_dir():
            raise IsADirectoryError
    except IsADirectoryError:
        raise UsageError(
            f"{name} is a folder: name the file that holds the URLs"
            f" (if it is a run folder: -d {name})"
        ) from None
    except FileNotFoundError:
        is_host = "." in name.partition("/")[0].strip(".") and path.suffix != ".txt"
        url = f" (if you mean the URL, write https://{name})" if is_host else ""
        hint = did_you_mean(path.name, _names_beside(path), cutoff=0.8)
        raise UsageError(f"no such file: {name}{hint}{url}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {name}: {reason}") from error

    def lines() -> Iterator[bytes | str]:
        with path.open("rb") as file:
            yield from _lines(file)

    shown = os.fsencode(name).decode("utf-8", "backslashreplace")  # a name may be no UTF-8
    identity = os.fsencode(path.resolve()).decode("utf-8", "backslashreplace")
    if path.is_file() and not name.startswith(("/dev/", "/proc/")):  # /dev/stdin is anything
        refusal = refusal_of(itertools.islice(lines(), LOOKED_AT), shown, shown)
        if refusal is not None:
            raise UsageError(refusal)
        return Source(shown, f"file:{identity}", lines, ahead=lines)
    pipe = Pipe(lines)
    return Source(shown, f"file:{identity}", pipe.lines, live=True, pipe=True, ahead=pipe.ahead)


def _names_beside(path: Path) -> list[str]:
    try:
        return [each.name for each in os.scandir(path.parent) if each.is_file()]
    except OSError:
        return []  # only a hint would have come of it


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def given_source(urls: Sequence[str], name: str = "command-line") -> Source:
    """URLs of the command line."""
    return Source(name, name, lambda: iter(urls), ahead=lambda: iter(urls))


def script_source(urls: Iterable[str]) -> Source:
    """URLs of a script: an iterator is never looked at ahead, for the next may wait for what came
    of the last."""

    def lines() -> Iterator[str]:
        return map(_text_of, urls)

    if isinstance(urls, Sequence):
        return Source("script", SCRIPT, lines, ahead=lines)
    return Source("script", SCRIPT, lines, live=True)


def _text_of(item: object) -> str:
    """The item, or, of one that is no text, what stands for it: it costs no other URL."""
    if isinstance(item, str):
        return item
    shown = " ".join(_SHORT.repr(item).split())
    return f"{NOT_TEXT}{shown} ({type(item).__name__})"


def _lines(file: BinaryIO) -> Iterator[bytes | str]:
    """Lines of bounded length: of a longer one the beginning, so that it can be refused.

    They end with LF, CR LF or CR. UTF-16, as Windows shells write it, is read as that.
    """
    first = file.readline(LONGEST_LINE)
    encoding = _utf_16_of(first)
    if encoding is None:
        yield from _split(itertools.chain([first], iter(partial(file.readline, LONGEST_LINE), b"")))
    else:
        text = (first + file.read()).decode(encoding, "replace")
        yield from io.StringIO(text, newline=None)


def _utf_16_of(first: bytes) -> str | None:
    """By its mark; without one by the NUL that is every second byte of ASCII text in it."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    nul = [byte == 0 for byte in first[:4]]
    if nul == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if nul == [True, False, True, False] else None


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines out of pieces that end where a line does, or after LONGEST_LINE bytes."""
    line = b""
    for piece in pieces:
        for part in piece.splitlines(keepends=True):
            line = (line + part)[:LONGEST_LINE] if line else part
            if part.endswith((b"\n", b"\r")):
                yield line
                line = b""
    if line:
        yield line


def parsed(raw: bytes | str, source: int, number: int) -> Line | None:
    """The task that a raw line stands for; None for a blank line or a comment.

    >>> parsed(b"  example.com/a#b \\r\\n", 1, 7).url.href
    'https://example.com/a'
    """
    refusal = None
    if isinstance(raw, bytes):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "backslashreplace")
            refusal = "bad_encoding"
    else:
        text = raw.encode("utf-8", "backslashreplace").decode()
        if text != raw:  # a lone surrogate: bytes that were no UTF-8 once
            refusal = "bad_encoding"
    # SQLite's text ends at a NUL; this is how a URL spells one, and no host may hold it.
    text = url_text(text).replace("\x00", "%00")
    if not text:
        return None
    if refusal is None:
        try:
            if len(text) > MAX_URL_BYTES:
                raise BadUrl("bad_url", "too long")
            url = canonical(text)
            written = text if text != url.href else None
            return Line(url, written, source, number)
        except BadUrl as error:
            refusal = error.kind
    return Line(Url(text[:2_000], "", ""), None, source, number, refusal)


@dataclass(slots=True)
class _Look:
    """The first lines of a pipe, kept back until it is clear that they are a list."""

    name: str
    clock: threading.Timer | None = None
    raw: list[bytes | str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


class Reader(threading.Thread):
    """Reads all sources; posts `LinesReady` when lines are there, which `take` then gives.

    Lines of a file come in slices, the first of them short; lines of a pipe or of a script's
    generator come as soon as they are there, for the next ones may wait for their outcomes. Only
    the first lines of a pipe are looked at together: those that come within a second.
    """

    def __init__(self, sources: Iterable[tuple[int, Source]], post: Callable[[Message], None],
                 first: int = 64) -> None:  # fmt: skip
        super().__init__(name="list-reader", daemon=True)
        self._sources = list(sources)
        self._post = post
        # The first request need not wait for a long slice, nor for one that finds no room.
        self._size = min(first, SLICE)
        self._room = threading.Condition()  # guards what follows
        self._lines: list[Line] = []
        self._look: _Look | None = None
        self._posted = False
        self._stopped = False
        self._ended = False

    def take(self) -> list[Line]:
        """The lines that have come."""
        with self._room:
            lines, self._lines = self._lines, []
            self._posted = False
            self._room.notify()
        return lines

    def stop(self) -> None:
        """Read no further; a thread that is not stuck in a read is gone after this."""
        with self._room:
            self._stopped = True
            self._room.notify()
        if self.is_alive():
            self.join(STOP_SECONDS)

    def run(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as raised:  # noqa: BLE001 - raised again by whoever asked for it
            error = raised
        self._end(error)

    def _read(self) -> None:
        for id, source in self._sources:
            look = self._look = _Look(source.name) if source.pipe else None
            for number, raw in enumerate(source.lines(), 1):
                if look is not None and number <= LOOKED_AT:
                    self._look_at(raw, look)
                line = parsed(raw, id, number)
                if self._stopped:
                    return
                if line is not None:
                    self._add(line, source.live)
            if look is not None:
                self._believe(look)

    # -- the first lines of a pipe --------------------------------------------------------------

    def _look_at(self, raw: bytes | str, look: _Look) -> None:
        if look.clock is None:
            look.clock = threading.Timer(LOOK_SECONDS, self._believe, [look])
            look.clock.daemon = True
            look.clock.start()
        look.raw.append(raw)
        if len(look.raw) == LOOKED_AT:
            self._believe(look)

    def _believe(self, look: _Look) -> None:
        """Enough was seen: go on with these lines, or refuse them. Once, on whichever thread."""
        with self._room:
            if self._look is not look:
                return
            refusal = refusal_of(look.raw, look.name)
            self._look = None
            self._stopped |= refusal is not None
            self._room.notify()
            if refusal is None:
                self._lines += look.lines
        if look.clock is not None:
            look.clock.cancel()
        if refusal is None:
            self._offer(1)
        else:
            self._end(UsageError(refusal))

    def _end(self, error: BaseException | None) -> None:
        """Tell the end, once: the thread may hang in a pipe that was refused."""
        with self._room:
            if self._ended:
                return
            self._ended = True
        self._offer(1)
        self._post(InputExhausted(error))

    # -- what is handed over ------------------------------------------------------------------

    def _add(self, line: Line, live: bool) -> None:
        with self._room:
            while len(self._lines) >= 2 * SLICE and not self._stopped:
                self._room.wait()
            if self._look is not None:
                self._look.lines.append(line)
                return
            self._lines.append(line)
        if self._offer(1 if live else self._size):
            self._size = SLICE

    def _offer(self, least: int) -> bool:
        """Say that lines are there, unless that was said already; True if it was said now."""
        with self._room:
            if self._posted or len(self._lines) < least:
                return False
            self._posted = True
        self._post(LinesReady())
        return True
