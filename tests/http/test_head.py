"""What is read of an answer's head, and that it does not matter in which pieces it comes."""

from __future__ import annotations

import http.client
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.http.framing import Answer
from scraper.http.head import MAX_FIELDS, BadAnswer, Head

OK = b"HTTP/1.1 200 OK\r\n"


def fields_of(lines: bytes) -> list[tuple[str, str]]:
    return list(Head(OK + lines + b"\r\n").fields.items())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"", []),
        (b"Age: 1\r\nVIA:a\r\nVia: \t b \t\r\n", [("age", "1"), ("via", "a"), ("via", "b")]),
        (b"Age: 1\nVia: a\n", [("age", "1"), ("via", "a")]),
        (b"Empty:\r\nBlank:  \r\n", [("empty", ""), ("blank", "")]),
        (b"Url: http://a:1/ \r\n", [("url", "http://a:1/")]),
        (b"Name: \xdc\xff\r\n", [("name", "\u00dc\u00ff")]),
        (b"Nul: a\0b\r\n", [("nul", "a\0b")]),
        (b"Folded: a\r\n \t b\r\n\tc\r\nAge: 1\r\n", [("folded", "a b c"), ("age", "1")]),
        (b"Folded: a\r\n \r\nAge: 1\r\n", [("folded", "a"), ("age", "1")]),
        (b"no colon\r\nAge: 1\r\n", [("age", "1")]),
        (b": no name\r\nAge: 1\r\n", [("age", "1")]),
        (b"no token: a\r\n and more of it: b\r\nAge: 1\r\n", [("age", "1")]),
        (b"Age : 1\r\n", [("age", "1")]),
        (b" Age: 1\r\nVia: a\r\n", [("via", "a")]),
        (b"X: a\rAge: 1\r\n", [("x", "a Age: 1")]),
        (b"X: a\r\rAge: 1\r\r\n", [("x", "a  Age: 1")]),
        (b"X: a\x0bb\x0c\x1c\x85c\r\n", [("x", "a\x0bb\x0c\x1c\x85c")]),
    ],
)  # fmt: skip
def test_fields_are_read_as_browsers_read_them(
    lines: bytes, expected: list[tuple[str, str]]
) -> None:
    assert fields_of(lines) == expected


@pytest.mark.parametrize(
    ("line", "status", "reason", "is_http_1_0"),
    [
        (b"HTTP/1.1 200 OK", 200, "OK", False),
        (b"HTTP/1.1 200", 200, "", False),
        (b"HTTP/1.1 200 ", 200, "", False),
        (b"HTTP/1.1  404  Not  here", 404, "Not  here", False),
        (b"HTTP/1.0 999 \xff", 999, "\u00ff", True),
        (b"HTTP/0.9 200 OK", 200, "OK", True),
        (b"HTTP/1.2 200 OK", 200, "OK", False),
    ],
)
def test_a_status_line_is_read(
    line: bytes, status: int, reason: str, is_http_1_0: bool
) -> None:
    head = Head(line + b"\r\n\r\n")
    assert (head.status, head.reason) == (status, reason)
    assert head.is_http_1_0 is is_http_1_0


@pytest.mark.parametrize(
    "line",
    [b"", b"hello", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 20", b"HTTP/1.1 099 x", b"HTTP/1.1 2000",
     b"HTTP/1.1 +20 x", b"HTTP/1.1 2_0 x", b"HTTP/2 200 OK", b"HTTP/2.0 200 OK", b"http/1.1 200 OK",
     b"HTTP/1.1 \xb2\xb2\xb2 x", b" HTTP/1.1 200 OK", b"HTTP/1.1\x0b200 OK"],
)  # fmt: skip
def test_what_is_no_status_line_is_none(line: bytes) -> None:
    with pytest.raises(http.client.BadStatusLine):
        Head(line + b"\r\nAge: 1\r\n\r\n")


def test_the_number_of_fields_is_bounded() -> None:
    most = b"A: 1\r\n" * MAX_FIELDS
    assert len(fields_of(most)) == MAX_FIELDS
    with pytest.raises(BadAnswer):
        fields_of(most + b"A: 1\r\n")


