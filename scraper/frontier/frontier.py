"""Which URL may be requested now: lanes by host, and `rules.RULES` for each URL.

Nothing sleeps here. A host that may not be asked yet is a lane whose opening time lies ahead;
robots.txt, redirects and retries are all "ask that lane again, later".

Pure but for the ledger: no clock of its own (`now` is unix seconds, handed in), no network.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import FetchSettings, HostSettings
from scraper.frontier.failures import Failures
from scraper.frontier.follow.parking import Parking, ParkingPlace
from scraper.frontier.follow.scope import Scope
from scraper.frontier.lane import Lane, Returned
from scraper.frontier.lanes import Holds, Lanes, Rows
from scraper.frontier.outlook import Outlook
from scraper.frontier.pace import Origin, Politeness
from scraper.frontier.redirects import (
    HostGuard,
    next_hop,
    trust_of,
)
from scraper.frontier.robots_files import RobotsFiles
from scraper.frontier.rules import (
    RULES,
    Rule,
    Terms,
    Wait,
    first_objection,
    is_found_now,
    with_robots_remark,
)
from scraper.frontier.traps.traps import Traps
from scraper.frontier.trouble import (
    verdict_of,
)
from scraper.model import (
    Fact,
    Failure,
    FetchFailed,
    Moved,
    Task,
    Trust,
    Waiting,
)

# Of a host, while links are followed: what is asked before it is known what its last pages say may
# be one of them once more.
MOST_UNREAD = 32
BEHIND_FRESH = 1.0  # unix time; due at once, but after what was never asked


class Decision(Struct, frozen=True, gc=False):
    """A task to be requested now; or, with a refusal, one that must not be requested, or that has
    failed for the last time."""

    task: Task
    trust: Trust
    refusal: Failure | FetchFailed | None


class Frontier:
    """Decides which URL is requested next.

    Each task that `next` hands out comes back: what its request came to goes to `request_ended`;
    the task itself to `take_failure`, `follow_redirect` or `requeue_unattempted`, else it is
    recorded and goes to `release`. What came of a robots.txt goes to `robots` before.
    """

    def __init__(
        self,
        rows: Rows,
        guard: HostGuard,
        hosts: HostSettings,
        fetch: FetchSettings,
        *,
        threads: int,
        most_threads: int = 0,
        most_quiet: int = 0,
        agent: str = "scraper",
        draw: random.Random | None = None,
        rules: tuple[Rule, ...] = RULES,
        pass_began: float = 0.0,
        one_patience: bool = False,
        scope: Scope | None = None,
        traps: Traps | None = None,
        parking: ParkingPlace | None = None,
    ) -> None:
        self._rows = rows
        self._guard = guard
        self._hosts = hosts
        self._fetch = fetch
        self._politeness = Politeness(hosts, fetch, draw or random.Random())
        self._terms = Terms(guard, hosts.robots, scope=scope, traps=traps)
        self._rules = rules
        self._lanes = Lanes(
            rows,
            threads=threads,
            most_threads=most_threads,
            most_quiet=most_quiet,
            agent=agent,
        )
        self._failures = Failures(
            self._lanes,
            self._politeness,
            pass_began,
            one_patience=one_patience,
        )
        self.traps = traps
        self._most_unread = inf if traps is None else MOST_UNREAD
        self.outlook = Outlook(self._lanes, rows, hosts)
        self.holds = Holds(self._lanes)
        self.parking = Parking(self._lanes, parking)
        self.withdrawals = Withdrawals(self._lanes)
        self.new_hosts = self._lanes.new_hosts
        self.crew = self._lanes.crew
        self.robots = RobotsFiles(
            self._lanes,
            rows,
            guard,
            self._politeness,
            self._terms,
            rules,
            agent,
        )

    # -- what now ---------------------------------------------------------------------------

    def next(self, now: float) -> Decision | None:
        """The next task that may be requested, hosts in turn; None if none may be now."""
        lanes = self._lanes
        self._terms.now = now
        lanes.ring(now)
        if lanes.rows_are_new:
            # The large ones go first: see whether there are any.
            lanes.rows_are_new = False
            while lanes.wake_next(now):
                pass
        while True:
            lane = lanes.take_ready(now)
            if lane is None:
                if not lanes.wake_next(now):
                    return None
                continue
            decision = self._decide(lane, now)
            if decision is not None:
                return decision

    def opens_at(self) -> float | None:
        """When something that waits for a clock may be requested; None if nothing does."""
        # the others wait for a thread, which will say so
        return self._lanes.next_clock()

    @property
    def finished(self) -> bool:
        """Nothing waits and nothing is under way."""
        return self._lanes.finished

    def _decide(self, lane: Lane, now: float) -> Decision | None:
        """One task of this lane, which is put where it belongs."""
        host = lane.host
        if lane.is_full(self._hosts, self._most_unread):
            lane.place = "busy"
            return None
        first = self._lanes.first_row(lane)
        row = lane.next_row(first, now) if lane.must_choose else first
        if row is None or lane.robots_queue:
            return self._request_moved_robots(lane, now)
        given_up = host.trouble.given_up
        if given_up is not None:
            task, why = self._failures.end_of(row, given_up)
            return self._end(lane, row, why, task)
        due = host.opens if host.opens > row.due else row.due
        if due > now and not host.is_unreachable(row.task.url.scheme, now):
            self._lanes.wait_until(lane, due, now)
            return None
        return self._judge(lane, row)

    def _request_moved_robots(self, lane: Lane, now: float) -> Decision | None:
        """Request the robots.txt of another host that has moved here; without one, leave."""
        opens = lane.host.opens
        if not lane.robots_queue:
            # Also where the host's delay is not over: a run ends with its last answer.
            self._leave(lane, now)
        elif opens > now:
            self._lanes.wait_until(lane, opens, now)
        else:
            task = lane.robots_queue.popleft()
            return self._request(lane, task, trust_of(task, self._guard), now)
        return None

    def _judge(self, lane: Lane, row: Waiting | Returned) -> Decision | None:
        """What the rules say of the first task in a lane whose host may be asked."""
        host, task = lane.host, row.task
        host.name = task.url.host
        trust = trust_of(task, self._guard)
        if type(row) is Returned and self._failures.is_at_fault(row, host):
            return self._end(lane, row, row.failed)
        objection = first_objection(self._rules, task, trust, host, self._terms)
        if objection is not None:
            if isinstance(objection, Wait):
                return self._request_robots(lane, task, trust, objection.origin)
            if self.parking.takes(lane, row, objection):
                return None
            return self._end(lane, row, objection)
        lane.take(row)
        if self.traps is not None and is_found_now(task):
            self.traps.note_asked(task.url)
        task = with_robots_remark(task, host, self._terms)
        return self._request(lane, task, trust, self._terms.now)

    def _end(
        self,
        lane: Lane,
        row: Waiting | Returned,
        why: Failure | FetchFailed,
        task: Task | None = None,
    ) -> Decision:
        """This task is not requested, or not again."""
        task = task or row.task
        lane.take(row)
        self._lanes.make_ready(lane)
        return Decision(task, trust_of(task, self._guard), why)

    def _leave(self, lane: Lane, now: float) -> None:
        """Nothing waits in this lane, or only what has no try left."""
        lane.place = "busy"
        if not lane.is_idle:
            return
        if lane.returned:
            self._failures.give_up_spent(lane, now)
            self._lanes.make_ready(lane)
        else:
            self._lanes.release(lane, now)

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
        robots = self.robots.task_for(task.url)
        return self._request(lane, robots, trust, self._terms.now)

    def _request(
        self,
        lane: Lane,
        task: Task,
        trust: Trust,
        now: float,
    ) -> Decision:
        self._lanes.begin_request(lane, task.id, now)
        self._lanes.make_ready(lane)
        return Decision(task, trust, None)

    # -- what came of it ----------------------------------------------------------------------

    def request_ended(
        self, fact: Fact, at: float, began: float | None = None
    ) -> float:
        """A request is over: its thread is free, and its host's clock starts from here. It `began`
        when its thread took it up, if that was not as soon as it was handed out. Returns before
        when its host is not asked.

        To be called before the fact goes to `take_failure` or `follow_redirect`, and after
        `robots.receive`: a delay that robots.txt asks for counts from its answer on.
        """
        lane = self._lanes.awake[fact.task.url.lane]
        handed_out = self._lanes.end_request(lane, fact.task.id)
        began = handed_out if began is None else began
        verdict = verdict_of(fact)
        if not lane.host.responsive and verdict != "silent":
            self.new_hosts.learn_answer(at - began)
        if verdict == "answered":
            self._learn_answer(lane, fact, began, at)
        elif verdict != "none":
            assert isinstance(fact, FetchFailed), "no other fact is a failure"
            self._failures.learn(lane, fact, verdict, began, at)
            self.outlook.note_failure(lane.host)
        if lane.host.opens > at and isinstance(fact, FetchFailed | Moved):
            # a kill must not shorten a pause
            self._rows.keep_host(lane.host.to_state())
        self._lanes.make_ready(lane)
        return lane.host.opens

    def _learn_answer(
        self, lane: Lane, fact: Fact, began: float, at: float
    ) -> None:
        host, since = lane.host, lane.host.trouble.since
        has_new_rate = host.learn_answer(
            fact, began, at, self._politeness, is_alone=not lane.begun
        )
        is_over = since and host.trouble.given_up is None
        if is_over:
            self.outlook.note_answer(host, since, at)
        if is_over or has_new_rate:
            self._rows.keep_host(host.to_state())

    # -- where a task goes --------------------------------------------------------------------

    def release(self, task: Task) -> None:
        """The task has left its lane: it is recorded, or given back."""
        lane = self._lanes.awake[task.url.lane]
        lane.handed_out.pop(task.id, None)
        if lane.place == "busy":
            self._lanes.make_ready(lane)

    def take_failure(
        self, failed: FetchFailed, now: float
    ) -> Returned | FetchFailed:
        """Send the task back to its lane if the failure may pass; else how it has failed."""
        lane = self._lanes.awake[failed.task.url.lane]
        end = self._failures.take(lane, failed, now)
        if isinstance(end, FetchFailed):
            return end
        attempts = failed.task.attempt
        # What a host has refused waits for no clock of its own.
        due = BEHIND_FRESH if end.others else end.due
        self._rows.requeue(end.task, due=due, attempts=attempts)
        again = replace(end.task, attempt=attempts + 1)
        lane.put_returned(replace(end, task=again))
        self.release(failed.task)
        return end

    def follow_redirect(self, moved: Moved, now: float) -> Failure | None:
        """Send the task on to where it was sent, as one more hop; or why not."""
        onward = next_hop(moved, self._fetch.max_redirects)
        if isinstance(onward, Failure):
            return onward
        pause = moved.pause or 0.0
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


class Withdrawals:
    """Takes tasks out of their lanes that are not to be requested. Their rows are the caller's."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def withdraw(self, task: Task) -> bool:
        """A task waits: once its row is gone, `settle` is to follow. False if it is handed out:
        then it comes back as any other."""
        lane = self._lanes.find(task.url.lane)
        if lane is None:
            return True
        if task.id in lane.handed_out:
            return False
        lane.forget(task.id)
        return True

    def settle(self, lane_id: int) -> None:
        """The row of a task is gone that was withdrawn from this lane; perhaps the last."""
        self._lanes.rows_changed(lane_id)

    def take_back(self, task: Task) -> None:
        """A task that was just handed out is not requested after all."""
        lane = self._lanes.awake[task.url.lane]
        if task.id in lane.begun:
            self._lanes.end_request(lane, task.id)
        lane.handed_out.pop(task.id, None)
        self._lanes.make_ready(lane)
