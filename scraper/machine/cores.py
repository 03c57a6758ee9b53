"""How many cores this process may use, which may be fewer than the machine has.

Two things take cores away: affinity (taskset, cpusets) names those that may be used, and control
groups (containers, systemd's CPUQuota) grant a share of time, a line of groups each its own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

THREADS_FOR_A_CORE = (
    16  # a core does what some thousand requests a second cost, mostly waiting
)
MAX_THREADS = 32
MAX_AUTO_THREADS = 256  # where they wait for hosts
# Threads that wait for hosts that have never answered cost memory, and no core.
QUIET_FOR_A_THREAD = 32
MAX_QUIET = 1_024


def usable_cores() -> int:
    """How many cores this process may use, at least one."""
    return min(_count_by_affinity(), granted_cores(Path("/")))


def default_threads(cores: int) -> int:
    """How many fetch threads there are unless a number is given."""
    return min(THREADS_FOR_A_CORE * cores, MAX_THREADS)


def default_quiet(threads: int) -> int:
    """How many further threads may wait for hosts that have never answered. One thread alone is one
    request at a time."""
    return min(QUIET_FOR_A_THREAD * (threads - 1), MAX_QUIET)


def granted_cores(root: Path) -> int:
    """How many the control groups grant, a part of one counted as one; those of the machine if
    there are no such groups. `root` is where /proc and /sys lie."""
    granted = list(_find_grants(root))
    return max(math.ceil(min(granted)), 1) if granted else os.cpu_count() or 1


def _count_by_affinity() -> int:
    counted = getattr(os, "process_cpu_count", None)  # from Python 3.13 on
    if counted is not None:
        return counted() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _find_grants(root: Path) -> Iterator[float]:
    """The cores that each group of ours, or group above it, grants."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return  # no Linux
    for line in lines:
        number, controllers, group = line.split(":", 2)
        if number == "0" and not controllers:
            for folder in _folders_of(root / "sys/fs/cgroup", group):
                yield from _grant_of(_read_words(folder / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for name in {controllers, "cpu"}:
                for folder in _folders_of(root / "sys/fs/cgroup" / name, group):
                    quota = _read_words(folder / "cpu.cfs_quota_us")
                    yield from _grant_of(
                        [*quota, *_read_words(folder / "cpu.cfs_period_us")]
                    )


def _folders_of(top: Path, group: str) -> Iterator[Path]:
    """A group and those above it. Some may not be seen from within a container."""
    names = [
        name for name in PurePosixPath(group).parts if name not in ("/", "..")
    ]
    for depth in range(len(names), -1, -1):
        yield top.joinpath(*names[:depth])


def _read_words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []  # a group that cannot be seen from here, or without limits


def _grant_of(words: list[str]) -> Iterator[float]:
    """Cores by quota and period; nothing for a group that has no limit ("max", -1)."""
    if (
        len(words) == 2
        and all(word.isdecimal() for word in words)
        and int(words[1])
    ):
        yield int(words[0]) / int(words[1])
