"""What is said while a run goes on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from scraper.config import OutputKeys
from scraper.report import Report, size_text
from scraper.text import printable_lines

if TYPE_CHECKING:
    from scraper.job import Run

LINE_SECONDS = 30.0
BAR_SECONDS = 0.25


def say(text: str) -> None:
    """The one door to the terminal: nothing in a message commands it."""
    print(printable_lines(text), file=sys.stderr, flush=True)


def show_warnings(quiet: bool) -> None:
    """What the engine warns of, such as a run that waits, is said above the bar."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(message)s"))
    handler.setLevel(logging.ERROR if quiet else logging.WARNING)
    scraper_logger = logging.getLogger("scraper")
    scraper_logger.handlers = [handler]
    scraper_logger.propagate = False


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


class Progress:
    """A bar on a terminal, a line each 30 seconds elsewhere, drawn by a thread of its own."""

    def __init__(self, run: Run, keys: OutputKeys) -> None:
        self._run = run
        self._bar: Any = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if keys.progress and not keys.quiet:
            terminal = sys.stderr.isatty() and not os.environ.get("TQDM_DISABLE")
            if terminal:
                self._bar = _bar()
            seconds = BAR_SECONDS if terminal else LINE_SECONDS
            self._thread = threading.Thread(target=self._draw, args=(seconds,), daemon=True)

    def __enter__(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._bar is not None:
            self._update()
            self._bar.close()

    def _draw(self, seconds: float) -> None:
        while not self._over.wait(seconds):
            if self._bar is not None:
                self._update()
            else:
                say(_line(self._run.report, self._run.known))

    def _update(self) -> None:
        report = self._run.report
        self._bar.total = max(self._run.known, report.total)
        self._bar.n = report.total
        self._bar.set_postfix_str(f"{_counts(report)}, {size_text(report.bytes)}")


def _bar() -> Any:
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # the default makes a multiprocessing lock
    bar = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
    return tqdm(total=0, unit=" url", bar_format=bar, dynamic_ncols=True, smoothing=0.1)


def _counts(report: Report) -> str:
    counts = [f"ok={report.done}"]
    counts += [f"{s}={report.states[s]}" for s in ("failed", "skipped") if report.states[s]]
    return " ".join(counts)


def _line(report: Report, known: int) -> str:
    return f"{report.total:,}/{known:,} URLs, {_counts(report)}, {size_text(report.bytes)}"
