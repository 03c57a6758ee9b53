"""How many files a run may have open at once (`ulimit -n`), and what of it each part gets.

A request is a socket and a part; a worker process is three descriptors, and its pool six; a kept
connection is one; a look-up that hangs, after all have stopped waiting for it, some three. What
does not fit is made smaller, so that a run never comes to a call that the system refuses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from scraper.errors import UsageError

if sys.platform != "win32":
    import resource

MAX_DESCRIPTORS = 8_192
MAX_CONNECTIONS = MAX_DESCRIPTORS
OF_A_RUN = (
    16  # lock, ledger, records, logs, lists, and what is open for a moment only
)
OF_A_REQUEST = 2
OF_A_LOOKUP = 3  # that hangs: a socket for each name server, of which there are up to three
FILES_FOR_A_LOOKUP = (
    100  # so many open files there must be for each that may hang
)
MAX_HANGING_LOOKUPS = 16
MAX_LOOKUPS = 32  # at once
MIN_LOOKUPS = 4  # paid for by the requests that wait for them
FILES_FOR_A_LOOKUP_AT_ONCE = 32
OF_THE_FORK_SERVER = 9  # most of them while a worker is started
KEPT_BY_THE_FORK_SERVER = 4  # of them, once it is there
OF_A_POOL = 6
OF_A_WORKER = 3
MIN_THREADS = 4  # before there are fewer worker processes


class Share(NamedTuple):
    """What fits: fetch threads, worker processes, connections that are kept, and requests that
    wait for hosts that have never answered, beside those of the fetch threads."""

    threads: int
    processes: int
    connections: int = MAX_CONNECTIONS
    most_quiet: int = 0


def raise_limit() -> None:
    """Raise the soft limit on open files: each connection needs one."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        MAX_DESCRIPTORS
        if hard == resource.RLIM_INFINITY
        else min(hard, MAX_DESCRIPTORS)
    )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_file_limit() -> int:
    """How many files this process may have open."""
    if sys.platform == "win32":
        return MAX_DESCRIPTORS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def in_use() -> int:
    """How many files this process has open, of those that count against the limit."""
    try:
        return sum(
            int(each) < open_file_limit() for each in os.listdir("/dev/fd")
        )
    # there is no such folder, or nothing is left to open it with
    except OSError:
        return OF_A_RUN


def fit_share(wanted: Share) -> Share:
    """What of `wanted` this process may have. Raises UsageError if not even the least fits."""
    return share_of(wanted, open_file_limit(), in_use())


def hanging_lookups() -> int:
    """How many look-ups may hang before no further thread takes the place of theirs."""
    return _hanging_lookups(open_file_limit())


def _hanging_lookups(limit: int) -> int:
    return min(limit // FILES_FOR_A_LOOKUP, MAX_HANGING_LOOKUPS)


def lookups_at_once() -> int:
    """How many names may be looked up at once."""
    return _lookups_at_once(open_file_limit())


def _lookups_at_once(limit: int) -> int:
    fitting = min(limit // FILES_FOR_A_LOOKUP_AT_ONCE, MAX_LOOKUPS)
    return max(fitting, MIN_LOOKUPS)


def check_minimum() -> None:
    """Raises UsageError if one request and one worker process do not fit, before any begins."""
    share_of(Share(1, 1), open_file_limit(), in_use() + KEPT_BY_THE_FORK_SERVER)


def share_of(wanted: Share, limit: int, used: int) -> Share:
    """What fits below a limit of which so many are used. Raises UsageError if nothing does.

    >>> share_of(Share(threads=32, processes=1), limit=64, used=4)
    Share(threads=4, processes=1, connections=3, most_quiet=0)
    """
    rest = limit - used
    lookups = _lookups_at_once(limit) - MIN_LOOKUPS + _hanging_lookups(limit)
    free = rest - OF_A_LOOKUP * lookups
    threads, processes = wanted.threads, wanted.processes
    while threads > 1 and _descriptors_of(threads, processes) > free:
        if threads <= MIN_THREADS and processes > 1:
            processes -= 1
        else:
            threads -= 1
    needed = _descriptors_of(threads, processes)
    if needed > rest:
        least = needed + used
        raise UsageError(
            f"no more than {limit} files may be open at once, and a run needs {least}: "
            f"ulimit -n {least}"
        )
    left = max(free - needed, 0)
    most_quiet = min(wanted.most_quiet, left // 2 // OF_A_REQUEST)
    connections = 1 + left - OF_A_REQUEST * most_quiet
    connections = min(connections, wanted.connections)
    return Share(threads, processes, connections, most_quiet)


def reductions_of(wanted: Share, share: Share) -> Iterator[str]:
    """A line for the user, if the share is less than was wanted."""
    smaller = []
    if share.threads < wanted.threads:
        smaller.append(f"{share.threads} of {wanted.threads} threads")
    if share.processes < wanted.processes:
        smaller.append(
            f"{share.processes} of {wanted.processes} worker processes"
        )
    if smaller:
        yield (
            f"no more than {open_file_limit()} files may be open at once (ulimit -n), "
            f"which is enough for {' and '.join(smaller)}"
        )


def _descriptors_of(threads: int, processes: int) -> int:
    """Descriptors for all of it, one kept connection included."""
    # new hosts have threads of their own
    requests = OF_A_REQUEST * (2 * threads - 1)
    return OF_A_RUN + requests + 1 + _descriptors_of_workers(processes)


def _descriptors_of_workers(processes: int) -> int:
    """With the pool of one worker in which suspects are tried."""
    if not processes:
        return 0
    return OF_THE_FORK_SERVER + 2 * OF_A_POOL + OF_A_WORKER * (processes + 1)
