"""How fast a host lets itself be asked: learned from its refusals, and from what it let through.

What cures a refusal shows what was wrong. If the first short pause does, requests came too *fast*:
a bucket of tokens, too many at once, too much load. Then the host is asked at a *rate*, between
what it surely lets through and what it has refused. If it takes longer, the host counts requests,
not their rate (a window, a ban), or is not well: it is asked as before, but where the same *quota*
is refused twice, the pause after it is as long as the one that helped. A spell is the time from a
good answer after a trouble to the next refusal, a step the time with one rate.

The bounds are those of a bucket of tokens (RFC 2697): after G good answers in T seconds, of which
at most B had been saved up, a host is known to let through at least (G - B)/T a second. A window or
a queue is such a bucket for longer times. Raising goes as in CUBIC (RFC 9438): quickly where little
is known, to a halt below what was refused, and beyond it only after a while.
Only good answers raise the rate. Pure: times are unix seconds that are handed in.
"""

from __future__ import annotations

import math

from msgspec import Struct, field

MIN_LATENCY = 0.001  # seconds
SHORT_SECONDS = 10.0  # a trouble that ends sooner was ended by the first pause
MIN_QUOTA = 30  # good answers; after fewer, a host is asked more slowly
SAME_SHARE = 0.05  # by which two quotas may differ
SAME_COUNT = 4
MAX_RECOVERY_SECONDS = 300.0

MIN_RATE = 1 / 60  # requests a second
MAX_RATE = 1_000.0  # beyond it no limit is known
STEP = 1.5  # the most by which a rate is raised at once
BEYOND = 1.1  # how far a host is probed beyond what it has refused
CLOSE_BELOW = 1.03  # how near two rates are that count as one
CLOSE = 1.2  # what was refused over what is sure, where both are known well
STRONG = 4  # so many bursts in one spell measure what is let through
PRECISE = 0.1  # of the answers that may have been saved up
STEP_BURSTS = 4  # a step lasts until so many bursts would have been used up
MIN_STEP_SECONDS = 4.0
HOLD_SECONDS = 60.0  # at a rate that is known well; doubled by each refusal
MAX_HOLD_SECONDS = 960.0
NEAR_SHARE = 1 / 3  # of that, where what was refused is clearly more
MAX_STEPS = 8  # of a spell that are remembered
MIN_BUSY = 0.8  # of its rate that a step must have used to be raised
MAX_IN_VAIN = 3  # refusals in a row of clearly less than was served
BELOW = 0.9  # what is clearly less

QUIET_SECONDS = 86_400.0  # without a refusal, in which a rate doubles

FIRST_WIDTH = (
    4  # requests at once, once it has answered; of one that refuses the most
)
BLOCK = 8  # answers whose median latency is compared
SLOWER = 2.0  # how much slower than alone shows that too many are asked
MIN_SLOWER_SECONDS = 0.1  # less may be our own doing
AS_QUICK = 1.25  # how much slower still shows a willing host
AS_QUICK_SECONDS = 0.05
LATENCY_SHARE = 1 / 8  # of a new answer in the mean


