"""What lies ahead of a run: which hosts it waits for, how long the slowest one takes, and what
run.log says of troubles that begin and end.

It only looks, at most once a second, and never into the ledger but to count a slow host's URLs.
"""

from __future__ import annotations

from collections.abc import Iterator

from scraper.config import HostSettings
from scraper.frontier.lane import Lane
from scraper.frontier.lanes import Lanes, Rows
from scraper.frontier.pace import Host
from scraper.frontier.waits import (
    Price,
    Rule,
    Wait,
    recovery_text,
    text_of,
    trouble_of,
)

LOOK_SECONDS = 1.0  # from one look to the next
MIN_DELAY_SHOWN_SECONDS = 5.0  # a shorter delay is no wait worth a word
MIN_PRICE_SHOWN_SECONDS = 600.0  # that the URLs of a host take in all
SAME_PRICE = 0.25  # by which a delay may change that is not priced again
SHOWN_AGAIN = 1.5  # times the price that was shown
MAX_PRICES = 10  # hosts; of more, only one that takes longer than all of them
MIN_SILENCES_SHOWN = 2  # one lost connection is no trouble
MIN_TROUBLE_SHOWN_SECONDS = 10.0  # a shorter one ends without a word
# From one trouble of a host in run.log to the next.
TROUBLE_INTERVAL_SECONDS = 600.0


class Outlook:
    """Looks at the lanes that are awake. `waiting` and `ends_at` may be read by any thread."""

    def __init__(
        self,
        lanes: Lanes,
        rows: Rows,
        hosts: HostSettings,
    ) -> None:
        self.waiting = ""  # what the run waits for, if nothing moves
        # unix time before which the slowest host is not done
        self.ends_at = 0.0
        self.news: list[str] = []  # of troubles, for run.log, until it is taken
        self._lanes = lanes
        self._rows = rows
        self._hosts = hosts
        self._next_look = 0.0
        # by lane, of hosts that take long: when they are done, and of those
        # that were shown how many seconds they take
        self._ends: dict[int, float] = {}
        self._shown: dict[int, float] = {}
        # by lane: when the trouble began that run.log has
        self._troubles: dict[int, float] = {}

    # -- what a run waits for -----------------------------------------------------------------

    def look(
        self,
        now: float,
        *,
        nothing_moves: bool,
        list_is_read: bool,
    ) -> list[str]:
        """See what lies ahead, unless that was just done. Returns what the user is to see."""
        if not nothing_moves:
            self.waiting = ""
        if now < self._next_look:
            return []
        self._next_look = now + LOOK_SECONDS
        if nothing_moves:
            self.waiting = self.describe(now)
        shown = list(self._prices_to_show(now)) if list_is_read else []
        ends = [at for id, at in self._ends.items() if self._asks(id)]
        self.ends_at = max(ends, default=0.0)
        return shown

    def describe(self, now: float) -> str:
        """What the run waits for; "" if that is no host, or not worth a word."""
        return text_of(self.waits(now), len(self._lanes.asleep))

    def waits(self, now: float) -> list[Wait]:
        """The hosts that are awake and wait for a clock, but for short delays."""
        found = [
            self._wait_of(lane, now)
            for lane in self._lanes.awake.values()
            if lane.place == "timer" and lane.waits_until > now
        ]
        return [
            each
            for each in found
            if not 0 < each.seconds < MIN_DELAY_SHOWN_SECONDS
        ]

    def _wait_of(
        self,
        lane: Lane,
        now: float,
    ) -> Wait:
        host, until = lane.host, lane.waits_until
        trouble = trouble_of(host.to_state())
        if trouble is not None:
            return trouble
        if until > host.opens:
            return Wait(host.name, "retry", until)
        delay, settings = host.delay(self._hosts), self._hosts
        rate = host.rate
        if until - now > max(delay * (1 + settings.jitter), rate.interval):
            return Wait(host.name, "pause", until)
        rule: Rule = "delay"
        if rate.interval > delay:
            rule, delay = "learned", rate.interval
        elif delay > settings.delay_seconds:
            rule = "crawl_delay"
        return Wait(host.name, rule, until, seconds=delay)

    # -- what politeness costs ----------------------------------------------------------------

    def _prices_to_show(self, now: float) -> Iterator[str]:
        """What is worth a line of the hosts whose delay has become known, the slowest first."""
        found = [self._price_of(lane) for lane in self._lanes.awake.values()]
        prices = [each for each in found if each is not None]
        prices.sort(key=lambda each: each[1].seconds, reverse=True)
        for lane_id, price in prices:
            if price.seconds <= MIN_PRICE_SHOWN_SECONDS:
                self._ends.pop(lane_id, None)
                continue
            self._ends[lane_id] = now + price.seconds
            if price.seconds <= SHOWN_AGAIN * self._shown.get(lane_id, 0.0):
                continue
            longest = max(self._shown.values(), default=0.0)
            is_asked = price.rule != "delay"
            is_one_of_few = len(self._shown) < MAX_PRICES and is_asked
            if price.seconds > longest or is_one_of_few:
                self._shown[lane_id] = price.seconds
                yield price.text

    def _price_of(self, lane: Lane) -> tuple[int, Price] | None:
        """What the host's URLs take, if its delay is another than it was."""
        host, settings = lane.host, self._hosts
        rule: Rule = "delay"
        delay = settings.delay_seconds
        if settings.robots == "on" and host.crawl_delay > delay:
            rule, delay = "crawl_delay", host.crawl_delay
        seconds = delay * (1 + settings.jitter / 2)
        if host.rate.interval > seconds:
            rule, delay = "learned", host.rate.interval
            seconds = delay
        if abs(delay - lane.priced_delay) <= SAME_PRICE * lane.priced_delay:
            return None
        lane.priced_delay = delay
        urls = lane.held
        if lane.may_have_more:
            urls = self._rows.count_lane(host.lane)
        return host.lane, Price(
            host.name,
            delay,
            urls,
            urls * seconds,
            rule,
        )

    def _asks(self, lane_id: int) -> bool:
        """Will something of this host be asked yet?"""
        lane = self._lanes.find(lane_id)
        if lane is None:
            return lane_id in self._lanes.asleep
        return lane.host.trouble.given_up is None

    # -- what run.log says --------------------------------------------------------------------

    def note_failure(self, host: Host) -> None:
        """It has refused or was silent: that is said once, unless it was given up, which the
        journal says."""
        trouble = host.trouble
        if trouble.given_up is not None:
            return
        if not trouble.refusals and trouble.silences < MIN_SILENCES_SHOWN:
            return
        last = self._troubles.get(host.lane)
        if last is not None and trouble.since < last + TROUBLE_INTERVAL_SECONDS:
            return
        wait = trouble_of(host.to_state())
        if wait is not None:
            self._troubles[host.lane] = trouble.since
            self.news.append(wait.beginning)

    def note_answer(
        self,
        host: Host,
        since: float,
        at: float,
    ) -> None:
        """It answers again, after a trouble since then."""
        last = self._troubles.get(host.lane, since)
        if at - since > MIN_TROUBLE_SHOWN_SECONDS and last == since:
            self.news.append(recovery_text(host.name, at - since))

    def take_news(self) -> list[str]:
        """What run.log is to say now."""
        news, self.news = self.news, []
        return news
