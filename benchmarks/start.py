"""From the start of the command to the first request that arrives."""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Tree
from benchmarks.scratch import Scratch

URLS = 10
MODES = {"whole job": (), "--save-only": ("--save-only",)}


def measure(given: argparse.Namespace) -> None:
    """Start the program again and again on a list of ten lines, and print the medians."""
    print(table.machine("a socket that notes the first request"))
    seconds: dict[str, list[float]] = {"python -c pass (its whole run)": []}
    seconds |= {name: [] for name in MODES}
    with Scratch() as scratch:
        for number in range(given.rounds + 1):
            taken = {"python -c pass (its whole run)": _bare()}
            taken |= {
                name: _first_request(scratch, flags)
                for name, flags in MODES.items()
            }
            if number:  # the first round warms the caches
                for name, value in taken.items():
                    seconds[name].append(value)
    rows = [
        [
            name,
            f"{statistics.median(each):.3f}",
            f"{min(each):.3f}",
            f"{max(each):.3f}",
        ]
        for name, each in seconds.items()
    ]
    table.show(
        ["seconds to the first request", "median", "least", "largest"], rows
    )
    print(table.repeat())


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=clean())
    return time.perf_counter() - began


def _first_request(scratch: Scratch, flags: tuple[str, ...]) -> float:
    folder = scratch.fresh()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        urls = scratch.folder / "ten.txt"
        port = listener.getsockname()[1]
        urls.write_text(
            "".join(f"http://127.0.0.1:{port}/{n}\n" for n in range(URLS))
        )
        arrival = _Arrival(listener)
        arrival.start()
        command = contenders.ours(urls, folder, flags)
        log = folder.with_suffix(".log")
        with Tree(command, cwd=PROJECT, env=clean(), log=log) as tree:
            arrived = arrival.within(60)
            began = tree.began
    _explain(arrived, log)
    scratch.done_with(folder)
    assert arrived is not None
    return arrived - began


def _explain(arrived: float | None, log: Path) -> None:
    if arrived is None:
        raise SystemExit(
            f"no request within a minute:\n{log.read_text(errors='replace')[-2000:]}"
        )


class _Arrival(threading.Thread):
    """Notes when the first bytes of a request arrive; answers nothing, the run is ended then."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(daemon=True)
        self._listener = listener
        self._at: float | None = None
        self._came = threading.Event()

    def within(self, seconds: float) -> float | None:
        """The time of the first request, waited for."""
        self._came.wait(seconds)
        return self._at

    def run(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(1)
                self._at = time.perf_counter()
                self._came.set()
        except OSError:
            self._came.set()  # closed: nobody came
