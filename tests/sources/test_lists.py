"""Lists as people write them, read without filling the memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import UsageError
from scraper.messages import InputExhausted, LinesReady
from scraper.sources import reader as reading
from scraper.sources.reader import Reader
from scraper.sources.source import (
    Pipe,
    Source,
    file_source,
    given_source,
    script_source,
)
from scraper.sources.text import parse_line
from scraper.urls import MAX_URL_BYTES

PATIENCE = 10.0


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        (b"https://example.com/a\n", "https://example.com/a"),
        (b"  example.com/a#b \r\n", "https://example.com/a"),
        ("https://example.com/ü\n".encode(), "https://example.com/%C3%BC"),
        ("https://example.com/ü", "https://example.com/%C3%BC"),
        (b"\xef\xbb\xbfhttps://example.com/\n", "https://example.com/"),
    ],
)
def test_a_line_is_a_url(raw: bytes | str, url: str) -> None:
    line = parse_line(raw, 1, 1)
    assert line is not None
    assert (line.url.href, line.refusal) == (url, None)


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"  \t\r\n", b"# a comment\n", b"\xef\xbb\xbf\n", ""]
)
def test_blank_lines_and_comments_are_no_urls(raw: bytes | str) -> None:
    assert parse_line(raw, 1, 1) is None


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"mailto:me@example.com\n", "bad_scheme"),
        (b"http://exa mple.com\n", "bad_url"),
        (b"https://example.com/\xff\xfe\n", "bad_encoding"),
        (b"https://example.com/" + b"a" * MAX_URL_BYTES, "bad_url"),
    ],
)
def test_a_line_that_is_no_url_is_kept_with_its_reason(
    raw: bytes, refusal: str
) -> None:
    line = parse_line(raw, 1, 7)
    assert line is not None
    assert (line.refusal, line.url.host, line.line) == (refusal, "", 7)
    assert len(line.url.href) <= 2_000


@given(st.binary(max_size=80) | st.text(max_size=40))
def test_whatever_a_line_holds_can_be_stored(raw: bytes | str) -> None:
    line = parse_line(raw, 1, 1)
    if line is not None:
        assert line.url.href.encode("utf-8"), (
            "the ledger and the records are UTF-8"
        )
        assert (line.refusal is None) == bool(line.url.host)


def test_white_space_of_every_kind_is_taken_off() -> None:
    spaces = [each for each in map(chr, range(0x11000)) if each.isspace()]
    assert len(spaces) > 25
    for space in spaces:
        line = parse_line(f"{space}http://a.test/{space}".encode(), 1, 1)
        assert line is not None
        assert line.url.href == "http://a.test/"


def test_what_was_written_is_kept_where_it_differs() -> None:
    same, other = (
        parse_line(b"https://example.com/", 1, 1),
        parse_line(b"Example.com", 1, 2),
    )
    assert same is not None
    assert other is not None
    assert (same.written, other.written) == (None, "Example.com")


# -- sources ----------------------------------------------------------------------------------


def test_a_file_is_the_same_list_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "urls.txt").write_text("example.com\n")
    monkeypatch.chdir(tmp_path)
    one, other = (
        file_source("urls.txt"),
        file_source(str(tmp_path / "urls.txt")),
    )
    assert one.identity == other.identity


def test_a_list_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="is a folder without lists: name the file"
    ):
        file_source(str(tmp_path))
    with pytest.raises(UsageError, match="no such file"):
        file_source(str(tmp_path / "urls.txt"))
    with pytest.raises(
        UsageError, match=r"if you mean the URL, write https://example\.com"
    ):
        file_source("example.com")
    with pytest.raises(UsageError, match="cannot read"):
        file_source("a\0b")


def test_an_overlong_line_costs_one_line_and_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes(
        b"example.com/1\n" + b"a" * 5 * MAX_URL_BYTES + b"\nexample.com/2\n"
    )
    lines = list(file_source(str(path)).lines())
    assert len(lines) == 3
    assert len(lines[1]) == MAX_URL_BYTES + 2
    assert lines[2] == b"example.com/2\n"


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes(b"example.com/1\nexample.com/2")
    assert len(list(file_source(str(path)).lines())) == 2


def test_what_was_looked_at_of_a_pipe_is_read_all_the_same() -> None:
    asked: list[int] = []

    def lines() -> Iterator[str]:
        for number in range(4):
            asked.append(number)
            yield f"# {number}" if number == 0 else f"example.com/{number}"

    pipe = Pipe(lines)
    source = Source("stdin", "stdin", pipe.lines, live=True, ahead=pipe.ahead)
    assert asked == [], "nothing is read before somebody wants to know"
    for _ in range(2):
        assert next(source.tasks_ahead()).url.href == "https://example.com/1"
        assert asked == [0, 1], "and then nothing beyond it"
    assert list(source.lines()) == [
        "# 0",
        "example.com/1",
        "example.com/2",
        "example.com/3",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_named_pipe_is_read_whole(tmp_path: Path) -> None:
    """Whoever opened it to see whether it can be read has had what was in it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    lines = [b"example.com/%d\n" % number for number in range(10)]

    def write() -> None:
        with suppress(BrokenPipeError), path.open("wb", buffering=0) as file:
            for line in lines:
                file.write(line)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    source = file_source(str(path))
    assert writer.is_alive(), "nobody has opened it yet"
    read: list[bytes | str] = []
    reader = threading.Thread(
        target=lambda: read.extend(source.lines()), daemon=True
    )
    reader.start()
    reader.join(PATIENCE)
    writer.join(PATIENCE)
    assert read == lines


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_that_says_it_is_utf_16_is_read_as_that(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes("\ufeffexample.com/1\r\n\nexample.com/ü".encode(encoding))
    lines = [
        parse_line(raw, 1, n)
        for n, raw in enumerate(file_source(str(path)).lines(), 1)
    ]
    assert [(line.url.href, line.line) for line in lines if line is not None] == [
        ("https://example.com/1", 1), ("https://example.com/%C3%BC", 3)]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_in_utf_16_is_known_without_its_mark(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes("example.com/1\r\nexample.com/ü\r".encode(encoding))
    lines = [
        parse_line(raw, 1, n)
        for n, raw in enumerate(file_source(str(path)).lines(), 1)
    ]
    assert [(line.url.href, line.line) for line in lines if line is not None] == [
        ("https://example.com/1", 1), ("https://example.com/%C3%BC", 2)]  # fmt: skip


def test_lines_may_end_as_on_an_old_mac(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_bytes(
        b"".join(b"example.com/%d\r" % number for number in range(9_000))
    )
    assert path.stat().st_size > 2 * MAX_URL_BYTES
    lines = list(file_source(str(path)).lines())
    assert lines == [b"example.com/%d\r" % number for number in range(9_000)]


def test_an_odd_item_of_a_script_is_read_like_a_line() -> None:
    items = [
        "- https://a.example/",
        "https://a.example/\nhttps://b.example/",
        "  # nothing",
    ]
    lines = [parse_line(each, 1, 1) for each in items]
    assert [line and (line.url.href, line.refusal) for line in lines] == [
        ("https://a.example/", None), (items[1], "bad_url"), None]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "url", "refusal"),
    [
        (b"http://a.example/x\0y\n", "http://a.example/x%00y", None),
        (b"\0http://a.example/\0\n", "http://a.example/", None),
        (b"http://a\0.example/\n", "http://a%00.example/", "bad_url"),
        (
            b"h\0t\0t\0p\0:\0/\0/\0a\0/\0",
            "h%00t%00t%00p%00:%00/%00/%00a%00/",
            "bad_url",
        ),
    ],
)
def test_a_nul_is_what_a_url_makes_of_it(
    raw: bytes, url: str, refusal: str | None
) -> None:
    line = parse_line(raw, 1, 1)
    assert line is not None
    assert (line.url.href, line.refusal) == (url, refusal)


# -- the reader -------------------------------------------------------------------------------


class Inbox:
    """What the reader posts, and waiting for it."""

    def __init__(self) -> None:
        self.messages: list[object] = []
        self._changed = threading.Condition()

    def put(self, message: object) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait_for(self, number: int) -> list[object]:
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.messages) >= number, PATIENCE
            )
            return list(self.messages)


