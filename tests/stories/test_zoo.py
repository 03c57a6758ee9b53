"""Whatever a server does, its URL ends with a name for it, and the others come out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scraper
from scraper.faulty import Exchange, FaultyServer, gzip_bomb, page
from scraper.faulty.zoo import zoo
from tests.http.asker import Asker
from tests.stories.runs import records_of

SILENCE = "timeout_first_byte timeout_read timeout_total"
RESET = "connection_lost body_short"  # RST may overtake what was sent before it
TABLE = (
    ("/recovers", "done"),  # at the third time; a refusal costs no try
    ("/status/429 /status/503", "host_refused"),
    ("/redirect-loop /cookie-wall", "too_many_redirects"),
    ("/redirect-nowhere", "http_302"),
    ("/redirect-to-file /redirect-to-script /redirect-bad", "bad_redirect"),
    ("/redirect-unicode", "http_404"),
    ("/login", "http_401"),
    ("/delay/1", f"done {SILENCE}"),
    ("/delay/10 /slowly /drip /drip-head /silent", SILENCE),
    ("/continue-forever /endless-hints", "protocol_error"),
    ("/endless-slowly", SILENCE),
    ("/endless-header /endless-chunk-size", "protocol_error"),
    ("/endless-extensions /endless-trailers", "protocol_error"),
    ("/endless-chunked /too-large /gzip-bomb /huge-length", "body_too_large"),
    ("/endless-bytes", f"body_too_large {SILENCE}"),
    ("/empty /reset /cut-head /cut-redirect", "connection_lost"),
    ("/reset-midway", RESET),
    ("/short /short-chunked /short-chunk-size /unasked-part", "body_short"),
    ("/bad-length /negative-length /two-lengths /bad-coding", "protocol_error"),
    ("/bad-chunk /negative-chunk /wrong-chunk", "protocol_error"),
    ("/broken-gzip /cut-gzip /not-gzip /unknown-encoding", "body_undecodable"),
    ("/encoded-over-and-over", "body_undecodable"),
    ("/garbage /no-head /tls-alert /bad-status-line", "protocol_error"),
    (
        "/status-000 /status-1e3 /http-2 /many-headers /long-header",
        "protocol_error",
    ),
    ("/upgrade", "http_101"),
    ("/status/200 /status/204", "done"),
    ("/status/206", "body_short"),
)
ENDS = {path: ends for paths, ends in TABLE for path in paths.split()}


def ends_of(path: str) -> list[str]:
    """The state, or the labels, in which the URL of this animal may end."""
    usual = (
        f"http_{path.removeprefix('/status/')}"
        if path.startswith("/status/")
        else "done"
    )
    return ENDS.get(path, usual).split()


def label_of(record: dict[str, Any]) -> str:
    kind = record["error_kind"] or record["state"]
    return f"http_{record['status']}" if kind == "http_status" else str(kind)


class Visit(NamedTuple):
    """By path, how the animal ended, and how an ordinary page of the same host did."""

    ends: dict[str, dict[str, Any]]
    beside: dict[str, dict[str, Any]]


def is_endless(path: str) -> bool:
    """Does nothing but a time-out end it?"""
    return ends_of(path) == SILENCE.split()


def visited(folder: Path, paths: list[str], **keys: Any) -> Visit:
    """Each animal on a host of its own, before and behind a page that is well."""
    well = page("well")
    small = gzip_bomb(1)  # the zoo's own takes a second to make
    animals = {**zoo(), "/gzip-bomb": small, "/before": well, "/behind": well}
    with FaultyServer(animals) as server:
        hosts = {path: f"animal-{n}.localhost" for n, path in enumerate(paths)}
        urls = [
            server.url(each, host)
            for path, host in hosts.items()
            for each in ("/before", path, "/behind")
        ]
        config = scraper.configure(
            dir=str(folder / "run"),
            allow_hosts=["*.localhost"],
            save_only=True,
            robots="off",
            retries=1,
            retry_wait_seconds=0.01,
            max_body_bytes=100_000,
            threads=48,
            **keys,
        )
        (folder / "urls.txt").write_text("\n".join(urls))
        scraper.run(folder / "urls.txt", config)
        found = {each["url"]: each for each in records_of(folder / "run")}
    ends = {path: found[server.url(path, host)] for path, host in hosts.items()}
    beside = {
        f"{each} {path}": found[server.url(each, host)]
        for path, host in hosts.items()
        for each in ("/before", "/behind")
    }
    return Visit(ends, beside)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """Short time-outs only where they are what must end the request: on a busy machine they would
    end others too."""
    endless = [path for path in zoo() if is_endless(path)]
    others = [path for path in zoo() if not is_endless(path)]
    short = visited(
        tmp_path_factory.mktemp("endless"),
        endless,
        timeout_seconds=2.0,
        request_time_seconds=3.0,
    )
    long = visited(
        tmp_path_factory.mktemp("others"),
        others,
        timeout_seconds=60.0,
        request_time_seconds=120.0,
    )
    return Visit({**short.ends, **long.ends}, {**short.beside, **long.beside})


@pytest.mark.parametrize("path", zoo())
def test_every_animal_has_a_name(visit: Visit, path: str) -> None:
    record = visit.ends[path]
    assert label_of(record) in ends_of(path), record["error_message"]
    assert "internal" not in (record["error_message"] or "")


def test_no_animal_hurts_its_neighbours(visit: Visit) -> None:
    assert {
        where: label_of(each) for where, each in visit.beside.items()
    } == dict.fromkeys(visit.beside, "done")


# -- animals not seen before ---------------------------------------------------------------------

ORDINARY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<p>All well.",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 302 Found\r\nLocation: http://a.localhost/b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 4\r\n\r\nbusy",
    b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, deflate\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
    b"HTTP/1.0 404 Gone\r\nConnection: keep-alive\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nx",
)
BITS = (b"-1", b"\0", b"\xff", b"\r\n", b"\n", b"\r", b":", b";", b" ", b"9" * 30, b"0x", b"_",
        b",", b"chunked", b"HTTP/1.1 100 x\r\n\r\n", b"Content-Length: 1\r\n")  # fmt: skip


@st.composite
def harmed(draw: st.DrawFn) -> bytes:
    """An ordinary answer in which a few places are cut out, doubled or replaced."""
    answer = draw(st.sampled_from(ORDINARY))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(answer)))
        to = min(len(answer), at + draw(st.integers(0, 8)))
        bit = draw(
            st.sampled_from(BITS)
            | st.just(answer[at:to] * 2)
            | st.binary(max_size=4)
        )
        answer = answer[:at] + bit + answer[to:]
    return answer


class Says:
    """A server that says what it was last given, and closes."""

    def __init__(self) -> None:
        self.answer = b""

    def __call__(self, exchange: Exchange) -> None:
        exchange.send(self.answer)
        exchange.close()


@pytest.fixture(scope="module")
def parrot(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Says, FaultyServer, Asker]]:
    says = Says()
    asker = Asker(tmp_path_factory.mktemp("parrot"), timeout_seconds=5.0)
    with FaultyServer(says) as server:
        yield says, server, asker
    asker.close()


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(answer=harmed() | st.binary(max_size=200), robots=st.booleans())
def test_no_answer_is_a_mistake_of_ours(
    parrot: tuple[Says, FaultyServer, Asker], answer: bytes, robots: bool
) -> None:
    says, server, asker = parrot
    says.answer = answer
    fact = asker.ask(server.url(), purpose="robots" if robots else "url")
    assert "internal_error" not in str(fact), fact
