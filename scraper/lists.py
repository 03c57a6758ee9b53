"""The list: files, standard input, a script's iterable, as slices of `Line`s.

A thread of its own reads, because a pipe may stay silent for an hour; it is never more than two
slices ahead of the coordinator, so a long list costs no memory.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scraper.errors import UsageError
from scraper.ledger import Line
from scraper.urls import MAX_URL_BYTES, BadUrl, canonical

SLICE = 1_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Some lines of the list; `source` is an index into the list of sources."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class NoMore:
    """The list has ended; with `error`, because reading it failed."""

    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One list: its name in records, what identifies it between runs, and its raw lines."""

    name: str
    identity: str
    lines: Callable[[], Iterator[bytes | str]]

    @property
    def stem(self) -> str:
        """What the run folder is called if this is the first list."""
        return Path(self.name).stem if self.identity.startswith("file:") else self.name


def file_source(name: str) -> Source:
    """A file of URLs, or standard input for `-`. Raises UsageError if it cannot be read."""
    if name == "-":
        return Source("stdin", "stdin", lambda: _lines(sys.stdin.buffer))
    path = Path(name)
    try:
        with path.open("rb") as file:
            file.peek(1)
    except IsADirectoryError:
        raise UsageError(f"{name} is a folder: name the file that holds the URLs") from None
    except FileNotFoundError:
        hint = "" if path.suffix == ".txt" else f" (if you mean the URL, write https://{name})"
        raise UsageError(f"no such file: {name}{hint}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {name}: {reason}") from error

    def lines() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from _lines(file)

    return Source(name, f"file:{path.resolve()}", lines)


def given_source(urls: Iterable[str], name: str = "command-line") -> Source:
    """URLs of the command line or of a script."""
    return Source(name, name, lambda: iter(urls))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of bounded length: of a longer one the beginning, so that it can be refused."""
    while line := file.readline(MAX_URL_BYTES + 2):
        yield line
        while not line.endswith(b"\n") and len(line) == MAX_URL_BYTES + 2:
            line = file.readline(MAX_URL_BYTES + 2)


def parsed(raw: bytes | str, source: int, number: int) -> Line | None:
    """The task that a raw line stands for; None for a blank line or a comment.

    >>> parsed(b"  example.com/a#b \\r\\n", 1, 7).url
    'https://example.com/a'
    """
    refusal = None
    if isinstance(raw, bytes):
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "backslashreplace")
            refusal = "bad_encoding"
    else:
        text = raw.encode("utf-8", "backslashreplace").decode()
    text = text.strip().strip("\ufeff\x00")
    if not text or text.startswith("#"):
        return None
    if refusal is None:
        try:
            if len(text) > MAX_URL_BYTES:
                raise BadUrl("bad_url", "too long")
            url = canonical(text)
            written = text if text != url.href else None
            return Line(url.href, url.host, written, source, number)
        except BadUrl as error:
            refusal = error.kind
    return Line(text[:2_000], "", None, source, number, refusal)


class Reader(threading.Thread):
    """Reads all sources and hands slices to `post`; `more()` lets it go on."""

    def __init__(self, sources: Iterable[tuple[int, Source]], post: Callable[[object], None],
                 first: int = 64) -> None:  # fmt: skip
        super().__init__(name="list-reader", daemon=True)
        self._sources = list(sources)
        self._post = post
        self._room = threading.Semaphore(2)
        self._size = first  # a short first slice: the first request need not wait for a long one
        self._stopped = False

    def more(self) -> None:
        """A slice has been dealt with."""
        self._room.release()

    def stop(self) -> None:
        """Read no further."""
        self._stopped = True
        self._room.release()

    def run(self) -> None:
        error: BaseException | None = None
        try:
            for lines in self._slices():
                self._post(Slice(lines))
                self._room.acquire()
                if self._stopped:
                    break
        except BaseException as raised:  # noqa: BLE001 - raised again by whoever asked for it
            error = raised
        self._post(NoMore(error))

    def _slices(self) -> Iterator[tuple[Line, ...]]:
        batch: list[Line] = []
        for id, source in self._sources:
            for number, raw in enumerate(source.lines(), 1):
                line = parsed(raw, id, number)
                if line is not None:
                    batch.append(line)
                    if len(batch) >= self._size:
                        yield tuple(batch)
                        batch.clear()
                        self._size = SLICE
        if batch:
            yield tuple(batch)
