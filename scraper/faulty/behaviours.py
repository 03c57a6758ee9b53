"""What a server can do to its clients: each function returns one behaviour.

Well-behaved answers come first, then those that take their time, end early, never end, lie about
their length, are encoded badly, or are hardly HTTP. Those with a `then` wrap another behaviour. All
are values without state of their own: one may stand at many paths, in many servers.

A behaviour of your own is any function that takes an `Exchange`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from itertools import count
from typing import TypeAlias
from urllib.parse import parse_qs

from scraper.faulty.server import Behaviour, Exchange

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
PAGE = b"<!doctype html><title>A page</title><p>All is well."
FILLER = b"." * 1_024
MEGABYTE = 1_048_576

__all__ = [
    "alternate",
    "bad_chunk",
    "bad_coding",
    "bad_length",
    "bad_status_line",
    "body",
    "broken_gzip",
    "changing",
    "chunked",
    "close_after",
    "continue_forever",
    "cookie_wall",
    "cut_gzip",
    "cut_head",
    "delay",
    "drip",
    "drip_head",
    "early_hints",
    "empty",
    "endless_chunk_size",
    "endless_chunked",
    "endless_extensions",
    "endless_header",
    "endless_trailers",
    "etag",
    "folded_header",
    "garbage",
    "gzip_body",
    "gzip_bomb",
    "last_modified",
    "length_and_chunked",
    "long_header",
    "many_headers",
    "needs_login",
    "no_length",
    "non_latin_header",
    "not_gzip",
    "odd_header",
    "overlong",
    "page",
    "ranges",
    "redirect",
    "redirect_chain",
    "redirect_loop",
    "redirect_nowhere",
    "reset",
    "reset_midway",
    "retry_after",
    "robots",
    "sequence",
    "set_cookie",
    "short",
    "short_chunked",
    "silent",
    "slowly",
    "status",
    "too_large",
    "two_lengths",
    "unasked_body",
    "unknown_encoding",
    "upgrade",
]


# -- as it should be --------------------------------------------------------------------------


def body(
    payload: bytes,
    content_type: str | None = HTML,
    headers: Headers = (),
    code: int = 200,
) -> Behaviour:
    """The payload with its length; without one if it is asked for by HEAD."""
    head = _head(code, _lines(content_type, headers, len(payload)))
    whole = head + payload

    def answer(exchange: Exchange) -> None:
        exchange.send(head if exchange.seen.method == "HEAD" else whole)

    return answer


def page(html: str, headers: Headers = (), code: int = 200) -> Behaviour:
    """HTML in UTF-8."""
    return body(html.encode(), HTML, headers, code)


def status(
    code: int, headers: Headers = (), html: str | None = None
) -> Behaviour:
    """A status with a word of explanation, or none where HTTP allows none (204, 304)."""
    if code in (204, 304):
        head = _head(code, _lines(None, headers, None))
        return lambda exchange: exchange.send(head)
    return page(
        f"<h1>{code} {_reason(code)}</h1>" if html is None else html,
        headers,
        code,
    )


def robots(text: str) -> Behaviour:
    """A robots.txt."""
    return body(text.encode(), TEXT)


def changing(
    template: str = "<title>Answer {n}</title><p>Answer {n}",
) -> Behaviour:
    """HTML that differs at each request to its path: {n} is the number of the request."""
    return lambda exchange: page(template.format(n=exchange.seen.nth))(exchange)


def chunked(
    payload: bytes, chunk_bytes: int = 1_024, content_type: str = HTML
) -> Behaviour:
    """The payload in chunks, with a trailer after the last."""
    chunks = (
        _chunk(payload[i : i + chunk_bytes])
        for i in range(0, len(payload), chunk_bytes)
    )
    whole = (
        _chunked_head(content_type)
        + b"".join(chunks)
        + b"0\r\nX-Trailer: end\r\n\r\n"
    )
    return lambda exchange: exchange.send(whole)


def gzip_body(payload: bytes, content_type: str = HTML) -> Behaviour:
    """The payload, compressed."""
    return body(
        gzip.compress(payload), content_type, {"Content-Encoding": "gzip"}
    )


def etag(
    payload: bytes, tag: str = '"1"', content_type: str = HTML
) -> Behaviour:
    """The payload with this ETag (quotes included), or 304 for an If-None-Match that names it."""
    whole = body(payload, content_type, {"ETag": tag})
    unchanged = status(304, {"ETag": tag})

    def answer(exchange: Exchange) -> None:
        known = exchange.seen.headers.get("if-none-match", "")
        tags = [name.strip().removeprefix("W/") for name in known.split(",")]
        (
            unchanged
            if known == "*" or tag.removeprefix("W/") in tags
            else whole
        )(exchange)

    return answer


def last_modified(
    payload: bytes, date: str, content_type: str = HTML
) -> Behaviour:
    """The payload with this HTTP date, or 304 for an If-Modified-Since that is not before it."""
    whole = body(payload, content_type, {"Last-Modified": date})
    unchanged = status(304, {"Last-Modified": date})
    changed = parsedate_to_datetime(date)

    def answer(exchange: Exchange) -> None:
        since = exchange.seen.headers.get("if-modified-since")
        fresh = since is not None and parsedate_to_datetime(since) >= changed
        (unchanged if fresh else whole)(exchange)

    return answer


def ranges(
    payload: bytes, tag: str = '"1"', content_type: str = HTML
) -> Behaviour:
    """The payload, or what `Range: bytes=N-` asks of it (206, 416), unless If-Range disagrees."""
    headers = {"Accept-Ranges": "bytes", "ETag": tag}

    def answer(exchange: Exchange) -> None:
        asked = exchange.seen.headers.get("range", "")
        start, dash, end = asked.removeprefix("bytes=").partition("-")
        if (
            not (dash and start.isdecimal())
            or exchange.seen.headers.get("if-range", tag) != tag
        ):
            return body(payload, content_type, headers)(exchange)
        if int(start) >= len(payload):
            return status(416, {"Content-Range": f"bytes */{len(payload)}"})(
                exchange
            )
        part = payload[int(start) : int(end) + 1 if end else None]
        last = int(start) + len(part) - 1
        where = {"Content-Range": f"bytes {start}-{last}/{len(payload)}"}
        return body(part, content_type, headers | where, 206)(exchange)

    return answer


# -- one after the other ----------------------------------------------------------------------


def sequence(*behaviours: Behaviour) -> Behaviour:
    """The n-th request to a path gets the n-th behaviour; the last one repeats."""
    return lambda exchange: behaviours[
        min(exchange.seen.nth, len(behaviours)) - 1
    ](exchange)


def alternate(*behaviours: Behaviour) -> Behaviour:
    """The requests to a path get the behaviours in turn, over and over."""
    return lambda exchange: behaviours[
        (exchange.seen.nth - 1) % len(behaviours)
    ](exchange)


def retry_after(
    value: int | str = 1, code: int = 429, then: Behaviour | None = None
) -> Behaviour:
    """A refusal with Retry-After: seconds or an HTTP date. With `then`, only the first time."""
    refusal = status(code, {"Retry-After": str(value)})
    return refusal if then is None else sequence(refusal, then)


# -- elsewhere, or only for those who are known -----------------------------------------------


def redirect(to: str, code: int = 302, headers: Headers = ()) -> Behaviour:
    """Ask there instead: an absolute or a relative URL, sent as it is, in UTF-8."""
    return status(code, [("Location", to), *_pairs(headers)])


def redirect_nowhere(code: int = 302) -> Behaviour:
    """A redirect without Location."""
    return status(code)


def redirect_loop(code: int = 302) -> Behaviour:
    """A redirect to the very same URL."""
    return lambda exchange: redirect(exchange.seen.path, code)(exchange)


def redirect_chain(
    hops: int, then: Behaviour | None = None, code: int = 302
) -> Behaviour:
    """So many redirects, each to the same path with another query `?left=N`, then `then`."""

    def answer(exchange: Exchange) -> None:
        path, _, query = exchange.seen.path.partition("?")
        left = int(parse_qs(query).get("left", [str(hops)])[0])
        if left > 0:
            redirect(f"{path}?left={left - 1}", code)(exchange)
        else:
            (then or body(PAGE))(exchange)

    return answer


def set_cookie(
    cookie: str = "seen=yes; Path=/", then: Behaviour | None = None
) -> Behaviour:
    """A page that sets a cookie; `then` answers those who bring one of that name."""
    name = cookie.partition("=")[0]
    first = body(PAGE, headers={"Set-Cookie": cookie})
    return lambda exchange: (
        then if then and _brings(exchange, name) else first
    )(exchange)


def cookie_wall(
    cookie: str = "consent=yes; Path=/", then: Behaviour | None = None
) -> Behaviour:
    """Redirects to itself, setting a cookie, until the cookie comes back; then `then`."""
    name = cookie.partition("=")[0]

    def answer(exchange: Exchange) -> None:
        if _brings(exchange, name):
            (then or body(PAGE))(exchange)
        else:
            redirect(exchange.seen.path, headers={"Set-Cookie": cookie})(
                exchange
            )

    return answer


def needs_login(authorization: str, then: Behaviour | None = None) -> Behaviour:
    """401, until the Authorization header is exactly this one; then `then`."""
    refusal = status(401, {"WWW-Authenticate": 'Basic realm="faulty"'})

    def answer(exchange: Exchange) -> None:
        known = exchange.seen.headers.get("authorization") == authorization
        ((then or body(PAGE)) if known else refusal)(exchange)

    return answer


# -- slow -------------------------------------------------------------------------------------


def delay(seconds: float, then: Behaviour | None = None) -> Behaviour:
    """Nothing for a while, then `then`."""

    def answer(exchange: Exchange) -> None:
        exchange.wait(seconds)
        (then or body(PAGE))(exchange)

    return answer


def silent() -> Behaviour:
    """Reads the request, says nothing, keeps the connection open."""
    return Exchange.hang


def slowly(
    payload: bytes, seconds: float, content_type: str = HTML
) -> Behaviour:
    """The head at once, the payload in twenty pieces over so many seconds: slow, but honest."""
    size = max(1, len(payload) // 20)

    def answer(exchange: Exchange) -> None:
        exchange.send(_head(200, _lines(content_type, (), len(payload))))
        for start in range(0, len(payload), size):
            exchange.wait(seconds * size / len(payload))
            exchange.send(payload[start : start + size])

    return answer


def drip(seconds_per_byte: float = 1.0, payload: bytes = b".") -> Behaviour:
    """The head at once, then the payload's bytes one by one, over and over, for ever.

    Each byte comes well within any time-out of a socket.
    """

    def answer(exchange: Exchange) -> None:
        exchange.send(_head(200, _lines(HTML, {"Connection": "close"}, None)))
        _drip_for_ever(exchange, payload, seconds_per_byte)

    return answer


def drip_head(seconds_per_byte: float = 1.0) -> Behaviour:
    """A head that never ends, byte by byte from the status line on."""

    def answer(exchange: Exchange) -> None:
        for byte in _head(200, [("Content-Type", HTML)])[:-2]:
            exchange.send(bytes([byte]))
            exchange.wait(seconds_per_byte)
        _drip_for_ever(exchange, b"X-Drip: drip\r\n", seconds_per_byte)

    return answer


# -- without end ------------------------------------------------------------------------------


def continue_forever(seconds: float = 0.0, code: int = 100) -> Behaviour:
    """`100 Continue` after `100 Continue`, so many seconds apart; no answer ever."""
    return _for_ever(b"", _head(code, ()), seconds)


def endless_chunked(chunk: bytes = FILLER, seconds: float = 0.0) -> Behaviour:
    """Chunks, as fast as the client takes them or so many seconds apart, for ever."""
    return _for_ever(_chunked_head(HTML), _chunk(chunk), seconds)


def endless_chunk_size() -> Behaviour:
    """A chunk whose size never ends: digits, as fast as the client takes them, for ever."""
    return _for_ever(_chunked_head(HTML), b"0" * 1_024)


def endless_extensions(
    chunk: bytes = b".", extension_bytes: int = 8_192
) -> Behaviour:
    """Chunks that hold little, each with an extension (RFC 9112, 7.1.1) that holds much."""
    size = b"%x;%b\r\n" % (len(chunk), b"e" * extension_bytes)
    return _for_ever(_chunked_head(HTML), size + chunk + b"\r\n")


def endless_trailers(payload: bytes = PAGE) -> Behaviour:
    """The payload in a chunk, then trailers, as fast as the client takes them, for ever."""
    return _for_ever(
        _chunked_head(HTML) + _chunk(payload) + b"0\r\n", b"X-Trailer: more\r\n"
    )


def endless_header() -> Behaviour:
    """Header lines, as fast as the client takes them, for ever."""
    return _for_ever(_head(200, ())[:-2], b"X-Endless: " + FILLER + b"\r\n")


# -- cut off ----------------------------------------------------------------------------------


def empty() -> Behaviour:
    """Closes without a byte."""
    return Exchange.close


def cut_head(code: int = 200, headers: Headers = ()) -> Behaviour:
    """A head without its end: the connection closes in the middle of the last header."""
    return _then_close(_head(code, _lines(HTML, headers, None)).rstrip()[:-3])


def reset() -> Behaviour:
    """Answers with RST: `connection reset by peer`."""
    return Exchange.reset


def reset_midway(payload: bytes = FILLER, headers: Headers = ()) -> Behaviour:
    """The head and half of the payload, then RST, which may overtake what was sent before it."""

    def answer(exchange: Exchange) -> None:
        exchange.send(_head(200, _lines(HTML, headers, len(payload))))
        exchange.send(payload[: len(payload) // 2])
        # lets the client read them: RST throws away what is still queued
        exchange.wait(0.05)
        exchange.reset()

    return answer


def short(
    payload: bytes = PAGE,
    missing: int = 10,
    content_type: str = HTML,
    headers: Headers = (),
) -> Behaviour:
    """The payload, but a Content-Length that is greater by `missing`; then closes."""
    head = _head(200, _lines(content_type, headers, len(payload) + missing))
    return _then_close(head + payload)


def short_chunked(payload: bytes = PAGE, end: bytes = b"") -> Behaviour:
    """A chunk and `end`, the beginning of another one; then closes."""
    return _then_close(_chunked_head(HTML) + _chunk(payload) + end)


def close_after(then: Behaviour | None = None) -> Behaviour:
    """Answers as `then`, promising to keep the connection, and closes it.

    The next request on that connection fails: the race that every pool of connections knows.
    """

    def answer(exchange: Exchange) -> None:
        (then or body(PAGE))(exchange)
        exchange.close()

    return answer


# -- lengths that cannot be true --------------------------------------------------------------


def no_length(payload: bytes = PAGE, content_type: str = HTML) -> Behaviour:
    """HTTP/1.0, the payload ends where the connection ends: legal, and impossible to check."""
    return _then_close(
        b"HTTP/1.0 200 OK\r\n"
        + _encoded(_lines(content_type, (), None))
        + b"\r\n"
        + payload
    )


def too_large(declared: int = 1 << 40) -> Behaviour:
    """Declares so many bytes, sends a few and falls silent."""

    def answer(exchange: Exchange) -> None:
        exchange.send(_head(200, _lines(HTML, (), declared)) + FILLER)
        exchange.hang()

    return answer


def overlong(payload: bytes = PAGE, extra: bytes = FILLER) -> Behaviour:
    """The payload with its true length, then more, which the next answer seems to begin with."""
    whole = _head(200, _lines(HTML, (), len(payload))) + payload + extra
    return lambda exchange: exchange.send(whole)


def bad_length(length: str = "many", payload: bytes = PAGE) -> Behaviour:
    """A Content-Length that is no length ("many", "-1", ""); the payload; then closes."""
    return odd_header(f"Content-Length: {length}".encode(), payload)


def two_lengths(payload: bytes = PAGE) -> Behaviour:
    """Two Content-Lengths that differ, the first one true; then closes."""
    lengths = (
        f"Content-Length: {len(payload)}\r\nContent-Length: {len(payload) + 10}"
    )
    return odd_header(lengths.encode(), payload)


def length_and_chunked(payload: bytes = PAGE) -> Behaviour:
    """Chunked, with a Content-Length that is wrong and must be ignored (RFC 9112, 6.3)."""
    head = _head(200, [*_lines(HTML, (), 5), ("Transfer-Encoding", "chunked")])
    return _then_close(head + _chunk(payload) + b"0\r\n\r\n")


def unasked_body(code: int = 204, payload: bytes = PAGE) -> Behaviour:
    """A body where HTTP allows none (204, 304), as if the next answer began with it."""
    whole = _head(code, _lines(HTML, (), len(payload))) + payload
    return lambda exchange: exchange.send(whole)


def bad_chunk(size: bytes = b"some") -> Behaviour:
    """A chunk whose size is no number ("-5", "0x10", ""), or not its own; then closes."""
    return _then_close(
        _chunked_head(HTML) + size + b"\r\n" + FILLER + b"\r\n0\r\n\r\n"
    )


def bad_coding(
    coding: str = "gzip, chunked", payload: bytes = PAGE
) -> Behaviour:
    """A Transfer-Encoding that nobody asked for; the payload in a chunk; then closes."""
    head = _head(200, [("Content-Type", HTML), ("Transfer-Encoding", coding)])
    return _then_close(head + _chunk(payload) + b"0\r\n\r\n")


# -- encodings that cannot be undone ----------------------------------------------------------


def gzip_bomb(mb: int = 100) -> Behaviour:
    """So many megabytes of zeros, in a thousandth of that."""
    return lambda exchange: body(
        _zeros(mb), headers={"Content-Encoding": "gzip"}
    )(exchange)


def broken_gzip(payload: bytes = PAGE * 20) -> Behaviour:
    """Gzip that is damaged in the middle."""
    whole = bytearray(gzip.compress(payload))
    middle = slice(len(whole) // 2, len(whole) // 2 + 8)
    whole[middle] = bytes(byte ^ 0xFF for byte in whole[middle])
    return body(bytes(whole), headers={"Content-Encoding": "gzip"})


def cut_gzip(payload: bytes = PAGE * 20) -> Behaviour:
    """Gzip that ends too early, with a Content-Length that agrees."""
    whole = gzip.compress(payload)
    return body(whole[: len(whole) // 2], headers={"Content-Encoding": "gzip"})


def not_gzip(payload: bytes = PAGE) -> Behaviour:
    """Says gzip, sends the payload as it is."""
    return body(payload, headers={"Content-Encoding": "gzip"})


def unknown_encoding(payload: bytes = PAGE, name: str = "x-rot13") -> Behaviour:
    """A Content-Encoding that nobody knows."""
    return body(payload, headers={"Content-Encoding": name})


# -- hardly HTTP ------------------------------------------------------------------------------


def garbage(data: bytes = b"\x00\xff\x17SSH-2.0-none\r\n\r\n" * 4) -> Behaviour:
    """These bytes, which are not HTTP; then closes."""
    return _then_close(data)


def bad_status_line(
    line: bytes = b"HTTP/1.1 two hundred", payload: bytes = PAGE
) -> Behaviour:
    """This in place of the status line, then an ordinary answer; then closes."""
    headers = _encoded(_lines(HTML, (), len(payload)))
    return _then_close(line + b"\r\n" + headers + b"\r\n" + payload)


def odd_header(line: bytes, payload: bytes = PAGE) -> Behaviour:
    """This in place of the Content-Length, then the payload; then closes.

    `line` may be any bytes: without a colon, with spaces before it, with bare CR or LF, several
    lines.
    """
    return _then_close(
        _head(200, [("Content-Type", HTML)])[:-2] + line + b"\r\n\r\n" + payload
    )


def non_latin_header(payload: bytes = PAGE) -> Behaviour:
    """A header in UTF-8 and one that is no UTF-8 either."""
    return odd_header(
        "X-Name: Übergröße 図\r\n".encode() + b"X-Bytes: \x80\xfe\xff", payload
    )


def folded_header(payload: bytes = PAGE) -> Behaviour:
    """A header over two lines (obs-fold, RFC 9112, 5.2)."""
    return odd_header(b"X-Folded: one\r\n  two", payload)


def many_headers(number: int = 1_000, payload: bytes = PAGE) -> Behaviour:
    """So many headers; Python's http.client takes 100."""
    return body(
        payload, headers=[(f"X-Header-{n}", str(n)) for n in range(number)]
    )


