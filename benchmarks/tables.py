"""Long tables: what their rows cost beside a plain list of the same URLs, and is memory flat?

One request a host, then nothing: a run is ended when its list is in the ledger. The second part
sends a CSV with a long column that is not kept (`--columns none`) through a pipe, so no disk holds
it. Its rows are long and few: what grows with their number is the cache of the ledger, up to
16 MiB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Cost, Tree
from benchmarks.million import Watch
from benchmarks.scratch import Scratch
from benchmarks.server import serving

NAMES = 20
FLAGS = ("--save-only", "--robots", "off", "--delay", "24h")
_LONG = (
    "The harbour lies still before the first boats leave it. " * 1_800  # 100 kB
)
_ENDED = 143  # by SIGTERM


def measure(given: argparse.Namespace) -> None:
    """Print the costs of both parts."""
    with Scratch(given.disk) as scratch, serving(body="tiny") as site:
        print(table.machine(site.name))
        _compare(scratch, site.port, given.rows)
        _pipe(scratch, site.port, given.gigabytes)
    print(table.repeat())


# -- beside a plain list -----------------------------------------------------------------------


def _compare(scratch: Scratch, port: int, rows: int) -> None:
    costs = {}
    for name, lines in (
        ("urls.txt", _urls(port, rows)),
        ("urls.csv", _cells(port, rows)),
    ):
        path = scratch.folder / name
        with path.open("w", encoding="ascii") as file:
            file.writelines(lines)
        folder = scratch.fresh()
        format = "csv" if path.suffix == ".csv" else "lines"
        flags = [*FLAGS, "--input-format", format]
        command = contenders.ours(path, folder, flags)
        costs[name] = _load(command, folder, rows)
        scratch.done_with(folder)
        path.unlink()
    for name, cost in costs.items():
        print(
            f"{name}: {rows:,} rows, {1e6 * cost.cpu / rows:5.1f} us of CPU each, "
            f"peak {table.megabytes(cost.pss_bytes)} MB"
        )
    ratio = costs["urls.csv"].cpu / costs["urls.txt"].cpu
    print(f"three columns take {ratio:.2f} times the CPU of a plain list")


def _urls(port: int, rows: int) -> Iterator[str]:
    for number in range(rows):
        host = number % NAMES + 1
        yield f"http://h{host:04}.localhost:{port}/item/{number:07}\n"


def _cells(port: int, rows: int) -> Iterator[str]:
    yield "id,url,caption\n"
    for number, url in enumerate(_urls(port, rows)):
        yield f'{number},{url.rstrip()},"No. {number}, as it is"\n'


def _load(
    command: Sequence[str],
    folder: Path,
    rows: int,
    stdin: int = subprocess.DEVNULL,
) -> Cost:
    """What a run costs until its list is in the ledger, with start and end."""
    log = folder.with_suffix(".log")
    with Tree(command, cwd=PROJECT, env=clean(), log=log, stdin=stdin) as tree:
        Watch(tree, folder, rows).until_over(load_only=True)
        cost = tree.wait()
    if cost.exit != _ENDED:
        raise SystemExit(log.read_text(errors="replace")[-2_000:])
    return cost


# -- through a pipe ----------------------------------------------------------------------------


def _pipe(scratch: Scratch, port: int, gigabytes: float) -> None:
    peaks = []
    for size in (gigabytes / 10, gigabytes):
        folder = scratch.fresh()
        rows = int(size * 1e9) // len(_LONG)
        command = contenders.ours(Path("-"), folder, [
            *FLAGS, "--input-format", "csv", "--url-col", "url", "--columns", "none",
        ])  # fmt: skip
        cost = _load_piped(command, folder, port, rows)
        peaks.append(cost.pss_bytes or 0)
        print(
            f"{size:g} GB through a pipe: {rows:,} rows, {cost.wall:.0f} s, "
            f"peak {peaks[-1] / 1e6:.1f} MB"
        )
        scratch.done_with(folder)
    if peaks[0]:
        ratio = peaks[1] / peaks[0]
        print(f"ten times the size takes {ratio:.2f} times the memory")


def _load_piped(
    command: Sequence[str],
    folder: Path,
    port: int,
    rows: int,
) -> Cost:
    reader, writer = os.pipe()
    thread = threading.Thread(target=_send, args=(writer, port, rows))
    thread.start()
    try:
        return _load(command, folder, rows, stdin=reader)
    finally:
        os.close(reader)
        thread.join()


def _send(writer: int, port: int, rows: int) -> None:
    # who reads may end before all has been sent
    with suppress(BrokenPipeError), os.fdopen(writer, "w") as file:
        file.write("url,text\n")
        for url in _urls(port, rows):
            file.write(f'{url.rstrip()},"{_LONG}"\n')
