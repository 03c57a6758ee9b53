"""The rows are the truth: what is known of each URL, over passes, kills and clashes."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper.errors import UsageError, new_failure, of_status
from scraper.model import Hop, HostState, Line, Publication, Task, Waiting
from scraper.storage import intake as module
from scraper.storage import schema
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.storage.sets.bitmap import Bitmap
from scraper.text import unix_of
from scraper.urls import Url, lane_of, parts_of

DONE = FinishedRow("done", None, 1)
A, B, C = (Line(parts_of(f"https://{name}.example/")) for name in "abc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = Ledger(path)
    yield opened
    opened.close()


def first_of_lane(
    ledger: Ledger, lane: int, limit: int, without: Collection[int] = ()
) -> list[Waiting]:
    (found,) = ledger.waiting.first_of_lanes([lane], limit, without)
    return found


def task_of(ledger: Ledger, line: Line, pass_: int = 1) -> Task:
    ledger.intake.add([line], pass_)
    found = [each.task for each in first_of_lane(ledger, line.url.lane, 100)
             if each.task.origin_url == line.url]  # fmt: skip
    assert len(found) == 1
    return found[0]


def waiting(ledger: Ledger, host: str) -> list[str]:
    return [
        each.task.url.href for each in first_of_lane(ledger, lane_of(host), 100)
    ]


def of_host(name: str, *paths: str) -> list[Line]:
    return [Line(parts_of(f"https://{name}/{path}")) for path in paths]


# -- intake -----------------------------------------------------------------------------------


def test_a_url_is_added_once(ledger: Ledger) -> None:
    assert ledger.intake.add([A, B, A], 1).new == 2
    assert ledger.intake.add([B, C], 1).new == 1
    assert ledger.waiting.count_pending() == 3


@pytest.mark.parametrize("rows", [1, 2, 16_384])
def test_what_a_list_names_no_more_is_another_lists_or_nobodys(
    ledger: Ledger, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "ROWS_A_SLICE", rows)
    of_first = [replace(line, source=1, line=7) for line in (A, B, C)]
    ledger.intake.add(of_first, 1, seen=Bitmap())
    ledger.intake.add([replace(B, source=2, line=9)], 1, seen=Bitmap())
    ledger.intake.add([replace(A, source=1, line=8)], 1, seen=Bitmap())
    again = Bitmap()
    ledger.intake.add(of_first[:1], 2, seen=again)
    ledger.intake.drop_unlisted([1], again)
    assert ledger.execute(
        "SELECT source, line, seq IS NOT NULL FROM url ORDER BY id"
    ).fetchall() == [(1, 7, 1), (2, 9, 1), (None, None, 0)]
    named = ledger.execute("SELECT source, line FROM input").fetchall()
    assert named == [(2, 9)]
    ledger.intake.drop_unlisted([2], Bitmap())
    assert ledger.value_of("SELECT count(seq) FROM url") == 1


def test_what_lists_name_no_more_is_dropped_once_and_again_after_a_rollback(
    ledger: Ledger,
) -> None:
    ledger.intake.add([replace(A, source=1, line=1)], 1, seen=Bitmap())
    ledger.commit()
    statements: list[str] = []
    ledger.connection.set_trace_callback(statements.append)
    for _ in range(2):
        ledger.intake.drop_unlisted([1], Bitmap())
        assert ledger.value_of("SELECT count(seq) FROM url") == 0
        statements.clear()
        ledger.intake.drop_unlisted([1], Bitmap())
        assert statements == []
        ledger.rollback()
        assert ledger.value_of("SELECT count(seq) FROM url") == 1


def test_lines_that_repeat_a_url_are_counted_in_each_reading_anew(
    ledger: Ledger,
) -> None:
    seen = Bitmap()
    a, b, c = (replace(each, source=1, line=1) for each in (A, B, C))
    assert ledger.intake.add([a, b, a], 1, seen=seen).repeated == 1
    assert ledger.intake.add([b, c], 1, seen=seen).repeated == 1
    assert ledger.intake.add([a, b, c], 1, seen=Bitmap()).repeated == 0, (
        "read again after a kill"
    )


def test_a_listed_url_has_its_place_and_a_found_one_its_parent(
    ledger: Ledger,
) -> None:
    ledger.sources.id_of("urls.txt")
    parent = task_of(ledger, replace(A, source=1, line=5, written="A.example"))
    ledger.intake.add([replace(B, depth=1, parent=parent.id)], 1, listed=False)
    child = first_of_lane(ledger, B.url.lane, 1)[0].task
    assert (parent.seq, parent.source, parent.line, parent.written) == (
        1, "urls.txt", 5, "A.example")  # fmt: skip
    assert (child.seq, child.parent, child.depth) == (None, A.url, 1)


def test_what_a_page_named_first_becomes_the_lists_own(ledger: Ledger) -> None:
    ledger.sources.id_of("urls.txt")
    parent = task_of(ledger, A)
    ledger.intake.add([replace(B, depth=1, parent=parent.id)], 1, listed=False)
    added = ledger.intake.add(
        [replace(B, source=1, line=7, written="B.example")], 1, seen=Bitmap()
    )
    assert (added.new, added.repeated, added.due, added.known_as_found) == (
        0,
        0,
        1,
        1,
    )
    task = first_of_lane(ledger, B.url.lane, 1)[0].task
    assert (task.seq, task.source, task.line, task.written, task.parent, task.depth) == (
        2, "urls.txt", 7, "B.example", None, 0)  # fmt: skip


def test_what_a_page_named_in_an_earlier_pass_is_no_find_of_this_one(
    ledger: Ledger,
) -> None:
    parent = task_of(ledger, A)
    ledger.intake.add([replace(B, parent=parent.id)], 1, listed=False)
    ledger.waiting.finish(
        first_of_lane(ledger, B.url.lane, 1)[0].task,
        FinishedRow("done", None, 1),
        1,
    )
    added = ledger.intake.add([B], 2, again=True)
    assert (added.again, added.due, added.known_as_found) == (1, 1, 0)


def test_only_lanes_that_gain_are_told(ledger: Ledger) -> None:
    assert ledger.intake.add([A, B], 1).hosts == {A.url.lane, B.url.lane}
    assert ledger.intake.add([A], 1).hosts == frozenset()


def test_two_urls_with_one_hash_stay_two(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 bits meet often among millions; the text decides, not the hash."""
    monkeypatch.setattr(module, "hash_of", lambda url: 42)
    assert ledger.intake.add([A, B], 1).new == 2, "in one slice"
    assert ledger.intake.add([C, A], 1).new == 1, "with one that is there"
    assert ledger.intake.add([A, B, C], 1).new == 0, "and each is found again"
    assert ledger.intake.count_by_source([A]) == {None: 1}, "without the others"
    assert [waiting(ledger, line.url.host) for line in (A, B, C)] == [
        [A.url.href],
        [B.url.href],
        [C.url.href],
    ]