class Rate(Struct):
    """What is known of one host's limits. What the ledger keeps comes first; 0 is unknown."""

    rate: float = 0.0  # requests a second at which it is asked now
    floor: float = 0.0  # what it surely lets through
    ceiling: float = 0.0  # what it has refused
    refused_at: float = 0.0  # unix time of the last refusal for the rate
    learned_at: float = 0.0  # unix time of what is known
    hold: float = HOLD_SECONDS  # before it is probed beyond what is known
    burst: float = 0.0  # good answers at once, at most
    quota: int = 0  # good answers until it refused for longer
    recovery: float = 0.0  # seconds that the next pause after a quota lasts
    is_sure_of_quota: bool = False  # it was the same twice
    latency: float = 0.0  # seconds; moving mean
    width: int = FIRST_WIDTH  # requests at once that latency lets
    _has_refused: bool = False
    _alone: list[float] = field(default_factory=list)  # latencies
    _together: list[float] = field(default_factory=list)
    _good: int = 0  # answers in this spell
    _steps: list[tuple[float, int]] = field(default_factory=list)
    _failed_at: float = 0.0  # when this trouble began, and the one before it
    _failed_before: float = 0.0
    _last_failed_at: float = 0.0
    _asked: float = 0.0  # requests a second, when it began
    _too_short: float = 0.0  # seconds after which a quota was still refused
    _served: float = 0.0  # the most a second in a spell and its pause
    _in_vain: int = 0  # refusals of less than was let through
    _is_near: bool = False  # the floor is near what is let through

    # -- what follows from it -----------------------------------------------------------------

    @property
    def is_known(self) -> bool:
        """Is there a limit that is worth remembering?"""
        return bool(self.rate or self.is_sure_of_quota)

    @property
    def interval(self) -> float:
        """Seconds from the beginning of a request to that of the next one."""
        return 1 / self.rate if self.rate else 0.0

    def at_once(self, bound: int) -> int:
        """Requests that may be under way together: one where a quota is about to end; by Little's
        law more than rate x latency would not be answered faster."""
        width = self.width if self.width < bound else bound
        if self.quota and self._good >= self.quota - bound:
            return 1
        if not self.rate:
            return width
        return min(width, max(1, math.ceil(self.rate * self.latency - 1e-3)))

    @property
    def first_pause(self) -> float:
        """Seconds to leave the host alone after the first refusal of the trouble that has begun,
        if it has refused like this before."""
        return self.recovery if self._is_same_quota else 0.0

    @property
    def _is_same_quota(self) -> bool:
        tolerated = max(SAME_COUNT, SAME_SHARE * self.quota)
        return self.quota > 0 and abs(self._good - self.quota) <= tolerated

    @property
    def _is_close(self) -> bool:
        return self.ceiling < CLOSE * self.floor

    # -- good answers -------------------------------------------------------------------------

    def learn_answer(
        self, seconds: float, at: float, *, is_alone: bool, bound: int
    ) -> bool:
        """A good answer, so many seconds after it was asked for; others may be under way. True if
        the rate has changed."""
        if not self._steps:
            self.begin_spell(at - seconds)
        self._good += 1
        if self.latency:
            self.latency += (seconds - self.latency) * LATENCY_SHARE
        else:
            self.latency = seconds
        if not is_alone:
            self._together.append(seconds)
            if len(self._together) == BLOCK:
                self._learn_width(bound)
        elif len(self._alone) < BLOCK:
            self._alone.append(seconds)
        if not self.rate:
            return False
        self.learned_at = at
        return self._raise(at)

    def _learn_width(self, bound: int) -> None:
        """Latency as an early sign: one fewer at once where answers are much slower than alone, a
        quarter more where they are as quick, of a host that has refused nothing."""
        latency = _median(self._together)
        self._together.clear()
        if not self._alone:
            return
        alone = _median(self._alone)
        more = latency - alone
        if latency > SLOWER * alone and more > MIN_SLOWER_SECONDS:
            self.width = max(min(self.width, bound) - 1, 1)
        elif self._has_refused and self.width >= FIRST_WIDTH:
            return
        elif latency <= AS_QUICK * alone or more <= AS_QUICK_SECONDS:
            self.width = min(self.width + max(self.width // 4, 1), bound)

    def _raise(self, at: float) -> bool:
        """A step that has lasted long enough, and was used, is followed by a higher one."""
        began, good = self._steps[-1]
        if at - began < self._step_seconds:
            return False
        is_busy = self._good - good >= MIN_BUSY * self.rate * (at - began)
        if is_busy:
            if self.rate * CLOSE_BELOW >= self.ceiling:
                self.ceiling *= BEYOND
                self.hold = HOLD_SECONDS
            middle = math.sqrt(self.rate * self.ceiling)
            self.rate = min(self.rate * STEP, middle)
            if self.rate > MAX_RATE:
                self.forget()
        self._begin_step(at)
        return is_busy

    @property
    def _step_seconds(self) -> float:
        if self.rate < self.floor * CLOSE_BELOW:
            if self._is_close:
                return self.hold
            if self._is_near:
                return self.hold * NEAR_SHARE
        burst = max(self.burst, 1.0)
        return max(STEP_BURSTS * burst / self.rate, MIN_STEP_SECONDS)

    # -- refusals -----------------------------------------------------------------------------

    def learn_refusal(self, at: float, bound: int) -> None:
        """The host refuses: for the first time in this trouble, or again."""
        self._last_failed_at = at
        self._has_refused = True
        self.width = min(self.width, FIRST_WIDTH)
        if self._failed_at:
            return
        self._failed_at = at
        self._asked = self.rate
        if not self.rate:
            self._asked = self.at_once(bound) / max(self.latency, MIN_LATENCY)

    def learn_recovery(self, began: float, at: float) -> None:
        """A request that began then has ended the trouble with a good answer. A host that had not
        answered before has shown no limit, nor one whose trouble was no refusal."""
        if not (self._good and self._failed_at):
            self.begin_spell(at)
            return
        lasted = began - self._failed_at
        was_awaited = self.first_pause > 0
        if lasted >= SHORT_SECONDS and (self._good >= MIN_QUOTA or was_awaited):
            self._learn_quota(lasted)
        else:
            self.quota, self.recovery, self.is_sure_of_quota = 0, 0.0, False
            self._learn_limit(at)
        self.learned_at = at
        self.begin_spell(at)

    def begin_spell(self, at: float) -> None:
        """From now on it is asked again; whatever was before taught nothing more."""
        self._good = 0
        self._failed_before, self._failed_at = self._failed_at, 0.0
        self._steps = [(at, 0)]

    def _begin_step(self, at: float) -> None:
        self._steps = [*self._steps[1 - MAX_STEPS :], (at, self._good)]

    def _learn_quota(self, lasted: float) -> None:
        """It refuses for long after so many good answers, however fast it was asked for them."""
        refused_for = self._last_failed_at - self._failed_at
        if refused_for > 0:
            self._too_short = refused_for
        middle = (lasted + self._too_short) / 2
        self.is_sure_of_quota = self._is_same_quota
        if self.is_sure_of_quota:
            self.rate = self.floor = self.ceiling = 0.0
        self.recovery = min(middle, MAX_RECOVERY_SECONDS)
        self.quota = self._good

    def _learn_limit(self, at: float) -> None:
        """It refuses what is asked too fast."""
        good, asked = self._good, self._asked
        is_in_vain = asked < BELOW * self._served
        self._in_vain = self._in_vain + 1 if is_in_vain else 0
        if self._in_vain >= MAX_IN_VAIN:
            self.forget()
            return
        served = good / (at - self._steps[0][0])
        # Else the spell began with what had been saved up.
        if self.burst and self._failed_before:
            seconds = self._failed_at - self._failed_before
            served = good / seconds
            # One may have been saved up.
            self._served = max(self._served, (good - 1) / seconds)
        self.burst = min(self.burst or good, max(good, self.burst / 2))
        sure = self._sure(served)
        self.floor = max(self.floor, sure) if asked > self.floor else sure
        self.ceiling, self.refused_at = asked, self._failed_at
        if self._is_close:
            self.hold = min(self.hold * 2, MAX_HOLD_SECONDS)
        self.rate = self.floor
        if not (self._is_close or self._is_near):
            self.rate = math.sqrt(self.floor * self.ceiling)
        self.rate = max(self.rate, MIN_RATE)

    def _sure(self, served: float) -> float:
        """Requests a second that the spell shows to be let through. Where nearly all answers of the
        steps that show it must have been let through, as few can have been saved up, that
        is a bound, from which the truth may be far; else it is near the truth."""
        sure, self._is_near = served, False
        for began, good in self._steps:
            seconds = self._failed_at - began
            answers = self._good - good
            if seconds <= 0 or answers - self.burst <= sure * seconds:
                continue
            sure = (answers - self.burst) / seconds
            is_long = answers >= STRONG * self.burst
            self._is_near = is_long and self.burst > PRECISE * answers
        return min(sure, self._asked)

    def forget(self) -> None:
        """No limit is known."""
        self.rate = self.floor = self.ceiling = 0.0
        self._served = 0.0
        self.burst, self._in_vain = 0.0, 0

    def grow_older(self, seconds: float) -> None:
        """So long without a refusal: what it costs halves with each day, as the host may have
        changed its mind."""
        growth = 2.0 ** min(max(seconds, 0.0) / QUIET_SECONDS, 32)
        self.rate *= growth
        self.ceiling *= growth
        if self.rate > MAX_RATE:
            self.forget()


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
