"""The bar and the lines: what fits, what is left away, and that nothing tears it."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import pty
import struct
import sys
import termios
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli import progress
from scraper.cli.progress import (
    Ahead,
    Bar,
    Progress,
    bar_text,
    line_text,
    say,
    show_warnings,
)
from scraper.config import OutputSettings
from scraper.reports.summary import Report
from tests.stories.test_terminal import screen_of

COUNTS = "ok=1200 failed=34 skipped=5"


def a_report() -> Report:
    return Report(
        states=Counter(done=1_200, failed=34, skipped=5), bytes=18_300_000
    )


def a_run(waiting: str = "", least_seconds: float = 0.0) -> Any:
    return SimpleNamespace(
        report=a_report(),
        known=5_000,
        waiting=waiting,
        least_seconds=least_seconds,
    )


# -- what fits --------------------------------------------------------------------------------


@given(st.integers(1, 250))
def test_the_bar_fits_and_its_counts_are_whole(columns: int) -> None:
    text = bar_text(a_report(), Ahead(5_000), columns, 75, 0)
    assert len(text) <= columns
    assert COUNTS in text if columns >= len(COUNTS) else text == ""


def test_what_is_left_away_first() -> None:
    """With less and less room: the rate, the times, the bar itself, the size, the places."""
    seen: list[str] = []
    for columns in range(130, 20, -1):
        text = bar_text(a_report(), Ahead(5_000), columns, 75, 0)
        signs = ("URL/s", "01:15<", "|", "18.3 MB", "1,239/5,000", "ok=1200")
        has = "".join("x" if sign in text else "-" for sign in signs)
        if has not in seen:
            seen.append(has)
    assert seen == [
        "xxxxxx",
        "-xxxxx",
        "--xxxx",
        "---xxx",
        "----xx",
        "-----x",
        "------",
    ]


def test_the_rate_is_that_of_this_run() -> None:
    """A pass that goes on has not done in a second what it has done in a night."""
    assert "39.00 URL/s" in bar_text(a_report(), Ahead(5_000), 130, 1.0, 1_200)


def test_a_bar_without_any_url_yet() -> None:
    assert "0/0 [" in bar_text(Report(), Ahead(0), 100, 0.0, 0)


def test_where_there_is_no_such_sign_the_bar_is_plain() -> None:
    assert "#" in bar_text(a_report(), Ahead(1_300), 120, 75, 0, ascii=True)
    assert bar_text(a_report(), Ahead(1_300), 120, 75, 0, ascii=True).isascii()


def test_one_url_is_one() -> None:
    assert (
        line_text(Report(states=Counter(done=1)), Ahead(1))
        == "1/1 URL, ok=1, 0 B"
    )
    assert (
        line_text(a_report(), Ahead(5_000))
        == f"1,239/5,000 URLs, {COUNTS}, 18.3 MB"
    )


# -- a run that waits -------------------------------------------------------------------------

REFUSED = "example.org refuses (429), next probe 10:42, given up 10:55"


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (150, f"] waiting: {REFUSED}"),
        (120, f"1,239/5,000 [{COUNTS}] waiting: {REFUSED}"),
        (100, f"{COUNTS} waiting: {REFUSED}"),
        (90, f"{COUNTS} waiting: example.org refuses (429), next probe 10:42"),
        (65, f"{COUNTS} waiting: example.org refuses (429)"),
        (59, f"1,239/5,000 [{COUNTS}, 18.3 MB]"),
    ],
)
def test_the_bar_says_what_the_run_waits_for(columns: int, text: str) -> None:
    bar = bar_text(a_report(), Ahead(5_000, REFUSED), columns, 75, 0)
    assert bar.endswith(text)
    assert len(bar) <= columns


def test_the_line_says_what_the_run_waits_for() -> None:
    text = line_text(a_report(), Ahead(5_000, REFUSED, 120_000))
    assert text == (
        f"1,239/5,000 URLs, {COUNTS}, 18.3 MB, about 33 h left; waiting: {REFUSED}"
    )


def test_the_name_of_a_host_is_no_layout() -> None:
    bar = bar_text(a_report(), Ahead(5_000, "{a} refuses (429)"), 150, 75, 0)
    assert bar.endswith("] waiting: {a} refuses (429)")


@pytest.mark.parametrize(
    ("done_before", "slow", "left"),
    [
        (0, 0.0, "03:47"),
        (0, 100.0, "03:47"),
        (0, 3_600.0, "1:00:00"),
        (1_239, 3_600.0, "1:00:00"),
        (1_239, 0.0, "?"),
    ],
)
def test_the_time_that_is_left_is_that_of_the_slowest_host(
    done_before: int, slow: float, left: str
) -> None:
    ahead = Ahead(5_000, "", slow)
    assert f"<{left}," in bar_text(a_report(), ahead, 130, 75, done_before)


# -- nothing tears it -------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.text("ab\n", max_size=9)), max_size=12))
def test_whatever_is_written_stands_above_the_bar(
    steps: list[str | None],
) -> None:
    """None: the bar is drawn, shorter each time."""
    stream = io.StringIO()
    bar = Bar(stream)
    for place, step in enumerate(steps):
        if step is None:
            bar.draw(f"[bar {'=' * (len(steps) - place)}]")
        else:
            bar.write(step)
    bar.close()
    lines = screen_of(stream.getvalue())
    written = "".join(filter(None, steps)).split("\n")
    assert [line for line in lines if line and "bar" not in line] == [
        line for line in written if line
    ]
    assert len([line for line in lines if "bar" in line]) <= 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def a_terminal(columns: int) -> Iterator[tuple[TextIO, Any]]:
    """A stream that is a terminal, and what reads on until a text has come out of it."""
    ours, theirs = pty.openpty()

    def read(text: str) -> None:
        came = ""
        while text not in came:
            came += os.read(ours, 65_536).decode(errors="replace")

    fcntl.ioctl(
        theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0)
    )
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream, read
    os.close(ours)


@pytest.fixture
def restored() -> Iterator[None]:
    logger = logging.getLogger("scraper")
    before = logger.handlers, logger.propagate, logger.level
    yield
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def test_whoever_writes_to_standard_error_writes_above_the_bar(
    monkeypatch: pytest.MonkeyPatch, restored: None
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "columns_of", lambda _: 100)
    show_warnings(OutputSettings())
    with Progress(a_run(), OutputSettings()):
        shown = sys.stderr
        assert isinstance(shown, Bar)
        shown.draw("[bar]")
        say("said by us")
        shown.draw("[bar]")
        logging.getLogger("scraper").warning("warned by the engine")
        shown.draw("[bar]")
        thread = threading.Thread(
            target=lambda: print("printed", "by others", file=sys.stderr)
        )
        thread.start()
        thread.join()
        shown.draw("[bar]")
    assert sys.stderr is stream, "and it is put back"
    lines = screen_of(stream.getvalue())
    assert lines[0] == "said by us"
    assert lines[1] == "warned by the engine"
    assert lines[2] == "printed by others"
    assert [line for line in lines if "[bar]" in line] == []
    assert len([line for line in lines if COUNTS in line]) == 1


# -- where there is no terminal, or one without a width ----------------------------------------


def test_on_a_terminal_without_a_width_lines_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in some containers, where it is known only later."""
    with a_terminal(0) as (stream, read):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
        shown = Progress(a_run(), OutputSettings())
        with shown:
            shown.draw()
            read(f"1,239/5,000 URLs, {COUNTS}, 18.3 MB")
            fcntl.ioctl(
                stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0)
            )
            shown.draw()
            read("| 1,239/5,000 [")


def test_records_on_the_terminal_have_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_terminal(100) as (stream, _):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "stdout", stream)
        run = a_run()
        with Progress(run, OutputSettings(output="-")):
            assert sys.stderr is stream
        with Progress(run, OutputSettings()):
            assert sys.stderr is not stream


def test_a_line_is_said_each_half_minute_and_no_sooner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([1_000.0, 1_000.0, 1_029.0, 1_030.0, 1_059.0, 1_060.0])
    monkeypatch.setattr(
        progress, "time", SimpleNamespace(monotonic=lambda: next(clock))
    )
    shown = Progress(a_run(), OutputSettings())
    told = []
    for _ in range(5):
        shown.draw()
        told.append(len(capsys.readouterr().err.splitlines()))
    assert told == [0, 0, 1, 0, 1]
