"""One request comes back as one fact, whatever the server does, and no later than its deadline."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from scraper import errors
from scraper.errors import UsageError
from scraper.faulty import (
    Behaviour,
    FaultyServer,
    body,
    closed_port,
    cut_head,
    delay,
    drip,
    drip_head,
    empty,
    endless_chunked,
    etag,
    garbage,
    needs_login,
    page,
    redirect,
    reset,
    reset_midway,
    retry_after,
    sequence,
    short,
    silent,
    status,
    unaccepting,
)
from scraper.http import fetcher, speed
from scraper.http.adapter import Request
from scraper.http.headers import MAX_PAUSE_SECONDS
from scraper.model import (
    Fetched,
    FetchFailed,
    Moved,
    RobotsText,
    StoredResponse,
)
from tests.http.asker import BODY, PATIENCE, Asker, kind_of

AFTER_7 = {"Retry-After": "7"}

# -- what answers mean: no connection is needed for that ---------------------------------------


def test_an_answer_is_on_the_disk_with_all_that_is_known_of_it(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/page?q", body=BODY, content_type="text/html; charset=latin-1",
            headers={"ETag": '"1"'})  # fmt: skip
    fact = asker.ask("https://a.example/page?q")
    assert isinstance(fact, Fetched)
    assert asker.saved(fact) == BODY
    assert (fact.status, fact.kind, fact.type, fact.charset) == (
        200, "page", "text/html", "latin-1")  # fmt: skip
    assert (fact.bytes, fact.wire_bytes) == (len(BODY), len(BODY))
    assert fact.sha256 == hashlib.sha256(BODY).hexdigest()
    assert dict(fact.headers)["etag"] == '"1"'


def test_a_redirect_is_reported_not_followed(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/a/", status=301, headers={"Location": "../b#c"})
    fact = asker.ask("https://a.example/a/")
    assert isinstance(fact, Moved)
    assert (fact.to.href, fact.status) == ("https://a.example/b", 301)


def test_a_location_may_hold_anything(
    asker: Asker, web: responses.RequestsMock
) -> None:
    """UTF-8 as it is, in a head that is read as latin-1."""
    web.get("https://a.example/", status=302,
            headers={"Location": "/übergröße".encode().decode("latin-1")})  # fmt: skip
    fact = asker.ask("https://a.example/")
    assert isinstance(fact, Moved)
    assert fact.to.href == "https://a.example/%C3%BCbergr%C3%B6%C3%9Fe"


@pytest.mark.parametrize(
    "to", ["javascript:alert(1)", "http://[", "file:///etc/passwd"]
)
def test_a_redirect_to_what_is_no_page_is_a_bad_one(
    to: str, asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", status=302, headers={"Location": to})
    fact = asker.ask("https://a.example/")
    assert isinstance(fact, FetchFailed)
    assert fact.failure.kind == "bad_redirect"
    assert to in fact.failure.message


@pytest.mark.parametrize("code", [400, 404, 410, 429, 500, 503, 599, 304])
def test_a_status_that_brings_nothing_is_a_failure_of_its_own(
    code: int, asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", status=code, body="no")
    fact = asker.ask("https://a.example/")
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.failure.label) == (
        "http_status",
        f"http_{code}",
    )
    assert list(asker.folder.iterdir()) == []


def test_credentials_go_into_a_header_and_out_of_the_url(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/x", body=b"in")
    asker.ask("https://me:p%40ss@a.example/x")
    asked = web.calls[0].request
    assert asked.url == "https://a.example/x"
    assert asked.headers["Authorization"] == requests.auth._basic_auth_str(
        "me", "p@ss"
    )


def test_every_request_says_who_asks(
    tmp_path: Path, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", body=b"in")
    asker = Asker(tmp_path, header=("X-One: 1", "user-agent: mine/1.0"))
    asker.ask("https://a.example/")
    asker.close()
    sent = web.calls[0].request.headers
    assert sent["X-One"] == "1"
    agents = [
        value for name, value in sent.items() if name.lower() == "user-agent"
    ]
    assert agents == ["mine/1.0"], (
        "a header of the user's takes the place of ours"
    )


@pytest.mark.parametrize(
    "path", ["/%c3%a9", "/%C3%A9", "/[a]|b^~%7e", "/?x=[1]|{2}^%c3%7E\\", "/?"]
)
def test_what_is_asked_is_what_a_browser_asks(path: str, asker: Asker) -> None:
    with FaultyServer({"/*": page("<p>Here.")}) as server:
        asker.ask(server.url(path))
        assert [each.path for each in server.seen] == [path]


def test_a_host_of_the_users_is_sent_in_place_of_that_of_the_url(
    tmp_path: Path,
) -> None:
    asker = Asker(tmp_path, header=("host: other.example",))
    with FaultyServer(page("in")) as server:
        asker.ask(server.url())
        assert server.seen[0].headers["host"] == "other.example"
    asker.close()


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://a.example/", "a.example"), ("http://a.example.:81/x", "a.example:81"),
     ("https://a.example./", "a.example"), ("http://[::1]:81/", "[::1]:81"),
     ("http://me:secret@a.example/", "a.example")],
)  # fmt: skip
def test_a_request_names_its_host(url: str, host: str) -> None:
    assert Request(url, {"Accept": "*/*"}).headers["Host"] == host


@pytest.mark.parametrize(
    "line",
    [
        "no colon",
        ": value",
        "Name: a\r\nX: b",
        "Na me: a",
        "Name: 富士山",
        "Name: a\0",
    ],
)
def test_a_header_that_is_none_is_refused_before_the_first_request(
    line: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="write 'Name: value'"):
        Asker(tmp_path, header=(line,))


def test_robots_txt_comes_as_text(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get(
        "https://a.example/robots.txt",
        body="User-agent: *\nDisallow: /ü".encode(),
    )
    fact = asker.ask("https://a.example/robots.txt", purpose="robots")
    assert isinstance(fact, RobotsText)
    assert fact.text == "User-agent: *\nDisallow: /ü"
    assert list(asker.folder.iterdir()) == []


def test_what_is_stored_is_requested_conditionally(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", status=304)
    (asker.folder / "held.html").write_bytes(BODY)
    stored = StoredResponse("held.html", "text/html", "utf-8", len(BODY), "ab" * 32, etag='"1"',
                            last_modified="Wed, 01 Jan 2025 00:00:00 GMT")  # fmt: skip
    fact = asker.ask("https://a.example/", stored=stored)
    assert isinstance(fact, Fetched)
    assert (fact.status, fact.part, fact.sha256) == (304, None, "ab" * 32)
    sent = web.calls[0].request.headers
    assert sent["If-None-Match"] == '"1"'
    assert sent["If-Modified-Since"] == "Wed, 01 Jan 2025 00:00:00 GMT"


def test_what_was_stored_and_is_gone_is_requested_without_conditions(
    asker: Asker, web: responses.RequestsMock
) -> None:
    web.get("https://a.example/", body=BODY)
    asker.ask(
        "https://a.example/",
        stored=StoredResponse("gone.html", "text/html", etag='"1"'),
    )
    assert "If-None-Match" not in web.calls[0].request.headers


# -- what servers do: connections are needed for that ------------------------------------------


def gone_slowly(exchange: Any) -> None:
    exchange.send(
        b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    exchange.hang()


def moved_slowly(exchange: Any) -> None:
    exchange.send(
        b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 9\r\n\r\n"
    )
    exchange.hang()


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [(gone_slowly, "http_status"), (moved_slowly, "Moved")],
)
def test_an_answer_counts_though_its_body_had_to_be_cut(
    behaviour: Behaviour,
    kind: str,
    asker: Asker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The body was not wanted: the head had said all."""
    with FaultyServer(behaviour) as server:
        flight = asker.flight(server.url())
        return_connection = fetcher.return_connection

        def cut_first(raw: Any, *, body_was_read: bool) -> None:
            flight.abort(
                errors.new_failure("timeout_total", "not finished within 5 s")
            )
            return_connection(raw, body_was_read=body_was_read)

        monkeypatch.setattr(fetcher, "return_connection", cut_first)
        assert kind_of(asker.fetcher.fetch(flight)) == kind


