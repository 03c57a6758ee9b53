"""How many cores a process may use: by affinity, and by its control groups."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from scraper.config import configure
from scraper.engine import wanted_share
from scraper.machine import cores as measured
from scraper.machine.cores import (
    default_quiet,
    default_threads,
    granted_cores,
    usable_cores,
)

MACHINE = os.cpu_count() or 1


def _root(folder: Path, groups: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    ("groups", "files", "granted"),
    [
        pytest.param("0::/\n", {f"{V2}/cpu.max": "150000 100000\n"}, 2, id="a container"),
        pytest.param("0::/\n", {f"{V2}/cpu.max": "50000 100000\n"}, 1, id="half a core"),
        pytest.param("0::/a\n", {f"{V2}/a/cpu.max": "max 100000\n"}, MACHINE, id="no limit"),
        pytest.param(
            "0::/shop.slice/scraper.service\n",
            {f"{V2}/shop.slice/cpu.max": "100000 100000\n",
             f"{V2}/shop.slice/scraper.service/cpu.max": "400000 100000\n"},
            1, id="a group above grants less",
        ),
        pytest.param(
            "0::/docker/0123\n", {f"{V2}/cpu.max": "300000 100000\n"}, 3,
            id="its own folder is the top of what a container sees",
        ),
        pytest.param(
            "0::/../../other\n", {f"{V2}/cpu.max": "300000 100000\n"}, 3, id="outside of the top"
        ),
        pytest.param(
            "5:memory:/\n4:cpu,cpuacct:/docker/0123\n0::/\n",
            {f"{V1}/docker/0123/cpu.cfs_quota_us": "250000\n",
             f"{V1}/docker/0123/cpu.cfs_period_us": "100000\n",
             f"{V1}/cpu.cfs_quota_us": "-1\n", f"{V1}/cpu.cfs_period_us": "100000\n"},
            3, id="version 1",
        ),
        pytest.param(
            "4:cpu:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
             "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            1, id="version 1, mounted as cpu",
        ),
        pytest.param("4:cpuset:/\n", {}, MACHINE, id="another controller"),
        pytest.param("0::/\n", {f"{V2}/cpu.max": "what is this\n"}, MACHINE, id="nonsense"),
        pytest.param("0::/\n", {f"{V2}/cpu.max": "100000 0\n"}, MACHINE, id="a period of nothing"),
    ],
)  # fmt: skip
def test_the_least_that_a_line_of_groups_grants_counts(
    groups: str, files: dict[str, str], granted: int, tmp_path: Path
) -> None:
    assert granted_cores(_root(tmp_path, groups, files)) == granted


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert granted_cores(tmp_path) == MACHINE


@pytest.mark.skipif(
    sys.platform != "linux", reason="affinity can be set on Linux only"
)
def test_affinity_counts() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_defaults_follow_the_cores_and_what_is_said_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measured, "_count_by_affinity", lambda: 1)
    share = wanted_share(configure())
    assert (share.threads, share.processes) == (16, 1)
    share = wanted_share(configure(threads=50, processes=7))
    assert (share.threads, share.processes) == (50, 7)


def test_from_two_cores_on_there_are_as_many_threads_as_hosts_can_stand() -> (
    None
):
    assert [default_threads(each) for each in (1, 2, 64)] == [16, 32, 32]


def test_one_thread_alone_waits_for_one_host() -> None:
    assert [default_quiet(each) for each in (1, 2, 8, 64)] == [0, 32, 224, 1_024]  # fmt: skip
