"""The programs of docs/examples run, offline, and do what they say."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import PROJECT, environment_of_examples
from tests.test_docs import Fence, fences

FOLDER = PROJECT / "docs" / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
PAGE = PROJECT / "docs" / "from_concurrent_futures.md"
SHOWN = [fence for fence in fences(PAGE) if fence.word == "prints"]
OF_EXTRAS = {"fastapi_route.py": "fastapi", "flask_route.py": "flask"}
A_SCREEN = 50  # lines
SEVERAL_PROGRAMS = {"flags.py", "usual_mistakes.py"}


def output_of(example: Path, folder: Path) -> str:
    """What it prints, where it complains of nothing."""
    return output_of_command([str(example)], folder)


def output_of_command(
    arguments: list[str], folder: Path, given: str = ""
) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment_of_examples(),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout


def without_chance(said: str) -> list[str]:
    """Its lines, with ports and seconds that are always the same."""
    said = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", said)
    return re.sub(r"\d+\.\d s$", "1.0 s", said, flags=re.M).splitlines()


def test_every_example_is_shown_with_what_it_prints() -> None:
    shown = sorted(fence.argument.partition(",")[0] for fence in SHOWN)
    assert shown == [each.name for each in EXAMPLES]
    for example in [*EXAMPLES, FOLDER / "notebook.ipynb"]:
        assert f"(examples/{example.name})" in PAGE.read_text()


@pytest.mark.parametrize(
    "fence",
    [
        pytest.param(
            each,
            id=each.argument,
            marks=[pytest.mark.readers]
            if each.argument.partition(",")[0] in OF_EXTRAS
            else [],
        )
        for each in SHOWN
    ],
)
def test_the_example_prints_what_is_shown_and_does_so_twice(
    fence: Fence, tmp_path: Path
) -> None:
    name, _, order = fence.argument.partition(", ")
    if name in OF_EXTRAS:
        require(OF_EXTRAS[name])
    shown = without_chance(fence.body)
    for _ in range(2):
        said = without_chance(output_of(FOLDER / name, tmp_path))
        if order == "in any order":
            said.sort()
            shown.sort()
        assert said == shown


def require(module: str) -> None:
    """Skips without it; where it must be there, its absence is an error."""
    if os.environ.get("SCRAPER_READERS"):
        importlib.import_module(module)
    pytest.importorskip(module)


def test_a_program_fits_on_a_screen() -> None:
    for example in EXAMPLES:
        screens = 2 if example.name in SEVERAL_PROGRAMS else 1
        lines = example.read_text().count("\n")
        assert lines <= screens * A_SCREEN, example.name


def test_the_notebook_prints_what_is_saved_in_it(tmp_path: Path) -> None:
    notebook = json.loads((FOLDER / "notebook.ipynb").read_text())
    cells = [each for each in notebook["cells"] if each["cell_type"] == "code"]
    sources = ["".join(each["source"]) for each in cells]
    saved = [line for each in cells for line in each["outputs"][0]["text"]]
    said = output_of_command(["-"], tmp_path, "\n".join(sources))
    assert said == "".join(saved)


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
        assert name == name.lower()
        with Image.open(tmp_path / "flags" / "concurrent" / name) as flag:
            assert (flag.format, flag.size) == ("GIF", (60, 30))