def test_a_line_that_is_no_url_waits_in_the_lane_of_no_host(
    ledger: Ledger,
) -> None:
    ledger.intake.add([Line(Url("ftp://x", "", ""), refusal="bad_scheme")], 1)
    task = first_of_lane(ledger, 0, 1)[0].task
    assert (task.refusal, task.url.host, task.url.href) == (
        "bad_scheme",
        "",
        "ftp://x",
    )


# -- lanes ------------------------------------------------------------------------------------


def test_a_lane_gives_fresh_urls_in_the_order_of_the_list_then_retries(
    ledger: Ledger,
) -> None:
    ledger.intake.add(of_host("a.example", "1", "2", "3"), 1)
    first = first_of_lane(ledger, lane_of("a.example"), 1)[0].task
    ledger.waiting.requeue(first, due=50.0, attempts=1)
    assert waiting(ledger, "a.example") == [
        f"https://a.example/{n}" for n in (2, 3, 1)
    ]
    last = first_of_lane(ledger, lane_of("a.example"), 3)[2]
    assert (last.due, last.task.attempt) == (50.0, 2)


def test_a_lane_gives_no_more_than_asked_for(ledger: Ledger) -> None:
    ledger.intake.add(of_host("a.example", *map(str, range(10))), 1)
    assert len(first_of_lane(ledger, lane_of("a.example"), 3)) == 3


