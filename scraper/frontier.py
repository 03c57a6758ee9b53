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
from scraper.config import FetchKeys, HostKeys
from scraper.guard import Trust
from scraper.ledger import HostState, Waiting, lane_of
from scraper.model import Failed, Failure, Hop, Moved, Task

REFILL = 32  # tasks a lane takes from the ledger at once
MOST_LANES = 1_024  # awake at once; more hosts wait in the ledger
MAX_BACKOFF_SECONDS = 300.0
# A host that has failed this often in a row, each time after a longer pause, is down: what waits
# for it ends as `host_down`, to be asked again by --retry.
STRIKES = 6


class Rows(Protocol):
    """The part of the ledger that holds what waits."""

    def next_lane(self, after: int) -> int | None: ...
    def waiting(self, lane: int, most: int) -> list[Waiting]: ...
    def give_back(self, task: Task, *, due: float, attempts: int) -> None: ...
    def host(self, lane: int) -> HostState | None: ...
    def keep_host(self, state: HostState) -> None: ...


class Judge(Protocol):
    """The part of the guard that is asked before any connection."""

    def refusal(self, url: urls.Url, trust: Trust) -> tuple[str, str] | None: ...
    def host_class(self, host: str) -> str | None: ...


class Decision(NamedTuple):
    """A task that may be asked now, or, with a refusal, one that must not be asked."""

    task: Task
    trust: Trust
    refusal: Failure | None


class Lane:
    """One host: what waits for it, what is under way, and when it may be asked again."""

    __slots__ = ("answered", "asking", "host", "more", "name", "opens", "out", "place", "rows",
                 "strikes")  # fmt: skip

    def __init__(self, host: int) -> None:
        self.host = host
        self.name = ""
        self.opens = 0.0  # unix time before which this host is not asked
        self.rows: deque[Waiting] = deque()
        self.more = True  # the ledger may hold more rows than these
        self.asking = 0  # requests under way
        self.out: set[int] = set()  # rows handed out, and neither recorded nor given back yet
        self.answered = False  # in this run
        self.strikes = 0  # failures in a row that speak of the host, each after a pause
        self.place: Literal["ready", "timer", "busy", "taken"] = "taken"


