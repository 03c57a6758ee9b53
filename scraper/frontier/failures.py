"""What a failed request means: for its host, and for its URL.

A refusal costs a URL none of its tries, silence does; which of the two is at fault, URL or host,
shows in what becomes of the others.
"""

from __future__ import annotations

from msgspec.structs import replace

from scraper.errors import new_failure
from scraper.frontier.lane import NEVER, Lane, Returned
from scraper.frontier.lanes import Lanes
from scraper.frontier.pace import Host, Politeness
from scraper.frontier.retries import (
    after_refusal,
    after_try,
    after_unasked,
    backoff,
    has_try_left,
)
from scraper.frontier.trouble import (
    MAX_UNASKED,
    OTHERS_BEFORE_NEXT_TRY,
    GivenUp,
    Patience,
    Verdict,
    is_at_fault,
    speaks_of_url,
    verdict_of,
)
from scraper.model import Failure, FetchFailed, Task, Waiting
from scraper.text import duration


class Failures:
    """Judges failures, with an eye on the lanes. No state of its own."""

    def __init__(
        self,
        lanes: Lanes,
        politeness: Politeness,
        pass_began: float,
        *,
        one_patience: bool = False,
    ) -> None:
        self._lanes = lanes
        self._politeness = politeness
        self._pass_began = pass_began  # unix time
        self._one_patience = one_patience

    def learn(
        self,
        lane: Lane,
        failed: FetchFailed,
        verdict: Verdict,
        began: float,
        at: float,
    ) -> None:
        """The host is left alone for a while, or given up."""
        host, patience = lane.host, self._patience(lane)
        host.learn_trouble(
            failed, verdict, began, at, patience, self._politeness
        )
        given_up = host.trouble.given_up
        if (
            given_up is not None
            and given_up.kind == "host_refused"
            and failed.task.purpose == "robots"
        ):
            host.give_up_origin(failed, at)

    def _patience(self, lane: Lane) -> Patience:
        """How long to go on with a host, as its lane and the others are now."""
        host = lane.host
        has_answered = host.has_answered_since(self._pass_began)
        # What was answered before a kill is not counted.
        is_counted = host.answers or not has_answered
        return Patience(
            self._politeness.hosts.patience_seconds,
            others_have_work=self._lanes.others_have_work(lane),
            only_failed_left=not (
                host.trouble.is_of_host
                or (is_counted and host.refuses_most)
                or self._has_fresh(lane)
            ),
            has_answered_now=has_answered,
            is_for_all=self._one_patience,
        )

    def _has_fresh(self, lane: Lane) -> bool:
        """Are there URLs in this lane that have not failed in this pass?"""
        self._lanes.first_row(lane)
        is_fresh = (row.task.attempt == 1 for row in lane.rows)
        return lane.asks_fresh or any(is_fresh)

    def take(
        self, lane: Lane, failed: FetchFailed, now: float
    ) -> Returned | FetchFailed:
        """What the URL waits for, back in its lane; or how it has failed for good."""
        verdict = verdict_of(failed)
        if verdict == "refused":
            return self._take_refusal(lane, failed, now)
        if not failed.failure.retryable:
            return failed
        task, fetch = after_try(failed), self._politeness.fetch
        is_spent = not has_try_left(task, fetch)
        if is_spent and not self._waits_for_host(lane, failed, verdict):
            return failed
        due = now + backoff(task.tries, fetch, self._politeness.draw)
        answers = lane.host.answers
        return Returned(task, due, failed, answers, is_spent=is_spent)

    def _waits_for_host(
        self, lane: Lane, failed: FetchFailed, verdict: Verdict
    ) -> bool:
        """Is it the host's silence that has cost a URL its last try? Not if the host took the
        request, and has answered others since its last try but one."""
        host = lane.host
        if verdict not in ("silent", "broken") or not host.trouble:
            return False
        if not speaks_of_url(failed):
            return True
        return not NEVER < lane.handed_out[failed.task.id] < host.answers

    def _take_refusal(
        self, lane: Lane, failed: FetchFailed, now: float
    ) -> Returned | FetchFailed:
        host, task = lane.host, failed.task
        not_before = host.trouble.bound.pop(task.id, None)
        if not_before is not None and host.trouble.given_up is None:
            return _end_bound(failed, not_before)
        answers = lane.handed_out[task.id]
        if task.id not in lane.suspects:
            host.urls_refused += 1
            host.newly_refused += not (task.refusals or task.unasked)
        return Returned(
            after_refusal(failed, counts=answers < host.answers),
            now,
            failed,
            host.answers,
            # One more each time: it must not fall into step with a host that
            # lets three through and refuses the fourth.
            others=OTHERS_BEFORE_NEXT_TRY + task.refusals,
        )

    def is_at_fault(self, row: Returned, host: Host) -> bool:
        """Has the URL failed for good, now that its host answers?"""
        if row.is_spent:
            return not self._politeness.fetch.retries
        others_refused = host.urls_refused - 1
        return host.answers > row.answers and is_at_fault(
            row.task.refusals, host.answers, others_refused
        )

    def give_up_spent(self, lane: Lane, now: float) -> None:
        """None of the URLs in the lane has a try left: its host is given up."""
        last = next(reversed(lane.returned.values())).failed
        lane.host.trouble.give_up_as_silent(last, now, self._patience(lane))

    def end_of(
        self, row: Waiting | Returned, given_up: GivenUp
    ) -> tuple[Task, Failure | FetchFailed]:
        """How a URL ends whose host is asked no more in this pass.

        Where the host answers others, a URL that it was silent to, or that it refuses in pass after
        pass, has failed itself.
        """
        task = row.task
        if not given_up.only_failed:
            return task, given_up.failure
        is_own = given_up.kind == "host_down" or task.unasked >= MAX_UNASKED
        if is_own and type(row) is Returned:
            return task, row.failed
        return after_unasked(task), given_up.failure


def _end_bound(failed: FetchFailed, not_before: float) -> FetchFailed:
    """A refusal whose pause is beyond all patience, of a host that answers others."""
    if failed.task.unasked >= MAX_UNASKED:
        return failed
    refused = failed.failure
    why = new_failure(
        "host_refused",
        f"{refused.message}, and asks for {duration(refused.pause or 0.0)}",
        status=refused.status,
        not_before=not_before,
    )
    return replace(failed, task=after_unasked(failed.task), failure=why)
