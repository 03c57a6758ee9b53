"""Pictures made smaller, beside img2dataset's resizer, libvips and Pillow.

Each contender is a process of its own, as in `parse`: it makes all pictures
once in each round, there and back, and what counts is the CPU time. How like
the pictures are to those that Lanczos makes of all pixels is told by the SSIM
of their luma, before they are encoded as JPEG.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import sets, table
from benchmarks.environments import PEERS, PROJECT, Missing, clean, python_for
from benchmarks.parse import Reader, take_turns
from benchmarks.scratch import Scratch

OWN = Path(__file__).with_name("own_resize.py")
REFERENCE = "naive Pillow"
FOUR = (
    "four variants"  # of one decode: 512, 256, a thumb of 128, and 512 in gray
)
_ENVIRONMENT_OF = {
    REFERENCE: ("naive_resize.py", "resize"),
    "img2dataset's": ("img2dataset_resize.py", "img2dataset"),
    "libvips": ("vips_resize.py", "resize"),
}


def measure(given: argparse.Namespace) -> None:
    """Make all pictures in turns with all who take part, and print the table."""
    with Scratch() as scratch:
        folder = scratch.folder / "pictures"
        served = sets.pictures(given.corpus, given.cache, folder, given.urls)
        large = sets.add_largest(given.corpus, folder, given.urls // 10)
        count = given.urls + large
        print(table.machine("no server"))
        print(f"{count:,} pictures ({served.origin}, and {large} whole ones)")
        readers = _readers(given, folder)
        try:
            present = take_turns(readers, given.rounds)
            likeness = _likeness(present, given.cache, scratch)
        finally:
            for each in readers:
                each.close()
    _show(present, likeness, count)
    print(table.repeat())


def _readers(given: argparse.Namespace, folder: Path) -> list[Reader]:
    readers = []
    checkouts = [("ours", PROJECT)]
    checkouts += [(f"in {each}", each.resolve()) for each in given.against]
    for name, checkout in checkouts:
        env = clean() | {"PYTHONPATH": str(checkout)}
        # -P: not the folder of this script, but the checkout comes first.
        command = [sys.executable, "-P", str(OWN), str(folder)]
        readers.append(Reader(name, command, env))
    env = clean() | {"PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-P", str(OWN), str(folder), "four"]
    readers.append(Reader(FOUR, command, env))
    env = clean() | {"NO_ALBUMENTATIONS_UPDATE": "1", "VIPS_CONCURRENCY": "1"}
    for name, (script, environment) in _ENVIRONMENT_OF.items():
        try:
            python = python_for(environment, given.cache)
        except Missing as reason:
            table.say(f"{name} is left out, it cannot be installed: {reason}")
            continue
        command = [python, str(PEERS / script), str(folder)]
        readers.append(Reader(name, command, env))
    return readers


def _likeness(
    readers: Sequence[Reader], cache: Path, scratch: Scratch
) -> dict[str, list[str]]:
    """Of each contender the mean and the worst SSIM to the reference."""
    if REFERENCE not in [each.name for each in readers]:
        return {}
    folders = {each.name: scratch.fresh() for each in readers}
    for each in readers:
        folders[each.name].mkdir()
        each.ask(str(folders[each.name]))
    others = [str(folder) for folder in folders.values()]
    command = [python_for("resize", cache), str(PEERS / "ssim.py")]
    done = subprocess.run(
        [*command, str(folders[REFERENCE]), *others],
        env=clean(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    return dict(zip(folders, lines, strict=True))


def _show(
    readers: Sequence[Reader], likeness: dict[str, list[str]], pictures: int
) -> None:
    """The table; the first row is the one that the others are compared with."""
    first = readers[0]
    headers = ["", "ms/picture", "least", "it / ours", "SSIM", "worst"]
    rows = []
    for each in readers:
        pairs = zip(first.seconds, each.seconds, strict=True)
        milliseconds = [1000 * taken / pictures for taken in each.seconds]
        rows.append(
            [
                each.name,
                f"{statistics.median(milliseconds):.2f}",
                f"{min(milliseconds):.2f}",
                table.ratio([theirs / own for own, theirs in pairs]),
                *likeness.get(each.name, ["-", "-"]),
            ]
        )
    print()
    table.show(headers, rows)
    print(
        "CPU time; medians of the rounds; ratios pair by pair: median (least-largest)"
    )
