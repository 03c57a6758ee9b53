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
from scraper.frontier.rate import HOLD_SECONDS, Rate
from scraper.frontier.retries import backoff
from scraper.frontier.robots import RobotRules, parse
from scraper.frontier.trouble import GivenUp, Patience, Trouble, Verdict
from scraper.model import Fact, Failure, FetchFailed, HostState
from scraper.urls import Url

RULES_SECONDS = 86_400.0  # RFC 9309 2.4: not to be used for longer than a day
EARLIER = 1.0  # unix time; stands for an answer of some earlier pass
MAX_PAUSE_ASKED_SECONDS = 366 * 86_400.0  # the most that Retry-After can ask
MAX_ROBOTS_TRIES = 3  # of one whose answer is of no use
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
            backoff(failures, self.fetch, self.draw), failure.pause or 0.0
        )


class Origin(Struct):
    """What one origin's robots.txt permits, or how far asking for it has come."""

    rules: RobotRules | None = None
    failure: Failure | None = None  # why there are no rules
    at: float = 0.0  # unix time of the answer
    tries: int = 0
    due: float = 0.0  # when it may be requested (again)
    requested: bool = False  # the request for it is under way

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
        """What came for its robots.txt is of no use: try again, or go by that."""
        self.tries += 1
        may_pass = failure.retryable or failure.status is not None
        if self.tries < MAX_ROBOTS_TRIES and may_pass:
            self.due = at + politeness.backoff(self.tries, failure)
            return
        self.give_up(failure_without_rules(failure), at)

    def give_up(self, failure: Failure, at: float) -> None:
        """Its URLs end with this failure."""
        self.at = at
        self.failure = failure


