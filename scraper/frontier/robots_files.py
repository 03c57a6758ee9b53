"""Asking for the robots.txt of an origin, wherever it has moved to, and what came of that."""

from __future__ import annotations

from scraper.frontier.lanes import Lanes, Rows
from scraper.frontier.pace import Host, Origin, Politeness
from scraper.frontier.redirects import HostGuard, next_hop_of_robots, trust_of
from scraper.frontier.robots import access_for_status, parse
from scraper.frontier.rules import Rule, Terms, first_objection
from scraper.frontier.trouble import verdict_of
from scraper.model import Fact, Failure, FetchFailed, Moved, RobotsText, Task
from scraper.urls import Url


class RobotsFiles:
    """Asks for robots.txt; what its answer permits goes to the host (RFC 9309)."""

    def __init__(
        self,
        lanes: Lanes,
        rows: Rows,
        guard: HostGuard,
        politeness: Politeness,
        terms: Terms,
        rules: tuple[Rule, ...],
        agent: str,
    ) -> None:
        self._lanes = lanes
        self._rows = rows
        self._guard = guard
        self._politeness = politeness
        self._terms = terms
        self._rules = rules
        self._agent = agent  # the one that robots.txt must mean
        self._requests = 0  # so far; their tasks have negative numbers

    def task_for(self, url: Url) -> Task:
        """Ask for the robots.txt of this URL's origin."""
        self._requests += 1
        robots = url.at("/robots.txt")
        return Task(-self._requests, robots, robots, purpose="robots")

    def receive(self, fact: Fact, at: float) -> None:
        """What came of it (RFC 9309 2.3)."""
        asked = fact.task.origin_url
        lane = self._lanes.find(asked.lane)
        if lane is None:
            return
        if isinstance(fact, Moved) and self._follow(fact):
            return
        origin = lane.host.origin(asked.scheme)
        origin.requested = False
        match fact:
            case RobotsText():
                self._permit(lane.host, asked.scheme, fact.text, at)
            case Moved():
                self._permit(lane.host, asked.scheme, "", at)
            case FetchFailed(failure=failure) if _has_no_rules(failure):
                self._permit(lane.host, asked.scheme, "", at)
            case FetchFailed():
                self._learn_failure(origin, fact, at)
            case _:
                raise AssertionError("a robots.txt is no page")
        self._lanes.make_ready(lane)

    def _permit(self, host: Host, scheme: str, text: str, at: float) -> None:
        host.origin(scheme).learn_rules(parse(text, self._agent), at)
        self._rows.keep_robots(host.lane, host.name, scheme, at, text)

    def _learn_failure(
        self, origin: Origin, failed: FetchFailed, at: float
    ) -> None:
        if failed.failure.blame == "here":
            origin.due = at
            return
        is_at_home = failed.task.url.lane == failed.task.origin_url.lane
        if is_at_home and verdict_of(failed) in ("refused", "silent"):
            return  # the host is in trouble, and is asked again after its pause
        origin.learn_failure(failed.failure, at, self._politeness)

    def _follow(self, moved: Moved) -> bool:
        """Send it on to where it is said to be; False if it is not followed there."""
        onward = next_hop_of_robots(moved)
        if onward is None:
            return False
        lane = self._lanes.find(onward.url.lane)
        host = lane.host if lane is not None else Host(onward.url.lane)
        trust = trust_of(onward, self._guard)
        objection = first_objection(
            self._rules, onward, trust, host, self._terms
        )
        if objection is not None:
            return False
        lane = lane or self._lanes.wake(onward.url.lane, moved.at)
        lane.host.name = onward.url.host
        lane.robots_queue.append(onward)
        self._lanes.make_ready(lane)
        return True


def _has_no_rules(failure: Failure) -> bool:
    return (
        failure.status is not None
        and access_for_status(failure.status) == "allowed"
    )
