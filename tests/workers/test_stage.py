"""The process stage: whatever happens to a worker happens to one item."""

from __future__ import annotations

import gc
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors import Unusable
from scraper.errors import KINDS, UsageError
from scraper.machine import main_module
from scraper.messages import PoolBroken, Processed, WorkReturned
from scraper.model import Failure, Publication, Task
from scraper.urls import parts_of
from scraper.workers import child, pool, printed, stage
from scraper.workers.stage import (
    Limits,
    Processing,
    ProcessStage,
    StageFailed,
    WorkItem,
)
from scraper.workers.work import failure_of
from tests.conftest import PROJECT
from tests.workers.warm import wait_until_warm

SECONDS = 1.0
MEMORY = 128 * 2**20
PATIENCE = 20.0

# A module of its own, because workers import it: this one would bring pytest and hypothesis along.
# What is done with an item is named by its `url`.
VILLAINS = dedent('''
    import os, re, signal, sys, threading, time
    from pathlib import Path

    class Two(Exception):
        """Cannot be unpickled."""
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def act(item):
        return globals()[item.url](item)

    def good(item):
        return {"number": item.path}, [f"https://a/{item.path}"], []

    def with_files(item):
        Path(item.out + ".v0").write_bytes(b"x")
        return {}, [], [(item.out + ".v0", item.final + ".jpg")]

    def dies(item):
        os._exit(3)

    def crashes(item):
        os.kill(os.getpid(), signal.SIGSEGV)

    def sums(item):
        sum(range(10**12))

    def searches(item):
        re.match(r"(a+)+$", "a" * 60 + "b")

    def powers(item):
        pow(7, 10**9)

    def hoards(item):
        heap = []
        while True:
            heap.append(bytearray(5_000_000))

    def raises_two(item):
        raise Two("one", "two")

    def raises_mute(item):
        raise Mute

    def exits(item):
        sys.exit("enough")

    def interrupts(item):
        raise KeyboardInterrupt

    def not_json(item):
        return {"x": object()}, [], []

    def surrogate(item):
        return {"x": "\\ud800"}, [], []

    def not_text(item):
        return {}, [lambda: 0], []

    def not_made(item):
        return None

    def kills_others(item):
        for path in Path(item.out).parent.glob("begun-*"):
            pid = int(path.name.split("-")[1])
            if pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        return good(item)

    def stops_itself(item):
        os.kill(os.getpid(), signal.SIGSTOP)

    def waits(item):
        threading.Event().wait(30)

    def waits_for_file(item):
        pause = threading.Event()
        while not os.path.exists(item.charset):
            pause.wait(0.002)
        return good(item)

    def dies_once(item):
        try:
            os.close(os.open(item.charset, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return good(item)
        os.kill(os.getpid(), signal.SIGTERM)

    def large(item):
        return {"x": "y" * 2_000_000}, [], []

    def prints(item):
        print("for the user")
        print("and", "for", "him", file=sys.stderr, end="")
        os.write(2, b", as a library does: \\xe4\\n")
        return good(item)

    def prints_much(item):
        print("x" * 100_000)
        return good(item)

    def says_priority(item):
        return {"nice": os.getpriority(os.PRIO_PROCESS, 0)}, [], []

    def prints_and_dies(item):
        print("my last words")
        dies(item)

    def prints_for_ever(item):
        while True:
            os.write(1, b"x" * 100_000)

    def closes_its_output(item):
        sys.stdout.close()
        return good(item)
''')

# What each of them ends as; nothing: it is good in the end.
ENDS = {
    "dies": "process_died",
    "crashes": "process_died",
    "sums": "process_timeout",
    "searches": "process_timeout",
    "powers": "process_timeout",
    "hoards": "process_memory",
    "raises_two": "internal_error",
    "raises_mute": "internal_error",
    "exits": "internal_error",
    "interrupts": "internal_error",
    "not_json": "internal_error",
    "surrogate": "internal_error",
    "not_text": "internal_error",
    "not_made": "internal_error",
    "kills_others": None,
    "large": None,
}


