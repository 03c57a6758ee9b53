"""The programs of docs/examples run, offline, and do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import PROJECT

EXAMPLES = sorted((PROJECT / "docs" / "examples").glob("*.py"))


def output_of(example: Path, folder: Path) -> str:
    """What it prints, where it complains of nothing."""
    ended = subprocess.run(
        [sys.executable, str(example)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_the_example_runs_twice(example: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert output_of(example, tmp_path)


def test_flags_are_the_same_one_by_one_and_all_at_once(tmp_path: Path) -> None:
    (example,) = [each for each in EXAMPLES if each.name == "flags.py"]
    said = output_of(example, tmp_path).splitlines()
    ends = [line.partition(": ")[2].rpartition(",")[0] for line in said]
    assert ends == ["2 http_404, 18 saved"] * 2
    one_by_one, at_once = (
        {each.name: each.read_bytes() for each in folder.iterdir()}
        for folder in sorted((tmp_path / "flags").iterdir())
    )
    assert one_by_one == at_once
    assert len(at_once) == 18
    for name in at_once:
        with Image.open(tmp_path / "flags" / "concurrent" / name) as flag:
            assert (flag.format, flag.size) == ("GIF", (60, 30))