def test_all_lists_are_read_in_order_and_the_end_is_told() -> None:
    inbox = Inbox()
    sources = [
        (1, given_source(["a.example", "# no", "b.example"])),
        (2, given_source(["c.example"])),
    ]
    reader = Reader(sources, inbox.put)
    reader.start()
    reader.join(PATIENCE)
    assert inbox.wait_for(2) == [LinesReady(), InputExhausted()]
    assert [(line.source, line.line, line.url.host) for line in reader.take()] == [
        (1, 1, "a.example"), (1, 3, "b.example"), (2, 1, "c.example")]  # fmt: skip


def test_the_reader_is_never_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLICE", 10)
    drawn = 0

    def endless() -> Iterator[str]:
        nonlocal drawn
        while True:
            drawn += 1
            yield f"example.com/{drawn}"

    inbox = Inbox()
    reader = Reader(
        [(1, Source("script", "script", endless))], inbox.put, first=10
    )
    reader.start()
    inbox.wait_for(1)
    # Two slices may lie unread; with the next line in its hand it waits.
    reader.join(0.05)
    assert drawn == 21
    assert len(reader.take()) == 20
    inbox.wait_for(2)
    reader.stop()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert drawn <= 42


def test_the_first_slice_is_short_so_that_the_first_request_is_early() -> None:
    inbox = Inbox()
    gate = threading.Event()

    def lines() -> Iterator[str]:
        for number in range(500):
            if number == 64:
                gate.wait(PATIENCE)
            yield f"example.com/{number}"

    reader = Reader([(1, Source("file", "file", lines))], inbox.put)
    reader.start()
    inbox.wait_for(1)
    first = reader.take()
    gate.set()
    reader.join(PATIENCE)
    assert len(first) == 64
    assert len(reader.take()) == 436