class Coordinator:
    """As much of the pipeline's loop as the stage needs."""

    def __init__(
        self, stage: Callable[[Callable[[object], None]], ProcessStage]
    ) -> None:
        self.inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.stage = stage(self.inbox.put)
        self.answers: list[Processed] = []
        self.returned: list[WorkReturned] = []
        self.broken: list[int] = []

    def submit(self, work: tuple[Task, WorkItem, int]) -> None:
        self.stage.submit(*work)

    def step(self, timeout: float = 0.2) -> None:
        self.stage.watch_workers()
        try:
            message = self.inbox.get(timeout=timeout)
        except queue.Empty:
            return
        match message:
            case PoolBroken(generation):
                self.broken.append(generation)
                self.stage.recover()
            case WorkReturned():
                self.returned.append(message)
            case Processed():
                self.answers.append(message)

    def until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < deadline, (
                f"still waiting, {self.stage.busy} inside"
            )
            self.step(0.02)

    def finish(self) -> dict[int, Processed]:
        """Work until nothing is inside; the answers by task, each exactly one."""
        self.until(lambda: not self.stage.busy and self.inbox.empty())
        counts = Counter(each.task.id for each in self.answers)
        assert set(counts.values()) <= {1}
        return {each.task.id: each for each in self.answers}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "parts"


@pytest.fixture
def villains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "villains.py").write_text(VILLAINS)
    monkeypatch.syspath_prepend(tmp_path)


Begin = Callable[..., Coordinator]


@pytest.fixture
def begin(villains: None, scratch: Path) -> Iterator[Begin]:
    """Stages that leave nothing behind, whatever the test did to them."""
    made: list[Coordinator] = []

    def begin(
        processes: int = 2,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        function: str = "villains:act",
    ) -> Coordinator:
        limits = Limits(seconds, memory)
        coordinator = Coordinator(
            lambda post: ProcessStage(
                processes, limits, Processing(function=function), post
            )
        )
        coordinator.stage.start(scratch)
        made.append(coordinator)
        return coordinator

    yield begin
    for each in made:
        pids = each.stage.worker_pids()
        each.stage.close()
        assert all(ended(pid) for pid in pids)
    assert not [
        each
        for each in scratch.iterdir()
        if each.name.startswith(("begun", "dump"))
    ]
    names = [each.name for each in threading.enumerate()]
    assert not [
        name for name in names if "Queue" in name or "start-workers" in name
    ]


def work(
    number: int,
    act: str = "good",
    scratch: Path = Path("/x"),
    size: int = 0,
    **more: object,
) -> tuple[Task, WorkItem, int]:
    """What `submit` is given."""
    task = Task(
        number, parts_of(f"https://a/{number}"), parts_of(f"https://a/{number}")
    )
    fields = {
        "kind": "page",
        "path": str(number),
        "url": act,
        "charset": None,
        "out": str(scratch / f"p{number}"),
        "final": f"processed/a/{number}",
    }
    return task, WorkItem(**(fields | more)), size  # type: ignore[arg-type]


