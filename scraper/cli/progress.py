"""The progress of a run: a bar on a terminal, a line now and then elsewhere.

While there is a bar, it replaces standard error and writes all text above itself. So nothing tears
it: neither the run, nor the libraries that it uses, nor Python with its warnings.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import Struct

from scraper.cli.terminal import say
from scraper.config import OutputSettings
from scraper.machine import streams
from scraper.reports.summary import Report, size_text
from scraper.text import counted, duration

if TYPE_CHECKING:
    from scraper.runner import Run

LINE_SECONDS = 30.0
BAR_SECONDS = 0.25
SHORTEST_BAR = 10
MIN_LEFT_SECONDS = 60.0  # less of the slowest host is not worth a word
# What is left away first where there is little room: never the counts.
_LAYOUTS = (
    "{percentage:3.0f}%|{bar}| <places> [{elapsed}<{remaining}, {rate_fmt}, <counts>, <size>]",
    "{percentage:3.0f}%|{bar}| <places> [{elapsed}<{remaining}, <counts>, <size>]",
    "{percentage:3.0f}%|{bar}| <places> [<counts>, <size>]",
    "<places> [<counts>, <size>]",
    "<places> [<counts>]",
    "<counts>",
)
# The same for a run that waits: it is said for what, as far as there is room.
_WAITING_LAYOUTS = (
    "{percentage:3.0f}%|{bar}| <places> [{elapsed}<{remaining}, <counts>] <waiting>",
    "<places> [<counts>] <waiting>",
    "<counts> <waiting>",
)


def show_warnings(keys: OutputSettings) -> None:
    """What the engine warns of, such as a run that waits, is said; with `verbose`, more."""
    handler = _Said()
    level = logging.INFO if keys.verbose else logging.WARNING
    handler.setLevel(logging.ERROR if keys.quiet else level)
    scraper_logger = logging.getLogger("scraper")
    scraper_logger.handlers = [handler]
    scraper_logger.setLevel(level)
    scraper_logger.propagate = False


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


class Progress:
    """A bar on a terminal, a line each 30 seconds elsewhere, drawn by a thread of its own."""

    def __init__(self, run: Run, keys: OutputSettings) -> None:
        self._run = run
        self._began = time.monotonic()
        self._line_at = self._began + LINE_SECONDS
        self._messages: SimpleQueue[str | None] = SimpleQueue()
        self._bar: Bar | None = None
        self._thread: threading.Thread | None = None
        if keys.progress and not keys.quiet:
            if _has_terminal(keys):
                self._bar = Bar(sys.stderr)
            self._thread = threading.Thread(
                target=self._show, name="progress", daemon=True
            )

    def __enter__(self) -> None:
        self._first = self._run.report.total
        if self._bar is not None:
            self._bar.open()
        if self._thread is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._messages.put(None)
            self._thread.join()
        if self._bar is not None:
            self.draw()
            self._bar.close()

    def say_soon(self, text: str) -> None:
        """For a signal handler, which may have interrupted a write."""
        if self._thread is not None and self._thread.is_alive():
            self._messages.put(text)
        else:
            streams.write_stderr_now(f"{text}\n")

    def _show(self) -> None:
        seconds = BAR_SECONDS if self._bar is not None else LINE_SECONDS
        while True:
            try:
                text = self._messages.get(timeout=seconds)
            except Empty:
                self.draw()
                continue
            if text is None:
                return
            say(text)

    def draw(self) -> None:
        """Bring the bar up to date; where there is none, say a line if it is time for one."""
        now, run = time.monotonic(), self._run
        ahead = Ahead(run.known, run.waiting, run.least_seconds)
        columns = columns_of(self._bar.stream) if self._bar is not None else 0
        if self._bar is not None and columns:
            self._bar.draw(
                bar_text(run.report, ahead, columns - 1, now - self._began, self._first,
                         ascii=self._bar.ascii)
            )  # fmt: skip
        elif now >= self._line_at:
            self._line_at = now + LINE_SECONDS
            say(line_text(run.report, ahead))


def _has_terminal(keys: OutputSettings) -> bool:
    """Is there one for a bar alone? Not if records go to a terminal, most likely the same one."""
    records = (
        "-" in keys.output and sys.stdout is not None and sys.stdout.isatty()
    )
    return (
        sys.stderr.isatty()
        and not records
        and not os.environ.get("TQDM_DISABLE")
    )


def columns_of(stream: TextIO) -> int:
    """How wide its terminal is; 0 if that is not known (yet), as in some containers."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


