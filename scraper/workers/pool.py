"""One pool of worker processes: how it starts, how its death is noticed, what it leaves behind.

The only file that reaches into ProcessPoolExecutor, for what has no public name:

    _processes                 its workers, to watch and to kill; `kill_workers` comes with 3.14
                               (python/cpython#128041)
    _executor_manager_thread   its thread, to wait for with a limit: `shutdown(wait=True)` may wait
                               for ever when a worker has crashed (python/cpython#94777)
    _result_queue._writer      the writing end of its pipe of results: while one is open, the thread
                               waits for the rest of a result whose sender was killed
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import suppress
from multiprocessing import connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from scraper.messages import Message, PoolBroken
from scraper.workers import child, fork_server, printed
from scraper.workers.child import WorkerSetup, WorkResult
from scraper.workers.triage import Evidence, Pending

GRACE_SECONDS = 3.0  # beyond its budget, after which an item's worker is killed from outside
KILL_SECONDS = 2.0  # for killed ones to be gone; only a worker stuck in the kernel needs longer
MAX_DUMP_CHARS = 65_536


class WorkerPool:
    """One executor, with its workers and the batches inside it.

    It is used once: when it breaks, or is no longer needed, `end` removes every trace of it.
    """

    def __init__(
        self,
        number: int,
        size: int,
        setup: WorkerSetup,
        post: Callable[[Message], None],
        chosen: BaseContext | None = None,
    ) -> None:
        self.number = number
        self.inside: dict[int, list[Pending]] = {}
        self.finished = 0
        self.broken_at = 0.0
        self.is_spent = False  # a worker has done its share: none gets more
        self._size = size
        self._setup = setup
        self._post = post
        self._chosen = chosen
        self._processes: list[_WorkerProcess] = []
        self._pings: list[Future[str]] = []
        self._launched = False
        self._ending = False
        self._start_error = ""
        self._watcher = threading.Thread(
            target=self._watch, name="watch-workers", daemon=True
        )
        self._first_announcement = threading.Lock()
        context = fork_server.context_for(setup.scratch, chosen)
        self._executor = ProcessPoolExecutor(
            size, context, child.start_worker, (setup,)
        )
        self._private: Any = self._executor
        self._results: Any = self._private._result_queue

    @property
    def broken(self) -> bool:
        return self.broken_at > 0

    @property
    def is_at_work(self) -> bool:
        return self._launched and not self.broken

    @property
    def usable(self) -> bool:
        return self.is_at_work and not self.is_spent

    @property
    def is_free(self) -> bool:
        return self.usable and not self.inside

    def enter(self, batch: list[Pending]) -> int:
        """Note that a batch is inside, under the key that is returned."""
        key = batch[0].number
        self.inside[key] = batch
        return key

    def take_out(self) -> list[Pending]:
        """All items that are inside; none is from now on."""
        items = [item for batch in self.inside.values() for item in batch]
        self.inside.clear()
        return items

    def pids(self) -> list[int]:
        """The numbers of its worker processes."""
        return [each.pid for each in self._processes]

    # -- beginning ------------------------------------------------------------------------------

    def launch(self) -> None:
        """Start all workers now: an executor starts them in `submit`, which callbacks call too."""
        try:
            with fork_server.starting(Path(self._setup.scratch), self._chosen):
                while len(self._private._processes) < self._size:
                    self._pings.append(self._executor.submit(child.ping))
            # Once more, to wake the executor's thread: it does not watch a worker started since.
            self._pings.append(self._executor.submit(child.ping))
        except Exception as error:  # noqa: BLE001  EOFError, AssertionError of a daemonic process
            if not isinstance(error, BrokenExecutor):
                self._start_error = f"{type(error).__name__}: {error}"
            self.announce_death()
        finally:
            started = list(self._private._processes.values())
            self._processes = [_WorkerProcess(each) for each in started]
        self._watcher.start()
        for ping in self._pings:
            ping.add_done_callback(self._check_ping)
        self._launched = True

    def wait_for_first(self, seconds: float) -> bool:
        """Has a worker answered within that time?"""
        return bool(wait(self._pings, seconds, FIRST_COMPLETED).done)

    def complaint(self) -> str:
        """Why its workers cannot work, if one has said so."""
        for ping in self._pings:
            if ping.done() and not ping.exception() and ping.result():
                return ping.result()
        return self._start_error

    def submit(self, batch: Sequence[Pending]) -> Future[list[WorkResult]]:
        """Have a worker process a batch. Raises RuntimeError or OSError if the pool is broken."""
        numbered = [(each.number, each.item) for each in batch]
        return self._executor.submit(child.process_batch, numbered)

    # -- death ----------------------------------------------------------------------------------

    def announce_death(self) -> None:
        """Post `PoolBroken`, once. Takes no lock that another thread waits for."""
        if self._first_announcement.acquire(blocking=False):
            self.broken_at = time.monotonic()
            if not self._ending:
                self._post(PoolBroken(self.number))

    def _watch(self) -> None:
        """Announce the first death. The executor notices it too, in 1-2 ms, but not always: a
        worker killed in the middle of a result larger than a pipe (64 kB) leaves it reading."""
        if connection.wait([each.handle for each in self._processes]):
            self.announce_death()

    def _check_ping(self, ping: Future[str]) -> None:
        if isinstance(ping.exception(), BrokenExecutor):
            self.announce_death()

    def kill_overdue(self, now: float) -> None:
        """Kill workers whose item is beyond its budget, and bound what workers have printed."""
        budget = self._setup.limits.seconds
        for process in self._processes:
            note = child.note_of(self._setup.scratch, process.pid)
            age = now - note.begun
            printed.truncate_excess(
                child.printed_path(self._setup.scratch, process.pid)
            )
            if note.number and age > budget + GRACE_SECONDS:
                process.kill()
                if age > budget + 4 * GRACE_SECONDS:
                    self.announce_death()  # the kernel does not let go of it: go on without it

    def evidence(self) -> dict[int, Evidence]:
        """By number, the items that its workers had begun when they died. Call `kill` before."""
        found = {}
        scratch, limits = self._setup.scratch, self._setup.limits
        for pid in self.pids():
            note = child.note_of(scratch, pid)
            if note.number:
                dump = _read_dump(child.dump_path(scratch, pid))
                was_late = self.broken_at - note.begun >= limits.seconds
                is_overdue = was_late or dump.startswith("Timeout")
                output = printed.read_leftover(child.printed_path(scratch, pid))
                found[note.number] = Evidence(
                    note, dump, is_overdue, output, limits
                )
        return found

    def last_words(self) -> str:
        """The last line that one of its workers has printed, or nothing."""
        paths = [
            child.printed_path(self._setup.scratch, pid) for pid in self.pids()
        ]
        output = "\n".join(map(printed.read_leftover, paths))
        return output.strip().rpartition("\n")[2]

    # -- ending ---------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill all workers, and wait until they are gone."""
        for process in self._processes:
            process.kill()
        _wait_until_gone(self._processes, KILL_SECONDS)

    def end(self, patience: float) -> None:
        """Leave nothing behind: no process, no thread, no descriptor, no note.

        Idle workers have `patience` seconds to end by themselves. Nothing here waits without a
        limit. Pending futures are not cancelled: the thread of a breaking executor dies of that
        (3.11; python/cpython#94440).
        """
        self._ending = True
        thread = self._private._executor_manager_thread
        if not patience:
            # First, because from 3.12 on a breaking executor keeps its lock until all are gone.
            self.kill()
        self._executor.shutdown(wait=False)
        if not (patience and _wait_until_gone(self._processes, patience)):
            self.kill()
            # The executor's thread may be reading a result whose sender is dead: this writing end
            # is the last that is open.
            self._results._writer.close()
        for waiting in (thread, self._watcher):
            if waiting is not None and waiting.ident is not None:
                waiting.join(KILL_SECONDS)
        if thread is None or not thread.is_alive():
            self._results.close()
        # They know this pool, which would keep its semaphores until the
        # garbage collector comes by.
        self._pings = []
        for process in self._processes:
            process.close()
            child.remove_notes(self._setup.scratch, process.pid)
        self._processes = []


