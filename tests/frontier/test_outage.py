"""Our own outage: what is held, what thaws, and that nothing is judged twice or lost."""

from __future__ import annotations

import errno

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from scraper import errors
from scraper.errors import failure_of, new_failure, of_status
from scraper.frontier.outage import (
    FREEZE_INTERVAL_SECONDS,
    LATE_PROBE_SECONDS,
    SUSPICIOUS_ADDRESSES,
    SUSPICIOUS_FAILURES,
    Outage,
    meaning_of,
    waiting_text,
)
from scraper.messages import Answered
from scraper.model import (
    Fact,
    Failure,
    FetchFailed,
    Moved,
    RobotsText,
    Task,
)
from scraper.urls import parts_of

START = 1_700_000_000.0
WAIT = 300.0
URL = parts_of("http://a.test/")


def failed(
    failure: Failure, id: int = 1, *, answered: bool = False
) -> FetchFailed:
    task = Task(id, URL, URL)
    return FetchFailed(task, failure, URL, START, answered=answered)


def answered(id: int) -> Answered:
    return Answered(
        id, failed(new_failure("connect_timeout", "-"), id), START, START
    )


def ids(judged: list[Answered]) -> list[int]:
    return [each.request_id for each in judged]


def suspicious(*, has_heard: bool = True) -> Outage:
    """An outage with as many failures held as make it freeze at the next look."""
    outage = Outage(WAIT, has_heard=has_heard)
    for id in range(SUSPICIOUS_FAILURES):
        assert outage.hold(answered(id), START, f"address {id % 4}")
    return outage


def frozen(*, has_heard: bool = True) -> Outage:
    outage = suspicious(has_heard=has_heard)
    assert outage.check(START, idle=False) == []
    assert outage.frozen_since == START
    return outage


ALL = list(range(SUSPICIOUS_FAILURES))


# -- what a fact says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "meaning"),
    [
        (Moved(Task(1, URL, URL), URL, 302, START), "heard"),
        (RobotsText(Task(1, URL, URL), "", START), "heard"),
        (failed(of_status(503, "Busy")), "heard"),
        (failed(new_failure("connect_refused", "-")), "heard"),
        (failed(new_failure("tls_certificate", "-")), "heard"),
        (failed(new_failure("timeout_read", "-"), answered=True), "heard"),
        (failed(new_failure("body_short", "-")), "heard"),
        (failed(new_failure("dns_not_found", "-")), "neither"),
        (failed(new_failure("private_address", "-")), "neither"),
        (failed(new_failure("disk_full", "-")), "neither"),
        (failed(new_failure("internal_error", "-")), "neither"),
        *(
            (failed(new_failure(kind, "-")), "silent")
            for kind in ("dns_failed", "dns_timeout", "connect_timeout", "connect_failed",
                         "tls_failed", "proxy_failed", "connection_lost", "timeout_read",
                         "timeout_first_byte", "timeout_total")
        ),
    ],
)  # fmt: skip
def test_a_fact_says_something_of_our_network(fact: Fact, meaning: str) -> None:
    assert meaning_of(fact) == meaning


@pytest.mark.parametrize(
    "number", [errno.ENETDOWN, errno.ENETUNREACH, errno.EADDRNOTAVAIL]
)
def test_no_network_is_silence_and_no_fault_of_this_machine(
    number: int,
) -> None:
    failure = failure_of(OSError(number, "because"))
    assert failure.kind == "connect_failed"
    assert meaning_of(failed(failure)) == "silent"
    assert errors.KINDS["network_down"].blame == "here"


# -- listening --------------------------------------------------------------------------------


def test_silence_is_judged_if_something_was_heard_since_the_request_began() -> (
    None
):
    outage = Outage(WAIT, has_heard=True)
    outage.hear(START)
    assert not outage.hold(answered(1), START - 1, "a")
    assert outage.hold(answered(2), START, "a")
    assert outage.held == 1


