"""What is known of one host: its clock, its pace, its troubles, and what its robots.txt says.

All of it goes into the ledger when the lane falls asleep or the run ends, so that tonight's run
starts where last night's ended. Pure: the time (unix seconds) and the dice are handed in.
"""

from __future__ import annotations

import random

import orjson
from msgspec import Struct
from msgspec.structs import replace

from scraper import errors
from scraper.config import FetchSettings, HostSettings
from scraper.frontier.retries import backoff
from scraper.frontier.robots import RobotRules, parse
from scraper.model import Fact, Failure, FetchFailed, HostState
from scraper.urls import Url

RULES_SECONDS = 86_400.0  # RFC 9309 2.4: not to be used for longer than a day
MAX_ROBOTS_TRIES = 3
# A host that has failed this often in a row, each time after a longer pause, is down: what waits
# for it ends as `host_down`, to be requested again by --retry.
MAX_CONSECUTIVE_FAILURES = 5
MAX_PAUSE_SECONDS = 604_800.0  # of what an earlier run has kept
FAILURE_MEMORY_SECONDS = (
    600.0  # for which failures that an earlier run has seen count
)
MAX_LEARNED_DELAY_SECONDS = (
    60.0  # between requests to a host that answers 429 or 503
)
FIRST_LEARNED_DELAY_SECONDS = 0.5
MIN_LEARNED_DELAY_SECONDS = 0.05  # a shorter one is forgotten
LEARNED_DELAY_DECAY = 0.8  # what each good answer leaves of it
# Failures after which no server is there to send a robots.txt: its URLs would fail alike.
_UNREACHABLE = ("dns_", "connect_", "tls_", "proxy_")


class Politeness(Struct, frozen=True):
    """The settings that bound how fast a host is asked, and the dice for what is random in it."""

    hosts: HostSettings
    fetch: FetchSettings
    draw: random.Random

    def backoff(self, failures: int, failure: Failure) -> float:
        """Seconds to pause after so many failures, and after what the last of them asked for."""
        return max(
            backoff(failures, self.fetch, self.draw),
            self.pause_of(failure.pause),
        )

    def pause_of(self, asked: float | None) -> float:
        """Seconds of the pause that an answer asks for, as far as patience goes."""
        return min(asked or 0.0, self.hosts.patience_seconds)


