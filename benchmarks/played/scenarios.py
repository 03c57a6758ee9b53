"""The plays: which hosts there are, what they do, and when the list is run again.

Where a host refuses, it says 429 or 503, from the beginning or after a few good answers: that is
drawn. Half of the seeds kill the first run in the midst of it and resume it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from benchmarks.played import behaviours as does
from benchmarks.played.behaviours import Behaviour, Header
from benchmarks.played.folder import THREADS, Folder, Ran
from benchmarks.played.limits import LIMITS, MakeLimit
from benchmarks.played.world import Host, Outage, Request
from scraper.frontier.rate import FIRST_WIDTH
from scraper.journal import BATCH_SECONDS

EVER = 1e12
HOUR, DAY = 3_600.0, 86_400.0
ONE = "one.test"
OUTAGE_SECONDS = 60.0  # beside `offline_wait`: until it is noticed
POISON_SECONDS = 150.0  # for a list with three URLs that always say 503
Expectation = Callable[[Folder], Iterator[str]]


class Play(Struct):
    """One world, one list, and what is done with them."""

    hosts: dict[str, Host]
    urls: Sequence[str]
    later: Sequence[float] = ()  # seconds between the end of a run and the next
    outages: Sequence[Outage] = ()
    options: dict[str, Any] = field(default_factory=dict)
    skews: Sequence[float] = ()  # of the wall clock, run by run
    resumable: bool = False  # it may end with URLs pending
    expect: Expectation | None = None
    permits: float | None = None  # good answers a second, of its one host


Plan = Callable[[random.Random, int], Play]


def urls_of(host: str, count: int) -> list[str]:
    """The list of one host."""
    return [f"http://{host}/{number}" for number in range(count)]


def in_turn(lists: Sequence[list[str]]) -> list[str]:
    """One URL of each host after another."""
    longest = max(map(len, lists))
    return [
        urls[place]
        for place in range(longest)
        for urls in lists
        if place < len(urls)
    ]


def _never(number: int) -> bool:
    return False


def _moment(draw: random.Random, count: int) -> float:
    """Somewhere in the middle of so many good answers of one host."""
    return draw.uniform(0.1, 0.8) * count * does.LATENCY / 4


def _status_of(draw: random.Random) -> int:
    return draw.choice((429, 503))


def _was_killed(folder: Folder) -> bool:
    return any(run.killed for run in folder.runs)


def _runs_of_first_pass(folder: Folder) -> list[Ran]:
    """The first run, and the one that resumes it if it was killed."""
    return folder.runs[: 1 + folder.runs[0].killed]


def _first_pass(folder: Folder) -> Iterator[tuple[int, dict[str, Any]]]:
    """Of each URL of the one host its number and its first record."""
    for record in folder.records():
        if record["pass"] == 1:
            yield int(record["canonical_url"].rpartition("/")[2]), record


# -- a host that refuses ----------------------------------------------------------------------


def _refuses(
    seconds: float,
    header: Header = lambda now, end: None,
    later: Sequence[float] = (HOUR, DAY),
) -> Plan:
    def plan(draw: random.Random, count: int) -> Play:
        begins = draw.choice((0.0, _moment(draw, count)))
        behaviour = does.refusing(begins, seconds, _status_of(draw), header)
        host = Host(behaviour, heals=lambda number: seconds < EVER)
        return Play({ONE: host}, urls_of(ONE, count), later)

    return plan


def _refuses_beside_others(draw: random.Random, count: int) -> Play:
    """It refuses for half an hour, while a slow host has work for longer."""
    slow = "slow.test"
    host = Host(does.refusing(_moment(draw, count), HOUR / 2, 503))
    lists = [urls_of(ONE, count), urls_of(slow, count)]
    return Play(
        {ONE: host, slow: Host(does.slow)},
        in_turn(lists),
        (HOUR, DAY),
        options={"per_host": 1},
    )


def _half(draw: random.Random, count: int) -> Play:
    """Two passes: in the third, what is refused still has failed by the rules."""
    behaviour = does.at_random(0.5, does.status(503), draw)
    return Play({ONE: Host(behaviour)}, urls_of(ONE, count), (HOUR,))


def _once_in_twenty(draw: random.Random, count: int) -> Play:
    bad = does.status(_status_of(draw))
    host = Host(does.at_random(0.95, bad, draw))
    return Play({ONE: host}, urls_of(ONE, count // 10), (HOUR,) * 3)


def _flaps(bad: Behaviour) -> Plan:
    def plan(draw: random.Random, count: int) -> Play:
        up, down = _moment(draw, count), draw.uniform(2.0, 40.0)
        host = Host(does.flapping(up, down, bad))
        return Play({ONE: host}, urls_of(ONE, count), (HOUR, HOUR))

    return plan


def _robots_refused(draw: random.Random, count: int) -> Play:
    behaviour = does.for_robots(does.status(429))
    return Play(
        {ONE: Host(behaviour, _never)}, urls_of(ONE, count), (HOUR, DAY)
    )


# -- a host that is silent --------------------------------------------------------------------


def _restarts(draw: random.Random, count: int) -> Play:
    behaviour = does.during(_moment(draw, count), 45.0, does.closed)
    return Play({ONE: Host(behaviour)}, urls_of(ONE, count), (HOUR, DAY))


def _dies(bad: Behaviour) -> Plan:
    def plan(draw: random.Random, count: int) -> Play:
        begins = draw.choice((0.0, _moment(draw, count)))
        host = Host(does.during(begins, EVER, bad), _never)
        return Play({ONE: host}, urls_of(ONE, count), (HOUR, DAY, DAY))

    return plan


def _thousand_dead(draw: random.Random, count: int) -> Play:
    """As many dead hosts as URLs, and one that is well."""
    kinds = (does.closed, does.unreachable, does.unknown, does.silent)
    dead = {
        f"dead{n}.test": Host(draw.choice(kinds), _never) for n in range(count)
    }
    lists = [urls_of(name, 1) for name in dead]
    return Play(
        {ONE: Host(does.well), **dead},
        in_turn([urls_of(ONE, max(count // 3, 1)), *lists]),
        (HOUR, DAY, DAY),
        expect=_good_one_is_quick,
    )


def _good_one_is_quick(folder: Folder) -> Iterator[str]:
    """The good host's last answer comes within 1.1 of the time that it needs alone, from its first
    request on: before, it is as new as the others, and waits its turn among them."""
    asked = [each for each in folder.world.log if each.host == ONE]
    if _was_killed(folder):
        return
    # robots.txt and the first URL alone, then four at once
    at_once = min(folder.config.hosts.per_host, FIRST_WIDTH)
    alone = does.LATENCY * (2 + math.ceil((len(asked) - 2) / at_once))
    first = min(each.began for each in asked)
    took = max(each.ended or 0.0 for each in asked) - first
    if took > 1.1 * alone:
        yield f"the good one took {took:.2f} s, alone it takes {alone:.2f}"


# -- our own outage ---------------------------------------------------------------------------


def _own_outage(
    seconds: float, *failures: str, from_start: bool = False
) -> Plan:
    def plan(draw: random.Random, count: int) -> Play:
        names = [f"host{n}.test" for n in range(max(count // 5, 8))]
        hosts = {name: Host(does.well) for name in names}
        urls = in_turn([urls_of(name, 10) for name in names])
        middle = draw.uniform(0.3, 0.8) * len(urls) * does.LATENCY / THREADS
        begins = 0.0 if from_start else middle
        failure = draw.choice(failures)
        after = {"connect_timeout": 10.0, "dns_timeout": 10.0}.get(failure, 0.1)
        outage = Outage(begins, begins + seconds, failure, after)
        return Play(
            hosts,
            urls,
            (HOUR, HOUR),
            [outage],
            resumable=True,
            expect=None if from_start else _nothing_fails,
        )

    return plan


def _nothing_fails(folder: Folder) -> Iterator[str]:
    """An outage of ours costs no URL, and after it the same command finishes. A run that was killed
    before it had committed an answer was none: the next one is the first, and has no network."""
    if not _has_committed_answer(folder.runs[0], folder.world.log):
        return
    failed = [each for each in folder.records() if each["state"] != "done"]
    if failed:
        yield f"{len(failed)} records say {failed[0]['error_kind']}"
    if len(folder.records()) < len(folder.urls):
        yield f"only {len(folder.records())} of {len(folder.urls)} are done"
    first, outage = folder.runs[0], folder.config.hosts.offline_wait_seconds
    if not first.killed and first.ended - first.began > outage + OUTAGE_SECONDS:
        yield f"it took {first.ended - first.began:.0f} s"


def _has_committed_answer(first: Ran, log: Sequence[Request]) -> bool:
    """Is anything known of what this run has heard?"""
    committed = first.ended - (BATCH_SECONDS if first.killed else 0.0)
    return any(
        each.run == first.number
        and each.answer.status == 200
        and (each.ended or math.inf) < committed
        for each in log
    )


def _dead_proxy(draw: random.Random, count: int) -> Play:
    names = [f"host{n}.test" for n in range(max(count // 10, 8))]
    hosts = {name: Host(does.without_proxy, _never) for name in names}
    urls = in_turn([urls_of(name, 10) for name in names])
    proxy = {"proxy": "http://proxy.test:3128"}
    return Play(hosts, urls, (HOUR,), options=proxy, resumable=True)


# -- URLs that are at fault themselves --------------------------------------------------------


def _poison(
    places: Sequence[float], first: str, header: str | None = None
) -> Plan:
    """Some URLs always say 503, at these places of the list (0: its head, 1: its end), and end
    as `first` in the first pass, and as http_status in the third."""

    def plan(draw: random.Random, count: int) -> Play:
        poison = {round(place * (count - 1)) for place in places}
        bad = {number: does.status(503, header) for number in poison}
        host = Host(does.by_url(bad), heals=lambda number: number not in poison)
        return Play(
            {ONE: host},
            urls_of(ONE, count),
            (HOUR, DAY, DAY, DAY),
            expect=lambda folder: _poison_ends(folder, poison, first),
        )

    return plan


def _poison_ends(folder: Folder, poison: set[int], first: str) -> Iterator[str]:
    yield from _poison_ends_first(folder, poison, first)
    for url, record in folder.last_records().items():
        number = int(url.rpartition("/")[2])
        if number in poison and record["error_kind"] != "http_status":
            yield f"/{number} still ends as {record['error_kind']}"


def _poison_ends_first(
    folder: Folder, poison: set[int], kind: str
) -> Iterator[str]:
    for number, record in _first_pass(folder):
        if number in poison and record["error_kind"] != kind:
            yield f"/{number} ends as {record['error_kind']}, not as {kind}"
    runs, code = _runs_of_first_pass(folder), 3 if kind == "http_status" else 5
    if runs[-1].exit_code != code:
        yield f"exit {runs[-1].exit_code}, not {code}"
    seconds = sum(each.ended - each.began for each in runs)
    if seconds > POISON_SECONDS:
        yield f"it took {seconds:.0f} s, not {POISON_SECONDS:.0f}"


def _hostile(draw: random.Random, count: int) -> Play:
    """A tenth of the URLs of one host refuse, reset, hang or lie; the last fifth is good, so that
    each of them can be told from its host."""
    kinds: Sequence[Behaviour] = (
        does.status(503),
        does.status(429),
        does.status(500),
        does.resets,
        does.silent,
        does.cut_off,
        does.status(206),
    )
    numbers = draw.sample(range(count * 4 // 5), max(count // 10, 1))
    bad = {number: draw.choice(kinds) for number in numbers}
    host = Host(does.by_url(bad), heals=lambda number: number not in bad)
    return Play(
        {ONE: host},
        urls_of(ONE, count),
        (HOUR, DAY, DAY),
        expect=lambda folder: _host_is_well(folder, set(numbers)),
    )


def _host_is_well(folder: Folder, bad: set[int]) -> Iterator[str]:
    for number, record in _first_pass(folder):
        kind = record["error_kind"]
        if kind is not None and number not in bad:
            yield f"/{number} ends as {kind}, and is good"
        if kind in {"host_down", "host_refused"}:
            yield f"/{number} ends as {kind}"


def _probe_ends(once: Behaviour) -> Plan:
    """The first request after it has refused for 20 s ends in an odd way."""

    def plan(draw: random.Random, count: int) -> Play:
        begins = _moment(draw, count)
        refusing = does.refusing(begins, 20.0, _status_of(draw))
        behaviour = does.first_after(begins + 20.0, once, refusing)
        host = Host(behaviour)
        odd: set[int] = set()

        def answer(asked: Any) -> Any:
            said = behaviour(asked)
            if said.status == 404 or said.failure == "body_short":
                odd.add(asked.number)
            return said

        host = Host(answer, heals=lambda number: number not in odd)
        return Play({ONE: host}, urls_of(ONE, count), (HOUR, DAY))

    return plan


# -- a clock that jumps -----------------------------------------------------------------------


def _clock_jumps(draw: random.Random, count: int) -> Play:
    behaviour = does.refusing(
        _moment(draw, count), 300.0, 503, does.always("120")
    )
    jumps = (-DAY, -HOUR, HOUR, DAY, 365 * DAY)
    return Play(
        {ONE: Host(behaviour)},
        urls_of(ONE, count),
        (HOUR, HOUR, DAY),
        skews=[draw.choice(jumps) for _ in range(8)],
    )


# -- a host that permits so much and no more ---------------------------------------------------


def _limited(make: MakeLimit) -> Plan:
    """For so many seconds as a list has URLs otherwise, and at least seven times the URLs."""

    def plan(draw: random.Random, count: int) -> Play:
        limit = make(draw.random())
        urls = max(math.ceil(limit.permits), 7) * count
        host = Host(limit)
        permits = limit.permits
        return Play({ONE: host}, urls_of(ONE, urls), permits=permits)

    return plan


PLANS: dict[str, Plan] = {
    "refuses for 60 s": _refuses(60.0),
    "refuses for 5 min": _refuses(300.0),
    "refuses for ever": _refuses(EVER, later=(HOUR, DAY, DAY)),
    "refuses, others work": _refuses_beside_others,
    "Retry-After honest": _refuses(90.0, does.honest),
    "Retry-After 0": _refuses(90.0, does.always("0")),
    "Retry-After 120": _refuses(120.0, does.always("120")),
    "Retry-After 7200": _refuses(
        7_200.0, does.always("7200"), (600.0, 3 * HOUR, DAY)
    ),
    "Retry-After a year": _refuses(
        90.0, does.always("31536000"), (DAY, 366 * DAY)
    ),
    "Retry-After nonsense": _refuses(90.0, does.nonsense),
    "Retry-After past": _refuses(90.0, does.in_the_past),
    "Retry-After date": _refuses(90.0, does.as_date),
    "503 on half": _half,
    "well once in twenty": _once_in_twenty,
    "flaps, refusing": _flaps(does.status(503)),
    "flaps, closed": _flaps(does.closed),
    "restarts in 45 s": _restarts,
    "resets each": _dies(does.resets),
    "silent for ever": _dies(does.silent),
    "own outage of 90 s": _own_outage(
        90.0, "connect_timeout", "connect_failed", "dns_failed"
    ),
    "own outage, no end": _own_outage(
        HOUR, "connect_timeout", "connect_failed", "dns_failed"
    ),
    "offline at the start": _own_outage(
        HOUR, "connect_timeout", "connect_failed", from_start=True
    ),
    "resolver off": _own_outage(HOUR, "dns_failed", "dns_timeout"),
    "a thousand dead": _thousand_dead,
    "poison at the head": _poison([0.0], "http_status"),
    "poison in the middle": _poison([0.3, 0.5, 0.7], "http_status"),
    "poison at the end": _poison([0.993, 0.997, 1.0], "host_refused"),
    "one URL asks for a day": _poison([0.5], "host_refused", "86400"),
    "hostile list": _hostile,
    "429 to robots.txt": _robots_refused,
    "probe ends in 404": _probe_ends(does.status(404)),
    "probe ends in 206": _probe_ends(does.status(206)),
    "probe without end": _probe_ends(does.endless),
    "probe in silence": _probe_ends(does.silent),
    "a clock that jumps": _clock_jumps,
    "a dead proxy": _dead_proxy,
    **{f"permits {name}": _limited(make) for name, make in LIMITS.items()},
}
