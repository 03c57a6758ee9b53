"""Each kind of failure, provoked from outside: what the record says, and how often it was asked."""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

import scraper
from scraper import errors
from scraper.errors import FILTERED, KINDS, TRAPS
from scraper.faulty import (
    FaultyServer,
    bad_status_line,
    body,
    broken_gzip,
    closed_port,
    drip,
    page,
    redirect,
    redirect_loop,
    reset,
    robots,
    short,
    silent,
    status,
    too_large,
    unaccepting,
)
from scraper.frontier.trouble import MAX_SILENCES_OF_NEW
from tests.stories.runs import (
    PUBLIC,
    Names,
    Wire,
    internet,
    records_of,
    run_with,
)

UNREACHABLE = "93.184.216.99"
RETRIES = 2
TRIES = 1 + RETRIES


def harm(page: Any) -> dict[str, str]:
    """The user's function, which does what the page's path says."""
    if "/function_failed" in page.url:
        raise ValueError("no such element")
    if "/process_timeout" in page.url:
        while True:
            pass
    if "/process_memory" in page.url:
        bytearray(2**34)
    if "/process_died" in page.url:
        os.kill(os.getpid(), signal.SIGKILL)
    return {}


class _NoTls(socketserver.BaseRequestHandler):
    """Says at once something that is not TLS."""

    def handle(self) -> None:
        self.request.sendall(b"220 ready\r\n")
        self.request.recv(1_000)


@contextmanager
def _plain() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _NoTls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _picture(kind: str, side: int = 64) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((side, side), 60).save(file, kind)
    return file.getvalue()


def _stops_midway(exchange: Any) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    exchange.hang()


class Case(NamedTuple):
    """`attempts` of the record; `asked`: requests for the URL itself that the server saw."""

    kind: str
    url: str  # {port} of the server, {closed}, {full} and {tls} ports of others
    attempts: int
    asked: int
    # of its host, which has answered nobody: what it came to stands in the message
    ends_as: str | None = None


def _at(
    kind: str,
    attempts: int,
    path: str = "/",
    ends_as: str | None = None,
) -> Case:
    url = f"http://{kind.replace('_', '-')}.localhost:{{port}}{path}"
    return Case(kind, url, attempts, attempts, ends_as)


def _dead(kind: str, url: str) -> Case:
    return Case(kind, url, TRIES, UNASKED, "host_down")


UNASKED = 0
# at 0, 5, 15, 35 and 60 s
REFUSALS = 5
CASES = (
    Case("bad_url", "http://[bad", 0, UNASKED),
    Case("bad_scheme", "ftp://files.localhost/a", 0, UNASKED),
    Case("bad_encoding", "http://latin.localhost/f\xfcnf", 0, UNASKED),
    Case("host_not_allowed", "http://elsewhere.example/", 0, UNASKED),
    Case("port_not_allowed", "http://mail.localhost:25/", 0, UNASKED),
    Case("private_address", "http://public.test/inside", 1, 1),
    Case("dns_not_found", "http://missing.test/", 1, UNASKED),
    _dead("dns_failed", "http://failing.test/"),
    _dead("dns_timeout", "http://hanging.test/"),
    _dead("connect_refused", "http://refused.localhost:{closed}/"),
    _dead("connect_timeout", "http://full.localhost:{full}/"),
    _dead("connect_failed", "http://unreachable.test/"),
    Case("tls_certificate", "https://untrusted.localhost:{tls}/", 1, UNASKED),
    _dead("tls_failed", "https://plain.localhost:{plain}/"),
    _at("connection_lost", TRIES, ends_as="host_down"),
    _at("timeout_first_byte", TRIES, ends_as="host_down"),
    _at("timeout_read", TRIES),
    _at("timeout_total", TRIES),
    Case("host_down", "http://dead.localhost:{closed}/{last}", 0, UNASKED),
    _at("http_status", 1, path="/gone"),
    _at("http_status", REFUSALS, path="/busy", ends_as="host_refused"),
    _at("too_many_redirects", 1),
    _at("bad_redirect", 1),
    _at("protocol_error", TRIES),
    _at("body_short", TRIES),
    _at("body_too_large", 1),
    _at("body_undecodable", TRIES),
    _at("image_broken", 1),
    _at("wrong_content", 1, path="/wrong_content.png"),
    _at("flagged", 1, path="/flagged"),
    _at("field_missing", 1, path="/field_missing"),
    _at("field_invalid", 1, path="/field_invalid"),
    _at("image_truncated", 1),
    _at("image_too_large", 1),
    _at("function_failed", 1, path="/function_failed"),
    _at("process_timeout", 1, path="/process_timeout"),
    _at("process_memory", 1, path="/process_memory"),
    _at("process_died", 1, path="/process_died"),
)
# Provoked by other tests: of robots.txt (test_robots_story), of a host that refuses (test_pace), of
# the speed of answers (test_fetcher), names (test_names), filters (test_filters), a proxy and no
# redirects (below), this machine's own; or by nobody from outside.
ELSEWHERE = {
    *("robots_disallowed", "robots_unreachable", "robots_directive"),
    *FILTERED,
    *TRAPS,
    "out_of_scope",  # needs links that are followed
    *(
        "bad_row",  # needs a table
        "row_too_long",
        "list_broken",  # needs a sitemap
        "list_failed",
        "file_unreadable",  # needs a local file
        "json_broken",  # needs what reads JSON
        "host_refused",
        "too_slow",
        "proxy_failed",
        "redirect_not_followed",
        "page_broken",
        "internal_error",
        "aborted",
        "name_taken",
    ),
    *(kind.name for kind in KINDS.values() if kind.branch == "here"),
}

