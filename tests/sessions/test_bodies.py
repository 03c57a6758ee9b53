"""Where bodies are kept that nothing but an outcome needs."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import cast

import pytest

from scraper.outcomes.outcome import Outcome
from scraper.sessions import bodies
from scraper.sessions.bodies import BodyFolder, HeldFiles

ANY = cast(
    Outcome, None
)  # a place asks it for its URL alone, if the body is gone


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BodyFolder:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(bodies, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(bodies, "ALL_IN_MEMORY_BYTES", 250)
    return BodyFolder()


def hold(folder: BodyFolder, name: str, size: int) -> HeldFiles:
    Path(folder.part(name)).write_bytes(name[:1].encode() * size)
    place = folder.hold(name, size, ())
    assert isinstance(place, HeldFiles)
    return place


def files(folder: BodyFolder) -> list[str]:
    return sorted(each.name for each in folder.parts.iterdir())


def test_small_and_few_are_in_memory_and_all_others_in_their_files(
    folder: BodyFolder,
) -> None:
    places = [hold(folder, name, 100) for name in ("a", "b", "c")]
    large = hold(folder, "large", 101)
    small = hold(folder, "small", 50)
    assert files(folder) == ["c", "large"], "a third would be beyond 250 bytes"
    assert [each.body_of(ANY)[:1] for each in [*places, large, small]] == [
        b"a", b"b", b"c", b"l", b"s",
    ]  # fmt: skip
    assert large.files_of(ANY) == (folder.parts / "large",)
    del places[0]
    places.append(hold(folder, "d", 100))
    assert files(folder) == ["c", "large"], "what was freed is used again"


def test_files_go_with_their_outcome_and_the_folder_with_the_last(
    folder: BodyFolder, tmp_path: Path
) -> None:
    first, second = hold(folder, "1", 101), hold(folder, "2", 101)
    gc.disable()  # files lie there until it comes by
    try:
        del first
        assert files(folder) == ["2"]
        folder.close()
        assert second.body_of(ANY) == b"2" * 101
        del second
        assert list(tmp_path.iterdir()) == []
    finally:
        gc.enable()


def test_outcomes_that_go_at_once_in_many_threads_leave_nothing(
    folder: BodyFolder, tmp_path: Path
) -> None:
    held = [
        [hold(folder, f"{n}-{m}", 101) for m in range(20)] for n in range(8)
    ]
    together = threading.Barrier(len(held) + 1)

    def drop(mine: list[HeldFiles]) -> None:
        together.wait()
        mine.clear()

    threads = [threading.Thread(target=drop, args=(mine,)) for mine in held]
    for each in threads:
        each.start()
    together.wait()
    folder.close()
    for each in threads:
        each.join()
    assert list(tmp_path.iterdir()) == []


def test_what_is_held_when_the_interpreter_ends_goes_with_it(
    tmp_path: Path,
) -> None:
    program = f"""
import tempfile
from pathlib import Path
tempfile.tempdir = {str(tmp_path)!r}
from scraper.sessions import bodies
bodies.IN_MEMORY_BYTES = 0
folder = bodies.BodyFolder()
Path(folder.part("a")).write_bytes(b"a")
place = folder.hold("a", 1, ())
folder.close()
assert len(list(Path(tempfile.tempdir).iterdir())) == 1
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
