"""What may be asked now: lanes by host, and every reason not to ask.

Nobody sleeps here. A host that may not be asked yet is a lane whose opening time lies ahead;
robots.txt, redirects and retries are all "ask that lane again, later". Lanes are small: the URLs
that wait stand in the ledger, a lane holds a handful, and a lane in which nothing can happen for
a while is put to sleep, so memory follows the hosts that are busy, not the list.

Pure but for the ledger: no clock of its own (`now` is unix seconds, handed in), no network.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from heapq import heappop, heappush
from typing import Literal, NamedTuple, Protocol

from scraper import errors, urls
from scraper.config import FetchSettings, HostSettings
from scraper.frontier.pace import MAX_ROBOTS_TRIES, Host, Origin, backoff, failure_without_rules
from scraper.frontier.redirects import Judge, next_hop, next_hop_of_robots, trust_of
from scraper.frontier.robots import access_for_status, parse
from scraper.messages import Answered
from scraper.model import (
    Fact,
    Failure,
    FetchFailed,
    HostState,
    Moved,
    RobotsText,
    Task,
    Trust,
    Waiting,
)

REFILL = 32  # tasks a lane takes from the ledger at once
MAX_WAITING = 8_192  # tasks in all lanes together, beyond which they take fewer
MAX_RESPONSIVE_HOSTS = 10_000  # hosts remembered as no strangers
MAX_LANES = 1_024  # awake at once; more hosts wait in the ledger


class Rows(Protocol):
    """The part of the ledger that holds what waits."""

    def next_lane(self, after: int) -> int | None: ...
    def waiting(self, lane: int, limit: int) -> list[Waiting]: ...
    def requeue(self, task: Task, *, due: float, attempts: int) -> None: ...
    def host(self, lane: int) -> HostState | None: ...
    def keep_host(self, state: HostState) -> None: ...
    def keep_robots(self, lane: int, name: str, scheme: str, at: float, text: str) -> None: ...


class Decision(NamedTuple):
    """A task that may be asked now, or, with a refusal, one that must not be asked."""

    task: Task
    trust: Trust
    refusal: Failure | None


class Lane:
    """One host's queue: what waits for it and what is under way."""

    __slots__ = ("asking", "host", "more", "out", "place", "robots_queue", "rows")

    def __init__(self, host: Host) -> None:
        self.host = host
        self.robots_queue: deque[Task] = deque()  # robots.txt of other hosts that has moved here
        self.rows: deque[Waiting] = deque()
        self.more = True  # the ledger may hold more rows than these
        self.asking = 0  # requests under way
        self.out: set[int] = set()  # rows handed out, and neither recorded nor given back yet
        self.place: Literal["ready", "timer", "busy", "taken"] = "taken"


