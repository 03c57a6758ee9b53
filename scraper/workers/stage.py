"""ProcessStage: a ProcessPoolExecutor that may die without taking the run along.

On CPython one dead worker makes every pending future of its pool a BrokenProcessPool. So the stage
owns the items and the pool only borrows them: an item that is submitted stays in `_items` until it
is answered, exactly once, and may pass through several pools on the way. A pool with its workers is
a generation. When it breaks, the coordinator calls `recover`: items that had not begun go to the
next generation; the begun ones are suspects, tried one at a time in a pool of one worker beside it.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from functools import partial
from multiprocessing import (
    connection,
)
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from scraper.errors import LocalFault, UsageError, new_failure
from scraper.machine import main_module
from scraper.messages import Message, PoolBroken, Processed, WorkReturned
from scraper.model import Failure, Publication, Task
from scraper.workers import child, fork_server, printed
from scraper.workers.child import Limits, Note, Recipe, WorkItem, WorkResult

__all__ = ["Limits", "ProcessStage", "Recipe", "StageFailed", "WorkItem"]

MAX_GATHERED = 4  # items a submission: +23 % pages a second; 8 bring little more
GATHERED_BODY_BYTES = 262_144
GATHERED_SECONDS = 0.02  # an item that takes longer does not notice the 95 us of a submission
MAX_AHEAD = 2  # submissions for each worker that is busy
MAX_DEATHS_ALONE = 2
MAX_LOSSES = 4  # after so many broken pools an item is tried alone though it never was at work
MAX_STILLBORN = 5  # generations in a row that began nothing
MAX_BARREN = 25  # generations in a row that finished nothing
GRACE_SECONDS = 3.0  # beyond its budget, after which an item's worker is killed from outside
GENTLE_SECONDS = 2.0  # for idle workers to end by themselves
KILL_SECONDS = 2.0  # for killed ones to be gone; only a worker stuck in the kernel needs longer
LAUNCH_SECONDS = 5.0  # for all workers of a generation to be forked
ROUND_SECONDS = 1.0


class StageFailed(LocalFault):
    """Workers die in a row without finishing anything."""

    def __init__(self, message: str) -> None:
        super().__init__(Failure("process_died", "process", message, retryable=True, blame="here"))


class _Pending:
    """An item on its way to its one result."""

    __slots__ = ("alone", "deaths", "item", "losses", "number", "since", "task")

    def __init__(self, number: int, task: Task, item: WorkItem, size: int) -> None:
        self.number = number
        self.task = task
        self.item = item
        self.since = time.monotonic()
        self.alone = item.kind != "page" or size > GATHERED_BODY_BYTES
        self.deaths = 0  # of a worker that had nothing else to do
        self.losses = 0  # of pools that it was in


class ProcessStage:
    """Facts from bodies, made in worker processes.

    `post` gets, for each item submitted, one `Processed` (or, while stopping, `WorkReturned`), and
    `PoolBroken` when the coordinator is to call `recover`. The pools' own threads call it.
    Set `stopping` to end: from then on nobody is convicted.

    `submit` may be called from any thread, everything else from the coordinator's.
    """

    def __init__(
        self,
        processes: int,
        limits: Limits,
        recipe: Recipe,
        post: Callable[[Message], None],
    ) -> None:
        self._recipe = recipe
        self._processes = processes
        self._limits = limits
        self._post = post
        self._scratch = ""
        self._numbers = itertools.count(1)
        self._generations = itertools.count(1)
        self._lock = threading.Lock()  # never held while calling into a pool: see _flush
        self._items: dict[int, _Pending] = {}  # submitted and not answered, oldest first
        self._waiting: deque[_Pending] = deque()
        self._suspects: deque[_Pending] = deque()
        self._main: _Generation | None = None
        self._trial: _Generation | None = None
        self._starter: threading.Thread | None = None
        self._item_seconds = 0.0  # moving average
        self._barren = 0
        self._stillborn = 0
        self._complaint = ""
        self._next_round = 0.0
        self._closed = False
        self.stopping = False

    # -- beginning ------------------------------------------------------------------------------

    def start(self, scratch: Path) -> None:
        """Begin to start the workers, without waiting for them.

        `scratch` is the parts folder: temporary files of results lie below it.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        fork_server.prepare(scratch)
        self._scratch = str(scratch)
        self._main = self._generation(self._processes)
        self._starter = threading.Thread(target=self._begin, name="start-workers", daemon=True)
        self._starter.start()

    def _begin(self) -> None:
        main = self._main
        assert main is not None, "made by start"
        main.launch()
        self._flush()

    def _started(self, timeout: float = LAUNCH_SECONDS) -> None:
        if self._starter is not None:
            self._starter.join(timeout)

    def check_start(self, timeout: float = child.START_SECONDS) -> None:
        """Wait until a worker is there and could import what it needs. Raises UsageError if not."""
        deadline = time.monotonic() + timeout
        main = self._main
        assert main is not None, "start comes first"
        self._started(timeout)
        rest = max(deadline - time.monotonic(), 0)
        done = wait(main.pings, rest, FIRST_COMPLETED).done
        complaint = main.complaint()
        if complaint:
            raise UsageError(f"the worker processes cannot start: {complaint}")
        if not done or main.broken:
            raise UsageError(
                main_module.import_trouble(self._scratch) or main_module.unexplained_death()
            )

    def wait_until_warm(self, timeout: float = child.START_SECONDS) -> None:
        """Wait until every worker has imported everything. Raises UsageError like `check_start`."""
        deadline = time.monotonic() + timeout
        self.check_start(timeout)
        pause = threading.Event()
        notes = [child.begun_path(self._scratch, pid) for pid in self.worker_pids()]
        while not all(map(os.path.exists, notes)):
            if pause.wait(0.001) or time.monotonic() > deadline:
                raise UsageError(f"the worker processes are not ready after {timeout:g} s")

    # -- work -----------------------------------------------------------------------------------

    def submit(self, task: Task, item: WorkItem, size: int) -> None:
        """Have a body of so many bytes processed. Short, never raises, never blocks."""
        pending = _Pending(next(self._numbers), task, item, size)
        with self._lock:
            self._items[pending.number] = pending
            self._waiting.append(pending)
        self._flush()

    @property
    def busy(self) -> int:
        """How many items are submitted and not answered."""
        return len(self._items)

    def oldest_task(self) -> tuple[Task, float] | None:
        """The task whose body has been inside longest, and for how many seconds."""
        with self._lock:
            item = next(iter(self._items.values()), None)
        return None if item is None else (item.task, time.monotonic() - item.since)

    def worker_pids(self) -> list[int]:
        """The worker processes."""
        alive = (generation for generation in (self._main, self._trial) if generation is not None)
        return [each.pid for generation in alive for each in generation.children]

    def _flush(self) -> None:
        """Hand on what may be handed on.

        The lock is not held in here: a pool calls back under a lock of its own (3.12 on), or at
        once, in this thread.
        """
        while (ready := self._next()) is not None:
            generation, key, batch = ready
            numbered = [(each.number, each.item) for each in batch]
            try:
                future = generation.pool.submit(child.process_batch, numbered)
            except (RuntimeError, OSError):
                generation.announce()  # it is broken; `recover` finds the batch in `inside`
                return
            future.add_done_callback(partial(self._done, generation, key))

    def _next(self) -> tuple[_Generation, int, list[_Pending]] | None:
        """The next submission, already entered into its generation."""
        with self._lock:
            hush = self._last_trial()
            for generation, taken in ((self._trial, self._a_suspect), (self._main, self._a_batch)):
                if generation is None or not generation.usable:
                    continue
                batch = taken(len(generation.inside), hush)
                if batch:
                    key = batch[0].number
                    generation.inside[key] = batch
                    return generation, key, batch
        return None

    def _last_trial(self) -> bool:
        """Whether somebody is, or is to be, tried for the last time. Then nothing else is at work:
        it may have been another item that killed its worker."""
        trial = self._trial
        if trial is None or not (trial.inside or (trial.usable and self._suspects)):
            return False
        tried = next(iter(trial.inside.values()), self._suspects)[0]
        return tried.deaths >= MAX_DEATHS_ALONE - 1

    def _a_suspect(self, inside: int, hush: bool) -> list[_Pending]:
        crowd = hush and self._main is not None and self._main.inside
        return [] if inside or crowd or not self._suspects else [self._suspects.popleft()]

    def _a_batch(self, inside: int, hush: bool) -> list[_Pending]:
        """What to submit: at once to an idle worker, gathered if all are busy, nothing if enough
        lies in front of them already, so that none has to wait for us."""
        waiting, idle = self._waiting, self._processes - inside
        if hush or not waiting or inside >= (1 + MAX_AHEAD) * self._processes:
            return []
        slow = self._item_seconds > GATHERED_SECONDS
        if waiting[0].alone or slow:
            return [waiting.popleft()]
        most = MAX_GATHERED if idle <= 0 else min(MAX_GATHERED, -(-len(waiting) // idle))
        small = list(
            itertools.takewhile(lambda each: not each.alone, itertools.islice(waiting, most))
        )
        if idle <= 0 and len(small) == len(waiting) < MAX_GATHERED:
            return []  # more may come before a worker is idle
        for _ in small:
            waiting.popleft()
        return small

    def _done(self, generation: _Generation, key: int, future: Future[list[WorkResult]]) -> None:
        """Runs in a pool's own thread, perhaps under its lock: see `_flush`."""
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            generation.announce()
            return
        with self._lock:
            batch = generation.inside.pop(key, ())
        if error is None:
            generation.finished += len(batch)
            for answer in future.result() if batch else ():
                self._answer(answer)
        else:
            self._unsent(batch, error)
        self._flush()

    def _answer(self, answer: WorkResult) -> None:
        item = self._items.get(answer.number)
        if item is None or self._closed:
            return
        self._item_seconds += 0.1 * (answer.seconds - self._item_seconds)
        files = tuple(
            Publication(os.path.relpath(part, self._scratch), final) for part, final in answer.files
        )
        self._post(
            Processed(
                item.task,
                answer.facts,
                answer.found,
                files,
                answer.failure,
                answer.seconds,
                answer.printed,
            )
        )
        self._items.pop(item.number, None)  # after the message: when none is busy, all is posted

    def _fail(self, item: _Pending, why: Failure, printed: str = "") -> None:
        self._answer(WorkResult(item.number, b"{}", (), (), why, 0.0, printed))

    def _unsent(self, batch: Iterable[_Pending], error: BaseException) -> None:
        """The answers could not be sent home, for want of memory; one by one they may."""
        items = list(batch)
        if len(items) == 1:
            if isinstance(error, MemoryError):
                self._fail(
                    items[0], new_failure("process_memory", child.memory_message(self._limits))
                )
            else:
                message = f"{type(error).__name__}: {error}"[: child.MAX_MESSAGE_CHARS]
                self._fail(items[0], new_failure("internal_error", message))
            return
        with self._lock:
            for item in reversed(items):
                item.alone = True
                self._waiting.appendleft(item)

    # -- death ----------------------------------------------------------------------------------

    def recover(self) -> None:
        """Replace what is broken; judge by evidence what was begun. Takes some 30 ms.

        Raises StageFailed when workers die in a row without finishing anything.
        """
        self._started()
        old = [each for each in (self._main, self._trial) if each is not None and each.broken]
        for generation in old:
            generation.kill()
            self._judge(generation)
            generation.end(patience=0.0)  # before the next one needs its descriptors
        if not self._closed:
            self._renew()
        self._flush()

    def _renew(self) -> None:
        if self._stillborn >= MAX_STILLBORN or self._barren >= MAX_BARREN:
            message = "the worker processes die in a row without finishing anything"
            raise StageFailed(f"{message} ({self._complaint})" if self._complaint else message)
        if self._stillborn:
            # A fork server that was told to end may not be gone yet: give it a moment.
            threading.Event().wait(0.02 * self._stillborn)
        if self._main is None:
            generation = self._generation(self._processes)
            generation.launch()
            self._main = generation
        if self._trial is None and self._suspects:
            generation = self._generation(1)
            generation.launch()
            self._trial = generation

    def _generation(self, processes: int) -> _Generation:
        number = next(self._generations)
        return _Generation(number, processes, self._recipe, self._limits, self._scratch, self._post)

    def _judge(self, generation: _Generation) -> None:
        """Decide what becomes of everything that was inside a dead generation."""
        seen = generation.evidence()
        convicted, returned = [], []
        with self._lock:
            alone = generation is self._trial
            if alone:
                self._trial = None
            else:
                self._main = None
            lost = [item for batch in generation.inside.values() for item in batch]
            generation.inside.clear()
            for item in reversed(lost):
                item.losses += 1
                evidence = seen.get(item.number)
                item.deaths += alone and evidence is not None
                if evidence is None and item.losses < MAX_LOSSES:
                    (self._suspects if alone else self._waiting).appendleft(item)
                elif self.stopping and item.losses == 1 and evidence and not evidence.convicts:
                    self._waiting.appendleft(item)  # the SIGTERM of a whole group, most likely
                elif self.stopping:
                    returned.append(item)
                elif evidence and (evidence.convicts or item.deaths >= MAX_DEATHS_ALONE):
                    convicted.append((item, evidence))
                elif alone:
                    self._suspects.appendleft(item)
                else:
                    self._suspects.append(item)
        self._complaint = generation.complaint() or generation.last_words()
        finished = generation.finished or any(each.convicts for each in seen.values())
        self._barren = 0 if finished else self._barren + 1
        self._stillborn = 0 if finished or seen else self._stillborn + 1
        for item, evidence in convicted:
            self._fail(item, evidence.verdict(self._limits), evidence.printed)
        for item in returned:
            self._post(WorkReturned(item.task))
            self._items.pop(item.number, None)

    def watch_workers(self, now: float | None = None) -> None:
        """Once a second, by a monotonic clock: see to what no future tells. Cheap to call often.

        A worker whose item is beyond its budget though its own alarm did not end it is killed.
        A pool for trials ends when nobody is left to be tried.
        """
        now = time.monotonic() if now is None else now
        if now < self._next_round:
            return
        self._next_round = now + ROUND_SECONDS
        for generation in (self._main, self._trial):
            if generation is not None and generation.usable:
                generation.look(now)
        with self._lock:
            trial = self._trial
            if trial is None or trial.inside or self._suspects or trial.broken:
                return
            self._trial = None
        trial.end(GENTLE_SECONDS)

    # -- ending ---------------------------------------------------------------------------------

    def close(self, now: bool = False) -> None:
        """End the workers; with `now`, or with work inside, at once. What is inside is dropped.

        The fork server stays for the next run of this process, and ends with it.
        """
        with self._lock:
            self._closed = True
            now = now or bool(self._items)
            self._items.clear()
            self._waiting.clear()
            self._suspects.clear()
        self._started()
        for generation in (self._main, self._trial):
            if generation is not None:
                generation.end(0.0 if now or generation.broken else GENTLE_SECONDS)
        self._main = self._trial = None


# -- a generation ------------------------------------------------------------------------------


class _Evidence(NamedTuple):
    """What a dead worker left behind about the item that it was at."""

    note: Note
    dump: str
    overdue: bool
    printed: str

    @property
    def convicts(self) -> bool:
        """It is clear without a trial."""
        return self.overdue or self.note.memory

    def verdict(self, limits: Limits) -> Failure:
        if self.overdue:
            return new_failure(
                "process_timeout", f"took longer than {limits.seconds:g} s{self._place}"
            )
        if self.note.memory:
            return new_failure("process_memory", child.memory_message(limits))
        first = self.dump.partition("\n")[0].removeprefix("Fatal Python error: ")
        how = f" ({first})" if first else ""
        return new_failure(
            "process_died", f"the worker process died at it, twice{how}{self._place}"
        )

    @property
    def _place(self) -> str:
        """Where its main thread stood: a dump names the newest thread first, its inner frame."""
        mark = "most recent call first):\n"
        stack = self.dump.rpartition("Current thread 0x")[2] if "Current" in self.dump else ""
        stack = (stack.partition(mark) if stack else self.dump.rpartition(mark))[2]
        line = stack.partition("\n")[0].strip()
        if not line.startswith("File "):
            return ""
        path, _, rest = line.removeprefix("File ").rpartition('", ')
        return f": {os.path.basename(path)}, {rest}"


class _Child:
    """A worker process, to be killed and waited for whoever its parent is.

    Workers are children of the fork server, and when that is dead multiprocessing takes them for
    dead too. A pidfd (Linux) speaks of the process itself, and never of a later one of its number.
    """

    __slots__ = ("_fd", "pid", "process")

    def __init__(self, process: BaseProcess) -> None:
        assert process.pid is not None, "it was started"
        self.process = process
        self.pid = process.pid
        self._fd = -1
        if sys.platform == "linux":
            with suppress(OSError):
                self._fd = os.pidfd_open(self.pid)

    @property
    def handle(self) -> int:
        """Ready when it is gone, for `connection.wait`."""
        return self._fd if self._fd >= 0 else self.process.sentinel

    def kill(self) -> None:
        with suppress(OSError):  # gone in between
            if sys.platform == "linux" and self._fd >= 0:
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)
            elif not connection.wait([self.process.sentinel], 0):
                self.process.kill()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with suppress(ValueError):  # still there: stuck in the kernel
            self.process.close()


class _Generation:
    """One pool, with its workers and the batches inside it.

    It reaches into ProcessPoolExecutor for three things that have no public name before 3.14, or
    none at all: its processes, its thread, and the writing end of its pipe of results.
    """

    def __init__(self, number: int, processes: int, recipe: Recipe, limits: Limits, scratch: str,
                 post: Callable[[Message], None]) -> None:  # fmt: skip
        self.number = number
        self.inside: dict[int, list[_Pending]] = {}
        self.finished = 0
        self.children: list[_Child] = []
        self.pings: list[Future[str]] = []
        self.broken_at = 0.0
        self._processes = processes
        self._limits = limits
        self._scratch = scratch
        self._post = post
        self._launched = False
        self._ending = False
        self._trouble = ""
        self._watcher = threading.Thread(target=self._watch, name="watch-workers", daemon=True)
        self._first_announcement = threading.Lock()
        self.pool = ProcessPoolExecutor(
            processes, fork_server.context_for(scratch), child.begin, (scratch, recipe, limits)
        )
        self._inner: Any = self.pool
        self._results: Any = self._inner._result_queue

    @property
    def broken(self) -> bool:
        return self.broken_at > 0

    @property
    def usable(self) -> bool:
        return self._launched and not self.broken

    def launch(self) -> None:
        """Start all workers now: a pool starts them in `submit`, which callbacks call too."""
        try:
            with fork_server.starting(Path(self._scratch)):
                while len(self._inner._processes) < self._processes:
                    self.pings.append(self.pool.submit(child.ping))
            # Once more, to wake the pool's thread: it does not watch a worker started since.
            self.pings.append(self.pool.submit(child.ping))
        except Exception as error:  # noqa: BLE001  EOFError, AssertionError of a daemonic process
            self.fail(error)
        finally:
            self.children = [_Child(each) for each in list(self._inner._processes.values())]
        self._watcher.start()
        for each in self.pings:
            each.add_done_callback(self._pinged)
        self._launched = True

    def _watch(self) -> None:
        """Announce the first death. The pool would, too, in 1-2 ms, but not always: a worker killed
        in the middle of an answer larger than a pipe (64 kB) leaves it reading for ever."""
        if connection.wait([each.handle for each in self.children]):
            self.announce()

    def _pinged(self, future: Future[str]) -> None:
        if isinstance(future.exception(), BrokenExecutor):
            self.announce()

    def complaint(self) -> str:
        """Why its workers cannot work, if one has said so."""
        heard = (each.result() for each in self.pings if each.done() and not each.exception())
        return next(filter(None, heard), self._trouble)

    def fail(self, error: Exception) -> None:
        """It could not be started."""
        if not isinstance(error, BrokenExecutor):
            self._trouble = f"{type(error).__name__}: {error}"
        self.announce()

    def announce(self) -> None:
        """Tell the coordinator, once. Takes no lock that anybody waits for."""
        if self._first_announcement.acquire(blocking=False):
            self.broken_at = time.monotonic()
            if not self._ending:
                self._post(PoolBroken(self.number))

    def look(self, now: float) -> None:
        """See `ProcessStage.watch_workers`."""
        for each in self.children:
            note = child.note_of(self._scratch, each.pid)
            age = now - note.begun
            printed.truncate_excess(child.said_path(self._scratch, each.pid))
            if note.number and age > self._limits.seconds + GRACE_SECONDS:
                each.kill()
                if age > self._limits.seconds + 4 * GRACE_SECONDS:
                    self.announce()  # the kernel does not let go of it: go on without

    def kill(self) -> None:
        for each in self.children:
            each.kill()
        self._wait(KILL_SECONDS)

    def _wait(self, seconds: float) -> bool:
        """Whether all workers are gone."""
        deadline = time.monotonic() + seconds
        left = {each.handle for each in self.children}
        while left:
            gone = connection.wait(left, max(deadline - time.monotonic(), 0))
            if not gone:
                return False
            left.difference_update(gone)
        return True

    def evidence(self) -> dict[int, _Evidence]:
        """By number, the items that its workers were at when they died. Call after `kill`."""
        found = {}
        for each in self.children:
            note = child.note_of(self._scratch, each.pid)
            if note.number:
                dump = self._dump_of(each.pid)
                late = self.broken_at - note.begun >= self._limits.seconds
                late = late or dump.startswith("Timeout")
                found[note.number] = _Evidence(note, dump, late, self._said_by(each.pid))
        return found

    def _said_by(self, pid: int) -> str:
        return printed.read_leftover(child.said_path(self._scratch, pid))

    def last_words(self) -> str:
        """The last line that one of its workers has printed, or nothing."""
        said = "\n".join(self._said_by(each.pid) for each in self.children)
        return said.strip().rpartition("\n")[2]

    def _dump_of(self, pid: int) -> str:
        try:
            with open(child.dump_path(self._scratch, pid), errors="replace") as file:
                return file.read(65_536)
        except FileNotFoundError:
            return ""

    def end(self, patience: float) -> None:
        """Leave nothing behind: no process, no thread, no descriptor, no note.

        Nothing here waits without a limit. Pending futures are not cancelled: the thread of a
        breaking pool dies of that (3.11).
        """
        self._ending = True
        thread = self._inner._executor_manager_thread
        if not patience:
            # First, because from 3.12 on a breaking pool keeps its lock until all of them are gone.
            self.kill()
        self.pool.shutdown(wait=False)
        if not (patience and self._wait(patience)):
            self.kill()
            # The pool's thread may be reading an answer whose sender is dead: this writing end is
            # the last that is open.
            self._results._writer.close()
        for waiting in (thread, self._watcher):
            if waiting is not None and waiting.ident is not None:
                waiting.join(KILL_SECONDS)
        for each in self.children:
            each.close()
            for path in (child.begun_path, child.dump_path, child.said_path):
                with suppress(OSError):  # it never came so far
                    os.unlink(path(self._scratch, each.pid))
        self.children = []
