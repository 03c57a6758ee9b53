"""Every write of a run that saves bodies, one after the other, so that a test can have each fail
or be the last: parts, sinks, names, summary and ledger."""

from __future__ import annotations

import os
import signal
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper.http import bodies
from scraper.machine import files

# called before each write with its name; may raise OSError
Step = Callable[[str], None]
_WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "COMMIT")
NAMES = ("open part", "write part", "close part", "open sink", "write sink", "mkdir", "link",
         "rename", "remove", "remove folder", "summary", "sql many",
         *(f"sql {word}" for word in _WRITES))  # fmt: skip

KILLED = -signal.SIGKILL
_DEADLY = ("sql COMMIT", "remove", "remove folder", "rename")


def die_before(number: int, folder: Path, work: Callable[[], bool]) -> int:
    """Have `work` done in a process of its own that dies before its n-th commit, rename or removal
    below `folder`; 0: it does not. Returns the exit code: `KILLED`, or 0 if all is done."""
    with warnings.catch_warnings():
        # fork beside the server's threads
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = number

    def step(name: str) -> None:
        nonlocal left
        left -= name in _DEADLY
        if left == 0 and name in _DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        watch(pytest.MonkeyPatch(), folder, step)
        os._exit(0 if work() else 1)
    except BaseException:  # noqa: BLE001  only the parent may go on
        os._exit(99)


def watch(patch: pytest.MonkeyPatch, folder: Path, step: Step) -> None:
    """Have every write below `folder` announced to `step`, from the thread that writes."""
    root = os.fspath(folder)

    def make_folder(path: Any, *rest: Any, **keys: Any) -> None:
        if os.path.abspath(path).startswith(root):
            step("mkdir")
        real_mkdir(path, *rest, **keys)

    def connect(path: Any, **keys: Any) -> sqlite3.Connection:
        made = real_connect(path, **keys, factory=_Connection)
        made.step = step
        return made

    real_connect, real_mkdir = sqlite3.connect, os.mkdir
    patch.setattr(bodies, "os", _PartOs(step))
    patch.setattr(files, "os", _FolderOs(step, make_folder))
    patch.setattr(sqlite3, "connect", connect)
    patch.setattr(os, "mkdir", make_folder)


class _PartOs:
    """`os`, as `scraper.http.bodies` sees it."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, *arguments: Any) -> int:
        self._step("open part")
        return os.open(*arguments)

    def write(self, descriptor: int, data: memoryview) -> int:
        self._step("write part")
        return os.write(descriptor, data)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)
        self._step("close part")  # where a quota, or a network, says no


class _FolderOs:
    """`os`, as `scraper.machine.files` sees it: below one run folder, the only one here."""

    def __init__(self, step: Step, make_folder: Callable[..., None]) -> None:
        self._step = step
        self.mkdir = make_folder

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, *rest: Any, **keys: Any) -> int:
        if flags & os.O_CREAT:
            self._step("summary" if path == "summary.json" else "open sink")
        return os.open(path, flags, *rest, **keys)

    def replace(self, *paths: Any, **keys: Any) -> None:
        self._step("rename")
        os.replace(*paths, **keys)

    def link(self, *paths: Any, **keys: Any) -> None:
        self._step("link")
        os.link(*paths, **keys)

    def unlink(self, *paths: Any, **keys: Any) -> None:
        self._step("remove")
        os.unlink(*paths, **keys)

    def rmdir(self, *paths: Any, **keys: Any) -> None:
        self._step("remove folder")
        os.rmdir(*paths, **keys)

    def fdopen(
        self, descriptor: int, mode: str, *rest: Any, **keys: Any
    ) -> Any:
        file = os.fdopen(descriptor, mode, *rest, **keys)
        return file if mode == "rb" else _SinkFile(file, self._step)


class _SinkFile:
    """A sink's file: half of the lines are there already when the write fails."""

    def __init__(self, real: Any, step: Step) -> None:
        self._real = real
        self._step = step

    def __enter__(self) -> _SinkFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, data: bytes | memoryview) -> int:
        half = len(data) // 2
        written: int = self._real.write(data[:half])
        self._step("write sink")
        return written + int(self._real.write(data[half:]))


class _Connection(sqlite3.Connection):
    """A ledger on the same disk."""

    step: Step

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        word = sql.split(None, 1)[0]
        if word in _WRITES:
            self._announce(f"sql {word}")
        if word == "COMMIT":
            # SQLite may have undone the transaction by itself (sqlite.org/lang_transaction.html).
            self._announce("sql COMMIT, undone", undo=True)
        return super().execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self._announce("sql many")
        return super().executemany(sql, *parameters)

    def _announce(self, name: str, undo: bool = False) -> None:
        try:
            self.step(name)
        except OSError as error:
            if undo:
                super().execute("ROLLBACK")
            raise sqlite3.OperationalError(
                "database or disk is full"
            ) from error
