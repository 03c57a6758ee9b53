"""A host that says no, or nothing: what a fact says of its host, how long to leave it alone, and
when to give it up.

Two troubles. A host *refuses* with an answer that speaks of the moment (429, 503, Retry-After), and
that costs a URL none of its tries. It is *silent* if requests fail before the first byte of an
answer, or if five URLs in a row say 500, 502 or 504. After each pause exactly one request, the
probe, asks again; the first good answer ends the trouble. Pure: time and dice are handed in.
"""

from __future__ import annotations

import random
from typing import Literal

from msgspec import Struct, field

from scraper.errors import KINDS, new_failure
from scraper.model import Fact, Failure, FetchFailed, Task
from scraper.text import duration

Verdict = Literal["answered", "refused", "silent", "broken", "none"]

FIRST_PAUSE_SECONDS = 5.0  # after a refusal; doubles with each in a row
MAX_PAUSE_SECONDS = 300.0
MAX_PAUSE_JITTER = 0.25  # on top: a pause that was asked for is never shorter
SILENCE_PAUSE_SECONDS = (2.0, 8.0, 32.0, 120.0)  # jitter in the upper half
MAX_SILENCES = 1 + 5  # in a row; with the fifth failed probe a host is given up
MAX_SILENCES_OF_NEW = 1 + 3  # of a host that has never answered
MAX_BROKEN = 5  # different URLs in a row with a status of BROKEN_STATUSES
BROKEN_STATUSES = frozenset({500, 502, 504})
# Different URLs refused in a row: it is the host, whatever it answered before.
MIN_REFUSED_BY_HOST = 5

# The one knob is `patience`, for a host that has answered before; the others are shares of it.
PATIENCE_WITH_NEW = 1 / 15  # it has never answered
PATIENCE_WITH_FAILED = 2 / 15  # it answers, and only URLs that failed are left
PATIENCE_MEANWHILE = 4.0  # other hosts have work: waiting costs nothing

# A refused URL waits until so many others of its host have been answered.
OTHERS_BEFORE_NEXT_TRY = 3
MIN_REFUSALS_OF_FAULT = 5
# How likely a URL that is as good as its host's others may be called at fault.
MAX_ERROR = 1e-6

# In the next pass after so many in which its host refused it alone, it is the URL that has failed.
MAX_UNASKED = 2

DEAD_PASSES = 3  # in which a host was given up, over at least DEAD_SECONDS
DEAD_SECONDS = 86_400.0

# The request never reached the host's server.
_NO_CONNECTION = ("dns_", "connect_", "tls_", "proxy_", "network_")


def verdict_of(fact: Fact) -> Verdict:
    """What a fact says of the host that was asked; "none" if it says nothing."""
    if type(fact) is not FetchFailed:
        return "answered"
    failure = fact.failure
    branch = KINDS[failure.kind].branch
    if branch in ("here", "rule") or failure.kind == "dns_not_found":
        return "none"
    if failure.status is not None:
        return _verdict_of_status(fact, failure.status)
    if fact.answered or failure.kind == "tls_certificate":
        return "answered"
    return "silent" if branch == "network" else "answered"


def _verdict_of_status(failed: FetchFailed, status: int) -> Verdict:
    if failed.failure.blame == "host":
        return "refused"
    if failed.task.purpose == "robots" and status >= 500:  # RFC 9309 2.3.1.4
        return "refused"
    return "broken" if status in BROKEN_STATUSES else "answered"


def speaks_of_url(failed: FetchFailed) -> bool:
    """Did the server take the request? Then its silence may be meant for this URL alone."""
    return not failed.failure.kind.startswith(_NO_CONNECTION)


class Patience(Struct, frozen=True):
    """How long to go on with a host: what it depends on, apart from the host itself."""

    seconds: float  # the setting
    others_have_work: bool = False
    only_failed_left: bool = False  # of the URLs of a host that answers most
    has_answered_now: bool = False  # the host, in this pass
    is_for_all: bool = False  # hosts, whatever is known of them

    def with_host(self, *, answers: bool) -> float:
        """Seconds from the first failure since the last good answer, with a host that has answered
        in this folder, or with one that never has."""
        if self.is_for_all:
            return self.seconds
        share = 1.0 if answers else PATIENCE_WITH_NEW
        if answers and self.only_failed_left:
            share = PATIENCE_WITH_FAILED
        if self.others_have_work:
            share = max(share, PATIENCE_MEANWHILE)
        return self.seconds * share