class _WorkerProcess:
    """A worker process, to be killed and waited for by any process, not only by its parent.

    Workers are children of the fork server, and when that is dead multiprocessing takes them for
    dead too. A pidfd (Linux) names the process itself, and never a later one of its number.
    """

    __slots__ = ("_fd", "_process", "pid")

    def __init__(self, process: BaseProcess) -> None:
        assert process.pid is not None, "it was started"
        self._process = process
        self.pid = process.pid
        self._fd = -1
        if sys.platform == "linux":
            with suppress(OSError):
                self._fd = os.pidfd_open(self.pid)

    @property
    def handle(self) -> int:
        """Ready when it is gone, for `connection.wait`."""
        return self._fd if self._fd >= 0 else self._process.sentinel

    def kill(self) -> None:
        """Send SIGKILL, unless it is gone."""
        with suppress(OSError):  # gone in between
            if sys.platform == "linux" and self._fd >= 0:
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)
            elif not connection.wait([self._process.sentinel], 0):
                self._process.kill()

    def close(self) -> None:
        """Give its descriptors back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with suppress(ValueError):  # still there: stuck in the kernel
            self._process.close()


def _wait_until_gone(
    processes: Sequence[_WorkerProcess], seconds: float
) -> bool:
    """Whether all of them are gone within that time."""
    deadline = time.monotonic() + seconds
    left = {each.handle for each in processes}
    while left:
        gone = connection.wait(left, max(deadline - time.monotonic(), 0))
        if not gone:
            return False
        left.difference_update(gone)
    return True


def _read_dump(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read(MAX_DUMP_CHARS)
    except FileNotFoundError:
        return ""
