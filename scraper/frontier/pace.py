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
ROBOTS_TRIES = 3
MAX_BACKOFF_SECONDS = 300.0
# A host that has failed this often in a row, each time after a longer pause, is down: what waits
# for it ends as `host_down`, to be asked again by --retry.
STRIKES = 5
LONGEST_PAUSE_SECONDS = 604_800.0  # the most that max_retry_after_seconds can be
FORGIVEN_SECONDS = 600.0  # after which what an earlier run has seen of a failing host is old news
SLOWEST_SECONDS = 60.0  # a host that answers 429 or 503 is not asked more seldom than this
FIRST_SLOW_SECONDS = 0.5
RECOVERY = 0.8  # each good answer takes this share of the slowness that was learned


@dataclass(slots=True)
class Origin:
    """What one origin's robots.txt permits, or how far asking for it has come."""

    rules: RobotRules | None = None
    failure: Failure | None = None  # why there are no rules
    at: float = 0.0  # unix time of the answer
    tries: int = 0
    due: float = 0.0  # when it may be asked (again)
    asked: bool = False  # the question is under way
    told: bool = False  # a URL has ended with `failure`

    def known(self, now: float) -> bool:
        """Is there a verdict that is not too old?"""
        return (self.rules is not None or self.failure is not None) and (
            now - self.at < RULES_SECONDS
        )


class Host:
    """One host, as the frontier sees it."""

    __slots__ = ("answered", "lane", "name", "opens", "origins", "slow", "strikes", "touched")

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.name = ""
        self.opens = 0.0  # unix time before which it is not asked
        self.answered = False  # in this run
        self.strikes = 0  # failures in a row that speak of the host, each after a pause
        self.slow = 0.0  # seconds between requests, learned from 429 and 503
        self.origins: dict[str, Origin] = {}  # by scheme
        self.touched = False  # there is something to remember

    @property
    def down(self) -> bool:
        """Has it failed too often to go on?"""
        return self.strikes >= STRIKES

    @property
    def forgetful(self) -> bool:
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
        return max(keys.delay_seconds, self.slow, *wanted, 0.0)

    def limit(self, keys: HostSettings) -> int:
        """Requests at once: one to a stranger, to a host that fails or that wants a delay."""
        careful = not self.answered or self.strikes or self.delay(keys)
        return 1 if careful else keys.per_host

    def judged(self, failure: Failure | None, at: float, wire_bytes: int, keys: HostSettings,
               fetch: FetchSettings, draw: random.Random) -> None:  # fmt: skip
        """A request is over: the clock starts, and we have learned something."""
        blamed = failure is not None and failure.blame == "host"
        if not blamed or (failure is not None and failure.status is not None):
            self.answered = True
        pause = 0.0
        if failure is not None and blamed:
            self.touched = True
            if at >= self.opens:  # others of the same moment tell nothing new
                self.strikes += 1
            if failure.status is not None:
                self.slow = min(max(self.slow * 2, FIRST_SLOW_SECONDS), SLOWEST_SECONDS)
            pause = max(backoff(self.strikes, fetch, draw), failure.pause or 0.0)
        else:
            self.strikes = 0
            if self.slow:
                self.slow = self.slow * RECOVERY if self.slow > 0.05 else 0.0
        delay = self.delay(keys)
        pause = max(pause, delay * (1 + keys.jitter * draw.random()))
        if keys.host_limit_rate_bytes:
            self.opens = max(self.opens, at) + wire_bytes / keys.host_limit_rate_bytes
        self.opens = max(self.opens, at + pause)

    def state(self) -> HostState:
        """What the ledger keeps (robots.txt is kept when it comes)."""
        return HostState(self.lane, self.name, None, self.slow or None, self.strikes, self.opens)

    def recall(self, kept: HostState, now: float, agent: str) -> None:
        """Go on from what an earlier run, or an earlier waking, has kept."""
        self.name = kept.name
        self.slow = kept.rate or 0.0
        if kept.pause_until > now - FORGIVEN_SECONDS:
            # A clock that was wrong once must not stop a host for as long.
            self.opens = min(kept.pause_until, now + LONGEST_PAUSE_SECONDS)
            self.strikes = kept.consecutive_failures
        for scheme, (at, text) in orjson.loads(kept.robots or "{}").items():
            if now - at < RULES_SECONDS:
                self.origins[scheme] = Origin(parse(text, agent), at=at)


# Failures after which there is nobody to ask for robots.txt: its URLs would fail alike.
_NOBODY_THERE = ("dns_", "connect_", "tls_", "proxy_")


def without_rules(failure: Failure) -> Failure:
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