class Bar(io.TextIOBase):
    """The lowest line of a terminal; what is written to it goes above that line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.ascii = not _takes_blocks(stream.encoding)
        self._lock = threading.RLock()  # guards what follows
        self._drawn = 0  # characters that stand there
        self._rest = ""  # of a line that has no end yet

    def open(self) -> None:
        """Become standard error."""
        sys.stderr = self

    def close(self) -> None:
        """Leave the bar where it is, and go on below it."""
        sys.stderr = self.stream
        with self._lock:
            self.stream.write("\n" if self._drawn else "")
            self.stream.write(self._rest)
            self.stream.flush()
            self._drawn, self._rest = 0, ""

    def draw(self, text: str) -> None:
        with self._lock:
            self.stream.write(f"\r{text.ljust(self._drawn)}")
            self.stream.flush()
            self._drawn = len(text)

    def write(self, text: str) -> int:
        with self._lock:
            whole, end, rest = text.rpartition("\n")
            if not end:
                self._rest += text
                return len(text)
            blank = f"\r{' ' * self._drawn}\r" if self._drawn else ""
            self.stream.write(f"{blank}{self._rest}{whole}\n")
            self.stream.flush()
            self._drawn, self._rest = 0, rest
        return len(text)

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        return self.stream.encoding


def _takes_blocks(encoding: str | None) -> bool:
    """Can the signs of a smooth bar be written there?"""
    try:
        "█▏".encode(encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


class Ahead(Struct, frozen=True):
    """What a run has before it."""

    known: int  # URLs, with those that are done
    waiting: str = ""  # what it waits for where nothing moves
    least_seconds: float = 0.0  # that its slowest host takes


def bar_text(
    report: Report,
    ahead: Ahead,
    columns: int,
    seconds: float,
    first: int,
    *,
    ascii: bool = False,
) -> str:
    """The bar, with as much beside it as there is room for; empty if not even the counts fit.

    `first` of the URLs were done before this run, `seconds` ago.
    """
    from tqdm import tqdm

    keys: dict[str, Any] = {"initial": first, "unit": " URL"}
    done, total = report.total, max(ahead.known, report.total)
    speed = (done - first) / seconds if seconds else 0.0
    slow = ahead.least_seconds
    if slow and (not speed or slow * speed > total - done):
        keys["remaining"] = tqdm.format_interval(slow)
    for layout in _layouts(report, total, ahead.waiting):
        least = layout.replace("{bar}", " " * SHORTEST_BAR)
        if (
            len(
                tqdm.format_meter(
                    done, total, seconds, bar_format=least, **keys
                )
            )
            <= columns
        ):
            text = tqdm.format_meter(
                done,
                total,
                seconds,
                bar_format=layout,
                ascii=ascii,
                ncols=columns,
                **keys,
            )
            return str(text)
    return ""


def _layouts(report: Report, total: int, waiting: str) -> Iterator[str]:
    words = {
        "<places>": f"{report.total:,}/{total:,}",
        "<counts>": _counts(report),
        "<size>": size_text(report.bytes),
    }
    for layout in (*_waiting_layouts(waiting), *_LAYOUTS):
        for word, text in words.items():
            layout = layout.replace(word, text)
        yield layout


def _waiting_layouts(waiting: str) -> Iterator[str]:
    if not waiting:
        return
    text = waiting.replace("{", "{{").replace("}", "}}")  # in a host's name
    for layout in _WAITING_LAYOUTS:
        yield layout.replace("<waiting>", f"waiting: {text}")
    while ", " in text:
        text = text.rpartition(", ")[0]
        yield f"<counts> waiting: {text}"


def _counts(report: Report) -> str:
    counts = [f"ok={report.done}"]
    counts += [
        f"{s}={report.states[s]}"
        for s in ("failed", "skipped")
        if report.states[s]
    ]
    return " ".join(counts)


def line_text(report: Report, ahead: Ahead) -> str:
    """The line where there is no terminal."""
    urls = counted(max(ahead.known, report.total), "URL")
    text = (
        f"{report.total:,}/{urls}, {_counts(report)}, {size_text(report.bytes)}"
    )
    if ahead.least_seconds >= MIN_LEFT_SECONDS:
        text += f", about {duration(ahead.least_seconds)} left"
    return f"{text}; waiting: {ahead.waiting}" if ahead.waiting else text