class Host:
    """One host, as the frontier sees it."""

    __slots__ = (
        "answers",
        "lane",
        "must_be_kept",
        "name",
        "newly_refused",
        "opens",
        "origins",
        "rate",
        "responsive",
        "trouble",
        "urls_refused",
    )

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.name = ""
        self.opens = 0.0  # unix time before which it is not asked
        self.responsive = False  # it has answered in this run
        self.answers = 0  # good ones to URLs, since the lane woke
        self.urls_refused = 0  # different ones, since the lane woke
        self.newly_refused = 0  # of these, those that never were before
        self.trouble = Trouble()
        self.rate = Rate()
        self.origins: dict[str, Origin] = {}  # by scheme
        self.must_be_kept = (
            False  # it has failed in this run: the ledger is to know
        )

    @property
    def refuses_most(self) -> bool:
        """Has it refused more URLs than it has answered, but for one that may be at fault?"""
        return self.newly_refused - 1 > self.answers

    @property
    def has_learned(self) -> bool:
        """Is there something worth remembering, apart from its clock?"""
        return bool(self.rate.is_known or self.must_be_kept)

    @property
    def has_unsaved_tries(self) -> bool:
        """Has it tries at a robots.txt behind it, which the ledger does not store?"""
        return any(
            (each.tries or each.failure) and each.rules is None
            for each in self.origins.values()
        )

    def origin(self, scheme: str) -> Origin:
        """What is known of `scheme`://host."""
        found = self.origins.get(scheme)
        if found is None:
            found = self.origins[scheme] = Origin()
        return found

    def has_answered_since(self, moment: float) -> bool:
        """Has it answered a URL well since then, or the question for its robots.txt?"""
        return self.trouble.answered_at > moment or any(
            each.rules is not None and each.at > moment
            for each in self.origins.values()
        )

    def is_unreachable(self, scheme: str, now: float) -> bool:
        """Does each URL of this origin end without being asked? Then none waits for its clock."""
        origin = self.origins.get(scheme)
        return (
            origin is not None
            and origin.failure is not None
            and origin.is_known(now)
        )

    def delay(self, settings: HostSettings) -> float:
        """Seconds from an answer to the next request: ours, or its Crawl-delay."""
        delay = settings.delay_seconds
        if self.origins and settings.robots == "on":
            delay = max(delay, self.crawl_delay)
        return delay

    @property
    def crawl_delay(self) -> float:
        """Seconds that its robots.txt asks for, whether that is obeyed or not."""
        delay = 0.0
        for origin in self.origins.values():
            rules = origin.rules
            if rules is not None and rules.crawl_delay is not None:
                delay = max(delay, rules.crawl_delay)
        return delay

    def max_requests(self, settings: HostSettings) -> int:
        """Requests at once: one to a host that is new, in trouble, or that wants a delay."""
        if not self.responsive or self.trouble or self.delay(settings):
            return 1
        return self.rate.at_once(settings.per_host)

    def begin_request(self, now: float) -> None:
        """A request begins of a host whose rate is known: the next one follows at that rate."""
        self.opens = max(self.opens, now + self.rate.interval)

    def learn_answer(
        self,
        fact: Fact,
        began: float,
        at: float,
        politeness: Politeness,
        *,
        is_alone: bool,
    ) -> bool:
        """A good answer: its clock starts from here, and what trouble there was is over. True
        if its rate has changed."""
        self.responsive = True
        if fact.task.purpose == "url":
            self.answers += 1
            self.trouble.note_answer(at)
        if self.trouble.failed_at and self.trouble.is_news(began):
            self.must_be_kept = True
            self._end_trouble(began, at)
        seconds = at - began - fact.throttled
        has_learned = self.rate.learn_answer(
            seconds, at, is_alone=is_alone, bound=politeness.hosts.per_host
        )
        self._wait_after(at, politeness)
        # not isinstance: where it says no to a Struct it costs 0.2 us
        if type(fact) is not FetchFailed and fact.pause:
            self.opens = max(self.opens, at + fact.pause)
        return has_learned

    def learn_trouble(
        self,
        failed: FetchFailed,
        verdict: Verdict,
        began: float,
        at: float,
        patience: Patience,
        politeness: Politeness,
    ) -> None:
        """It has refused or was silent: leave it alone for a while, or give it up."""
        self.must_be_kept = True
        self.responsive = self.responsive or failed.failure.status is not None
        trouble = self.trouble
        if failed.task.stored is not None and not trouble.answered_at:
            trouble.answered_at = EARLIER
        # Refused again, a URL may be at fault itself, which is no reason to slow down.
        if verdict == "refused" and (trouble or failed.task.attempt == 1):
            self.rate.learn_refusal(at, politeness.hosts.per_host)
        trouble.learn(failed, verdict, began, at, patience, politeness.draw)
        if trouble.refusals == 1:
            trouble.pause_longer(at + self.rate.first_pause)
        self._wait_after(at, politeness)
        self.opens = max(self.opens, trouble.pause_until)

    def give_up_origin(self, failed: FetchFailed, at: float) -> None:
        """It has refused its robots.txt for too long: that ends the URLs of this origin alone."""
        given_up = self.trouble.given_up
        assert given_up is not None, "its patience has just ended"
        failure = replace(given_up, kind="robots_unreachable").failure
        self.origin(failed.task.origin_url.scheme).give_up(failure, at)
        self.trouble.given_up = None
        self.trouble.end()
        self.rate.begin_spell(at)

    def _end_trouble(self, began: float, at: float) -> None:
        """A request that began then has been answered well."""
        if self.trouble:
            self.rate.learn_recovery(began, at)
            self.opens = began + self.rate.interval
        self.trouble.end()

    def _wait_after(self, at: float, politeness: Politeness) -> None:
        """Set the clock by the delay."""
        settings = politeness.hosts
        jitter = settings.jitter * politeness.draw.random()
        delay = self.delay(settings) * (1 + jitter)
        opens = at + delay
        if opens > self.opens:  # max costs 0.1 us, for each answer
            self.opens = opens

    # -- what the ledger keeps ---------------------------------------------------------------

    def to_state(self) -> HostState:
        """What the ledger keeps (robots.txt is kept when it comes)."""
        trouble, given_up = self.trouble, self.trouble.given_up
        return HostState(
            id=self.lane,
            name=self.name,
            learned_rate=self.rate.rate,
            sure_rate=self.rate.floor,
            refused_rate=self.rate.ceiling,
            rate_refused_at=self.rate.refused_at,
            rate_learned_at=self.rate.learned_at,
            rate_hold=self.rate.hold,
            rate_burst=self.rate.burst,
            quota=self.rate.quota if self.rate.is_sure_of_quota else 0,
            recovery=self.rate.recovery,
            pause_until=self.opens,
            refusals=trouble.refusals,
            silences=trouble.silences,
            troubled_since=trouble.since,
            failed_at=trouble.failed_at,
            answered_at=trouble.answered_at,
            given_up=None if given_up is None else given_up.kind,
            given_up_why=None if given_up is None else given_up.message,
            not_before=None if given_up is None else given_up.not_before,
            given_up_passes=trouble.given_up_passes,
            given_up_since=trouble.given_up_since,
            failed_with=trouble.failed_with or None,
            gives_up_at=trouble.gives_up_at,
        )

    def restore(
        self,
        kept: HostState,
        now: float,
        agent: str,
    ) -> None:
        """Go on from what an earlier run, or an earlier waking, has kept."""
        self.name = kept.name
        self.rate = _restored_rate(kept, now)
        # What a clock has written that was ahead of ours holds as long from now on.
        ahead = max(kept.failed_at - now, 0.0)
        longest = now + MAX_PAUSE_ASKED_SECONDS
        self.opens = min(kept.pause_until - ahead, longest)
        self.trouble = _restored(kept, self.opens, ahead)
        for scheme, (at, text) in orjson.loads(kept.robots or "{}").items():
            if now - at < RULES_SECONDS:
                self.origins[scheme] = Origin(parse(text, agent), at=at)


def _restored_rate(kept: HostState, now: float) -> Rate:
    rate = Rate(
        rate=kept.learned_rate,
        floor=kept.sure_rate,
        ceiling=kept.refused_rate,
        refused_at=kept.rate_refused_at,
        learned_at=now,
        hold=kept.rate_hold or HOLD_SECONDS,
        burst=kept.rate_burst,
        quota=kept.quota,
        is_sure_of_quota=kept.quota > 0,
        recovery=kept.recovery,
    )
    rate.grow_older(now - kept.rate_learned_at)
    return rate


def _restored(kept: HostState, pause_until: float, ahead: float) -> Trouble:
    given_up = None
    if kept.given_up is not None:
        given_up = GivenUp(
            kept.given_up, kept.given_up_why or "", kept.not_before
        )
    return Trouble(
        refusals=kept.refusals,
        silences=kept.silences,
        since=max(kept.troubled_since - ahead, 0.0),
        pause_until=pause_until,
        failed_at=kept.failed_at - ahead,
        answered_at=kept.answered_at and max(kept.answered_at - ahead, 1.0),
        given_up=given_up,
        given_up_passes=kept.given_up_passes,
        given_up_since=max(kept.given_up_since - ahead, 0.0),
        failed_with=kept.failed_with or "",
        gives_up_at=max(kept.gives_up_at - ahead, 0.0),
    )


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