def long_header(length: int = 1_000_000, payload: bytes = PAGE) -> Behaviour:
    """A header of so many bytes; Python's http.client takes 65,536."""
    return body(payload, headers={"X-Long": "x" * length})


def upgrade(protocol: str = "websocket") -> Behaviour:
    """101 Switching Protocols, not asked for, then another protocol's bytes, then silence."""
    head = _head(101, [("Connection", "Upgrade"), ("Upgrade", protocol)])

    def answer(exchange: Exchange) -> None:
        exchange.send(head + b"\x81\x05hello")
        exchange.hang()

    return answer


def early_hints(then: Behaviour | None = None) -> Behaviour:
    """103 Early Hints, as real servers send it, then `then`."""

    def answer(exchange: Exchange) -> None:
        exchange.send(
            _head(103, [("Link", "</style.css>; rel=preload; as=style")])
        )
        (then or body(PAGE))(exchange)

    return answer


# -- bytes ------------------------------------------------------------------------------------


def _reason(code: int) -> str:
    return (
        HTTPStatus(code).phrase
        if code in HTTPStatus._value2member_map_
        else "Unheard Of"
    )


def _pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def _lines(
    content_type: str | None, headers: Headers, length: int | None
) -> list[tuple[str, str]]:
    kind = [] if content_type is None else [("Content-Type", content_type)]
    size = [] if length is None else [("Content-Length", str(length))]
    return [*kind, *size, *_pairs(headers)]


