"""ProcessStage: a pool of processes that may die without taking the run along.

On CPython one dead worker makes every pending future of its pool a BrokenProcessPool. So the stage
owns the items and the pool only borrows them: an item that is submitted stays in `_items` until its
result is posted, exactly once, and may pass through several pools on the way. When a pool breaks,
the coordinator calls `recover`: items that no worker had begun go to the next pool; those begun
are suspects, tried one at a time in a pool of one worker beside it (see triage.py).
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path

from scraper.errors import UsageError, new_failure
from scraper.machine import main_module
from scraper.messages import Message, PoolBroken, Processed, WorkReturned
from scraper.model import Publication, Task
from scraper.workers import child, fork_server
from scraper.workers.backlog import Backlog
from scraper.workers.child import WorkerSetup, WorkResult
from scraper.workers.deaths import DeathsInARow, StageFailed, cannot_start
from scraper.workers.pool import WorkerPool
from scraper.workers.roster import Roster
from scraper.workers.triage import (
    Convict,
    Fate,
    Pending,
    Return,
    Suspect,
    triage,
)
from scraper.workers.work import (
    MAX_MESSAGE_CHARS,
    Limits,
    Processing,
    WorkItem,
    memory_message,
)

__all__ = ["Limits", "ProcessStage", "Processing", "StageFailed", "WorkItem"]

# Bodies above are submitted alone: so large ones take far longer than others.
GATHERED_BODY_BYTES = 262_144
GATHERED_IMAGE_BYTES = 1_048_576
GENTLE_SECONDS = 2.0  # for idle workers to end by themselves
LAUNCH_SECONDS = 5.0  # for all workers of a pool to be forked
ROUND_SECONDS = 1.0


class ProcessStage:
    """Facts from bodies, made in worker processes.

    `post` gets, for each item submitted, one `Processed` (or, while stopping, `WorkReturned`), and
    `PoolBroken` when the coordinator is to call `recover`. The pools' own threads call it.
    Set `stopping` to end: from then on no item is convicted.

    `context` says how workers are started, else a fork server of ours starts them; `initializer` is
    what each of them calls first, pickled with its arguments; after `max_tasks` items one is
    replaced, and its pool with it.

    `submit` may be called from any thread, everything else from the coordinator's.
    """

    def __init__(
        self,
        processes: int,
        limits: Limits,
        processing: Processing,
        post: Callable[[Message], None],
        *,
        context: BaseContext | None = None,
        initializer: bytes = b"",
        max_tasks: int = 0,
    ) -> None:
        self._setup = WorkerSetup(
            "", processing, limits, initializer, max_tasks
        )
        self.has_initializer = bool(initializer)
        self._context = context
        self._processes = processes
        self._post = post
        self._numbers = itertools.count(1)
        self._pool_numbers = itertools.count(1)
        # never held while calling into a pool: see _submit_ready
        self._lock = threading.Lock()
        # submitted and not answered, oldest first
        self._items: dict[int, Pending] = {}
        self._backlog = Backlog(processes)
        self._pools = Roster()
        self._launcher: threading.Thread | None = None
        self._deaths = DeathsInARow()
        self._next_round = 0.0
        self._closed = False
        self.stopping = False

    # -- beginning ------------------------------------------------------------------------------

    def start(self, scratch: Path) -> None:
        """Begin to start the workers, without waiting for them.

        `scratch` is the parts folder: temporary files of results lie below it. To be forked off
        this process they are started here and now, while it has one thread; those that replace them
        come from the fork server. Raises UsageError if it has more.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        fork_server.prepare(scratch, self._context)
        self._setup = self._setup._replace(scratch=str(scratch))
        is_fork = fork_server.start_method(self._context) == "fork"
        if is_fork:
            fork_server.refuse_fork_with_threads()
        self._pools.main = self._new_pool(self._processes)
        if is_fork:
            self._pools.main.launch()
            self._context = None
            return
        self._launcher = threading.Thread(
            target=_launch,
            args=(self._pools.main, self._submit_ready),
            name="start-workers",
            daemon=True,
        )
        self._launcher.start()

    def _new_pool(self, size: int) -> WorkerPool:
        return WorkerPool(
            next(self._pool_numbers),
            size,
            self._setup,
            self._post,
            self._context,
        )

    def _wait_for_launch(self, timeout: float = LAUNCH_SECONDS) -> None:
        if self._launcher is not None:
            self._launcher.join(timeout)

    def check_start(self, timeout: float = child.START_SECONDS) -> None:
        """Wait until a worker is there and could import what it needs. Raises UsageError if not."""
        deadline = time.monotonic() + timeout
        pool = self._pools.main
        assert pool is not None, "start comes first"
        self._wait_for_launch(timeout)
        is_there = pool.wait_for_first(max(deadline - time.monotonic(), 0))
        complaint = pool.complaint()
        if complaint:
            raise UsageError(cannot_start(complaint))
        if not is_there or pool.broken:
            trouble = main_module.import_trouble(self._setup.scratch)
            raise UsageError(trouble or main_module.unexplained_death())

    # -- work -----------------------------------------------------------------------------------

    def submit(self, task: Task, item: WorkItem, size: int) -> None:
        """Have a body of so many bytes processed. Short, never raises, never blocks."""
        is_image = item.kind == "image"
        most = GATHERED_IMAGE_BYTES if is_image else GATHERED_BODY_BYTES
        pending = Pending(next(self._numbers), task, item, alone=size > most)
        with self._lock:
            self._items[pending.number] = pending
            self._backlog.add(pending)
        self._submit_ready()

    @property
    def busy(self) -> int:
        """How many items are submitted and not answered."""
        return len(self._items)

    def oldest_task(self) -> tuple[Task, float] | None:
        """The task whose body has been inside longest, and for how many seconds."""
        with self._lock:
            oldest = next(iter(self._items.values()), None)
        return (
            None
            if oldest is None
            else (oldest.task, time.monotonic() - oldest.since)
        )

    def worker_pids(self) -> list[int]:
        """The numbers of the worker processes."""
        return [pid for pool in self._pools for pid in pool.pids()]

    def _submit_ready(self) -> None:
        """Hand over to the pools what they may have.

        The lock is not held in here: a pool calls back under a lock of its own (3.12 on), or at
        once, in this thread.
        """
        while (ready := self._next_submission()) is not None:
            pool, key, batch = ready
            try:
                future = pool.submit(batch)
            except (RuntimeError, OSError):
                pool.announce_death()  # `recover` finds the batch in `inside`
                return
            future.add_done_callback(partial(self._take_results, pool, key))

    def _next_submission(self) -> tuple[WorkerPool, int, list[Pending]] | None:
        """The next batch and its pool, into which it is already entered."""
        with self._lock:
            pools = self._pools
            main, trial = pools.main, pools.trial
            # During a last trial nothing else is at work: another item might kill its worker.
            main_paused = _is_last_trial(trial, self._backlog.first_suspect)
            main_busy = any(
                pool.inside
                for pool in (main, pools.retired)
                if pool is not None
            )
            trial_waits = main_paused and main_busy
            batch: list[Pending] = []
            if trial is not None and trial.is_free and not trial_waits:
                batch = self._backlog.take_suspect()
                if batch:
                    return trial, trial.enter(batch), batch
            if main is not None and main.usable and not main_paused:
                batch = self._backlog.take_batch(len(main.inside))
                if batch:
                    return main, main.enter(batch), batch
        return None

    def _take_results(
        self, pool: WorkerPool, key: int, future: Future[list[WorkResult]]
    ) -> None:
        """Runs in a pool's own thread, perhaps under its lock: see `_submit_ready`."""
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            pool.announce_death()
            return
        with self._lock:
            batch = pool.inside.pop(key, [])
        if error is not None:
            self._resend(batch, error)
        elif batch:
            results = future.result()
            pool.finished += len(results)
            for result in results:
                self._post_result(result)
            self._take_rest(pool, batch[len(results) :])
        self._submit_ready()

    def _take_rest(self, pool: WorkerPool, rest: Sequence[Pending]) -> None:
        """A worker that has done its share gives back what it has not begun; from now on its pool
        gets no more, so that all of it can be replaced."""
        with self._lock:
            if rest and pool is self._pools.trial:
                self._backlog.take_back(rest[0], Suspect(), first=True)
            else:
                self._backlog.put_first(rest)
            if rest:
                pool.is_spent = True
            is_due = pool.is_spent and (bool(rest) or not pool.inside)
        if is_due:
            self._post(PoolBroken(pool.number))

    def _post_result(self, result: WorkResult) -> None:
        pending = self._items.get(result.number)
        if pending is None or self._closed:
            return
        self._backlog.note_duration(result.seconds)
        files = [
            Publication(part.removeprefix(self._setup.scratch + os.sep), final)
            for part, final in result.files
        ]
        self._post(
            Processed(
                pending.task,
                result.facts,
                result.found,
                tuple(files),
                result.failure,
                result.seconds,
                result.printed,
                result.flags,
                result.fill,
                result.leads,
                result.sketch,
            )
        )
        # After the message: when no item is left, all results are posted.
        with self._lock:
            self._items.pop(result.number, None)

    def _resend(self, batch: Sequence[Pending], error: BaseException) -> None:
        """The results could not be sent home, for want of memory; one by one they may."""
        if len(batch) > 1:
            with self._lock:
                for item in batch:
                    item.alone = True
                self._backlog.put_first(batch)
            return
        if isinstance(error, MemoryError):
            failure = new_failure(
                "process_memory", memory_message(self._setup.limits)
            )
        else:
            message = f"{type(error).__name__}: {error}"
            failure = new_failure("internal_error", message[:MAX_MESSAGE_CHARS])
        for item in batch:
            self._post_result(child.failed_result(item.number, failure))

    # -- death ----------------------------------------------------------------------------------

    def recover(self) -> None:
        """Replace what is broken; decide by evidence what becomes of its items. Takes some 30 ms.

        Raises StageFailed when workers die in a row without finishing anything.
        """
        self._wait_for_launch()
        for pool in self._pools:
            if pool.broken:
                pool.kill()
                self._triage(pool)
                # before the next one needs its descriptors
                pool.end(patience=0.0)
            elif pool.is_spent:
                with self._lock:
                    is_over = self._pools.retire(pool)
                if is_over:
                    pool.end(GENTLE_SECONDS)
        if not self._closed:
            self._replace_pools()
        self._submit_ready()

    def _triage(self, pool: WorkerPool) -> None:
        """Decide what becomes of every item that was inside a dead pool."""
        evidence = pool.evidence()
        with self._lock:
            alone = pool is self._pools.trial
            self._pools.forget(pool)
            fates: list[tuple[Pending, Fate]] = []
            for item in reversed(pool.take_out()):
                found = evidence.get(item.number)
                item.losses += 1
                if alone and found is not None:
                    item.deaths += 1
                fate = triage(item, found, alone=alone, stopping=self.stopping)
                self._backlog.take_back(item, fate, first=alone)
                fates.append((item, fate))
        self._deaths.add(pool, evidence.values())
        for item, fate in fates:
            if isinstance(fate, Convict):
                printed = evidence[item.number].printed
                self._post_result(
                    child.failed_result(item.number, fate.failure, printed)
                )
            elif isinstance(fate, Return):
                self._post(WorkReturned(item.task))
                with self._lock:
                    self._items.pop(item.number, None)

    def _replace_pools(self) -> None:
        self._deaths.check()
        if self._pools.main is None:
            pool = self._new_pool(self._processes)
            pool.launch()
            self._pools.main = pool
        if (
            self._pools.trial is None
            and self._backlog.first_suspect is not None
        ):
            pool = self._new_pool(1)
            pool.launch()
            self._pools.trial = pool

    def watch_workers(self) -> None:
        """Once a second, by a monotonic clock: see to what no future reports. Cheap to call often.

        A worker whose item is beyond its budget though its own alarm did not end it is killed.
        A pool for trials ends when no suspect is left.
        """
        now = time.monotonic()
        if now < self._next_round:
            return
        self._next_round = now + ROUND_SECONDS
        for pool in self._pools:
            if pool.is_at_work:
                pool.kill_overdue(now)
        with self._lock:
            trial = self._pools.trial
            has_suspects = self._backlog.first_suspect is not None
            if trial is None or trial.inside or trial.broken or has_suspects:
                return
            self._pools.trial = None
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
            self._backlog.clear()
        self._wait_for_launch()
        for pool in self._pools:
            pool.end(0.0 if now or pool.broken else GENTLE_SECONDS)
        self._pools = Roster()


def _launch(pool: WorkerPool, submit_ready: Callable[[], None]) -> None:
    pool.launch()
    submit_ready()


def _is_last_trial(trial: WorkerPool | None, suspect: Pending | None) -> bool:
    """Is an item tried, or to be tried next, that one more death convicts?"""
    if trial is None:
        return False
    for batch in trial.inside.values():
        return batch[0].is_at_last_trial
    return trial.usable and suspect is not None and suspect.is_at_last_trial
