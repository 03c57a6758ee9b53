"""Commands that are slow, fail, hang, print megabytes, or do not read."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from scraper.notices.command import hand_to

NOTICE = b"{}" * 500_000


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.mark.parametrize(
    ("program", "failed"),
    [
        ("import sys; assert len(sys.stdin.read()) == 1_000_000", None),
        ("pass", None),
        ("import time; time.sleep(.3)", None),
        ("print('x' * 50_000_000)", None),
        ("import sys; sys.stdin.close(); sys.exit(0)", None),
        ("import sys; sys.exit(7)", "ended with 7"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
    ],
)
def test_what_a_command_may_do(program: str, failed: str | None) -> None:
    assert hand_to(python(program), NOTICE, 60) == failed


@pytest.mark.parametrize(
    ("command", "failed"),
    [
        (["there-is-no-such-command"], "No such file or directory"),
        (["/etc"], "Permission denied"),
        (["a\0b"], "null byte"),
    ],
)
def test_one_that_cannot_be_started(command: list[str], failed: str) -> None:
    assert failed in (hand_to(command, b"{}", 60) or "")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="has no groups")
def test_one_that_hangs_ends_with_its_children(tmp_path: Path) -> None:
    held = tmp_path / "pipe"
    os.mkfifo(held)
    program = (
        "import subprocess, sys, time; held = open(sys.argv[1], 'w');"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " pass_fds=[held.fileno()]); time.sleep(600)"
    )
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    began = time.monotonic()
    failed = hand_to([*python(program), str(held)], NOTICE, 1.0)
    assert failed == "has not ended within 1 s"
    assert os.read(reader, 1) == b"", "nothing has it open any more"
    assert time.monotonic() - began < 60
    os.close(reader)