def test_what_is_heard_later_judges_what_began_before_in_its_order() -> None:
    outage = Outage(WAIT, has_heard=True)
    for id, began in [(1, START + 2), (2, START), (3, START + 5), (4, START)]:
        assert outage.hold(answered(id), began, "a")
    assert ids(outage.hear(START + 3)) == [1, 2, 4]
    assert outage.hear(START + 3) == [], "it is known already"
    assert ids(outage.hear(START + 6)) == [3]
    assert outage.held == 0


def test_a_few_failures_or_addresses_freeze_nothing_while_others_are_asked() -> (
    None
):
    outage = Outage(WAIT, has_heard=True)
    for id in range(SUSPICIOUS_FAILURES - 1):
        outage.hold(answered(id), START, f"address {id}")
    assert outage.check(START, idle=False) == []
    assert outage.frozen_since is None
    outage = Outage(WAIT, has_heard=True)
    for id in range(SUSPICIOUS_FAILURES * 4):
        outage.hold(
            answered(id), START, f"address {id % (SUSPICIOUS_ADDRESSES - 1)}"
        )
    assert outage.check(START, idle=False) == []
    assert outage.frozen_since is None


def test_with_nothing_under_way_few_addresses_are_judged() -> None:
    outage = Outage(WAIT, has_heard=True)
    for id in range(6):
        outage.hold(answered(id), START, f"address {id % 3}")
    assert ids(outage.check(START, idle=True)) == list(range(6))
    assert (outage.held, outage.frozen_since) == (0, None)


def test_with_nothing_under_way_few_failures_freeze() -> None:
    outage = Outage(WAIT, has_heard=True)
    for id in range(SUSPICIOUS_ADDRESSES):
        outage.hold(answered(id), START, f"address {id}")
    assert outage.check(START, idle=True) == []
    assert outage.frozen_since == START


def test_a_proxy_is_one_address() -> None:
    outage = Outage(WAIT, has_heard=True, addresses=1)
    for id in range(SUSPICIOUS_FAILURES):
        outage.hold(answered(id), START, "proxy")
    outage.check(START, idle=False)
    assert outage.frozen_since == START


def test_there_is_one_freeze_a_minute_but_where_it_costs_nothing() -> None:
    outage = frozen()
    assert ids(outage.hear(START + 1)) == ALL
    for id in ALL:
        outage.hold(answered(id), START + 2, f"address {id}")
    outage.check(START + 3, idle=False)
    assert outage.frozen_since is None
    assert outage.next_clock() == START + FREEZE_INTERVAL_SECONDS
    outage.check(START + FREEZE_INTERVAL_SECONDS, idle=False)
    assert outage.frozen_since == START + FREEZE_INTERVAL_SECONDS
    outage.hear(START + 61)
    for id in ALL:
        outage.hold(answered(id), START + 62, f"address {id}")
    outage.check(START + 63, idle=True)
    assert outage.frozen_since == START + 63


# -- frozen -----------------------------------------------------------------------------------


