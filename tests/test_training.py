"""What docs/training.md shows runs, one step after the other, as it stands there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from scraper.faulty import FaultyServer, body
from tests.conftest import PROJECT, environment_of_examples
from tests.test_docs import Fence, fences

if not os.environ.get("SCRAPER_READERS"):
    pytest.importorskip("numpy")

pytestmark = pytest.mark.readers

LABELS = {"lake": "sea", "dunes": "sea", "harbour": "sea", "fuji": "town",
          "city": "town", "again": "town"}  # fmt: skip


def picture(name: str) -> bytes:
    pictures = files("scraper").joinpath("demo", "pictures")
    source = pictures.joinpath("lake.jpg" if name == "again" else "fuji.jpg")
    saved = io.BytesIO()
    with Image.open(io.BytesIO(source.read_bytes())) as image:
        small = image.convert("RGB").resize((120, 90))
    if name not in ("lake", "again"):
        small.paste(tuple(name.encode()[:3]), (0, 0, 40, 40))
    small.save(saved, "JPEG")
    return saved.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    pictures = {name: picture(name) for name in LABELS}
    pictures["again"] = pictures["lake"]
    answers = {
        f"/{name}.jpg": body(content, "image/jpeg")
        for name, content in pictures.items()
    }
    with FaultyServer(answers) as server:
        rows = (
            f"{server.url(f'/{name}.jpg')},{label}\n"
            for name, label in LABELS.items()
        )
        (tmp_path / "urls.csv").write_text(f"url,label\n{''.join(rows)}")
        yield tmp_path


def run(folder: Path, *command: str, given: str = "") -> str:
    ended = subprocess.run(
        command,
        input=given,
        cwd=folder,
        env=environment_of_examples(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def run_fence(folder: Path, fence: Fence) -> None:
    if fence.language == "python":
        (folder / "example.py").write_text(fence.body)
        said = run(folder, sys.executable, "example.py")
    else:
        said = run(folder, "bash", "-c", fence.body)
    if fence.check:
        check = f"import sys\n{fence.check}"
        run(folder, sys.executable, "-c", check, given=said)


def test_each_step_gives_what_is_shown(folder: Path) -> None:
    steps = fences(PROJECT / "docs" / "training.md")
    for fence in steps:
        if fence.word == "file":
            (folder / fence.argument).write_text(fence.body)
        else:
            run_fence(folder, fence)
    assert sum(bool(fence.check) for fence in steps) == 3
    sent = (
        "import pickle; from pictures import Pictures\n"
        "sent = pickle.loads(pickle.dumps(Pictures('downloads/urls')))\n"
        "print(len(sent), sent[5][0].dtype, sent[5][0].max() <= 1)"
    )
    said = run(folder, sys.executable, "-c", sent)
    assert said.split() == ["6", "float32", "True"]
