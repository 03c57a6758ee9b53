"""In each pass one URL in, exactly one outcome out, whatever happens in between, and how often."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

import scraper
from tests.stories.runs import fill_in_all, items_of
from tests.stories.simulated import (
    BUG,
    CRASHED,
    FAILS,
    FAULT,
    FINISHED,
    KINDS,
    LEFT,
    SKIPPED,
    START,
    Turn,
    body_of,
    take,
    url_of,
)
from tests.stories.writes import NAMES

pytestmark = [
    pytest.mark.skipif(
        sys.platform == "win32", reason="a run is a fork of this process"
    ),
    pytest.mark.usefixtures("real_pauses"),
]

SEEDS = st.integers(0, 2**32)
PATHS = st.builds("{}/{}".format, st.sampled_from(KINDS), st.integers(0, 8))
NTH = st.integers(1, 12)
NEVER = ("", 0)
# From one run to the next: nothing that is unasked waits so long, and all runs together are far
# from the day after which a host is dead.
BETWEEN_RUNS_SECONDS = 1_500.0
# A host that is in trouble for too long may cost these their success.
FRAIL = {"again1", "again2", "busy"}
ANYWHERE = st.tuples(st.sampled_from(NAMES), NTH)
IN_A_COMMIT = st.tuples(
    st.sampled_from(
        [
            "write sink",
            "sql INSERT",
            "sql UPDATE",
            "sql COMMIT",
            "sql DELETE",
            "rename",
        ]
    ),
    st.integers(2, 8),
)
WRITES = ANYWHERE | IN_A_COMMIT


class Folder(RuleBasedStateMachine):
    """One run folder, and what is done to it."""

    @initialize(paths=st.lists(PATHS, min_size=1, max_size=16, unique=True))
    def begin(self, paths: list[str]) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="invariant-"))
        self.folder = self.root / "run"
        self.told = self.root / "told"
        self.paths = paths
        self.at = START
        self.over = (
            False  # the last pass is complete, and the list has not grown
        )
        self.unasked: set[str] = set()  # of the last complete pass

    @rule(paths=st.lists(PATHS, min_size=4, max_size=12))
    def the_list_grows(self, paths: list[str]) -> None:
        self.paths = list(dict.fromkeys([*self.paths, *paths]))
        self.over = False

    @precondition(lambda self: not self.over)
    @rule(seed=SEEDS)
    def run_to_the_end(self, seed: int) -> None:
        assert self._take(Turn(seed)) == FINISHED

    @precondition(lambda self: not self.over)
    @rule(seed=SEEDS, crash_at=ANYWHERE)
    def crash(self, seed: int, crash_at: tuple[str, int]) -> None:
        assert self._take(Turn(seed, crash_at=crash_at)) in (CRASHED, FINISHED)

    @precondition(lambda self: not self.over)
    @rule(seed=SEEDS, crash_at=IN_A_COMMIT)
    def crash_in_a_commit(self, seed: int, crash_at: tuple[str, int]) -> None:
        assert self._take(Turn(seed, crash_at=crash_at)) in (CRASHED, FINISHED)

    @precondition(lambda self: not self.over)
    @rule(seed=SEEDS, stop_at=NTH)
    def stop(self, seed: int, stop_at: int) -> None:
        assert self._take(Turn(seed, stop_at=stop_at)) in (LEFT, FINISHED)

    @precondition(lambda self: not self.over)
    @rule(seed=SEEDS, leave_at=NTH)
    def leave(self, seed: int, leave_at: int) -> None:
        assert self._take(Turn(seed, leave_at=leave_at)) in (LEFT, FINISHED)

    @precondition(lambda self: not self.over)
    @rule(seed=SEEDS, fault_at=NTH)
    def meet_a_fault_of_this_machine(self, seed: int, fault_at: int) -> None:
        assert self._take(Turn(seed, fault_at=fault_at)) in (FAULT, FINISHED)

    @precondition(lambda self: self.over)
    @rule(seed=SEEDS, crash_at=st.none() | WRITES)
    def ask_the_failed_again(
        self, seed: int, crash_at: tuple[str, int] | None
    ) -> None:
        due = {
            url_of(path)
            for path in self.paths
            if path.partition("/")[0] in FAILS
        }
        self._new_pass(
            Turn(seed, retry=True, crash_at=crash_at or NEVER),
            due | self.unasked,
        )

    @precondition(lambda self: self.over)
    @rule(seed=SEEDS, crash_at=st.none() | WRITES)
    def ask_all_again(
        self, seed: int, crash_at: tuple[str, int] | None
    ) -> None:
        self._new_pass(
            Turn(seed, refresh=True, crash_at=crash_at or NEVER),
            map(url_of, self.paths),
        )

    @precondition(lambda self: self.over and self.unasked)
    @rule(seed=SEEDS, well=st.booleans(), crash_at=st.none() | WRITES)
    def take_up_what_was_not_asked(
        self, seed: int, well: bool, crash_at: tuple[str, int] | None
    ) -> None:
        self._new_pass(
            Turn(seed, well=well, crash_at=crash_at or NEVER), self.unasked
        )

    def _new_pass(self, turn: Turn, due: Iterable[str]) -> None:
        """A pass over what is due, through a crash if there is one."""
        due = set(due)
        before = _passes(self.folder)
        code = self._take(turn)
        assert code in (
            (CRASHED, FINISHED) if turn.crash_at[0] else (FINISHED,)
        )
        if code == CRASHED:
            again = replace(turn, seed=turn.seed + 1, crash_at=NEVER)
            assert self._take(again) == FINISHED
        told = {
            each["url"]
            for each in _records(self.folder)
            if each["pass"] > before
        }
        assert told >= due

    def _take(self, turn: Turn) -> int:
        turn = replace(turn, at=self.at)
        self.at += BETWEEN_RUNS_SECONDS
        code = take(turn, self.folder, self.paths, self.told)
        assert code != BUG, "the run raised; its traceback stands above"
        check_ledger_follows_records(self.folder)
        self.over = code == FINISHED
        if self.over:
            last = check_complete(self.folder, self.told)
            check_ends(last, self.paths, strict=turn.well and turn.retry)
            self.unasked = {
                each["url"]
                for each in last
                if each.get("not_before") is not None
            }
        return code

    def teardown(self) -> None:
        if not hasattr(self, "root"):
            return
        try:
            assert self._take(Turn(1)) == FINISHED
            if self.unasked:
                assert self._take(Turn(2, well=True)) == FINISHED
                assert not self.unasked
                last = Turn(3, well=True, retry=True)
                assert self._take(last) == FINISHED
        finally:
            shutil.rmtree(self.root)


def _records(folder: Path) -> list[dict[str, Any]]:
    return _lines(folder / "records.jsonl")


def _lines(file: Path, end: int | None = None) -> list[dict[str, Any]]:
    """What stands there up to a position."""
    text = file.read_bytes()[:end] if file.exists() else b""
    return [json.loads(line) for line in text.splitlines()]


def _passes(folder: Path) -> int:
    return max((each["pass"] for each in _records(folder)), default=0)


def check_ledger_follows_records(folder: Path) -> None:
    """At any time: of what the ledger calls recorded the record is there, each but once, and no
    file stands there that no record names."""
    rows, position, items_position, _ = _ledger(folder)
    file = folder / "records.jsonl"
    lines = file.read_bytes() if file.exists() else b""
    assert len(lines) >= position
    records = [json.loads(line) for line in lines[:position].splitlines()]
    counted = Counter((each["pass"], each["key"]) for each in records)
    assert not [each for each, n in counted.items() if n > 1]
    for url, state, its_pass, offset, length, facts_pass, facts_offset in rows:
        if facts_offset is not None:
            facts = json.loads(lines[facts_offset:position].partition(b"\n")[0])
            assert (facts["pass"], facts["state"]) == (facts_pass, "done")
            assert facts["canonical_url"] == url
        if state == "pending":
            continue
        record = json.loads(lines[offset : offset + length])
        assert (record["state"], record["pass"]) == (state, its_pass)
        assert record.get("canonical_url", url) in (url, None)
        if state in ("done", "unchanged"):
            assert record.get("same_as", its_pass) == facts_pass
            assert record["key"] == facts["key"]
    items = _lines(folder / "items.jsonl", items_position)
    assert items == items_of(records)
    filled = fill_in_all(records)
    assert set(_files(folder)) <= set().union(*map(_named, filled))


def _named(record: dict[str, Any]) -> dict[str, str]:
    """The files that a record names, with their hashes."""
    files = {
        each["path"]: each["sha256"] for each in record.get("processed", ())
    }
    return files | (
        {record["path"]: record["sha256"]} if record["path"] is not None else {}
    )


def _files(folder: Path) -> dict[str, str]:
    """The files that are there, with their hashes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for name in ("pages", "images", "files", "processed")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def _ledger(
    folder: Path,
) -> tuple[list[tuple[Any, ...]], int, int, dict[int, dict[str, Any]]]:
    """Rows, the positions in records.jsonl and items.jsonl, and the counts of each pass; none
    before the first commit."""
    path = folder / ".scraper" / "ledger.sqlite"
    if not path.exists():
        return [], 0, 0, {}
    db = sqlite3.connect(path)
    try:
        rows = db.execute(
            """SELECT url, state, pass, "offset", length, facts_pass,
            facts_offset FROM url LEFT JOIN answer USING (id)"""
        ).fetchall()
        positions = dict(db.execute("SELECT name, position FROM sink"))
        counts = dict(db.execute("SELECT number, counts FROM pass"))
    except sqlite3.OperationalError:
        return [], 0, 0, {}  # it has no tables yet
    finally:
        db.close()
    return (
        rows,
        int(positions.get("records.jsonl", 0)),
        int(positions.get("items.jsonl", 0)),
        {n: json.loads(c) for n, c in counts.items()},
    )


