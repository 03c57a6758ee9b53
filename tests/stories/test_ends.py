"""Everything ends: what never answers, what is told to stop, what is left in the middle."""

from __future__ import annotations

import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import scraper
from scraper.api import source_of
from scraper.engine import Makers, guard_of
from scraper.faulty import (
    Behaviour,
    Exchange,
    FaultyServer,
    continue_forever,
    drip,
    drip_head,
    endless_chunk_size,
    endless_chunked,
    endless_extensions,
    endless_header,
    endless_trailers,
    page,
    sequence,
    silent,
    unaccepting,
)
from scraper.guard import resolver
from scraper.runner import Run
from tests.conftest import PROJECT
from tests.stories import kills

LIMIT_SECONDS = 0.5
GRACE_SECONDS = 1.0  # beyond the limit: issue "Unkillable", 4
MAX_BODY_BYTES = 2**20

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


# -- no URL lasts for ever --------------------------------------------------------------------


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Afterwards all threads of the run are back, and what it opened is closed: a socket that is
    only collected is a ResourceWarning, which the suite takes for an error."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    # Idle threads of the look-ups end by themselves.
    assert [each.name for each in left if each.name != "lookup"] == []
    gc.collect()


def _label(outcome: scraper.Outcome) -> str:
    """How it failed. A host that never answers is called down, and what its last request came to
    stands in the message."""
    failure = outcome.failure
    assert failure is not None
    if failure.kind != "host_down":
        return failure.kind
    assert failure.not_before is not None
    found = re.search(r" was silent \((\w+): ", failure.message)
    assert found is not None, failure.message
    return f"host_down: {found[1]}"


def _ended(
    url: str, folder: Path, **keys: Any
) -> tuple[scraper.Outcome, float]:
    """The outcome of one URL, and the seconds that it took."""
    limits = {
        "timeout_seconds": LIMIT_SECONDS,
        "connect_timeout_seconds": LIMIT_SECONDS,
        "dns_timeout_seconds": LIMIT_SECONDS,
        "request_time_seconds": LIMIT_SECONDS,
    }
    makers = keys.pop("makers", Makers())
    config = scraper.configure(
        **(limits | keys),
        dir=str(folder),
        retries=0,
        robots="off",
        save_only=True,
    )
    with Run(
        [source_of([url])], config, makers=makers, with_stored=True
    ) as run:
        began = time.monotonic()
        (outcome,) = run
        seconds = time.monotonic() - began
    assert run.threads_are_back
    return outcome, seconds