class Frontier:
    """Decides which URL is asked next."""

    def __init__(self, rows: Rows, judge: Judge, hosts: HostSettings, fetch: FetchSettings, *,
                 threads: int, agent: str = "scraper",
                 draw: random.Random | None = None) -> None:  # fmt: skip
        self._rows = rows
        self._judge = judge
        self._hosts = hosts
        self._fetch = fetch
        self._agent = agent  # whom robots.txt must mean
        self._random = draw or random.Random()
        self._opens = 0.0  # unix time before which nobody is asked: the bandwidth of all
        self._robots_requests = 0  # requests of our own so far; their tasks have negative numbers
        self._lanes: dict[int, Lane] = {}
        # Hosts that have answered before, and strangers: each kind has threads of its own, for a
        # host that never answers holds one for a whole time-out.
        self._ready: dict[bool, deque[Lane]] = {True: deque(), False: deque()}
        self._asking = {True: 0, False: 0}
        self._most = {True: threads, False: max(new_host_threads(threads), 1)}
        self._timers: list[tuple[float, int]] = []
        self._asleep: dict[int, float] = {}
        self._responsive_hosts: dict[
            int, None
        ] = {}  # released hosts that have answered, in this order
        self._alarms: list[tuple[float, int]] = []
        self._cursor = -1
        self._exhausted = False  # a whole round through the hosts found no lane to wake
        self._noticed = True  # rows came since the round began

    # -- what now ---------------------------------------------------------------------------

    def next(self, now: float) -> Decision | None:
        """The next task that may be asked, hosts in turn; None if none may be asked now."""
        self._ring(now)
        while True:
            lane = self._next_ready()
            if lane is None:
                if not self._wake_next(now):
                    return None
                continue
            if self._opens > now and self._holds_something(lane):
                self._put_back(lane)
                return None
            decision = self._from(lane, now)
            if decision is not None:
                return decision

    def _next_ready(self) -> Lane | None:
        for known in (True, False):
            if self._ready[known] and self._asking[known] < self._most[known]:
                lane = self._ready[known].popleft()
                lane.place = "taken"
                return lane
        return None

    def _holds_something(self, lane: Lane) -> bool:
        return bool(lane.robots_queue) or self._front(lane) is not None

    def _put_back(self, lane: Lane) -> None:
        lane.place = "ready"
        self._ready[lane.host.responsive].appendleft(lane)

    def opens_at(self, now: float) -> float | None:
        """When something that waits for a clock may be asked; None if nothing does."""
        # Who sleeps must sleep on while there is no room: an alarm that is due tells nothing then.
        alarms = self._alarms if len(self._lanes) < MAX_LANES else []
        times = [heap[0][0] for heap in (self._timers, alarms) if heap]
        if self._opens > now and any(self._ready.values()):
            times = [self._opens]  # else they only wait for a thread, which will say so
        return max(min(times), self._opens) if times else None

    @property
    def finished(self) -> bool:
        """Nothing waits and nothing is under way."""
        return not (self._lanes or self._asleep) and self._exhausted

    def _from(self, lane: Lane, now: float) -> Decision | None:
        """One task of this lane, and the lane put where it belongs."""
        host = lane.host
        if lane.asking >= host.limit(self._hosts):
            lane.place = "busy"
            return None
        row = self._front(lane)
        if row is None and not lane.robots_queue:
            # Also where the host's delay is not over: a run ends with its last answer.
            lane.place = "busy"
            if not (lane.asking or lane.out):
                self._release(lane, now)
            return None
        if host.opens > now:
            self._later(lane, host.opens, now)
            return None
        if row is None or lane.robots_queue:
            request = lane.robots_queue.popleft()
            return self._asked(lane, request, trust_of(request, self._judge))
        if row.due > now:
            self._later(lane, row.due, now)
            return None
        task = row.task
        host.name = task.url.host
        trust = trust_of(task, self._judge)
        task, refusal = self._refusal(host, task, trust)
        if refusal is None and self._must_know(host, task, now):
            return self._request_robots(lane, task, trust, now)
        if refusal is None:
            task, refusal = self._robots_refusal(host, task)
        if refusal is not None:
            lane.rows.popleft()
            lane.out.add(task.id)
            self._to_ready(lane)
            return Decision(task, trust, refusal)
        lane.rows.popleft()
        lane.out.add(task.id)
        return self._asked(lane, task, trust)

    def _asked(self, lane: Lane, task: Task, trust: Trust) -> Decision:
        """Take a place for a request."""
        self._asking[lane.host.responsive] += 1
        lane.asking += 1
        self._to_ready(lane)
        return Decision(task, trust, None)

    def _front(self, lane: Lane) -> Waiting | None:
        if not lane.rows and lane.more:
            # Many lanes hold few each: a task costs a kilobyte.
            refill = max(REFILL // 8, min(REFILL, MAX_WAITING // len(self._lanes)))
            most = refill + len(lane.out)
            found = self._rows.waiting(lane.host.lane, most)
            lane.more = len(found) == most
            lane.rows.extend(each for each in found if each.task.id not in lane.out)
        return lane.rows[0] if lane.rows else None

    # -- why not ------------------------------------------------------------------------------

    def _refusal(self, host: Host, task: Task, trust: Trust) -> tuple[Task, Failure | None]:
        """All reasons not to ask, in one order, each with its own name; robots.txt comes last,
        for it must be asked for itself."""
        if task.refusal is not None:
            return task, self._refused_line(task)
        forbidden = self._judge.refusal(task.url, trust)
        if forbidden is not None:
            return task, errors.new_failure(*forbidden)
        if host.down:
            why = f"{host.name} failed {host.consecutive_failures} times in a row"
            return task, errors.new_failure("host_down", why)
        return task, None

    def _must_know(self, host: Host, task: Task, now: float) -> bool:
        """Is robots.txt to be asked for before this URL?"""
        if self._hosts.robots == "off" or task.refusal is not None:
            return False
        return not host.origin(task.url.scheme).known(now)

    def _request_robots(self, lane: Lane, task: Task, trust: Trust, now: float) -> Decision | None:
        scheme = task.url.scheme
        origin = lane.host.origin(scheme)
        if origin.requested:
            lane.place = "busy"
            return None
        if origin.due > now:
            self._later(lane, origin.due, now)
            return None
        self._robots_requests += 1
        url = task.url.at("/robots.txt")
        request = Task(-self._robots_requests, url, url, purpose="robots")
        origin.requested = True
        return self._asked(lane, request, trust)

    def _robots_refusal(self, host: Host, task: Task) -> tuple[Task, Failure | None]:
        if self._hosts.robots == "off" or task.refusal is not None:
            return task, None
        origin = host.origin(task.url.scheme)
        if origin.rules is None:
            return task, self._unknown(host, origin)
        if origin.rules.empty or origin.rules.allows(task.url.href):
            return task, None
        if self._hosts.robots == "report":
            return replace(task, robots="disallowed"), None
        return task, errors.new_failure(
            "robots_disallowed", f"robots.txt of {host.name} forbids it"
        )

    def _unknown(self, host: Host, origin: Origin) -> Failure | None:
        """Why there are no rules: of a host that cannot be reached its first URL tells it, the
        others are down with it, in one line of the log instead of ten thousand."""
        failure = origin.failure
        if failure is None or failure.blame != "host" or not failure.retryable:
            return failure
        if origin.cause_recorded:
            why = f"{host.name} could not be asked for its robots.txt ({failure.kind})"
            return errors.new_failure("host_down", why)
        origin.cause_recorded = True
        return failure

    def _refused_line(self, task: Task) -> Failure:
        if task.refusal == "bad_encoding":
            return errors.new_failure(
                "bad_encoding", "the line is not UTF-8: save the list as UTF-8"
            )
        if task.origin_url.href.startswith(urls.NOT_TEXT):
            return errors.new_failure(
                "bad_url", f"{task.origin_url.href}; give each URL as text (str)"
            )
        try:
            urls.canonical(task.origin_url.href)
        except urls.BadUrl as error:
            return errors.new_failure(error.kind, error.message)
        return errors.new_failure(task.refusal or "bad_url", "the line is longer than a URL may be")

    # -- what came of it ----------------------------------------------------------------------

    def request_ended(self, answer: Answered) -> None:
        """A request is over: its thread is free, and its host's clock starts from here."""
        fact = answer.fact
        task = fact.task
        lane = self._lanes[task.url.lane]
        lane.asking -= 1
        known = lane.host.responsive
        self._asking[known] -= 1
        failure = fact.failure if isinstance(fact, FetchFailed) else None
        received = fact.wire_bytes
        if failure is None or failure.blame != "here":
            lane.host.learn_from(
                failure, answer.at, received, self._hosts, self._fetch, self._random
            )
        if isinstance(fact, Moved) and fact.pause:
            lane.host.opens = max(lane.host.opens, answer.at + fact.pause)
        if lane.host.opens > answer.at and (failure is not None or isinstance(fact, Moved)):
            self._rows.keep_host(lane.host.to_state())  # a kill must not shorten a pause
        if self._hosts.limit_rate_bytes:
            begin = max(self._opens, answer.at)
            self._opens = begin + received / self._hosts.limit_rate_bytes
        if lane.host.responsive != known and lane.place == "ready":
            self._ready[known].remove(lane)  # no stranger now: it waits no more among them
            lane.place = "taken"
        self._to_ready(lane)

    def robots_received(self, fact: Fact, at: float) -> None:
        """What came of asking for a robots.txt (RFC 9309 2.3)."""
        asked = fact.task.origin_url
        scheme = asked.scheme
        lane = self._lanes.get(asked.lane)
        if lane is None:
            return
        origin = lane.host.origin(scheme)
        if isinstance(fact, Moved) and self._moved_robots(fact):
            return
        origin.requested = False
        match fact:
            case RobotsText():
                self._permit(lane.host, scheme, fact.text, at)
            case Moved():
                self._permit(lane.host, scheme, "", at)
            case FetchFailed(failure=failure) if failure.blame != "here":
                if failure.status is not None and access_for_status(failure.status) == "allowed":
                    self._permit(lane.host, scheme, "", at)
                else:
                    self._robots_failed(origin, failure, at)
            case _:
                origin.due = at
        self._to_ready(lane)

    def _permit(self, host: Host, scheme: str, text: str, at: float) -> None:
        origin = host.origin(scheme)
        origin.rules, origin.failure, origin.at = parse(text, self._agent), None, at
        self._rows.keep_robots(host.lane, host.name, scheme, at, text)

    def _robots_failed(self, origin: Origin, failure: Failure, at: float) -> None:
        origin.tries += 1
        again = failure.retryable or failure.status is not None
        if origin.tries < MAX_ROBOTS_TRIES and again:
            wait = backoff(origin.tries, self._fetch, self._random)
            origin.due = at + max(wait, failure.pause or 0.0)
            return
        origin.at = at
        origin.failure = failure_without_rules(failure)

    def _moved_robots(self, moved: Moved) -> bool:
        """Send a robots.txt on to where it is said to be; False if it is not followed there."""
        onward = next_hop_of_robots(moved, self._judge)
        if onward is None:
            return False
        lane = self._lanes.get(onward.url.lane) or self._wake(onward.url.lane, moved.at)
        lane.host.name = onward.url.host
        lane.robots_queue.append(onward)
        self._to_ready(lane)
        return True

    def release(self, task: Task) -> None:
        """This row's story in its lane is over: it is recorded, or given back."""
        lane = self._lanes[task.url.lane]
        lane.out.discard(task.id)
        if lane.place == "busy":
            self._to_ready(lane)

    def schedule_retry(self, failed: FetchFailed, now: float) -> bool:
        """Send the task back to its lane if the failure may pass and tries are left."""
        task, failure = failed.task, failed.failure
        if not failure.retryable or task.attempt > self._fetch.retries:
            return False
        started = task.started or failed.at - failed.timings.fetch
        due = now + max(backoff(task.attempt, self._fetch, self._random), failure.pause or 0.0)
        if due - started > self._fetch.retry_time_seconds:
            return False
        self._give_back(task, replace(task, started=started), due, task.attempt)
        return True

    def requeue_unattempted(self, task: Task) -> None:
        """A task that was cut short goes back as if it had not been asked."""
        self._give_back(task, task, 0.0, task.attempt - 1)

    def follow_redirect(self, moved: Moved, now: float) -> Failure | None:
        """Send the task on to where it was sent, as one more hop; or why not."""
        onward = next_hop(moved, self._fetch.max_redirects)
        if isinstance(onward, Failure):
            return onward
        due = now + moved.pause if moved.pause else 0.0
        self._give_back(moved.task, onward, due, moved.task.attempt - 1)
        return None

    def _give_back(self, task: Task, onward: Task, due: float, attempts: int) -> None:
        self._rows.requeue(onward, due=due, attempts=attempts)
        self.release(task)
        self.rows_added([onward.url.lane])

    def rows_added(self, hosts: Iterable[int]) -> None:
        """There are new rows in these lanes."""
        for host in hosts:
            lane = self._lanes.get(host)
            if lane is None:
                self._asleep.pop(host, None)
                self._exhausted = False
                self._noticed = True
                continue
            lane.more = True
            if lane.place == "timer":
                lane.rows.clear()  # a fresh row may be due before the one that is waited for
            self._to_ready(lane)

    # -- where lanes are ----------------------------------------------------------------------

    def _to_ready(self, lane: Lane) -> None:
        if lane.place != "ready":
            lane.place = "ready"
            self._ready[lane.host.responsive].append(lane)

    def _later(self, lane: Lane, at: float, now: float) -> None:
        lane.place = "timer"
        idle = not (lane.asking or lane.out or lane.robots_queue or lane.host.has_unsaved_tries)
        if at > now + 1 and len(self._lanes) > MAX_LANES // 2 and idle:
            self._release(lane, now)
            self._asleep[lane.host.lane] = at
            heappush(self._alarms, (at, lane.host.lane))
        else:
            heappush(self._timers, (at, lane.host.lane))

    def _ring(self, now: float) -> None:
        """Lanes whose time has come are ready again."""
        while self._timers and self._timers[0][0] <= now:
            lane = self._lanes.get(heappop(self._timers)[1])
            if lane is not None and lane.place == "timer":
                self._to_ready(lane)
        while self._alarms and self._alarms[0][0] <= now and len(self._lanes) < MAX_LANES:
            at, host = heappop(self._alarms)
            if self._asleep.get(host) == at:
                del self._asleep[host]
                self._wake(host, now)

    def _release(self, lane: Lane, now: float) -> None:
        """Let go of a lane; what its host has taught us stays in the ledger."""
        del self._lanes[lane.host.lane]
        if lane.host.responsive:
            self._responsive_hosts[lane.host.lane] = None
            if len(self._responsive_hosts) > MAX_RESPONSIVE_HOSTS:
                del self._responsive_hosts[next(iter(self._responsive_hosts))]
        if (
            lane.host.opens > now
            or lane.host.consecutive_failures
            or lane.host.learned_delay
            or lane.host.must_be_kept
        ):
            self._rows.keep_host(lane.host.to_state())

    def keep_hosts(self) -> None:
        """Write down what is known of the hosts that are awake, for the next run."""
        for lane in self._lanes.values():
            if lane.host.opens or lane.host.must_be_kept:
                self._rows.keep_host(lane.host.to_state())

    def _wake(self, host: int, now: float) -> Lane:
        lane = Lane(Host(host))
        lane.host.responsive = host in self._responsive_hosts
        kept = self._rows.host(host)
        if kept is not None:
            lane.host.restore(kept, now, self._agent)
        self._lanes[host] = lane
        self._asleep.pop(host, None)
        self._to_ready(lane)
        return lane

    def _wake_next(self, now: float) -> bool:
        """Step to the next host in which something waits; False if there is none, or no room."""
        while not self._exhausted and len(self._lanes) < MAX_LANES:
            host = self._rows.next_lane(self._cursor)
            if host is None:
                self._exhausted = not self._noticed
                self._noticed = False
                self._cursor = -1
                continue
            self._cursor = host
            if host not in self._lanes and host not in self._asleep:
                self._wake(host, now)
                return True
        return False


def new_host_threads(threads: int) -> int:
    """Threads beside the `threads` that ask known hosts: they wait for hosts that have not
    answered yet. One thread alone is one request at a time, whomever it asks."""
    return threads - 1


def _scheme_of(url: str) -> str:
    return "https" if url.startswith("https:") else "http"