class GivenUp(Struct, frozen=True):
    """A host that is asked no more in this pass, and how its URLs end."""

    kind: str  # host_refused, host_down or robots_unreachable
    message: str
    # unix time; None: the host is dead, and its URLs are ordinary failures
    not_before: float | None
    # The host answers, and only URLs were left that had failed: it is never dead.
    only_failed: bool = False

    @property
    def failure(self) -> Failure:
        """As it stands in the records of its URLs."""
        return new_failure(self.kind, self.message, not_before=self.not_before)


class Trouble(Struct):
    """What has gone wrong with a host since its last good answer, and what that leads to."""

    refusals: int = 0  # in a row, each after the pause of the one before
    silences: int = 0
    since: float = 0.0  # unix time of the first of them
    pause_until: float = 0.0  # unix time; of the last of them
    failed_at: float = 0.0  # unix time of the last failure of all
    failed_with: str = ""  # the last time: http_429, connect_timeout
    # unix time of the end of its patience; 0: it hangs on the probes alone
    gives_up_at: float = 0.0
    answered_at: float = 0.0  # of the last good answer to a URL; 0: never
    given_up: GivenUp | None = None  # in this pass
    given_up_passes: int = 0  # in a row
    given_up_since: float = 0.0  # unix time of the first of them
    broken: set[int] = field(default_factory=set)  # URLs in a row
    refused: set[int] = field(default_factory=set)  # the same
    # URLs that a long Retry-After binds alone, until this unix time
    bound: dict[int, float] = field(default_factory=dict)
    bound_first: int | None = None

    def __bool__(self) -> bool:
        return bool(self.refusals or self.silences)

    @property
    def is_on_probation(self) -> bool:
        """Was it given up in the last pass? Then one probe has to show that it answers again."""
        return self.given_up_passes > 0 and self.given_up is None

    def is_news(self, began: float) -> bool:
        """Was this request made after the last pause? What was under way together fails together,
        and its good answers say nothing of the pause that follows."""
        return began >= self.pause_until

    def end(self) -> None:
        """A good answer has come."""
        self.refusals = self.silences = 0
        self.since = self.gives_up_at = 0.0
        self.failed_with = ""
        self.broken.clear()
        self.refused.clear()

    def excuse(self, seconds: float) -> None:
        """It could not be asked for so long: this moves the end of its patience."""
        if self:
            self.since += seconds
        if self.gives_up_at:
            self.gives_up_at += seconds

    @property
    def is_of_host(self) -> bool:
        """Has it refused so many URLs in a row that it is none of theirs?"""
        return len(self.refused) >= MIN_REFUSED_BY_HOST

    def note_answer(self, at: float) -> None:
        """It was an answer to a URL."""
        self.answered_at = at
        self.given_up_passes = 0

    def learn(
        self,
        failed: FetchFailed,
        verdict: Verdict,
        began: float,
        at: float,
        patience: Patience,
        draw: random.Random,
    ) -> None:
        """The host has refused, was silent or has said that it is broken: pause, or give it up.

        Only a request that `began` after the last pause counts: what was under way together fails
        together.
        """
        self.failed_at = at
        self.failed_with = failed.failure.label
        asked = failed.failure.pause or 0.0
        if verdict == "refused":
            self.refused.add(failed.task.id)
        if not self._counts(failed, verdict, began):
            if asked:
                self.pause_until = max(self.pause_until, at + asked)
            return
        if not self:
            self.since = at
        # An answer of 500 is no better than the trouble before it.
        if verdict == "refused" or (verdict == "broken" and self.refusals):
            self.refusals += 1
            self._learn_refusal(failed, at, asked, patience, draw)
        else:
            self.silences += 1
            self._learn_silence(failed, at, patience, draw)

    def _counts(
        self, failed: FetchFailed, verdict: Verdict, began: float
    ) -> bool:
        """Is it one more failure of the host? A status such as 500 is if others said it, too."""
        if verdict == "broken":
            self.broken.add(failed.task.id)
            if not self and len(self.broken) < MAX_BROKEN:
                return False
        return self.is_news(began)

    def _learn_refusal(
        self,
        failed: FetchFailed,
        at: float,
        asked: float,
        patience: Patience,
        draw: random.Random,
    ) -> None:
        failures = 32 if self.is_on_probation else min(self.refusals - 1, 32)
        doubled = FIRST_PAUSE_SECONDS * 2.0**failures
        pause = _with_jitter(min(doubled, MAX_PAUSE_SECONDS), draw)
        ends = self.since + patience.with_host(answers=self.answered_at > 0)
        self.gives_up_at = ends
        if at >= ends or self.is_on_probation:
            self.pause_until = at + max(pause, _with_jitter(asked, draw))
            self._give_up("host_refused", failed, at, patience)
        elif at + asked <= ends:
            # The last probe comes when the patience ends, unless the host asks for more.
            probe = min(at + pause, max(ends, at + FIRST_PAUSE_SECONDS))
            self.pause_until = max(probe, at + _with_jitter(asked, draw))
        elif patience.has_answered_now and self._bind(failed.task, at + asked):
            self.pause_until = at + pause
        else:
            self.pause_until = at + max(pause, _with_jitter(asked, draw))
            self._give_up("host_refused", failed, at, patience)

    def pause_longer(self, until: float) -> None:
        """A shorter pause did not help the last time; its patience is not waited beyond."""
        if self.given_up is None:
            until = min(until, self.gives_up_at)
            self.pause_until = max(self.pause_until, until)

    def _bind(self, task: Task, until: float) -> bool:
        """Is a Retry-After beyond all patience meant for this URL alone? The host answers others,
        and no other URL has said so."""
        if task.purpose == "robots":
            return False
        if self.bound_first not in (None, task.id):
            return False
        self.bound_first = task.id
        self.bound[task.id] = until
        return True

    def _learn_silence(
        self,
        failed: FetchFailed,
        at: float,
        patience: Patience,
        draw: random.Random,
    ) -> None:
        number = min(self.silences, len(SILENCE_PAUSE_SECONDS))
        if self.is_on_probation:
            number = len(SILENCE_PAUSE_SECONDS)
        longest = SILENCE_PAUSE_SECONDS[number - 1]
        self.pause_until = at + draw.uniform(longest / 2, longest)
        answers = self.answered_at > 0
        self.gives_up_at = 0.0
        if answers and patience.only_failed_left and speaks_of_url(failed):
            self.gives_up_at = self.since + patience.with_host(answers=True)
            is_over = at >= self.gives_up_at
        else:
            probes = MAX_SILENCES if answers else MAX_SILENCES_OF_NEW
            is_over = (
                self.silences >= probes or at >= self.since + patience.seconds
            )
        if is_over or self.is_on_probation:
            self._give_up("host_down", failed, at, patience)

    def give_up_as_silent(
        self, failed: FetchFailed, at: float, patience: Patience
    ) -> None:
        """None of its URLs has a try left."""
        self._give_up("host_down", failed, at, patience)

    def _give_up(
        self, kind: str, failed: FetchFailed, at: float, patience: Patience
    ) -> None:
        if self.given_up is not None:
            return
        only_failed = (
            patience.only_failed_left
            and self.answered_at > 0
            and speaks_of_url(failed)
        )
        if not only_failed:
            self.given_up_since = (
                self.given_up_since if self.given_up_passes else at
            )
            self.given_up_passes += 1
        is_dead = (
            self.given_up_passes >= DEAD_PASSES
            and at - self.given_up_since >= DEAD_SECONDS
        )
        self.given_up = GivenUp(
            kind,
            self._reason(kind, failed, at, is_dead=is_dead),
            None if is_dead else self.pause_until,
            only_failed,
        )

    def _reason(
        self, kind: str, failed: FetchFailed, at: float, *, is_dead: bool
    ) -> str:
        host, failure = failed.task.url.host, failed.failure
        last = failure.message
        if failure.status is None:
            last = f"{failure.kind}: {last}"
        if kind == "host_refused":
            text = (
                f"{host} has refused for {duration(at - self.since)} ({last})"
            )
        else:
            times = f" {self.silences} times in a row"
            text = f"{host} was silent{times if self.silences > 1 else ''} ({last})"
        if is_dead:
            text += f"; in {self.given_up_passes} passes: --retry asks it again"
        return text


