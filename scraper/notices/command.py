"""One notice on the standard input of one command, which has so many seconds and harms nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress


def hand_to(
    command: Sequence[str], notice: bytes, seconds: float
) -> str | None:
    """Run the command to its end. Returns why it has not taken the notice; None if it has.

    What it prints to standard output goes nowhere. Its process group ends with its time.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        return f"cannot be started: {getattr(error, 'strerror', error)}"
    with process:
        try:
            # one that does not read it is no fault
            process.communicate(notice, seconds)
        except subprocess.TimeoutExpired:
            _end_group(process)
            return f"has not ended within {seconds:g} s"
    if process.returncode:
        return f"ended with {process.returncode}"
    return None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
