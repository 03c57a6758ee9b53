"""What waits for a session, beside the ledger's own rows: the same questions, the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.frontier.queued import SPARSE, QueuedRows
from scraper.frontier.trouble import Patience
from scraper.model import HostState, Line, Task, Waiting
from scraper.sessions.memory import MemoryHosts
from scraper.storage.ledger import Ledger
from scraper.storage.schema import FinishedRow
from scraper.urls import parts_of

HOSTS = ("a.example", "b.example", "c.example")
# What happens to a URL: of which host, to which host a redirect leads, due when.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("add", "requeue", "end")),
        st.integers(0, 30),
        st.sampled_from(HOSTS),
        st.sampled_from((0.0, 1.0, 5.0, 9.0)),
    ),
    max_size=40,
)


class Both:
    """The rows of a session and those of a ledger, to which the same happens."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.rows = QueuedRows(self.ledger.waiting)
        self.tasks: dict[int, Task] = {}
        self.added = 0

    def step(self, what: str, id: int, host: str, due: float) -> None:
        if what == "add":
            self.add(host)
        elif self.tasks:
            task = list(self.tasks.values())[id % len(self.tasks)]
            if what == "end":
                self.end(task)
            else:
                self.requeue(task, host, due)

    def add(self, host: str) -> None:
        self.added += 1
        url = parts_of(f"https://{host}/{self.added}")
        added = self.ledger.intake.add([Line(url)], 1)
        row = added.rows[url.href]
        for each in self.ledger.waiting.of_ids([row.id]):
            self.rows.add(each)
            self.tasks[row.id] = each.task

    def requeue(self, task: Task, host: str, due: float) -> None:
        url = task.url if due else parts_of(f"https://{host}/moved")
        hops = task.hops
        again = Task(task.id, url, task.origin_url, hops=hops, seq=task.seq)
        self.rows.requeue(again, due=due, attempts=1)
        self.tasks[task.id] = again

    def end(self, task: Task) -> None:
        row = FinishedRow("done", None, 1)
        self.ledger.waiting.finish(task, row, 1)
        self.rows.remove(task)
        del self.tasks[task.id]

    def close(self) -> None:
        self.ledger.close()


def ids_of(found: list[list[Waiting]]) -> list[list[int]]:
    return [[each.task.id for each in lane] for lane in found]


@given(steps=STEPS, without=st.sets(st.integers(1, 12)))
@settings(max_examples=60, deadline=None)
def test_they_answer_as_a_ledger_does(
    steps: list[tuple[Any, ...]], without: set[int], tmp_path_factory: Any
) -> None:
    both = Both(tmp_path_factory.mktemp("rows"))
    for step in steps:
        both.step(*step)
    ours, theirs = both.rows, both.ledger.waiting
    lanes = list(theirs.next_lanes(-1, 100))
    assert list(ours.next_lanes(-1, 100)) == lanes
    assert len(ours) == len(both.tasks)
    for lane in lanes:
        assert ours.count_lane(lane) == theirs.count_lane(lane)
    for asked_by in (0.0, 5.0):
        mine = ours.first_of_lanes(lanes, 100, without, asked_by)
        others = theirs.first_of_lanes(lanes, 100, without, asked_by)
        assert [sorted(each) for each in ids_of(mine)] == [
            sorted(each) for each in ids_of(others)
        ]
        for found in mine:
            due = [each.due for each in found]
            assert due == sorted(due)
    both.close()


def test_a_queue_that_is_taken_from_its_front_stays_quick() -> None:
    rows = QueuedRows(MemoryHosts())
    urls = [parts_of(f"https://a.example/{n}") for n in range(10 * SPARSE)]
    tasks = [Task(n, url, url) for n, url in enumerate(urls, 1)]
    for task in tasks:
        rows.add(Waiting(task, 0.0))
    lane = urls[0].lane
    for task in tasks[:-1]:
        assert rows.first_of_lanes([lane], 1)[0][0].task is task
        rows.remove(task)
        queue = rows._queues[lane]
        assert queue.removed <= SPARSE + len(queue.fresh)
    assert rows.find(tasks[-1].id, lane) is tasks[-1]
    assert rows.find(tasks[0].id, lane) is None
    rows.remove(tasks[-1])
    assert rows.next_lanes(-1, 10) == {}
    assert len(rows) == 0


def test_what_is_remembered_of_hosts_has_a_bound(monkeypatch: Any) -> None:
    monkeypatch.setattr("scraper.sessions.memory.MAX_HOSTS", 3)
    monkeypatch.setattr("scraper.sessions.memory.MAX_ROBOTS_CHARS", 10)
    hosts = MemoryHosts()
    for lane in range(5):
        hosts.keep_host(HostState(lane, f"{lane}.example", learned_rate=1.0))
    assert [lane for lane in range(5) if hosts.host(lane)] == [2, 3, 4]
    for lane in range(5, 9):
        hosts.keep_robots(lane, f"{lane}.example", "https", 1.0, "12345")
    kept = [lane for lane in range(5, 9) if hosts.host(lane)]
    assert kept == [7, 8]
    hosts.keep_robots(8, "8.example", "http", 2.0, "")
    state = hosts.host(8)
    assert state is not None
    assert state.robots == '{"https":[1.0,"12345"],"http":[2.0,""]}'


def test_a_session_without_a_folder_is_as_patient_with_all_hosts() -> None:
    patience = Patience(30.0, others_have_work=True, is_for_all=True)
    assert patience.with_host(answers=True) == 30
    assert patience.with_host(answers=False) == 30