# -- in pieces --------------------------------------------------------------------------------


class Socket:
    """Gives what a server has sent in pieces of our choice, and then its end."""

    def __init__(self, sent: bytes, cuts: list[int]) -> None:
        ends = sorted({min(cut, len(sent)) for cut in cuts} | {0, len(sent)})
        self._pieces = [sent[a:b] for a, b in pairwise(ends)]

    def recv(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


class Connection:
    def __init__(self, sock: Socket) -> None:
        self.sock = sock
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def _put_conn(self, conn: Any) -> None:
        assert conn is self


def read_whole(answer: Answer, amount: int) -> bytes:
    answer.begin()
    body = b""
    while piece := answer.read(amount):
        body += piece
    return body


PLAIN = OK + b"Content-Length: 10\r\n\r\n0123456789"
CHUNKED = (
    b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"
    + OK
    + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\n012\r\n0007\r\n3456789\r\n"
    + b"0\r\nTrailer: a\r\n\r\n"
)
UNTIL_THE_END = b"HTTP/1.0 200 OK\n\n0123456789"


@given(
    st.sampled_from([PLAIN, CHUNKED, UNTIL_THE_END]),
    st.lists(st.integers(0, 200)),
    st.integers(1, 12),
    st.booleans(),
)
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(
    sent: bytes, cuts: list[int], amount: int, has_excess: bool
) -> None:
    excess = b"HTTP/1.1 200 OK\r\n\r\n" * has_excess
    connection = Connection(Socket(sent + excess, cuts))
    answer = Answer(connection, connection)
    body = read_whole(answer, amount)
    expected = b"0123456789" + excess * (sent is UNTIL_THE_END)
    assert (answer.status, body) == (200, expected)
    answer.release_conn()
    if sent is UNTIL_THE_END:
        assert connection.is_closed


@given(
    st.sampled_from([PLAIN, CHUNKED[:-2]]),
    st.integers(0, 200),
    st.lists(st.integers(0, 200)),
)
def test_an_answer_that_ends_early_is_never_taken_for_a_whole_one(
    sent: bytes, end: int, cuts: list[int]
) -> None:
    connection = Connection(Socket(sent[: min(end, len(sent) - 1)], cuts))
    answer = Answer(connection, connection)
    trailers = len(CHUNKED) - len(b"Trailer: a\r\n\r\n")
    if sent is not PLAIN and end >= trailers:
        return  # nothing of the body is missing
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        read_whole(answer, 4)


def test_what_comes_behind_an_answer_ends_its_connection() -> None:
    connection = Connection(Socket(PLAIN + OK + b"\r\n", []))
    answer = Answer(connection, connection)
    answer.begin()
    assert answer.read(100) == b"0123456789"
    answer.release_conn()
    assert connection.is_closed


def test_a_connection_is_kept_where_the_answer_has_come_whole() -> None:
    connection = Connection(Socket(PLAIN, []))
    answer = Answer(connection, connection)
    answer.begin()
    answer.read(9)
    answer.read(9)
    answer.release_conn()
    assert not connection.is_closed


def test_a_connection_is_closed_where_a_part_of_the_body_was_left() -> None:
    connection = Connection(Socket(PLAIN, []))
    answer = Answer(connection, connection)
    answer.begin()
    answer.read(9)
    answer.release_conn()
    assert connection.is_closed


@pytest.mark.parametrize(
    ("head", "is_kept"),
    [
        (b"HTTP/1.1 204 x\r\n\r\n", True),
        (b"HTTP/1.1 204 x\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.0 204 x\r\n\r\n", False),
        (b"HTTP/1.0 204 x\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"HTTP/1.0 204 x\r\nKeep-Alive: timeout=5\r\n\r\n", True),
        (b"HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 x\r\n\r\n", False),
    ],
)
def test_the_server_says_whether_it_keeps_the_connection(
    head: bytes, is_kept: bool
) -> None:
    connection = Connection(Socket(head, []))
    answer = Answer(connection, connection)
    answer.begin()
    assert answer.will_close is not is_kept