def test_silence_ends_with_the_time_out(tmp_path: Path) -> None:
    asker = Asker(tmp_path, timeout_seconds=0.1)
    with FaultyServer(silent()) as server:
        assert kind_of(asker.ask(server.url())) == "timeout_first_byte"
    asker.close()


def test_the_first_byte_has_a_time_out_of_its_own(tmp_path: Path) -> None:
    asker = Asker(tmp_path, first_byte_timeout_seconds=0.1)
    with FaultyServer(silent()) as server:
        fact = asker.ask(server.url())
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.failure.message) == (
        "timeout_first_byte", "no answer began within 0.1 s")  # fmt: skip
    asker.close()


@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_that_is_long_in_coming_may_not_then_stop(
    tls: bool, certificate: tuple[str, str], tmp_path: Path
) -> None:
    """Also on a connection that was kept: each time-out holds for its part alone."""
    asker = Asker(
        tmp_path,
        timeout_seconds=0.3,
        first_byte_timeout_seconds=PATIENCE,
        ca_bundle=certificate[0],
    )
    answers = {"/late": delay(0.6, page("late")), "/stops": stops_midway}
    with FaultyServer(answers, tls=certificate if tls else None) as server:
        assert asker.saved(asker.ask(server.url("/late"))) == b"late"
        fact = asker.ask(server.url("/stops"))
        assert len({seen.connection for seen in server.seen}) == 1
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == ("timeout_read", True)
    asker.close()


