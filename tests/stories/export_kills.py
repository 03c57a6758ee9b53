"""Runs with a table and exports that are killed: while they fetch, and at each write of an export.

`python -m tests.stories.export_kills --rounds 5 --seed 7` kills at every one of these points; the
suite takes a few. After each kill an export is absent or whole; after the run that follows all is
there, once.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scraper.faulty import FaultyServer, Seen, body
from scraper.run_folder.verification import verify
from scraper.storage.readers.inventory import Fault
from tests.exports.readers import READERS

ROWS = 600  # of 400 URLs: an export writes them in several steps
URLS = 400
EXPORTS = ("items.csv", "items.parquet", "items.sqlite")
# The program, which kills itself at a step of its exports: some rows that are about to be written,
# a file that is whole, its name that is taken, or has been.
_PROGRAM = """
import os, signal, sys
from scraper.cli import main
from scraper.exports import flattening, replacing
left = int(sys.argv.pop(1))
def strike():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def split(*given, real=flattening.split):
    for some in real(*given):
        strike()
        yield some
        strike()
def sync(path, real=replacing._sync):
    strike()
    real(path)
    strike()
def replace(*paths, real=os.replace, **folders):
    real(*paths, **folders)
    if not folders:  # those of a run are opened by descriptor
        strike()
flattening.split, replacing._sync, os.replace = split, sync, replace
sys.exit(main())
"""
STEPS = 3 * (
    2 * 3 + 2 + 1
)  # of three exports: three batches, the file, its name


class Story:
    """One folder: a table, and the kills of its runs."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self._folder = folder
        self._server = server
        self._list = folder / "urls.csv"
        rows = (f"{n},{server.url(f'/{n % URLS}')}\n" for n in range(ROWS))
        self._list.write_text("id,url\n" + "".join(rows))

    def run(self, *, step: int = 0, answer: int = 0) -> int:
        """Start it; kill it at a step of its exports, or at an answer. Returns its exit code."""
        command = [sys.executable, "-c", _PROGRAM, str(step), str(self._list),
                   "--dir", str(self._folder / "run"), "--save-only", "--no-progress",
                   "--allow-hosts", "127.0.0.1", "--per-host", "8"]  # fmt: skip
        for name in EXPORTS:
            command += ["-o", str(self._folder / name)]
        with (self._folder / "stderr.txt").open("ab") as log:
            process = subprocess.Popen(command, stderr=log)

        def kill(seen: Seen) -> None:
            if seen.n == answer:
                process.kill()

        self._server.on_request = kill
        try:
            return process.wait(timeout=300)
        finally:
            self._server.on_request = None

    def check_exports(self, *, are_there: bool = False) -> None:
        """Each is absent or whole."""
        for name in EXPORTS:
            path = self._folder / name
            if path.exists() or are_there:
                rows = READERS[path.suffix](path)
                ids = sorted(int(_id_of(row)) for row in rows)
                assert ids == list(range(ROWS)), name

    def check(self) -> None:
        """One record for each URL, all exports, nothing beside them, and no fault."""
        self.check_exports(are_there=True)
        assert not list(self._folder.glob(".*.part"))
        run = self._folder / "run"
        lines = (run / "records.jsonl").read_bytes().splitlines()
        records = Counter(
            (each["pass"], each["canonical_url"])
            for each in map(json.loads, lines)
        )
        assert len(records) == URLS
        assert set(records.values()) == {1}
        faults: list[Fault] = []
        assert verify(run, faults.append).faults == 0, faults

    def remove_exports(self) -> None:
        """Have the next run make all of them anew."""
        for name in EXPORTS:
            (self._folder / name).unlink(missing_ok=True)


def _id_of(row: dict[str, Any]) -> str:
    return row["id"] if "own" not in row else row["own"]["id"]


def tell(
    folder: Path,
    steps: Sequence[int],
    answers: Sequence[int],
    say: Callable[[str], None],
) -> None:
    """Kill at these answers, then at these steps; raises AssertionError if anything is hurt."""
    with FaultyServer(body(b"<title>A page</title>", "text/html")) as server:
        story = Story(folder, server)
        for answer in answers:
            code = story.run(answer=answer)
            say(f"at answer {answer}: exit {code}")
            assert code == -signal.SIGKILL
            story.check_exports()
        for step in steps:
            code = story.run(step=step)
            say(f"at step {step}: exit {code}")
            assert code == -signal.SIGKILL
            story.check_exports()
            story.remove_exports()
        assert story.run() == 0, (folder / "stderr.txt").read_text()
        story.check()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    for number in range(arguments.rounds):
        answers = sorted(draw.sample(range(2, URLS), 4))
        steps = draw.sample(range(1, STEPS + 1), STEPS)
        print(f"round {number + 1}: answers {answers}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            tell(Path(name), steps, answers, print)
    print(
        f"{arguments.rounds} rounds, {arguments.rounds * (STEPS + 4)} kills: all is well"
    )


if __name__ == "__main__":
    main()