def check_ends(
    last: list[dict[str, Any]], paths: list[str], *, strict: bool
) -> None:
    """Each URL of the list came to what it stands for; unless its host was in trouble, where that
    is not `strict`."""
    listed = {each["url"]: each for each in last if each["parent"] is None}
    for path in paths:
        kind, record = path.partition("/")[0], listed[url_of(path)]
        right = {"done", "unchanged"}
        if kind in FAILS:
            right = {"failed"}
        elif kind in SKIPPED:
            right = {"skipped"}
        elif not strict and (
            kind in FRAIL
            or record["error_kind"] in ("host_down", "host_refused")
        ):
            right |= {"failed"}
        assert record["state"] in right, path


def check_complete(folder: Path, told: Path) -> list[dict[str, Any]]:
    """After a clean end: records, ledger, counts and files say the same, and nothing is left.
    Returns of each URL the record that counts."""
    rows, position, _, counts = _ledger(folder)
    items = _lines(folder / "items.jsonl")
    assert items == items_of(_records(folder))
    records = fill_in_all(_records(folder))
    assert position == (folder / "records.jsonl").stat().st_size
    assert {state for _, state, *_ in rows} <= {
        "done",
        "unchanged",
        "failed",
        "skipped",
    }
    last = {each["key"]: each for each in records}
    assert len(last) == len(rows)
    for number, tally in counts.items():
        states = Counter(
            each["state"] for each in records if each["pass"] == number
        )
        assert tally["urls"] == states.total(), (number, tally, states)
        assert all(tally[state] == n for state, n in states.items()), (
            number,
            tally,
            states,
        )

    named: dict[str, str] = {}
    # What fails now keeps the files that it had.
    good = last | {
        each["key"]: each for each in records if each["path"] is not None
    }
    for record in good.values():
        named |= _named(record)
        if record["path"] is not None:
            assert (
                record["sha256"]
                == hashlib.sha256(body_of(record["final_url"])).hexdigest()
            )
    assert _files(folder) == named
    assert not list((folder / ".scraper" / "parts").iterdir())
    failures = [
        each["key"] for each in records if each["error_kind"] is not None
    ]
    errors = (folder / "errors.jsonl").read_bytes().splitlines()
    assert len(errors) == len(failures)
    # Whoever listened to this run has heard of each once, whichever run has asked it.
    heard = [tuple(json.loads(line)) for line in told.read_bytes().splitlines()]
    assert len(heard) == len(set(heard))
    assert set(heard) == {(each["pass"], each["key"]) for each in last.values()}
    counted = sorted(last.values(), key=records.index)
    assert list(scraper.records(folder)) == counted
    return counted


Folder.TestCase.settings = settings(
    max_examples=settings.default.max_examples // 4,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestEveryUrlHasOneOutcomeInEachPass = Folder.TestCase


def test_a_picture_of_two_pages_is_told_as_this_pass_leaves_it() -> None:
    """Its one page fails now, which leaves it as it was; the other one makes it due again."""
    folder = Folder()
    folder.begin(
        paths=["again2/0", "file/1", "never/7", "moved/0", "nonsense/0",
               "again1/2", "circle/0", "again2/5", "page/5"]
    )  # fmt: skip
    folder.run_to_the_end(seed=6)
    folder.ask_all_again(crash_at=None, seed=0)
    folder.ask_all_again(crash_at=("write sink", 7), seed=0)
    folder.teardown()