def test_no_first_byte_is_waited_for_beyond_the_deadline(
    tmp_path: Path,
) -> None:
    asker = Asker(tmp_path, first_byte_timeout_seconds=PATIENCE)
    with FaultyServer(silent()) as server:
        flight = asker.flight(server.url(), seconds=0.1)
        assert kind_of(asker.fetcher.fetch(flight)) == "timeout_first_byte"
    asker.close()


@pytest.mark.parametrize(
    ("behaviour", "least", "kind"),
    [(drip(0.01), 10_000, "too_slow"), (drip_head(0.01), 10_000, "too_slow"),
     (endless_chunked(seconds=0.01), 1_000, "body_too_large")],
    ids=["a body that drips", "a head that drips", "fast enough"],
)  # fmt: skip
def test_an_answer_that_comes_too_slowly_is_given_up(
    behaviour: Behaviour,
    least: int,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speed, "WINDOW_SECONDS", 0.3)
    monkeypatch.setattr(speed, "STEP_SECONDS", 0.05)
    asker = Asker(tmp_path, min_speed_bytes=least, max_body_bytes=10_000)
    with FaultyServer(behaviour) as server:
        fact = asker.ask(server.url())
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == (kind, True)
    assert list(asker.folder.iterdir()) == []
    asker.close()


def test_a_port_without_a_listener_refuses(asker: Asker) -> None:
    assert (
        kind_of(asker.ask(f"http://127.0.0.1:{closed_port()}/"))
        == "connect_refused"
    )


def test_a_port_that_never_accepts_ends_with_the_time_out(
    tmp_path: Path,
) -> None:
    asker = Asker(tmp_path, connect_timeout_seconds=0.1)
    with unaccepting() as port:
        assert (
            kind_of(asker.ask(f"http://127.0.0.1:{port}/")) == "connect_timeout"
        )
    asker.close()