class Origin(Struct):
    """What one origin's robots.txt permits, or how far asking for it has come."""

    rules: RobotRules | None = None
    failure: Failure | None = None  # why there are no rules
    at: float = 0.0  # unix time of the answer
    tries: int = 0
    due: float = 0.0  # when it may be requested (again)
    requested: bool = False  # the request for it is under way
    cause_recorded: bool = False  # one of its URLs has ended with `failure`

    def is_known(self, now: float) -> bool:
        """Is there a verdict that is not too old?"""
        if self.rules is None and self.failure is None:
            return False
        return now - self.at < RULES_SECONDS

    def permits(self, url: Url) -> bool:
        """May this URL be requested, as far as the rules are known?"""
        rules = self.rules
        return rules is None or rules.is_empty or rules.allows(url.href)

    def learn_rules(self, rules: RobotRules, at: float) -> None:
        """Its robots.txt has come, or there is none."""
        self.rules = rules
        self.failure = None
        self.at = at

    def learn_failure(
        self,
        failure: Failure,
        at: float,
        politeness: Politeness,
    ) -> None:
        """Its robots.txt could not be had: try again, or go by that."""
        self.tries += 1
        may_pass = failure.retryable or failure.status is not None
        if self.tries < MAX_ROBOTS_TRIES and may_pass:
            self.due = at + politeness.backoff(self.tries, failure)
            return
        self.at = at
        self.failure = failure_without_rules(failure)


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
        self.responsive = False  # it has answered in this run
        self.consecutive_failures = (
            0  # that speak of the host, each after a pause
        )
        self.learned_delay = (
            0.0  # seconds between requests, learned from 429 and 503
        )
        self.origins: dict[str, Origin] = {}  # by scheme
        self.must_be_kept = (
            False  # it has failed in this run: the ledger is to know
        )

    @property
    def is_down(self) -> bool:
        """Has it failed too often to go on?"""
        return self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES

    @property
    def has_learned(self) -> bool:
        """Is there something worth remembering, apart from its clock?"""
        return bool(
            self.consecutive_failures or self.learned_delay or self.must_be_kept
        )

    @property
    def has_unsaved_tries(self) -> bool:
        """Has it tries at a robots.txt behind it, which the ledger does not store?"""
        return any(
            each.tries and each.rules is None for each in self.origins.values()
        )

    def origin(self, scheme: str) -> Origin:
        """What is known of `scheme`://host."""
        found = self.origins.get(scheme)
        if found is None:
            found = self.origins[scheme] = Origin()
        return found

    def delay(self, settings: HostSettings) -> float:
        """Seconds from an answer to the next request: ours, its Crawl-delay, or a learned one."""
        delay = max(settings.delay_seconds, self.learned_delay)
        if self.origins and settings.robots == "on":
            for origin in self.origins.values():
                if (
                    origin.rules is not None
                    and origin.rules.crawl_delay is not None
                ):
                    delay = max(delay, origin.rules.crawl_delay)
        return delay

    def max_requests(self, settings: HostSettings) -> int:
        """Requests at once: one to a host that is new, that fails, or that wants a delay."""
        if (
            not self.responsive
            or self.consecutive_failures
            or self.delay(settings)
        ):
            return 1
        return settings.per_host

    def learn_from(
        self,
        fact: Fact,
        at: float,
        politeness: Politeness,
    ) -> None:
        """A request has ended: the host's clock starts from here, and its pace may change."""
        # not isinstance: where it says no to a Struct it costs 0.2 us
        failure = fact.failure if type(fact) is FetchFailed else None
        if failure is None or failure.blame == "url":
            self._learn_success()
            self._wait_after(fact, at, 0.0, politeness)
        elif failure.blame == "host":
            pause = self._learn_failure(failure, at, politeness)
            self._wait_after(fact, at, pause, politeness)
        if failure is None and fact.pause:
            self.opens = max(self.opens, at + politeness.pause_of(fact.pause))

    def _wait_after(
        self,
        fact: Fact,
        at: float,
        pause: float,
        politeness: Politeness,
    ) -> None:
        """Set the clock: the longest of pause, delay and what the bandwidth costs."""
        settings = politeness.hosts
        jitter = settings.jitter * politeness.draw.random()
        delay = self.delay(settings) * (1 + jitter)
        if settings.host_limit_rate_bytes:
            seconds = fact.wire_bytes / settings.host_limit_rate_bytes
            self.opens = max(self.opens, at) + seconds
        self.opens = max(self.opens, at + max(pause, delay))

    def _learn_failure(
        self,
        failure: Failure,
        at: float,
        politeness: Politeness,
    ) -> float:
        """The pause that a failure of the host asks for, in seconds."""
        self.must_be_kept = True
        # else it failed together with another, and says nothing new
        if at >= self.opens:
            self.consecutive_failures += 1
        if failure.status is not None:
            self.responsive = True
            longer = max(self.learned_delay * 2, FIRST_LEARNED_DELAY_SECONDS)
            self.learned_delay = min(longer, MAX_LEARNED_DELAY_SECONDS)
        return politeness.backoff(self.consecutive_failures, failure)

    def _learn_success(self) -> None:
        self.responsive = True
        self.consecutive_failures = 0
        if self.learned_delay > MIN_LEARNED_DELAY_SECONDS:
            self.learned_delay *= LEARNED_DELAY_DECAY
        else:
            self.learned_delay = 0.0

    def note_refusal(self, scheme: str, refusal: Failure) -> None:
        """A URL of this origin ends with this failure."""
        origin = self.origins.get(scheme)
        if origin is not None and origin.failure is refusal:
            origin.cause_recorded = True

    def to_state(self) -> HostState:
        """What the ledger keeps (robots.txt is kept when it comes)."""
        return HostState(
            id=self.lane,
            name=self.name,
            learned_delay=self.learned_delay or None,
            consecutive_failures=self.consecutive_failures,
            pause_until=self.opens,
        )

    def restore(
        self,
        kept: HostState,
        now: float,
        agent: str,
    ) -> None:
        """Go on from what an earlier run, or an earlier waking, has kept."""
        self.name = kept.name
        self.learned_delay = kept.learned_delay or 0.0
        if kept.pause_until > now - FAILURE_MEMORY_SECONDS:
            # A clock that was wrong once must not stop a host for as long.
            self.opens = min(kept.pause_until, now + MAX_PAUSE_SECONDS)
            self.consecutive_failures = kept.consecutive_failures
        for scheme, (at, text) in orjson.loads(kept.robots or "{}").items():
            if now - at < RULES_SECONDS:
                self.origins[scheme] = Origin(parse(text, agent), at=at)


def failure_without_rules(failure: Failure) -> Failure:
    """How the URLs of an origin end whose robots.txt could not be had for this reason.

    Where no server can be reached they fail as they would themselves; an answer that is none (5xx,
    429, silence) forbids to ask (RFC 9309 2.3.1.4).
    """
    if (
        failure.kind.startswith(_UNREACHABLE)
        or errors.KINDS[failure.kind].branch == "rule"
    ):
        return replace(failure, message=f"robots.txt: {failure.message}")
    why = f"robots.txt could not be had: {failure.message}"
    return errors.new_failure("robots_unreachable", why)