def test_a_lane_is_read_without_what_is_out_already(ledger: Ledger) -> None:
    ledger.intake.add(of_host("a.example", *map(str, range(4))), 1)
    out, second = first_of_lane(ledger, lane_of("a.example"), 2)
    rest = first_of_lane(ledger, lane_of("a.example"), 1, {out.task.id})
    assert rest == [second]


def test_a_lane_knows_which_urls_were_asked_before_and_are_due(
    ledger: Ledger,
) -> None:
    ledger.intake.add(of_host("a.example", *map(str, range(6))), 1)
    lane = lane_of("a.example")
    out, *tasks = [row.task for row in first_of_lane(ledger, lane, 5)]
    for due, task in enumerate([out, *tasks]):
        ledger.waiting.requeue(task, due=float(due), attempts=1)
    (asked,) = ledger.waiting.first_of_lanes([lane], 9, {tasks[0].id}, 3.0)
    assert [row.due for row in asked] == [2.0, 3.0]
    assert [row.task.id for row in asked] == [task.id for task in tasks[1:3]]
    ((first,),) = ledger.waiting.first_of_lanes([lane], 1, (), 3.0)
    assert first.task.id == tasks[0].id


def test_lanes_are_read_together_each_by_itself(ledger: Ledger) -> None:
    ledger.intake.add(of_host("b.example", "1", "2", "3"), 1)
    ledger.intake.add(of_host("a.example", "4"), 1)
    lanes = [lane_of(f"{name}.example") for name in "abc"]
    out = first_of_lane(ledger, lanes[1], 1)[0].task.id
    found = ledger.waiting.first_of_lanes(lanes, 2, {out})
    assert [[each.task.url.href for each in rows] for rows in found] == [
        ["https://a.example/4"],
        ["https://b.example/2", "https://b.example/3"],
        [],
    ]


def test_every_lane_is_met_in_one_round(ledger: Ledger) -> None:
    hosts = [f"host-{n}.example" for n in range(20)]
    ledger.intake.add(
        [line for host in hosts for line in of_host(host, "1", "2")], 1
    )
    met: list[int] = []
    while lanes := ledger.waiting.next_lanes(met[-1] if met else -1, 6):
        assert len(lanes) == 6 or len(met) + len(lanes) == len(hosts)
        met.extend(lanes)
    assert met == sorted(map(lane_of, hosts))


def test_with_each_lane_comes_whether_its_host_is_remembered(
    ledger: Ledger,
) -> None:
    a, b = lane_of("a.example"), lane_of("b.example")
    ledger.intake.add([A, B], 1)
    assert ledger.waiting.next_lanes(-1, 9) == {
        a: (False, False),
        b: (False, False),
    }
    ledger.waiting.keep_host(HostState(a, "a.example"))
    ledger.waiting.keep_robots(b, "b.example", "https", 1.0, "")
    assert ledger.waiting.next_lanes(-1, 9) == {
        a: (True, False),
        b: (True, False),
    }


def test_a_hop_waits_in_the_lane_of_its_target_and_comes_home(
    ledger: Ledger,
) -> None:
    task = task_of(ledger, A)
    hop = replace(
        task, url=parts_of("https://b.example/x"), hops=(Hop(A.url, 301),)
    )
    ledger.waiting.requeue(hop, due=0.0, attempts=0)
    assert waiting(ledger, "a.example") == []
    onward = first_of_lane(ledger, lane_of("b.example"), 1)[0].task
    assert (onward.url, onward.origin_url, onward.hops, onward.attempt) == (
        parts_of("https://b.example/x"), A.url, (Hop(A.url, 301),), 1)  # fmt: skip
    ledger.waiting.finish(
        onward, FinishedRow("failed", "http_status", 1, status=503), 1
    )
    assert ledger.passes.reopen_failed(2, ["http_503"]) == 1
    again = first_of_lane(ledger, lane_of("a.example"), 1)[0].task
    assert (again.url, again.hops, again.attempt) == (A.url, (), 1)