def test_what_the_guard_refuses_is_never_connected_to(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    with FaultyServer(page("in")) as server:
        flight = asker.flight(server.url())
        flight.trust = "public"  # as if a public page had named it
        fact = asker.fetcher.fetch(flight)
        assert kind_of(fact) == "private_address"
        assert server.count() == 0
    asker.close()


def test_a_pause_until_an_absurd_date_is_no_pause_and_the_answer_counts(
    asker: Asker,
) -> None:
    with FaultyServer(
        retry_after(f"Thu, 01 Jan 1970 {9**40}:00:00 GMT", 503)
    ) as server:
        fact = asker.ask(server.url())
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.label, fact.failure.retryable, fact.failure.pause) == (
        "http_503", True, None)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind"),
    [(f"bytes 0-{len(BODY) - 1}/{len(BODY)}", "Fetched"),
     (f"bytes 0-{len(BODY) - 1}/{len(BODY) + 1}", "body_short"),
     (f"bytes 10-{len(BODY) + 9}/{len(BODY) + 10}", "body_short"),
     (f"bytes 0-{len(BODY) - 1}/*", "body_short"), ("lines 1-2/2", "body_short"),
     (None, "body_short")],
)  # fmt: skip
def test_a_part_is_not_taken_for_the_whole(
    said: str | None, kind: str, asker: Asker
) -> None:
    headers = {"Content-Range": said} if said else {}
    with FaultyServer(body(BODY, headers=headers, code=206)) as server:
        assert kind_of(asker.ask(server.url())) == kind


def test_a_redirect_to_more_than_a_url_can_be_is_a_bad_one(
    asker: Asker,
) -> None:
    """The header is short; what is no UTF-8 becomes nine times as long."""

    def answer(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /")
        exchange.send(b"\xff" * 8_000 + b"\r\n\r\n")

    with FaultyServer(answer) as server:
        for purpose in ("url", "robots"):
            assert (
                kind_of(asker.ask(server.url(), purpose=purpose))
                == "bad_redirect"
            )


# -- what came, though nothing came of it ------------------------------------------------------


def stops_midway(exchange: Any) -> None:
    exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + bytes(5_000)
    )
    exchange.hang()


