"""What bounded a concurrent run: read from the steps of its URLs, when it is over.

A run lasts as long as its last host, so that is the one whose URLs are followed. At each moment
they wait for a thread, for an answer, or for their host to be asked again; behind the last answer
there is only what workers have to do. The cause with the longest time is the bound. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from statistics import median
from typing import Literal

from msgspec import Struct, field

from scraper.outcomes.event import Event

Cause = Literal[
    "politeness",
    "network",
    "threads",
    "workers",
    "cpu",
]
FULL_CORE = 0.8  # of one, from which on this process cannot go faster
# A host that is left alone for less only waits for this program.
MIN_REST_SECONDS = 0.02
_GOES_ON = frozenset({"redirected", "paused", "retried"})


class Course(Struct, frozen=True):
    """What is known of a concurrent run."""

    hosts: Mapping[str, str]  # of each URL that was given
    events: Sequence[Event]  # in their order
    began: float  # unix time, as events have it
    ended: float
    cpu_seconds: float  # of this process
    threads: int  # at most

    @property
    def seconds(self) -> float:
        """From its beginning to its end."""
        return max(self.ended - self.began, 1e-6)


class Bound(Struct, frozen=True):
    """The longest of the causes, and the facts that say why."""

    cause: Cause
    share: float  # of the time; of "cpu", of one core
    host: str  # the last one
    answer_seconds: float  # that it took in the middle
    interval_seconds: float  # from one request to the next, in the middle
    at_once: int  # requests to it, at most
    has_queue: (
        bool  # its URLs waited for its answers to others, for most of the time
    )
    refusals: int  # after which it was left alone


class _LastHost(Struct):
    """The state of the host that ended last, from one moment to the next."""

    unasked: int
    is_known: bool = False  # it has answered
    asked: set[int] = field(default_factory=set)  # ids of URLs
    again: set[int] = field(
        default_factory=set
    )  # that wait for their next request
    begun: dict[int, float] = field(default_factory=dict)  # requests
    took: list[float] = field(default_factory=list)
    at_once: int = 0  # requests, at most
    steps: Counter[str] = field(default_factory=Counter)

    @property
    def is_awaited(self) -> bool:
        """Is anything of it still to be asked?"""
        return self.unasked > 0 or bool(self.again)

    def take(self, event: Event) -> None:
        """One more step of one of its URLs."""
        id = event.id
        self.steps[event.step] += 1
        if event.step == "asked":
            self.begun[id] = event.at
            self.at_once = max(self.at_once, len(self.begun))
            self.again.discard(id)
        elif _ends_request(event) and id in self.begun:
            self.took.append(event.at - self.begun.pop(id))
            self.is_known = True
        if id not in self.asked:
            self.asked.add(id)
            self.unasked -= 1
        if event.step in _GOES_ON:
            self.again.add(id)
        elif event.step == "recorded":
            self.again.discard(id)


def find_bound(course: Course) -> Bound:
    """What the run has waited for."""
    events = [each for each in course.events if each.at <= course.ended]
    name = _last_host_of(course, events)
    urls = [url for url, host in course.hosts.items() if host == name]
    host = _LastHost(len(urls))
    seconds: dict[Cause, float] = defaultdict(float)
    queued = 0.0
    for found, length, is_queued in _causes(
        course, events, frozenset(urls), host
    ):
        seconds[found] += length
        queued += length * is_queued
    used = course.cpu_seconds / course.seconds
    cause, longest = max(seconds.items(), key=itemgetter(1))
    share = min(longest / course.seconds, 1.0)
    if used >= FULL_CORE:
        cause, share = "cpu", used
    return Bound(
        cause,
        share,
        name,
        median(host.took or [0.0]),
        _usual_interval(events, frozenset(urls)),
        host.at_once,
        queued > course.seconds / 2,
        host.steps["paused"],
    )


def _causes(
    course: Course,
    events: Sequence[Event],
    urls: frozenset[str],
    host: _LastHost,
) -> Iterator[tuple[Cause, float, bool]]:
    """What the last host waits for between two steps of whichever URLs, how long, and whether some
    of its URLs wait behind others."""
    open_at_all: set[int] = set()
    rests = _long_rests(course, events, urls)
    at = course.began
    for event in [*events, None]:
        until = course.ended if event is None else max(event.at, at)
        if until > at:
            cause = _cause_of(course, host, len(open_at_all), rests, at)
            yield cause, until - at, host.is_awaited and bool(host.begun)
        at = until
        if event is None:
            return
        if event.step == "asked":
            open_at_all.add(event.id)
        elif _ends_request(event):
            open_at_all.discard(event.id)
        if event.url in urls:
            host.take(event)


def _cause_of(
    course: Course,
    host: _LastHost,
    requests: int,
    rests: Sequence[tuple[float, float]],
    at: float,
) -> Cause:
    if not host.is_awaited:
        return "network" if requests else "workers"
    if requests >= course.threads:
        return "threads"
    if host.begun or not host.is_known:
        return "network"
    is_resting = any(begins <= at < ends for begins, ends in rests)
    return "politeness" if is_resting else "cpu"


def _long_rests(
    course: Course, events: Sequence[Event], urls: frozenset[str]
) -> list[tuple[float, float]]:
    """From when until when nothing happens at the host."""
    times = [each.at for each in events if each.url in urls]
    return [
        (begins, ends)
        for begins, ends in pairwise([course.began, *times, course.ended])
        if ends - begins >= MIN_REST_SECONDS
    ]


def _usual_interval(events: Sequence[Event], urls: frozenset[str]) -> float:
    asked = [e.at for e in events if e.step == "asked" and e.url in urls]
    return median([after - at for at, after in pairwise(asked)] or [0.0])


def _last_host_of(course: Course, events: Sequence[Event]) -> str:
    """The one whose last answer came last."""
    for event in reversed(events):
        if event.step == "fetched" and event.url in course.hosts:
            return course.hosts[event.url]
    return next(iter(course.hosts.values()))


def _ends_request(event: Event) -> bool:
    """Is its request over? A failure that is final is only recorded."""
    return event.step in _GOES_ON or event.step in ("fetched", "recorded")
