"""Which URL may be requested now: lanes by host, and `rules.RULES` for each URL.

Nothing sleeps here. A host that may not be asked yet is a lane whose opening time lies ahead;
robots.txt, redirects and retries are all "ask that lane again, later".

Pure but for the ledger: no clock of its own (`now` is unix seconds, handed in), no network.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

from scraper.config import FetchSettings, HostSettings
from scraper.frontier.lanes import Lane, Lanes, Rows
from scraper.frontier.pace import Host, Origin, Politeness
from scraper.frontier.redirects import (
    HostGuard,
    next_hop,
    next_hop_of_robots,
    trust_of,
)
from scraper.frontier.retries import next_try
from scraper.frontier.robots import access_for_status, parse
from scraper.frontier.rules import (
    RULES,
    Rule,
    Terms,
    Wait,
    first_objection,
    with_robots_remark,
)
from scraper.model import (
    Fact,
    Failure,
    FetchFailed,
    Moved,
    RobotsText,
    Task,
    Trust,
)


class Decision(NamedTuple):
    """A task to be requested now, or, with a refusal, one that must not be requested."""

    task: Task
    trust: Trust
    refusal: Failure | None


class Frontier:
    """Decides which URL is requested next.

    Each task that `next` hands out comes back: what its request came to goes to `request_ended`;
    the task itself to `schedule_retry`, `follow_redirect` or `requeue_unattempted`, else it is
    recorded and goes to `release`. Tasks of robots.txt go to `robots_received` instead.
    """

    def __init__(
        self,
        rows: Rows,
        guard: HostGuard,
        hosts: HostSettings,
        fetch: FetchSettings,
        *,
        threads: int,
        agent: str = "scraper",
        draw: random.Random | None = None,
        rules: tuple[Rule, ...] = RULES,
    ) -> None:
        self._rows = rows
        self._guard = guard
        self._hosts = hosts
        self._fetch = fetch
        self._agent = agent  # the one that robots.txt must mean
        self._politeness = Politeness(hosts, fetch, draw or random.Random())
        self._terms = Terms(guard, hosts.robots)
        self._rules = rules
        self._lanes = Lanes(rows, threads=threads, agent=agent)
        self._opens = (
            0.0  # unix time before which no host is asked: the bandwidth of all
        )
        self._robots_requests = 0  # so far; their tasks have negative numbers

    # -- what now ---------------------------------------------------------------------------

    def next(self, now: float) -> Decision | None:
        """The next task that may be requested, hosts in turn; None if none may be now."""
        lanes = self._lanes
        self._terms.now = now
        lanes.ring(now)
        while True:
            lane = lanes.take_ready()
            if lane is None:
                if not lanes.wake_next(now):
                    return None
                continue
            if self._opens > now and self._holds_something(lane):
                lanes.put_back(lane)
                return None
            decision = self._decide(lane, now)
            if decision is not None:
                return decision

    def opens_at(self, now: float) -> float | None:
        """When something that waits for a clock may be requested; None if nothing does."""
        if self._opens > now and self._lanes.any_ready():
            return self._opens
        # the others wait for a thread, which will say so
        clock = self._lanes.next_clock()
        return None if clock is None else max(clock, self._opens)

    @property
    def finished(self) -> bool:
        """Nothing waits and nothing is under way."""
        return self._lanes.finished

    def _holds_something(self, lane: Lane) -> bool:
        return (
            bool(lane.robots_queue) or self._lanes.first_row(lane) is not None
        )

    def _decide(self, lane: Lane, now: float) -> Decision | None:
        """One task of this lane, which is put where it belongs."""
        host = lane.host
        if lane.requests and lane.requests >= host.max_requests(self._hosts):
            lane.place = "busy"
            return None
        row = self._lanes.first_row(lane)
        if row is None and not lane.robots_queue:
            # Also where the host's delay is not over: a run ends with its last answer.
            lane.place = "busy"
            if lane.is_idle:
                self._lanes.release(lane, now)
            return None
        if host.opens > now:
            self._lanes.wait_until(lane, host.opens, now)
            return None
        if row is None or lane.robots_queue:
            robots = lane.robots_queue.popleft()
            return self._request(lane, robots, trust_of(robots, self._guard))
        if row.due > now:
            self._lanes.wait_until(lane, row.due, now)
            return None
        return self._judge(lane, row.task)

    def _judge(self, lane: Lane, task: Task) -> Decision | None:
        """What the rules say of the first task in a lane whose host may be asked."""
        host = lane.host
        host.name = task.url.host
        trust = trust_of(task, self._guard)
        objection = first_objection(self._rules, task, trust, host, self._terms)
        if isinstance(objection, Wait):
            return self._request_robots(lane, task, trust, objection.origin)
        lane.rows.popleft()
        lane.handed_out.add(task.id)
        if objection is not None:
            host.note_refusal(task.url.scheme, objection)
            self._lanes.make_ready(lane)
            return Decision(task, trust, objection)
        return self._request(
            lane, with_robots_remark(task, host, self._terms), trust
        )

    def _request_robots(
        self, lane: Lane, task: Task, trust: Trust, origin: Origin
    ) -> Decision | None:
        """Request the robots.txt that the task waits for, unless that was done already."""
        if origin.requested:
            lane.place = "busy"
            return None
        if origin.due > self._terms.now:
            self._lanes.wait_until(lane, origin.due, self._terms.now)
            return None
        origin.requested = True
        self._robots_requests += 1
        url = task.url.at("/robots.txt")
        robots = Task(-self._robots_requests, url, url, purpose="robots")
        return self._request(lane, robots, trust)

    def _request(
        self,
        lane: Lane,
        task: Task,
        trust: Trust,
    ) -> Decision:
        self._lanes.begin_request(lane)
        self._lanes.make_ready(lane)
        return Decision(task, trust, None)

    # -- what came of it ----------------------------------------------------------------------

    def request_ended(self, fact: Fact, at: float) -> None:
        """A request is over: its thread is free, and its host's clock starts from here."""
        lane = self._lanes.find(fact.task.url.lane)
        assert lane is not None, "a lane with a request under way is awake"
        self._lanes.end_request(lane)
        lane.host.learn_from(fact, at, self._politeness)
        if lane.host.opens > at and isinstance(fact, FetchFailed | Moved):
            # a kill must not shorten a pause
            self._rows.keep_host(lane.host.to_state())
        if self._hosts.limit_rate_bytes:
            begin = max(self._opens, at)
            self._opens = begin + fact.wire_bytes / self._hosts.limit_rate_bytes
        self._lanes.make_ready(lane)

    def robots_received(self, fact: Fact, at: float) -> None:
        """What came of requesting a robots.txt (RFC 9309 2.3)."""
        asked = fact.task.origin_url
        lane = self._lanes.find(asked.lane)
        if lane is None:
            return
        if isinstance(fact, Moved) and self._follow_robots(fact):
            return
        origin = lane.host.origin(asked.scheme)
        origin.requested = False
        match fact:
            case RobotsText():
                self._permit(lane.host, asked.scheme, fact.text, at)
            case Moved():
                self._permit(lane.host, asked.scheme, "", at)
            case FetchFailed(failure=failure) if failure.blame != "here":
                if _has_no_rules(failure):
                    self._permit(lane.host, asked.scheme, "", at)
                else:
                    origin.learn_failure(failure, at, self._politeness)
            case _:
                origin.due = at
        self._lanes.make_ready(lane)

    def _permit(
        self,
        host: Host,
        scheme: str,
        text: str,
        at: float,
    ) -> None:
        host.origin(scheme).learn_rules(parse(text, self._agent), at)
        self._rows.keep_robots(
            host.lane,
            host.name,
            scheme,
            at,
            text,
        )

    def _follow_robots(self, moved: Moved) -> bool:
        """Send a robots.txt on to where it is said to be; False if it is not followed there."""
        onward = next_hop_of_robots(moved)
        if onward is None:
            return False
        lane = self._lanes.find(onward.url.lane)
        host = lane.host if lane is not None else Host(onward.url.lane)
        trust = trust_of(onward, self._guard)
        if (
            first_objection(
                self._rules,
                onward,
                trust,
                host,
                self._terms,
            )
            is not None
        ):
            return False
        lane = lane or self._lanes.wake(onward.url.lane, moved.at)
        lane.host.name = onward.url.host
        lane.robots_queue.append(onward)
        self._lanes.make_ready(lane)
        return True

    # -- where a task goes --------------------------------------------------------------------

    def release(self, task: Task) -> None:
        """The task has left its lane: it is recorded, or given back."""
        lane = self._lanes.find(task.url.lane)
        assert lane is not None, "a lane with a task handed out is awake"
        lane.handed_out.discard(task.id)
        if lane.place == "busy":
            self._lanes.make_ready(lane)

    def schedule_retry(self, failed: FetchFailed, now: float) -> bool:
        """Send the task back to its lane if the failure may pass and tries are left."""
        retry = next_try(
            failed,
            now,
            self._fetch,
            self._politeness.hosts.patience_seconds,
            self._politeness.draw,
        )
        if retry is None:
            return False
        self._requeue(
            failed.task,
            retry.task,
            retry.due,
            failed.task.attempt,
        )
        return True

    def follow_redirect(self, moved: Moved, now: float) -> Failure | None:
        """Send the task on to where it was sent, as one more hop; or why not."""
        onward = next_hop(moved, self._fetch.max_redirects)
        if isinstance(onward, Failure):
            return onward
        pause = self._politeness.pause_of(moved.pause)
        self._requeue(
            moved.task,
            onward,
            now + pause if pause else 0.0,
            moved.task.attempt - 1,
        )
        return None

    def requeue_unattempted(self, task: Task) -> None:
        """A task that was cut short goes back as if it had not been requested."""
        self._requeue(task, task, 0.0, task.attempt - 1)

    def _requeue(
        self,
        task: Task,
        onward: Task,
        due: float,
        attempts: int,
    ) -> None:
        self._rows.requeue(onward, due=due, attempts=attempts)
        self.release(task)
        self.rows_added([onward.url.lane])

    def rows_added(self, lane_ids: Iterable[int]) -> None:
        """There are new rows in these lanes."""
        self._lanes.rows_added(lane_ids)

    def keep_hosts(self) -> None:
        """Write down what is known of the hosts that are awake, for the next run."""
        self._lanes.keep_hosts()


def _has_no_rules(failure: Failure) -> bool:
    return (
        failure.status is not None
        and access_for_status(failure.status) == "allowed"
    )
