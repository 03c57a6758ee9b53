"""Where runs write: memory if there is any to write to.

On ext4 a folder in which thousands of files were just deleted is up to nine times slower to write
to, so on a disk nothing is deleted before all runs are over.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")


class Scratch:
    """A temporary folder; `fresh()` are folders in it for one run each."""

    def __init__(self, parent: Path | None = None) -> None:
        self.in_memory = parent is None and MEMORY.is_dir()
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        base = (
            parent if parent is not None else MEMORY if self.in_memory else None
        )
        self.folder = Path(
            tempfile.mkdtemp(prefix="scraper-benchmark-", dir=base)
        )
        self.folder.chmod(0o755)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self) -> Path:
        """A path that does not exist yet."""
        return self.folder / f"run-{next(self._numbers)}"

    def done_with(self, folder: Path) -> None:
        """Give the memory back; a disk is left alone until the end."""
        if self.in_memory:
            shutil.rmtree(folder, ignore_errors=True)