BEHAVIOURS = {
    "//public.test/inside": redirect("http://127.0.0.1/"),
    "//connection-lost.localhost/": reset(),
    "//timeout-first-byte.localhost/": silent(),
    "//timeout-read.localhost/": _stops_midway,
    "//timeout-total.localhost/": drip(0.05),
    "//http-status.localhost/gone": status(404),
    "//http-status.localhost/busy": status(503),
    "//too-many-redirects.localhost/": redirect_loop(),
    "//bad-redirect.localhost/": redirect("http://["),
    "//protocol-error.localhost/": bad_status_line(),
    "//body-short.localhost/": short(),
    "//body-too-large.localhost/": too_large(),
    "//body-undecodable.localhost/": broken_gzip(),
    "//image-broken.localhost/": body(
        b"\xff\xd8\xff" + b"nothing" * 20, "image/jpeg"
    ),
    "//image-truncated.localhost/": body(_picture("PNG")[:-2_000], "image/png"),
    "//image-too-large.localhost/": body(_picture("PNG", 120), "image/png"),
    "/wrong_content.png": page("<p>none"),
    "/flagged": page("<title>404 Not Found</title>"),
    "/field_missing": page("<h1>a lamp"),
    "/field_invalid": page("<h1>a lamp</h1><p class=price>free"),
    "/function_failed": page("<p>one"),
    "/process_timeout": page("<p>two"),
    "/process_memory": page("<p>three"),
    "/process_died": page("<p>four"),
}


PRICED = {
    "match": "*/field_*",
    "fields": {
        "price": {"select": ".price", "type": "number", "required": True}
    },
}


class Run(NamedTuple):
    """The run in which all of it happened."""

    records: dict[str, dict[str, Any]]  # by the URL as it was written
    server: FaultyServer
    ports: dict[str, int]

    def url(self, case: Case) -> str:
        return case.url.format(**self.ports, last=MAX_SILENCES_OF_NEW)


