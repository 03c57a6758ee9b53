"""What runs inside a worker process: items in, plain data out, one after the other.

The parent imports this module for its names only; the parsers are imported in the worker, or before
in the fork server. A worker never logs and writes nothing but an item's temporary files and its own
three notes in the scratch folder, which are read when it is dead:

    begun-<pid>   which item it is at, since when, and whether memory ran out
    dump-<pid>    where it stood when its time was over, or when it crashed
    printed-<pid> what it has printed at that item
"""

from __future__ import annotations

import errno
import faulthandler
import gc
import os
import pickle
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import connection, parent_process
from typing import NamedTuple

from scraper.errors import disk_failure, new_failure
from scraper.machine import heap, streams
from scraper.model import Failure, Flag
from scraper.workers.alarm import Alarm
from scraper.workers.printed import Printed
from scraper.workers.work import (
    NOTHING,
    Limits,
    Processing,
    WorkItem,
    apply,
    describe_error,
    failure_of,
    function_of,
    initialize,
    memory_message,
)

INITIALIZER_FAILS = "initializer fails"
START_SECONDS = 60.0  # to import everything, the user's module too
# Of a worker, beside its parent, as the command `nice` has it: who hands out work and takes what is
# done must not wait for a core, or all wait for it. With more, a worker on a busy machine would
# have so little of a core that its items take too long.
NICENESS = 5


class WorkResult(NamedTuple):
    """What became of one item: never an exception, because some break the pool while unpickled."""

    number: int
    facts: bytes
    found: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    failure: Failure | None
    seconds: float
    printed: str = ""
    flags: tuple[Flag, ...] = ()
    fill: str = ""
    leads: tuple[tuple[str, str], ...] = ()
    sketch: bytes = b""


def failed_result(
    number: int, failure: Failure | None, printed: str = ""
) -> WorkResult:
    """The result of an item of which nothing came."""
    return WorkResult(number, b"{}", (), (), failure, 0.0, printed)


class WorkerSetup(NamedTuple):
    """What each worker of a run is given when it starts."""

    scratch: str
    processing: Processing
    limits: Limits
    initializer: bytes = b""
    """A function of the user's and its arguments, pickled; it is called when all else is ready."""
    max_tasks: int = 0
    """After so many items it does no more. 0: no limit."""


class Note(NamedTuple):
    """Which item a worker is at (0: none), since when (monotonic), and whether memory ran out."""

    number: int
    begun: float
    memory: bool


_NOTE = struct.Struct("=Qd?")
_NO_ITEM = Note(0, 0.0, False)


def begun_path(scratch: str, pid: int) -> str:
    """Where the worker `pid` notes what it begins."""
    return os.path.join(scratch, f"begun-{pid}")


def dump_path(scratch: str, pid: int) -> str:
    """Where the worker `pid` leaves its stack when it ends against its will."""
    return os.path.join(scratch, f"dump-{pid}")


def printed_path(scratch: str, pid: int) -> str:
    """Where what the worker `pid` prints goes."""
    return os.path.join(scratch, f"printed-{pid}")


def remove_notes(scratch: str, pid: int) -> None:
    """Remove all three notes of the worker `pid`."""
    for path in (begun_path, dump_path, printed_path):
        with suppress(OSError):  # it never came so far
            os.unlink(path(scratch, pid))


def note_of(scratch: str, pid: int) -> Note:
    """What the worker `pid` is at, or was at when it died."""
    try:
        with open(begun_path(scratch, pid), "rb") as file:
            return Note._make(_NOTE.unpack(file.read(_NOTE.size)))
    except (FileNotFoundError, struct.error):
        return _NO_ITEM  # it has not come so far


class _InitializerFailed(Exception):
    """The user's function says that this worker cannot work."""


# -- the three functions that the pool calls ---------------------------------------------------

_worker: _Worker | None = None
_complaint = ""
_fault: Failure | None = None  # of the disk, which is why there is no worker


