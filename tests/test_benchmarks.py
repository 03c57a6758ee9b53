"""What the measurements need beside them; they themselves are run by hand."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from benchmarks.export import generate
from benchmarks.scratch import Scratch
from benchmarks.sets import add_largest
from scraper.exports.export import export


def test_the_disk_that_is_named_is_made(tmp_path: Path) -> None:
    disk = tmp_path / "mnt" / "fast"
    with Scratch(disk) as scratch:
        assert scratch.folder.parent == disk
        assert not scratch.in_memory
    assert list(disk.iterdir()) == []


def test_the_largest_photographs_are_added(tmp_path: Path) -> None:
    photos, folder = tmp_path / "photos", tmp_path / "served"
    photos.mkdir()
    folder.mkdir()
    for side in (30, 10, 20, 40):
        Image.new("L", (side, 9)).save(photos / f"{side}.jpg")
    assert add_largest(tmp_path, folder, 2) == 2
    assert {path.name for path in folder.iterdir()} == {"30.jpg", "40.jpg"}
    assert add_largest(tmp_path, tmp_path, 0) == 0


def test_without_a_corpus_none_are_added(tmp_path: Path) -> None:
    assert add_largest(tmp_path / "none", tmp_path, 2) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_generated_folder_can_be_exported(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for size in (800, 15_000):
        generate(
            folder / str(size),
            3,
            size,
        )
        made = export(
            folder / str(size),
            tmp_path / f"{size}.csv",
            fields=["input.id", "title"],
        )
        assert len(made.read_text("utf-8-sig").splitlines()) == 4