class Frontier:
    """Decides which URL is asked next."""

    def __init__(self, rows: Rows, judge: Judge, hosts: HostKeys, fetch: FetchKeys, *,
                 threads: int, draw: random.Random | None = None) -> None:  # fmt: skip
        self._rows = rows
        self._judge = judge
        self._hosts = hosts
        self._fetch = fetch
        self._random = draw or random.Random()
        self._lanes: dict[int, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._timers: list[tuple[float, int]] = []
        self._asleep: dict[int, float] = {}
        self._alarms: list[tuple[float, int]] = []
        self._strangers = 0  # requests under way to hosts that have not answered yet
        # Hosts that never answer hold a thread for a whole time-out: half is kept for the others.
        self._most_strangers = max(threads // 2, 1)
        self._held: deque[Lane] = deque()
        self._cursor = -1
        self._exhausted = False  # a whole round through the hosts found no lane to wake
        self._noticed = True  # rows came since the round began

    # -- what now ---------------------------------------------------------------------------

    def next(self, now: float) -> Decision | None:
        """The next task that may be asked, hosts in turn; None if none may be asked now."""
        self._ring(now)
        while True:
            while self._ready:
                lane = self._ready.popleft()
                lane.place = "taken"
                decision = self._from(lane, now)
                if decision is not None:
                    return decision
            if not self._wake_next(now):
                return None

    def opens_at(self) -> float | None:
        """When something that waits for a clock may be asked; None if nothing does."""
        times = [heap[0][0] for heap in (self._timers, self._alarms) if heap]
        return min(times) if times else None

    @property
    def finished(self) -> bool:
        """Nothing waits and nothing is under way."""
        return not (self._lanes or self._asleep) and self._exhausted

    def _from(self, lane: Lane, now: float) -> Decision | None:
        """One task of this lane, and the lane put where it belongs."""
        if lane.asking >= self._limit(lane):
            lane.place = "busy"
            return None
        if lane.opens > now:
            self._later(lane, lane.opens, now)
            return None
        row = self._front(lane)
        if row is None:
            lane.place = "busy"
            if not (lane.asking or lane.out):
                self._release(lane, now)
            return None
        if row.due > now:
            self._later(lane, row.due, now)
            return None
        trust = self._trust(row.task)
        refusal = self._refusal(lane, row.task, trust)
        if refusal is None and not lane.answered:
            if self._strangers >= self._most_strangers:
                lane.place = "busy"
                self._held.append(lane)
                return None
            self._strangers += 1
        if refusal is None:
            lane.asking += 1
        lane.rows.popleft()
        lane.out.add(row.task.id)
        lane.name = row.task.host
        self._to_ready(lane)
        return Decision(row.task, trust, refusal)

    def _limit(self, lane: Lane) -> int:
        """One at a time to a host that has not answered yet, fails, or wants a delay between."""
        careful = not lane.answered or lane.strikes or self._hosts.delay_seconds
        return 1 if careful else self._hosts.per_host

    def _front(self, lane: Lane) -> Waiting | None:
        if not lane.rows and lane.more:
            most = REFILL + len(lane.out)
            found = self._rows.waiting(lane.host, most)
            lane.more = len(found) == most
            lane.rows.extend(each for each in found if each.task.id not in lane.out)
        return lane.rows[0] if lane.rows else None

    def _refusal(self, lane: Lane, task: Task, trust: Trust) -> Failure | None:
        """All reasons not to ask, in one order, each with its own name."""
        if task.refusal is not None:
            return self._refused_line(task)
        forbidden = self._judge.refusal(urls.canonical(task.url), trust)
        if forbidden is not None:
            return errors.failure(*forbidden)
        if lane.strikes >= STRIKES:
            return errors.failure("host_down", f"{lane.name} failed {lane.strikes} times in a row")
        return None

    def _refused_line(self, task: Task) -> Failure:
        if task.refusal == "bad_encoding":
            return errors.failure("bad_encoding", "the line is not UTF-8")
        try:
            urls.canonical(task.origin_url)
        except urls.BadUrl as error:
            return errors.failure(error.kind, error.message)
        return errors.failure(task.refusal or "bad_url", "the line is longer than a URL may be")

    def _trust(self, task: Task) -> Trust:
        """Who named this URL: the list itself, or a page or redirect of which kind of host."""
        if task.hops:
            named_by = task.hops[-1].url
        elif task.parent is not None:
            named_by = task.parent
        else:
            return "listed"
        host = urls.canonical(named_by).host
        return "private" if self._judge.host_class(host) == "private" else "public"

    # -- what came of it ----------------------------------------------------------------------

    def answered(self, task: Task, at: float, failure: Failure | None) -> None:
        """A request is over: its thread is free, and its host's clock starts from here."""
        lane = self._lanes[lane_of(task.host)]
        lane.asking -= 1
        if not lane.answered:
            self._strangers -= 1
            self._unhold()
        blamed = failure is not None and failure.blame == "host"
        if not blamed or (failure is not None and failure.status is not None):
            lane.answered = True
        if failure is not None and blamed:
            if at >= lane.opens:  # others of the same moment tell nothing new
                lane.strikes += 1
            pause = max(self.backoff(lane.strikes), failure.pause or 0.0)
            lane.opens = max(lane.opens, at + pause)
        else:
            lane.strikes = 0
            lane.opens = max(lane.opens, at + self._hosts.delay_seconds)
        self._to_ready(lane)

    def settled(self, task: Task) -> None:
        """This row's story in its lane is over: it is recorded, or given back."""
        lane = self._lanes[lane_of(task.host)]
        lane.out.discard(task.id)
        if lane.place == "busy":
            self._to_ready(lane)

    def retried(self, failed: Failed, now: float) -> bool:
        """Send the task back to its lane if the failure may pass and tries are left."""
        task, failure = failed.task, failed.failure
        if not failure.retryable or task.attempt > self._fetch.retries:
            return False
        started = task.started or failed.at - failed.timings.fetch
        due = now + max(self.backoff(task.attempt), failure.pause or 0.0)
        if due - started > self._fetch.retry_time_seconds:
            return False
        self._give_back(task, replace(task, started=started), due, task.attempt)
        return True

    def returned(self, task: Task) -> None:
        """A task that was cut short goes back as if it had not been asked."""
        self._give_back(task, task, 0.0, task.attempt - 1)

    def moved(self, moved: Moved, now: float) -> Failure | None:
        """Send the task on to where it was sent, as one more hop; or why not."""
        task = moved.task
        hops = (*task.hops, Hop(task.url, moved.status))
        if any(hop.url == moved.to for hop in hops):
            return errors.failure("too_many_redirects", f"redirects in a circle to {moved.to}")
        if len(hops) > self._fetch.max_redirects:
            return errors.failure("too_many_redirects", f"more than {len(hops) - 1} redirects")
        target = urls.canonical(moved.to)
        onward = replace(task, url=target.href, host=target.host, hops=hops)
        due = now + moved.pause if moved.pause else 0.0
        self._give_back(task, onward, due, task.attempt - 1)
        return None

    def _give_back(self, task: Task, onward: Task, due: float, attempts: int) -> None:
        self._rows.give_back(onward, due=due, attempts=attempts)
        self.settled(task)
        self.notice([lane_of(onward.host)])

    def notice(self, hosts: Iterable[int]) -> None:
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

    def backoff(self, failures: int) -> float:
        """Exponential with full jitter, but never nothing: half of it is certain."""
        ceiling: float = min(
            self._fetch.retry_wait_seconds * 2 ** (failures - 1), MAX_BACKOFF_SECONDS
        )
        return ceiling / 2 + self._random.uniform(0, ceiling / 2)

    # -- where lanes are ----------------------------------------------------------------------

    def _unhold(self) -> None:
        """A stranger is done with: one of those that were held back for its sake may go."""
        while self._held:
            held = self._held.popleft()
            if held.place == "busy":
                self._to_ready(held)
                break

    def _to_ready(self, lane: Lane) -> None:
        if lane.place != "ready":
            lane.place = "ready"
            self._ready.append(lane)

    def _later(self, lane: Lane, at: float, now: float) -> None:
        lane.place = "timer"
        if at > now + 1 and len(self._lanes) > MOST_LANES // 2 and not (lane.asking or lane.out):
            self._release(lane, now)
            self._asleep[lane.host] = at
            heappush(self._alarms, (at, lane.host))
        else:
            heappush(self._timers, (at, lane.host))

    def _ring(self, now: float) -> None:
        """Lanes whose time has come are ready again."""
        while self._timers and self._timers[0][0] <= now:
            lane = self._lanes.get(heappop(self._timers)[1])
            if lane is not None and lane.place == "timer":
                self._to_ready(lane)
        while self._alarms and self._alarms[0][0] <= now:
            at, host = heappop(self._alarms)
            if self._asleep.get(host) == at:
                del self._asleep[host]
                self._wake(host, now)

    def _release(self, lane: Lane, now: float) -> None:
        """Let go of a lane; what its host has taught us stays in the ledger."""
        del self._lanes[lane.host]
        if lane.opens > now or lane.strikes:
            self._keep(lane)

    def keep_hosts(self) -> None:
        """Write down what is known of the hosts that are awake, for the next run."""
        for lane in self._lanes.values():
            if lane.opens or lane.strikes:
                self._keep(lane)

    def _keep(self, lane: Lane) -> None:
        self._rows.keep_host(
            HostState(lane.host, lane.name, breaker=lane.strikes, pause_until=lane.opens)
        )

    def _wake(self, host: int, now: float) -> None:
        lane = Lane(host)
        kept = self._rows.host(host)
        if kept is not None and kept.pause_until > now - MAX_BACKOFF_SECONDS:
            lane.opens = kept.pause_until
            lane.strikes = kept.breaker
        self._lanes[host] = lane
        self._to_ready(lane)

    def _wake_next(self, now: float) -> bool:
        """Step to the next host in which something waits; False if there is none, or no room."""
        while not self._exhausted and len(self._lanes) < MOST_LANES:
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
