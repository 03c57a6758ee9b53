"""Looking names up: cached, shared, bounded in threads and time."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scraper.errors import failure_of
from scraper.guard import guard, lookup_rate, resolver
from scraper.guard.guard import Refused
from scraper.guard.resolver import (
    RETRY_SECONDS,
    LookupFailed,
    LookupTimeout,
    NotFound,
    Resolver,
)
from tests.guard.fakes import (
    PUBLIC,
    PUBLIC_6,
    Clock,
    Names,
    Wire,
    guarded,
    info,
)

PATIENCE_SECONDS = 10.0


def test_answers_are_kept_for_a_minute_and_failures_for_ten_seconds() -> None:
    clock, names = Clock(), Names(x_org=[PUBLIC])
    judge = guarded(names, Wire(), clock=clock)

    def asked(host: str, after: float) -> int:
        clock.now += after
        with contextlib.suppress(NotFound):
            judge.connect(host, 80, 5, "listed")
        return names.asked.count(host)

    assert [asked("x.org", after) for after in (0, 59.9, 0.2, 59.9)] == [
        1,
        1,
        2,
        2,
    ]
    assert [asked("no.org", after) for after in (0, 9.9, 0.2, 9.9)] == [
        1,
        1,
        2,
        2,
    ]


def test_the_cache_is_bounded_and_drops_what_was_used_least_recently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolver, "MAX_CACHED_NAMES", 2)
    monkeypatch.setattr(guard, "MAX_LEARNED_NAMES", 2)
    names = Names(a=[PUBLIC], b=[PUBLIC], c=[PUBLIC])
    judge = guarded(names, Wire(), clock=Clock())
    for host in "abacab":
        judge.connect(host, 80, 5, "listed")
    assert names.asked == ["a", "b", "c", "b"]
    assert set(judge.learned()) == {"a", "b"}


@pytest.mark.parametrize(
    ("answer", "error", "kind"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "unknown"),
            NotFound,
            "dns_not_found",
        ),
        (UnicodeError("label too long"), NotFound, "dns_not_found"),
        ([], NotFound, "dns_not_found"),
        (
            socket.gaierror(socket.EAI_AGAIN, "try again"),
            LookupFailed,
            "dns_failed",
        ),
        (
            socket.gaierror(socket.EAI_FAIL, "failed"),
            LookupFailed,
            "dns_failed",
        ),
        (RuntimeError("broken"), LookupFailed, None),
        (["not an address"], LookupFailed, None),
        (
            OSError(errno.EMFILE, "Too many open files"),
            LookupFailed,
            "no_descriptors",
        ),
    ],
)
def test_a_look_up_that_fails_has_a_name(
    answer: Any, error: type[Exception], kind: str
) -> None:
    judge = guarded(Names(x_org=[answer]), Wire())
    for _ in range(2):  # the second time from the cache
        with pytest.raises(error, match=r"x\.org") as caught:
            judge.connect("x.org", 80, 5, "listed")
        if kind is not None:
            assert failure_of(caught.value).kind == kind


def test_a_scoped_answer_counts_as_link_local() -> None:
    infos = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (PUBLIC_6, 0, 0, 2))]
    with pytest.raises(Refused, match="link-local"):
        guarded(lambda *_: infos, Wire()).connect("x.org", 80, 5, "listed")


def test_families_other_than_ip_are_passed_over() -> None:
    infos = [
        (99, socket.SOCK_STREAM, 6, "", ("?",)),
        info(PUBLIC),
        info(PUBLIC),
    ]
    wire = Wire({PUBLIC: ConnectionRefusedError()})
    with pytest.raises(ConnectionRefusedError):
        guarded(lambda *_: infos, wire).connect("x.org", 80, 5, "listed")
    assert wire.contacted == [PUBLIC]


class Hanging:
    """A resolver that hangs on some names until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []

    def __call__(self, name: str, *_: Any) -> list[Any]:
        self.asked.append(name)
        if name.startswith("hang"):
            self.go.wait(30)
        return [info(PUBLIC)]


@pytest.fixture
def hanging() -> Iterable[Hanging]:
    resolver = Hanging()
    yield resolver
    resolver.go.set()


def test_a_look_up_that_hangs_ends_within_its_limit_and_others_go_on(
    hanging: Hanging,
) -> None:
    judge = guarded(hanging, Wire(), lookup_threads=1, dns_timeout_seconds=0.2)
    for n in range(3):
        began = time.monotonic()
        with pytest.raises(LookupTimeout, match=r"within 0\.2 s"):
            judge.connect(f"hang{n}", 80, 5, "listed")
        assert 0.15 < time.monotonic() - began < 2
        judge.connect(f"fine{n}", 80, 5, "listed")