def test_what_is_finished_waits_no_more(ledger: Ledger) -> None:
    ledger.waiting.finish(task_of(ledger, A), DONE, 1)
    assert ledger.waiting.count_pending() == 1, (
        "gathered, and written with the next question or commit"
    )
    assert waiting(ledger, "a.example") == []
    assert ledger.waiting.count_pending() == 0
    assert ledger.waiting.next_lanes(-1, 9) == {}


# -- passes -----------------------------------------------------------------------------------


def finished(ledger: Ledger) -> None:
    for line, problem in (
        (A, None),
        (B, new_failure("timeout_read", "")),
        (C, of_status(404, "")),
    ):
        task = task_of(ledger, line)
        state = "failed" if problem else "done"
        status = problem.status if problem else 200
        ledger.waiting.finish(
            task,
            FinishedRow(
                state, problem.kind if problem else None, 1, status=status
            ),
            1,
        )
    ledger.commit()


@pytest.mark.parametrize(
    ("kinds", "due"),
    [([], [B, C]), (["timeout_read"], [B]), (["http_404"], [C]), (["http_500"], []),
     (["http_status"], [C]), (["timeout_read", "http_404"], [B, C])],
)  # fmt: skip
def test_failures_are_asked_again_by_kind(
    ledger: Ledger, kinds: list[str], due: list[Line]
) -> None:
    finished(ledger)
    assert ledger.passes.reopen_failed(2, kinds) == len(due)
    found = [
        url for line in (A, B, C) for url in waiting(ledger, line.url.host)
    ]
    assert found == [line.url.href for line in due]


def test_a_skipped_url_is_asked_again_only_by_name(ledger: Ledger) -> None:
    ledger.waiting.finish(
        task_of(ledger, A), FinishedRow("skipped", "robots_disallowed", 0), 1
    )
    ledger.commit()
    assert ledger.passes.reopen_failed(2, []) == 0
    assert ledger.passes.reopen_failed(2, ["robots_disallowed"]) == 1


def test_a_new_pass_makes_ended_urls_due_and_leaves_the_others(
    ledger: Ledger,
) -> None:
    finished(ledger)
    added = ledger.intake.add(
        [A, C, Line(parts_of("https://d.example/"))], 2, again=True
    )
    assert (added.new, added.again) == (1, 2)
    assert ledger.intake.add([A], 2, again=True).again == 0, "once in a pass"
    assert waiting(ledger, B.url.host) == []


@pytest.mark.parametrize("way", ["retry", "refresh"])
def test_a_line_that_is_no_url_is_none_in_the_next_pass_either(
    ledger: Ledger, way: str
) -> None:
    line = Line(Url("ftp://x", "", ""), refusal="bad_scheme")
    ledger.intake.add([line], 1)
    task = first_of_lane(ledger, 0, 1)[0].task
    ledger.waiting.finish(task, FinishedRow("failed", "bad_scheme", 0), 1)
    if way == "retry":
        ledger.passes.reopen_failed(2, [])
    else:
        ledger.intake.add([line], 2, again=True)
    assert [each.task.refusal for each in first_of_lane(ledger, 0, 9)] == [
        "bad_scheme"
    ]


# -- commits ----------------------------------------------------------------------------------


def test_nothing_is_true_before_its_commit(path: Path) -> None:
    """As the next run sees it after a kill."""
    killed = Ledger(path)
    killed.intake.add([A], 1)
    killed.set_position("records.jsonl", "100")
    killed.commit()
    killed.waiting.finish(
        first_of_lane(killed, A.url.lane, 1)[0].task,
        FinishedRow("done", None, 1),
        1,
    )
    killed.intake.add([B], 1)
    killed.set_position("records.jsonl", "200")
    killed.flush()
    killed.connection.close()

    following = Ledger(path)
    assert following.position("records.jsonl") == "100"
    assert waiting(following, A.url.host) == [A.url.href]
    assert waiting(following, B.url.host) == []
    assert following.intake.add([B], 1).new == 1, "its number is free again"
    following.close()


