"""Scripts with sessions, each in a process of its own, whose end is what is looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

LIMIT_SECONDS = 20  # what takes longer hangs
_HEAD = """
import os, signal, sys, threading, time
import scraper
from scraper.sessions import coordinator

coordinator.AT_EXIT_SECONDS = 0.3

def session(**settings):
    usual = dict(threads=4, save_only=True, robots="off", jitter=0)
    return scraper.Session(**{**usual, **settings})

def told(future):
    if future.cancelled():
        return "cancelled"
    error = future.exception()
    return future.result().state if error is None else f"{error!r}"
"""


class Scripts:
    """Runs scripts in a folder; `given` are names that they know."""

    def __init__(self, folder: Path, **given: object) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._given = given

    def start(self, script: str) -> subprocess.Popen[str]:
        names = "".join(
            f"{key} = {each!r}\n" for key, each in self._given.items()
        )
        text = _HEAD + names + textwrap.dedent(script)
        (self.folder / "script.py").write_text(text)
        return subprocess.Popen(
            [sys.executable, "script.py"],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                "TMPDIR": str(self.temporary),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, code: int = 0) -> list[str]:
        """The lines that it prints; on the way it leaves nothing behind, and complains of nothing
        where it ends well."""
        with self.start(script) as process:
            try:
                out, errors = process.communicate(timeout=LIMIT_SECONDS)
            except BaseException:
                process.kill()
                raise
        assert process.returncode == code, out + errors
        assert errors == "" or code, errors
        assert list(self.temporary.iterdir()) == []
        self.errors = errors
        return out.splitlines()


def field(lines: list[str], name: str) -> Any:
    """What a script has printed as `name: ...`."""
    (found,) = [each for each in lines if each.startswith(f"{name}: ")]
    return found.removeprefix(f"{name}: ")