def test_the_network_is_probed_less_and_less_often() -> None:
    outage, now, waits = frozen(), START, []
    for _ in range(9):
        assert outage.probe_at is not None
        assert not outage.begin_probe(outage.probe_at - 0.1)
        waits.append(outage.probe_at - now)
        now = outage.probe_at
        assert outage.begin_probe(now)
        assert not outage.begin_probe(now + 1_000), "one at a time"
        outage.note_silent_probe(now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_what_was_received_before_the_freeze_does_not_end_it() -> None:
    outage = frozen()
    assert outage.hear(START - 0.1) == []
    assert outage.frozen_since == START
    # and what was in the air is not judged meanwhile, whatever was heard
    assert outage.hold(answered(100), START - 5, "a")
    assert ids(outage.hear(START + 9)) == [*ALL, 100]
    assert outage.frozen_since is None
    assert outage.probe_at is None
    outage.note_silent_probe(START + 10)
    assert outage.probe_at is None, "the answer of a probe that came late"


def test_where_something_was_heard_before_the_run_ends() -> None:
    outage = frozen()
    assert outage.begin_probe(START + 1)
    assert outage.next_clock() == START + WAIT
    outage.note_silent_probe(START + 2)
    assert outage.check(START + WAIT, idle=True) == []
    assert not outage.is_over(START + WAIT - 0.1)
    assert outage.is_over(START + WAIT)
    outage.drop()
    assert (outage.held, outage.frozen_since) == (0, None)
    assert outage.hold(answered(1), START, "a"), "it stays pending, too"
    assert outage.held == 0


def test_where_nothing_was_ever_heard_all_is_judged_until_something_is() -> (
    None
):
    outage = frozen(has_heard=False)
    assert outage.begin_probe(START + 1)
    outage.note_silent_probe(START + 2)
    assert outage.check(START + WAIT - 0.1, idle=True) == []
    assert not outage.is_over(START + WAIT)
    assert ids(outage.check(START + WAIT, idle=True)) == ALL
    assert not outage.hold(answered(1), START + WAIT, "a")
    outage.hear(START + WAIT + 1)
    assert outage.hold(answered(1), START + WAIT + 2, "a")


def test_a_probe_that_never_comes_back_is_not_waited_for() -> None:
    outage = frozen()
    assert outage.begin_probe(START + 1)
    assert not outage.is_over(START + WAIT + LATE_PROBE_SECONDS - 0.1)
    assert outage.is_over(START + WAIT + LATE_PROBE_SECONDS)


def test_what_the_run_waits_for_has_words() -> None:
    text = waiting_text(START, START + 120, utc=True)
    assert text == ("no network since 22:13 UTC, next try 22:15 UTC")
    assert waiting_text(START, None, utc=True).endswith(", trying now")
    assert "UTC" not in waiting_text(START, None)


# -- the law ----------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(("silent", "silent", "silent", "heard", "look", "idle", "probe")),
        st.floats(0.01, 90),  # seconds since the step before
        st.integers(0, 5),  # the address
        st.floats(0, 30),  # how long the request took
    ),
    max_size=80,
)  # fmt: skip


@given(STEPS, st.booleans())
def test_what_is_held_is_judged_once_in_its_order_or_stays_pending(
    steps: list[tuple[str, float, int, float]], has_heard: bool
) -> None:
    outage, now = Outage(WAIT, has_heard=has_heard), START
    held: list[int] = []  # in the order in which they came
    freezes: list[float] = []

    def judge(judged: list[int], *, some: bool = False) -> None:
        assert len(judged) == len(set(judged))
        assert judged == [each for each in held if each in judged]
        assert some or not judged or judged == held
        held[:] = [each for each in held if each not in judged]

    for id, (step, seconds, address, took) in enumerate(steps):
        now += seconds
        before = outage.frozen_since
        if step == "silent":
            if outage.hold(answered(id), now - took, str(address)):
                held.append(id)
            assert before is None or id in held, "frozen: no verdict"
        elif step == "heard":
            judge(ids(outage.hear(now)), some=before is None)
            assert outage.frozen_since is None
        elif step == "probe" and outage.begin_probe(now):
            outage.note_silent_probe(now)
        else:
            judge(ids(outage.check(now, idle=step == "idle")))
        assert outage.held == len(held)
        if outage.frozen_since is not None and before is None:
            assert step in ("look", "idle", "probe")
            event("froze")
            freezes.append(now)
        if outage.is_over(now):
            event("over")
            outage.drop()
            assert outage.held == 0
            return
    # A freeze ends: by what is heard, by the clock, or with the run.
    if outage.frozen_since is not None:
        end = outage.frozen_since + WAIT + LATE_PROBE_SECONDS
        judge(ids(outage.check(end, idle=True)))
        assert outage.is_over(end) or outage.frozen_since is None
    elif held:
        judge(ids(outage.hear(now + 1)))
        assert not held