def test_a_rollback_is_a_kill_without_the_end(ledger: Ledger) -> None:
    ledger.intake.add([A], 1)
    ledger.commit()
    ledger.waiting.finish(
        first_of_lane(ledger, A.url.lane, 1)[0].task,
        FinishedRow("done", None, 1),
        1,
    )
    ledger.sources.id_of("urls.txt")
    ledger.intake.add([B], 1)
    ledger.rollback()
    assert waiting(ledger, A.url.host) == [A.url.href]
    assert waiting(ledger, B.url.host) == []
    ledger.intake.add([B], 1)
    assert ledger.sources.id_of("urls.txt") == 1
    ledger.commit()


def places(ledger: Ledger, *lines: Line) -> list[int | None]:
    """Where these lines stand in the input, as their tasks say."""
    return [
        each.task.seq
        for line in lines
        for each in first_of_lane(ledger, line.url.lane, 1)
    ]


def test_places_in_the_input_go_on_after_a_kill_and_a_rollback(
    path: Path,
) -> None:
    killed = Ledger(path)
    killed.intake.add([A], 1)
    killed.commit()
    killed.intake.add([B], 1)
    killed.connection.close()

    following = Ledger(path)
    following.intake.add([C], 1)
    following.rollback()
    following.intake.add([B], 1)
    assert places(following, A, B) == [1, 2]
    following.close()


def test_the_last_place_in_the_input_is_remembered_not_looked_for(
    path: Path,
) -> None:
    """To look for it reads the whole table, 0.2 s a million, at each start."""
    first = Ledger(path)
    first.intake.add([A, B], 1)
    first.execute("UPDATE url SET seq_ahead = 9 - id")
    first.commit()
    first.close()
    following = Ledger(path)
    following.intake.add([C], 1)
    assert places(following, C) == [3]
    following.rollback()
    following.set_meta("last_seq", None)
    following.commit()
    following.close()
    as_before = Ledger(path)
    assert as_before.meta("last_seq") == "9", "from now on it is known"
    as_before.intake.add([C], 1)
    assert places(as_before, C) == [10], "a ledger that does not know it"
    as_before.close()


def test_places_go_on_behind_rows_that_did_not_come_through_the_intake(
    ledger: Ledger,
) -> None:
    """As those that are made from records."""
    ledger.execute("INSERT INTO url (id, url, host, outcome, pass, seq_ahead)"
                   " VALUES (1, 'http://x/', 1, 'done', 1, 6)")  # fmt: skip
    ledger.intake.reload()
    ledger.intake.add([A], 1)
    assert places(ledger, A) == [8]


def test_files_of_a_commit_are_named_until_they_are_in_place(
    path: Path,
) -> None:
    files = [
        Publication("1.part", "pages/a/1.html"),
        Publication(None, "pages/a/old.html"),
    ]
    killed = Ledger(path)
    killed.commit(files)
    killed.connection.close()
    following = Ledger(path)
    assert following.unpublished() == files
    following.mark_published()
    following.commit()
    following.close()
    last = Ledger(path)
    assert last.unpublished() == []
    last.close()


def test_a_pass_keeps_its_counts(ledger: Ledger) -> None:
    assert ledger.passes.last() is None
    ledger.passes.open(1, 7.0, {"inputs": ["stdin"]}, "0" * 16, "0.1.0")
    ledger.passes.save_counts(1, b'{"done":3}')
    last = ledger.passes.last()
    assert last is not None
    assert (last.number, last.ended, dict(last.counts)) == (
        1,
        None,
        {"done": 3},
    )
    assert dict(last.arguments) == {"inputs": ["stdin"]}
    ledger.passes.save_counts(1, b'{"done":4}', 0, ended=9.0)
    ended = ledger.passes.last()
    assert ended is not None
    assert (ended.started, ended.ended) == (7.0, 9.0)


