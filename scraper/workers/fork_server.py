"""How worker processes are started: by a fork server that has imported what they need.

One fork server serves all runs of a process and ends with it. multiprocessing would keep its socket
in a folder that stays behind after a kill, below a TMPDIR that may be too long for it; and the
tracker of its semaphores would complain of that kill, though it cleans up behind it.
"""

from __future__ import annotations

import atexit
import copy
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import (
    context,
    current_process,
    get_all_start_methods,
    get_context,
)
from pathlib import Path
from typing import Any

from scraper.errors import UsageError
from scraper.machine import main_module
from scraper.machine.files import making_temporary
from scraper.machine.shadows import refuse_shadows
from scraper.machine.temporary import TemporaryFolder

PRELOAD = "scraper.workers.preload"
HOME = (
    "scraper-workers-"  # what the name of the folder of its socket begins with
)
MAX_SOCKET_FOLDER_BYTES = (
    80  # of 104 (108 on Linux) that the path of a socket may have
)
USUAL_PLACES = (Path("/tmp"), Path("/var/tmp"))
# what is changed while a process is started belongs to all threads
_starting = threading.RLock()
_home: TemporaryFolder | None = None
_owner = os.getpid()  # the process whose fork server and folder these are


def prepare(
    parent: Path | None = None, chosen: context.BaseContext | None = None
) -> None:
    """Have the fork server import what workers need while the caller goes on importing.

    Best called before anything heavy is imported. Its socket lies below `parent` if the system has
    no folder for temporary files; without either, nothing happens yet. Raises UsageError if workers
    would import something else in place of our package.
    """
    main_module.refuse_second_run()
    refuse_shadows()
    if current_process().daemon:
        raise UsageError(
            "a worker of multiprocessing.Pool may start no processes: run this in a worker of "
            "concurrent.futures.ProcessPoolExecutor, or with save_only=True"
        )
    if start_method(chosen) != "forkserver":
        return
    from multiprocessing import forkserver, resource_tracker

    _leave_server_of_parent()
    with _starting, _socket_folder(parent) as has_one:
        if not has_one:
            return
        forkserver.set_forkserver_preload([PRELOAD])
        # The tracker first: starting it ends with unblocking SIGINT.
        with _without_warnings():
            resource_tracker.ensure_running()
        with _interrupts_blocked():
            forkserver.ensure_running()


def _leave_server_of_parent() -> None:
    """In a child that was forked off: the fork server of its parent cannot be waited for, and ends
    with the parent; so the child starts its own, in a folder of its own."""
    global _owner, _home, _starting
    if _owner == os.getpid():
        return
    from multiprocessing import forkserver

    _owner, _home, _starting = os.getpid(), None, threading.RLock()
    server: Any = forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        # the parent's alone keeps it alive
        os.close(server._forkserver_alive_fd)
    server.__init__()  # the module's functions are bound to this very object


@contextmanager
def starting(
    parent: Path, chosen: context.BaseContext | None = None
) -> Iterator[None]:
    """Start worker processes in here."""
    prepare(parent, chosen)
    with (
        _starting,
        _socket_folder(parent),
        _interrupts_blocked(),
        main_module.without_missing_file(),
    ):
        yield


def context_for(
    scratch: str, chosen: context.BaseContext | None = None
) -> context.BaseContext:
    """A context of multiprocessing, the usual or the chosen one, whose processes have a worker's
    name from their first moment."""
    ours: Any = copy.copy(chosen or get_context(start_method()))
    ours.Process = partial(ours.Process, name=main_module.worker_name(scratch))
    named: context.BaseContext = ours
    return named


def start_method(chosen: context.BaseContext | None = None) -> str:
    """How multiprocessing is to start workers."""
    if chosen is not None:
        return chosen.get_start_method()
    return "forkserver" if "forkserver" in get_all_start_methods() else "spawn"


def refuse_fork_with_threads() -> None:
    """Raises UsageError if this process has more than one thread: a fork of it has that one alone,
    and may wait for ever for what the others held."""
    count = threading.active_count()
    with suppress(
        OSError
    ):  # Linux: those that Python knows nothing of count too
        count = max(count, len(os.listdir("/proc/self/task")))
    if count > 1:
        raise UsageError(
            f"mp_context: this process has {count} threads, and a fork of it might hang: "
            "begin the run before they are started, or take 'forkserver' or 'spawn'"
        )


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Children started in here inherit a blocked SIGINT: Ctrl-C is for the coordinator."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """The tracker, started in here, does not warn of semaphores that a kill has left behind."""
    option = "ignore:resource_tracker"
    sys.warnoptions.append(option)
    try:
        yield
    finally:
        sys.warnoptions.remove(option)


@contextmanager
def _socket_folder(parent: Path | None) -> Iterator[bool]:
    """The fork server's socket, if it is made in here, lies in our folder. False: there is none."""
    home = _home_below(parent)
    if home is None:
        yield False
        return
    keys: Any = current_process()
    before = keys._config.get("tempdir")
    keys._config["tempdir"] = home.short_path(MAX_SOCKET_FOLDER_BYTES)
    try:
        yield True
    finally:
        keys._config["tempdir"] = before


def _home_below(parent: Path | None) -> TemporaryFolder | None:
    global _home
    if _home is None:
        _home = _make_home(parent)
        if _home is not None:
            atexit.register(_remove_home, _home, os.getpid())
    return _home


def _make_home(parent: Path | None) -> TemporaryFolder | None:
    """In the first place that has room for it, and whose name is short enough for a socket."""
    for place in (None, *USUAL_PLACES):
        # not there, not to be written, full: the next one may be better
        with suppress(OSError):
            home = TemporaryFolder(HOME, place)
            path = home.short_path(MAX_SOCKET_FOLDER_BYTES)
            if len(os.fsencode(path)) <= MAX_SOCKET_FOLDER_BYTES:
                return home
            home.remove()
    if parent is None:
        return None
    with making_temporary():
        return TemporaryFolder(HOME, parent)


def _remove_home(home: TemporaryFolder, owner: int) -> None:
    if os.getpid() == owner:  # and not a child that was forked off
        home.remove()