ENDLESS: dict[str, tuple[Behaviour, str]] = {
    # Bytes come far within the limit of silence, as one a second does within 20 s.
    "a byte at a time": (drip(LIMIT_SECONDS / 10), "timeout_total"),
    "a head, byte by byte": (drip_head(LIMIT_SECONDS / 10), "timeout_total"),
    "silence": (silent(), "host_down: timeout_first_byte"),
    "100 Continue as fast as it goes": (continue_forever(), "protocol_error"),
    "100 Continue now and then": (
        continue_forever(LIMIT_SECONDS / 10),
        "timeout_total",
    ),
    "an endless chunked body": (endless_chunked(), "body_too_large"),
    "an endless chunked body, slowly": (
        endless_chunked(b".", LIMIT_SECONDS / 10),
        "timeout_total",
    ),
    "a chunk size that never ends": (endless_chunk_size(), "protocol_error"),
    "chunk extensions that never end": (endless_extensions(), "protocol_error"),
    "trailers that never end": (endless_trailers(), "protocol_error"),
    "an endless header": (endless_header(), "protocol_error"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end_ends(
    name: str, tmp_path: Path, nothing_left: None
) -> None:
    behaviour, kind = ENDLESS[name]
    total = (
        {"timeout_seconds": 20}
        if kind == "timeout_total"
        else {"request_time_seconds": 20}
    )
    with FaultyServer(behaviour) as server:
        outcome, seconds = _ended(
            server.url("/"), tmp_path, max_body_bytes=MAX_BODY_BYTES, **total
        )
    assert _label(outcome) == kind
    assert seconds < LIMIT_SECONDS + GRACE_SECONDS


def test_a_server_that_takes_no_connection_costs_its_limit(
    tmp_path: Path, nothing_left: None
) -> None:
    with unaccepting() as port:
        outcome, seconds = _ended(
            f"http://127.0.0.1:{port}/", tmp_path, request_time_seconds=20
        )
    assert _label(outcome) == "host_down: connect_timeout"
    assert seconds < LIMIT_SECONDS + GRACE_SECONDS


@contextmanager
def _mute() -> Iterator[int]:
    """A port on which connections are accepted and nothing is ever said."""
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connections.append(listener.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in connections:
                each.close()


@pytest.mark.parametrize(
    "limit", ["connect_timeout_seconds", "request_time_seconds"]
)
def test_a_tls_handshake_that_never_completes_ends(
    limit: str, tmp_path: Path, nothing_left: None
) -> None:
    long = {
        "connect_timeout_seconds",
        "timeout_seconds",
        "request_time_seconds",
    } - {limit}
    with _mute() as port:
        outcome, seconds = _ended(
            f"https://127.0.0.1:{port}/", tmp_path, **dict.fromkeys(long, 20.0)
        )
    # The socket waits no longer than the whole request may last: which of the two clocks rings
    # first at the end of that is a matter of microseconds.
    kinds = {"connect_timeout"}
    if limit == "request_time_seconds":
        kinds.add("timeout_total")
    assert _label(outcome) in {f"host_down: {each}" for each in kinds}
    assert seconds < LIMIT_SECONDS + GRACE_SECONDS


def test_a_look_up_that_hangs_ends_and_gives_its_threads_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_left: None
) -> None:
    answered = threading.Event()

    def hang(name: str, *_: object) -> list[Any]:
        answered.wait()
        return []

    monkeypatch.setattr(resolver, "IDLE_SECONDS", 0.0)
    try:
        outcome, seconds = _ended(
            "http://slow.test/",
            tmp_path,
            request_time_seconds=20,
            allow_hosts=["slow.test"],
            makers=Makers(guard=partial(guard_of, getaddrinfo=hang)),
        )
        hanging = [
            each for each in threading.enumerate() if each.name == "lookup"
        ]
    finally:
        answered.set()
    assert _label(outcome) == "host_down: dns_timeout"
    assert seconds < LIMIT_SECONDS + GRACE_SECONDS
    # nothing can end getaddrinfo; the run does not wait for it
    assert len(hanging) == 1
    for each in hanging:
        each.join(10)
        assert not each.is_alive()


def test_a_run_ends_with_its_last_answer_not_with_its_hosts_pause(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/": page("<p>All.")}) as server:
        outcome, seconds = _ended(server.url("/"), tmp_path, delay_seconds=60)
    assert outcome.state == "done"
    assert seconds < 30


# -- told to stop -----------------------------------------------------------------------------


class Stoppable:
    """The command line as a child, over pages of which some wait for a sign."""

    def __init__(
        self, folder: Path, server: FaultyServer, paths: list[str]
    ) -> None:
        self.folder = folder
        self._list = folder / "urls.txt"
        self._list.write_text(
            "".join(server.url(path) + "\n" for path in paths)
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The first run; gone at the end of the block."""
        with subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def finish(self) -> int:
        """The same command again."""
        done = subprocess.run(
            self._command(),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        return done.returncode

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "scraper", str(self._list), "--dir", str(self.folder / "run"),
                "--no-progress", "--robots", "off", "-j", "4", "--per-host", "4", "-p", "1",
                *arguments]  # fmt: skip


def _ended_with(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and the rest of what it said."""
    _, stderr = process.communicate(timeout=30)
    return process.returncode, stderr


def _await_word(process: subprocess.Popen[str], word: str) -> None:
    """Read what it says up to the line with this word."""
    assert process.stderr is not None
    for line in iter(process.stderr.readline, ""):
        if word in line:
            return
    raise AssertionError(f"it ended without saying {word!r}")


def _send_one(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)


def _send_group(process: subprocess.Popen[str], number: int) -> None:
    os.killpg(process.pid, number)


SITE = kills.Site(40)
Send = Callable[[subprocess.Popen[str], int], None]


@posix
@pytest.mark.parametrize(
    ("number", "send"),
    [
        pytest.param(signal.SIGINT, _send_one, id="SIGINT"),
        pytest.param(
            signal.SIGINT, _send_group, id="SIGINT as a terminal sends it"
        ),
        pytest.param(signal.SIGTERM, _send_one, id="SIGTERM"),
        pytest.param(
            signal.SIGTERM, _send_group, id="SIGTERM as systemd sends it"
        ),
        pytest.param(signal.SIGHUP, _send_one, id="SIGHUP"),
        pytest.param(
            signal.SIGHUP, _send_group, id="SIGHUP of a closed terminal"
        ),
    ],
)
def test_the_first_signal_lets_finish_what_is_under_way(
    number: int, send: Send, tmp_path: Path
) -> None:
    stopping = threading.Event()

    def answer(exchange: Exchange) -> None:
        if exchange.seen.n >= 12:
            stopping.wait(20)
        SITE.answer(exchange)

    with FaultyServer(answer) as server:
        story = Stoppable(tmp_path, server, SITE.paths())
        with story.running("--grace", "20s") as process:
            server.wait_for(12, 30)
            send(process, number)
            _await_word(process, "stopping")
            stopping.set()
            code, rest = _ended_with(process)
        assert code == 128 + number, rest
        assert "the same command continues" in rest
        before = server.count()
        assert story.finish() == 0
        asked = Counter(seen.path for seen in server.seen)

    assert before < server.count()
    # A redirect's target and a page of its own may be one path: each asked on its own account.
    again = {
        path: n
        for path, n in asked.items()
        if n > 1 + path.startswith("/page/")
    }
    assert again == {}  # what was under way was kept
    kills.check(tmp_path / "run", SITE, SITE.urls)


@posix
def test_after_the_grace_what_is_under_way_is_cut_and_stays_pending(
    tmp_path: Path,
) -> None:
    paths = [f"/{number}" for number in range(8)]
    pages = {
        path: sequence(silent(), page(f"<title>{path}</title>"))
        for path in paths[4:]
    }
    pages |= {path: page(f"<title>{path}</title>") for path in paths[:4]}
    with FaultyServer(pages) as server:
        story = Stoppable(tmp_path, server, paths)
        with story.running("--grace", "300ms") as process:
            server.wait_for(8, 30)
            process.send_signal(signal.SIGINT)
            code, rest = _ended_with(process)
        assert code == 130, rest
        assert "internal" not in rest
        assert "failed" not in rest
        assert (
            len((tmp_path / "run" / "records.jsonl").read_bytes().splitlines())
            == 4
        )
        assert story.finish() == 0
        asked = Counter(seen.path for seen in server.seen)
    assert asked == Counter(paths[:4]) + Counter(paths[4:] * 2)
    assert (
        len((tmp_path / "run" / "records.jsonl").read_bytes().splitlines()) == 8
    )
    assert kills.none_left(tmp_path, 5)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_leaves_at_once(number: int, tmp_path: Path) -> None:
    paths = ["/held", "/fine"]
    pages = {
        "/held": sequence(silent(), page("<p>Held.")),
        "/fine": page("<p>Fine."),
    }
    with FaultyServer(pages) as server:
        story = Stoppable(tmp_path, server, paths)
        with story.running("--grace", "1h", "-j", "1") as process:
            server.wait_for(1, 30)
            process.send_signal(number)
            _await_word(process, "stopping")
            process.send_signal(number)
            code, _ = _ended_with(process)  # long before the hour is over
        assert code == 128 + number
        assert kills.none_left(tmp_path, 5)
        assert story.finish() == 0
        assert server.count("/held") == 2
        assert server.count("/fine") == 1
    assert (
        len((tmp_path / "run" / "records.jsonl").read_bytes().splitlines()) == 2
    )


# -- left in the middle -----------------------------------------------------------------------


def test_a_consumer_that_leaves_early_leaves_a_folder_that_goes_on(
    tmp_path: Path, nothing_left: None
) -> None:
    config = scraper.configure(
        dir=str(tmp_path / "run"),
        threads=2,
        robots="off",
        processes=1,
        window=4,
    )
    with FaultyServer(SITE.answer) as server:
        urls = [server.url(path) for path in SITE.paths()]
        with scraper.stream(urls, config) as run:
            for outcome in run:
                first = outcome
                break
        assert run.report.stopped == "left before the end"
        assert run.report.exit_code == 5
        assert run.report.total < SITE.urls

        with scraper.stream(urls, config) as run:
            assert run.resumed
            rest = [outcome.url for outcome in run]
    # What was told before the consumer left may be told again, but not asked.
    assert {first.url, *rest} >= set(urls)
    assert server.count(urlsplit(first.url).path) == 1
    assert run.report.exit_code == 0
    kills.check(tmp_path / "run", SITE, SITE.urls)


def _use(run: Run) -> None:
    """A consumer with a bug."""
    with run:
        for number, _ in enumerate(run):
            if number == 5:
                raise KeyError(number)


def test_a_consumer_that_raises_leaves_a_folder_that_goes_on(
    tmp_path: Path, nothing_left: None
) -> None:
    config = scraper.configure(
        dir=str(tmp_path / "run"), threads=2, robots="off", processes=1
    )
    with FaultyServer(SITE.answer) as server:
        urls = [server.url(path) for path in SITE.paths()]
        with pytest.raises(KeyError):
            _use(scraper.stream(urls, config))
        assert scraper.run(urls, config).exit_code == 0
    kills.check(tmp_path / "run", SITE, SITE.urls)


class NoThreads(ThreadPoolExecutor):
    """As under a limit of the address space: after some threads the system starts no more."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")


def test_a_run_without_memory_for_a_thread_stops_and_says_so(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/": page("x")}) as server:
        config = scraper.configure(
            dir=str(tmp_path), robots="off", save_only=True
        )
        run = Run(
            [source_of([server.url("/")])],
            config,
            makers=Makers(threads=NoThreads),
        )
        with run, pytest.raises(scraper.LocalFault) as caught:
            list(run)
        assert caught.value.failure.kind == "out_of_memory"
        assert run.report.exit_code == 5
        assert scraper.run([server.url("/")], config).done == 1