def _encoded(headers: Headers) -> bytes:
    return "".join(
        f"{name}: {value}\r\n" for name, value in _pairs(headers)
    ).encode()


def _head(code: int, headers: Headers) -> bytes:
    return (
        f"HTTP/1.1 {code} {_reason(code)}\r\n".encode()
        + _encoded(headers)
        + b"\r\n"
    )


def _chunked_head(content_type: str) -> bytes:
    return _head(
        200, [("Content-Type", content_type), ("Transfer-Encoding", "chunked")]
    )


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _brings(exchange: Exchange, cookie: str) -> bool:
    cookies = exchange.seen.headers.get("cookie", "").split(";")
    return any(pair.strip().startswith(cookie + "=") for pair in cookies)


def _then_close(data: bytes) -> Behaviour:
    def answer(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.close()

    return answer


def _for_ever(first: bytes, again: bytes, seconds: float = 0.0) -> Behaviour:
    def answer(exchange: Exchange) -> None:
        exchange.send(first)
        while True:
            exchange.send(again)
            exchange.wait(seconds)

    return answer


def _drip_for_ever(exchange: Exchange, data: bytes, seconds: float) -> None:
    for n in count():
        exchange.wait(seconds)
        exchange.send(data[n % len(data) :][:1])


@cache
def _zeros(mb: int) -> bytes:
    """Gzip of so many megabytes of zeros, made when first asked for, without ever holding them."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MEGABYTE)
    return (
        b"".join(compressor.compress(zeros) for _ in range(mb))
        + compressor.flush()
    )