def stops_in_a_chunk(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.send(b"2000\r\n" + bytes(4_994))
    exchange.hang()


@pytest.mark.parametrize(
    ("behaviour", "purpose", "kind", "received"),
    [
        (body(bytes(5_000), code=404), "url", "http_status", 5_000),
        (body(bytes(5_000), code=503), "url", "http_status", 5_000),
        (body(bytes(5_000), headers={"Location": "/b"}, code=302), "url", "Moved", 5_000),
        (body(b"#" * 5_000), "robots", "RobotsText", 5_000),
        (body(b"#" * 5_000, code=404), "robots", "http_status", 5_000),
        (short(bytes(5_000)), "url", "body_short", 5_000),
        (body(bytes(5_000), headers={"Content-Encoding": "gzip"}), "url", "body_undecodable",
         5_000),
        (stops_midway, "url", "timeout_read", 5_000),
        (stops_in_a_chunk, "url", "timeout_read", 5_000),
        (status(404, html=""), "url", "http_status", 0),
        (redirect("/b", 308), "url", "Moved", len("<h1>308 Permanent Redirect</h1>")),
    ],
    ids=["404", "503", "redirect", "robots", "no robots", "short", "encoded", "cut", "cut in chunk",
         "empty", "small redirect"],
)  # fmt: skip
def test_what_came_is_counted_though_nothing_came_of_it(
    behaviour: Behaviour, purpose: str, kind: str, received: int, tmp_path: Path
) -> None:
    asker = Asker(tmp_path, timeout_seconds=0.3)
    with FaultyServer({"/*": page("x" * 777), "/": behaviour}) as server:
        assert isinstance(asker.ask(server.url("/before")), Fetched)
        fact = asker.ask(server.url(), purpose=purpose)
        assert (kind_of(fact), fact.wire_bytes) == (kind, received)
    asker.close()


def test_a_failure_after_the_head_of_an_answer_says_when_that_came(
    asker: Asker,
) -> None:
    with FaultyServer({"/a": short(), "/b": empty()}) as server:
        cut_off, nothing = (
            asker.ask(server.url(path)) for path in ("/a", "/b")
        )
    assert isinstance(cut_off, FetchFailed)
    assert isinstance(nothing, FetchFailed)
    assert cut_off.timings.first_byte is not None
    assert nothing.timings.first_byte is None


def test_what_is_too_large_counts_as_far_as_it_came(tmp_path: Path) -> None:
    asker = Asker(tmp_path, max_body_bytes=100_000)
    with FaultyServer(endless_chunked()) as server:
        fact = asker.ask(server.url())
    assert kind_of(fact) == "body_too_large"
    assert 100_000 < fact.wire_bytes < 1_000_000
    asker.close()


def test_a_pause_that_the_answer_asks_for_is_reported_up_to_a_year(
    asker: Asker,
) -> None:
    with FaultyServer(
        {"/a": retry_after(7), "/b": retry_after(10**9)}
    ) as server:
        pauses = [asker.ask(server.url(path)) for path in ("/a", "/b")]
    assert [
        fact.failure.pause for fact in pauses if isinstance(fact, FetchFailed)
    ] == [
        7.0,
        MAX_PAUSE_SECONDS,
    ]


@pytest.mark.parametrize(
    ("behaviour", "purpose"),
    [(status(404, AFTER_7), "url"), (status(500, AFTER_7), "url"), (status(418, AFTER_7), "url"),
     (status(200, AFTER_7), "url"), (status(200, AFTER_7), "robots"),
     (redirect("/b", headers=AFTER_7), "url"), (redirect("http://[", headers=AFTER_7), "url"),
     (status(300, AFTER_7), "url"), (reset_midway(headers=AFTER_7), "url")],
    ids=["404", "500", "418", "200", "robots", "302", "bad 302", "300", "cut"],
)  # fmt: skip
def test_a_pause_is_kept_whatever_the_answer_says_otherwise(
    behaviour: Behaviour, purpose: str, asker: Asker
) -> None:
    with FaultyServer(behaviour) as server:
        assert asker.ask(server.url(), purpose=purpose).pause == 7.0


@pytest.mark.parametrize(("value", "pause"), [("7", 7.0), ("soon", None)])
def test_what_is_unchanged_may_ask_for_a_pause_too(
    value: str, pause: float | None, asker: Asker
) -> None:
    (asker.folder / "a").touch()
    stored = StoredResponse("a", etag='"1"')
    with FaultyServer(status(304, {"Retry-After": value})) as server:
        fact = asker.ask(server.url(), stored=stored)
    assert isinstance(fact, Fetched)
    assert (fact.status, fact.pause) == (304, pause)


HOSTILE_PAUSES: dict[bytes, float | None] = {
    "Retry-After: \u0667\r\n".encode(): None,  # seven, in Arabic digits
    b"Retry-After: \xb2\r\n": None,  # two, raised
    b"Retry-After: 7\0\r\n": None,
    b"Retry-After: 1e9\r\n": None,
    b"Retry-After: NaN\r\n": None,
    b"Retry-After:\r\n": None,
    b"Retry-After 7\r\n": None,
    b"Retry-After:\r\n 7\r\n": 7.0,
    b"retry-after : 7 \r\n": 7.0,
    b"Retry-After: 9%s\r\n" % (b"9" * 60_000): MAX_PAUSE_SECONDS,
    b"Retry-After: 0%s7\r\n" % (b"0" * 60_000): 7.0,
    b"Retry-After: soon\r\n" * 50 + b"Retry-After: 7\r\n" * 40: 7.0,
}


@pytest.mark.parametrize("code", [200, 429])
@pytest.mark.parametrize("lines", HOSTILE_PAUSES, ids=lambda lines: lines[:24])
def test_a_pause_from_a_hostile_server_is_a_plain_number_or_none(
    lines: bytes, code: int, asker: Asker
) -> None:
    head = b"HTTP/1.1 %d Or so\r\n%sContent-Length: 1\r\n\r\n." % (code, lines)
    with FaultyServer(garbage(head)) as server:
        fact = asker.ask(server.url())
    assert fact.pause == HOSTILE_PAUSES[lines]
    if code == 429:
        assert isinstance(fact, FetchFailed)
        assert (fact.failure.label, fact.failure.blame) == ("http_429", "host")


# -- whether there was an answer ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "kind", "answered"),
    [(silent(), "timeout_first_byte", False), (empty(), "connection_lost", False),
     (reset(), "connection_lost", False),
     (cut_head(), "connection_lost", True), (garbage(), "protocol_error", True),
     (drip_head(0.05), "timeout_total", True), (short(), "body_short", True),
     (stops_midway, "timeout_read", True), (status(404), "http_status", True)],
    ids=["silent", "closed", "reset", "cut head", "garbage", "endless head", "short", "cut", "404"],
)  # fmt: skip
def test_a_failure_tells_whether_one_byte_of_an_answer_came(
    behaviour: Behaviour, kind: str, answered: bool, tmp_path: Path
) -> None:
    asker = Asker(tmp_path, timeout_seconds=0.3)
    with FaultyServer(behaviour) as server:
        flight = asker.flight(server.url())
        limit = errors.new_failure("timeout_total", "because")
        clock = threading.Timer(1.0, flight.abort, [limit])
        clock.start()
        fact = asker.fetcher.fetch(flight)
        clock.cancel()
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == (kind, answered)
    asker.close()