def ended(pid: int) -> bool:
    """Gone, or a zombie that nobody has fetched yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            in "ZX"
        )
    except OSError:
        return False


def within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not done():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.005)
    return True


def kinds(answers: Iterable[Processed]) -> dict[int, str]:
    return {
        each.task.id: each.failure.kind
        for each in answers
        if each.failure is not None
    }


# -- the ordinary ---------------------------------------------------------------------------------


def test_an_answer_carries_facts_found_urls_files_and_time(
    begin: Begin, scratch: Path
) -> None:
    run = begin()
    run.submit(work(1))
    run.submit(work(2, "with_files", scratch, kind="image"))
    answers = run.finish()
    assert orjson.loads(answers[1].facts) == {"number": "1"}
    assert answers[1].found == ("https://a/1",)
    assert answers[1].seconds > 0
    assert answers[2].files == (Publication("p2.v0", "processed/a/2.jpg"),)
    assert (scratch / "p2.v0").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no niceness")
def test_a_worker_leaves_the_cores_to_its_parent(begin: Begin) -> None:
    run = begin()
    run.submit(work(1, "says_priority"))
    own = os.getpriority(os.PRIO_PROCESS, 0)
    answer = run.finish()[1]
    assert orjson.loads(answer.facts) == {"nice": min(own + child.NICENESS, 19)}


def test_pages_and_pictures_go_through_the_processors(
    villains: None, scratch: Path, tmp_path: Path
) -> None:
    from PIL import Image

    Image.new("RGB", (900, 600), "red").save(tmp_path / "red.png")
    (tmp_path / "page").write_text('<title>Hello</title><img src="/a.png">')
    (tmp_path / "own.py").write_text(
        "def words(page): return {'n': len(page.text)}\n"
    )
    processing = Processing("own:words", {"resize": 300})

    run = Coordinator(
        lambda post: ProcessStage(1, Limits(20, 2**30), processing, post)
    )
    run.stage.start(scratch)
    try:
        run.stage.check_start()
        run.submit(work(1, path=str(tmp_path / "page"), url="https://a/b/"))
        picture = {
            "path": str(tmp_path / "red.png"),
            "kind": "image",
            "url": "https://a/r",
        }
        run.submit(work(2, scratch=scratch, **picture))
        broken = picture | {"path": str(tmp_path / "page")}
        run.submit(work(3, scratch=scratch, **broken))
        missing = picture | {"path": str(tmp_path / "none")}
        run.submit(work(4, scratch=scratch, **missing))
        answers = run.finish()
    finally:
        run.stage.close()
    page = orjson.loads(answers[1].facts)
    assert (page["title"], page["data"]["n"]) == ("Hello", 38)
    assert answers[1].found == ("https://a/a.png",)
    assert orjson.loads(answers[2].facts)["width"] == 300
    assert [each.path for each in answers[2].files] == ["processed/a/2.png"]
    assert kinds(answers.values()) == {3: "image_broken", 4: "disk_error"}
    assert answers[4].failure is not None
    assert answers[4].failure.blame == "here"


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux limits the address space"
)
def test_a_page_for_which_the_parser_has_no_memory_is_not_a_broken_page(
    scratch: Path, tmp_path: Path
) -> None:
    (tmp_path / "page").write_bytes(b"a <p>" * 1_000_000)
    run = Coordinator(
        lambda post: ProcessStage(1, Limits(60, MEMORY), Processing(), post)
    )
    run.stage.start(scratch)
    try:
        run.submit(work(1, path=str(tmp_path / "page"), url="https://a/b/"))
        answers = run.finish()
    finally:
        run.stage.close()
    assert kinds(answers.values()) == {1: "process_memory"}


def test_gathered_items_keep_their_own_answers(begin: Begin) -> None:
    run = begin()
    for number in range(300):
        run.submit(work(number))
    answers = run.finish()
    assert {
        n: orjson.loads(each.facts)["number"] for n, each in answers.items()
    } == {n: str(n) for n in range(300)}


def test_an_idle_worker_gets_its_item_at_once_and_busy_ones_gathered(
    begin: Begin, tmp_path: Path
) -> None:
    run = begin(seconds=20)
    wait_until_warm(run.stage)
    run.stage._backlog.note_duration(0.001)
    gate = str(tmp_path / "gate")
    for number in (1, 2):
        run.submit(work(number, "waits_for_file", charset=gate))
    main = run.stage._pools.main
    assert main is not None
    run.until(lambda: len(main.evidence()) == 2)
    for number in range(3, 6):
        run.submit(work(number))
    assert sorted(map(len, main.inside.values())) == [1, 1]
    run.submit(work(6))
    run.submit(work(7, size=10**6))
    run.submit(work(8))
    assert sorted(map(len, main.inside.values())) == [1, 1, 1, 4]
    Path(gate).touch()
    assert set(run.finish()) == set(range(1, 9))


def test_any_thread_may_submit(begin: Begin) -> None:
    run = begin()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: run.submit(work(number)), range(800)))
    assert set(run.finish()) == set(range(800))


def test_what_a_worker_prints_comes_with_its_answer_and_goes_nowhere_else(
    begin: Begin, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin(processes=1)
    run.submit(work(1, "prints"))
    run.finish()
    run.submit(work(2, "good"))
    answers = run.finish()
    run.stage.close()
    assert capfd.readouterr() == ("", "")
    assert (
        answers[1].printed
        == "for the user\nand for him, as a library does: \\xe4"
    )
    assert answers[2].printed == ""


def test_of_much_that_is_printed_the_beginning_is_kept(begin: Begin) -> None:
    run = begin(processes=1)
    run.submit(work(1, "prints_much"))
    printed = run.finish()[1].printed
    assert len(printed) < 5_000
    assert printed.endswith("x\n... and 95,905 more bytes")


def test_what_is_printed_without_end_does_not_fill_the_disk(
    begin: Begin, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed, "MAX_BYTES_ON_DISK", 2**20)
    monkeypatch.setattr(stage, "ROUND_SECONDS", 0.01)
    run = begin(processes=1)
    sizes: list[int] = []
    run.submit(work(1, "prints_for_ever"))

    def done() -> bool:
        sizes.extend(path.stat().st_size for path in scratch.glob("printed-*"))
        return not run.stage.busy

    run.until(done)
    assert len([size for size, after in pairwise(sizes) if after < size]) > 1, (
        "it was cut"
    )
    assert run.finish()[1].printed.startswith("xxx")


def test_the_last_words_of_a_worker_that_dies_come_with_the_verdict(
    begin: Begin,
) -> None:
    run = begin()
    run.submit(work(1, "prints_and_dies"))
    answer = run.finish()[1]
    assert answer.failure is not None
    assert answer.failure.kind == "process_died"
    assert answer.printed == "my last words"


def test_a_function_may_close_its_output(begin: Begin) -> None:
    run = begin(processes=1)
    run.submit(work(1, "closes_its_output"))
    run.submit(work(2, "good"))
    assert {each.failure for each in run.finish().values()} == {None}


def test_the_oldest_item_has_a_name_and_an_age(begin: Begin) -> None:
    run = begin()
    assert run.stage.oldest_task() is None
    run.submit(work(1, "waits"))
    oldest = run.stage.oldest_task()
    assert oldest is not None
    assert (oldest[0].id, run.stage.busy) == (1, 1)
    assert oldest[1] >= 0
    assert kinds(run.finish().values()) == {1: "process_timeout"}


# -- death ----------------------------------------------------------------------------------------


def test_every_villain_costs_only_itself(begin: Begin) -> None:
    run = begin(seconds=2 * SECONDS)
    acts = ["good"] * 200
    for place, villain in enumerate(ENDS):
        acts.insert(7 + place * 13, villain)
    for number, act in enumerate(acts):
        run.submit(work(number, act, Path(run.stage._setup.scratch)))
    answers = run.finish()
    assert set(answers) == set(range(len(acts)))
    expected = {n: ENDS[act] for n, act in enumerate(acts) if ENDS.get(act)}
    assert kinds(answers.values()) == expected
    assert sum(each.failure is None for each in answers.values()) == 202
    assert run.broken


def test_nobody_is_convicted_of_what_another_item_did_to_its_worker(
    begin: Begin,
) -> None:
    run = begin()
    acts = [
        "kills_others",
        "sums",
        "kills_others",
        "good",
        "kills_others",
        "sums",
    ] + ["good"] * 20
    for number, act in enumerate(acts):
        run.submit(work(number, act, Path(run.stage._setup.scratch)))
    answers = run.finish()
    assert set(answers) == set(range(len(acts)))
    assert kinds(answers.values()) == {
        1: "process_timeout",
        5: "process_timeout",
    }


def test_a_batch_loses_only_its_villain(begin: Begin) -> None:
    run = begin(processes=1, seconds=20)
    wait_until_warm(run.stage)
    for number, act in enumerate(
        ["good", "good", "good", "good", "good", "dies", "good"]
    ):
        run.submit(work(number, act))
    assert kinds(run.finish().values()) == {5: "process_died"}


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ("sums", "took longer than 1 s: villains.py, line"),
        ("crashes", "Segmentation fault): villains.py, line"),
        ("hoards", "needed more than 128 MB of memory"),
        ("raises_two", "Two: one and two (villains.py, line"),
        ("raises_mute", "Mute: (villains.py, line"),
        ("exits", "SystemExit: enough"),
        ("not_text", "TypeError: function where text is expected"),
    ],
)
def test_a_failure_says_what_happened_and_where(
    begin: Begin, act: str, says: str
) -> None:
    run = begin(processes=1, seconds=1 if act == "sums" else 20)
    run.submit(work(1, act))
    failed = run.finish()[1].failure
    assert failed is not None
    assert says in failed.message


def test_a_worker_that_was_killed_from_outside_loses_nothing(
    begin: Begin, tmp_path: Path
) -> None:
    run = begin(seconds=20)
    wait_until_warm(run.stage)
    gate = tmp_path / "gate"
    for number in range(60):
        act = "waits_for_file" if number < 2 else "good"
        run.submit(work(number, act, charset=str(gate)))
    main = run.stage._pools.main
    assert main is not None
    run.until(lambda: len(main.evidence()) == 2)
    os.kill(run.stage.worker_pids()[0], signal.SIGKILL)
    run.until(lambda: bool(run.broken))
    gate.touch()
    answers = run.finish()
    assert set(answers) == set(range(60))
    assert kinds(answers.values()) == {}


def test_idle_workers_that_were_killed_are_replaced(begin: Begin) -> None:
    run = begin()
    run.submit(work(1))
    run.finish()
    for pid in run.stage.worker_pids():
        os.kill(pid, signal.SIGKILL)
    run.submit(work(2))
    assert kinds(run.finish().values()) == {}


def test_a_worker_deaf_to_its_alarm_is_killed_from_outside(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(stage, "ROUND_SECONDS", 0.05)
    run = begin(seconds=0.3)
    run.submit(work(1, "stops_itself"))
    run.submit(work(2))
    assert kinds(run.finish().values()) == {1: "process_timeout"}


def test_a_dead_worker_that_the_pool_does_not_notice_is_noticed(
    begin: Begin,
) -> None:
    """As when it was killed in the middle of writing a large answer."""
    run = begin(seconds=20)
    wait_until_warm(run.stage)
    main = run.stage._pools.main
    assert main is not None
    main._results._writer._send((1000).to_bytes(4, "big") + b"half an answer")
    for number in range(8):
        run.submit(work(number))
    os.kill(run.stage.worker_pids()[0], signal.SIGKILL)
    answers = run.finish()
    assert set(answers) == set(range(8))
    assert kinds(answers.values()) == {}


def test_the_whole_group_may_be_told_to_end_while_work_is_drained(
    begin: Begin,
) -> None:
    """systemd sends SIGTERM to the fork server too."""
    from multiprocessing.forkserver import _forkserver  # type: ignore[attr-defined]

    run = begin(seconds=20)
    wait_until_warm(run.stage)
    run.stage.stopping = True
    for number in range(100):
        run.submit(work(number, "large"))
    for pid in [_forkserver._forkserver_pid, *run.stage.worker_pids()]:
        os.kill(pid, signal.SIGTERM)
    answers = run.finish()
    assert kinds(answers.values()) == {}
    assert sorted([*answers, *(each.task.id for each in run.returned)]) == list(
        range(100)
    )
    assert len(answers) >= 98


def test_while_stopping_nobody_is_convicted(
    begin: Begin, tmp_path: Path
) -> None:
    run = begin()
    run.stage.stopping = True
    once = str(tmp_path / "once")
    for number, act in enumerate(["good", "dies", "sums", "good", "dies_once"]):
        run.submit(work(number, act, charset=once))
    answers = run.finish()
    assert kinds(answers.values()) == {}
    returned = [each.task.id for each in run.returned]
    assert {1, 2} <= set(returned)
    assert sorted([*answers, *returned]) == [0, 1, 2, 3, 4]


def test_who_dies_once_has_its_answer(begin: Begin, tmp_path: Path) -> None:
    run = begin()
    run.submit(work(1, "dies_once", charset=str(tmp_path / "once")))
    run.submit(work(2))
    assert kinds(run.finish().values()) == {}


def test_the_stage_gives_up_when_every_worker_dies_at_its_start(
    begin: Begin, tmp_path: Path
) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos._exit(1)\n")
    run = begin(function="deadly:act")
    run.submit(work(1))
    with pytest.raises(StageFailed, match="die in a row") as caught:
        run.finish()
    assert caught.value.exit_code == 5
    assert caught.value.failure.blame == "here"
    assert caught.value.failure.kind in KINDS
    assert run.answers == []


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("villains:no_such_name", "no attribute 'no_such_name'"),
        ("broken:f", "ZeroDivisionError: division by zero (broken.py, line 1)"),
        ("deadly:f", "cannot start"),
    ],
)
def test_a_module_that_workers_cannot_import_is_one_message(
    begin: Begin,
    tmp_path: Path,
    function: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whichever way this suite was started: workers are not to import `pytest` again.
    monkeypatch.setattr(main_module, "imported_by_workers", lambda: None)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "deadly.py").write_text("import os\nos._exit(1)\n")
    with pytest.raises(UsageError) as caught:
        begin(function=function).stage.check_start()
    assert says in str(caught.value)


# -- the end --------------------------------------------------------------------------------------


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def test_close_leaves_nothing_behind(begin: Begin, scratch: Path) -> None:
    first = begin()
    wait_until_warm(first.stage)
    first.stage.close()
    before = open_descriptors(), threading.active_count()
    run = begin()
    for number, act in enumerate(["good", "dies", "good", "raises_two"]):
        run.submit(work(number, act))
    run.finish()
    pids = run.stage.worker_pids()
    run.stage.close()
    assert all(map(ended, pids))
    assert list(scratch.iterdir()) == []
    assert (open_descriptors(), threading.active_count()) == before


@pytest.mark.parametrize("act", ["sums", "stops_itself", "waits", "large"])
def test_close_does_not_wait_for_what_is_inside(begin: Begin, act: str) -> None:
    run = begin(seconds=60)
    wait_until_warm(run.stage)
    for number in range(10):
        run.submit(work(number, act))
    pids = run.stage.worker_pids()
    began = time.monotonic()
    run.stage.close(now=True)
    assert time.monotonic() - began < 2
    assert all(map(ended, pids))


def test_close_may_come_at_once_and_twice(begin: Begin) -> None:
    run = begin()
    run.stage.close()
    run.stage.close()
    run.submit(work(1))
    ProcessStage(2, Limits(1, 0), Processing(), [].append).close()


@pytest.mark.parametrize("act", ["waits", "good"])
def test_workers_end_with_their_parent(
    villains: None, tmp_path: Path, act: str
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        dedent("""
        import sys, threading
        from pathlib import Path
        from scraper.model import Task
        from scraper.urls import parts_of
        from scraper.workers.stage import Limits, ProcessStage, Processing, WorkItem
        from tests.workers.warm import wait_until_warm

        if __name__ == "__main__":
            stage = ProcessStage(2, Limits(60, 0), Processing(function="villains:act"), [].append)
            stage.start(Path("parts"))
            wait_until_warm(stage)
            for n in range(4):
                task = Task(n, parts_of(""), parts_of(""))
                stage.submit(task, WorkItem("page", str(n), sys.argv[1], None, "", ""), 0)
            print(*stage.worker_pids(), flush=True)
            threading.Event().wait()
        """)
    )
    path = os.pathsep.join([str(PROJECT), str(tmp_path)])
    with subprocess.Popen(
        [sys.executable, script, act],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    assert within(5, lambda: all(map(ended, pids)))


def test_a_script_without_a_guard_is_told_so(
    villains: None, tmp_path: Path
) -> None:
    script = tmp_path / "careless.py"
    script.write_text(
        dedent("""
        from pathlib import Path
        from scraper.workers.stage import Limits, ProcessStage, Processing
        stage = ProcessStage(1, Limits(60, 0), Processing(function="villains:act"), [].append)
        stage.start(Path("parts"))
        try:
            stage.check_start()
        except Exception as error:
            print(error, flush=True)
        stage.close()
        """)
    )
    path = os.pathsep.join([str(PROJECT), str(tmp_path)])
    told = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        timeout=PATIENCE,
        check=False,
    )
    assert '`if __name__ == "__main__":`' in told.stdout


# -- any order ------------------------------------------------------------------------------------

QUICK = sorted(set(ENDS) - {"sums", "searches", "powers"})


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """One stage for all orders: it has to survive them all."""
    folder = tmp_path_factory.mktemp("orders")
    (folder / "villains.py").write_text(VILLAINS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        run = Coordinator(
            lambda post: ProcessStage(
                2, Limits(20, MEMORY), Processing(function="villains:act"), post
            )
        )
        run.stage.start(folder / "parts")
        yield run
        run.stage.close()


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.sampled_from([*QUICK, "good", "good", "good"]),
        min_size=1,
        max_size=12,
    )
)
def test_any_order_of_villains(lasting: Coordinator, acts: list[str]) -> None:
    lasting.answers.clear()
    for number, act in enumerate(acts):
        lasting.submit(work(number, act, Path(lasting.stage._setup.scratch)))
    answers = lasting.finish()
    assert set(answers) == set(range(len(acts)))
    assert kinds(answers.values()) == {
        n: ENDS[a] for n, a in enumerate(acts) if ENDS.get(a)
    }


# -- the child's half -----------------------------------------------------------------------------


def test_a_note_that_was_never_written_is_no_evidence(tmp_path: Path) -> None:
    assert child.note_of(str(tmp_path), 1).number == 0
    (tmp_path / "begun-1").write_bytes(b"half")
    assert child.note_of(str(tmp_path), 1).number == 0


def test_every_failure_has_a_kind_of_the_tree() -> None:
    class Odd(Unusable):
        pass

    unknown: Failure = failure_of(Odd("no_such_kind", "x"))
    assert unknown.kind == "internal_error"
    assert failure_of(OSError(28, "full")).kind == "disk_full"
    assert failure_of(ValueError("\ud800")).message == "ValueError: ?"
