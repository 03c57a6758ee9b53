"""What a run would meet at one host: how many URLs it may ask, at which pace, or why not."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from scraper import errors
from scraper.cli.plan.asking import Found, HostFound
from scraper.cli.plan.bound import Pace
from scraper.config import Config
from scraper.frontier.pace import Host
from scraper.http.headers import agent_of
from scraper.model import Failure
from scraper.redaction import redacted
from scraper.storage.due.ahead import Ahead
from scraper.storage.ledger import Ledger


class HostAhead(Struct, frozen=True):
    """A host, and its URLs that are due. They are permitted, forbidden by its robots.txt, refused
    by a rule of ours, to fail, or not known about."""

    host: str
    urls: int
    permitted: int = 0
    forbidden: int = 0
    refused: int = 0
    failing: int = 0
    unknown: int = 0  # the host was not asked
    refused_kind: str = ""  # why, in a word
    failing_kind: str = ""
    why: str = ""  # some are failing, in a sentence
    robots_at: str = ""  # where robots.txt has moved to
    delay_by: str = ""  # delay (the user's) or crawl_delay
    pace: Pace = Pace()

    @property
    def asked(self) -> int:
        """URLs that a run would ask for all that is known."""
        return self.permitted + self.unknown

    @property
    def least(self) -> float:
        """Seconds that they take at least."""
        return self.pace.least(self.permitted)

    @property
    def likely(self) -> float:
        """Seconds that they take if answers come as quickly as the first one."""
        return self.pace.likely(self.permitted)


class Judge:
    """Puts together what is known of each host."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        ahead: Ahead,
    ) -> None:
        self._hosts = config.hosts
        self._agent = agent_of(config.fetch)
        self._ledger = ledger
        self._ahead = ahead

    def judge(
        self,
        found: HostFound,
        now: float,
    ) -> HostAhead:
        """This host, when it has been asked."""
        host = Host(found.lane)
        kept = self._ledger.hosts.get(found.lane)
        if kept is not None:
            host.restore(
                kept,
                now,
                self._agent,
            )
        urls: Counter[str] = Counter()
        for origin in found.origins:
            urls += self._ends_of(
                found.lane,
                origin,
                host,
            )
        refusal, failure = _first_of_each(found.origins)
        moved = [e.robots_at for e in found.origins if e.robots_at is not None]
        pace = self._pace_of(host, found.origins)
        return HostAhead(
            found.origins[0].task.url.host,
            sum(each.urls for each in found.origins),
            **urls,
            refused_kind=refusal.label if refusal else "",
            failing_kind=failure.label if failure else "",
            why=redacted(failure.message) if failure else "",
            robots_at=moved[0].host if moved else "",
            delay_by=self._delay_by(pace),
            pace=pace,
        )

    def _ends_of(
        self,
        lane: int,
        origin: Found,
        host: Host,
    ) -> Counter[str]:
        """How many of its URLs would be asked, and what becomes of the others."""
        if origin.failure is not None:
            end = "refused" if _is_refusal(origin.failure) else "failing"
            return Counter({end: origin.urls})
        if not origin.is_known:
            return Counter(unknown=origin.urls)
        rules = host.origin(origin.scheme).rules
        if rules is None or rules.is_empty or self._hosts.robots == "off":
            return Counter(permitted=origin.urls)
        urls = self._ahead.urls_of(lane, origin.scheme)
        forbidden = origin.urls - sum(map(rules.allows, urls))
        reported = self._hosts.robots == "report"  # and asked all the same
        permitted = origin.urls - (0 if reported else forbidden)
        return Counter(permitted=permitted, forbidden=forbidden)

    def _pace_of(
        self,
        host: Host,
        origins: Iterable[Found],
    ) -> Pace:
        settings = self._hosts
        delay = host.delay(settings)
        answers = [e.answer_seconds for e in origins if e.answer_seconds]
        return Pace(
            delay,
            host.rate.interval,
            min(answers, default=0.0),
            1 if delay else settings.per_host,
        )

    def _delay_by(self, pace: Pace) -> str:
        if not pace.delay:
            return ""
        is_ours = pace.delay <= self._hosts.delay_seconds
        return "delay" if is_ours else "crawl_delay"


def _first_of_each(
    origins: Iterable[Found],
) -> tuple[Failure | None, Failure | None]:
    """Why URLs of a host are refused, and why some would fail."""
    failures = [each.failure for each in origins if each.failure is not None]
    refusals = filter(_is_refusal, failures)
    faults = itertools.filterfalse(_is_refusal, failures)
    return next(refusals, None), next(faults, None)


def _is_refusal(failure: Failure) -> bool:
    """Is it a rule that says no, and no fault?"""
    return errors.state_of(failure) == "skipped"
