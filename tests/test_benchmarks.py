"""What the measurements need beside them; they themselves are run by hand."""

from __future__ import annotations

from pathlib import Path

from benchmarks.scratch import Scratch


def test_the_disk_that_is_named_is_made(tmp_path: Path) -> None:
    disk = tmp_path / "mnt" / "fast"
    with Scratch(disk) as scratch:
        assert scratch.folder.parent == disk
        assert not scratch.in_memory
    assert list(disk.iterdir()) == []