def test_a_line_of_a_pipe_does_not_wait_for_the_next() -> None:
    inbox = Inbox()
    gate = threading.Event()

    def lines() -> Iterator[str]:
        yield "example.com/1"
        # as if it waited for the outcome of the first
        assert gate.wait(PATIENCE)

    reader = Reader([(1, script_source(lines()))], inbox.put)
    reader.start()
    inbox.wait_for(1)
    assert [line.url.href for line in reader.take()] == [
        "https://example.com/1"
    ]
    gate.set()
    reader.join(PATIENCE)


def _pipe(lines: Iterator[bytes]) -> Source:
    return Source("stdin", "stdin", lambda: lines, live=True, pipe=True)


def test_a_pipe_that_is_no_list_is_refused_while_it_is_still_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "EXAMINE_SECONDS", 0.01)
    closed = threading.Event()

    def lines() -> Iterator[bytes]:
        yield b"url,section\n"
        yield b"https://a.example/1,news\n"
        closed.wait(PATIENCE)

    inbox = Inbox()
    reader = Reader([(1, _pipe(lines()))], inbox.put)
    reader.start()
    [ended] = inbox.wait_for(1)
    assert reader.take() == []
    closed.set()
    reader.join(PATIENCE)
    assert inbox.messages == [ended], "and the end is told once"
    assert isinstance(ended, InputExhausted)
    assert isinstance(ended.error, UsageError)
    assert str(ended.error).startswith(
        "stdin looks like a CSV with the columns url, section; "
    )


def test_a_pipe_is_looked_at_for_a_second_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "EXAMINE_SECONDS", 0.01)
    gate = threading.Event()

    def lines() -> Iterator[bytes]:
        yield b"https://a.example/1\n"
        yield b"https://a.example/2\n"
        assert gate.wait(PATIENCE)
        yield b"https://a.example/3\n"

    inbox = Inbox()
    reader = Reader([(1, _pipe(lines()))], inbox.put)
    reader.start()
    assert inbox.wait_for(1) == [LinesReady()]
    first = [line.url.href for line in reader.take()]
    gate.set()
    reader.join(PATIENCE)
    rest = [line.url.href for line in reader.take()]
    assert first + rest == [
        f"https://a.example/{number}" for number in (1, 2, 3)
    ]
    assert first == ["https://a.example/1", "https://a.example/2"]


@pytest.mark.parametrize("number", [1, 99, 100, 101, 500])
def test_a_pipe_of_any_length_is_read_whole(number: int) -> None:
    inbox = Inbox()
    source = _pipe(b"https://a.example/%d\n" % each for each in range(number))
    reader = Reader([(1, source), (2, given_source(["b.example"]))], inbox.put)
    reader.start()
    reader.join(PATIENCE)
    lines = reader.take()
    assert [line.line for line in lines] == [*range(1, number + 1), 1]
    assert inbox.messages[-1] == InputExhausted()


def test_a_list_that_breaks_says_so_after_what_it_gave() -> None:
    def breaking() -> Iterator[str]:
        yield "example.com"
        raise OSError("the pipe broke")

    inbox = Inbox()
    reader = Reader(
        [(1, Source("script", "script", breaking))], inbox.put, first=1
    )
    reader.start()
    messages = inbox.wait_for(2)
    reader.join(PATIENCE)
    assert messages[0] == LinesReady()
    assert isinstance(messages[1], InputExhausted)
    assert str(messages[1].error) == "the pipe broke"


def test_text_that_was_no_utf_8_is_refused_and_not_asked_as_another_url() -> (
    None
):
    task = parse_line("https://a.example/\udcff", 1, 1)
    assert task is not None
    assert (task.refusal, task.url.host) == ("bad_encoding", "")
