"""Every write of a run that saves bodies, one after the other, so that a test can have each fail
or be the last: parts, sinks, names, summary and ledger."""

from __future__ import annotations

import builtins
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper import bodies, sinks

Step = Callable[[str], None]  # called before each write with its name; may raise OSError
_WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "COMMIT")
NAMES = ("open part", "write part", "close part", "open sink", "write sink", "mkdir", "rename",
         "summary", "sql many", *(f"sql {word}" for word in _WRITES))  # fmt: skip


def watch(patch: pytest.MonkeyPatch, folder: Path, step: Step) -> None:
    """Have every write below `folder` announced to `step`, from the thread that writes."""
    root = os.fspath(folder)

    def below(path: Any) -> bool:
        return os.path.abspath(path).startswith(root)

    def announced(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def function(path: Any, *rest: Any, **keys: Any) -> Any:
            if below(path):
                step(name)
            return real(path, *rest, **keys)

        return function

    def open_sink(path: Any, *rest: Any, **keys: Any) -> Any:
        step("open sink")
        return _SinkFile(builtins.open(path, *rest, **keys), step)

    def connect(path: Any, **keys: Any) -> sqlite3.Connection:
        made = real_connect(path, **keys, factory=_Connection)
        made.step = step
        return made

    real_connect = sqlite3.connect
    patch.setattr(bodies, "os", _PartOs(step))
    patch.setattr(sinks, "open", open_sink, raising=False)
    patch.setattr(sqlite3, "connect", connect)
    patch.setattr(os, "mkdir", announced("mkdir", os.mkdir))
    patch.setattr(os, "replace", announced("rename", os.replace))
    patch.setattr(Path, "write_bytes", announced("summary", Path.write_bytes))


class _PartOs:
    """`os`, as `scraper.bodies` sees it."""

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


class _SinkFile:
    """A sink's file: half of the lines are there already when the write fails."""

    def __init__(self, real: Any, step: Step) -> None:
        self._real = real
        self._step = step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, data: memoryview) -> int:
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
            raise sqlite3.OperationalError("database or disk is full") from error