def start_worker(setup: WorkerSetup) -> None:
    """Make this process a worker. It never raises: `ping` returns what went wrong."""
    global _worker, _complaint, _fault
    # Ctrl-C is for the coordinator
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    streams.open_missing()
    if sys.platform != "win32":
        os.nice(NICENESS)
    threading.Thread(
        target=_exit_with_parent, name="exit-with-parent", daemon=True
    ).start()
    try:
        _worker = _Worker(setup)
    except BaseException as error:  # noqa: BLE001  a user's module may raise anything
        _complaint = (
            f"{INITIALIZER_FAILS}: {error}"
            if isinstance(error, _InitializerFailed)
            else describe_error(error)
        )
        if isinstance(error, OSError) and error.errno in (
            errno.ENOSPC,
            errno.EDQUOT,
        ):
            _fault = disk_failure(error)


def ping() -> str:
    """Nothing, or why this worker cannot work."""
    return _complaint


def process_batch(batch: Sequence[tuple[int, WorkItem]]) -> list[WorkResult]:
    """One result for each numbered item; of fewer, if this worker has done its share by then."""
    if _worker is None and _fault is None:
        # no item has begun, so none is blamed: the stage stops if this goes on
        os._exit(1)
    results = []
    for number, item in batch:
        if _worker is not None and _worker.is_spent:
            break
        results.append(_process(number, item))
    return results


def _process(number: int, item: WorkItem) -> WorkResult:
    if _worker is None:
        return failed_result(number, _fault)
    try:
        return _worker.process(number, item)
    # about the notes: the disk is full, whichever item it is
    except OSError as error:
        return failed_result(number, disk_failure(error))


def _exit_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    connection.wait([parent.sentinel])
    os._exit(1)


class _Worker:
    def __init__(self, setup: WorkerSetup) -> None:
        scratch, limits = setup.scratch, setup.limits
        pid = os.getpid()
        self._limits = limits
        self._left = setup.max_tasks or sys.maxsize  # items that it may do
        self._printed = Printed(printed_path(scratch, pid))
        self._dump = open(dump_path(scratch, pid), "wb", buffering=0)  # noqa: SIM115
        faulthandler.enable(self._dump)
        faulthandler.dump_traceback_later(
            START_SECONDS, exit=True, file=self._dump
        )
        heap.give_back_large_blocks()
        self._function = function_of(setup.processing)
        _initialize(setup)
        faulthandler.cancel_dump_traceback_later()
        self._alarm = Alarm(limits.seconds, self._dump)
        gc.collect()
        gc.freeze()
        _limit_memory(limits.memory_bytes)
        self._begun = open(begun_path(scratch, pid), "wb", buffering=0)  # noqa: SIM115
        self._note(_NO_ITEM)

    @property
    def is_spent(self) -> bool:
        """Has it done its share?"""
        return self._left <= 0

    def process(self, number: int, item: WorkItem) -> WorkResult:
        self._left -= 1
        began = time.perf_counter()
        self._note(Note(number, time.monotonic(), False))
        self._alarm.set()
        made = NOTHING
        failed: Failure | None = None
        try:
            made = apply(self._function, item)
            failed = made.failure
        except MemoryError as error:
            # What the item hoards must go before anything new is made.
            traceback.clear_frames(error.__traceback__)
            self._note(Note(number, time.monotonic(), True))
            failed = new_failure("process_memory", memory_message(self._limits))
        except BaseException as error:  # noqa: BLE001  an exit is a failure of this item too
            failed = failure_of(error)
        self._alarm.clear()
        self._note(_NO_ITEM)
        seconds = time.perf_counter() - began
        printed = self._printed.take()
        return WorkResult(
            number,
            made.facts,
            made.found,
            made.files,
            failed,
            seconds,
            printed,
            made.flags,
            made.fill,
            made.leads,
            made.sketch,
        )

    def _note(self, note: Note) -> None:
        """One write of a fixed size: it is there whole or not at all, however this process ends."""
        self._begun.seek(0)
        self._begun.write(_NOTE.pack(*note))


def _initialize(setup: WorkerSetup) -> None:
    """Call what makes a worker ready: the configured function of the user's, and the script's."""
    try:
        initialize(setup.processing)
        if setup.initializer:
            function, arguments = pickle.loads(setup.initializer)
            function(*arguments)
    except BaseException as error:
        raise _InitializerFailed(describe_error(error)) from error


def _limit_memory(beyond: int) -> None:
    """Bound the address space, which is what RLIMIT_AS counts; only Linux keeps this limit."""
    if beyond and sys.platform == "linux":
        import resource

        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[0])
        limit = pages * resource.getpagesize() + beyond
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