def test_a_connection_that_is_refused_is_no_answer(asker: Asker) -> None:
    fact = asker.ask(f"http://127.0.0.1:{closed_port()}/")
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == ("connect_refused", False)


def test_a_kept_connection_that_dies_is_no_answer(asker: Asker) -> None:
    """Though one has come on it before."""
    with FaultyServer({"/a": page("a"), "/b": reset()}) as server:
        assert isinstance(asker.ask(server.url("/a")), Fetched)
        fact = asker.ask(server.url("/b"))
    assert isinstance(fact, FetchFailed)
    assert (fact.failure.kind, fact.answered) == ("connection_lost", False)


def test_a_login_is_answered_with_the_credentials_of_the_url(
    asker: Asker,
) -> None:
    with FaultyServer(needs_login("Basic bWU6c2VjcmV0", page("in"))) as server:
        url = server.url("/").replace("://", "://me:secret@")
        assert asker.saved(asker.ask(url)) == b"in"


def test_an_answer_that_was_not_modified_needs_no_body(asker: Asker) -> None:
    with FaultyServer(sequence(etag(BODY))) as server:
        first = asker.ask(server.url())
        assert isinstance(first, Fetched)
        stored = StoredResponse(first.part, first.type, None, first.bytes, first.sha256,
                                etag=dict(first.headers)["etag"])  # fmt: skip
        again = asker.ask(server.url(), stored=stored)
        assert isinstance(again, Fetched)
        assert (again.status, again.wire_bytes, again.sha256) == (
            304,
            0,
            first.sha256,
        )
        asker.ask(server.url())
        assert {seen.connection for seen in server.seen} == {1}


def test_each_request_has_a_part_of_its_own(asker: Asker) -> None:
    """Two attempts at one task write two parts: a late one never overwrites the other."""
    with FaultyServer(page("a")) as server:
        facts = [asker.ask(server.url()) for _ in range(2)]
    assert len({fact.part for fact in facts if isinstance(fact, Fetched)}) == 2