def test_a_pass_that_is_counted_anew_counts_what_is_unasked_still(
    ledger: Ledger,
) -> None:
    counts = b'{"failed":2,"unasked":2,"not_before":"1970-01-01T00:00:50Z"}'
    ledger.passes.open(1, 7.0, {}, [], "0.2.0")
    ledger.passes.save_counts(1, counts)
    for line, offset, not_before in ((A, 0, 90.0), (B, 100, 50.0)):
        row = FinishedRow("failed", "host_down", 3, offset=offset, length=100)
        ledger.waiting.finish(task_of(ledger, line), row, 1, not_before)
    ledger.commit()
    for end, unasked, not_before in ((100, 1, 90.0), (0, 0, None)):
        ledger.reopen_from(end)
        last = ledger.passes.last()
        assert last is not None
        assert last.counts["failed"] == last.counts["unasked"] == unasked
        assert unix_of(last.counts["not_before"]) == not_before


def test_a_pass_that_is_counted_anew_counts_what_recipes_have_filled(
    ledger: Ledger,
) -> None:
    ledger.passes.open(1, 7.0, {}, [], "0.2.0")
    for line, offset, of in ((A, 0, 3), (B, 100, 4), (C, 200, 5)):
        row = FinishedRow(
            "done",
            None,
            1,
            fill=f'[["books",{of},{{"price":{of - 1}}}]]',
            offset=offset,
            length=100,
        )
        ledger.waiting.finish(task_of(ledger, line), row, 1)
    ledger.commit()
    ledger.reopen_from(200)
    last = ledger.passes.last()
    assert last is not None
    assert last.counts["recipes"] == {
        "books": {"pages": 2, "of": 7, "fields": {"price": 5}}
    }


def test_a_url_that_comes_back_and_ends_between_two_flushes_has_ended(
    ledger: Ledger,
) -> None:
    """Whatever was gathered first in the run."""
    ledger.intake.add(of_host("a.example", "1", "2"), 1)
    lane = lane_of("a.example")
    first, second = (each.task for each in first_of_lane(ledger, lane, 2))
    ledger.waiting.finish(first, FinishedRow("done", None, 1), 1)
    ledger.waiting.requeue(second, due=50.0, attempts=1)
    not_before = 99.0
    ledger.waiting.finish(
        second, FinishedRow("failed", "host_down", 1), 1, not_before
    )
    ledger.flush()
    rows = ledger.execute("SELECT due, state FROM url ORDER BY id").fetchall()
    assert rows == [(0.0, "done"), (99.0, "failed")]
    assert ledger.value_of("SELECT count(*) FROM requeued") == 0


def test_what_a_host_has_taught_is_kept(ledger: Ledger) -> None:
    state = HostState(
        lane_of("a.example"), "a.example", learned_rate=9.4, sure_rate=9.0,
        refused_rate=10.1, rate_refused_at=3.0, rate_learned_at=5.0,
        rate_hold=120.0, rate_burst=3.0, quota=7,
        recovery=4.5, pause_until=12.5,
        refusals=3, troubled_since=2.0, failed_at=11.0, answered_at=1.0,
        given_up="host_refused", given_up_why="busy", not_before=12.5,
        given_up_passes=2, given_up_since=4.0,
    )  # fmt: skip
    ledger.hosts.keep_robots(
        state.id, "a.example", "https", 7.0, "User-agent: *\n"
    )
    ledger.hosts.keep(state)
    kept = ledger.hosts.get(state.id)
    assert kept is not None
    assert replace(kept, robots=None) == state
    assert kept.robots is not None
    assert "User-agent" in kept.robots
    assert ledger.hosts.get(lane_of("b.example")) is None


# -- files that cannot be used ----------------------------------------------------------------


def test_a_ledger_of_a_newer_version_is_left_alone(path: Path) -> None:
    Ledger(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(
        UsageError, match=r"newer version of this program \(schema 99"
    ):
        Ledger(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["other bytes", "in the middle", "a folder"])
def test_a_ledger_that_cannot_be_read_is_told(path: Path, damage: str) -> None:
    if damage == "other bytes":
        path.write_bytes(b"this is no database at all" * 100)
    elif damage == "in the middle":
        Ledger(path).close()
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 20_000)
    else:
        path.mkdir()
    with pytest.raises(UsageError, match=r"is damaged|is a folder where"):
        Ledger(path)


