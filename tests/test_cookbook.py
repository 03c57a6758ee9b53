"""The recipes of the cookbook give what it shows: each is run, as it stands there, on the demo."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT, environment_of_examples
from tests.test_docs import Fence, fences

COOKBOOK = fences(PROJECT / "docs" / "cookbook.md")
DEMOS = [
    pytest.param(number, id=fence.body.partition("--demo ")[2].split()[0])
    for number, fence in enumerate(COOKBOOK)
    if fence.word == "demo"
]


def test_every_site_of_the_demo_is_in_the_cookbook() -> None:
    from scraper.demo import POSTERS, SITES

    shown = {str(each.id) for each in DEMOS}
    assert shown == {*SITES} - {POSTERS}


@pytest.mark.parametrize("number", DEMOS)
def test_the_recipe_gives_what_is_shown(number: int, tmp_path: Path) -> None:
    for fence in COOKBOOK:
        if fence.word == "file":
            (tmp_path / fence.argument).write_text(fence.body)
    ended = subprocess.run(
        ["bash", "-c", COOKBOOK[number].body],
        cwd=tmp_path,
        env=environment_of_examples(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    shown = next(each for each in COOKBOOK[number:] if each.word == "shows")
    if shown.argument == "stdout":
        assert shown.body in ended.stdout
        return
    made = (tmp_path / shown.argument).read_text("utf-8-sig")
    made = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", made)
    check_shown(shown, made)


def check_shown(shown: Fence, made: str) -> None:
    """A line of three dots stands for those that are left out."""
    first, *rest = shown.body.split("...\n")
    assert made.startswith(first)
    if rest:
        assert made.endswith(rest[0])
        assert made.count("\n") > shown.body.count("\n")
    else:
        assert made == first


def test_two_of_them_are_functions_for_beautifulsoup() -> None:
    functions = [
        fence
        for fence in COOKBOOK
        if fence.word == "file" and "page.soup" in fence.body
    ]
    assert len(functions) == 2