class Running(Clock):
    """A clock that goes on by itself, too."""

    def __call__(self) -> float:
        return self.now + time.monotonic()


def lookup_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "lookup"]


def test_a_name_that_hangs_costs_one_thread_and_then_no_time(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "IDLE_SECONDS", 0.05)
    before, clock = lookup_threads(), Running()
    judge = guarded(
        hanging, Wire(), lookup_threads=2, dns_timeout_seconds=0.2, clock=clock
    )
    with pytest.raises(LookupTimeout):
        judge.connect("hang", 80, 5, "listed")
    clock.now += 0.25
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(LookupTimeout):
            judge.connect("hang", 80, 5, "listed")
    assert time.monotonic() - began < 3  # 20 waits of their own would be 4 s
    hanging.go.set()
    for thread in set(lookup_threads()) - set(before):
        thread.join(5)  # without work it ends, when its answer is known
    judge.connect("hang", 80, 5, "listed")
    assert hanging.asked == ["hang"]  # the late answer was kept


def test_look_up_threads_are_daemons_and_bounded(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "IDLE_SECONDS", 0.05)
    before = lookup_threads()
    judge = guarded(
        hanging,
        Wire(),
        lookup_threads=2,
        max_stuck=3,
        dns_timeout_seconds=0.1,
    )

    def ask(name: str) -> None:
        with pytest.raises(LookupTimeout):
            judge.connect(name, 80, 5, "listed")

    def lookups() -> list[threading.Thread]:
        return [each for each in lookup_threads() if each not in before]

    for round_ in range(3):
        askers = [
            threading.Thread(target=ask, args=(f"hang{round_}.{n}",))
            for n in range(8)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(5)
            assert not asker.is_alive()
    assert len(lookups()) == 5
    assert all(each.daemon for each in lookups())
    assert len(hanging.asked) == 5
    ask("fine")  # no thread is left to look it up
    hanging.go.set()
    for thread in lookups():
        thread.join(5)
    assert lookups() == []  # without work they end
    judge.connect("fine", 80, 5, "listed")


class Read(Clock):
    """A clock that counts how often it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Semaphore(0)

    def __call__(self) -> float:
        self.reads.release()
        return super().__call__()


def test_those_who_ask_at_once_share_one_look_up(hanging: Hanging) -> None:
    wire, clock = Wire(), Read()
    judge = guarded(hanging, wire, dns_timeout_seconds=20, clock=clock)
    askers = [
        threading.Thread(target=judge.connect, args=("hang", 80, 5, "listed"))
        for _ in range(16)
    ]
    for asker in askers:
        asker.start()
    # by each asker, who holds the lock until it waits, and by the look-up
    for _ in range(16 + 1):
        assert clock.reads.acquire(timeout=5)
    hanging.go.set()
    for asker in askers:
        asker.join(5)
    assert hanging.asked == ["hang"]
    assert wire.contacted == [PUBLIC] * 16


def test_without_threads_the_one_that_asks_looks_up() -> None:
    asked_by = []

    def getaddrinfo(name: str, *_: Any) -> list[Any]:
        asked_by.append(threading.get_ident())
        if name == "no.org":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [info(PUBLIC)]

    here = Resolver(getaddrinfo, threads=0)
    before = threading.active_count()
    for _ in range(2):
        assert here.addresses_of("x.org") == (ipaddress.ip_address(PUBLIC),)
        with pytest.raises(NotFound):
            here.addresses_of("no.org")
    assert asked_by == [threading.get_ident()] * 2, "and keeps the answer"
    assert threading.active_count() <= before


def test_many_names_at_once_use_no_more_threads_than_allowed(
    hanging: Hanging,
) -> None:
    running, most, changed = 0, 0, threading.Condition()

    def slow(name: str, *_: Any) -> list[Any]:
        nonlocal running, most
        if name.startswith("hang"):
            return hanging(name)
        with changed:
            running += 1
            most = max(most, running)
            changed.notify_all()
            # for one that must not come
            changed.wait_for(lambda: running > 3, timeout=0.1)
            running -= 1
        return [info(PUBLIC)]

    wire = Wire()
    judge = guarded(slow, wire, lookup_threads=3, dns_timeout_seconds=1)

    def ask(names: Iterable[str]) -> None:
        askers = [
            threading.Thread(target=ask_one, args=(name,)) for name in names
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(10)

    def ask_one(name: str) -> None:
        with contextlib.suppress(LookupTimeout):
            judge.connect(name, 80, 5, "listed")

    ask(f"hang{n}" for n in range(3))
    ask(f"a{n}" for n in range(10))
    hanging.go.set()  # those that were replaced come back, and would be too many
    ask(f"b{n}" for n in range(15))
    assert len(wire.contacted) == 25
    assert most == 3


# -- what the resolver takes ------------------------------------------------------------------

AGAIN = socket.gaierror(socket.EAI_AGAIN, "try again")


@pytest.mark.parametrize("failures", range(len(RETRY_SECONDS) + 2))
def test_what_may_pass_is_tried_again_and_not_for_ever(failures: int) -> None:
    names = Names(x_org=[*[AGAIN] * failures, PUBLIC])
    judge = guarded(names, Wire())
    if failures <= len(RETRY_SECONDS):
        judge.connect("x.org", 80, 5, "listed")
        assert len(names.asked) == failures + 1
        return
    with pytest.raises(LookupFailed, match="try again"):
        judge.connect("x.org", 80, 5, "listed")
    assert len(names.asked) == failures


def test_other_failures_are_not_tried_again() -> None:
    names = Names(x_org=[socket.gaierror(socket.EAI_FAIL, "no"), PUBLIC])
    with pytest.raises(LookupFailed):
        guarded(names, Wire()).connect("x.org", 80, 5, "listed")
    assert names.asked == ["x.org"]


def test_nothing_is_tried_again_when_the_time_of_a_look_up_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolver, "RETRY_SECONDS", (0.05, 60.0))
    names = Names(x_org=[AGAIN])
    judge = guarded(names, Wire(), dns_timeout_seconds=0.5)
    began = time.monotonic()
    with pytest.raises(LookupFailed):
        judge.connect("x.org", 80, 5, "listed")
    assert time.monotonic() - began < 0.5
    assert names.asked == ["x.org"] * 2


def look_up_all(
    resolver: Resolver, names: Iterable[str], threads: int
) -> dict[str, Any]:
    """Of each name its addresses, or its failure."""

    def answer(name: str) -> Any:
        try:
            return resolver.addresses_of(name)
        except OSError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        names = list(names)
        return dict(zip(names, pool.map(answer, names), strict=True))


def test_names_are_looked_up_at_once_but_not_faster_than_is_permitted() -> None:
    asked: list[float] = []
    together = threading.Barrier(16)

    def slow(*_: Any) -> list[Any]:
        asked.append(time.monotonic())
        together.wait(PATIENCE_SECONDS)
        return [info(PUBLIC)]

    names = [f"h{n}.org" for n in range(160)]
    answers = look_up_all(Resolver(slow), names, 31)
    assert not any(isinstance(each, OSError) for each in answers.values()), (
        answers
    )
    assert asked[-1] - asked[0] + 0.001 >= 159 / lookup_rate.FIRST_RATE


def test_a_resolver_that_is_overloaded_loses_no_name() -> None:
    """It takes forty at once, and thirty more each second."""
    lock, began, taken = threading.Lock(), time.monotonic(), 0

    def limited(*_: Any) -> list[Any]:
        nonlocal taken
        with lock:
            room = 40 + 30 * (time.monotonic() - began) - taken
            if room < 1:
                raise AGAIN
            taken += 1
        return [info(PUBLIC)]

    # The pauses of these tests are a fiftieth, so there must be more of them.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "RETRY_SECONDS", (0.1, 0.2, 0.4, 0.8))
        tried = Resolver(limited)
        answers = look_up_all(tried, [f"h{n}.org" for n in range(80)], 31)
    assert [
        each for each in answers.values() if isinstance(each, OSError)
    ] == []
    assert tried._rate.rate < lookup_rate.RATE_AFTER_FAILURE + 20


def test_who_waits_for_a_turn_is_not_late() -> None:
    """Twelve look-ups, ten a second: the last one waits for a second and more."""
    tried = Resolver(lambda *_: [info(PUBLIC)], timeout_seconds=0.3)
    tried._rate.rate = 10.0
    answers = look_up_all(tried, [f"h{n}.org" for n in range(12)], 12)
    assert set(answers.values()) == {(ipaddress.ip_address(PUBLIC),)}


def test_a_look_up_that_hangs_slows_the_others_down(hanging: Hanging) -> None:
    tried = Resolver(hanging, timeout_seconds=0.1)
    with pytest.raises(LookupTimeout):
        tried.addresses_of("hang")
    assert tried._rate.rate == lookup_rate.RATE_AFTER_FAILURE
