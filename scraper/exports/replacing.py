"""A file that is there as a whole or not at all: written beside its place, then renamed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scraper.machine.files import opening


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields the place beside it; what was written there takes the name at the end.

    Raises UsageError, or LocalFault if the disk is full. What a killed export has left beside it is
    removed by the next one.
    """
    real = Path(os.path.realpath(path))
    beside = real.with_name(f".{real.name}.{os.getpid()}.part")
    with opening(path):
        _remove_leftovers(real)
        try:
            yield beside
            _sync(beside)
            os.replace(beside, real)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise


def _remove_leftovers(real: Path) -> None:
    ours = re.compile(rf"\.{re.escape(real.name)}\.(\d+)\.part")
    for name in os.listdir(real.parent):
        found = ours.fullmatch(name)
        if found and not _is_alive(int(found[1])):
            with suppress(OSError):
                os.unlink(real.parent / name)


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # there, to ask would be to end it
    try:
        os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return process != os.getpid()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
