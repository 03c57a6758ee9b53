"""Counts that add up, and the exit code that follows from them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper.errors import new_failure, of_status
from scraper.model import Failure, Fetched, State, Task, Timings
from scraper.outcomes.outcome import Outcome
from scraper.reports.fields import Drop
from scraper.reports.summary import Report, Tally, size_text
from scraper.urls import parts_of

TASK = Task(
    1, parts_of("https://example.com/"), parts_of("https://example.com/")
)
PAGE = Fetched(TASK, TASK.url, 200, "page", "text/html", None, (), "1.part", 1_000, 400, "00", 0.0,
               Timings())  # fmt: skip


def outcome(
    state: State, problem: Failure | None = None, fetched: Fetched | None = None
) -> Outcome:
    return Outcome(TASK, state, b"{}", failure=problem, fetched=fetched)


BOOK = replace(
    outcome("done", fetched=PAGE), fill='[["books",1,{"title":1,"price":0}]]'
)
OUTCOMES = {
    "book": BOOK,
    "done": outcome("done", fetched=PAGE),
    "unchanged": outcome("unchanged", fetched=PAGE),
    "missing": outcome("failed", of_status(404, "Not Found")),
    "refused": outcome("failed", new_failure("connect_refused", "")),
    "broken": outcome("failed", new_failure("image_broken", ""), PAGE),
    "robots": outcome("skipped", new_failure("robots_disallowed", "")),
}
NAMES = st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=30)


def report_of(*names: str) -> Report:
    report = Report()
    for name in names:
        report.count(OUTCOMES[name])
    return report


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([], 0),
        (["done"], 0),
        (["unchanged"], 0),
        (["robots"], 4),
        (["done", "robots"], 0),
        (["done", "missing"], 3),
        (["unchanged", "missing", "robots"], 3),
        (["missing"], 4),
        (["missing", "robots"], 4),
    ],
)
def test_the_exit_code_follows_the_states(names: list[str], code: int) -> None:
    assert report_of(*names).exit_code == code


@given(NAMES)
def test_a_run_that_was_stopped_says_so_whatever_it_did(
    names: list[str],
) -> None:
    report = report_of(*names)
    report.stopped = "disk full"
    assert report.exit_code == 5


@pytest.mark.parametrize(
    ("fail_on", "bad", "good", "code"),
    [
        (("failed=5%",), 1, 19, 0),
        (("failed=5%",), 1, 18, 3),
        (("failed=29%",), 29, 71, 0),
        (("failed=0.5%",), 1, 198, 3),
        (("failed=100%",), 9, 1, 0),
        (("failed=0%",), 1, 99, 3),
        (("failed=0",), 0, 3, 0),
        (("failed=2",), 2, 1, 0),
        (("failed=2",), 3, 100, 3),
        (("failed=5%", "failed=2"), 3, 97, 3),
        (("failed=100%",), 3, 0, 4),
        (("gone", "changed"), 1, 99, 3),
    ],
)
def test_as_many_may_fail_as_is_said(
    fail_on: tuple[str, ...], bad: int, good: int, code: int
) -> None:
    skipped = ["robots"] * 40
    report = report_of(*["missing"] * bad, *["done"] * good, *skipped)
    report.fail_on = fail_on
    assert report.exit_code == code


def test_statuses_are_counted_one_by_one() -> None:
    report = report_of("missing", "missing", "refused", "robots")
    assert dict(report.failures) == {"http_404": 2, "connect_refused": 1}
    assert dict(report.skips) == {"robots_disallowed": 1}


def test_what_failed_is_no_page_of_those_done_but_its_bytes_came() -> None:
    report = report_of("done", "broken")
    assert report.kinds["page"] == 1
    assert report.bytes == 2_000
    assert report.wire_bytes == 800


@given(NAMES, st.integers(0, 30))
def test_a_resumed_pass_counts_as_if_it_had_not_been_interrupted(
    names: list[str], place: int
) -> None:
    before, after = report_of(*names[:place]), Report()
    after.resume(json.loads(json.dumps(before.as_dict())))
    for name in names[place:]:
        after.count(OUTCOMES[name])
    assert after.as_dict() == report_of(*names).as_dict()


@given(NAMES)
def test_every_outcome_is_counted_once(names: list[str]) -> None:
    report = report_of(*names)
    assert report.total == len(names) == report.as_dict()["urls"]
    assert report.states["failed"] == report.failures.total()
    assert report.states["skipped"] == report.skips.total()


def test_the_summary_is_read_at_a_glance() -> None:
    report = report_of("done", "done", "missing", "robots")
    report.seconds = 75
    assert report.text().splitlines() == [
        "2 done · 1 failed · 1 skipped · 2 pages · 2.0 kB in 1 min 15 s",
        "failed: 1 http_404",
        "skipped: 1 robots_disallowed",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (18_300_000, "18.3 MB"),
     (5 * 10**12, "5000.0 GB")],
)  # fmt: skip
def test_sizes_are_written_as_people_write_them(size: float, text: str) -> None:
    assert size_text(size) == text


# -- what the reasons say ---------------------------------------------------------------------


def failing(kind: str, message: str) -> Outcome:
    return outcome("failed", new_failure(kind, message))


def test_the_message_that_all_failures_of_a_kind_share_is_told() -> None:
    report = Report()
    for _ in range(3):
        report.count(
            failing("function_failed", "KeyError: 'price' (mysite.py, line 3)")
        )
    report.count(failing("proxy_failed", "the proxy asks for a password"))
    report.count(failing("proxy_failed", "the proxy asks for a password"))
    report.count(outcome("failed", of_status(404, "Not Found")))
    report.count(outcome("failed", of_status(404, "Not Found")))
    assert report.text().splitlines()[1] == (
        "failed: 3 function_failed: KeyError: 'price' (mysite.py, line 3)"
        " · 2 proxy_failed: the proxy asks for a password · 2 http_404"
    )


def test_messages_that_differ_are_not_told() -> None:
    report = Report()
    for name in ("price", "name", "price"):
        report.count(failing("function_failed", f"KeyError: {name!r}"))
    assert report.text().splitlines()[1] == "failed: 3 function_failed"


def test_a_function_that_fails_once_says_how() -> None:
    report = Report()
    report.count(failing("function_failed", "KeyError: 'price'"))
    report.count(failing("image_broken", "no picture"))
    assert report.text().splitlines()[1] == (
        "failed: 1 function_failed: KeyError: 'price' · 1 image_broken"
    )


def test_a_shared_message_is_one_short_line_without_secrets() -> None:
    report = Report()
    report.count(
        failing(
            "function_failed",
            "at https://me:pw@example.com/\n\x1b[31m" + "x" * 999,
        )
    )
    told = report.text().splitlines()[1]
    assert "pw@" not in told
    assert "\x1b" not in told
    assert len(told) < 300


def test_a_resumed_pass_knows_whether_all_share_a_message() -> None:
    before, after = Report(), Report()
    before.count(failing("function_failed", "KeyError: 'price'"))
    after.resume(json.loads(json.dumps(before.as_dict())))
    after.count(failing("function_failed", "KeyError: 'name'"))
    assert after.text().splitlines()[1] == "failed: 2 function_failed"


def test_a_message_of_this_pass_does_not_speak_for_earlier_ones() -> None:
    report = Report(number=2, totals=Tally())
    report.count(failing("function_failed", "KeyError: 'price'"))
    assert report.totals is not None
    report.totals.failures["function_failed"] = 2
    assert report.text().splitlines()[-1] == "failed: 2 function_failed"


@pytest.mark.parametrize(
    ("kinds", "told"), [(7, "1 more kind"), (8, "2 more kinds")]
)
def test_what_is_not_told_is_counted(kinds: int, told: str) -> None:
    report = Report()
    report.failures.update({f"http_{400 + n}": 10 - n for n in range(kinds)})
    assert report.text().splitlines()[1].endswith(f" · {told}")


def test_time_is_counted_while_it_goes_on() -> None:
    report = Report()
    report.resume({"seconds": 10})
    report.take_time(100.0)
    report.take_time(101.5)
    report.take_time(105.0)
    assert report.seconds == 15.0


# -- recipes ----------------------------------------------------------------------------------

EMPTIED = Drop("books", "price", 0, 2, 3, 40, 40)
PARTIAL = Drop("books", "title", 1, 2, 3, 40, 40)


def test_the_summary_says_what_recipes_came_to() -> None:
    report = report_of("book", "book", "missing")
    report.dropped = [EMPTIED]
    *_, failed, recipe, alarm = report.text().splitlines()
    assert failed == "failed: 1 http_404"
    assert recipe == (
        "recipe books: 2 pages · title 100 % · price never filled"
    )
    assert (
        alarm == "! price of recipe books was full in pass 3 and is empty now"
    )


def test_a_recipe_that_matched_no_page_is_said() -> None:
    report = report_of("done")
    report.fills.expect("books", ["title"])
    assert "recipe books: no page matched" in report.text()


def test_without_a_page_no_recipe_could_match() -> None:
    report = report_of("missing", "robots")
    report.fills.expect("books", ["title"])
    assert "recipe" not in report.text()


@pytest.mark.parametrize(
    ("names", "fail_on", "dropped", "code"),
    [
        (["book"], (), [EMPTIED], 0),
        (["book"], ("fields",), [EMPTIED], 3),
        (["book"], ("fields",), [PARTIAL], 0),
        (["book"], ("fields",), [], 0),
        (["book", "missing"], ("fields",), [EMPTIED], 3),
        (["missing"], ("fields",), [EMPTIED], 4),
        (["book", "missing"], ("fields", "failed=1"), [EMPTIED], 3),
    ],
)
def test_an_emptied_field_makes_a_failure_if_that_is_asked_for(
    names: list[str], fail_on: tuple[str, ...], dropped: list[Drop], code: int
) -> None:
    report = report_of(*names)
    report.fail_on, report.dropped = fail_on, dropped
    assert report.exit_code == code
    report.stopped = "disk full"
    assert report.exit_code == 5