def _with_jitter(seconds: float, draw: random.Random) -> float:
    """The pause and up to a quarter more, so that hosts are not all asked at the same second."""
    return seconds * (1 + draw.uniform(0, MAX_PAUSE_JITTER))


def is_at_fault(refusals: int, others: int, others_refused: int) -> bool:
    """Is it the URL that is refused, and not its host?

    It was refused so often, with good answers to others between, that this would have happened to
    less than one URL in a million if each were refused as often as the host's others are: so many
    `others` have been answered, and `others_refused` of all others were refused at least once
    (Laplace's rule of succession).
    """
    if refusals < MIN_REFUSALS_OF_FAULT:
        return False
    share = (others_refused + 1) / (others + 2)
    return bool(share**refusals <= MAX_ERROR)


def next_step_of(failed: FetchFailed) -> str | None:
    """What follows for its host, in words; None if a failure does not speak of that."""
    verdict, asked = verdict_of(failed), failed.failure.pause
    if verdict == "silent":
        first = duration(SILENCE_PAUSE_SECONDS[0])
        return f"the host is asked again after {first}, then less often"
    if verdict != "refused":
        return None
    pause = duration(max(asked or 0.0, FIRST_PAUSE_SECONDS))
    return f"the host is asked again after {pause}, within the patience"
