"""What a command costs, with all the processes that it starts.

Wall time is from its start to its end. CPU is exact on Linux: the command is the leader of a
process group, and this process is the reaper of orphans (PR_SET_CHILD_SUBREAPER), so each process
of the group is waited for either by its parent, whose own account then holds it, or by us. That
includes what wait4 of the command alone would lose: workers of a forkserver, which nobody waits
for while the command lives. Elsewhere only what the command itself waited for is counted.
Memory is the largest sum of PSS (shared pages counted once) over the group, looked at ten times a
second, on Linux only; RSS summed over forked processes would count shared pages twice.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.1
SCANS_EVERY = 3  # samples between two looks for new processes: /proc is long on a busy machine
ORPHAN_SECONDS = 10.0
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class Cost:
    """One run: seconds on the clock, seconds of CPU, peak PSS, exit code.

    `others` is the CPU that everything else on the machine took meanwhile, in cores: the server
    first of all. Where it is much larger in one row than in another, somebody disturbed the run.
    """

    wall: float
    cpu: float
    pss_bytes: int | None
    exit: int
    others: float | None


class Tree:
    """A command that runs, with everything that it starts: `with Tree(...) as tree: tree.wait()`.

    Its output goes to `log`. Leaving the block ends whatever of it still runs.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, log: Path,
                 env: Mapping[str, str] | None = None,
                 stdin: int = subprocess.DEVNULL) -> None:  # fmt: skip
        _become_reaper()
        self._busy = _busy_seconds()
        with log.open("wb") as output:
            self.began = time.perf_counter()
            self._process = subprocess.Popen(
                list(command), cwd=cwd, env=None if env is None else dict(env),
                stdin=stdin, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid
        self._ended = self.began
        self._cpu = 0.0
        self._peak: int | None = None
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        if _LINUX:
            self._sampler.start()

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def running(self) -> bool:
        """Does the command itself still run?"""
        if self._process.returncode is None:
            self._reap(os.WNOHANG)
        return self._process.returncode is None

    def wait(self, limit_seconds: float = 7_200) -> Cost:
        """Wait for the command; after the limit its whole group is killed."""
        alarm = threading.Timer(limit_seconds, self.kill)
        alarm.daemon = True
        alarm.start()
        try:
            while self._process.returncode is None:
                self._reap(0)
        finally:
            alarm.cancel()
        busy = _busy_seconds()
        self._over.set()
        self._bury()
        wall = self._ended - self.began
        others = None
        if busy is not None and self._busy is not None:
            others = max(0.0, busy - self._busy - self._cpu) / wall
        return Cost(
            wall, self._cpu, self._peak, self._process.returncode or 0, others
        )

    def ask_to_end(self) -> None:
        """Send the command SIGTERM."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill what is left and wait until it is gone."""
        self._over.set()
        if self._process.returncode is None:
            self.kill()
            while self._process.returncode is None:
                self._reap(0)
        self._bury()

    def _reap(self, flags: int) -> bool:
        """Wait for one process of the group; False if there is none (yet) to be waited for."""
        try:
            pid, status, usage = os.wait4(-self.pid, flags)
        except ChildProcessError:
            if self._process.returncode is None:
                self._process.returncode = -1
            return False
        if pid == 0:
            return False
        self._cpu += usage.ru_utime + usage.ru_stime
        if pid == self.pid:
            self._ended = time.perf_counter()
            self._process.returncode = os.waitstatus_to_exitcode(status)
        return True

    def _bury(self) -> None:
        """Wait for the orphans, which end by themselves, or are ended."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        while any(True for _ in _group(self.pid)):
            if not self._reap(os.WNOHANG):
                if time.monotonic() > deadline:
                    self.kill()
                time.sleep(0.005)

    def _sample(self) -> None:
        pids: list[int] = []
        turn = 0
        while not self._over.wait(SAMPLE_SECONDS):
            if turn % SCANS_EVERY == 0:
                pids = list(_group(self.pid))
            turn += 1
            total = sum(pss_bytes(pid) or 0 for pid in pids)
            self._peak = max(self._peak or 0, total)


def pss_bytes(pid: int) -> int | None:
    """Memory of one process, each shared page divided by its sharers; None if it cannot be read."""
    return _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:")


def rss_bytes(pid: int) -> int | None:
    """Resident memory of one process; None if it cannot be read."""
    return _kilobytes(f"/proc/{pid}/status", "VmRSS:")


def _kilobytes(path: str, word: str) -> int | None:
    with (
        contextlib.suppress(OSError),
        open(path, encoding="ascii", errors="replace") as file,
    ):
        for line in file:
            if line.startswith(word):
                return int(line.split()[1]) * 1024
    return None


def _group(leader: int) -> Iterator[int]:
    """The processes of a group, dead ones that nobody has waited for included."""
    if not _LINUX:
        return
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{name}/stat", "rb") as file,
        ):
            # After the name, which may hold anything, come state, parent and group.
            if int(file.read().rpartition(b")")[2].split()[2]) == leader:
                yield int(name)


def _busy_seconds() -> float | None:
    """CPU that the whole machine has used since it was started."""
    try:
        fields = (
            Path("/proc/stat")
            .read_text(encoding="ascii")
            .split("\n", 1)[0]
            .split()[1:]
        )
    except OSError:
        return None
    ticks = [int(each) for each in fields]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")


def _become_reaper() -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