def _certificate(folder: Path) -> tuple[str, str]:
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("makes its certificate with openssl")
    return files


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("kinds")
    never = threading.Event()
    names = Names(
        {
            "public.test": PUBLIC,
            "failing.test": socket.gaierror(socket.EAI_AGAIN, "try again"),
            "hanging.test": never,
            "unreachable.test": UNREACHABLE,
        }
    )
    with (
        FaultyServer(BEHAVIOURS) as server,
        FaultyServer(status(200), tls=_certificate(folder)) as tls,
        unaccepting() as full,
        _plain() as plain,
    ):
        wire = Wire(
            server.port, {UNREACHABLE: OSError(errno.EHOSTUNREACH, "no route")}
        )
        ports = {"port": server.port, "closed": closed_port(), "full": full, "tls": tls.port,
                 "plain": plain}  # fmt: skip
        told = Run({}, server, ports)
        urls = [told.url(case) for case in CASES]
        dead = next(case.url for case in CASES if case.kind == "host_down")
        urls += [
            dead.format(**ports, last=number)
            for number in range(MAX_SILENCES_OF_NEW)
        ]
        # The others of the dead host stand before the last one.
        urls.sort(
            key=lambda url: (
                url == dead.format(**ports, last=MAX_SILENCES_OF_NEW)
            )
        )
        lst = folder / "urls.txt"
        lst.write_bytes("\n".join(urls).encode("latin-1"))
        config = scraper.configure(
            dir=str(folder / "run"),
            allow_hosts=["127.0.0.1", "*.localhost", "*.test"],
            robots="off",
            retries=RETRIES,
            retry_wait_seconds=0.02,
            # Long enough for a TLS handshake on a busy machine.
            timeout_seconds=1.2,
            connect_timeout_seconds=1.2,
            dns_timeout_seconds=0.2,
            request_time_seconds=3.6,
            max_body_bytes=100_000,
            max_pixels=10_000,
            processes=2,
            process_time_seconds=1.5,
            process_memory_bytes=2**29,
            html="tests.stories.test_failure_kinds:harm",
            fail_flags=["soft_404"],
            recipe=[PRICED],
        )
        run_with(internet(names, wire), lst, config)
        never.set()
        for each in records_of(folder / "run"):
            told.records[each["url"]] = each
        yield told


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.kind}{case.attempts}"
)
def test_a_failure_has_its_kind_and_was_asked_as_often_as_it_may_pass(
    run: Run, case: Case
) -> None:
    url = run.url(case)
    told = run.records[url.replace("\xfc", "\\xfc")]
    name = case.ends_as or case.kind
    kind = KINDS[name]

    assert (told["error_kind"], told["error_message"]) == (
        name,
        told["error_message"],
    )
    assert ("not_before" in told) == (name in errors.UNASKED)
    assert told["error_stage"] == kind.stage
    assert told["state"] == ("skipped" if kind.branch == "rule" else "failed")
    # While other hosts have work, one that refuses is asked more often.
    assert told["attempts"] == case.attempts or (
        name == "host_refused" and told["attempts"] > case.attempts
    )
    assert told["error_message"]
    retryable = (
        told["status"] == 503 if name == "http_status" else kind.retryable
    )
    assert told["retryable"] is retryable
    authority, _, path = url.partition("://")[2].partition("/")
    asked = [
        s
        for s in run.server.seen
        if s.host == authority and s.path == f"/{path}"
    ]
    assert len(asked) == (told["attempts"] if case.asked else 0)


def test_the_table_has_every_kind_that_can_be_provoked_from_outside() -> None:
    assert {case.kind for case in CASES} == set(KINDS) - ELSEWHERE


def test_a_body_that_cannot_be_used_is_kept_and_one_that_did_not_come_is_not(
    run: Run,
) -> None:
    for case in CASES:
        told = run.records[run.url(case).replace("\xfc", "\\xfc")]
        of_body = KINDS[case.kind].branch in ("content", "process")
        assert (told["path"] is not None) == of_body, case.kind


def _one(folder: Path, url: str, **keys: Any) -> dict[str, Any]:
    config = scraper.configure(
        dir=str(folder / "run"), save_only=True, robots="off", **keys
    )
    scraper.run([url], config)
    [told] = records_of(folder / "run")
    return told


def test_a_proxy_that_is_not_there_is_the_proxys_failure(
    tmp_path: Path,
) -> None:
    told = _one(
        tmp_path,
        "http://a.localhost/",
        proxy=f"http://127.0.0.1:{closed_port()}",
        retry_wait_seconds=0.01,
    )
    assert (told["error_kind"], told["attempts"]) == ("host_down", TRIES)
    assert "proxy_failed" in told["error_message"]
    assert (told["state"], told["retryable"]) == ("failed", True)


def test_with_redirects_switched_off_the_first_one_is_a_rule_of_ours(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/": redirect("/b"), "/b": page("b")}) as server:
        told = _one(tmp_path, server.url("/"), max_redirects=0)
        assert (told["error_kind"], told["state"]) == (
            "redirect_not_followed",
            "skipped",
        )
        assert server.count() == 1


def test_robots_txt_forbids_without_a_request(tmp_path: Path) -> None:
    with FaultyServer(
        {"/robots.txt": robots("User-agent: *\nDisallow: /")}
    ) as server:
        config = scraper.configure(dir=str(tmp_path / "run"), save_only=True)
        scraper.run([server.url("/a")], config)
        [told] = records_of(tmp_path / "run")
        assert (told["error_kind"], told["state"]) == (
            "robots_disallowed",
            "skipped",
        )
        assert (told["attempts"], told["retryable"]) == (0, False)
        assert server.count("/a") == 0
