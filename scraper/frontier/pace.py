"""What is known of one host: its clock, its pace, whether it is down, and what its robots.txt says.

All of it goes into the ledger when the lane falls asleep or the run ends, so that tonight's run
starts where last night's ended. Pure: `now` is unix seconds, handed in.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import orjson

from scraper import errors
from scraper.config import FetchSettings, HostSettings
from scraper.frontier.robots import RobotRules, parse
from scraper.model import Failure, HostState

RULES_SECONDS = 86_400.0  # RFC 9309 2.4: not to be used for longer than a day
MAX_ROBOTS_TRIES = 3
MAX_BACKOFF_SECONDS = 300.0
# A host that has failed this often in a row, each time after a longer pause, is down: what waits
# for it ends as `host_down`, to be asked again by --retry.
MAX_CONSECUTIVE_FAILURES = 5
MAX_PAUSE_SECONDS = 604_800.0  # the most that max_retry_after_seconds can be
FAILURE_MEMORY_SECONDS = (
    600.0  # after which what an earlier run has seen of a failing host is old news
)
MAX_LEARNED_DELAY_SECONDS = (
    60.0  # a host that answers 429 or 503 is not asked more seldom than this
)
FIRST_LEARNED_DELAY_SECONDS = 0.5
LEARNED_DELAY_DECAY = 0.8  # each good answer takes this share of the slowness that was learned


@dataclass(slots=True)
class Origin:
    """What one origin's robots.txt permits, or how far asking for it has come."""

    rules: RobotRules | None = None
    failure: Failure | None = None  # why there are no rules
    at: float = 0.0  # unix time of the answer
    tries: int = 0
    due: float = 0.0  # when it may be asked (again)
    requested: bool = False  # the request for it is under way
    cause_recorded: bool = False  # one of its URLs has ended with `failure`

    def known(self, now: float) -> bool:
        """Is there a verdict that is not too old?"""
        return (self.rules is not None or self.failure is not None) and (
            now - self.at < RULES_SECONDS
        )


class Host:
    """One host, as the frontier sees it."""

    __slots__ = (
        "consecutive_failures",
        "lane",
        "learned_delay",
        "must_be_kept",
        "name",
        "opens",
        "origins",
        "responsive",
    )

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.name = ""
        self.opens = 0.0  # unix time before which it is not asked
        self.responsive = False  # in this run
        self.consecutive_failures = (
            0  # failures in a row that speak of the host, each after a pause
        )
        self.learned_delay = 0.0  # seconds between requests, learned from 429 and 503
        self.origins: dict[str, Origin] = {}  # by scheme
        self.must_be_kept = False  # there is something to remember

    @property
    def down(self) -> bool:
        """Has it failed too often to go on?"""
        return self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES

    @property
    def has_unsaved_tries(self) -> bool:
        """Is there something that the ledger would not keep: tries at a robots.txt?"""
        return any(each.tries and each.rules is None for each in self.origins.values())

    def origin(self, scheme: str) -> Origin:
        """What is known of `scheme`://host."""
        found = self.origins.get(scheme)
        if found is None:
            found = self.origins[scheme] = Origin()
        return found

    def delay(self, keys: HostSettings) -> float:
        """Seconds from an answer to the next question: ours, its Crawl-delay, or a learned one."""
        wanted = [
            each.rules.crawl_delay or 0.0
            for each in self.origins.values()
            if each.rules is not None and keys.robots == "on"
        ]
        return max(keys.delay_seconds, self.learned_delay, *wanted, 0.0)

    def limit(self, keys: HostSettings) -> int:
        """Requests at once: one to a stranger, to a host that fails or that wants a delay."""
        careful = not self.responsive or self.consecutive_failures or self.delay(keys)
        return 1 if careful else keys.per_host

    def learn_from(self, failure: Failure | None, at: float, wire_bytes: int, keys: HostSettings,
               fetch: FetchSettings, draw: random.Random) -> None:  # fmt: skip
        """A request is over: the clock starts, and we have learned something."""
        blamed = failure is not None and failure.blame == "host"
        if not blamed or (failure is not None and failure.status is not None):
            self.responsive = True
        pause = 0.0
        if failure is not None and blamed:
            self.must_be_kept = True
            if at >= self.opens:  # others of the same moment tell nothing new
                self.consecutive_failures += 1
            if failure.status is not None:
                self.learned_delay = min(
                    max(self.learned_delay * 2, FIRST_LEARNED_DELAY_SECONDS),
                    MAX_LEARNED_DELAY_SECONDS,
                )
            pause = max(backoff(self.consecutive_failures, fetch, draw), failure.pause or 0.0)
        else:
            self.consecutive_failures = 0
            if self.learned_delay:
                self.learned_delay = (
                    self.learned_delay * LEARNED_DELAY_DECAY if self.learned_delay > 0.05 else 0.0
                )
        delay = self.delay(keys)
        pause = max(pause, delay * (1 + keys.jitter * draw.random()))
        if keys.host_limit_rate_bytes:
            self.opens = max(self.opens, at) + wire_bytes / keys.host_limit_rate_bytes
        self.opens = max(self.opens, at + pause)

    def to_state(self) -> HostState:
        """What the ledger keeps (robots.txt is kept when it comes)."""
        return HostState(
            self.lane,
            self.name,
            None,
            self.learned_delay or None,
            self.consecutive_failures,
            self.opens,
        )

    def restore(self, kept: HostState, now: float, agent: str) -> None:
        """Go on from what an earlier run, or an earlier waking, has kept."""
        self.name = kept.name
        self.learned_delay = kept.rate or 0.0
        if kept.pause_until > now - FAILURE_MEMORY_SECONDS:
            # A clock that was wrong once must not stop a host for as long.
            self.opens = min(kept.pause_until, now + MAX_PAUSE_SECONDS)
            self.consecutive_failures = kept.consecutive_failures
        for scheme, (at, text) in orjson.loads(kept.robots or "{}").items():
            if now - at < RULES_SECONDS:
                self.origins[scheme] = Origin(parse(text, agent), at=at)


# Failures after which there is nobody to ask for robots.txt: its URLs would fail alike.
_NOBODY_THERE = ("dns_", "connect_", "tls_", "proxy_")


def failure_without_rules(failure: Failure) -> Failure:
    """How the URLs of an origin end whose robots.txt could not be had for this reason.

    Where nobody can be reached they fail as they would themselves; an answer that is none (5xx,
    429, silence) forbids to ask (RFC 9309 2.3.1.4).
    """
    if failure.kind.startswith(_NOBODY_THERE) or errors.KINDS[failure.kind].branch == "rule":
        return replace(failure, message=f"robots.txt: {failure.message}")
    why = f"robots.txt could not be had: {failure.message}"
    return errors.new_failure("robots_unreachable", why)


def backoff(failures: int, fetch: FetchSettings, draw: random.Random) -> float:
    """Exponential with full jitter in its upper half, so that it is never nothing."""
    ceiling = backoff_ceiling(failures, fetch)
    return ceiling / 2 + draw.uniform(0, ceiling / 2)


def backoff_ceiling(failures: int, fetch: FetchSettings) -> float:
    """The longest pause after so many failures, in seconds."""
    doubled = 2.0 ** min(max(failures - 1, 0), 32)
    return min(fetch.retry_wait_seconds * doubled, MAX_BACKOFF_SECONDS)