# -- all of it --------------------------------------------------------------------------------

URLS = st.integers(0, 12).map(
    lambda n: Line(parts_of(f"https://h{n % 3}.example/{n}"))
)
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(URLS, max_size=6)),
    st.tuples(
        st.sampled_from(["finish", "give back", "commit", "kill"]), st.none()
    ),
)


@given(steps=st.lists(STEPS, max_size=25))
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_each_url_is_pending_or_ended_once(
    steps: list[tuple[str, list[Line] | None]], tmp_path: Path
) -> None:
    path = tmp_path / "ledger.sqlite"
    for each in tmp_path.iterdir():
        each.unlink()
    ledger = Ledger(path)
    state: dict[str, str] = {}
    committed: dict[str, str] = {}
    for step, lines in steps:
        lanes = [lane_of(f"h{number}.example") for number in range(3)]
        pending = [
            row.task
            for lane in lanes
            for row in first_of_lane(ledger, lane, 99)
        ]
        assert sorted(task.url.href for task in pending) == sorted(
            url for url, known in state.items() if known == "pending"
        )
        if step == "add":
            new = ledger.intake.add(lines or [], 1).new
            urls = {line.url.href for line in lines or []}
            assert new == len(urls - set(state))
            state |= {url: "pending" for url in urls if url not in state}
        elif step == "finish" and pending:
            ledger.waiting.finish(pending[0], DONE, 1)
            state[pending[0].url.href] = "done"
        elif step == "give back" and pending:
            ledger.waiting.requeue(pending[0], due=9.0, attempts=1)
        elif step == "commit":
            ledger.commit()
            committed = dict(state)
        elif step == "kill":
            ledger.connection.close()
            ledger, state = Ledger(path), dict(committed)
    ledger.close()


def test_a_row_of_a_table_brings_its_columns(ledger: Ledger) -> None:
    ledger.sources.set_columns(ledger.sources.id_of("a.csv"), ["url", "id"])
    rows = [
        replace(A, source=1, line=2, columns='{"id":"1"}'),
        replace(B, source=1, line=3, columns='{"id":"2"}'),
        replace(A, source=1, line=4, columns='{"id":"3"}'),
    ]
    ledger.intake.add(rows, 1, seen=Bitmap())
    first = first_of_lane(ledger, A.url.lane, 1)[0].task
    assert (first.line, first.columns) == (2, '{"id":"1"}')
    assert named_rows(ledger) == [
        (1, 2, '{"id":"1"}'),
        (1, 4, '{"id":"3"}'),
        (2, 3, '{"id":"2"}'),
    ]


def test_a_table_that_grew_at_its_top_has_each_row_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    row = replace(A, source=1, line=2, columns='{"id":"1"}')
    other = replace(B, source=1, line=2, columns='{"id":"new"}')
    with closing(Ledger(path)) as ledger:
        ledger.sources.set_columns(ledger.sources.id_of("a.csv"), ["url", "id"])
        ledger.intake.add([row], 1, seen=Bitmap())
        ledger.commit()
    with closing(Ledger(path)) as ledger:
        seen = Bitmap()
        assert ledger.sources.columns_of(1) == ["url", "id"]
        ledger.intake.add([other, replace(row, line=3)], 1, seen=seen)
        first = first_of_lane(ledger, A.url.lane, 1)[0].task
        assert (first.line, first.columns) == (3, '{"id":"1"}')
        ledger.intake.drop_unlisted([1], seen)
        assert named_rows(ledger) == [
            (1, 3, '{"id":"1"}'),
            (2, 2, '{"id":"new"}'),
        ]


def named_rows(ledger: Ledger) -> list[tuple[int, int, str]]:
    return ledger.connection.execute(
        "SELECT url, line, columns FROM input ORDER BY 1, 2"
    ).fetchall()
